"""`edgegw send`: messages for an embedded queue of a running gateway."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final, cast
from urllib.parse import quote

import click

from edgegw.cli.running_gateway import call
from edgegw.errors import UsageError

_AT_ONCE: Final = 100
"""Lines of one request to the gateway."""


@click.command()
@click.argument("queue")
@click.argument("message", required=False, metavar="[MESSAGE|-]")
@click.option("--group", help="The message group; a FIFO queue needs one.")
@click.option("--deduplication-id", help="By what a FIFO queue knows the same message again.")
@click.option(
    "--attribute",
    "attributes",
    multiple=True,
    metavar="NAME[:TYPE]=VALUE",
    help="A message attribute (repeatable); TYPE is String or Number, perhaps with a label.",
)
@click.option("--delay", type=int, help="Seconds until it can be received first.")
@click.option("--lines", "by_line", is_flag=True, help="Each line of the input is a message.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration that is served; default: edgegw.yaml in the current folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for tools.")
def send(
    queue: str,
    message: str | None,
    group: str | None,
    deduplication_id: str | None,
    attributes: tuple[str, ...],
    delay: int | None,
    config: Path | None,
    *,
    by_line: bool,
    as_json: bool,
) -> None:
    """Send MESSAGE, or what comes on standard input, to a QUEUE of a running `edgegw serve`.

    Prints the ids of what was sent, once it is on disk.

    Example: edgegw send jobs '{"order": 17}' --attribute kind=order
    """
    asked = {
        "group": group,
        "deduplication_id": deduplication_id,
        "delay": delay,
        "attributes": dict(map(_attribute, attributes)),
    }
    texts = _texts(message, by_line=by_line)
    for at in range(0, len(texts), _AT_ONCE):
        body = {**asked, "messages": texts[at : at + _AT_ONCE]}
        answer = call(config, "POST", f"/queues/{quote(queue, safe='')}/messages", body)
        for message_id in cast("list[str]", answer["message_ids"]):
            click.echo(json.dumps({"message_id": message_id}) if as_json else message_id)


def _texts(message: str | None, *, by_line: bool) -> list[str]:
    if message is not None and message != "-":
        return message.splitlines() if by_line else [message]
    if message is None and sys.stdin.isatty():
        raise UsageError("give a MESSAGE, or - for one that is typed, ended by Ctrl-D")
    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise UsageError("the input is no UTF-8, and messages are text") from None
    if by_line:
        return [line for line in text.splitlines() if line]
    return [text.removesuffix("\n")]


def _attribute(given: str) -> tuple[str, list[str]]:
    """The name, the type and the text of `NAME[:TYPE]=VALUE`."""
    name, sign, text = given.partition("=")
    name, _, kind = name.partition(":")
    if not sign or not name:
        raise UsageError(f"{given!r} must be NAME=VALUE or NAME:Number=VALUE")
    return name, [kind or "String", text]
