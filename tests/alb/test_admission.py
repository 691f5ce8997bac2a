"""What a load balancer refuses before it looks at any rule: the byte at which each limit begins.

ELB User Guide for ALB, "HTTP headers and Application Load Balancers" (16 K per request line, 16 K
per header, 64 K for all headers), "Troubleshoot" (405, 463, 501).
"""

from __future__ import annotations

import pytest

from edgegw.alb.admission import classified, refuse_at_the_door
from edgegw.alb.model import Attributes
from edgegw.http.message import Headers, Request
from edgegw.http.target import RequestTarget

K = 1024


def status_of(request: Request) -> int | None:
    """What the load balancer answers itself; None where it goes on to its rules."""
    refusal = refuse_at_the_door(request, Attributes(), classified(request))
    return None if refusal is None else refusal.status


def with_request_line(size: int) -> Request:
    """A request whose line has `size` bytes, its blanks included, its line end not."""
    return Request("GET", RequestTarget(b"/" + b"x" * (size - len("GET / HTTP/1.1"))))


def with_header_line(size: int) -> Request:
    return Request("GET", RequestTarget(b"/"), Headers([(b"x-a", b"v" * (size - len("x-a: ")))]))


def with_headers(size: int) -> Request:
    """Seven header lines of 8 K and one for the rest: `size` bytes with their line ends."""
    lengths = [*[8 * K] * 7, size - 7 * 8 * K]
    lines = [(b"x-a", b"v" * (length - len("x-a: \r\n"))) for length in lengths]
    return Request("GET", RequestTarget(b"/"), Headers(lines))


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param(with_request_line(16 * K - 1), None, id="longest request line"),
        pytest.param(with_request_line(16 * K), 414, id="request line of 16 K"),
        pytest.param(with_header_line(16 * K - 1), None, id="longest header line"),
        pytest.param(with_header_line(16 * K), 400, id="header line of 16 K"),
        pytest.param(with_headers(64 * K), None, id="headers of 64 K"),
        pytest.param(with_headers(64 * K + 1), 400, id="headers above 64 K"),
    ],
)
def test_sizes(request_: Request, status: int | None) -> None:
    assert status_of(request_) == status


def test_sizes_are_what_they_claim() -> None:
    assert with_headers(64 * K).headers.size() == 65_536
    line = with_request_line(16 * K)
    assert len(b"GET " + line.target.raw + b" HTTP/1.1") == 16_384


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        pytest.param([b", ".join([b"10.0.0.1"] * 30)], None, id="thirty addresses"),
        pytest.param([b", ".join([b"10.0.0.1"] * 31)], 463, id="thirty-one addresses"),
        pytest.param([b", ".join([b"10.0.0.1"] * 15)] * 2, None, id="thirty on two lines"),
        pytest.param([b", ".join([b"10.0.0.1"] * 16)] * 2, 463, id="thirty-two on two lines"),
    ],
)
def test_addresses_in_x_forwarded_for(lines: list[bytes], status: int | None) -> None:
    headers = Headers([(b"X-Forwarded-For", line) for line in lines])
    assert status_of(Request("GET", RequestTarget(b"/"), headers)) == status


@pytest.mark.parametrize(
    ("method", "status"),
    [("TRACE", 405), ("CONNECT", 405), ("GET", None), ("OPTIONS", None), ("PURGE", None)],
)
def test_methods(method: str, status: int | None) -> None:
    assert status_of(Request(method, RequestTarget(b"/"))) == status


@pytest.mark.parametrize(
    ("coding", "status"),
    [(b"chunked", None), (b"identity", None), (b"gzip", 501), (b"gzip, chunked", 501)],
)
def test_transfer_codings(coding: bytes, status: int | None) -> None:
    headers = Headers([(b"Transfer-Encoding", coding)])
    assert status_of(Request("POST", RequestTarget(b"/"), headers)) == status
