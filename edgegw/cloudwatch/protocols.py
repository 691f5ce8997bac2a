"""The three ways in which CloudWatch is asked: RPC v2 with CBOR, JSON 1.0, and the older Query.

boto3 takes the first one that it knows: CBOR, before that JSON, older ones Query. The operation
stands in the path, in `X-Amz-Target`, or in the parameter `Action`.

Source: Smithy RPC v2 CBOR, AWS JSON 1.0 and AWS Query protocols.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, Literal, cast
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from edgegw.cloudwatch.api import MetricMembers, MetricQueryError, answer_to, invalid_value
from edgegw.cloudwatch.cbor import CborError, EpochTime, decode_cbor, encode_cbor
from edgegw.cloudwatch.store import MetricStore
from edgegw.cloudwatch.targets import METRICS_PATH, METRICS_TARGET
from edgegw.values import value

_NOTHING: Final = b"\xa0"
"""A mapping without members."""
_NAMESPACE: Final = "http://monitoring.amazonaws.com/doc/2010-08-01/"
_MEMBER: Final = re.compile(r"member|entry")

MetricProtocol = Literal["cbor", "json", "query"]


@value
class MetricCall:
    """One call as it came: `operation` and the body's bytes."""

    protocol: MetricProtocol
    operation: str
    body: bytes


@value
class MetricReply:
    """Status, headers and body of an answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def metric_call(path: str, headers: Mapping[str, str], body: bytes) -> MetricCall | None:
    """The call that a POST is; None where it is none of CloudWatch's. Names in lower case."""
    if path.startswith(METRICS_PATH):
        return MetricCall("cbor", path.removeprefix(METRICS_PATH), body)
    target = headers.get("x-amz-target", "")
    if target.startswith(f"{METRICS_TARGET}."):
        return MetricCall("json", target.partition(".")[2], body)
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return MetricCall("query", dict(_pairs(body)).get("Action", ""), body)
    return None


def reply_to(call: MetricCall, store: MetricStore, request_id: str) -> MetricReply:
    """The answer to `call`, whatever it says."""
    try:
        answer = answer_to(call.operation, _request(call), store)
    except MetricQueryError as error:
        return _refusal(call.protocol, error, request_id)
    match call.protocol:
        case "cbor":
            return MetricReply(200, _CBOR, encode_cbor(answer))
        case "json":
            return MetricReply(200, _JSON, _json(answer))
        case "query":
            return MetricReply(200, _XML, _document(call.operation, answer, request_id))


_CBOR: Final = (("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor"))
_JSON: Final = (("content-type", "application/x-amz-json-1.0"),)
_XML: Final = (("content-type", "text/xml"),)


def _request(call: MetricCall) -> MetricMembers:
    request: object = {}
    try:
        match call.protocol:
            case "cbor":
                request = decode_cbor(call.body or _NOTHING)
            case "json":
                request = json.loads(call.body or b"{}")
            case "query":
                request = query_members(_pairs(call.body))
    except (CborError, ValueError, RecursionError) as error:
        text = f"the body cannot be read: {error}"
        raise MetricQueryError("SerializationException", "MalformedInput", text) from None
    if not isinstance(request, Mapping):
        raise invalid_value("the body is no structure")
    return cast("MetricMembers", request)


def _refusal(protocol: MetricProtocol, error: MetricQueryError, request_id: str) -> MetricReply:
    fault = ("x-amzn-query-error", f"{error.code};Sender")
    body = {"__type": f"com.amazonaws.cloudwatch#{error.shape}", "message": error.message}
    match protocol:
        case "cbor":
            return MetricReply(400, (*_CBOR, fault), encode_cbor(body))
        case "json":
            return MetricReply(400, (*_JSON, fault), _json(body))
        case "query":
            text = (
                f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type>'
                f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
                f"</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
            )
            return MetricReply(400, _XML, text.encode())


def _json(answer: object) -> bytes:
    def plain(item: object) -> object:
        if isinstance(item, EpochTime):
            return item.seconds
        raise TypeError(type(item).__name__)

    return json.dumps(answer, default=plain).encode()


# Query: parameters in, XML out


def _pairs(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)


_NUMBERS: Final = frozenset({"Period", "MaxDatapoints"})
_SWITCHES: Final = frozenset({"ReturnData"})


def query_members(pairs: list[tuple[str, str]]) -> MetricMembers:
    """`Dimensions.member.1.Name=x` and the like as lists of structures; at most 32 deep."""
    root: dict[str, object] = {}
    for name, text in pairs:
        if not text:  # an empty list
            continue
        parts = [part for part in name.split(".") if not _MEMBER.fullmatch(part)]
        if len(parts) > 32:
            raise ValueError("a parameter with too many parts")
        place = root
        for part in parts[:-1]:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                raise ValueError(f"{name} contradicts another parameter")  # noqa: TRY004
            place = cast("dict[str, object]", inner)
        place[parts[-1]] = _typed(parts[-1], text)
    return cast("MetricMembers", _with_lists(root))


def _typed(name: str, text: str) -> object:
    if name in _NUMBERS and text.isdecimal():
        return int(text)
    return text == "true" if name in _SWITCHES else text


def _with_lists(item: object) -> object:
    if not isinstance(item, dict):
        return item
    members = {name: _with_lists(inner) for name, inner in cast("dict[str, object]", item).items()}
    if members and all(name.isdecimal() for name in members):
        return [members[name] for name in sorted(members, key=int)]
    return members


def _document(operation: str, answer: MetricMembers, request_id: str) -> bytes:
    result = "".join(_elements(answer))
    return (
        f'<{operation}Response xmlns="{_NAMESPACE}"><{operation}Result>{result}</{operation}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        f"</{operation}Response>"
    ).encode()


def _elements(members: MetricMembers) -> Iterator[str]:
    for name, item in members.items():
        if name == "ExtendedStatistics":
            entries = cast("MetricMembers", item).items()
            inner = "".join(f"<entry><key>{k}</key><value>{v}</value></entry>" for k, v in entries)
        elif isinstance(item, list):
            listed = cast("list[object]", item)
            inner = "".join(f"<member>{_content(entry)}</member>" for entry in listed)
        else:
            inner = _content(item)
        yield f"<{name}>{inner}</{name}>"


def _content(item: object) -> str:
    if isinstance(item, EpochTime):
        return datetime.fromtimestamp(item.seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(item, Mapping):
        return "".join(_elements(cast("MetricMembers", item)))
    return escape(str(item))
