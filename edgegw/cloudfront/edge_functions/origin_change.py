"""What the helpers of the module `cloudfront` do to the origin of a request.

    updateRequestOrigin({…})              the behavior's origin with some things changed
    selectRequestOriginById(id, {…})      another origin of the distribution
    createRequestOriginGroup({…})         two of them, the second for failover

The last call of a run counts. What is left out stays as the behavior's origin has it.

Source: CloudFront Developer Guide, "Helper methods for origin modification".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias, cast

from edgegw.cloudfront.edge_functions.rules import (
    ORIGIN_ACCESS,
    ORIGIN_ATTEMPTS,
    ORIGIN_CUSTOM,
    ORIGIN_DOMAIN,
    ORIGIN_GROUP,
    ORIGIN_HEADER_TWICE,
    ORIGIN_HEADERS,
    ORIGIN_HOST,
    ORIGIN_HOST_SIGNED,
    ORIGIN_ID,
    ORIGIN_NAMES,
    ORIGIN_PATH,
    ORIGIN_TIMEOUTS,
)
from edgegw.cloudfront.header_rules import has_control, is_disallowed
from edgegw.cloudfront.model import Behavior, CustomOrigin, Distribution, Fallback, Origin, S3Origin
from edgegw.cloudfront.origin_rules import is_host_name, is_unsettable
from edgegw.cloudfront.rule_table import EdgeRule
from edgegw.cloudfront.validator import Validator, step_into
from edgegw.http.grammar import TEXT_NOT_IN_TARGET, TEXT_TOKEN
from edgegw.http.message import Header
from edgegw.values import value

FAILOVER_CODES: Final = frozenset({400, 403, 404, 416, 429, 500, 502, 503, 504})
"""Statuses that `failoverCriteria` may name.

Source: CloudFront Developer Guide, "Optimize high availability with origin failover".
"""
_TLS: Final = frozenset({"SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"})
_SIGNING: Final = {
    "signingBehavior": frozenset({"always", "never", "no-override"}),
    "signingProtocol": frozenset({"sigv4"}),
    "originType": frozenset({"s3", "mediapackagev2", "mediastore", "lambda"}),
}
_ADDRESS: Final = re.compile(r"[\d.]+|.*:.*")

GivenFields: TypeAlias = Mapping[str, Any]


@value
class OriginChoice:
    """Where a request goes; `fallback` is there where the function made an origin group."""

    origin: Origin
    fallback: Fallback | None = None


def chosen_origin(
    validator: Validator,
    change: GivenFields,
    distribution: Distribution,
    behavior: Behavior,
    named: Collection[str],
) -> OriginChoice:
    """What the helper's call `change` leads to; what is wrong with it is noted.

    `named` are the headers of the request that the function returned, in lower case.
    """
    if "update" in change:
        fields = cast("GivenFields", change["update"])
        return OriginChoice(_updated(validator, fields, behavior.origin, named, ""))
    if "select" in change:
        origin = _by_id(validator, change.get("select"), distribution, "originId")
        options = change.get("options")
        if origin is not None and isinstance(options, Mapping):
            given = cast("GivenFields", options)
            own = {name: given[name] for name in _OF_SELECTED if name in given}
            origin = _updated(validator, own, origin, named, "options")
        return OriginChoice(origin or behavior.origin)
    return _group(validator, cast("GivenFields", change["group"]), distribution, behavior, named)


_OF_SELECTED: Final = ("hostHeader", "sni", "allowedCertificateNames")
"""What of a selected origin a function may change.

Source: CloudFront Developer Guide, "Helper methods for origin modification",
selectRequestOriginById.
"""


def _by_id(
    validator: Validator, given: object, distribution: Distribution, path: str
) -> Origin | None:
    origin = distribution.origins.get(given) if isinstance(given, str) else None
    if origin is None:
        known = ", ".join(distribution.origins) or "none"
        validator.note(ORIGIN_ID, path, given, f"name one of the distribution's ({known})")
    return origin


def _group(
    validator: Validator,
    group: GivenFields,
    distribution: Distribution,
    behavior: Behavior,
    named: Collection[str],
) -> OriginChoice:
    ids, criteria = group.get("originIds"), group.get("failoverCriteria")
    members = cast("list[object]", ids) if isinstance(ids, list) else []
    codes = cast("GivenFields", criteria).get("statusCodes") if isinstance(criteria, dict) else None
    if len(members) != 2:
        validator.note(ORIGIN_GROUP, "originIds", group.get("originIds"), "name two origins")
    if not isinstance(codes, list) or not _all(cast("list[object]", codes)) <= FAILOVER_CODES:
        expected = f"a list out of {', '.join(map(str, sorted(FAILOVER_CODES)))}"
        path = "failoverCriteria.statusCodes"
        validator.note(ORIGIN_GROUP, path, group.get("failoverCriteria"), expected)
    criterion = group.get("selectionCriteria", "default")
    if criterion not in ("default", "media-quality-score"):
        expected = "default or media-quality-score"
        validator.note(ORIGIN_GROUP, "selectionCriteria", criterion, expected)
    origins = [
        _member(validator, member, distribution, named, f"originIds[{at}]")
        for at, member in enumerate(members)
    ]
    if validator.refuses or None in origins:
        return OriginChoice(behavior.origin)
    first, second = cast("list[Origin]", origins)
    own = behavior.fallback
    methods = frozenset({"GET", "HEAD"}) if own is None else own.methods
    statuses = frozenset(cast("list[int]", codes))
    return OriginChoice(first, Fallback(second, statuses, methods))


def _all(codes: list[object]) -> frozenset[object]:
    """What the list holds, as far as it can be compared."""
    return frozenset(code if isinstance(code, int) else repr(code) for code in codes)


def _member(
    validator: Validator,
    given: object,
    distribution: Distribution,
    named: Collection[str],
    path: str,
) -> Origin | None:
    fields = cast("GivenFields", given) if isinstance(given, dict) else {"originId": given}
    origin = _by_id(validator, fields.get("originId"), distribution, path)
    overrides = fields.get("originOverrides")
    if origin is None or not isinstance(overrides, Mapping):
        return origin
    return _updated(validator, cast("GivenFields", overrides), origin, named, path)


# One origin with some things changed


def _updated(
    validator: Validator, fields: GivenFields, origin: Origin, named: Collection[str], where: str
) -> Origin:
    before = len(validator.violations)
    fields = {name: given for name, given in fields.items() if given is not None}  # left out
    for name, rule, is_right, expected in ORIGIN_FIELDS:
        given = fields.get(name)
        if given is not None and not is_right(given):
            validator.note(rule, _path(where, name), given, expected)
    _check_headers(validator, fields.get("customHeaders"), named, where)
    becomes_custom = isinstance(origin, CustomOrigin) or "customOriginConfig" in fields
    _check_address(validator, fields, where, becomes_custom=becomes_custom)
    _check_host(validator, fields, origin, where, becomes_custom=becomes_custom)
    if len(validator.violations) > before:
        return origin
    return _custom(fields, origin) if becomes_custom else _bucket(fields, cast("S3Origin", origin))


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _custom(fields: GivenFields, origin: Origin) -> CustomOrigin:
    kept = (
        origin
        if isinstance(origin, CustomOrigin)
        else CustomOrigin(origin.domain_name, 443, "https")
    )
    config = cast("GivenFields", fields.get("customOriginConfig") or {})
    times = cast("GivenFields", fields.get("timeouts") or {})
    domain = cast("str", fields.get("domainName") or kept.domain_name)
    port = int(config.get("port", kept.port))
    is_kept = domain == kept.domain_name and port == kept.port
    return replace(
        kept,
        domain_name=domain,
        port=port,
        protocol=config.get("protocol", kept.protocol),
        path=fields.get("originPath", origin.path),
        custom_headers=_with_host(fields, origin),
        read_timeout=times.get("readTimeout", kept.read_timeout),
        keepalive_timeout=times.get("keepAliveTimeout", kept.keepalive_timeout),
        response_completion_timeout=times.get(
            "responseCompletionTimeout", kept.response_completion_timeout
        ),
        ssl_protocols=tuple(config.get("sslProtocols", kept.ssl_protocols)),
        connection_attempts=int(fields.get("connectionAttempts", kept.connection_attempts)),
        connection_timeout=times.get("connectionTimeout", kept.connection_timeout),
        verify=kept.verify or not is_kept,
        name=kept.name if is_kept else "",
    )


def _bucket(fields: GivenFields, origin: S3Origin) -> S3Origin:
    times = cast("GivenFields", fields.get("timeouts") or {})
    access = fields.get("originAccessControlConfig")
    signed = origin.is_signed
    if isinstance(access, Mapping):
        signed = bool(cast("GivenFields", access).get("enabled"))
    domain = cast("str", fields.get("domainName") or origin.domain_name)
    return replace(
        origin,
        domain_name=domain,
        path=fields.get("originPath", origin.path),
        custom_headers=_custom_headers(fields, origin),
        read_timeout=times.get("readTimeout", origin.read_timeout),
        response_completion_timeout=times.get(
            "responseCompletionTimeout", origin.response_completion_timeout
        ),
        is_signed=signed,
        name=origin.name if domain == origin.domain_name else "",
    )


def _custom_headers(fields: GivenFields, origin: Origin) -> tuple[Header, ...]:
    given = fields.get("customHeaders")
    if given is None:
        return origin.custom_headers
    return tuple(
        (
            "-".join(part[:1].upper() + part[1:] for part in name.split("-")).encode(),
            text.encode("utf-8", "replace"),
        )
        for name, text in cast("Mapping[str, str]", given).items()
    )


def _with_host(fields: GivenFields, origin: Origin) -> tuple[Header, ...]:
    """The custom headers of the origin; a Host among them takes the place of any other.

    Source: CloudFront Developer Guide, "Helper methods for origin modification", hostHeader (its
    default is the new domain name).
    """
    lines = _custom_headers(fields, origin)
    host = fields.get("hostHeader") or fields.get("domainName")
    if host is None:
        return lines
    others = tuple(line for line in lines if line[0].lower() != b"host")
    return (*others, (b"Host", cast("str", host).encode()))


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
