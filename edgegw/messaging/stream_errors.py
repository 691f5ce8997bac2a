"""What Kinesis and DynamoDB Streams refuse: code, status and text.

Source: Kinesis Data Streams API Reference and DynamoDB API Reference, "Errors" of each action;
texts as AWS answered them (observed) where they name a stream, else ours.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from edgegw.messaging.call_errors import CallError

_STATUS: Final = {"InternalFailure": 500, "ServiceUnavailable": 503}
"""Every other error is a 400."""


class StreamError(CallError):
    """The service refuses a call. `code` is the shape of the service model."""

    @property
    def code(self) -> str:
        """What SDKs show."""
        return self.shape

    @property
    def status(self) -> int:
        return _STATUS.get(self.shape, 400)


def no_such_stream(name: str, account_id: str) -> StreamError:
    """No stream has this name."""
    text = f"Stream {name} under account {account_id} not found."
    return StreamError("ResourceNotFoundException", text)


def no_such_shard(shard: str, stream: str, account_id: str) -> StreamError:
    """The stream has no shard of this id."""
    text = f"Shard {shard} in stream {stream} under account {account_id} does not exist"
    return StreamError("ResourceNotFoundException", text)


def stream_exists(name: str, account_id: str) -> StreamError:
    """There is a stream of this name."""
    text = f"Stream {name} under account {account_id} already exists."
    return StreamError("ResourceInUseException", text)


def configured_stream(name: str, account_id: str) -> StreamError:
    """The configuration has this stream, so a call cannot take it away."""
    text = f"Stream {name} under account {account_id} stands in the configuration: delete it there."
    return StreamError("ResourceInUseException", text)


def bad_argument(text: str) -> StreamError:
    """An argument does not go with what there is."""
    return StreamError("InvalidArgumentException", text)


def bad_member(value: object, member: str, rule: str) -> StreamError:
    """A member breaks a constraint of the service model."""
    text = (
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy "
        f"constraint: {rule}"
    )
    return StreamError("ValidationException", text)


def missing_member(member: str) -> StreamError:
    """A member that must be there is not."""
    text = (
        f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: "
        "Member must not be null"
    )
    return StreamError("ValidationException", text)


def in_words_of_dynamodb(error: StreamError, what: str) -> StreamError:
    """The same refusal by DynamoDB Streams; `what` was asked for.

    It has no InvalidArgumentException, and says in another way what is not there.
    """
    if error.shape == "InvalidArgumentException":
        return StreamError("ValidationException", error.text)
    if error.shape == "ResourceNotFoundException":
        text = f"Requested resource not found: {what} not found"
        return StreamError("ResourceNotFoundException", text)
    return error


def expired_iterator(given_at: float, now: float, longest: float) -> StreamError:
    """An iterator is too old."""
    text = (
        f"Iterator expired. The iterator was created at time {_date(given_at)} while right now it "
        f"is {_date(now)} which is further in the future than the tolerated delay of "
        f"{int(longest * 1000)} milliseconds."
    )
    return StreamError("ExpiredIteratorException", text)


def _date(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%a %b %d %H:%M:%S UTC %Y}"
