"""Between the viewer's side and the origin's: the place of the cache."""

from __future__ import annotations

from edgegw.cloudfront.flow import origin_side
from edgegw.cloudfront.flow.steps import DistributionStep
from edgegw.cloudfront.request_context import RequestContext


def look_up(context: RequestContext) -> DistributionStep:
    """The place of the cache look-up.

    Its key comes from the request that viewer-request left. There is no cache yet, so every
    request is a miss.
    """
    return origin_side.to_origin(context)
