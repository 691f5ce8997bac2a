"""What AWS refuses of the lists in an origin request policy.

Cache policies have theirs in `cache/policy_rules.py`, response headers policies in
`response_headers_rules.py`.
Source: CloudFront Developer Guide, "Quotas", quotas on policies; "Understand origin request
policies"; "Request and response behavior for custom origins", the table of headers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edgegw.cloudfront.cache.policy_rules import (
    MAX_POLICY_COOKIES,
    MAX_POLICY_QUERY_STRINGS,
    NEVER_IN_KEY,
    RefusedPolicy,
    too_many_characters,
)
from edgegw.cloudfront.model import OriginRequestPolicy, Selection
from edgegw.cloudfront.quotas import MAX_POLICY_HEADERS

_ONLY_HERE: Final = ("cloudfront-viewer-",)
"""Beginnings of headers that may be in an origin request policy and not in a cache key."""


def refused_request_policy(policy: OriginRequestPolicy) -> list[RefusedPolicy]:
    """Everything that AWS refuses of an origin request policy."""
    kinds = (
        ("Headers", policy.headers, MAX_POLICY_HEADERS),
        ("Cookies", policy.cookies, MAX_POLICY_COOKIES),
        ("QueryStrings", policy.query_strings, MAX_POLICY_QUERY_STRINGS),
    )
    refused = [fault for kind in kinds for fault in _names(*kind)]
    refused += too_many_characters(policy.headers, policy.cookies, policy.query_strings)
    return [*refused, *_headers(policy.headers)]


def _names(kind: str, selection: Selection, most: int) -> Iterator[RefusedPolicy]:
    if len(selection.items) > most:
        text = f"an origin request policy names at most {most}, not {len(selection.items)}"
        yield RefusedPolicy(f"TooMany{kind}InOriginRequestPolicy", kind, text)
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
