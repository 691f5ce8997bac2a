"""`edgegw fault`: makes a running gateway's functions and origins fail, on purpose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import click

from edgegw.cli.running_gateway import call
from edgegw.errors import UsageError


@click.command()
@click.argument("settings", nargs=-1, metavar="[NAME.KIND=VALUE…|clear]")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration that is served; default: edgegw.yaml in the current folder.",
)
@click.option("--seed", type=int, help="Start the dice anew: the same seed, the same sequence.")
@click.option("--json", "as_json", is_flag=True, help="Print the faults in force as JSON.")
def fault(
    settings: tuple[str, ...], config: Path | None, seed: int | None, *, as_json: bool
) -> None:
    """Set faults on demand in a running `edgegw serve`, or show those in force.

    NAME is a function, an origin (DISTRIBUTION/ORIGIN), a target group or an identity provider.

    \b
    Of a function:            error, throttle, timeout, latency
    Of a CloudFront Function: error, throttle
    Of an origin or a group:  error (and its status), timeout, truncate, reset, latency
    Of a provider's tokens:   error (and its status), timeout, expired_code, latency, clock_skew

    A share is 0.3 or 30%, and all without a value; a latency 200ms or 1.5s. `clear` ends all.
    Every answer that a fault touched has the header x-edgegw-fault.

    Example: edgegw fault viewer-auth.error=30% site/app.latency=800ms
    """  # noqa: D301 - click wants the backspace itself
    if settings == ("clear",):
        found = call(config, "DELETE", "/faults")
    elif "clear" in settings:
        raise UsageError("clear stands alone")
    elif settings or seed is not None:
        given: dict[str, Any] = {"set": list(settings)}
        if seed is not None:
            given["seed"] = seed
        found = call(config, "PATCH", "/faults", given)
    else:
        found = call(config, "GET", "/faults")
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for target, plan in cast("dict[str, dict[str, float]]", found["faults"]).items():
        told = " ".join(f"{kind}={_shown(kind, value)}" for kind, value in plan.items())
        click.echo(f"{target}  {told}")
    if not found["faults"]:
        click.echo("no faults")


def _shown(kind: str, value: float) -> str:
    if kind in ("latency", "clock_skew"):
        return f"{value * 1000:.0f}ms"
    return str(int(value)) if kind == "status" else f"{value * 100:g}%"
