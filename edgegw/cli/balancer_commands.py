"""`edgegw targets`, `edgegw weights`: load balancers, asked and steered."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click

from edgegw.cli.running_gateway import call
from edgegw.errors import UsageError

if TYPE_CHECKING:
    from edgegw.cli.render import Style

_config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration; default: edgegw.yaml in the current folder.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for tools.")


def style_here() -> Style:
    """How lines on stdout are made."""
    from edgegw.cli.logs import wants_colors
    from edgegw.cli.render import Style

    return Style(wants_colors(sys.stdout, os.environ))


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
    style = style_here()
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
