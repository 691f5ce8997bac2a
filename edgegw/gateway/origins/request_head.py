"""The head of a request as it leaves over HTTP/1.1.

Two things are never taken from what came in. The framing is that of the body that is there: a
client may have announced chunks, and a function may have read them all. And no byte leaves that
would make two heads of one: CR, LF and NUL in a header, blanks and control bytes in a target,
unless a front door has judged the very head that has them (`Request.lenient`).
"""

from __future__ import annotations

import re
from typing import Final

from edgegw.gateway.origins.transport import Outgoing, SendError
from edgegw.http.grammar import BREAKING, NOT_IN_TARGET
from edgegw.http.message import EMPTY, Body, Header, Headers
from edgegw.http.target import quoted
from edgegw.values import value

_USUAL: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
_METHOD: Final = re.compile(r"[!-~]+")
"""Methods that can be written down: a lenient front door passes on more than tokens."""
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})
_LENGTHS: Final = frozenset(map(len, _FRAMING))


def is_chunked(body: Body) -> bool:
    """Whether `body` goes out in chunks."""
    return body.length is None


def framed(lines: tuple[Header, ...], body: Body) -> tuple[Header, ...]:
    """`lines` with exactly one framing: Content-Length where it is known, else chunked.

    A request without body has none, unless its sender wrote one.
    """
    length = None if is_chunked(body) else b"%d" % (body.length or 0)
    kept = list[Header]()
    is_declared = was_chunked = False
    for name, content in lines:
        lower = name.lower()
        if lower == b"transfer-encoding":
            was_chunked = True
        elif lower != b"content-length":
            kept.append((name, content))
        elif length is not None and not is_declared:
            is_declared = True
            kept.append((name, length))
    if length is None:
        kept.append((b"Transfer-Encoding", b"chunked"))
    elif not is_declared and (was_chunked or body is not EMPTY):
        kept.append((b"Content-Length", length))
    return tuple(kept)


def check_request_line(method: str, target: bytes, *, is_judged: bool = False) -> None:
    """Raises SendError where they cannot be written down. `*` is a target of OPTIONS alone.

    A lenient front door `is_judged` to let blanks and control bytes pass; what ends a line never.
    """
    if method not in _USUAL and _METHOD.fullmatch(method) is None:
        raise _unfit(f"the method {method[:40]!r}")
    if target[:1] != b"/" and (method, target) != ("OPTIONS", b"*"):
        raise _unfit(f"the target {quoted(target[:80])} is no path")
    if (BREAKING if is_judged else NOT_IN_TARGET).search(target) is not None:
        raise _unfit(f"the target {quoted(target[:80])} has blanks or control characters")


def request_head(outgoing: Outgoing) -> bytes:
    """Request line and headers. Raises SendError for what would break the framing."""
    request = outgoing.request
    method, target, body = request.method, request.target.raw, request.body
    check_request_line(method, target, is_judged=request.lenient is not None)
    first = request.headers
    while first.base is not None:
        first = first.base
    known, added = first.derived(_send, _send), request.headers.raw[len(first.raw) :]
    if body is not EMPTY or known.declares or _declares(added):
        known, added = _NO_LINES, framed(request.headers.raw, body)
    if outgoing.lines or request.upgrade:
        added += own_lines(outgoing)
    data = b"\r\n".join((b"", *map(b": ".join, added)))
    is_fit = len(data) - len(data.translate(None, b"\r\n\0")) == 2 * len(added)
    if not (is_fit and known.is_fit):
        raise _unfit("a header has a line end or NUL in it")
    return b"%b %b HTTP/1.1%b%b\r\n\r\n" % (method.encode("ascii"), target, known.data, data)


@value
class SentLines:
    """Header lines on the wire, each behind its line end.

    `declares` says that they tell of a body, `is_fit` that none has a line end or NUL within.
    """

    data: bytes
    declares: bool
    is_fit: bool


_NO_LINES: Final = SentLines(b"", declares=False, is_fit=True)


def _send(headers: Headers) -> SentLines:
    """What is sent of headers that come again."""
    lines = headers.raw
    data = b"\r\n".join((b"", *map(b": ".join, lines)))
    is_fit = len(data) - len(data.translate(None, b"\r\n\0")) == 2 * len(lines)
    return SentLines(data, _declares(lines), is_fit)


def _unfit(what: str) -> SendError:
    return SendError("invalid", f"cannot be sent this request: {what}")


def own_lines(outgoing: Outgoing) -> tuple[Header, ...]:
    """The lines of this connection, among them those that ask to switch protocols."""
    upgrade = outgoing.request.upgrade
    if not upgrade:
        return outgoing.lines
    return (*outgoing.lines, (b"Connection", b"Upgrade"), (b"Upgrade", upgrade))


def _declares(lines: tuple[Header, ...]) -> bool:
    """Whether header lines say anything about a body."""
    for name, _ in lines:  # noqa: SIM110 - half as long as any() of a generator
        if len(name) in _LENGTHS and name.lower() in _FRAMING:
            return True
    return False
