"""Where the record of an event goes when it has ended, and what is sent there.

A destination gets a record of the whole invocation; a dead-letter queue gets the event itself, with
what went wrong in three message attributes. Both may be set, then both get theirs.
Source: Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations" and "Adding
a dead-letter queue".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

from edgegw.awslambda.async_invocation import AsyncEvent, Ended, EventSettings, error_message
from edgegw.awslambda.lineage import without_lineage
from edgegw.awslambda.model import LATEST, FunctionRef
from edgegw.awslambda.names import Account
from edgegw.awslambda.payload import decode_payload, encode_payload
from edgegw.values import value

TargetKind: TypeAlias = Literal["function", "file", "sqs", "sns", "events", "s3"]
"""What may get a record."""
MessageAttributes: TypeAlias = Mapping[str, tuple[str, str]]
"""Data type and value by name, such as `{"ErrorCode": ("Number", "200")}`."""

STREAM_DESTINATIONS: Final = frozenset[TargetKind]({"sqs", "sns", "s3", "file"})
"""What may get records that a mapping of a stream gives up; files are ours.

Source: Lambda Developer Guide, "Retain discarded batch records for a Kinesis Data Streams event
source in Lambda".
"""
OWN_FORMS: Final = "function:NAME[:QUALIFIER], file:PATH, sqs:NAME, sns:ARN, events:BUS, s3:BUCKET"
"""How a configuration names destinations; ARNs of these are taken as well."""
_ARN: Final = re.compile(
    r"arn:aws[a-zA-Z0-9-]*:(?P<service>lambda|sqs|sns|events|s3):(?P<region>[a-z0-9-]*):"
    r"(?P<account>\d{12})?:(?P<rest>.+)"
)
_KINDS: Final[Mapping[str, TargetKind]] = {
    "function": "function",
    "lambda": "function",
    "file": "file",
    "sqs": "sqs",
    "sns": "sns",
    "events": "events",
    "s3": "s3",
}


@value
class DestinationTarget:
    """A place that takes records. `name` is what stands behind the kind, or the whole ARN.

    `local_name` is how this account calls it: a function with its qualifier, a queue's or bus'
    name, bucket and prefix, a path; empty for a topic.
    """

    kind: TargetKind
    name: str
    local_name: str
    is_arn: bool = False

    @property
    def is_fifo(self) -> bool:
        """Whether it is a FIFO queue or topic, to which Lambda sends nothing.

        Source: Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations" and
        "Adding a dead-letter queue": standard queues and topics.
        """
        return self.kind in ("sqs", "sns") and self.name.endswith(".fifo")

    @property
    def function(self) -> FunctionRef:
        """The function that is meant, where one is."""
        name, _, qualifier = self.local_name.partition(":")
        return FunctionRef(name, qualifier=qualifier)


@value
class DestinationMessage:
    """What is sent to one target. `is_dead_letter` tells a dead-letter queue from a destination.

    `trace_id` is the trace header of the event with its chain, which goes along with the message.
    """

    target: str
    body: bytes
    attributes: MessageAttributes
    is_dead_letter: bool = False
    trace_id: str = ""


def parse_target(text: str) -> DestinationTarget | None:
    """The target that `text` names; None where it is none."""
    match = _ARN.fullmatch(text)
    if match is not None:
        return DestinationTarget(_KINDS[match["service"]], text, _local_name(match), is_arn=True)
    kind, mark, name = text.partition(":")
    if not mark or not name or kind not in _KINDS or kind == "lambda":
        return None
    if kind == "sns":
        return None  # a topic has no name here that is no ARN
    return DestinationTarget(_KINDS[kind], name, name)


def _local_name(match: re.Match[str]) -> str:
    kind, _, name = match["rest"].partition(":")
    if match["service"] == "lambda":
        return name if kind == "function" else ""
    if match["service"] == "events":
        return match["rest"].removeprefix("event-bus/")
    return "" if match["service"] == "sns" else match["rest"]


def target_arn(text: str, account: Account) -> str:
    """The ARN of a target, as the API shows it; a target that has none is shown as it is."""
    target = parse_target(text)
    if target is None or target.is_arn:
        return text
    place = f"{account.region}:{account.account_id}"
    match target.kind:
        case "function":
            return account.arn(target.function.name, target.function.qualifier)
        case "sqs" if "/" not in target.name:
            return f"arn:aws:sqs:{place}:{target.name}"
        case "events":
            return f"arn:aws:events:{place}:event-bus/{target.name}"
        case "s3":
            return f"arn:aws:s3:::{target.name}"
        case _:
            return text


# What is sent


def destination_messages(
    ended: Ended, settings: EventSettings, account: Account, now: float
) -> list[DestinationMessage]:
    """Everything that an event's end sends; `now` is in seconds since 1970."""
    config = settings.config
    is_success = ended.condition == "Success"
    messages: list[DestinationMessage] = []
    if not is_success and settings.dead_letter:
        messages.append(
            DestinationMessage(
                target=settings.dead_letter,
                body=ended.event.payload,
                attributes=dead_letter_attributes(ended.event),
                is_dead_letter=True,
                trace_id=ended.event.trace_id,
            )
        )
    target = config.on_success if is_success else config.on_failure
    if target:
        messages.append(_message(target, ended, account, now))
    return messages


def _message(target: str, ended: Ended, account: Account, now: float) -> DestinationMessage:
    record = invocation_record(ended, account, now)
    parsed = parse_target(target)
    if parsed is not None and parsed.kind == "events":
        record = event_bus_entry(record, ended, target_arn(target, account), account)
    elif parsed is not None and parsed.kind == "s3":
        prefix = parsed.local_name.rstrip("/")
        target = f"s3:{prefix}/{object_key(ended.event, now)}"
    return DestinationMessage(target, record, {}, trace_id=ended.event.trace_id)


def dead_letter_attributes(event: AsyncEvent) -> MessageAttributes:
    """The attributes of an event that goes to its dead-letter queue.

    Source: Lambda Developer Guide, "Adding a dead-letter queue", dead-letter message attributes.
    """
    last = event.last
    return {
        "RequestID": ("String", event.request_id),
        "ErrorCode": ("Number", str(200 if last is None else last.code)),
        "ErrorMessage": ("String", "" if last is None else error_message(last)),
    }


def invocation_record(ended: Ended, account: Account, now: float) -> bytes:
    """The record of an event as JSON, in one line; payloads stand in it as they were.

    Source: Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations".
    """
    event, last = ended.event, ended.event.last
    context = {
        "requestId": event.request_id,
        "functionArn": _qualified_arn(event.function, account),
        "condition": ended.condition,
        "approximateInvokeCount": event.invokes,
    }
    parts = [
        b'"version":"1.0"',
        b'"timestamp":' + encode_payload(iso_milliseconds(now)),
        b'"requestContext":' + encode_payload(context),
        b'"requestPayload":' + _one_line(event.payload),
    ]
    if last is not None and last.version:
        response = {"statusCode": last.code, "executedVersion": last.version}
        if ended.condition != "Success":
            response["functionError"] = "Unhandled"
        parts.append(b'"responseContext":' + encode_payload(response))
        parts.append(b'"responsePayload":' + _one_line(last.payload))
    return b"{" + b",".join(parts) + b"}"


def _one_line(payload: bytes) -> bytes:
    """JSON as it is, in one line; what is no JSON as text."""
    try:
        decode_payload(payload)
    except ValueError:
        return encode_payload(payload.decode("utf-8", "replace")) if payload else b"null"
    return payload.strip().replace(b"\n", b" ").replace(b"\r", b" ")


def _qualified_arn(function: FunctionRef, account: Account) -> str:
    return account.arn(function.name, function.qualifier or LATEST)


def event_bus_entry(record: bytes, ended: Ended, bus_arn: str, account: Account) -> bytes:
    """The entry for PutEvents that carries a record to an event bus.

    Source: Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations".
    """
    trace_id = without_lineage(ended.event.trace_id)
    result = "Success" if ended.condition == "Success" else "Failure"
    return encode_payload(
        {
            "Source": "lambda",
            "DetailType": f"Lambda Function Invocation Result - {result}",
            "Resources": [bus_arn, _qualified_arn(ended.event.function, account)],
            "Detail": record.decode("utf-8", "replace"),
            **({"TraceHeader": trace_id} if trace_id else {}),
        }
    )


def object_key(event: AsyncEvent, now: float) -> str:
    """The key of a record in a bucket; the request id makes it the same whenever it is written.

    Source: Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations".
    """
    at = datetime.fromtimestamp(now, UTC)
    stamp = f"{at:%Y/%m/%d}/{at:%Y-%m-%dT%H.%M.%S}"
    return f"aws/lambda/async/{event.function.name}/{stamp}-{event.request_id}"


def iso_milliseconds(at: float) -> str:
    """`2026-01-02T03:04:05.678Z`."""
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"
