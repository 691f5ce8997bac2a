"""The options that `serve`, `dev` and `demo` share, as one value."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import click

from edgegw.values import value


@value
class ServeOptions:
    """How front doors are run. `grace` is in seconds, `level` one of logging's.

    `debug` names functions (`NAME` or `NAME=PORT`) that wait for a debugger.
    """

    grace: float
    level: int
    reload: bool
    as_json: bool
    debug: tuple[str, ...]
    caches: bool = True


_serve_options = [
    click.option(
        "--grace",
        type=click.FloatRange(min=0),
        default=5.0,
        show_default=True,
        metavar="SECONDS",
        help="How long requests under way may take when the gateway stops.",
    ),
    click.option(
        "--no-reload", is_flag=True, help="Do not follow changes of code and configuration."
    ),
    click.option("--no-cache", is_flag=True, help="Distributions ask their origins each time."),
    click.option("-q", "--quiet", is_flag=True, help="Log warnings and errors only."),
    click.option("--json", "as_json", is_flag=True, help="Log JSON objects, for tools."),
    click.option(
        "--debug",
        "debugged",
        multiple=True,
        metavar="FUNCTION[=PORT]",
        help="Have a function wait for a debugger (debugpy), or listen for one (Node.js).",
    ),
]


def with_serve_options(command: Callable[..., None]) -> Any:
    """Gives a command the options of `serve`, as its argument `options`."""

    @functools.wraps(command)
    def gathered(
        *arguments: Any,
        grace: float,
        quiet: bool,
        no_reload: bool,
        as_json: bool,
        debugged: tuple[str, ...],
        no_cache: bool,
        **others: Any,
    ) -> None:
        is_verbose = bool(click.get_current_context().find_root().params.get("debug"))
        level = logging.DEBUG if is_verbose else logging.WARNING if quiet else logging.INFO
        options = ServeOptions(grace, level, not no_reload, as_json, debugged, not no_cache)
        command(*arguments, options=options, **others)

    decorated: Any = gathered
    for option in reversed(_serve_options):
        decorated = option(decorated)
    return decorated
