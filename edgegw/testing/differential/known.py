"""What may differ between the gateway and a deployed front door, and why that means nothing.

Each entry is a header and a reason, which the report shows: a difference is never left out
silently. What is not here is a difference.
"""

from __future__ import annotations

from typing import Final

_EACH_REQUEST: Final = "it is another one for each request"
_WARM: Final = "the caches of both sides have seen other requests before"
_FRAMING: Final = "it belongs to the connection; bodies are compared themselves"
_WHEN: Final = "it is reckoned from the time of the answer"

KNOWN: Final[dict[str, str]] = {
    "date": _WHEN,
    "expires": _WHEN,
    "age": _WARM,
    "x-cache": _WARM,
    "via": "it names the server that answered",
    "x-amz-cf-pop": "it names the edge location",
    "x-amz-cf-id": _EACH_REQUEST,
    "x-amz-request-id": _EACH_REQUEST,
    "x-amz-id-2": _EACH_REQUEST,
    "x-amzn-requestid": _EACH_REQUEST,
    "x-amzn-trace-id": _EACH_REQUEST,
    "apigw-requestid": _EACH_REQUEST,
    "x-amz-apigw-id": _EACH_REQUEST,
    "server-timing": "it measures this one request",
    "alt-svc": "it offers HTTP/3 where there is a port for it",
    "connection": _FRAMING,
    "keep-alive": _FRAMING,
    "transfer-encoding": _FRAMING,
    "content-length": _FRAMING,
    "x-edgegw-reason": "the gateway says why something failed",
    "x-edgegw-stale": "the gateway says that an older version of a file answered",
    "x-edgegw-fault": "the gateway says which fault was asked for",
}
"""Headers that may differ, and why."""

ETAG_WEAKNESS: Final = "whoever compresses makes a validator weak"
COOKIE_VALUE: Final = "the value of a cookie may be drawn for each viewer; its attributes count"
COOKIE_EXPIRES: Final = _WHEN
ASKED_FOR: Final = "it is left out on demand (--ignore)"

_CACHED: Final = frozenset({"hit", "miss", "refreshhit"})


def is_same_verdict(first: str, second: str) -> bool:
    """Whether two values of X-Cache differ by what a cache had alone.

    A `Miss` may be a `Hit`, an `Error` may not.
    """
    words = {value.partition(" ")[0].lower() for value in (first, second)}
    return words <= _CACHED or len(words) == 1
