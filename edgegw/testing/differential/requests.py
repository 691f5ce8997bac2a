"""The requests that both sides get: of a file with a request on each line, or of a HAR file.

# comments and empty lines are left out
/shop?page=2
HEAD /
GET /account
    Cookie: theme=dark
    Accept-Language: de
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from edgegw.errors import UsageError
from edgegw.http.grammar import TEXT_VALUE_CONTROL
from edgegw.http.message import HOP_BY_HOP
from edgegw.testing.har import RecordedRequest, har_requests, is_har
from edgegw.values import value

SAFE: Final = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing at whoever gets them."""
_METHOD: Final = re.compile(r"[A-Z][A-Z-]*")
_FIELD_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_SENT: Final = frozenset({"host", "content-length", "expect"}) | {
    name.decode() for name in HOP_BY_HOP
}
"""Headers that belong to a connection, or are made anew for each side."""


@value
class ComparedRequest:
    """A request; `target` is path and query."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


def compared_requests(file: Path) -> tuple[ComparedRequest, ...]:
    """The requests of `file`. Raises UsageError where there are none, or a line is none."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the requests in {file}: {error}") from None
    if is_har(file, text):
        requests = [_recorded(request) for request in har_requests(text, str(file))]
    else:
        requests = _listed(text.splitlines(), file)
    if not requests:
        raise UsageError(f"there is no request in {file}: write one on each line, as `GET /shop`")
    return tuple(requests)


def check_methods(requests: Sequence[ComparedRequest], *, allows_unsafe: bool) -> None:
    """Raises UsageError where a request may change something at the deployed side."""
    unsafe = [request for request in requests if request.method not in SAFE]
    if unsafe and not allows_unsafe:
        raise UsageError(
            f"{unsafe[0]} may change something at the deployed front door ({len(unsafe)} of "
            f"{len(requests)} requests are neither {', '.join(SAFE[:-1])} nor {SAFE[-1]}): leave "
            "such requests out, or send them with --unsafe"
        )


def _recorded(request: RecordedRequest) -> ComparedRequest:
    headers = [line for line in request.headers if line[0].lower() not in _NOT_SENT]
    codings = [text for name, text in headers if name.lower() == "accept-encoding"]
    headers = [line for line in headers if line[0].lower() != "accept-encoding"]
    if any("gzip" in text for text in codings):  # what else browsers take cannot be decoded here
        headers.append(("Accept-Encoding", "gzip"))
    return ComparedRequest(request.method, request.target, tuple(headers), request.body)


def _listed(lines: Iterable[str], file: Path) -> list[ComparedRequest]:
    requests: list[ComparedRequest] = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        place = f"{file}:{number}"
        if not line[0].isspace():
            requests.append(_request(text.split(), place))
            continue
        if not requests:
            raise UsageError(f"{place}: a header stands below the request that it belongs to")
        last = requests[-1]
        headers = (*last.headers, _header(text, place))
        requests[-1] = ComparedRequest(last.method, last.target, headers)
    return requests


def _request(words: list[str], place: str) -> ComparedRequest:
    method, target = words if len(words) == 2 else ("GET", *words[:1])
    is_right = target.startswith("/") and target.isascii() and target.isprintable()
    if len(words) > 2 or not is_right or not _METHOD.fullmatch(method):
        raise UsageError(f"{place}: a line is `PATH` or `METHOD PATH`, and a path begins with /")
    return ComparedRequest(method, target)


def _header(text: str, place: str) -> tuple[str, str]:
    name, mark, content = text.partition(":")
    content = content.strip()
    if not mark or not _FIELD_NAME.fullmatch(name) or TEXT_VALUE_CONTROL.search(content):
        raise UsageError(f"{place}: a header is `NAME: VALUE`")
    if name.lower() in _NOT_SENT:
        raise UsageError(f"{place}: {name} is made anew for each side, and cannot be given")
    return name, content
