"""How a load balancer speaks to targets and asks after their health."""

from dataclasses import replace

import pytest

from edgegw.alb.model import HealthCheck, IpTargetGroup, ProtocolVersion, Target
from edgegw.alb.target_connection import (
    CONNECT_TIMEOUT,
    UNVERIFIED_TARGETS,
    probe_address,
    probe_answer,
    probe_request,
    request_to_target,
    scheme_of,
)
from edgegw.alb.targets import ProbeAnswer
from edgegw.http.message import Body, Headers, Request, Response
from edgegw.http.target import RequestTarget as RequestTarget

TARGET = Target("10.0.0.1", 8000)
GROUP = IpTargetGroup("web", "arn:web", (TARGET,))
REQUEST = Request("GET", RequestTarget(b"/"), Headers([(b"Host", b"h"), (b"Connection", b"x")]))


def checked(version: ProtocolVersion = "HTTP1", **check: object) -> IpTargetGroup:
    return replace(GROUP, protocol_version=version, health_check=HealthCheck(**check))  # type: ignore[arg-type]


def test_a_target_has_ten_seconds_to_take_a_connection() -> None:
    assert CONNECT_TIMEOUT == 10


def test_no_targets_certificate_is_checked() -> None:
    assert "10.0.0.1" in UNVERIFIED_TARGETS
    assert "localhost" in UNVERIFIED_TARGETS


@pytest.mark.parametrize(("protocol", "scheme"), [("HTTP", "http"), ("HTTPS", "https")])
def test_the_scheme_is_the_groups(protocol: str, scheme: str) -> None:
    assert scheme_of(replace(GROUP, protocol=protocol)) == scheme  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("version", "closes", "lines"),
    [
        pytest.param("HTTP1", False, [(b"Host", b"h"), (b"Connection", b"x")], id="as it is"),
        pytest.param(
            "HTTP1", True, [(b"Host", b"h"), (b"Connection", b"close")], id="it may smuggle"
        ),
        pytest.param("HTTP2", True, [(b"Host", b"h"), (b"Connection", b"x")], id="a stream each"),
        pytest.param(
            "GRPC",
            False,
            [(b"Host", b"h"), (b"Connection", b"x"), (b"te", b"trailers")],
            id="gRPC asks for trailers",
        ),
    ],
)
def test_a_request_leaves_for_a_target(
    version: ProtocolVersion, closes: bool, lines: list[tuple[bytes, bytes]]
) -> None:
    assert request_to_target(REQUEST, version, closes=closes).headers == Headers(lines)


@pytest.mark.parametrize(
    ("check", "address", "host"),
    [
        pytest.param({}, ("http", "10.0.0.1", 8000), b"10.0.0.1:8000", id="the target's port"),
        pytest.param({"port": 80}, ("http", "10.0.0.1", 80), b"10.0.0.1", id="http's own port"),
        pytest.param(
            {"port": 443, "protocol": "HTTPS"},
            ("https", "10.0.0.1", 443),
            b"10.0.0.1",
            id="https's own port",
        ),
        pytest.param(
            {"port": 443}, ("http", "10.0.0.1", 443), b"10.0.0.1:443", id="the other's port"
        ),
    ],
)
def test_where_health_is_asked_after(
    check: dict[str, object], address: tuple[str, str, int], host: bytes
) -> None:
    group = checked(**check)
    assert probe_address(group, TARGET) == address
    assert probe_request(group, TARGET).headers.get(b"host") == host


AGENT = (b"User-Agent", b"ELB-HealthChecker/2.0")
HOST = (b"Host", b"10.0.0.1:8000")


@pytest.mark.parametrize(
    ("version", "method", "lines", "content"),
    [
        ("HTTP1", "GET", [HOST, AGENT, (b"Connection", b"close")], b""),
        ("HTTP2", "GET", [HOST, AGENT], b""),
        (
            "GRPC",
            "POST",
            [HOST, AGENT, (b"te", b"trailers"), (b"content-type", b"application/grpc")],
            b"\0\0\0\0\0",
        ),
    ],
)
def test_what_a_health_check_asks(
    version: ProtocolVersion, method: str, lines: list[tuple[bytes, bytes]], content: bytes
) -> None:
    request = probe_request(checked(version, path="/up?x"), TARGET)
    assert request.method == method
    assert request.target.raw == b"/up?x"
    assert request.headers == Headers(lines)
    assert request.body.content == content


def test_an_address_of_ipv6_stands_in_brackets() -> None:
    assert probe_request(GROUP, Target("::1", 8000)).headers.get(b"host") == b"[::1]:8000"


def grpc(head: bytes = b"", trailers: bytes = b"") -> Response:
    def lines(code: bytes) -> Headers:
        return Headers([(b"grpc-status", code)] if code else [])

    return Response(200, b"", lines(head), Body(b"", length=0, trailers=lambda: lines(trailers)))


@pytest.mark.parametrize(
    ("version", "response", "answer"),
    [
        pytest.param("HTTP1", Response(301), ProbeAnswer(301), id="a redirect is not followed"),
        pytest.param("HTTP2", grpc(trailers=b"12"), ProbeAnswer(200), id="the status counts"),
        pytest.param("GRPC", grpc(trailers=b"12"), ProbeAnswer(12), id="the trailers count"),
        pytest.param("GRPC", grpc(head=b"12"), ProbeAnswer(12), id="an answer without body"),
        pytest.param(
            "GRPC", grpc(), ProbeAnswer(failure="the answer has no grpc-status"), id="no status"
        ),
        pytest.param(
            "GRPC",
            grpc(trailers=b"-1"),
            ProbeAnswer(failure="the answer has no grpc-status"),
            id="a status that is no number",
        ),
        pytest.param(
            "GRPC",
            Response(200),
            ProbeAnswer(failure="the answer has no grpc-status"),
            id="no gRPC",
        ),
    ],
)
def test_what_an_answer_says(
    version: ProtocolVersion, response: Response, answer: ProbeAnswer
) -> None:
    assert probe_answer(version, response) == answer
