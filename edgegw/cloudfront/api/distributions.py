"""GetDistribution, GetDistributionConfig, ListDistributions: a distribution in AWS's form.

What edgegw knows of it, in the structure that AWS has for it: what it has no notion of (logging
buckets, price class, certificates) is as on a distribution that was never changed.
Source: CloudFront API Reference, Distribution, DistributionConfig, DistributionSummary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from edgegw.awslambda.names import Account
from edgegw.cloudfront.api.functions import function_arn
from edgegw.cloudfront.api.paging import ListPage
from edgegw.cloudfront.api.xml_writer import Content, counted, encode_document, timestamp
from edgegw.cloudfront.behaviors import GET_HEAD
from edgegw.cloudfront.cache.legacy import ForwardedValues
from edgegw.cloudfront.model import (
    Behavior,
    CustomOrigin,
    Distribution,
    Fallback,
    Origin,
    S3Origin,
)
from edgegw.values import value

Members: TypeAlias = "list[tuple[str, Content]]"

_NONE: Final[Members] = [("Enabled", False), ("Quantity", 0)]
_ORDER: Final = ("HEAD", "DELETE", "POST", "GET", "OPTIONS", "PUT", "PATCH")
_HTTP_PORT: Final = 80
_HTTPS_PORT: Final = 443


@value
class Surroundings:
    """Whose distributions they are, and since when they are as they are (seconds since 1970)."""

    account: Account
    modified_at: float


def encode_distribution(
    distribution: Distribution, surroundings: Surroundings, in_progress: int
) -> bytes:
    """`Distribution`; `in_progress` is how many of its invalidations are."""
    content: Members = [
        *_head(distribution, surroundings),
        ("InProgressInvalidationBatches", in_progress),
        ("DomainName", distribution.domain_name),
        ("ActiveTrustedSigners", _NONE),
        ("ActiveTrustedKeyGroups", _NONE),
        ("DistributionConfig", _config(distribution, surroundings)),
    ]
    return encode_document("Distribution", content)


def encode_distribution_config(distribution: Distribution, surroundings: Surroundings) -> bytes:
    """`DistributionConfig`."""
    return encode_document("DistributionConfig", _config(distribution, surroundings))


def encode_distribution_list(page: ListPage[Distribution], surroundings: Surroundings) -> bytes:
    """`DistributionList`."""

    def summary(distribution: Distribution) -> Content:
        return [
            *_head(distribution, surroundings),
            ("DomainName", distribution.domain_name),
            *_shared(distribution, surroundings),
        ]

    return encode_document("DistributionList", page.encoded("DistributionSummary", summary))


def etag_of(distribution: Distribution, surroundings: Surroundings) -> str:
    """What is another one when the configuration of the distribution is."""
    document = encode_distribution_config(distribution, surroundings)
    return "E" + hashlib.sha256(document).hexdigest()[:13].upper()


def _head(distribution: Distribution, surroundings: Surroundings) -> Members:
    account = surroundings.account.account_id
    return [
        ("Id", distribution.id),
        ("ARN", f"arn:aws:cloudfront::{account}:distribution/{distribution.id}"),
        ("Status", "Deployed"),
        ("LastModifiedTime", timestamp(surroundings.modified_at)),
    ]


def _config(distribution: Distribution, surroundings: Surroundings) -> Members:
    logging: Members = [
        ("Enabled", False),
        ("IncludeCookies", False),
        ("Bucket", ""),
        ("Prefix", ""),
    ]
    tags = distribution.cache_tag_header.decode()
    return [
        ("CallerReference", distribution.name),
        ("DefaultRootObject", distribution.default_root_object),
        ("Logging", logging),
        *_shared(distribution, surroundings),
        ("ContinuousDeploymentPolicyId", ""),
        *([("CacheTagConfig", [("HeaderName", tags)])] if tags else []),
    ]


def _shared(distribution: Distribution, surroundings: Surroundings) -> Members:
    """What a summary and a configuration have in common."""
    account = surroundings.account
    named = [
        (("PathPattern", behavior.path_pattern), *_behavior(behavior, account))
        for behavior in distribution.behaviors
    ]
    return [
        ("Aliases", counted("CNAME", distribution.aliases)),
        ("Origins", counted("Origin", [_origin(origin) for origin in _origins(distribution)])),
        ("OriginGroups", counted("OriginGroup", _groups(distribution))),
        ("DefaultCacheBehavior", _behavior(distribution.default_behavior, account)),
        ("CacheBehaviors", counted("CacheBehavior", named)),
        ("CustomErrorResponses", counted("CustomErrorResponse", _error_responses(distribution))),
        ("Comment", ""),
        ("PriceClass", "PriceClass_All"),
        ("Enabled", True),
        ("ViewerCertificate", [("CloudFrontDefaultCertificate", True)]),
        ("Restrictions", [("GeoRestriction", _geo_restriction(distribution))]),
        ("WebACLId", ""),
        ("HttpVersion", distribution.http_version),
        ("IsIPV6Enabled", True),
        ("Staging", False),
    ]


def _behaviors(distribution: Distribution) -> tuple[Behavior, ...]:
    return (*distribution.behaviors, distribution.default_behavior)


def _origins(distribution: Distribution) -> list[Origin]:
    """The origins that behaviors lead to, by name."""
    origins: dict[str, Origin] = {}
    for behavior in _behaviors(distribution):
        members = [behavior.origin]
        if behavior.fallback is not None:
            members.append(behavior.fallback.origin)
        origins.update((origin.name, origin) for origin in members)
    return [origins[name] for name in sorted(origins)]


def _origin_id(origin: Origin) -> str:
    return origin.name.partition("/")[2]


def _origin(origin: Origin) -> Members:
    headers: list[Content] = [
        [("HeaderName", name.decode("latin-1")), ("HeaderValue", line.decode("latin-1"))]
        for name, line in origin.custom_headers
    ]
    return [
        ("Id", _origin_id(origin)),
        ("DomainName", origin.domain_name),
        ("OriginPath", origin.path),
        ("CustomHeaders", counted("OriginCustomHeader", headers)),
        *_origin_kind(origin),
        ("OriginShield", [("Enabled", False)]),
    ]


def _origin_kind(origin: Origin) -> Members:
    match origin:
        case S3Origin():
            return [("S3OriginConfig", [("OriginAccessIdentity", "")])]
        case CustomOrigin():
            is_https = origin.protocol == "https"
            config: Members = [
                ("HTTPPort", _HTTP_PORT if is_https else origin.port),
                ("HTTPSPort", origin.port if is_https else _HTTPS_PORT),
                ("OriginProtocolPolicy", f"{origin.protocol}-only"),
                ("OriginSslProtocols", counted("SslProtocol", origin.ssl_protocols)),
                ("OriginReadTimeout", round(origin.read_timeout)),
                ("OriginKeepaliveTimeout", round(origin.keepalive_timeout)),
            ]
            return [
                ("CustomOriginConfig", config),
                ("ConnectionAttempts", origin.connection_attempts),
                ("ConnectionTimeout", round(origin.connection_timeout)),
            ]


def _groups(distribution: Distribution) -> list[Content]:
    groups: dict[str, Content] = {
        behavior.fallback.group: _group(behavior.origin, behavior.fallback)
        for behavior in _behaviors(distribution)
        if behavior.fallback is not None
    }
    return list(groups.values())


def _group(first: Origin, fallback: Fallback) -> Members:
    codes = counted("StatusCode", sorted(fallback.codes))
    members: list[Content] = [
        [("OriginId", _origin_id(origin))] for origin in (first, fallback.origin)
    ]
    return [
        ("Id", fallback.group),
        ("FailoverCriteria", [("StatusCodes", codes)]),
        ("Members", counted("OriginGroupMember", members)),
    ]


def _behavior(behavior: Behavior, account: Account) -> Members:
    fallback = behavior.fallback
    cached = GET_HEAD if behavior.cache is None else behavior.cache.methods
    methods: Members = [
        *counted("Method", _in_order(behavior.allowed_methods)),
        ("CachedMethods", counted("Method", _in_order(cached))),
    ]
    return [
        ("TargetOriginId", fallback.group if fallback else _origin_id(behavior.origin)),
        ("TrustedSigners", _NONE),
        ("TrustedKeyGroups", [("Enabled", behavior.trusted_keys is not None), ("Quantity", 0)]),
        ("ViewerProtocolPolicy", behavior.viewer_protocol_policy),
        ("AllowedMethods", methods),
        ("SmoothStreaming", False),
        ("Compress", behavior.compress),
        ("LambdaFunctionAssociations", counted(_ASSOCIATION, _associations(behavior, account))),
        ("FunctionAssociations", counted(_EDGE_ASSOCIATION, _edge_functions(behavior, account))),
        ("FieldLevelEncryptionId", ""),
        *_policies(behavior),
    ]


_ASSOCIATION: Final = "LambdaFunctionAssociation"
_EDGE_ASSOCIATION: Final = "FunctionAssociation"


def _in_order(methods: frozenset[str]) -> Sequence[str]:
    return [method for method in _ORDER if method in methods]


def _associations(behavior: Behavior, account: Account) -> list[Content]:
    return [
        [
            (
                "LambdaFunctionARN",
                account.arn(association.function.name, association.function.qualifier),
            ),
            ("EventType", trigger),
            ("IncludeBody", association.include_body),
        ]
        for trigger, association in behavior.associations.items()
    ]


def _edge_functions(behavior: Behavior, account: Account) -> list[Content]:
    return [
        [("FunctionARN", function_arn(account, name)), ("EventType", trigger)]
        for trigger, name in behavior.edge_functions.items()
    ]


def _policies(behavior: Behavior) -> Iterator[tuple[str, Content]]:
    if behavior.forwarding.forwarded_values is not None:
        yield "ForwardedValues", _forwarded(behavior.forwarding.forwarded_values)
        policy = behavior.forwarding.cache_policy
        yield "MinTTL", policy.min_ttl
        yield "DefaultTTL", policy.default_ttl
        yield "MaxTTL", policy.max_ttl
    else:
        yield "CachePolicyId", behavior.forwarding.cache_policy.id
    if behavior.forwarding.origin_request_policy is not None:
        yield "OriginRequestPolicyId", behavior.forwarding.origin_request_policy.id
    if behavior.response_headers_policy is not None:
        yield "ResponseHeadersPolicyId", behavior.response_headers_policy.id


def _forwarded(forwarded: ForwardedValues) -> Members:
    cookies: Members = [("Forward", forwarded.cookies)]
    if forwarded.cookies == "whitelist":
        cookies.append(("WhitelistedNames", counted("Name", forwarded.cookie_names)))
    return [
        ("QueryString", forwarded.query_string),
        ("Cookies", cookies),
        ("Headers", counted("Name", forwarded.headers)),
        ("QueryStringCacheKeys", counted("Name", forwarded.query_string_cache_keys)),
    ]


def _error_responses(distribution: Distribution) -> list[Content]:
    cache = distribution.default_behavior.cache
    times = dict[int, int]() if cache is None else cache.error_ttls
    responses: list[Content] = []
    for code in sorted({*distribution.error_pages, *times}):
        response: Members = [("ErrorCode", code)]
        page = distribution.error_pages.get(code)
        if page is not None:
            response += [("ResponsePagePath", page.path), ("ResponseCode", str(page.status))]
        if code in times:
            response.append(("ErrorCachingMinTTL", times[code]))
        responses.append(response)
    return responses


def _geo_restriction(distribution: Distribution) -> Members:
    restriction = distribution.geo_restriction
    if restriction is None:
        return [("RestrictionType", "none"), ("Quantity", 0)]
    locations = counted("Location", sorted(restriction.locations))
    return [("RestrictionType", restriction.type), *locations]
