"""Writes the logs of load balancers, from a thread of their own: no request waits for a disk."""

from __future__ import annotations

import logging
import queue
import threading
from pathlib import Path
from typing import Final

from edgegw.alb.access_log import (
    Connected,
    Sizes,
    Timing,
    access_line,
    connection_line,
    refused_line,
)
from edgegw.alb.finish import BalancerAnswer, Chosen
from edgegw.alb.flow import ForwardTo, Invoke, ReadBody
from edgegw.alb.health_check_log import CheckEntry, check_line
from edgegw.alb.model import Listener, LoadBalancer, TargetGroup
from edgegw.awslambda.model import Returned
from edgegw.gateway.exchange import Exchange
from edgegw.http.message import Client, Response

logger = logging.getLogger(__name__)

LARGEST: Final = 16 * 1024 * 1024
"""Bytes of a log file after which it is put aside."""
KEPT: Final = 5
"""Files put aside that are kept, as FILE.1 and so on."""
_WAITING: Final = 100_000
"""Lines that may wait for the disk; more are dropped, and that is said."""


class _File:
    """A log file that is put aside when it is large. Raises OSError."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = self._path.open("ab")

    def write(self, lines: bytes) -> None:
        if self._stream.tell() and self._stream.tell() + len(lines) > LARGEST:
            self._put_aside()
        self._stream.write(lines)
        self._stream.flush()

    def _put_aside(self) -> None:
        self._stream.close()
        for at in range(KEPT - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{at}")
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{at + 1}"))
        self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        self._stream = self._path.open("ab")

    def close(self) -> None:
        self._stream.close()


class _Writer:
    """Appends lines to files; many at once where many wait."""

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
        self._files: dict[str, _File] = {}
        self._is_behind = False
        self._thread: threading.Thread | None = None

    def put(self, path: str, line: str) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="edgegw-logs", daemon=True)
            self._thread.start()
        if self._lines.qsize() < _WAITING:
            self._lines.put((path, line))
        elif not self._is_behind:
            self._is_behind = True
            logger.warning("the disk does not keep up: lines of %s are dropped", path)

    def _run(self) -> None:
        goes_on = True
        while goes_on:
            entry = self._lines.get()
            waiting: dict[str, list[str]] = {}
            while True:
                if entry is None:
                    goes_on = False
                else:
                    waiting.setdefault(entry[0], []).append(entry[1])
                try:
                    entry = self._lines.get_nowait()
                except queue.Empty:
                    break
            for path, lines in waiting.items():
                self._write(path, lines)
        for log_file in self._files.values():
            log_file.close()

    def _write(self, path: str, lines: list[str]) -> None:
        try:
            file = self._files.get(path)
            if file is None:
                file = self._files[path] = _File(path)
            file.write("".join(f"{line}\n" for line in lines).encode())
        except OSError as error:
            logger.warning("the log %s cannot be written: %s", path, error)

    def close(self) -> None:
        """Writes what waits."""
        if self._thread is not None:
            self._lines.put(None)
            self._thread.join(timeout=10)
            self._thread = None


class BalancerLogs:
    """The access, connection and health check logs of all load balancers."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self._address = address
        self._writer = _Writer()

    def request(self, balancer: LoadBalancer, exchange: Exchange) -> None:
        """Writes the access log's line of a finished exchange."""
        path = balancer.logs.access
        finish = next(
            (step for step, _, _ in exchange.steps if isinstance(step, BalancerAnswer)), None
        )
        if path is None or finish is None:
            return
        line = access_line(
            finish,
            exchange.request,
            _timing(exchange),
            _sizes(exchange),
            address=self._address,
            target_status=_target_status(exchange),
            # Who left before there was an answer left its request unfinished.
            is_gone=exchange.is_gone and exchange.response is not None,
        )
        self._writer.put(path, line)

    def refused(self, listener: Listener, page: Response, client: Client, created: float) -> None:
        """Writes the access log's line of a request that could not be read."""
        path = listener.load_balancer.logs.access
        if path is not None:
            timing = Timing(created, created)
            self._writer.put(
                path, refused_line(listener, page, client, timing, address=self._address)
            )

    def connection(self, listener: Listener, connected: Connected) -> None:
        """Writes the connection log's line of a connection."""
        balancer = listener.load_balancer
        if balancer.logs.connection is not None:
            is_mutual = listener.mutual_tls == "verify"
            line = connection_line(
                connected, balancer.id, is_mutual=is_mutual, address=self._address
            )
            self._writer.put(balancer.logs.connection, line)

    def check(self, balancer: LoadBalancer, entry: CheckEntry, group: TargetGroup) -> None:
        """Writes the health check log's line of a check."""
        if balancer.logs.health_check is not None:
            line = check_line(entry, group, balancer, self._address)
            self._writer.put(balancer.logs.health_check, line)

    def close(self) -> None:
        """Writes what waits."""
        self._writer.close()


def _timing(exchange: Exchange) -> Timing:
    before, target = 0.0, None
    for step, reply, duration in exchange.steps:
        if isinstance(step, (ForwardTo, Invoke)):
            answered = isinstance(reply, (Response, Returned))
            target = duration if answered else -1.0
        elif isinstance(step, ReadBody):
            before += duration
    total = exchange.duration or 0.0
    return Timing(exchange.started, exchange.started + total, before, target)


def _target_status(exchange: Exchange) -> int | None:
    """The status that the target gave; None where it gave none that counts."""
    for step, reply, _ in exchange.steps:
        if isinstance(step, ForwardTo) and isinstance(reply, Response):
            return reply.status
        if isinstance(step, BalancerAnswer) and step.refusal is None:
            chosen: Chosen = step.chosen
            if chosen.action == "forward" and chosen.target is None:
                return step.response.status
    return None


def _sizes(exchange: Exchange) -> Sizes:
    request, response = exchange.request, exchange.response
    received = len(request.method) + len(request.target.raw) + len("  HTTP/1.1\r\n\r\n")
    received += request.headers.size() + exchange.request_bytes
    if response is None:
        return Sizes(received, 0)
    head = len(b"HTTP/1.1 200 \r\n\r\n") + len(response.reason)
    return Sizes(received, head + response.headers.size() + exchange.response_bytes)
