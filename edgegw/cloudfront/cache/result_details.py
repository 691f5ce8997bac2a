"""Why an answer is an Error, in the words of the access log."""

from __future__ import annotations

from typing import Final

from edgegw.cloudfront.behaviors import BAD_REQUEST, DistributionRefusal
from edgegw.cloudfront.cache.verdict import DetailedResult
from edgegw.cloudfront.error_causes import (
    ErrorCause,
    FailedEdgeFunction,
    FailedOutcome,
    OriginFailure,
)

_OF_ORIGINS: Final = {
    "refused": DetailedResult.ORIGIN_CONNECT_ERROR,
    "dns": DetailedResult.ORIGIN_DNS_ERROR,
    "closed": DetailedResult.ORIGIN_COMM_ERROR,
    "invalid": DetailedResult.ORIGIN_INVALID_RESPONSE_ERROR,
    "timeout": DetailedResult.ORIGIN_COMM_ERROR,
}


def detail_of(cause: ErrorCause | None) -> DetailedResult | None:
    """The detail of an Error with this `cause`.

    None for a function that failed, where verdict and detail are one. An error without a cause is
    the origin's own answer. Which of an origin's failures is which word is partly uncertain.
    Source: CloudFront Developer Guide, "Standard logging reference", x-edge-detailed-result-type.
    """
    match cause:
        case None:
            return DetailedResult.ERROR
        case OriginFailure(is_too_large=True):
            return DetailedResult.ORIGIN_HEADER_TOO_BIG_ERROR
        case OriginFailure(kind=kind):
            return _OF_ORIGINS[kind]
        case DistributionRefusal(text=text) if "HTTP request method" in text:
            return DetailedResult.INVALID_REQUEST_METHOD
        case DistributionRefusal(text=text) if "from your country" in text:
            return DetailedResult.CLIENT_GEO_BLOCKED
        case DistributionRefusal(code=code) if code:  # of a signature (inferred)
            return DetailedResult.ERROR
        case DistributionRefusal():
            return DetailedResult.INVALID_REQUEST
        case FailedOutcome() | FailedEdgeFunction():
            return None


def detail_of_page(status: int | None) -> DetailedResult:
    """The detail for a request that came to no answer, by the status of its page; None without one.

    Which word a viewer gets that falls silent is uncertain.
    Source: CloudFront Developer Guide, "Standard logging reference", x-edge-detailed-result-type.
    """
    if status is None:
        return DetailedResult.CLIENT_HUNG_UP_REQUEST
    return DetailedResult.INVALID_REQUEST if status == BAD_REQUEST else DetailedResult.ERROR
