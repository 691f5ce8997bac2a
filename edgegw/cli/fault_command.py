"""`edgegw fault`: makes a running gateway's functions and origins fail, on purpose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import click

from edgegw.cli.trust_command import state_of
from edgegw.errors import EnvironmentProblem, UsageError


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

    NAME is a function, an origin (DISTRIBUTION/ORIGIN) or a target group.

    \b
    Of a function:            error, throttle, timeout, latency
    Of an origin or a group:  error (and its status), timeout, truncate, reset, latency

    A share is 0.3 or 30%, and all without a value; a latency 200ms or 1.5s. `clear` ends all.
    Every answer that a fault touched has the header x-edgegw-fault.

    Example: edgegw fault viewer-auth.error=30% site/app.latency=800ms
    """  # noqa: D301 - click wants the backspace itself
    state = state_of(config)
    if settings == ("clear",):
        found = call(state, "DELETE", "/faults")
    elif "clear" in settings:
        raise UsageError("clear stands alone")
    elif settings or seed is not None:
        given: dict[str, Any] = {"set": list(settings)}
        if seed is not None:
            given["seed"] = seed
        found = call(state, "PATCH", "/faults", given)
    else:
        found = call(state, "GET", "/faults")
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for target, plan in cast("dict[str, dict[str, float]]", found["faults"]).items():
        told = " ".join(f"{kind}={_shown(kind, value)}" for kind, value in plan.items())
        click.echo(f"{target}  {told}")
    if not found["faults"]:
        click.echo("no faults")


def _shown(kind: str, value: float) -> str:
    if kind == "latency":
        return f"{value * 1000:.0f}ms"
    return str(int(value)) if kind == "status" else f"{value * 100:g}%"


def call(state: Path, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """Asks the gateway that runs with this state folder. Raises EnvironmentProblem, UsageError."""
    import urllib.error
    import urllib.request

    from edgegw.gateway.announcement import read_announcement

    told = read_announcement(state)
    none_runs = EnvironmentProblem(
        f"no gateway runs with the state folder {state}: start `edgegw serve` first"
    )
    if told is None:
        raise none_runs
    request = urllib.request.Request(  # noqa: S310 - always http, from our own file
        f"{told['url']}{path}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {told['token']}", "Content-Type": "application/json"},
        method=method,
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as response:
            return json.loads(response.read())
    except urllib.error.HTTPError as error:
        try:
            text = json.loads(error.read())["error"]
        except (ValueError, KeyError):
            raise none_runs from None
        raise (none_runs if error.code == 401 else UsageError(text)) from None
    except OSError:
        raise none_runs from None
