"""The beginning of a request's body for a function, and the body again for whoever comes behind."""

from __future__ import annotations

from collections.abc import AsyncIterator

from edgegw.http.message import Body


def excerpt(content: bytes, limit: int) -> tuple[bytes, bool]:
    """The first `limit` bytes, and whether there are more."""
    return (content, False) if len(content) <= limit else (content[:limit], True)


async def read_body(body: Body, limit: int) -> tuple[bytes, bool, Body]:
    """The first `limit` bytes, whether there is more, and the body again from its first byte."""
    if body.content is not None:
        return body.content[:limit], len(body.content) > limit, body
    if body.chunks is None:
        return b"", False, body
    chunks = aiter(body.chunks)
    taken, size = list[bytes](), 0
    async for chunk in chunks:
        taken.append(chunk)
        size += len(chunk)
        if size > limit:
            whole = b"".join(taken)
            rest = Body(chunks=_resumed(whole, chunks), length=body.length, release=body.release)
            return whole[:limit], True, rest
    whole = b"".join(taken)
    return whole, False, Body.of(whole)


async def _resumed(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
