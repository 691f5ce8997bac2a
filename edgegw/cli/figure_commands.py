"""`edgegw cost` and `edgegw metrics`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from edgegw.cli.running_gateway import call, lines
from edgegw.errors import EnvironmentProblem

_config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration that is meant; default: edgegw.yaml in the current folder.",
)


@click.command()
@click.option(
    "--requests",
    type=click.IntRange(0),
    metavar="N",
    help="So many requests a month, in the place of the rate that was measured.",
)
@_config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for tools.")
def cost(requests: int | None, config: Path | None, *, as_json: bool) -> None:
    """Estimate what a month costs on AWS, with every formula.

    Of what ran in a running `edgegw serve`, at the same rate or scaled to --requests. Where none
    runs, of the configuration and --requests, with assumptions that are named.

    Example: edgegw cost --requests 1000000
    """
    estimate = _estimate(config, requests)
    if as_json:
        click.echo(json.dumps(estimate, indent=2))
        return
    for line in _estimate_lines(estimate):
        click.echo(line)


@click.command()
@_config_option
def metrics(config: Path | None) -> None:
    """Print the metrics of a running `edgegw serve` in Prometheus' text format.

    Example: edgegw metrics > edgegw.prom
    """
    for line in lines(config, "GET", "/metrics"):
        click.echo(line)


def _estimate(config: Path | None, requests: int | None) -> Mapping[str, Any]:
    """That of the running gateway, else one of the configuration. Raises EnvironmentProblem."""
    query = "" if requests is None else f"?requests={requests}"
    try:
        return call(config, "GET", f"/cost{query}")
    except EnvironmentProblem as problem:
        if requests is None:
            text = f"{problem}; or say --requests N for an estimate of the configuration alone"
            raise EnvironmentProblem(text) from None
    from edgegw.cli.function_commands import default_config
    from edgegw.config.remembered import load_quickly
    from edgegw.gateway.figures.costs import assumed_month, cost_record

    loaded = load_quickly(config or default_config())
    return cost_record(loaded, assumed_month(loaded, requests))


def _estimate_lines(estimate: Mapping[str, Any]) -> list[str]:
    charges: Sequence[Mapping[str, Any]] = estimate["charges"]
    shown = [
        f"A month in {estimate['region']} at the prices of {estimate['prices_of']}: "
        f"{estimate['basis']}.",
        *(f"Assumed: {assumption}." for assumption in estimate["assumptions"]),
        "",
    ]
    for charge in charges:
        shown.append(f"{_dollars(charge['amount']):>12}  {charge['service']}: {charge['item']}")
        shown.append(f"{'':>12}  = {charge['formula']}")
    return [*shown, f"{_dollars(estimate['total']):>12}  in all"]


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}" if amount >= 0.01 or not amount else f"${amount:.6f}"
