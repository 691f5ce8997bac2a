"""The bodies that a provider reads: forms and small JSON, never more than fits a sign-in."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

MAX_BODY: Final = 64 * 1024
"""Bytes that are kept of a body; the largest token of a client takes a fraction of it."""
FORM: Final = "application/x-www-form-urlencoded"
_GONE: Final = 499
_OF_FORMS: Final = "".join(map(chr, range(0x21, 0x7F)))


class BodyTooLargeError(Exception):
    """A body has more than MAX_BODY bytes."""


async def body_of(request: Request) -> bytes:
    """The body. Raises BodyTooLargeError; what is too much is not kept."""
    chunks, size = list[bytes](), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY:
            raise BodyTooLargeError
        chunks.append(chunk)
    return b"".join(chunks)


async def form_of(request: Request) -> str | None:
    """The form of a body, fit to stand in a query; None of another type.

    An authorization request by POST goes on to the log-in page as the query of a URL, where what
    stands bare in a body (line ends, characters beyond ASCII) would end the header or not fit in.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return None
    return quote(await body_of(request), safe=_OF_FORMS)


async def too_large(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse(f"a body has at most {MAX_BODY} bytes\n", 413)


async def gone(_request: Request, _error: Exception) -> Response:
    """What nobody gets: the client has left before its body was there."""
    return Response(status_code=_GONE)


BODY_FAULTS: Final = {BodyTooLargeError: too_large, ClientDisconnect: gone}
"""How a Starlette application answers for bodies that are not read."""
