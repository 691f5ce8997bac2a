"""Bodies on their way to the viewer, compressed: streams part by part, others in slices.

Brotli comes with a package of its own (the extra `brotli`); without it there is gzip alone.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import logging
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from functools import cache, partial
from typing import Any, Final, Protocol, cast

from edgegw.cloudfront.compression import Encoders
from edgegw.http.message import Body, CutOffError

logger = logging.getLogger(__name__)

_SLICE: Final = 64 * 1024
"""Bytes that are compressed before others get their turn."""
_GZIP: Final = 16 + zlib.MAX_WBITS
_GZIP_LEVEL: Final = 6
_BROTLI_QUALITY: Final = 5


class _Compressor(Protocol):
    """One body's compression."""

    def add(self, chunk: bytes) -> bytes:
        """What `chunk` made ready."""
        ...

    def end(self) -> bytes:
        """What is left."""
        ...


class _Gzip:
    def __init__(self) -> None:
        self._deflate = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP)

    def add(self, chunk: bytes) -> bytes:
        return self._deflate.compress(chunk)

    def end(self) -> bytes:
        return self._deflate.flush()


class _Brotli:
    def __init__(self) -> None:
        package: Any = importlib.import_module("brotli")
        self._compressor: Any = package.Compressor(quality=_BROTLI_QUALITY)

    def add(self, chunk: bytes) -> bytes:
        return self._compressor.process(chunk)

    def end(self) -> bytes:
        return self._compressor.finish()


@cache
def has_brotli() -> bool:
    """Whether the package `brotli` is installed."""
    return importlib.util.find_spec("brotli") is not None


@cache
def encoders() -> Encoders:
    """How bodies are compressed here."""
    if not has_brotli():
        return {"gzip": _gzip_alone}
    return {"br": partial(_compressed, _Brotli), "gzip": partial(_compressed, _Gzip)}


def _gzip_alone(body: Body) -> Body:
    _tell_once()
    return _compressed(_Gzip, body)


@cache
def _tell_once() -> None:
    logger.warning(
        "the package brotli is not installed: viewers that take br get gzip, where on AWS they "
        "get br (pip install 'edgegw[brotli]')"
    )


def _compressed(start: Callable[[], _Compressor], body: Body) -> Body:
    """`body` as it is compressed while it is read."""
    return Body(chunks=_chunks(start(), body), release=body.release)


async def _chunks(compressor: _Compressor, body: Body) -> AsyncIterator[bytes]:
    """What comes of `body`. Raises CutOffError where it is not as long as announced."""
    received = 0
    async with aclosing(_parts(body)) as parts:
        async for part in parts:
            received += len(part)
            if ready := compressor.add(part):
                yield ready
    if body.length not in (None, received):  # nobody can tell by the compressed bytes
        raise CutOffError(f"{received} bytes came where {body.length} were announced")
    yield compressor.end()


async def _parts(body: Body) -> AsyncGenerator[bytes]:
    """The body in slices; others get their turn between two of them."""
    if body.content is not None:
        for at in range(0, len(body.content), _SLICE):
            if at:
                await asyncio.sleep(0)
            yield body.content[at : at + _SLICE]
    elif body.chunks is not None:
        chunks = body.chunks
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            if isinstance(chunks, AsyncGenerator):
                await cast("AsyncGenerator[bytes]", chunks).aclose()
