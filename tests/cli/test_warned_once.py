"""A warning of one kind about one function is shown once, until something is reloaded."""

from __future__ import annotations

import io
import logging

from edgegw.cli.logs import GatheringHandler
from edgegw.gateway.exchange import Exchange
from edgegw.http.message import Headers, Request
from edgegw.http.target import RequestTarget

SHOUT = "viewer-request: lambda-edge.header-name at headers.a: found 1; write 2 (https://a.example)"
OTHER = "viewer-request: lambda-edge.body at body: found 1; write 2 (https://a.example)"


def shown(handler: GatheringHandler, stream: io.StringIO, *warnings: str) -> list[str]:
    """The warnings below the line of a request that has these."""
    stream.truncate(0)
    stream.seek(0)
    request = Request("GET", RequestTarget(b"/"), Headers([]))
    exchange = Exchange("1", "site", "distribution", request)
    exchange.warnings = warnings
    handler.take(exchange)
    handler.flush(waiting=0.0)
    return [line for line in stream.getvalue().splitlines() if "warning" in line]


def test_a_kind_is_warned_of_once() -> None:
    stream = io.StringIO()
    handler = GatheringHandler(stream)
    assert len(shown(handler, stream, SHOUT)) == 1
    assert shown(handler, stream, SHOUT) == []
    assert shown(handler, stream, SHOUT.replace("headers.a", "headers.b")) == []
    assert len(shown(handler, stream, SHOUT, OTHER)) == 1


def test_a_reload_has_them_shown_again() -> None:
    stream = io.StringIO()
    handler = GatheringHandler(stream)
    shown(handler, stream, SHOUT)
    reloaded = ("edgegw.gateway.reload", logging.INFO, "", 1, "reload  hook", (), None)
    handler.handle(logging.LogRecord(*reloaded))
    assert len(shown(handler, stream, SHOUT)) == 1
