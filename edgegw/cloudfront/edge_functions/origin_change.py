"""What the helpers of the module `cloudfront` do to the origin of a request.

    updateRequestOrigin({…})              the behavior's origin with some things changed
    selectRequestOriginById(id, {…})      another origin of the distribution
    createRequestOriginGroup({…})         two of them, the second for failover

The last call of a run counts. What is left out stays as the behavior's origin has it.

Source: CloudFront Developer Guide, "Helper methods for origin modification".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final, cast

from edgegw.cloudfront.edge_functions.origin_fields import GivenFields, check_origin_fields
from edgegw.cloudfront.edge_functions.rules import ORIGIN_GROUP, ORIGIN_ID
from edgegw.cloudfront.model import Behavior, CustomOrigin, Distribution, Fallback, Origin, S3Origin
from edgegw.cloudfront.validator import Validator
from edgegw.http.message import Header
from edgegw.values import value

FAILOVER_CODES: Final = frozenset({400, 403, 404, 416, 429, 500, 502, 503, 504})
"""Statuses that `failoverCriteria` may name.

Source: CloudFront Developer Guide, "Optimize high availability with origin failover".
"""


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
    becomes_custom = isinstance(origin, CustomOrigin) or "customOriginConfig" in fields
    check_origin_fields(validator, fields, origin, named, where, becomes_custom=becomes_custom)
    if len(validator.violations) > before:
        return origin
    return _custom(fields, origin) if becomes_custom else _bucket(fields, cast("S3Origin", origin))


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
