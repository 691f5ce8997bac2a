"""How many bytes an exchange took on the wire, headers included, as if all were HTTP/1.1."""

from __future__ import annotations

from edgegw.gateway.exchange import Exchange
from edgegw.http.message import Response


def received_bytes(exchange: Exchange) -> int:
    """What came from the viewer."""
    request = exchange.request
    line = len(request.method) + len(request.target.raw) + len("  HTTP/1.1\r\n\r\n")
    return line + request.headers.size() + exchange.request_bytes


def sent_bytes(exchange: Exchange) -> int:
    """What went to the viewer; 0 without an answer."""
    response = exchange.response
    if response is None:
        return 0
    return response_size(response, exchange.response_bytes)


def response_size(response: Response, body: int) -> int:
    """What a response with so many bytes of a body takes."""
    line = len(b"HTTP/1.1 200 \r\n\r\n") + len(response.reason)
    return line + response.headers.size() + body
