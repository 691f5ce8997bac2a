"""`edgegw send`: messages for an embedded queue, or records for a stream, of a gateway."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast
from urllib.parse import quote

import click

from edgegw.cli.running_gateway import call
from edgegw.errors import UsageError

_AT_ONCE: Final = 100
"""Lines of one request to the gateway."""


@click.command()
@click.argument("queue", metavar="QUEUE|STREAM")
@click.argument("message", required=False, metavar="[MESSAGE|-]")
@click.option("--partition-key", help="The key of a record of Kinesis; else each has its own.")
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
    partition_key: str | None,
    group: str | None,
    deduplication_id: str | None,
    attributes: tuple[str, ...],
    delay: int | None,
    config: Path | None,
    *,
    by_line: bool,
    as_json: bool,
) -> None:
    """Send MESSAGE, or what comes on standard input, to a queue or stream of `edgegw serve`.

    Prints the ids of what was sent, of a stream the sequence numbers, once it is on disk. To a
    stream of DynamoDB each message is the JSON of a record.

    Example: edgegw send jobs '{"order": 17}' --attribute kind=order
    """
    asked = {
        "partition_key": partition_key,
        "group": group,
        "deduplication_id": deduplication_id,
        "delay": delay,
        "attributes": dict(map(_attribute, attributes)),
    }
    texts = _texts(message, by_line=by_line)
    for at in range(0, len(texts), _AT_ONCE):
        body = {**asked, "messages": texts[at : at + _AT_ONCE]}
        answer = call(config, "POST", f"/queues/{quote(queue, safe='')}/messages", body)
        for line in _lines(answer, as_json=as_json):
            click.echo(line)


def _lines(answer: Mapping[str, object], *, as_json: bool) -> list[str]:
    ids = cast("list[str]", answer["message_ids"])
    if not as_json:
        return ids
    records = cast("list[dict[str, str]]", answer.get("records", []))
    rows = [{"shard": row["ShardId"], "sequence_number": row["SequenceNumber"]} for row in records]
    return [json.dumps(row) for row in rows or [{"message_id": each} for each in ids]]


def _texts(message: str | None, *, by_line: bool) -> list[str]:
    if message is not None and message != "-":
        return message.splitlines() if by_line else [message]
    if message is None and sys.stdin.isatty():
        raise UsageError("give a MESSAGE, or - for one that is typed, ended by Ctrl-D")
    text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")  # a record may be bytes
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
