"""Frames over a socket pair: how the bundled runtimes and their environment speak.

A frame is 4 bytes length (big endian), 1 byte kind, data.
To the runtime    I  settings as JSON
                  V  2 bytes length of the meta, meta, event JSON
From the runtime  R  ready    X  init failed (error JSON)
                  S  a streamed answer begins (content type)    C  its next bytes
                  A  usage, result JSON    E  usage, error JSON
Meta are five lines: request id, ARN, milliseconds left, trace header, client context (which may
have more lines). Usage is 4 bytes microseconds of the invocation in which the handler did not
compute, and 4 bytes kilobytes of memory, the most so far.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, cast

from edgegw.awslambda.lifecycle import MAX_RESPONSE, Failure, response_too_large
from edgegw.awslambda.payload import decode_payload, encode_payload
from edgegw.execution.channel import Answer, EnvironmentLostError, Given, Sink

_HEAD: Final = 5
_USAGE: Final = 8
_MAX_FRAME: Final = 2 * MAX_RESPONSE
_KINDS: Final = frozenset({b"A", b"E", b"R", b"X", b"S", b"C"})


class FramesChannel(asyncio.Protocol):
    """The gateway's end of the socket pair."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        self.is_lost = False
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._ready: asyncio.Future[Failure | None] = self._loop.create_future()
        self._answer: asyncio.Future[Answer] | None = None
        self._sink: Sink | None = None
        self._streamed: bytearray | None = None
        self._transport: asyncio.Transport | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        while len(buffer) >= _HEAD:
            length = int.from_bytes(buffer[:4], "big")
            kind = bytes(buffer[4:5])
            if kind not in _KINDS or length > _MAX_FRAME:
                self._distrust()
                return
            end = _HEAD + length
            if len(buffer) < end:
                return
            frame = bytes(buffer[_HEAD:end])
            del buffer[:end]
            self._deliver(kind, frame)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        for waiter in (self._ready, self._answer):
            if waiter is not None and not waiter.done():
                waiter.set_exception(EnvironmentLostError())
                waiter.exception()  # nobody has to ask

    def _distrust(self) -> None:
        """What came is no frame: somebody wrote to the runtime's descriptor."""
        self._buffer.clear()
        if self._transport is not None:
            self._transport.abort()

    def _deliver(self, kind: bytes, data: bytes) -> None:
        answer = self._answer
        if kind in (b"A", b"E"):
            if answer is not None and not answer.done():
                answer.set_result(self._decoded(kind, data))
        elif kind == b"S":
            self._begin(data.decode("latin-1"))
        elif kind == b"C":
            self._write(data)
        elif not self._ready.done():
            self._ready.set_result(None if kind == b"R" else runtime_failure(data))

    def _decoded(self, kind: bytes, data: bytes) -> Answer:
        waited = int.from_bytes(data[:4], "big") / 1e6
        memory_kb = int.from_bytes(data[4:_USAGE], "big")
        payload, failure = data[_USAGE:], None
        if kind == b"E":
            failure = runtime_failure(payload)
        elif self._streamed is not None:
            payload = bytes(self._streamed)
        if failure is None and len(payload) > MAX_RESPONSE:
            failure = response_too_large()
        return Answer(payload, failure, waited, memory_kb)

    def _begin(self, content_type: str) -> None:
        if self._sink is not None:
            self._sink.begin(content_type)
        else:
            self._streamed = bytearray()

    def _write(self, chunk: bytes) -> None:
        if self._sink is not None:
            self._sink.write(chunk)
        elif self._streamed is not None and len(self._streamed) <= MAX_RESPONSE:
            self._streamed += chunk

    # Channel

    def init(self) -> asyncio.Future[Failure | None]:
        self._send(b"I", encode_payload(self._settings))
        if self.is_lost and not self._ready.done():
            self._ready.set_exception(EnvironmentLostError())
        return self._ready

    def invoke(self, given: Given, payload: bytes, sink: Sink | None) -> asyncio.Future[Answer]:
        self._answer = answer = self._loop.create_future()
        if self.is_lost:
            answer.set_exception(EnvironmentLostError())
            return answer
        self._sink, self._streamed = sink, None
        request_id, arn, trace_id, client_context, timeout = given
        meta = f"{request_id}\n{arn}\n{timeout * 1000}\n{trace_id}\n{client_context}".encode()
        self._send(b"V", len(meta).to_bytes(2, "big") + meta + payload)
        return answer

    def redirect(self, answer: asyncio.Future[Answer]) -> None:
        self._answer = answer
        if self.is_lost:
            answer.set_exception(EnvironmentLostError())

    @property
    def is_settled(self) -> bool:
        return True

    async def settled(self) -> None:
        """A bundled runtime waits for the next event as soon as it answered."""

    def shutdown_time(self) -> float:
        return 0.0

    def shut_down(self, reason: str, seconds: float) -> None:
        """Bundled runtimes have no extensions to tell."""

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _send(self, kind: bytes, data: bytes) -> None:
        if self._transport is not None and not self.is_lost:
            self._transport.write(len(data).to_bytes(4, "big") + kind + data)


def runtime_failure(data: bytes) -> Failure:
    """The error object that a runtime made."""
    try:
        found = decode_payload(data)
    except ValueError:
        found = None
    if not isinstance(found, Mapping):
        return Failure("Runtime.Unknown", "", data)
    return Failure(str(found.get("errorType", "")), str(found.get("errorMessage", "")), data)
