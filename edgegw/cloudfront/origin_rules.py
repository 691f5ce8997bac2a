"""What CloudFront accepts of an `origin` that a function changed.

Source: CloudFront Developer Guide, "Lambda@Edge event structure" (origin fields) and "Add custom
headers to origin requests".
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, cast

from edgegw.cloudfront.edge_rule import EdgeRule
from edgegw.cloudfront.header_rules import Line, header_lines, is_disallowed
from edgegw.cloudfront.rule_table import (
    ORIGIN_ADDRESS,
    ORIGIN_AUTH,
    ORIGIN_COMPLETION,
    ORIGIN_DOMAIN,
    ORIGIN_HEADER,
    ORIGIN_HEADER_TWICE,
    ORIGIN_HOST,
    ORIGIN_INCOMPLETE,
    ORIGIN_KEEPALIVE,
    ORIGIN_PATH,
    ORIGIN_PORT,
    ORIGIN_PROTOCOL,
    ORIGIN_READ_TIMEOUT,
    ORIGIN_REGION,
    ORIGIN_SHAPE,
    ORIGIN_SSL,
)
from edgegw.cloudfront.validator import Validator, step_into
from edgegw.http.grammar import TEXT_NOT_IN_TARGET

_SSL_PROTOCOLS: Final = ("TLSv1.2", "TLSv1.1", "TLSv1", "SSLv3")
"""Versions of TLS that `sslProtocols` may name.

Source: CloudFront Developer Guide, "Lambda@Edge event structure", origin fields.
"""
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
"""Headers that can be no origin custom header, in lower case.

Source: CloudFront Developer Guide, "Add custom headers to origin requests", headers that CloudFront
can't add.
"""
_LABEL: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_LONGEST: Final = {"custom": 253, "s3": 128}
"""Characters of a domain name, by kind of origin.

Source: CloudFront Developer Guide, "Lambda@Edge event structure", origin fields.
"""
_MAX_PATH: Final = 255
"""Characters of an origin's path.

Source: CloudFront Developer Guide, "Lambda@Edge event structure", origin fields.
"""


def is_unsettable(name: str) -> bool:
    """Whether `name` (lower case) can be no origin custom header."""
    return name in _UNSETTABLE or name.startswith(("x-amz-", "x-edge-"))


def check_origin(
    validator: Validator, origin: object, configured: str | None = None
) -> Mapping[str, Any] | None:
    """Judges a changed `origin`: exactly one of `custom` and `s3`, each field in its range.

    The fields to go on with; None when there are none. The domain name that is `configured` may
    stay, be it an address of this machine.
    """
    if not isinstance(origin, Mapping) or len(origin := cast("Mapping[str, Any]", origin)) != 1:
        validator.note(ORIGIN_SHAPE, "origin", origin, "write {custom: {…}} or {s3: {…}}")
        return None
    kind, fields = next(iter(origin.items()))
    if kind not in ("custom", "s3") or not isinstance(fields, Mapping):
        validator.note(ORIGIN_SHAPE, "origin", origin, "write {custom: {…}} or {s3: {…}}")
        return None
    fields = cast("Mapping[str, Any]", fields)
    where = f"origin.{kind}"
    if configured is None or fields.get("domainName") != configured:
        _check_domain(validator, kind, fields.get("domainName"), where)
    for name, rule, is_right, expected in _FIELDS[kind]:
        if name not in fields:
            validator.note(ORIGIN_INCOMPLETE, f"{where}.{name}", None, expected)
        elif not is_right(fields[name]):
            validator.note(rule, f"{where}.{name}", fields[name], expected)
    _check_completion(validator, fields, where)
    if kind == "s3" and fields.get("authMethod") == "origin-access-identity":
        region = fields.get("region")
        if not region or not isinstance(region, str):
            validator.note(ORIGIN_REGION, f"{where}.region", region, "name the bucket's Region")
    return fields


def _check_domain(validator: Validator, kind: str, domain: object, where: str) -> None:
    path = f"{where}.domainName"
    if isinstance(domain, str) and _is_address(domain):
        if not domain.startswith("127."):
            validator.note(ORIGIN_ADDRESS, path, domain, "write a host name")
        return
    longest = _LONGEST[kind]
    if not isinstance(domain, str) or not is_host_name(domain) or len(domain) > longest:
        expected = f"write a host name of at most {longest} characters, without a port"
        validator.note(ORIGIN_DOMAIN, path, domain, expected)
    elif kind == "s3" and domain != domain.lower():
        validator.note(ORIGIN_DOMAIN, path, domain, "write the bucket's name in lower case")


def is_host_name(text: str) -> bool:
    """Whether `text` can be looked up: labels of 1 to 63 letters, digits, `-` and `_`."""
    return all(_LABEL.fullmatch(label) for label in text.removesuffix(".").split("."))


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return re.fullmatch(r"[\d.]+", text) is not None and text.strip(".") != ""
    return True


def _is_path(value: object) -> bool:
    if not isinstance(value, str):
        return False
    if value == "":
        return True
    is_framed = value[0] == "/" and value[-1] != "/"
    return len(value) <= _MAX_PATH and is_framed and "\r" not in value and "\n" not in value


def _is_encoded_path(value: object) -> bool:
    return _is_path(value) and not TEXT_NOT_IN_TARGET.search(cast("str", value))


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if value == value // 1 and abs(value) < 1e9 else None


def _is_port(value: object) -> bool:
    port = _whole(value)
    return port is not None and (port in (80, 443) or 1024 <= port <= 65535)


def _is_timeout(value: object) -> bool:
    seconds = _whole(value)
    return seconds is not None and 1 <= seconds <= 120


def _are_protocols(value: object) -> bool:
    return isinstance(value, list) and all(
        each in _SSL_PROTOCOLS for each in cast("list[object]", value)
    )


def _is_protocol(value: object) -> bool:
    return value in ("http", "https")


def _is_auth_method(value: object) -> bool:
    return value in ("none", "origin-access-identity")


_Field: TypeAlias = tuple[str, EdgeRule, Callable[[object], bool], str]
_SECONDS: Final = "write 1 to 120 seconds"
_FIELDS: Final[Mapping[str, tuple[_Field, ...]]] = {
    "custom": (
        ("path", ORIGIN_PATH, _is_encoded_path, "write '' or /path, percent-encoded"),
        ("readTimeout", ORIGIN_READ_TIMEOUT, _is_timeout, _SECONDS),
        ("port", ORIGIN_PORT, _is_port, "write 80, 443 or 1024 to 65535"),
        ("protocol", ORIGIN_PROTOCOL, _is_protocol, "write http or https"),
        ("keepaliveTimeout", ORIGIN_KEEPALIVE, _is_timeout, _SECONDS),
        ("sslProtocols", ORIGIN_SSL, _are_protocols, f"a list out of {', '.join(_SSL_PROTOCOLS)}"),
    ),
    "s3": (
        ("path", ORIGIN_PATH, _is_path, "write '' or /path"),
        ("readTimeout", ORIGIN_READ_TIMEOUT, _is_timeout, _SECONDS),
        ("authMethod", ORIGIN_AUTH, _is_auth_method, "write none or origin-access-identity"),
    ),
}


def _check_completion(validator: Validator, fields: Mapping[str, Any], where: str) -> None:
    total = _whole(fields.get("responseCompletionTimeout", 0))
    read = _whole(fields.get("readTimeout")) or 0
    if total is None or total < 0 or (total and total < read):
        path = f"{where}.responseCompletionTimeout"
        expected = f"write 0 for no limit, or {max(read, 1)} seconds and more"
        validator.note(ORIGIN_COMPLETION, path, fields["responseCompletionTimeout"], expected)


def custom_headers(validator: Validator, origin: Mapping[str, Any]) -> list[Line]:
    """The custom headers of a checked `origin` object, each judged."""
    kind, fields = next(iter(origin.items()))
    where, found = f"origin.{kind}.customHeaders", fields.get("customHeaders")
    if found is None:
        return []
    if not isinstance(found, Mapping):
        validator.note(ORIGIN_HEADER, where, found, "write an object of arrays")
        return []
    lines: list[Line] = []
    for name, entries in cast("Mapping[str, object]", found).items():
        lower = name.lower()
        if is_unsettable(lower) or is_disallowed(lower):
            expected = "this header cannot be an origin custom header"
            validator.note(ORIGIN_HEADER, step_into(where, name), name, expected)
            continue
        own = Validator(validator.trigger, validator.strictness)
        lines += header_lines(own, name, entries, where) or ()
        for violation in own.violations:
            rule = ORIGIN_HEADER if violation.is_refused else violation.rule
            validator.violations.append(violation._replace(rule=rule))
    return lines


def check_own_headers(validator: Validator, origin: Mapping[str, Any], headers: object) -> None:
    """A name of `customHeaders` must not stand in the request's headers as well."""
    kind, fields = next(iter(origin.items()))
    own = fields.get("customHeaders")
    if not isinstance(own, Mapping) or not isinstance(headers, Mapping):
        return
    sent = {name.lower() for name in cast("Mapping[str, object]", headers)}
    for name in cast("Mapping[str, object]", own):
        if name.lower() in sent:
            path = step_into(f"origin.{kind}.customHeaders", name)
            validator.note(ORIGIN_HEADER_TWICE, path, name, "set it in one of the two places")


def check_host(
    validator: Validator, before: Mapping[str, Any], after: Mapping[str, Any], *, is_host_kept: bool
) -> None:
    """Notes a new domain name with the old Host header, with which most origins answer 403, 404."""
    old = next(iter(before.values())).get("domainName")
    kind, fields = next(iter(after.items()))
    if is_host_kept and fields.get("domainName") != old:
        expected = "set headers.host to the new domainName as well"
        validator.note(ORIGIN_HOST, f"origin.{kind}.domainName", fields.get("domainName"), expected)
