"""Commands about functions: `invoke` runs one, the others ask a running `serve`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from edgegw.awslambda.shifting import PRESETS
from edgegw.cli.terminal_text import shown_text, speak_plainly
from edgegw.errors import UsageError

if TYPE_CHECKING:
    from edgegw.config.model import Config

CANDIDATES: Final = ("edgegw.yaml", "edgegw.yml", "edgegw.json")


def find_config() -> Path | None:
    """The configuration of the current folder, if there is one."""
    return next((Path(name) for name in CANDIDATES if Path(name).exists()), None)


def default_config() -> Path:
    """The configuration of the current folder. Raises UsageError when there is none."""
    found = find_config()
    if found is not None:
        return found
    raise UsageError(
        "there is no edgegw.yaml in this folder: name a configuration, or try `edgegw demo`"
    )


def _load(path: Path | None) -> Config:
    from edgegw.config.remembered import load_quickly

    return load_quickly(path or default_config())


_config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration; default: edgegw.yaml in the current folder.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.argument("function")
@_config_option
@click.option("--event", type=click.File("rb"), help="A file with the event as JSON; - is stdin.")
@click.option("--qualifier", default="", help="A version, an alias or $LATEST.")
@click.option("--log-tail", is_flag=True, help="Print the last 4 KB of the log only.")
@click.option("--async", "later", is_flag=True, help="Only hand the event to a running serve.")
def invoke(
    function: str, config: Path | None, event: Any, *, qualifier: str, log_tail: bool, later: bool
) -> None:
    """Run one invocation of FUNCTION: its result goes to stdout, its log to stderr.

    A CloudFront Function runs as well, with the event of its kind: LIVE, of one that the API made.

    With --async the event goes to the queue of a running `edgegw serve`, with retries and
    destinations, and its request id to stdout; `edgegw queue` shows what becomes of it.

    Exits with 0 on success, 1 when the function failed, 2 on wrong use.

    Example: edgegw invoke api --event event.json
    """
    content = b"" if event is None else event.read()
    if later:
        _invoke_later(function, config, content, qualifier)
    else:
        speak_plainly()
        loaded = _load(config)
        from edgegw.cli.edge_function_commands import invoke_at_edge, is_at_edge

        if is_at_edge(loaded, function):
            if event is None or qualifier:
                raise UsageError(_what_edge_takes(function, qualifier))
            sys.exit(invoke_at_edge(loaded, function, content))
        sys.exit(_invoke_now(loaded, function, content, qualifier, log_tail=log_tail))


def _what_edge_takes(function: str, qualifier: str) -> str:
    if qualifier:
        text = "is a CloudFront Function, which has stages: `edgegw test-function --stage` runs one"
        return f"{function} {text}"
    kind = "cloudfront-function-request"
    return f"name an event with --event: `edgegw event {kind}` (or -response) prints one"


def _invoke_now(
    config: Config, function: str, event: bytes, qualifier: str, *, log_tail: bool
) -> int:
    """Runs one invocation and prints what became of it; answers the exit code."""
    import asyncio

    from edgegw.awslambda.logs import log_tail as tail_of
    from edgegw.awslambda.model import FunctionError, InvokeRefusal, Throttled
    from edgegw.cli.one_invocation import invoked_once

    outcome, lines = asyncio.run(invoked_once(config, function, qualifier, event))
    if isinstance(outcome, (Throttled, InvokeRefusal)):
        kind = outcome.reason if isinstance(outcome, Throttled) else outcome.code
        click.echo(shown_text(f"edgegw: {kind}: {outcome.message}"), err=True)
        return 1
    if log_tail:
        lines = tail_of(lines).decode("utf-8", "replace").removesuffix("\n").split("\n")
    for line in lines:
        click.echo(shown_text(line), err=True)
    _print_result(outcome.payload)
    return int(isinstance(outcome, FunctionError))


def _invoke_later(function: str, config: Path | None, event: bytes, qualifier: str) -> None:
    """Hands an event to the running gateway. Raises UsageError, EnvironmentProblem."""
    from edgegw.cli.running_gateway import call

    try:
        payload: Any = json.loads(event) if event else {}
    except ValueError as error:
        raise UsageError(f"the event is no JSON: {error}") from None
    asked = {"function": function, "qualifier": qualifier, "payload": payload}
    click.echo(call(config, "POST", "/invocations", asked)["request_id"])


def _print_result(payload: bytes) -> None:
    """The result as it is; on a terminal without what would do something to that."""
    if sys.stdout.isatty():
        payload = shown_text(payload.decode("utf-8", "replace"), indent="").encode()
    sys.stdout.buffer.write(payload + b"\n")
    sys.stdout.flush()


@click.command()
@click.argument("function")
@_config_option
@click.option("--follow", "-f", is_flag=True, help="Go on with new lines until Ctrl-C.")
@click.option(
    "--stream",
    default="",
    help="One environment's lines only: its log stream, or the end of its name.",
)
@_json_option
def logs(
    function: str,
    config: Path | None,
    *,
    follow: bool,
    stream: str,
    as_json: bool,
) -> None:
    """Print the log of FUNCTION in a running `edgegw serve`.

    Replicas at the edge have a log of their own: us-east-1.FUNCTION. What CloudFront says of
    results that it refuses stands in LambdaEdge/DISTRIBUTION.

    Example: edgegw logs api --follow
    """
    from urllib.parse import quote

    from edgegw.cli.running_gateway import lines

    path = f"/logs/{quote(function, safe='')}" + ("?follow=1" if follow else "")
    seen: set[str] = set()
    try:
        for line in lines(config, "GET", path):
            entry = json.loads(line)
            if stream and not entry["stream"].endswith(stream):
                continue
            if as_json:
                click.echo(line)
                continue
            if entry["stream"] not in seen and not stream:
                seen.add(entry["stream"])
                click.secho(f"--- {entry['stream']}", dim=True)
            at = time.strftime("%H:%M:%S", time.localtime(entry["time"]))
            for text in entry["lines"]:
                click.echo(f"{click.style(at, dim=True)}  {shown_text(text)}")
    except KeyboardInterrupt:
        return


@click.command()
@_config_option
@_json_option
def functions(config: Path | None, *, as_json: bool) -> None:
    """List the functions of a running `edgegw serve`: runtime, versions, environments.

    Example: edgegw functions
    """
    from edgegw.cli.running_gateway import call

    rows = call(config, "GET", "/functions")["functions"]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    has_sources = any(row["sources"] for row in rows)
    head = ("NAME", "RUNTIME", "VERSIONS", "ALIASES", "WARM", "BUSY", "RUNS ON")
    table = [(*head, "SOURCES") if has_sources else head]
    table += [
        (
            row["name"],
            row["runtime"],
            ",".join(row["versions"]),
            ",".join(row["aliases"]) or "-",
            str(row["environments"]),
            str(row["busy"]),
            row["found"] or "-",
            *([_sources_text(row)] if has_sources else ()),
        )
        for row in rows
    ]
    widths = [max(len(row[at]) for row in table) for at in range(len(table[0]))]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def _sources_text(row: Mapping[str, Any]) -> str:
    """What leads to a function, with its state where that is not Enabled."""
    texts = [
        one["source"] if one["state"] == "Enabled" else f"{one['source']} ({one['state']})"
        for one in row["sources"]
    ]
    return shown_text(", ".join(texts)) or "-"


@click.command()
@click.argument("function")
@click.argument("alias")
@click.argument("version")
@click.option(
    "--preset",
    default="AllAtOnce",
    show_default=True,
    metavar="NAME",
    help=f"One of {', '.join(PRESETS)}; CodeDeployDefault.Lambda may stand before it.",
)
@click.option(
    "--time-scale",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Makes the waiting shorter: 0.01 turns a minute into 0.6 seconds.",
)
@click.option("--before", default="", metavar="FUNCTION", help="The BeforeAllowTraffic hook.")
@click.option("--after", default="", metavar="FUNCTION", help="The AfterAllowTraffic hook.")
@_config_option
def shift(function: str, alias: str, version: str, config: Path | None, **given: Any) -> None:
    """Walk ALIAS of FUNCTION to VERSION as CodeDeploy does, in a running `edgegw serve`.

    Exits with 0 when the shift succeeded, 1 when a hook failed and it was rolled back.

    Example: edgegw shift api live 2 --preset Linear10PercentEvery1Minute --time-scale 0.01
    """
    from edgegw.cli.running_gateway import lines

    asked = {"function": function, "alias": alias, "version": version, **given}
    last = ""
    for last in lines(config, "POST", "/shift", asked):
        click.echo(shown_text(last))
    sys.exit(0 if last.endswith("succeeded") else 1)
