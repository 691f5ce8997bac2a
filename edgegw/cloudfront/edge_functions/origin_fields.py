"""What the fields of a changed origin must be, in `updateRequestOrigin` and in overrides.

Source: CloudFront Developer Guide, "Helper methods for origin modification".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeAlias, cast

from edgegw.cloudfront.edge_functions.rules import (
    ORIGIN_ACCESS,
    ORIGIN_ATTEMPTS,
    ORIGIN_CUSTOM,
    ORIGIN_DOMAIN,
    ORIGIN_HEADER_TWICE,
    ORIGIN_HEADERS,
    ORIGIN_HOST,
    ORIGIN_HOST_SIGNED,
    ORIGIN_NAMES,
    ORIGIN_PATH,
    ORIGIN_TIMEOUTS,
)
from edgegw.cloudfront.edge_rule import EdgeRule
from edgegw.cloudfront.header_rules import has_control, is_disallowed
from edgegw.cloudfront.model import Origin, S3Origin
from edgegw.cloudfront.origin_rules import is_host_name, is_unsettable
from edgegw.cloudfront.validator import Validator, step_into
from edgegw.http.grammar import TEXT_NOT_IN_TARGET, TEXT_TOKEN

GivenFields: TypeAlias = Mapping[str, Any]

_TLS: Final = frozenset({"SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"})
_SIGNING: Final = {
    "signingBehavior": frozenset({"always", "never", "no-override"}),
    "signingProtocol": frozenset({"sigv4"}),
    "originType": frozenset({"s3", "mediapackagev2", "mediastore", "lambda"}),
}
_ADDRESS: Final = re.compile(r"[\d.]+|.*:.*")


def check_origin_fields(
    validator: Validator,
    fields: GivenFields,
    origin: Origin,
    named: Collection[str],
    where: str,
    *,
    becomes_custom: bool,
) -> None:
    """Notes what is wrong with `fields`, which change `origin`; `where` is their place.

    `named` are the headers of the request that the function returned, in lower case.
    """
    for name, rule, is_right, expected in ORIGIN_FIELDS:
        given = fields.get(name)
        if given is not None and not is_right(given):
            validator.note(rule, _path(where, name), given, expected)
    _check_headers(validator, fields.get("customHeaders"), named, where)
    _check_address(validator, fields, where, becomes_custom=becomes_custom)
    _check_host(validator, fields, origin, where, becomes_custom=becomes_custom)


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _check_headers(validator: Validator, given: object, named: Collection[str], where: str) -> None:
    path = _path(where, "customHeaders")
    if given is None:
        return
    if not isinstance(given, dict):
        validator.note(ORIGIN_HEADERS, path, given, "write {'x-name': 'value'}")
        return
    for name, text in cast("Mapping[str, object]", given).items():
        is_right = TEXT_TOKEN.fullmatch(name) is not None and name == name.lower()
        if not is_right or not isinstance(text, str) or has_control(text):
            expected = "write {'x-name': 'value'}, names in lower case"
            validator.note(ORIGIN_HEADERS, step_into(path, name), text, expected)
        elif is_unsettable(name) or is_disallowed(name):
            expected = "this header cannot be an origin custom header"
            validator.note(ORIGIN_HEADERS, step_into(path, name), name, expected)
        elif name in named:
            expected = "set it in one of the two places"
            validator.note(ORIGIN_HEADER_TWICE, step_into(path, name), name, expected)


_MOST_OF_BUCKET: Final = 128
"""Characters of the domain name of a bucket, which is in lower case.

Source: CloudFront Developer Guide, "Helper methods for origin modification", domainName.
"""
_ADDRESS_TYPES: Final = ("ipv4", "ipv6", "dualstack")


def _check_address(
    validator: Validator, fields: GivenFields, where: str, *, becomes_custom: bool
) -> None:
    """The domain name of a bucket, and `ipAddressType`, which goes with a changed domain name.

    Source: CloudFront Developer Guide, "Helper methods for origin modification".
    """
    domain = fields.get("domainName")
    bucket = domain if isinstance(domain, str) and not becomes_custom else ""
    if len(bucket) > _MOST_OF_BUCKET or bucket != bucket.lower():
        expected = f"a bucket's is in lower case, {_MOST_OF_BUCKET} characters at most"
        validator.note(ORIGIN_DOMAIN, _path(where, "domainName"), domain, expected)
    config = fields.get("customOriginConfig")
    kind = cast("GivenFields", config).get("ipAddressType") if isinstance(config, dict) else None
    if kind is None:
        return
    path = _path(where, "customOriginConfig.ipAddressType")
    if kind not in _ADDRESS_TYPES:
        validator.note(ORIGIN_CUSTOM, path, kind, f"one of {', '.join(_ADDRESS_TYPES)}")
    elif domain is None:
        validator.note(ORIGIN_CUSTOM, path, kind, "leave it out, or change domainName as well")


def _check_host(
    validator: Validator, fields: GivenFields, origin: Origin, where: str, *, becomes_custom: bool
) -> None:
    """A Host header of its own, where requests are signed or a bucket is asked."""
    host = fields.get("hostHeader")
    if host is None:
        return
    access = fields.get("originAccessControlConfig")
    is_signed = isinstance(origin, S3Origin) and origin.is_signed
    if isinstance(access, Mapping):
        is_signed = bool(cast("GivenFields", access).get("enabled"))
    if is_signed:
        expected = "set originAccessControlConfig: {enabled: false}"
        validator.note(ORIGIN_HOST_SIGNED, _path(where, "hostHeader"), host, expected)
    elif not becomes_custom:
        expected = "leave it out: this is for custom origins"
        validator.note(ORIGIN_HOST, _path(where, "hostHeader"), host, expected)


def _is_name(given: object) -> bool:
    if not isinstance(given, str) or len(given) > 253 or _ADDRESS.fullmatch(given):
        return False
    return is_host_name(given)


def _is_path(given: object) -> bool:
    if not isinstance(given, str) or len(given) > 255 or TEXT_NOT_IN_TARGET.search(given):
        return False
    return given == "" or (given.isascii() and given[0] == "/" and given[-1] != "/")


def _is_whole(given: object, least: int, most: float) -> bool:
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        return False
    return given == given // 1 and least <= given <= most


def _is_attempts(given: object) -> bool:
    return _is_whole(given, 1, 3)


_ORIGIN_TIMES: Final = {
    "readTimeout": (1, 120),
    "keepAliveTimeout": (1, 120),
    "connectionTimeout": (1, 10),
    "responseCompletionTimeout": (1, 10**6),
}
"""Seconds that each of the `timeouts` may have.

Source: CloudFront Developer Guide, "Helper methods for origin modification", timeouts.
"""


def _are_times(given: object) -> bool:
    if not isinstance(given, dict):
        return False
    times = cast("GivenFields", given)
    if not all(
        _is_whole(times[name], *limits) for name, limits in _ORIGIN_TIMES.items() if name in times
    ):
        return False
    whole, read = times.get("responseCompletionTimeout"), times.get("readTimeout")
    return whole is None or read is None or whole >= read


def _is_custom(given: object) -> bool:
    if not isinstance(given, dict):
        return False
    config = cast("GivenFields", given)
    protocols = config.get("sslProtocols")
    return (
        _is_whole(config.get("port"), 1, 65535)
        and config.get("protocol") in ("http", "https")
        and isinstance(protocols, list)
        and all(isinstance(version, str) for version in cast("list[object]", protocols))
        and set(cast("list[str]", protocols)) <= _TLS
    )


def _is_access(given: object) -> bool:
    if not isinstance(given, dict):
        return False
    config = cast("GivenFields", given)
    if config.get("enabled") is False:
        return True
    named = {name: config.get(name) for name in _SIGNING}
    return config.get("enabled") is True and all(
        isinstance(text, str) and text in _SIGNING[name] for name, text in named.items()
    )


def _are_names(given: object) -> bool:
    if not isinstance(given, list) or len(cast("list[object]", given)) > 20:
        return False
    return all(isinstance(name, str) and len(name) <= 64 for name in cast("list[object]", given))


def _is_shield(given: object) -> bool:
    return isinstance(given, dict) and isinstance(cast("GivenFields", given).get("enabled"), bool)


_OriginField: TypeAlias = tuple[str, EdgeRule, Callable[[object], bool], str]
ORIGIN_FIELDS: Final[tuple[_OriginField, ...]] = (
    ("domainName", ORIGIN_DOMAIN, _is_name, "write a host name, without port, no address"),
    ("hostHeader", ORIGIN_HOST, _is_name, "write a host name, without port, no address"),
    ("originPath", ORIGIN_PATH, _is_path, "write /path, percent-encoded"),
    ("connectionAttempts", ORIGIN_ATTEMPTS, _is_attempts, "write 1, 2 or 3"),
    ("timeouts", ORIGIN_TIMEOUTS, _are_times, "write {readTimeout: 1 to 120, …}"),
    (
        *("customOriginConfig", ORIGIN_CUSTOM, _is_custom),
        "write {port, protocol, sslProtocols}, all three",
    ),
    (
        *("originAccessControlConfig", ORIGIN_ACCESS, _is_access),
        "write {enabled, signingBehavior, signingProtocol, originType}",
    ),
    ("originShield", ORIGIN_ACCESS, _is_shield, "write {enabled, region}"),
    ("sni", ORIGIN_NAMES, _is_name, "write a host name"),
    ("allowedCertificateNames", ORIGIN_NAMES, _are_names, "write 20 names at most"),
)
"""The fields of `updateRequestOrigin` with what each must be."""
