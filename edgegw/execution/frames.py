"""Frames over a socket pair: how the bundled runtimes and their environment speak.

A frame is 4 bytes length (big endian), 1 byte kind, data.
To the runtime    I  settings as JSON
                  V  4 bytes length of the meta, meta, event JSON
From the runtime  R  ready    X  init failed (error JSON)
                  S  a streamed answer begins (content type)    C  its next bytes
                  A  usage, result JSON    E  usage, error JSON
Meta are five lines: request id, ARN, milliseconds left, trace header, client context (which may
have more lines). Usage is 4 bytes microseconds of the invocation in which the handler did not
compute, and 4 bytes kilobytes of memory, the most so far.

Each side writes an invocation or an answer at once and finds it with one read, unless it is large.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from typing import Final, cast

from edgegw.awslambda.lifecycle import MAX_RESPONSE, ErrorObject, response_too_large
from edgegw.awslambda.payload import as_text, decode_payload, encode_payload
from edgegw.execution.channel import (
    EnvironmentLostError,
    PendingInvocation,
    Recipient,
    RuntimeAnswer,
    Sink,
)

_HEAD: Final = struct.Struct(">IB")
_INVOCATION: Final = struct.Struct(">IcI")
_ANSWER: Final = struct.Struct(">IBII")
_MAX_FRAME: Final = 2 * MAX_RESPONSE
_READY, _INIT_FAILED, _BEGIN, _CHUNK, _RESULT, _ERROR = b"RXSCAE"
_KINDS: Final = frozenset(b"RXSCAE")


class FramesChannel(asyncio.Protocol):
    """The gateway's end of the socket pair."""

    is_settled = True
    """A bundled runtime waits for the next event as soon as it answered."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        self.is_lost = False
        self.recipient: Recipient | None = None
        self._settings = settings
        self._buffer = bytearray()
        self._ready: asyncio.Future[ErrorObject | None] = asyncio.get_running_loop().create_future()
        self._sink: Sink | None = None
        self._streamed: bytearray | None = None
        self._transport: asyncio.Transport | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self._buffer and len(data) >= _ANSWER.size:
            length, kind, waited, memory_kb = _ANSWER.unpack_from(data)
            is_whole = length + _HEAD.size == len(data)
            if kind == _RESULT and is_whole and self._streamed is None and self.recipient:
                payload = data[_ANSWER.size :]  # too small to exceed any limit
                self.recipient.answered(RuntimeAnswer(payload, None, waited / 1e6, memory_kb))
                return
        self._buffer += data
        self._deliver_whole_frames()

    def _deliver_whole_frames(self) -> None:
        buffer = self._buffer
        while len(buffer) >= _HEAD.size:
            length, kind = _HEAD.unpack_from(buffer)
            if kind not in _KINDS or length > _MAX_FRAME:
                self._distrust()
                return
            end = _HEAD.size + length
            if len(buffer) < end:
                return
            frame = bytes(buffer[:end])
            del buffer[:end]
            self._deliver(kind, frame)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if not self._ready.done():
            self._ready.set_exception(EnvironmentLostError())
            self._ready.exception()  # nobody has to ask
        elif self.recipient is not None:
            self.recipient.lost()

    def _distrust(self) -> None:
        """What came is no frame: somebody wrote to the runtime's descriptor."""
        self._buffer.clear()
        if self._transport is not None:
            self._transport.abort()

    def _deliver(self, kind: int, frame: bytes) -> None:
        data = frame[_HEAD.size :]
        if kind in (_RESULT, _ERROR):
            if len(frame) < _ANSWER.size:
                self._distrust()
                return
            _, _, waited, memory_kb = _ANSWER.unpack_from(frame)
            self._answer(kind, frame[_ANSWER.size :], waited, memory_kb)
        elif kind == _BEGIN:
            self._begin(data.decode("latin-1"))
        elif kind == _CHUNK:
            self._write(data)
        elif not self._ready.done():
            self._ready.set_result(None if kind == _READY else runtime_failure(data))

    def _answer(self, kind: int, payload: bytes, waited: int, memory_kb: int) -> None:
        failure = None
        if kind == _ERROR:
            failure = runtime_failure(payload)
        elif self._streamed is not None:
            payload = bytes(self._streamed)
        if failure is None and len(payload) > MAX_RESPONSE:
            failure = response_too_large()
        if self.recipient is not None:
            self.recipient.answered(RuntimeAnswer(payload, failure, waited / 1e6, memory_kb))

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

    def init(self) -> asyncio.Future[ErrorObject | None]:
        settings = encode_payload(self._settings)
        if self._transport is not None and not self.is_lost:
            self._transport.write(_HEAD.pack(len(settings), ord("I")) + settings)
        elif not self._ready.done():
            self._ready.set_exception(EnvironmentLostError())
        return self._ready

    def invoke(self, pending: PendingInvocation) -> None:
        self._sink, self._streamed = pending.sink, None
        payload = pending.invocation.payload
        meta = (
            f"{pending.request_id}\n{pending.arn}\n{int(pending.left * 1000)}\n"
            f"{pending.trace_id}\n{pending.invocation.client_context}"
        ).encode("utf-8", "surrogatepass")
        size = 4 + len(meta) + len(payload)
        if self._transport is not None:
            head = _INVOCATION.pack(size, b"V", len(meta))
            self._transport.write(b"".join((head, meta, payload)))

    def shutdown_time(self) -> float:
        return 0.0

    def shut_down(self, reason: str, seconds: float) -> None:
        """Bundled runtimes have no extensions to tell."""

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def runtime_failure(data: bytes) -> ErrorObject:
    """The error object that a runtime made."""
    try:
        value = decode_payload(data)
    except ValueError:
        value = None
    if not isinstance(value, Mapping):
        return ErrorObject("Runtime.Unknown", "", data)
    return ErrorObject(
        as_text(value.get("errorType", "")), as_text(value.get("errorMessage", "")), data
    )
