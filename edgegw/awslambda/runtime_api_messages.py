"""What goes in and out of the Runtime API and the Extensions API: requests, replies, effects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

from edgegw.awslambda.lifecycle import ErrorObject
from edgegw.awslambda.payload import encode_payload
from edgegw.awslambda.telemetry import Subscription

AS_JSON: Final = ("Content-Type", "application/json")
NO_TICKET: Final = -1
"""Stands for the request of somebody who does not wait for an event."""


class Reply(NamedTuple):
    """An answer to the request with this `ticket`."""

    ticket: int
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class InitDone(NamedTuple):
    """The runtime and every extension asked for their first event."""


class InitFailed(NamedTuple):
    """The runtime or an extension reported that init failed."""

    failure: ErrorObject


class InvocationAnswered(NamedTuple):
    """The runtime answered the invocation: `failure` when it reported an error.

    The payload of a streamed answer is empty: its chunks came before.
    """

    payload: bytes
    failure: ErrorObject | None = None


class StreamBegun(NamedTuple):
    """The runtime began to stream its answer."""

    content_type: str


class Settled(NamedTuple):
    """The runtime and every extension that takes part asked for the next event."""


class ExtensionRegistered(NamedTuple):
    """An extension registered, for these events."""

    name: str
    events: tuple[str, ...]


class Subscribed(NamedTuple):
    """An extension subscribed to telemetry."""

    subscription: Subscription


class ExtensionFailed(NamedTuple):
    """An extension reported that it cannot go on."""

    failure: ErrorObject


Effect: TypeAlias = (
    Reply
    | InitDone
    | InitFailed
    | InvocationAnswered
    | StreamBegun
    | Settled
    | ExtensionRegistered
    | ExtensionFailed
    | Subscribed
)


class InvocationEvent(NamedTuple):
    """What an invocation tells the runtime; empty values are left out of its headers."""

    request_id: str
    invocation_id: str
    arn: str
    deadline_ms: int
    trace_id: str = ""
    client_context: str = ""


class ApiRequest(NamedTuple):
    """A request: header names in lower case, `trailers` from behind a chunked body.

    `too_large` when the body was cut off for its size, `is_truncated` when it ended early.
    """

    ticket: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    trailers: Mapping[str, str] = {}
    too_large: bool = False
    is_truncated: bool = False


def accepted(ticket: int) -> Reply:
    """What somebody hears who told something."""
    return Reply(ticket, 202, (AS_JSON,), b'{"status":"OK"}\n')


def error_reply(ticket: int, status: int, kind: str, message: str) -> Reply:
    """What somebody hears whose request is refused."""
    body = encode_payload({"errorMessage": message, "errorType": kind})
    return Reply(ticket, status, (AS_JSON,), body + b"\n")


def not_there(ticket: int) -> Reply:
    """The answer to a path of these APIs that is none."""
    return Reply(ticket, 404, (), b"404 page not found\n")
