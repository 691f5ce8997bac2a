"""An event of a CloudFront Function as JSON → what it showed: the way back from `event`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from edgegw.cloudfront.edge_functions.event import ShownEdgeEvent
from edgegw.cloudfront.edge_functions.sections import section_with
from edgegw.cloudfront.event_reader import NotAnEventError
from edgegw.cloudfront.strictness import DEFAULT_STRICTNESS, Strictness
from edgegw.cloudfront.triggers import ViewerTrigger
from edgegw.http.message import Request, Response
from edgegw.http.target import RequestTarget


def decode_edge_event(event: object, strictness: Strictness = DEFAULT_STRICTNESS) -> ShownEdgeEvent:
    """What `event` showed, fit for judging a result against it. Raises NotAnEventError."""
    context = _object(event, "context")
    trigger = context.get("eventType")
    if trigger not in ("viewer-request", "viewer-response"):
        raise NotAnEventError("context.eventType: viewer-request or viewer-response")
    shown = _object(event, "request")
    method, uri = shown.get("method", "GET"), shown.get("uri")
    if not isinstance(uri, str) or not isinstance(method, str):
        raise NotAnEventError("request.uri: a string is expected here")
    query = _object(shown, "querystring", "request")
    request = Request(
        method, RequestTarget(uri.encode("utf-8", "replace"), b"?" if query else None)
    )
    if trigger == "viewer-request":
        return _shown("viewer-request", request, shown, strictness, query=query)
    answered = _object(event, "response")
    status = answered.get("statusCode")
    if not isinstance(status, int):
        raise NotAnEventError("response.statusCode: a number is expected here")
    response = Response(
        status, str(answered.get("statusDescription", "")).encode("utf-8", "replace")
    )
    return _shown("viewer-response", request, answered, strictness, response=response)


def _shown(
    trigger: ViewerTrigger,
    request: Request,
    shown: Mapping[str, Any],
    strictness: Strictness,
    query: Mapping[str, Any] | None = None,
    response: Response | None = None,
) -> ShownEdgeEvent:
    """What an event showed of its request, or of its response."""
    where = "request" if response is None else "response"
    return ShownEdgeEvent(
        trigger,
        request,
        section_with(_object(shown, "headers", where)),
        section_with(_object(shown, "cookies", where)),
        section_with(query or {}),
        response,
        strictness,
    )


def _object(value: object, name: str, path: str = "") -> dict[str, Any]:
    """The object `name` of `value`."""
    member = cast("Mapping[str, object]", value).get(name) if isinstance(value, dict) else None
    if not isinstance(member, dict):
        where = f"{path}.{name}" if path else name
        raise NotAnEventError(f"{where}: an object is expected here")
    return cast("dict[str, Any]", member)
