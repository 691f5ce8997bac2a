"""What AWS refuses of the lists in an origin request policy and in a response headers policy.

Cache policies have theirs in `cache/policy_rules.py`.
Source: CloudFront Developer Guide, "Quotas", quotas on policies; "Understand origin request
policies"; "Request and response behavior for custom origins", the table of headers; "Understand
response headers policies".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from edgegw.cloudfront.cache.policy_rules import (
    MAX_POLICY_CHARACTERS,
    MAX_POLICY_COOKIES,
    MAX_POLICY_QUERY_STRINGS,
    NEVER_IN_KEY,
    RefusedPolicy,
)
from edgegw.cloudfront.model import OriginRequestPolicy, Selection
from edgegw.cloudfront.quotas import MAX_POLICY_HEADERS

_ONLY_HERE: Final = ("cloudfront-viewer-",)
"""Beginnings of headers that may be in an origin request policy and not in a cache key."""
MAX_RESPONSE_HEADERS: Final = 10
"""Custom headers that a response headers policy adds, and headers that it removes, each.

Source: CloudFront Developer Guide, "Quotas", quotas on policies.
"""
MAX_RESPONSE_HEADER_VALUE: Final = 1783
"""Characters of the value of a custom header of a response headers policy.

Source: CloudFront Developer Guide, "Quotas", quotas on policies.
"""
OWN_SECTION: Final = frozenset(
    {
        *("content-security-policy", "referrer-policy", "strict-transport-security"),
        *("x-content-type-options", "x-frame-options", "x-xss-protection", "server-timing"),
        *("access-control-allow-credentials", "access-control-allow-headers"),
        *("access-control-allow-methods", "access-control-allow-origin"),
        *("access-control-expose-headers", "access-control-max-age"),
    }
)
"""Headers that a response headers policy has a section of its own for, in lower case.

Source: CloudFront Developer Guide, "Understand response headers policies", custom headers.
"""
NEVER_IN_RESPONSE: Final = frozenset(
    {
        *("connection", "content-encoding", "content-length", "expect", "host", "keep-alive"),
        *("proxy-authenticate", "proxy-authorization", "proxy-connection", "trailer"),
        *("transfer-encoding", "upgrade", "via", "warning", "x-accel-buffering"),
        *("x-accel-charset", "x-accel-limit-rate", "x-accel-redirect", "x-cache"),
        *("x-forwarded-proto", "x-real-ip"),
    }
)
"""Headers that a response headers policy neither adds nor removes, in lower case; nor X-Amz-Cf-*,
X-Amzn-* and X-Edge-*.

Source: CloudFront Developer Guide, "Understand response headers policies".
"""


def refused_request_policy(policy: OriginRequestPolicy) -> list[RefusedPolicy]:
    """Everything that AWS refuses of an origin request policy."""
    kinds = (
        ("Headers", policy.headers, MAX_POLICY_HEADERS),
        ("Cookies", policy.cookies, MAX_POLICY_COOKIES),
        ("QueryStrings", policy.query_strings, MAX_POLICY_QUERY_STRINGS),
    )
    refused = [fault for kind in kinds for fault in _names(*kind)]
    return [*refused, *_headers(policy.headers)]


def _names(kind: str, selection: Selection, most: int) -> Iterator[RefusedPolicy]:
    if len(selection.items) > most:
        text = f"an origin request policy names at most {most}, not {len(selection.items)}"
        yield RefusedPolicy(f"TooMany{kind}InOriginRequestPolicy", kind, text)
    characters = sum(map(len, selection.items))
    if characters > MAX_POLICY_CHARACTERS:
        text = f"the names have at most {MAX_POLICY_CHARACTERS} characters in all, not {characters}"
        yield RefusedPolicy("InvalidArgument", kind, text)
    if selection.behavior in ("whitelist", "allExcept") and not selection.items:
        yield RefusedPolicy("InvalidArgument", kind, f"{selection.behavior} needs a name")


def _headers(selection: Selection) -> Iterator[RefusedPolicy]:
    if selection.behavior == "allViewerAndWhitelistCloudFront":
        for name in selection.items:
            if not name.lower().startswith("cloudfront-"):
                text = f"{name} is no header of CloudFront's, and those alone are listed here"
                yield RefusedPolicy("InvalidArgument", "Headers", text)
    if selection.behavior != "whitelist":
        return
    for name in selection.items:
        lower = name.lower()
        if lower in ("authorization", "accept-encoding"):
            text = f"{name} cannot be in an origin request policy: name it in the cache policy"
            if lower == "accept-encoding":
                text += ", or switch its gzip and brotli on"
            yield RefusedPolicy("InvalidArgument", "Headers", text)
        elif _is_never_forwarded(lower):
            text = f"{name} cannot be forwarded by a policy"
            yield RefusedPolicy("InvalidArgument", "Headers", text)


def _is_never_forwarded(lower: str) -> bool:
    if lower.startswith("x-edge-"):
        return True
    return lower in NEVER_IN_KEY and not lower.startswith(_ONLY_HERE)


def refused_response_headers(
    custom: Sequence[tuple[str, str]], removed: Sequence[str]
) -> list[RefusedPolicy]:
    """What AWS refuses of the headers that a response headers policy adds and removes."""
    return [*_custom(custom), *_removed(removed)]


def _custom(custom: Sequence[tuple[str, str]]) -> Iterator[RefusedPolicy]:
    if len(custom) > MAX_RESPONSE_HEADERS:
        text = f"at most {MAX_RESPONSE_HEADERS} custom headers, not {len(custom)}"
        yield RefusedPolicy("TooManyCustomHeadersInResponseHeadersPolicy", "CustomHeaders", text)
    for name, header in custom:
        if name.lower() in OWN_SECTION:
            text = f"{name} has a section of its own and is no custom header"
            yield RefusedPolicy("InvalidArgument", "CustomHeaders", text)
        elif _is_untouchable(name.lower()):
            text = f"{name} cannot be added to a response"
            yield RefusedPolicy("InvalidArgument", "CustomHeaders", text)
        if len(header) > MAX_RESPONSE_HEADER_VALUE:
            most = MAX_RESPONSE_HEADER_VALUE
            text = f"the value of {name} has at most {most} characters, not {len(header)}"
            yield RefusedPolicy("InvalidArgument", "CustomHeaders", text)


def _removed(removed: Sequence[str]) -> Iterator[RefusedPolicy]:
    if len(removed) > MAX_RESPONSE_HEADERS:
        text = f"at most {MAX_RESPONSE_HEADERS} headers are removed, not {len(removed)}"
        yield RefusedPolicy("TooManyRemoveHeadersInResponseHeadersPolicy", "RemoveHeaders", text)
    for name in removed:
        if _is_untouchable(name.lower()):
            text = f"{name} cannot be removed from a response"
            yield RefusedPolicy("InvalidArgument", "RemoveHeaders", text)


def _is_untouchable(lower: str) -> bool:
    return lower in NEVER_IN_RESPONSE or lower.startswith(("x-amz-cf-", "x-amzn-", "x-edge-"))
