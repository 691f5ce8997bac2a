"""What a request came to: the word of X-Cache, and the result types of the access log."""

from __future__ import annotations

from enum import StrEnum

from edgegw.values import value


class Verdict(StrEnum):
    """How an answer came about; X-Cache says `VERDICT from cloudfront`.

    Source: CloudFront Developer Guide, "Standard logging reference", x-edge-result-type.
    """

    HIT = "Hit"
    REFRESH_HIT = "RefreshHit"
    MISS = "Miss"
    ERROR = "Error"
    REDIRECT = "Redirect"
    LIMIT_EXCEEDED = "LimitExceeded"
    CAPACITY_EXCEEDED = "CapacityExceeded"
    LAMBDA_GENERATED_RESPONSE = "LambdaGeneratedResponse"
    LAMBDA_VALIDATION_ERROR = "LambdaValidationError"
    LAMBDA_EXECUTION_ERROR = "LambdaExecutionError"
    LAMBDA_LIMIT_EXCEEDED = "LambdaLimitExceeded"
    FUNCTION_GENERATED_RESPONSE = "FunctionGeneratedResponse"
    FUNCTION_VALIDATION_ERROR = "FunctionValidationError"
    FUNCTION_EXECUTION_ERROR = "FunctionExecutionError"
    FUNCTION_THROTTLED_ERROR = "FunctionThrottledError"

    @property
    def header(self) -> bytes:
        """The value of X-Cache."""
        return _HEADERS[self]


_HEADERS = {verdict: f"{verdict} from cloudfront".encode() for verdict in Verdict}


class DetailedResult(StrEnum):
    """What `x-edge-detailed-result-type` says beyond the verdict.

    Source: CloudFront Developer Guide, "Standard logging reference", x-edge-detailed-result-type.
    """

    ORIGIN_SHIELD_HIT = "OriginShieldHit"
    MISS_GENERATED_RESPONSE = "MissGeneratedResponse"
    ABORTED_ORIGIN = "AbortedOrigin"
    CLIENT_COMM_ERROR = "ClientCommError"
    CLIENT_GEO_BLOCKED = "ClientGeoBlocked"
    CLIENT_HUNG_UP_REQUEST = "ClientHungUpRequest"
    ERROR = "Error"
    INVALID_REQUEST = "InvalidRequest"
    INVALID_REQUEST_BLOCKED = "InvalidRequestBlocked"
    INVALID_REQUEST_CERTIFICATE = "InvalidRequestCertificate"
    INVALID_REQUEST_HEADER = "InvalidRequestHeader"
    INVALID_REQUEST_METHOD = "InvalidRequestMethod"
    ORIGIN_COMM_ERROR = "OriginCommError"
    ORIGIN_CONNECT_ERROR = "OriginConnectError"
    ORIGIN_CONTENT_RANGE_LENGTH_ERROR = "OriginContentRangeLengthError"
    ORIGIN_DNS_ERROR = "OriginDnsError"
    ORIGIN_ERROR = "OriginError"
    ORIGIN_HEADER_TOO_BIG_ERROR = "OriginHeaderTooBigError"
    ORIGIN_INVALID_RESPONSE_ERROR = "OriginInvalidResponseError"
    ORIGIN_READ_ERROR = "OriginReadError"
    ORIGIN_WRITE_ERROR = "OriginWriteError"
    ORIGIN_ZERO_SIZE_OBJECT_ERROR = "OriginZeroSizeObjectError"
    SLOW_READER_ORIGIN_ERROR = "SlowReaderOriginError"


@value
class LoggedResult:
    """The three result types of one line: after the last byte, before the first, in detail."""

    result: Verdict
    response_result: Verdict
    detail: str


def logged_result(
    verdict: Verdict, detail: DetailedResult | None = None, *, viewer_left: bool = False
) -> LoggedResult:
    """The log's words for `verdict`; `detail` says more where the verdict is Error or Miss.

    A viewer that leaves early makes an Error of the result alone, whatever had been answered.
    Source: CloudFront Developer Guide, "Standard logging reference", x-edge-result-type.
    """
    if viewer_left:
        left = DetailedResult.CLIENT_COMM_ERROR
        return LoggedResult(Verdict.ERROR, verdict, left.value)
    if detail is None or not _may_say_more(verdict, detail):
        return LoggedResult(verdict, verdict, verdict.value)
    return LoggedResult(verdict, verdict, detail.value)


def _may_say_more(verdict: Verdict, detail: DetailedResult) -> bool:
    if detail is DetailedResult.MISS_GENERATED_RESPONSE:
        return verdict is Verdict.MISS
    if detail is DetailedResult.ORIGIN_SHIELD_HIT:
        return verdict in (Verdict.HIT, Verdict.MISS)
    return verdict is Verdict.ERROR
