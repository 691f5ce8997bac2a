"""`edgegw explain`: what a front door would do with a request, and why."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click

from edgegw.cli.balancer_commands import style_here
from edgegw.cli.cache_commands import cache_lines
from edgegw.cli.function_commands import find_config
from edgegw.cli.running_gateway import call
from edgegw.cli.terminal_text import on_one_line
from edgegw.errors import EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from edgegw.cli.render import Style


@click.command()
@click.argument("url")
@click.option("-X", "--method", default="GET", help="The method; default: GET.")
@click.option(
    "-H", "--header", "headers", multiple=True, metavar="'K: V'", help="A header; repeatable."
)
@click.option("--load-balancer", metavar="NAME", help="If URL does not tell which one.")
@click.option("--distribution", metavar="NAME", help="If URL does not tell which one.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration; default: edgegw.yaml in the current folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for tools.")
def explain(
    url: str,
    method: str,
    headers: tuple[str, ...],
    load_balancer: str | None,
    distribution: str | None,
    config: Path | None,
    *,
    as_json: bool,
) -> None:
    """Show what a front door would do with a request, and why.

    Of a distribution: the behavior, its policies, the cache key and what is stored for it now, the
    functions that run, what reaches the origin.
    Of a load balancer: the rule, and why each earlier one does not match. Of an HTTP API: the
    route, with what its variables stand for; of a function URL whether it lets the request in.
    Nothing is sent and no function runs. Beside a running `edgegw serve` targets and weights are
    those of now; without one all targets count as healthy. URL finds the front door by its port, or
    by its host name.

    Example: edgegw explain http://localhost:8080/api/x -X POST -H 'X-Beta: 1'
    """
    asked: dict[str, Any] = {
        "url": url,
        "method": method,
        "headers": [_header(header) for header in headers],
        "load_balancer": load_balancer or "",
        "distribution": distribution or "",
    }
    try:
        answer, is_running = call(config, "POST", "/explain", asked), True
    except EnvironmentProblem:
        answer, is_running = _from_file(asked, config), False
    if as_json:
        click.echo(json.dumps({**answer, "running": is_running}, indent=2))
        return
    for line in _TREES[answer["kind"]](answer, style_here()):
        click.echo(line)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"a header is 'NAME: VALUE', not {text!r}")
    return name.strip(), value.strip()


def _from_file(asked: Mapping[str, Any], config: Path | None) -> dict[str, Any]:
    from edgegw.config.remembered import load_quickly
    from edgegw.gateway.explaining import explained
    from edgegw.gateway.reached_door import DescribedRequest

    file = config or find_config()
    if file is None:
        raise UsageError("there is no edgegw.yaml here: name the configuration with --config")
    return explained(load_quickly(file), DescribedRequest(**asked))


def _mark(style: Style, *, matches: bool) -> str:
    return style.paint("✓", "green") if matches else style.paint("✗", "red")


# Load balancers


def _balancer_tree(explained: Mapping[str, Any], style: Style) -> Iterable[str]:
    """The request, the rules tried, what follows."""
    yield style.paint(on_one_line(explained["request"]), "bold")
    yield f"listener  {explained['listener']}"
    for rule in cast("list[dict[str, Any]]", explained["rules"]):
        name = "default rule" if rule["rule"] == "default" else f"rule {rule['rule']}"
        mark = _mark(style, matches=rule["matches"])
        yield f"{mark} {name}  {style.paint(on_one_line(rule['action']), 'dim')}"
        for condition in rule["conditions"]:
            yield f"    {_condition(condition, style)}"
    for note in explained["notes"]:
        yield f"→ {on_one_line(note)}"


def _condition(condition: Mapping[str, Any], style: Style) -> str:
    holds = style.paint("holds", "green") if condition["holds"] else style.paint("fails", "red")
    actual = "is not there" if condition["found"] is None else f"is {condition['found']}"
    text = f"{condition['key']} {condition['wanted']}: {condition['looked_at']} {actual}"
    return f"{holds}  {on_one_line(text)}"


# Distributions

_EARLY: Final = "viewer-request"
"""The trigger whose function still changes what the key is made of."""


def _distribution_tree(explained: Mapping[str, Any], style: Style) -> Iterator[str]:
    """The request, the behaviors tried, what runs, what reaches the origin."""
    yield style.paint(on_one_line(explained["request"]), "bold")
    yield f"distribution  {explained['distribution']}"
    for behavior in cast("list[dict[str, Any]]", explained["behaviors"]):
        mark = _mark(style, matches=behavior["matches"])
        why = style.paint(on_one_line(behavior["why"]), "dim")
        yield f"{mark} behavior {behavior['path_pattern']}  {why}"
    for kind, name in explained["policies"].items():
        yield f"    {kind.replace('_', ' ')}  {name}"
    if explained["refusal"] is not None:
        yield style.paint(f"→ answered by CloudFront: {on_one_line(explained['refusal'])}", "red")
        return
    edited = [run["function"] for run in explained["functions"] if run["trigger"] == _EARLY]
    yield from cache_lines(explained["cache"], style, edited)
    yield from _functions(explained["functions"])
    yield from _sent(explained, style)
    for note in explained["notes"]:
        yield f"→ {note}"


def _functions(functions: list[dict[str, Any]]) -> Iterator[str]:
    if not functions:
        yield "→ no function runs"
    for run in functions:
        what = f"{run['trigger']} runs" if run["idle"] is None else f"{run['trigger']} does not run"
        why = "" if run["idle"] is None else f": {run['idle']}"
        yield f"→ {what} {run['function']}{why}"


def _sent(explained: Mapping[str, Any], style: Style) -> Iterator[str]:
    sent, functions = explained["sent"], explained["functions"]
    asks = "gets" if _is_asked(explained["cache"]["state"]) else "is not asked; it would get"
    changing = [run["trigger"] for run in functions if run["trigger"].endswith("request")]
    unless = f", unless {' or '.join(changing)} changes it" if changing else ""
    yield f"→ origin {explained['origin']} {asks}{unless}"
    yield f"    {on_one_line(sent['method'] + ' ' + sent['target'])}"
    for name, value in sent["headers"]:
        yield f"    {on_one_line(name + ': ' + value)}"
    for part in explained["stripped"]:
        kind = "query string" if part["kind"] == "query" else part["kind"]
        line = f"    not {kind} {on_one_line(part['name'])}: {part['why']}"
        yield style.paint(line, "yellow")


def _is_asked(state: str) -> bool:
    return state not in ("hit", "stale", "collapse")


# Function URLs and HTTP APIs


def _route_tree(explained: Mapping[str, Any], style: Style) -> Iterator[str]:
    """The request, the routes tried, what follows."""
    yield style.paint(on_one_line(explained["request"]), "bold")
    yield f"{explained['kind']}  {explained['domain']}"
    for route in cast("list[dict[str, Any]]", explained["routes"]):
        mark = _mark(style, matches=route["matches"])
        what = style.paint(f"function {route['function']}", "dim")
        why = f"  {on_one_line(route['why'])}" if route["why"] else ""
        yield f"{mark} {on_one_line(route['route'])}  {what}{why}"
    for note in explained["notes"]:
        yield f"→ {on_one_line(note)}"


_TREES: Final[Mapping[str, Callable[[Mapping[str, Any], Style], Iterable[str]]]] = {
    "distribution": _distribution_tree,
    "load-balancer": _balancer_tree,
    "http-api": _route_tree,
    "function-url": _route_tree,
}
