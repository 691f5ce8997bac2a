"""Where segments go: to an X-Ray daemon as datagrams, to an OTLP collector over HTTP.

Nobody waits for either. A datagram is lost where nobody listens, as on AWS. Spans are gathered for
a second and sent from a thread; what a collector does not take within a few seconds is lost, and
the log says so once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import socket
from collections.abc import Callable, Iterable
from typing import Final

from edgegw.awslambda.model import EDGE_PREFIX, Function
from edgegw.awslambda.names import Account
from edgegw.awslambda.xray import DaemonAddress, Sampler, Segment, TracingTargets
from edgegw.background import Background
from edgegw.execution.function_tracer import FunctionTracer

logger = logging.getLogger(__name__)

_HEADER: Final = b'{"format": "json", "version": 1}\n'
_LARGEST: Final = 64 * 1024
"""Bytes of a datagram that a daemon takes."""
_PATIENCE: Final = 5.0
_GATHER: Final = 1.0
_MOST_WAITING: Final = 5000
"""Segments that wait for a collector; more are lost."""


class Tracing:
    """Takes segments and sends them on; `dice` answers a number from 0 to 1."""

    def __init__(
        self,
        targets: TracingTargets,
        account: Account,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self.targets = targets
        self.account = account
        self.dice = dice
        self._socket: socket.socket | None = None
        self._samplers: dict[str, Sampler] = {}
        self._waiting: list[Segment] = []
        self._timer: asyncio.TimerHandle | None = None
        self._sending = Background()
        self._has_complained = False

    def of(self, function: Function, name: str) -> FunctionTracer | None:
        """What traces a function; None where nothing can come of it."""
        if name.startswith(EDGE_PREFIX):  # X-Ray does not trace Lambda@Edge
            return None
        if function.tracing != "Active" and not self.targets:
            return None
        return FunctionTracer(self, function, name, self._samplers.setdefault(name, Sampler()))

    def lead_to(self, targets: TracingTargets) -> None:
        """Segments go to `targets` from now on."""
        if targets != self.targets:
            self.targets = targets
            self._drop_socket()

    def send(self, segments: Iterable[Segment]) -> None:
        """Sends segments on; never raises, never waits."""
        for segment in segments:
            if self.targets.xray is not None:
                self._send_datagram(self.targets.xray, segment)
            if self.targets.otlp is not None and len(self._waiting) < _MOST_WAITING:
                self._waiting.append(segment)
        if self._waiting and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_GATHER, self._send_spans)

    def _send_datagram(self, address: DaemonAddress, segment: Segment) -> None:
        datagram = _HEADER + json.dumps(segment).encode()
        if len(datagram) > _LARGEST:
            logger.debug("a segment of %d bytes is too large for the daemon", len(datagram))
            return
        try:
            if self._socket is None:
                self._socket = _connected(address)
            self._socket.send(datagram)
        except OSError as error:
            logger.debug("the X-Ray daemon at %s does not take segments: %s", address, error)

    def _send_spans(self) -> None:
        self._timer = None
        segments, self._waiting = self._waiting, []
        if segments and self.targets.otlp is not None:
            self._sending.start(self._post(self.targets.otlp, segments))

    async def _post(self, url: str, segments: list[Segment]) -> None:
        from edgegw.execution.otlp import otlp_request

        try:
            await asyncio.to_thread(_post, url, otlp_request(segments))
        except (OSError, ValueError) as error:
            level = logging.DEBUG if self._has_complained else logging.WARNING
            logger.log(level, "gateway.tracing: %s takes no spans: %s", url, error)
            self._has_complained = True

    async def close(self) -> None:
        """Sends what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._send_spans()
        await self._sending.settled()
        self._drop_socket()

    def _drop_socket(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _connected(address: DaemonAddress) -> socket.socket:
    [(family, kind, protocol, _, place), *_] = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)
    connection = socket.socket(family, kind, protocol)
    connection.setblocking(False)  # noqa: FBT003
    connection.connect(place)
    return connection


def _post(url: str, body: bytes) -> None:
    import urllib.request

    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 - checked
    with urllib.request.urlopen(request, timeout=_PATIENCE):  # noqa: S310 - http or https alone
        pass
