"""`edgegw explain`, `edgegw targets`, `edgegw weights`: load balancers, asked and steered."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click

from edgegw.cli.cache_commands import distribution_tree
from edgegw.cli.function_commands import find_config
from edgegw.cli.running_gateway import call
from edgegw.errors import EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from edgegw.cli.render import Style

_config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration; default: edgegw.yaml in the current folder.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for tools.")


@click.command()
@click.argument("url")
@click.option("-X", "--method", default="GET", help="The method; default: GET.")
@click.option(
    "-H", "--header", "headers", multiple=True, metavar="'K: V'", help="A header; repeatable."
)
@click.option("--load-balancer", metavar="NAME", help="If URL does not tell which one.")
@_config_option
@_json_option
def explain(
    url: str,
    method: str,
    headers: tuple[str, ...],
    load_balancer: str | None,
    config: Path | None,
    *,
    as_json: bool,
) -> None:
    """Show where a request goes and why: at a load balancer its rule, at a distribution its key.

    Nothing is sent. Beside a running `edgegw serve` targets, weights and what is cached are those
    of now; without one all targets count as healthy, and nothing is cached. URL finds the front
    door by its port.

    Example: edgegw explain http://localhost:8080/api/x -X POST -H 'X-Beta: 1'
    """
    given = [_header(each) for each in headers]
    asked = {
        "url": url,
        "method": method,
        "headers": given,
        "load_balancer": load_balancer or "",
    }
    try:
        found = call(config, "POST", "/explain", asked)
        is_running = True
    except EnvironmentProblem:
        found, is_running = _from_file(url, method, given, load_balancer, config), False
    if as_json:
        click.echo(json.dumps({**found, "running": is_running}, indent=2))
        return
    tree = distribution_tree if "distribution" in found else _tree
    click.echo("\n".join(tree(found, _style())))


def _style() -> Style:
    from edgegw.cli.logs import wants_colors
    from edgegw.cli.render import Style

    return Style(wants_colors(sys.stdout, os.environ))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"a header is 'NAME: VALUE', not {text!r}")
    return name.strip(), value.strip()


def _from_file(
    url: str,
    method: str,
    headers: list[tuple[str, str]],
    load_balancer: str | None,
    config: Path | None,
) -> dict[str, Any]:
    from edgegw.config.resolve import load_file
    from edgegw.gateway.balancer_control import explained
    from edgegw.gateway.distribution_explain import door_of_url, explained_distribution

    file = config or find_config()
    if file is None:
        raise UsageError("there is no edgegw.yaml here: name the configuration with --config")
    loaded = load_file(file)
    door = None if load_balancer else door_of_url(loaded, url, {})
    if door is not None:
        return explained_distribution(door.distribution, url, method, headers)
    return explained(loaded, None, url, method, headers, load_balancer).to_dict()


def _tree(explained: Mapping[str, Any], style: Style) -> Iterable[str]:
    """The explanation as a tree: the request, the rules tried, what follows."""
    yield style.paint(explained["request"], "bold")
    yield f"listener  {explained['listener']}"
    for rule in cast("list[dict[str, Any]]", explained["rules"]):
        mark = style.paint("✓", "green") if rule["matches"] else style.paint("✗", "red")
        name = "default rule" if rule["rule"] == "default" else f"rule {rule['rule']}"
        yield f"{mark} {name}  {style.paint(rule['action'], 'dim')}"
        for each in rule["conditions"]:
            yield f"    {_condition(each, style)}"
    for note in explained["notes"]:
        yield f"→ {note}"


def _condition(condition: Mapping[str, Any], style: Style) -> str:
    holds = style.paint("holds", "green") if condition["holds"] else style.paint("fails", "red")
    shown = "is not there" if condition["found"] is None else f"is {condition['found']}"
    return f"{holds}  {condition['key']} {condition['wanted']}: {condition['looked_at']} {shown}"


@click.command()
@click.argument("group", required=False)
@click.argument("action", required=False, type=click.Choice(["health", "register", "deregister"]))
@click.argument("targets", nargs=-1, metavar="[TARGET…]")
@_config_option
@_json_option
def targets(
    group: str | None,
    action: str | None,
    targets: tuple[str, ...],
    config: Path | None,
    *,
    as_json: bool,
) -> None:
    """Show the targets of a running `edgegw serve`, register and deregister them.

    A TARGET is ADDRESS:PORT, for a Lambda target group FUNCTION[:QUALIFIER]. What is deregistered
    drains: requests under way get the deregistration delay. Saving another list of targets in the
    configuration puts that list in force.

    Example: edgegw targets web register localhost:3002
    """
    changes = action in ("register", "deregister")
    if changes and not targets:
        raise UsageError(f"name the targets to {action}")
    asked = {"group": group or "", "action": action or "health", "targets": list(targets)}
    found = call(config, "POST", "/targets", asked)["targets"]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    style = _style()
    for name, rows in cast("dict[str, list[dict[str, Any]]]", found).items():
        for line in _target_lines(name, rows, style):
            click.echo(line)


_COLORS: Final = {"healthy": "green", "unavailable": "green", "unhealthy": "red"}


def _target_lines(name: str, rows: list[dict[str, Any]], style: Style) -> Iterable[str]:
    if not rows:
        yield f"{name}  no targets"
    for row in rows:
        state = style.paint(row["state"], _COLORS.get(row["state"], "yellow"))
        why = f"  {row['reason']}: {row['description']}" if row["reason"] else ""
        busy = ""
        if "requests" in row:
            busy = f"  {row['requests']} requests, {row['outstanding']} under way"
        yield f"{name}  {row['target']}  {state}{why}{busy}"


@click.command()
@click.argument("rule")
@click.argument("weights", nargs=-1, metavar="[GROUP=N…]")
@_config_option
@_json_option
def weights(rule: str, weights: tuple[str, ...], config: Path | None, *, as_json: bool) -> None:
    """Shift the weights of a rule of a running `edgegw serve`, or show them.

    RULE is a priority or `default`, LOAD_BALANCER/RULE where there are several. They hold until
    the configuration is saved or the gateway ends.

    Example: edgegw weights 20 api=50 api-next=50
    """
    given: dict[str, int] = {}
    for each in weights:
        name, _, number = each.partition("=")
        if not re.fullmatch("[0-9]{1,6}", number):
            raise UsageError(f"{each!r} must be GROUP=WEIGHT, such as api=50")
        given[name] = int(number)
    found = call(config, "POST", "/weights", {"rule": rule, "weights": given})
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    standing = cast("dict[str, int]", found["weights"])
    total = sum(standing.values())
    for name, weight in standing.items():
        share = f"{weight / total:.0%}" if total else "none"
        click.echo(f"{name}  {weight}  {share}")
