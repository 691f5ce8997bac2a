"""The head of a request as it leaves over HTTP/1.1.

Two things are never taken from what came in. The framing is that of the body that is there: a
client may have announced chunks, and a function may have read them all. And no byte leaves that
would make two heads of one: CR, LF and NUL in a header, blanks and control bytes in a target.
"""

from __future__ import annotations

import re
from typing import Final

from edgegw.gateway.origins.transport import Outgoing, SendError
from edgegw.http.grammar import NOT_IN_TARGET
from edgegw.http.message import EMPTY, Body, Header
from edgegw.http.target import quoted

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
    for name, value in lines:
        lower = name.lower()
        if lower == b"transfer-encoding":
            was_chunked = True
        elif lower != b"content-length":
            kept.append((name, value))
        elif length is not None and not is_declared:
            is_declared = True
            kept.append((name, length))
    if length is None:
        kept.append((b"Transfer-Encoding", b"chunked"))
    elif not is_declared and (was_chunked or body is not EMPTY):
        kept.append((b"Content-Length", length))
    return tuple(kept)


def check_request_line(method: str, target: bytes) -> None:
    """Raises SendError where they cannot be written down. `*` is a target of OPTIONS alone."""
    if method not in _USUAL and _METHOD.fullmatch(method) is None:
        raise _unfit(f"the method {method[:40]!r}")
    if target[:1] != b"/" and (method, target) != ("OPTIONS", b"*"):
        raise _unfit(f"the target {quoted(target[:80])} is no path")
    if NOT_IN_TARGET.search(target) is not None:
        raise _unfit(f"the target {quoted(target[:80])} has blanks or control characters")


def request_head(outgoing: Outgoing) -> bytes:
    """Request line and headers. Raises SendError for what would break the framing."""
    request = outgoing.request
    method, target, body = request.method, request.target.raw, request.body
    check_request_line(method, target)
    lines = request.headers.raw
    if body is not EMPTY or _declares(lines):
        lines = framed(lines, body)
    if outgoing.lines or request.upgrade:
        lines += own_lines(outgoing)
    first = b"%b %b HTTP/1.1" % (method.encode("ascii"), target)
    head = b"\r\n".join((first, *map(b": ".join, lines)))
    if len(head) - len(head.translate(None, b"\r\n\0")) != 2 * len(lines):
        raise _unfit("a header has a line end or NUL in it")
    return head + b"\r\n\r\n"


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
