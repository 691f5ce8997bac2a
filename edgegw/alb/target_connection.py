"""How a load balancer speaks to ip targets: time-outs, certificates, health check requests.

Values and functions over them; `gateway/origins` sends what they describe.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final, Literal

from edgegw.alb.model import IpTargetGroup, ProtocolVersion, Target
from edgegw.alb.targets import ProbeAnswer
from edgegw.http.authority import authority_of, bracketed
from edgegw.http.grammar import BREAKING, length_of
from edgegw.http.message import Body, Headers, Request, Response
from edgegw.http.target import RequestTarget as RequestTarget

CONNECT_TIMEOUT: Final = 10.0
"""Seconds in which a target must take a connection, else the client gets 504.

Source: ELB User Guide for ALB, "Troubleshoot your Application Load Balancers": HTTP 504.
"""


class _EveryHost(frozenset[str]):
    """A set that every host is in."""

    def __contains__(self, host: object) -> bool:
        return True


UNVERIFIED_TARGETS: Final[AbstractSet[str]] = _EveryHost()
"""The targets whose certificates are not checked, which are all: self-signed and expired ones pass.

Source: ELB User Guide for ALB, "Target groups for your Application Load Balancers": Routing
configuration.
"""

USER_AGENT: Final = b"ELB-HealthChecker/2.0"
"""What health checks call themselves, of ip targets and of functions.

Source: ELB User Guide for ALB, "Health checks for Application Load Balancer target groups"."""

_USUAL_PORTS: Final = {"http": 80, "https": 443}
_TRAILERS: Final = (b"te", b"trailers")
_EMPTY_MESSAGE: Final = b"\0" * 5
"""One message of gRPC without content: not compressed, 0 bytes long."""


def scheme_of(group: IpTargetGroup) -> Literal["http", "https"]:
    """How requests go to the group's targets."""
    return "https" if group.protocol == "HTTPS" else "http"


def request_to_target(request: Request, version: ProtocolVersion, *, closes: bool) -> Request:
    """The request as it leaves for the target.

    One that may smuggle another `closes` its connection; gRPC asks for trailers.
    Source: ELB User Guide for ALB, "Desync mitigation mode".
    """
    request = _writable(request)
    if version == "GRPC":
        return request.sent(request.target, request.headers.added(_TRAILERS))
    if version == "HTTP1" and closes:
        closing = request.headers.without(b"connection").added((b"Connection", b"close"))
        return request.sent(request.target, closing)
    return request


def _writable(request: Request) -> Request:
    """`request` with what would end its first line percent-encoded: CR, LF and NUL in its target.

    Mode monitor of desync mitigation serves them. That they are encoded is our choice: passed on
    as they came, they would make two requests of one.
    """
    target = request.target
    if request.lenient is None or not BREAKING.search(target.raw):
        return request
    encoded = BREAKING.sub(lambda match: b"%%%02X" % match[0][0], target.raw)
    return request.sent(RequestTarget.parse(encoded), request.headers)


def probe_address(group: IpTargetGroup, target: Target) -> tuple[str, str, int]:
    """Scheme, host and port of a health check."""
    check = group.health_check
    scheme = "https" if check.protocol == "HTTPS" else "http"
    return scheme, target.address, check.port or target.port


def probe_request(group: IpTargetGroup, target: Target) -> Request:
    """The request of a health check: a GET on a connection of its own, or a gRPC call.

    `Host` names the port unless it is the protocol's own. Source: ELB User Guide for ALB, "Health
    checks for Application Load Balancer target groups"; the gRPC message is uncertain.
    """
    scheme, host, port = probe_address(group, target)
    is_usual = port == _USUAL_PORTS[scheme]
    authority = bracketed(host) if is_usual else authority_of(host, port)
    lines = ((b"Host", authority.encode()), (b"User-Agent", USER_AGENT))
    path = RequestTarget.parse(group.health_check.path.encode())
    match group.protocol_version:
        case "HTTP1":
            return Request("GET", path, Headers((*lines, (b"Connection", b"close"))))
        case "HTTP2":
            return Request("GET", path, Headers(lines))
        case "GRPC":
            called = (*lines, _TRAILERS, (b"content-type", b"application/grpc"))
            return Request("POST", path, Headers(called), Body.of(_EMPTY_MESSAGE))


def probe_answer(version: ProtocolVersion, response: Response) -> ProbeAnswer:
    """What a target's response, read to its end, says about its health.

    Of gRPC the status in the trailers counts, or in the head of an answer without body.
    """
    if version != "GRPC":
        return ProbeAnswer(response.status)
    body = response.body
    trailers = body.trailers() if body.trailers is not None else Headers()
    code = trailers.get(b"grpc-status") or response.headers.get(b"grpc-status")
    number = length_of(code)
    if number is None:
        return ProbeAnswer(failure="the answer has no grpc-status")
    return ProbeAnswer(number)
