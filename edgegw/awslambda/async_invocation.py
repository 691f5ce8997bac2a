"""Asynchronous invocation: what becomes of an event that waits, as decisions.

An event that was accepted is tried until one of these ends:

    accepted ──▶ may it run now? ──no──▶ given up: no concurrency at all, too old, a loop
        ▲              │ yes
        │              ▼
        │        it runs ──▶ the function returned ─────────────────────▶ handled
        │              ├───▶ the function failed: 1 minute, then 2 ──┐
        │              └───▶ throttled, or Lambda's own fault: 1 s … 5 min
        │                                                            │
        └───────────────────── tries are left ◀──────────────────────┴──▶ given up: no retry left

Only what the function does wrong uses up tries; throttles end with the event's age alone. A wait
is never longer than the age that is left: an event that gets too old is given up at that moment.
Times are AWS's; whoever waits may do it faster.
Source: Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous
invocation".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal, TypeAlias

from edgegw.awslambda.lineage import LOOP_STOPPED, MAX_TURNS
from edgegw.awslambda.model import FunctionError, FunctionRef, InvokeRefusal, Outcome, Returned
from edgegw.awslambda.payload import decode_payload
from edgegw.awslambda.service_errors import STATUS, ServiceError
from edgegw.values import value

MAX_EVENT: Final = 1024 * 1024
"""Bytes of an event that is invoked asynchronously.

Source: Lambda Developer Guide, "Lambda quotas", invocation payload.
"""
DEFAULT_RETRIES: Final = 2
"""Retries of an event whose function failed, where nothing else is said.

Source: Lambda API Reference, "PutFunctionEventInvokeConfig", parameter MaximumRetryAttempts.
"""
RETRIES_RANGE: Final = (0, 2)
"""Retries that may be configured.

Source: Lambda API Reference, "PutFunctionEventInvokeConfig", parameter MaximumRetryAttempts.
"""
DEFAULT_AGE: Final = 21_600
"""Seconds that an event may wait, where nothing else is said: six hours.

Source: Lambda API Reference, "PutFunctionEventInvokeConfig", parameter MaximumEventAgeInSeconds.
"""
AGE_RANGE: Final = (60, 21_600)
"""Seconds of an event's age that may be configured.

Source: Lambda API Reference, "PutFunctionEventInvokeConfig", parameter MaximumEventAgeInSeconds.
"""
RETRY_WAITS: Final = (60.0, 120.0)
"""Seconds between a try that the function failed and the next one.

Source: Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous
invocation".
"""
FIRST_BACK_OFF: Final = 1.0
"""Seconds until an event that was throttled is tried again; each throttle in a row doubles it.

Source: Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous
invocation".
"""
MAX_BACK_OFF: Final = 300.0
"""Seconds that a throttled event waits at most.

Source: Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous
invocation".
"""
MAX_ERROR_TEXT: Final = 1024
"""Bytes of an error message that go along with an event to its dead-letter queue.

Source: Lambda Developer Guide, "Adding a dead-letter queue", ErrorMessage.
"""

_LONGEST_WHY: Final = 200
"""Characters of an error in a line of a log."""

EndCondition: TypeAlias = Literal[
    "Success", "RetriesExhausted", "EventAgeExceeded", "ZeroReservedConcurrency"
]
"""How an event ended, in the words of its record.

Source: Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations".
"""


@value(kw_only=True)
class EventInvokeConfig:
    """What was configured for events of a function, version or alias; None: AWS's default.

    Destinations are as the configuration names them (`function:report`), or ARNs.
    """

    maximum_retry_attempts: int | None = None
    maximum_event_age: int | None = None
    on_success: str = ""
    on_failure: str = ""
    last_modified: float = 0.0


@value(kw_only=True)
class EventSettings:
    """What holds for an event at the moment when something is decided about it."""

    config: EventInvokeConfig = EventInvokeConfig()
    dead_letter: str = ""
    reserved: int | None = None
    allows_loops: bool = False

    @property
    def retries(self) -> int:
        given = self.config.maximum_retry_attempts
        return DEFAULT_RETRIES if given is None else given

    @property
    def maximum_age(self) -> float:
        return float(self.config.maximum_event_age or DEFAULT_AGE)


@value
class LastTry:
    """What the last try brought: its HTTP code (200 for a function error), text and payload.

    `version` is the version that ran; empty where none did.
    """

    code: int
    error: str
    version: str = ""
    payload: bytes = b""


@value(kw_only=True)
class AsyncEvent:
    """An event that waits: `invokes` tries ran, the last `throttles` in a row did not.

    `accepted` is in seconds since 1970, `turn` the function's turn in its chain (`lineage`).
    """

    request_id: str
    function: FunctionRef
    payload: bytes
    trace_id: str
    accepted: float
    invokes: int = 0
    throttles: int = 0
    turn: int = 0
    last: LastTry | None = None


@value
class TryAgain:
    """The event waits, so many seconds of AWS's, as it is now."""

    event: AsyncEvent
    wait: float


@value
class Ended:
    """Nothing more is tried."""

    event: AsyncEvent
    condition: EndCondition


def check_event_size(size: int) -> None:
    """Raises ServiceError for an event that is too large.

    Source: Lambda API Reference, "Invoke", RequestTooLargeException; that the text is like that of
    the synchronous limit is inferred.
    """
    if size > MAX_EVENT:
        text = f"Request must be smaller than {MAX_EVENT} bytes for the InvokeFunction operation"
        raise ServiceError("RequestTooLargeException", text)


def before_try(event: AsyncEvent, settings: EventSettings, age: float) -> Ended | None:
    """Why the event is not tried any more; None where it runs now. `age` is in AWS's seconds.

    A loop is dropped like an event that has no tries left: AWS names no condition for it.
    Source: observed: an event of a function without concurrency goes straight to its destination.
    """
    if settings.reserved == 0:
        return Ended(_throttled_last(event), "ZeroReservedConcurrency")
    if event.turn > MAX_TURNS and not settings.allows_loops:
        return Ended(replace(event, last=_loop_stopped()), "RetriesExhausted")
    if age >= settings.maximum_age:
        return Ended(_throttled_last(event), "EventAgeExceeded")
    return None


def _throttled_last(event: AsyncEvent) -> AsyncEvent:
    return event if event.last is not None else replace(event, last=LastTry(429, "Rate Exceeded."))


def _loop_stopped() -> LastTry:
    return LastTry(STATUS["RecursiveInvocationException"], LOOP_STOPPED)


def after_try(
    event: AsyncEvent, outcome: Outcome, settings: EventSettings, age: float
) -> TryAgain | Ended:
    """What the outcome of a try means. `age` is that at its end, in AWS's seconds."""
    if isinstance(outcome, (Returned, FunctionError)):
        return _after_run(event, outcome, settings, age)
    tried = replace(event, throttles=event.throttles + 1, last=_not_run(event, outcome))
    return TryAgain(tried, _within(settings, age, back_off(event.throttles)))


def _after_run(
    event: AsyncEvent, outcome: Returned | FunctionError, settings: EventSettings, age: float
) -> TryAgain | Ended:
    error = first_kilobyte(outcome.message) if isinstance(outcome, FunctionError) else ""
    last = LastTry(200, error, outcome.report.version, outcome.payload)
    tried = replace(event, invokes=event.invokes + 1, throttles=0, last=last)
    if isinstance(outcome, Returned):
        return Ended(tried, "Success")
    if tried.invokes > settings.retries:
        return Ended(tried, "RetriesExhausted")
    wait = RETRY_WAITS[min(tried.invokes, len(RETRY_WAITS)) - 1]
    return TryAgain(tried, _within(settings, age, wait))


def _not_run(event: AsyncEvent, outcome: Outcome) -> LastTry:
    """The last try once one more did not run; what an earlier one brought stays with it."""
    if event.last is not None and event.last.version:
        return event.last
    code = STATUS.get(outcome.code, 500) if isinstance(outcome, InvokeRefusal) else 429
    message = "" if isinstance(outcome, (Returned, FunctionError)) else outcome.message
    return LastTry(code, first_kilobyte(message))


def back_off(throttles: int) -> float:
    """Seconds until an event is tried again that was throttled so often before in a row."""
    return float(min(FIRST_BACK_OFF * 2.0 ** min(throttles, 16), MAX_BACK_OFF))


def _within(settings: EventSettings, age: float, wait: float) -> float:
    return max(0.0, min(wait, settings.maximum_age - age))


def error_message(last: LastTry) -> str:
    """The first kilobyte of what went wrong, as a dead-letter queue gets it.

    Source: Lambda Developer Guide, "Adding a dead-letter queue", ErrorMessage.
    """
    return last.error or first_kilobyte(_message_in(last.payload))


def failed_try_line(step: TryAgain) -> str:
    """What a log says of a try that the function failed."""
    event = step.event
    return f"{_named(event)} failed, try {event.invokes}; again after {step.wait:g} s{_why(event)}"


def given_up_line(ended: Ended) -> str:
    """What a log says of an event that was given up."""
    event = ended.event
    tries = "1 try" if event.invokes == 1 else f"{event.invokes} tries"
    return f"{_named(event)} is given up after {tries} ({ended.condition}){_why(event)}"


def _named(event: AsyncEvent) -> str:
    qualifier = f":{event.function.qualifier}" if event.function.qualifier else ""
    return f"{event.function.name}{qualifier}: the event {event.request_id}"


def _why(event: AsyncEvent) -> str:
    """What went wrong at last, in one line."""
    text = error_message(event.last) if event.last is not None else ""
    line = " ".join(text.split())
    return f": {line[:_LONGEST_WHY]}" if line else ""


def first_kilobyte(text: str) -> str:
    """As much of an error message as goes along with an event."""
    return text.encode("utf-8", "replace")[:MAX_ERROR_TEXT].decode("utf-8", "ignore")


def _message_in(payload: bytes) -> str:
    try:
        error = decode_payload(payload) if payload else None
    except ValueError:
        return ""
    message = error.get("errorMessage") if isinstance(error, Mapping) else None
    return message if isinstance(message, str) else ""
