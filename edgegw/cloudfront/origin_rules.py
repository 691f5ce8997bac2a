"""What CloudFront accepts of an `origin` that a function changed.

Source: CloudFront Developer Guide, "Lambda@Edge event structure" (origin fields) and "Add custom
headers to origin requests".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, cast

from edgegw.cloudfront.trigger_rules import (
    Breach,
    check_values,
    entry_values,
    glimpse,
    is_disallowed,
)

_ORIGIN_TEXT: Final = "The Lambda function returned an invalid origin configuration: "
_SSL_PROTOCOLS: Final = frozenset({"TLSv1.2", "TLSv1.1", "TLSv1", "SSLv3"})
_UNSETTABLE: Final = frozenset(
    {
        "cache-control",
        "connection",
        "content-length",
        "cookie",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "max-forwards",
        "pragma",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "request-range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "x-real-ip",
    }
)


def is_unsettable(name: str) -> bool:
    """Whether `name` (lower case) can be no origin custom header."""
    return name in _UNSETTABLE or name.startswith(("x-amz-", "x-edge-"))


def check_origin(origin: object) -> Breach | None:
    """A changed `origin`: exactly one of `custom` and `s3`, each field in its range."""
    if not isinstance(origin, Mapping) or len(origin := cast("Mapping[str, Any]", origin)) != 1:
        return _bad_origin("origin", origin, "it must be an object with exactly custom or s3")
    kind, fields = next(iter(origin.items()))
    if kind not in ("custom", "s3") or not isinstance(fields, Mapping):
        return _bad_origin("origin", origin, "it must be an object with exactly custom or s3")
    fields = cast("Mapping[str, Any]", fields)
    return _check_origin_fields(kind, fields) or _check_custom_headers(
        kind, fields.get("customHeaders", {})
    )


def _check_origin_fields(kind: str, fields: Mapping[str, Any]) -> Breach | None:
    where = f"origin.{kind}"
    domain = fields.get("domainName")
    if not _is_domain(domain, 253 if kind == "custom" else 128):
        text = f"{_ORIGIN_TEXT}The value of DomainName is invalid."
        expected = "domainName must be a host name, without a port, and no IP address"
        code, path = "lambda-edge.origin-domain", f"{where}.domainName"
        return Breach(code, path, text, glimpse(domain), expected)
    for name, is_right, expected in _ORIGIN_FIELDS[kind]:
        value = fields.get(name, _MISSING)
        if not is_right(value):
            found = None if value is _MISSING else value
            return _bad_origin(f"{where}.{name}", found, expected)
    read, total = fields.get("readTimeout", 1), fields.get("responseCompletionTimeout", 0)
    if total and total < read:
        expected = "it must be at least readTimeout, or 0 for no limit"
        return _bad_origin(f"{where}.responseCompletionTimeout", total, expected)
    return None


_MISSING: Final = object()


def _is_domain(domain: object, longest: int) -> bool:
    """A host name; addresses are refused as on AWS, but for this machine's own."""
    if not isinstance(domain, str) or not 0 < len(domain) <= longest or ":" in domain:
        return False
    return not re.fullmatch(r"[\d.]+", domain) or domain.startswith("127.")


def _is_path(value: object) -> bool:
    return value in (_MISSING, "") or (
        isinstance(value, str) and len(value) <= 255 and value[0] == "/" and value[-1] != "/"
    )


def _is_port(value: object) -> bool:
    return type(value) is int and (value in (80, 443) or 1024 <= value <= 65535)


def _is_timeout(value: object) -> bool:
    return value is _MISSING or (type(value) is int and 1 <= value <= 120)


def _is_total(value: object) -> bool:
    return value is _MISSING or (type(value) is int and value >= 0)


def _are_protocols(value: object) -> bool:
    if not isinstance(value, list):
        return value is _MISSING
    items = cast("list[object]", value)
    return all(isinstance(each, str) and each in _SSL_PROTOCOLS for each in items)


_FieldRule: TypeAlias = tuple[str, Callable[[object], bool], str]
_COMMON_FIELDS: Final[tuple[_FieldRule, ...]] = (
    ("path", _is_path, 'it must be "" or start with /, without / at its end, at most 255 long'),
    ("readTimeout", _is_timeout, "it must lie between 1 and 120 seconds"),
    ("responseCompletionTimeout", _is_total, "it must be a number of seconds"),
)
_ORIGIN_FIELDS: Final[Mapping[str, tuple[_FieldRule, ...]]] = {
    "custom": (
        *_COMMON_FIELDS,
        ("port", _is_port, "it must be 80, 443 or 1024 to 65535"),
        ("protocol", lambda value: value in ("http", "https"), "it must be http or https"),
        ("keepaliveTimeout", _is_timeout, "it must lie between 1 and 120 seconds"),
        ("sslProtocols", _are_protocols, f"it must be a list of {sorted(_SSL_PROTOCOLS)}"),
    ),
    "s3": (
        *_COMMON_FIELDS,
        (
            "authMethod",
            lambda value: value in (_MISSING, "none", "origin-access-identity"),
            "it must be none or origin-access-identity",
        ),
    ),
}


def _check_custom_headers(kind: str, headers: object) -> Breach | None:
    where = f"origin.{kind}.customHeaders"
    if not isinstance(headers, Mapping):
        return _bad_origin(where, headers, "it must be an object of arrays")
    for name, entries in cast("Mapping[str, object]", headers).items():
        lower = name.lower()
        values = entry_values(entries)
        if isinstance(values, Breach) or is_unsettable(lower) or is_disallowed(lower):
            text = f"{_ORIGIN_TEXT}One or more HeaderName or HeaderValue values are invalid."
            expected = "this header cannot be an origin custom header, or its entry is malformed"
            return Breach("lambda-edge.origin-header", f"{where}.{name}", text, name, expected)
        breach = check_values(name, values)
        if breach is not None:
            return breach
    return None


def check_own_headers(origin: object, headers: object) -> Breach | None:
    """A name of `customHeaders` must not stand in the request's headers as well."""
    kind, fields = next(iter(cast("Mapping[str, Mapping[str, Any]]", origin).items()))
    sent = {name.lower() for name in cast("Mapping[str, object]", headers or {})}
    for name in fields.get("customHeaders", {}):
        if name.lower() in sent:
            text = f"{_ORIGIN_TEXT}One or more HeaderName or HeaderValue values are invalid."
            path = f"origin.{kind}.customHeaders.{name}"
            expected = "the name must not stand in request.headers as well"
            return Breach("lambda-edge.origin-header", path, text, name, expected)
    return None


def _bad_origin(path: str, found: object, expected: str) -> Breach:
    text = f"{_ORIGIN_TEXT}The value is invalid."
    return Breach("lambda-edge.origin", path, text, glimpse(found), expected)
