"""What a load balancer asks of its clients' connections, and what it says to those that break it.

These are the rules that hold before there is a request: how long a client may be silent, how much
one connection carries, which page stands for bytes that are no request, and the words of the
connection log for handshakes that failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from edgegw.alb.answers import IDLE, MALFORMED, error_page, plain_http_page
from edgegw.alb.model import Attributes
from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Response

HTTP2_REQUESTS: Final = 10_000
"""Requests that a connection over HTTP/2 takes before it is ended with a GOAWAY.

Source: ELB User Guide for ALB, "Listeners", "HTTP/2".
"""

HTTP2_STREAMS: Final = 128
"""Requests that a connection over HTTP/2 carries at a time.

Source: ELB User Guide for ALB, "Listeners", "HTTP/2".
"""


def limits(attributes: Attributes) -> Limits:
    """What connections to a load balancer with these `attributes` are held to.

    The idle time-out covers every wait for the client: for its next request (then the connection
    ends without a word), for the rest of a head or body (408), for it to take an answer. That a
    head which comes byte by byte has to be complete within it is uncertain: AWS counts silence
    only, nginx the whole head. `client_keep_alive` is the age after which the next answer is the
    last one.

    Load balancers are lenient: heads that are not quite HTTP are judged by desync mitigation
    instead of the parser, several Host headers pass (the first counts), and a client of HTTP/1.0
    keeps its connection where it asks for that.
    Source: ELB User Guide for ALB, "Load balancer attributes", "Desync mitigation mode",
    "Host header preservation".
    """
    idle = attributes.idle_timeout
    return Limits(
        keep_alive=idle,
        head=idle,
        idle=idle,
        age=attributes.client_keep_alive,
        requests=HTTP2_REQUESTS,
        streams=HTTP2_STREAMS,
        is_lenient=True,
    )


def refusal_status(why: Trouble) -> int:
    """The status for what cannot be read as a request.

    408 for a client that fell silent, 400 for everything else: plain HTTP on an HTTPS listener and
    heads beyond all limits, too.
    Source: ELB User Guide for ALB, "Troubleshoot", HTTP 400 and 408.
    """
    return IDLE if why == "idle" else MALFORMED


def refusal_page(why: Trouble, date: bytes) -> Response:
    """The page for what cannot be read as a request; `date` is the value of its Date header."""
    if why == "plain-http":
        return plain_http_page(date=date)
    return error_page(refusal_status(why), date=date)


# Handshakes

UNMAPPED: Final = "UnmappedConnectionError"
"""What the connection log calls a handshake that failed for a reason without a word of its own.

Source: ELB User Guide for ALB, "Connection logs", error reason codes.
"""

_VERIFY_FAILURES: Final[Mapping[int, str]] = {
    9: "ClientCertNotYetValid",
    10: "ClientCertExpired",
    22: "ClientCertMaxChainDepthExceeded",
    26: "ClientCertPurposeInvalid",
    **dict.fromkeys((2, 18, 19, 20, 21), "ClientCertUntrusted"),
}
"""OpenSSL's verify codes in the words of the connection log.

Which code has which word is uncertain; the words are AWS's.
Source: ELB User Guide for ALB, "Connection logs", error reason codes.
"""


def handshake_failure(verify_code: int | None, reason: str) -> str:
    """Why a handshake failed, in the words of the connection log.

    `verify_code` is OpenSSL's for a client certificate that does not verify, else None; `reason`
    is OpenSSL's name of the error, empty where there is none.
    Source: ELB User Guide for ALB, "Connection logs", error reason codes.
    """
    if verify_code is not None:
        return _VERIFY_FAILURES.get(verify_code, "ClientCertInvalid")
    if "PEER_DID_NOT_RETURN" in reason:
        return "ClientCertRejected"
    return UNMAPPED
