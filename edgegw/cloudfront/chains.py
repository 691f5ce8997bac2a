"""Distributions behind distributions: two may stand in a row, the third refuses.

Each adds its entry to Via on the way to its origin, so a request tells how many it has passed. That
ends a circle as well: a distribution whose origin leads back to itself.
"""

from __future__ import annotations

from typing import Final

from edgegw.cloudfront.behaviors import DistributionRefusal
from edgegw.http.grammar import BLANKS
from edgegw.http.message import Headers

MAX_CHAIN: Final = 2
"""Distributions that a request may pass on its way to an origin.

Source: CloudFront Developer Guide, "HTTP 403 status code (Permission Denied)".
"""
_OURS: Final = b".cloudfront.net (CloudFront)"


def refuse_chain(headers: Headers) -> DistributionRefusal | None:
    """403 for a request that has passed as many distributions as it may; None for any other.

    It is worked out once for headers that come again.
    Source: CloudFront Developer Guide, "HTTP 403 status code (Permission Denied)".
    """
    return headers.derived(_refused, _refused)


def _refused(headers: Headers) -> DistributionRefusal | None:
    entries = b",".join(headers.get_all(b"via")).split(b",")
    passed = sum(entry.strip(BLANKS).endswith(_OURS) for entry in entries)
    if passed < MAX_CHAIN:
        return None
    detail = (
        f"the request has passed {passed} distributions already, and {MAX_CHAIN} may stand in a "
        "row: does an origin lead back to a distribution?"
    )
    return DistributionRefusal(403, "Bad request.", detail)
