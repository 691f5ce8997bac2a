"""Headers that are CloudFront's own: neither functions nor response headers policies touch them."""

from __future__ import annotations

from typing import Final

RESERVED: Final = frozenset(
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
    }
)
"""Names that are disallowed at the edge and cannot be removed by a policy, in lower case.

Source: CloudFront Developer Guide, "Restrictions on all edge functions", disallowed headers, and
"Understand response headers policies", headers that you can't remove.
"""
RESERVED_PREFIXES: Final = ("x-amz-cf-", "x-edge-")
"""Beginnings of further names of that kind.

Source: CloudFront Developer Guide, "Restrictions on all edge functions", disallowed headers, and
"Understand response headers policies", headers that you can't remove.
"""
