"""`edgegw queue`: what waits, runs and failed of asynchronous invocations in a running serve."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final

import click

from edgegw.cli.terminal_text import shown_text

_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration; default: edgegw.yaml in the current folder.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_HEAD: Final = ("STATE", "FUNCTION", "REQUEST ID", "AGE", "TRIES", "NEXT", "WHY")


@click.group(invoke_without_command=True)
@_CONFIG
@click.option("--function", default="", metavar="NAME", help="Events of this function only.")
@_JSON
@click.pass_context
def queue(ctx: click.Context, config: Path | None, function: str, *, as_json: bool) -> None:
    """List the events of asynchronous invocations: those that wait, run, and failed.

    Messages for destinations and dead-letter queues that have not arrived yet are listed as well.

    Example: edgegw queue
    """
    if ctx.invoked_subcommand is not None:
        ctx.obj = config
        return
    from urllib.parse import quote

    from edgegw.cli.running_gateway import call

    listing = call(config, "GET", f"/events?function={quote(function, safe='')}")
    if as_json:
        click.echo(json.dumps(listing, indent=2))
        return
    counts = listing["counts"]
    click.echo(", ".join(f"{count} {state}" for state, count in counts.items()))
    rows = [_HEAD, *(_row(entry, time.time()) for entry in _all(listing))]
    if len(rows) == 1:
        return
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEAD))]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def _all(listing: dict[str, Any]) -> list[dict[str, Any]]:
    return [*listing["events"], *listing["messages"], *listing["failed"]]


def _row(entry: dict[str, Any], now: float) -> tuple[str, ...]:
    since = entry.get("accepted", entry.get("created", now))
    due = entry.get("due")
    tries = entry.get("invokes", entry.get("tries", 0))
    why = entry.get("target") or entry.get("condition") or ""
    reason = " ".join(part for part in (why, entry.get("error") or "") if part)
    return (
        entry["state"],
        shown_text(entry["function"]),
        shown_text(entry["request_id"]),
        _span(now - since),
        str(tries),
        "" if due is None or entry["state"] == "running" else _span(due - now),
        shown_text(reason)[:80],
    )


def _span(seconds: float) -> str:
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


@queue.command()
@click.argument("request_id", required=False, default="")
@_CONFIG
@click.option("--function", default="", metavar="NAME", help="Events of this function only.")
@_JSON
@click.pass_obj
def redrive(
    outer: Path | None, request_id: str, config: Path | None, function: str, *, as_json: bool
) -> None:
    """Have failed events tried anew: all of them, one REQUEST_ID, or those of one function.

    An event begins again with all its tries; messages that did not arrive are sent again.

    Example: edgegw queue redrive --function report
    """
    from edgegw.cli.running_gateway import call

    asked = {"function": function, "request_id": request_id}
    answer = call(config or outer, "POST", "/events/redrive", asked)
    if as_json:
        click.echo(json.dumps(answer))
        return
    events, messages = answer["events"], answer["messages"]
    verb = "is" if events + messages == 1 else "are"
    click.echo(f"{_counted(events, 'event')} and {_counted(messages, 'message')} {verb} tried anew")
