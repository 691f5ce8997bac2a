"""Segments of X-Ray as spans of OpenTelemetry: OTLP in JSON over HTTP.

The 24 digits and the time of a trace id make the 32 digits of OpenTelemetry's, ids of segments are
ids of spans already, subsegments become child spans. Each name is a service of its own.

Source: OpenTelemetry Protocol, OTLP/HTTP with JSON; AWS X-Ray Developer Guide, segment documents.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

from edgegw.awslambda.xray import Segment

_INTERNAL: Final = 1
_SERVER: Final = 2
_ERROR: Final = 2


def otlp_request(segments: Iterable[Segment]) -> bytes:
    """The body of `POST /v1/traces`."""
    by_service: dict[str, list[dict[str, object]]] = {}
    for segment in segments:
        by_service.setdefault(str(segment["name"]), []).extend(_spans(segment))
    resources = [
        {
            "resource": {"attributes": _attributes({"service.name": name})},
            "scopeSpans": [{"scope": {"name": "edgegw"}, "spans": spans}],
        }
        for name, spans in by_service.items()
    ]
    return json.dumps({"resourceSpans": resources}).encode()


def otlp_trace_id(trace_id: str) -> str:
    """`1-5e1b4151-…24 digits…` as 32 digits."""
    return "".join(trace_id.split("-")[1:])


def _spans(segment: Segment) -> list[dict[str, object]]:
    trace_id = otlp_trace_id(str(segment["trace_id"]))
    parent = str(segment.get("parent_id", ""))
    spans = [_span(segment, trace_id, parent, _SERVER)]
    subsegments = cast("Sequence[Segment]", segment.get("subsegments", ()))
    identity = str(segment["id"])
    spans += [_span(inner, trace_id, identity, _INTERNAL) for inner in subsegments]
    return spans


def _span(segment: Segment, trace_id: str, parent: str, kind: int) -> dict[str, object]:
    span: dict[str, object] = {
        "traceId": trace_id,
        "spanId": segment["id"],
        "name": segment["name"],
        "kind": kind,
        "startTimeUnixNano": _nanoseconds(segment["start_time"]),
        "endTimeUnixNano": _nanoseconds(segment["end_time"]),
        "attributes": _attributes(_facts(segment)),
    }
    if parent:
        span["parentSpanId"] = parent
    if segment.get("fault"):
        span["status"] = {"code": _ERROR, "message": _message(segment)}
    return span


def _nanoseconds(seconds: object) -> str:
    return str(round(cast("float", seconds) * 1e9))


def _message(segment: Segment) -> str:
    cause = cast("Mapping[str, Sequence[Mapping[str, object]]]", segment.get("cause", {}))
    return "; ".join(
        f"{exception['type']}: {exception['message']}" for exception in cause.get("exceptions", ())
    )


def _facts(segment: Segment) -> dict[str, object]:
    """What a segment says, under the names of OpenTelemetry's semantic conventions."""
    http = cast("Mapping[str, Mapping[str, object]]", segment.get("http", {}))
    aws = cast("Mapping[str, object]", segment.get("aws", {}))
    annotations = cast("Mapping[str, object]", segment.get("annotations", {}))
    request, response = http.get("request", {}), http.get("response", {})
    facts = {
        "http.request.method": request.get("method"),
        "url.full": request.get("url"),
        "client.address": request.get("client_ip"),
        "user_agent.original": request.get("user_agent"),
        "http.response.status_code": response.get("status"),
        "http.response.body.size": response.get("content_length"),
        "faas.invocation_id": aws.get("request_id"),
        "cloud.resource_id": segment.get("resource_arn"),
        "aws.xray.origin": segment.get("origin"),
        **{f"edgegw.{key}": content for key, content in annotations.items()},
    }
    return {key: content for key, content in facts.items() if content is not None}


def _attributes(facts: Mapping[str, object]) -> list[dict[str, object]]:
    return [
        {
            "key": key,
            "value": {"intValue": str(content)}
            if isinstance(content, int)
            else {"stringValue": str(content)},
        }
        for key, content in facts.items()
    ]
