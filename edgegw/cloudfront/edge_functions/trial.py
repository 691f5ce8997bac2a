"""A function run for an event of its developer's making: what TestFunction takes and answers.

Only that it runs is looked at: what CloudFront would say of the headers, the origin or the status
in the result, it says of requests alone (`results`).

Source: CloudFront Developer Guide, "Test functions"; CloudFront API Reference, TestFunction.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from edgegw.awslambda.payload import encode_payload
from edgegw.cloudfront.edge_functions.model import (
    EdgeCall,
    EdgeEdited,
    EdgeFailed,
    EdgeOutcome,
    EdgeReturned,
)
from edgegw.cloudfront.edge_functions.rules import EXECUTION_ERROR, RESULT, UNREADABLE
from edgegw.values import value

MAX_EVENT: Final = 40_960
"""Bytes of the event.

Source: CloudFront API Reference, TestFunction, EventObject.
"""
_TRIGGERS: Final = ("viewer-request", "viewer-response")


class NoTrialEventError(ValueError):
    """The event is none of a CloudFront Function; the text says what is missing."""


@value
class TrialEvent:
    """An event fit for a run; `trigger` is its `context.eventType`."""

    trigger: str
    text: str
    query: str | None

    def call(self, function: str) -> EdgeCall:
        """The run of a function for this event."""
        return EdgeCall(function, self.text, self.query)


@value
class FunctionTrial:
    """What became of a run, but for what is known of the function: `TestResult`.

    `error` is empty where it went well, `output` JSON as text: `{"request": …}` or
    `{"response": …}`.
    """

    utilization: int
    logs: tuple[str, ...]
    error: str
    output: str


def decode_trial_event(raw: bytes) -> TrialEvent:
    """The event in `raw`. Raises NoTrialEventError.

    Source: CloudFront API Reference, TestFunction; Developer Guide, "Test functions": domain name,
    distribution and request id may be left out, header names are in lower case.
    """
    if len(raw) > MAX_EVENT:
        raise NoTrialEventError(f"the event has {len(raw)} bytes, at most {MAX_EVENT}")
    try:
        event: object = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise NoTrialEventError(f"the event is no JSON: {error}") from None
    trigger = _member(event, "context").get("eventType")
    if trigger not in _TRIGGERS:
        raise NoTrialEventError(f"context.eventType is one of {' and '.join(_TRIGGERS)}")
    request = _member(event, "request")
    _check_headers(request, "request")
    if trigger == "viewer-response":
        _check_headers(_member(event, "response"), "response")
    elif _has_response(event):
        raise NoTrialEventError("an event of viewer-request has no response")
    return TrialEvent(trigger, raw.decode("utf-8", "replace"), _raw_query(request))


def _member(event: object, name: str) -> Mapping[str, Any]:
    member = cast("Mapping[str, object]", event).get(name) if isinstance(event, dict) else None
    if not isinstance(member, dict):
        raise NoTrialEventError(f"the event has no object {name}")
    return cast("Mapping[str, Any]", member)


def _has_response(event: object) -> bool:
    """TestFunction was seen to refuse such events of viewer-request."""
    return isinstance(event, dict) and "response" in event


def _check_headers(message: Mapping[str, Any], where: str) -> None:
    headers = message.get("headers", {})
    if not isinstance(headers, dict):
        raise NoTrialEventError(f"{where}.headers is no object")
    for name in cast("dict[str, object]", headers):
        if name != name.lower():
            raise NoTrialEventError(f"{where}.headers: write {name.lower()!r}, not {name!r}")


def _raw_query(request: Mapping[str, Any]) -> str | None:
    """What `rawQueryString()` answers: the parameters in their order; None without any."""
    query = request.get("querystring")
    if isinstance(query, str):
        return query
    if not isinstance(query, dict) or not query:
        return None
    return "&".join(_parameters(cast("dict[str, object]", query)))


def _parameters(query: Mapping[str, object]) -> Iterator[str]:
    for name, entry in query.items():
        several = _field(entry, "multiValue")
        for one in cast("list[object]", several) if isinstance(several, list) else [entry]:
            text = _field(one, "value")
            yield f"{name}={text}" if text else name


def _field(entry: object, name: str) -> object:
    return cast("Mapping[str, object]", entry).get(name) if isinstance(entry, dict) else None


def trial_of(event: TrialEvent, outcome: EdgeOutcome) -> FunctionTrial:
    """What TestFunction says of `outcome`."""
    report = outcome.report
    error, output = _error(outcome), ""
    if isinstance(outcome, EdgeReturned | EdgeEdited) and not error:
        output = _output(event.trigger, cast("dict[str, Any]", outcome.result))
    return FunctionTrial(report.utilization, report.logs, error, output)


def _error(outcome: EdgeOutcome) -> str:
    """`FunctionErrorMessage`: the text of the page, and behind it the function's own error."""
    match outcome:
        case EdgeFailed(kind="unreadable"):
            return f"{UNREADABLE.page} {outcome.message}"
        case EdgeFailed():
            return f"{EXECUTION_ERROR.page} {outcome.message}"
        case EdgeReturned() | EdgeEdited():
            is_object = isinstance(outcome.result, dict) and not outcome.is_undefined
            return "" if is_object else RESULT.page


def _output(trigger: str, result: Mapping[str, Any]) -> str:
    """`FunctionOutput`; a response gets the objects that it left out."""
    if trigger == "viewer-request" and "statusCode" not in result:
        return encode_payload({"request": result}).decode("utf-8", "replace")
    whole: dict[str, Any] = {"headers": {}, "cookies": {}, **result}
    return encode_payload({"response": whole}).decode("utf-8", "replace")
