"""What a response headers policy may say: names, numbers and the values of security headers.

Requests never meet these: they are what AWS refuses when the policy is made.
"""

from __future__ import annotations

from typing import Final

from edgegw.cloudfront.reserved_headers import RESERVED, RESERVED_PREFIXES

MAX_CUSTOM: Final = 10
"""Custom headers of a policy.

Source: CloudFront Developer Guide, "Quotas", quotas on response headers policies.
"""
MAX_REMOVED: Final = 10
"""Names that a policy removes.

Source: CloudFront Developer Guide, "Quotas", quotas on response headers policies.
"""
MAX_VALUE: Final = 1783
"""Characters of a custom header, of Access-Control-Allow-Origin, of Content-Security-Policy.

Source: CloudFront Developer Guide, "Quotas", quotas on headers.
"""
SAMPLING_DECIMALS: Final = 4
"""Decimal places of the sampling rate of Server-Timing, a percentage.

Source: CloudFront API Reference, ResponseHeadersPolicyServerTimingHeadersConfig.
"""

WITH_A_SECTION: Final = frozenset(
    {
        "access-control-allow-credentials",
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "access-control-expose-headers",
        "access-control-max-age",
        "content-security-policy",
        "referrer-policy",
        "server-timing",
        "strict-transport-security",
        "x-content-type-options",
        "x-frame-options",
        "x-xss-protection",
    }
)
"""Names with a section of their own, which the custom headers may not name.

Source: CloudFront API Reference, ResponseHeadersPolicyCustomHeader (observed in detail).
"""

_KEPT: Final = RESERVED | {
    "content-encoding",
    "content-length",
    "host",
    "transfer-encoding",
    "via",
    "warning",
}
"""Names that a policy cannot remove.

Source: CloudFront Developer Guide, "Understand response headers policies", headers that you can't
remove.
"""


def is_kept(name: str) -> bool:
    """Whether `name` is one that no policy removes; nor does one set it (uncertain)."""
    lower = name.lower()
    return lower in _KEPT or lower.startswith(RESERVED_PREFIXES)


def custom_fault(name: str, value: str) -> str | None:
    """Why AWS refuses a custom header; None where it does not. The value may be empty."""
    if name.lower() in WITH_A_SECTION:
        return f"{name} has a section of its own in the policy: set it there"
    if is_kept(name):
        return f"{name} is CloudFront's own: no policy sets it"
    if len(value) > MAX_VALUE:
        return f"the value of {name} has more than {MAX_VALUE} characters"
    return None


def removal_fault(name: str) -> str | None:
    """Why AWS refuses to remove `name`; None where it does not."""
    return f"{name} is a header that no policy can remove" if is_kept(name) else None


def sampling_fault(rate: float) -> str | None:
    """Why AWS refuses a sampling rate; None where it does not."""
    if not 0 <= rate <= 100:
        return "the sampling rate is a percentage from 0 to 100"
    if round(rate, SAMPLING_DECIMALS) != rate:
        return f"the sampling rate has at most {SAMPLING_DECIMALS} decimal places"
    return None


def xss_protection(*, protects: bool, blocks: bool, report_uri: str | None) -> str:
    """The value of X-XSS-Protection; `blocks` and `report_uri` exclude each other."""
    if not protects:
        return "0"
    if report_uri is not None:
        return f"1; report={report_uri}"
    return "1; mode=block" if blocks else "1"


def strict_transport_security(max_age: int, *, subdomains: bool, preloads: bool) -> str:
    """The value of Strict-Transport-Security.

    Source: CloudFront API Reference, ResponseHeadersPolicyStrictTransportSecurity.
    """
    return (
        f"max-age={max_age}"
        + ("; includeSubDomains" if subdomains else "")
        + ("; preload" if preloads else "")
    )
