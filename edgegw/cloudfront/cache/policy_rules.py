"""What AWS refuses of a cache policy.

Source: CloudFront Developer Guide, "Quotas", quotas on policies, and "Understand cache policies".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edgegw.cloudfront.model import CachePolicy, Selection
from edgegw.cloudfront.quotas import MAX_POLICY_HEADERS
from edgegw.values import value

MAX_POLICY_COOKIES: Final = 10
"""Cookies that a cache policy or origin request policy names.

Source: CloudFront Developer Guide, "Quotas", quotas on policies.
"""
MAX_POLICY_QUERY_STRINGS: Final = 10
"""Query strings that a cache policy or origin request policy names.

Source: CloudFront Developer Guide, "Quotas", quotas on policies.
"""
MAX_POLICY_CHARACTERS: Final = 1024
"""Characters of all names that a policy has: headers, cookies and query strings together.

Source: CloudFront Developer Guide, "Quotas", quotas on policies.
"""
NEVER_IN_KEY: Final = frozenset(
    {
        "cache-control",
        "connection",
        "content-length",
        "cookie",
        "max-forwards",
        "pragma",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "request-range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-amz-cf-id",
        "x-forwarded-proto",
        "x-real-ip",
        "cloudfront-viewer-address",
        "cloudfront-viewer-asn",
        "cloudfront-viewer-cert-pem",
        "cloudfront-viewer-cert-validity",
        "cloudfront-viewer-ja3-fingerprint",
        "cloudfront-viewer-ja4-fingerprint",
        "cloudfront-viewer-tls",
    }
)
"""Headers that a cache policy must not name, in lower case; nor any of X-Edge-*.

Source: CloudFront Developer Guide, "Request and response behavior for custom origins", the table of
headers, and "Add CloudFront request headers".
"""


@value
class RefusedPolicy:
    """Why AWS refuses a policy: its error code, the field of its API, and a message.

    `name` is the one in a list that it is about, where it is about one.
    """

    code: str
    field: str
    message: str
    name: str = ""


def has_wildcard(name: str) -> bool:
    """Whether `name` looks like a pattern. Policies have none: `*` and `?` are characters there.

    Source: CloudFront Developer Guide, "Understand cache policies", cache key settings.
    """
    return "*" in name or "?" in name


def refused_policy(policy: CachePolicy, *, is_s3: bool = False) -> list[RefusedPolicy]:
    """Everything that AWS refuses of a cache policy. `is_s3`: a behavior uses it for a bucket."""
    return [
        *_names(policy),
        *too_many_characters(policy.headers, policy.cookies, policy.query_strings),
        *_headers(policy, is_s3=is_s3),
        *_times(policy),
        *_refused_when_disabled(policy),
    ]


def _names(policy: CachePolicy) -> Iterator[RefusedPolicy]:
    kinds = (
        ("Headers", "TooManyHeadersInCachePolicy", policy.headers, MAX_POLICY_HEADERS),
        ("Cookies", "TooManyCookiesInCachePolicy", policy.cookies, MAX_POLICY_COOKIES),
        (
            "QueryStrings",
            "TooManyQueryStringsInCachePolicy",
            policy.query_strings,
            MAX_POLICY_QUERY_STRINGS,
        ),
    )
    for kind, code, selection, most in kinds:
        if len(selection.items) > most:
            text = f"a cache policy names at most {most}, not {len(selection.items)}"
            yield RefusedPolicy(code, kind, text)
        if selection.behavior in ("whitelist", "allExcept") and not selection.items:
            yield RefusedPolicy("InvalidArgument", kind, f"{selection.behavior} needs a name")


def too_many_characters(
    headers: Selection, cookies: Selection, query_strings: Selection
) -> Iterator[RefusedPolicy]:
    """Names that are too long together, said of the kind that has most of them.

    Source: CloudFront Developer Guide, "Quotas", quotas on policies.
    """
    kinds = {"Headers": headers, "Cookies": cookies, "QueryStrings": query_strings}
    sizes = {kind: sum(map(len, selection.items)) for kind, selection in kinds.items()}
    characters = sum(sizes.values())
    if characters > MAX_POLICY_CHARACTERS:
        text = f"the names have at most {MAX_POLICY_CHARACTERS} characters in all, not {characters}"
        yield RefusedPolicy("InvalidArgument", max(sizes, key=sizes.__getitem__), text)


def _headers(policy: CachePolicy, *, is_s3: bool) -> Iterator[RefusedPolicy]:
    if policy.headers.behavior != "whitelist":
        return
    for name in policy.headers.items:
        lower = name.lower()
        if lower in NEVER_IN_KEY or lower.startswith("x-edge-"):
            yield RefusedPolicy("InvalidArgument", "Headers", f"{name} cannot be in a cache key")
        elif lower == "accept-encoding" and (policy.gzip or policy.brotli):
            text = "Accept-Encoding is in the key by gzip or brotli already"
            yield RefusedPolicy("InvalidArgument", "Headers", text)
        elif lower in ("host", "authorization") and is_s3:
            text = f"{name} cannot be forwarded to a bucket"
            yield RefusedPolicy("InvalidArgument", "Headers", text)


def _times(policy: CachePolicy) -> Iterator[RefusedPolicy]:
    """TTLs that do not ascend; that AWS refuses them is uncertain."""
    if not policy.min_ttl <= policy.default_ttl <= policy.max_ttl:
        text = (
            "MinTTL, DefaultTTL and MaxTTL are seconds of 0 or more and ascend, not "
            f"{policy.min_ttl}, {policy.default_ttl}, {policy.max_ttl}"
        )
        yield RefusedPolicy("InvalidArgument", "MinTTL", text)


def _refused_when_disabled(policy: CachePolicy) -> Iterator[RefusedPolicy]:
    """With three TTLs of 0, caching is disabled and a policy may name nothing.

    Source: observed, in reports of what CreateCachePolicy answers.
    """
    if policy.max_ttl or policy.default_ttl or policy.min_ttl:
        return
    named: tuple[tuple[str, Selection], ...] = (
        ("HeaderBehavior", policy.headers),
        ("CookieBehavior", policy.cookies),
        ("QueryStringBehavior", policy.query_strings),
    )
    fields = [field for field, selection in named if selection.behavior != "none"]
    fields += ["EnableAcceptEncodingGzip"] if policy.gzip else []
    fields += ["EnableAcceptEncodingBrotli"] if policy.brotli else []
    for field in fields:
        text = f"The parameter {field} is invalid for policy with caching disabled"
        yield RefusedPolicy("InvalidArgument", field, text)
