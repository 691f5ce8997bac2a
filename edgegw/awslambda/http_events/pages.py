"""What function URLs and HTTP APIs answer themselves: statuses, bodies, headers.

Bodies are JSON, but for the 502 of a function URL, which is plain text.
Source: Lambda Developer Guide, "Invoking Lambda function URLs", error codes; API Gateway Developer
Guide, "Troubleshooting issues with HTTP API Lambda integrations"; recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from edgegw.awslambda.http_events.model import FunctionUrl, HttpApi
from edgegw.awslambda.payload import encode_payload
from edgegw.awslambda.service_errors import ServiceError
from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Header
from edgegw.values import value

HttpFault = Literal[
    "BadRequest",
    "Forbidden",
    "UnknownHost",
    "NoRoute",
    "TooLarge",
    "HeadersTooLarge",
    "Throttled",
    "FunctionError",
    "InvalidResponse",
    "Timeout",
    "Fault",
]
"""Why an answer is the front door's own, for the exchange record."""

FORBIDDEN_TEXT: Final = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
"""What a function URL says to whom it does not let in, whatever the reason is.

Source: recorded answers.
"""
KEEP_ALIVE: Final = 65.0
"""Seconds that a connection waits for the next request. AWS does not say (uncertain)."""
SILENCE: Final = 60.0
"""Seconds for a head to be complete, and for more of a body. AWS does not say (uncertain)."""
MAX_HEAD: Final = 10_240
"""Bytes of request line and headers together at an HTTP API.

Source: API Gateway Developer Guide, "Quotas for configuring and running an HTTP API".
"""

LIMITS: Final = Limits(keep_alive=KEEP_ALIVE, head=SILENCE, idle=SILENCE, takes_plain=False)
"""What connections are held to.

AWS says nothing of idle connections (uncertain).
Source: Lambda Developer Guide, "Invoking Lambda function URLs".
"""


@value
class HttpPage:
    """A page of the front door's own."""

    status: int
    content: bytes
    lines: tuple[Header, ...] = ()
    content_type: bytes = b"application/json"


def front_door_page(front: FunctionUrl | HttpApi, fault: HttpFault, reason: str = "") -> HttpPage:
    """The page for `fault`; `reason` is Lambda's word for a throttle.

    Source: Lambda Developer Guide, "Invoking Lambda function URLs", error codes.
    """
    if isinstance(front, HttpApi):
        status, message = _API_PAGES[fault]
        return HttpPage(status, encode_payload({"message": message}))
    if fault in ("FunctionError", "InvalidResponse"):
        return HttpPage(502, b"Internal Server Error", content_type=b"text/plain")
    if fault == "Throttled":
        error = ServiceError("TooManyRequestsException", "Rate Exceeded.", reason=reason)
        return HttpPage(429, error.body, (_error_type("TooManyRequestsException"),))
    status, code, message = _URL_PAGES[fault]
    return HttpPage(status, encode_payload({"Message": message}), (_error_type(code),))


def _error_type(code: str) -> Header:
    return b"x-amzn-ErrorType", code.encode()


_URL_PAGES: Final[Mapping[HttpFault, tuple[int, str, str | None]]] = {
    "BadRequest": (400, "InvalidRequestContentException", "Bad Request"),
    "Forbidden": (403, "AccessDeniedException", FORBIDDEN_TEXT),
    "UnknownHost": (403, "AccessDeniedException", None),
    "TooLarge": (413, "RequestTooLargeException", "Request Entity Too Large"),
    "HeadersTooLarge": (413, "RequestTooLargeException", "Request Entity Too Large"),
    "NoRoute": (404, "ResourceNotFoundException", None),
    "Timeout": (504, "ServiceException", "Gateway Timeout"),
    "Fault": (500, "ServiceException", "Internal Server Error"),
}
"""Status, error type and text of a function URL's pages; only those of 403 are recorded.

Source: Lambda Developer Guide, "Invoking Lambda function URLs", error codes; recorded answers.
"""
_API_PAGES: Final[Mapping[HttpFault, tuple[int, str]]] = {
    "BadRequest": (400, "Bad Request"),
    "Forbidden": (500, "Internal Server Error"),
    "UnknownHost": (403, "Forbidden"),
    "NoRoute": (404, "Not Found"),
    "TooLarge": (413, "Request Entity Too Large"),
    "HeadersTooLarge": (431, "Request Header Fields Too Large"),
    "Throttled": (503, "Service Unavailable"),
    "FunctionError": (500, "Internal Server Error"),
    "InvalidResponse": (500, "Internal Server Error"),
    "Timeout": (503, "Service Unavailable"),
    "Fault": (500, "Internal Server Error"),
}
"""Status and text of an HTTP API's pages; what a throttled function and a time-out look like is
from memory (uncertain).

Source: API Gateway Developer Guide, "Troubleshooting issues with HTTP API Lambda integrations".
"""

TROUBLES: Final[Mapping[Trouble, HttpFault]] = {
    "malformed": "BadRequest",
    "too-large": "HeadersTooLarge",
    "idle": "BadRequest",
    "plain-http": "BadRequest",
}
"""The page for what cannot be read as a request. AWS does not say (uncertain)."""
