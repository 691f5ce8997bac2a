"""The usual hit in one go: a stored 200 that is fresh, given whole, and that nobody works on.

The long way, by `decide` and `to_viewer`, says the same; a test holds the two equal. What follows
from the stored headers hangs on them, so the headers of the answer are those and what is this
request's own: Via, the id, Age. Whoever writes them knows the rest by its bytes (`Headers.base`).
"""

from __future__ import annotations

from edgegw.cloudfront.answers import stamp, via
from edgegw.cloudfront.cache.entry import FoundEntry
from edgegw.cloudfront.cache.ranges import asks_plainly
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.request_context import DistributionAnswer, RequestContext
from edgegw.http.message import Request, Response


def plain_hit(
    context: RequestContext, request: Request, stored: FoundEntry, now: float
) -> DistributionAnswer | None:
    """The answer out of `stored`; None where more has to be looked at.

    The age is below the TTL, so this is a Hit whatever else is true of the entry.
    """
    entry, behavior, facts = stored.entry, context.behavior, context.facts
    age = now - entry.stored_at
    if (
        age >= entry.freshness.ttl
        or entry.status != 200
        or entry.origin_status != 200
        or entry.is_head
        or request.method != "GET"
        or facts.cache_override
        or behavior.response_headers_policy is not None
        or "viewer-response" in behavior.associations
        or "viewer-response" in behavior.edge_functions
        or context.error_page_fetch is not None
        or not asks_plainly(request.headers)
    ):
        return None
    to_viewer = behavior.forwarding.to_viewer
    kept = entry.headers.derived(to_viewer, to_viewer)
    if not kept.has_date:
        return None
    own = (b"Via", kept.via + via("1.1", facts))
    lines = stamp(Verdict.HIT, own, facts, max(0, int(age)))
    response = Response(200, entry.reason, kept.headers.added(*lines), stored.body.whole())
    return DistributionAnswer(response, context, Verdict.HIT)
