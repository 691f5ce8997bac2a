"""The local API: what commands ask a running gateway, on a port of loopback.

Every gateway has one, whatever front doors it has. Where it listens, and the token that it asks
for, stands in the state folder (`announcement.py`); who gets in is decided by the guard of
`local_router.py`. Bodies and answers are JSON, errors `{"error": TEXT}`; logs and shifts stream.
"""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import socket
from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from edgegw.awslambda.service_errors import ServiceError
from edgegw.errors import EdgegwError, UsageError
from edgegw.gateway.announcement import announce
from edgegw.gateway.fronts.local_balancers import BalancerOperations
from edgegw.gateway.fronts.local_caches import CacheOperations
from edgegw.gateway.fronts.local_events import EventOperations
from edgegw.gateway.fronts.local_explaining import Explanations
from edgegw.gateway.fronts.local_figures import FigureOperations
from edgegw.gateway.fronts.local_functions import FunctionOperations
from edgegw.gateway.fronts.local_key_values import KeyValueOperations
from edgegw.gateway.fronts.local_operations import FrontDoorUrls, GatewayOperations
from edgegw.gateway.fronts.local_router import (
    Call,
    Operation,
    Route,
    Router,
    guard,
    query_of,
    refusal,
)
from edgegw.gateway.fronts.local_streams import SendOperations
from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Client, Request, Response
from edgegw.wire.application import content_within
from edgegw.wire.front import Delivery, Handshake, ViewerGoneError

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

logger = logging.getLogger(__name__)

LARGEST_BODY: Final = 8 * 1024 * 1024
_LIMITS: Final = Limits(head=10.0)
"""Whoever follows a log may stop reading for as long as they like."""
_STATUS: Final[dict[Trouble, int]] = {
    "malformed": 400,
    "too-large": 431,
    "idle": 408,
    "plain-http": 400,
}


class LocalApi:
    """The front door of one gateway's local API."""

    def __init__(self, gateway: Gateway, front_door_urls: FrontDoorUrls) -> None:
        self._gateway = gateway
        self._functions = FunctionOperations(gateway)
        self._router = _router(gateway, front_door_urls, self._functions)
        self._token = secrets.token_urlsafe(32)
        self._hosts: frozenset[bytes] = frozenset()
        self._file: Path | None = None

    def announce(self, sock: socket.socket) -> None:
        """Tells in the state folder that the API listens at `sock`, of 127.0.0.1.

        Raises EnvironmentProblem or OSError when that cannot be told.
        """
        port = sock.getsockname()[1]
        self._hosts = frozenset({b"127.0.0.1:%d" % port, b"localhost:%d" % port})
        config = self._gateway.config
        configuration = next(iter(config.files), None)
        url = f"http://127.0.0.1:{port}"
        self._file = announce(Path(config.state), url, self._token, configuration)

    def retire(self) -> None:
        """Takes back what `announce` told; logs that are followed come to their end."""
        self._functions.end_following()
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.unlink()

    # As a front door

    def limits(self) -> Limits:
        return _LIMITS

    def accept(self, request: Request) -> Response | Awaitable[Response]:
        """Refused at once where it is refused by its head."""
        refused = guard(request, self._hosts, self._token)
        if refused is not None:
            return refused
        routed = self._router.route(request)
        if isinstance(routed, Response):
            return routed
        operation, segments = routed
        return _answer(request, operation, segments)

    def done(self, response: Response, delivery: Delivery) -> None:
        """Nobody counts."""

    def page(self, why: Trouble, detail: str, client: Client) -> Response:
        return refusal(_STATUS[why], detail, (b"Connection", b"close"))

    def connected(self, client: Client, handshake: Handshake | None) -> None:
        """Nobody counts."""


def _router(gateway: Gateway, urls: FrontDoorUrls, functions: FunctionOperations) -> Router:
    about, balancers = GatewayOperations(gateway, urls), BalancerOperations(gateway)
    caches, events = CacheOperations(gateway), EventOperations(gateway)
    figures, key_values = FigureOperations(gateway), KeyValueOperations(gateway)
    return Router(
        [
            Route("GET", "/status", about.status),
            Route("GET", "/faults", about.faults),
            Route("PATCH", "/faults", about.set_faults),
            Route("DELETE", "/faults", about.clear_faults),
            Route("GET", "/functions", functions.table),
            Route("GET", "/logs/{log}", functions.logs),
            Route("POST", "/shift", functions.shift),
            Route("POST", "/invocations", events.invoke),
            Route("GET", "/events", events.listing),
            Route("POST", "/events/redrive", events.redrive),
            Route("POST", "/explain", Explanations(gateway, urls).explain),
            Route("POST", "/targets", balancers.targets),
            Route("POST", "/weights", balancers.weights),
            Route("GET", "/cache/{distribution}", caches.entries),
            Route("POST", "/invalidations", caches.invalidate),
            Route("GET", "/key-values/{store}", key_values.listing),
            Route("PATCH", "/key-values/{store}", key_values.change),
            Route("GET", "/metrics", figures.metrics),
            Route("GET", "/cost", figures.cost),
            Route("POST", "/queues/{queue}/messages", SendOperations(gateway).send),
        ]
    )


async def _answer(request: Request, operation: Operation, segments: dict[str, str]) -> Response:
    """The answer of `operation`, or what was wrong. Raises ViewerGoneError."""
    try:
        content = await content_within(request.body, LARGEST_BODY)
        if content is None:
            return refusal(413, f"the body is larger than {LARGEST_BODY} bytes")
        answer = operation(Call(segments, query_of(request), _decoded(content)))
        return answer if isinstance(answer, Response) else await answer
    except EdgegwError as error:
        return refusal(400, str(error))
    except ServiceError as error:
        return refusal(400, error.message or error.code)
    except ViewerGoneError:
        raise
    except Exception:
        logger.exception("a fault of edgegw itself, please report it")
        return refusal(500, "a fault of edgegw itself: its log says more")


def _decoded(content: bytes) -> dict[str, object]:
    try:
        value: object = json.loads(content) if content else {}
    except (ValueError, RecursionError):
        raise UsageError("the body is no JSON") from None
    if not isinstance(value, dict):
        raise UsageError("the body must be a JSON object")
    return cast("dict[str, object]", value)
