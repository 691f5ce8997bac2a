"""One request through a distribution: `start` answers the first step, `steps` draws them all.

steps         what is needed, one type each, and what follows once it is there
viewer_side   from a viewer's request to the cache, and from there back to the viewer
cache_side    between the two: what of a request the cache answers
origin_side   from the cache to an origin, and from its answer back to the cache
error_pages   functions and origins that failed, and the pages that stand for them
"""

from edgegw.cloudfront.flow.steps import (
    CacheStep,
    DistributionStep,
    EdgeFunctionStep,
    EdgeViewerRequest,
    EdgeViewerResponse,
    Fetch,
    Forget,
    FunctionStep,
    IncludeBody,
    LookUp,
    OriginRequest,
    OriginResponse,
    Refetch,
    Settle,
    Store,
    Touch,
    ViewerRequest,
    ViewerResponse,
    Wait,
)
from edgegw.cloudfront.flow.viewer_side import start

__all__ = [
    "CacheStep",
    "DistributionStep",
    "EdgeFunctionStep",
    "EdgeViewerRequest",
    "EdgeViewerResponse",
    "Fetch",
    "Forget",
    "FunctionStep",
    "IncludeBody",
    "LookUp",
    "OriginRequest",
    "OriginResponse",
    "Refetch",
    "Settle",
    "Store",
    "Touch",
    "ViewerRequest",
    "ViewerResponse",
    "Wait",
    "start",
]
