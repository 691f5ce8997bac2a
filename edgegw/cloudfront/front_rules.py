"""What a distribution asks of its viewers' connections, and its page for what is no request.

AWS documents next to nothing of these (its time-outs are those towards origins): what is chosen
here stands in `docs/fidelity.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from edgegw.cloudfront.answers import DistributionFacts, error_page
from edgegw.cloudfront.behaviors import BAD_REQUEST, TOO_LARGE
from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Response

HTTP2_STREAMS: Final = 128
"""Requests that a viewer's connection over HTTP/2 or HTTP/3 carries at a time.

Not documented (uncertain); it is what edges were seen to announce.
Source: CloudFront Developer Guide, "Supported HTTP versions".
"""

KEEP_ALIVE: Final = 65.0
"""Seconds that a connection waits for the viewer's next request. AWS does not say (uncertain)."""

SILENCE: Final = 60.0
"""Seconds for a viewer's head to be complete, and for it to send or take more of a body.

AWS does not say (uncertain); it is what a load balancer and nginx allow.
"""

LIMITS: Final = Limits(
    keep_alive=KEEP_ALIVE,
    head=SILENCE,
    idle=SILENCE,
    streams=HTTP2_STREAMS,
    is_lenient=False,
    takes_plain=True,
)
"""What viewers' connections are held to: no age, any number of requests one after another.

A distribution is strict: what a parser refuses is a 400, and so are two Host headers. Plain HTTP
is answered as the viewer protocol policy says, on whatever port it comes: here ports are chosen
freely, and a browser that was sent to the wrong one is to be led to HTTPS.
Source: CloudFront Developer Guide, "HTTP 400 status code (Bad Request)".
"""

IDLE: Final = 408
"""The status for a viewer that falls silent within its request. AWS does not say (uncertain)."""

_REFUSALS: Final[Mapping[Trouble, tuple[int, str]]] = {
    "malformed": (BAD_REQUEST, "Bad request."),
    "too-large": (TOO_LARGE, ""),
    "idle": (IDLE, ""),
    "plain-http": (BAD_REQUEST, "The plain HTTP request was sent to HTTPS port"),
}
"""Status and reason line of the page for what cannot be read as a request.

That plain HTTP on a port for HTTPS gets nginx's sentence is uncertain.
Source: CloudFront Developer Guide, "HTTP 400 status code (Bad Request)", "Quotas".
"""


def refusal_status(why: Trouble) -> int:
    """The status for what cannot be read as a request."""
    return _REFUSALS[why][0]


def refusal_page(why: Trouble, facts: DistributionFacts) -> Response:
    """The page for what cannot be read as a request; the connection closes behind it."""
    status, text = _REFUSALS[why]
    return error_page(status, text, facts)
