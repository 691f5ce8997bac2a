"""What CloudFront accepts of a function's answer; each breach with its code and page text.

The checks take the parsed JSON result and what the event showed; they answer a `Breach` or None.
Source: CloudFront Developer Guide, "Restrictions on edge functions" and "Work with requests and
responses"; the page texts are the observed ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from edgegw.awslambda.payload import encode_payload
from edgegw.cloudfront.model import Trigger

EventHeaders: TypeAlias = Mapping[str, list[dict[str, str]]]

BODY_LIMIT: Final[Mapping[str, int]] = {
    "viewer-request": 40 * 1024,
    "origin-request": 1024 * 1024,
    "origin-response": 1024 * 1024,
    "viewer-response": 40 * 1024,
}
"""Bytes of a body shown to, or returned by, a function at each trigger."""

MAX_URL: Final = 8192

_FAILED: Final = "The Lambda function result failed validation: "
_READ_ONLY_TEXT: Final = (
    f"{_FAILED}The function tried to add, delete, or change a read-only header."
)
_DISALLOWED_TEXT: Final = f"{_FAILED}The function tried to add a blacklisted header."
_BODY_TEXT: Final = (
    f"{_FAILED}The body is not a string, is not an object, or exceeds the maximum size."
)
_OBJECT_TEXT: Final = (
    "The Lambda function returned invalid JSON: The JSON output must be an object type."
)
_HEADERS_TEXT: Final = (
    "The Lambda function returned an invalid entry in the headers object: "
    "Each header entry in the headers object must be an array."
)
_GENERIC_TEXT: Final = "The Lambda function returned an invalid request or response to CloudFront."


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that a function's answer breaks.

    `code` is stable; `path` is the JSON path in the answer; `text` is what CloudFront's page says;
    `found` and `expected` tell the developer the rest.
    """

    code: str
    path: str
    text: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.code} at {self.path or 'the result'}: found {self.found}; {self.expected}"


DISALLOWED: Final = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "trailer",
        "upgrade",
        "x-accel-buffering",
        "x-accel-charset",
        "x-accel-limit-rate",
        "x-accel-redirect",
        "x-amzn-auth",
        "x-amzn-cf-billing",
        "x-amzn-cf-id",
        "x-amzn-cf-xff",
        "x-amzn-errortype",
        "x-amzn-fle-profile",
        "x-amzn-header-count",
        "x-amzn-header-order",
        "x-amzn-lambda-integration-tag",
        "x-amzn-requestid",
        "x-cache",
        "x-forwarded-proto",
        "x-real-ip",
        "cloudfront-viewer-cert-pem",
        "client-cert",
        "client-cert-chain",
    }
)
_DISALLOWED_PREFIXES: Final = ("x-amz-cf-", "x-edge-")

READ_ONLY: Final[Mapping[Trigger, tuple[str, ...]]] = {
    "viewer-request": ("content-length", "host", "transfer-encoding", "via", "cdn-loop"),
    "origin-request": (
        "accept-encoding",
        "cdn-loop",
        "content-length",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "transfer-encoding",
        "via",
    ),
    "origin-response": ("transfer-encoding", "via"),
    "viewer-response": (
        "content-encoding",
        "content-length",
        "transfer-encoding",
        "via",
        "warning",
    ),
}


def is_disallowed(name: str) -> bool:
    """Whether functions never see, and must not add, the header `name` (lower case)."""
    return name in DISALLOWED or name.startswith(_DISALLOWED_PREFIXES)


def check_object(result: object) -> Breach | None:
    """The result must be a JSON object, and not the whole event."""
    if not isinstance(result, Mapping):
        expected = "return the request or the response object"
        return Breach("lambda-edge.result-not-object", "", _OBJECT_TEXT, glimpse(result), expected)
    if "Records" in result:
        expected = "return event['Records'][0]['cf']['request'] (or 'response')"
        return Breach("lambda-edge.whole-event", "", _HEADERS_TEXT, "the whole event", expected)
    return None


def check_headers(headers: object, sent: EventHeaders, trigger: Trigger) -> Breach | None:
    """Shape, disallowed names, read-only names and values of a returned `headers` object."""
    if headers is None:
        headers = {}
    if not isinstance(headers, Mapping):
        return _bad_headers("headers", headers, "it must be an object of arrays")
    headers = cast("Mapping[str, object]", headers)
    lowered: dict[str, list[str]] = {}
    for name, entries in headers.items():
        if sent.get(name) == entries:
            continue  # as it was sent: nothing to judge
        values = entry_values(entries)
        if isinstance(values, Breach):
            return Breach(
                values.code,
                f"headers.{name}{values.path}",
                values.text,
                values.found,
                values.expected,
            )
        lower = name.lower()
        is_country = lower == _COUNTRY and trigger == "viewer-request"
        if values and (is_disallowed(lower) or is_country):
            expected = "functions must not set this header"
            code = "lambda-edge.disallowed-header"
            return Breach(code, f"headers.{name}", _DISALLOWED_TEXT, name, expected)
        breach = check_values(name, values)
        if breach is not None:
            return breach
        lowered.setdefault(lower, []).extend(values)
    return _check_read_only(headers, lowered, sent, trigger)


_COUNTRY: Final = "cloudfront-viewer-country"
"""The one CloudFront header that viewer-request must not add."""


def _check_read_only(
    headers: Mapping[str, object],
    lowered: Mapping[str, list[str]],
    sent: EventHeaders,
    trigger: Trigger,
) -> Breach | None:
    for name in READ_ONLY[trigger]:
        if headers.get(name) == sent.get(name) and name not in lowered:
            continue
        before = [entry["value"] for entry in sent.get(name, ())]
        after = lowered.get(name, [])
        if before != after:
            verb = "added" if not before else "deleted" if not after else "changed"
            found = f"{verb}: {glimpse(before)} became {glimpse(after)}"
            expected = f"{name} is read-only at {trigger}: start from the object in the event"
            code = "lambda-edge.read-only-header"
            return Breach(code, f"headers.{name}", _READ_ONLY_TEXT, found, expected)
    return None


_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def check_values(name: str, values: list[str]) -> Breach | None:
    """A header name is a token, its values hold no control characters."""
    if not _TOKEN.fullmatch(name):
        expected = "a header name is made of letters, digits and !#$%&'*+-.^_`|~"
        return Breach("lambda-edge.header-name", "headers", _GENERIC_TEXT, glimpse(name), expected)
    for value in values:
        if _CONTROL.search(value):
            expected = "a header value must not contain control characters"
            code = "lambda-edge.header-value"
            return Breach(code, f"headers.{name}", _GENERIC_TEXT, glimpse(value), expected)
    return None


def entry_values(entries: object) -> list[str] | Breach:
    """The values of one entry of a headers object: `[{"key": …, "value": …}, …]`.

    A value may be an array of strings, standing for several (AWS's log text allows it).
    """
    if not isinstance(entries, list):
        return _bad_headers("", entries, 'it must be an array of {"key": …, "value": …}')
    values: list[str] = []
    for at, entry in enumerate(cast("list[object]", entries)):
        if not isinstance(entry, dict):
            return _bad_headers(f"[{at}]", entry, 'it must be an object {"key": …, "value": …}')
        value = cast("dict[str, object]", entry).get("value")
        key = cast("dict[str, object]", entry).get("key")
        if key is not None and not isinstance(key, str):
            return _bad_headers(f"[{at}].key", key, "it must be a string")
        each = cast("list[object]", value) if isinstance(value, list) else [value]
        if not all(isinstance(item, str) for item in each):
            return _bad_headers(f"[{at}].value", cast("object", value), "it must be a string")
        values += cast("list[str]", each)
    return values


def _bad_headers(path: str, found: object, expected: str) -> Breach:
    return Breach("lambda-edge.header-shape", path, _HEADERS_TEXT, glimpse(found), expected)


def check_target(uri: object, querystring: object) -> Breach | None:
    """`uri` starts with `/`; neither holds blanks or control characters; together < 8,192."""
    if not isinstance(uri, str) or not uri.startswith("/") or _has_blank(uri):
        expected = "uri must be a string that starts with / and is percent-encoded"
        return Breach("lambda-edge.uri", "uri", _GENERIC_TEXT, glimpse(uri), expected)
    if not isinstance(querystring, str) or _has_blank(querystring) or "#" in querystring:
        expected = "querystring must be a string without blanks, control characters and #"
        code = "lambda-edge.querystring"
        return Breach(code, "querystring", _GENERIC_TEXT, glimpse(querystring), expected)
    if len(uri) + len(querystring) >= MAX_URL:
        found = f"{len(uri) + len(querystring)} characters"
        expected = f"uri and querystring together must stay under {MAX_URL}"
        return Breach("lambda-edge.url-length", "uri", _GENERIC_TEXT, found, expected)
    return None


def _has_blank(text: str) -> bool:
    return bool(re.search(r"[\x00-\x20\x7f]", text))


def check_method(result: Mapping[str, Any], sent: str) -> Breach | None:
    """The method cannot be changed; leaving it out is fine."""
    found = result.get("method", sent)
    if found != sent:
        expected = f"the method is read-only, it was {sent}"
        return Breach("lambda-edge.method", "method", _GENERIC_TEXT, glimpse(found), expected)
    return None


def check_status(status: object, *, unchanged: int | None = None) -> Breach | None:
    """A status is a string or number from 200 to 599; at viewer-response it stays `unchanged`."""
    number = status_number(status)
    if number is None:
        expected = "status must lie between 200 and 599"
        return Breach("lambda-edge.status", "status", _GENERIC_TEXT, glimpse(status), expected)
    if unchanged is not None and number != unchanged:
        expected = f"viewer-response cannot change the status {unchanged}"
        code = "lambda-edge.status-read-only"
        return Breach(code, "status", _GENERIC_TEXT, glimpse(status), expected)
    return None


def status_number(status: object) -> int | None:
    """`status` as an integer from 200 to 599, or None."""
    if isinstance(status, bool) or not isinstance(status, (int, str, float)):
        return None
    try:
        number = int(status)
    except (ValueError, OverflowError):
        return None
    return number if 200 <= number <= 599 and float(status) == number else None


def check_description(description: object) -> Breach | None:
    """`statusDescription` is a string without control characters, if given."""
    if description is None or (isinstance(description, str) and not _CONTROL.search(description)):
        return None
    expected = "statusDescription must be a string on one line"
    code = "lambda-edge.status-description"
    return Breach(code, "statusDescription", _GENERIC_TEXT, glimpse(description), expected)


def bad_body(found: object, expected: str, path: str = "body") -> Breach:
    """The one page text that CloudFront has for bodies."""
    return Breach("lambda-edge.body", path, _BODY_TEXT, glimpse(found), expected)


def unparseable(payload: bytes) -> Breach:
    """The function's answer is no JSON."""
    text = "The Lambda function returned invalid JSON: The JSON output is not parsable."
    found = repr(payload[:60])
    return Breach("lambda-edge.result-not-json", "", text, found, "the result must be JSON")


def glimpse(value: object) -> str:
    """The beginning of `value` as JSON, for messages."""
    raw = encode_payload(value)
    return raw[:80].decode("utf-8", "replace") + ("…" if len(raw) > 80 else "")
