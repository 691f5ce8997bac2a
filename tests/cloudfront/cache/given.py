"""What an origin's answers allow by AWS's tables, worked out apart from the cache that is tested."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.http.message import Body, Request

FORBIDDING = {"no-store", "private", "no-cache"}
RANGES: dict[str, list[tuple[int, int | None]]] = {
    "bytes=0-3": [(0, 4)],
    "bytes=2-": [(2, None)],
    "bytes=-3": [(-3, None)],
    "bytes=0-1,3-4": [(0, 2), (3, 5)],
    "bytes=3-4,0-1": [],  # does not ascend: all of it
    "bytes=90-": [(90, None)],
}
"""Range headers, and which slices of a body they ask for."""


@dataclass
class Given:
    """What an answer of the origin says about itself, and when it last said that it holds."""

    directives: str
    given_at: float
    status: int = 200
    varies_by_everything: bool = False

    @property
    def said(self) -> dict[str, str]:
        parts = [part.strip().partition("=") for part in self.directives.split(",")]
        return {name: text for name, _, text in parts}

    def fresh_for(self, settings: CacheSettings) -> float:
        """Seconds for which it is served without a word to the origin."""
        if self.status >= 400:
            return self._error_kept_for(settings)
        low = settings.min_ttl
        if FORBIDDING & set(self.said) or self.is_fetched_each_time(settings):
            return low
        age = self._lifetime
        return max(low, settings.default_ttl if age is None else min(settings.max_ttl, age))

    def _error_kept_for(self, settings: CacheSettings) -> float:
        age = self._lifetime
        if self.status == 403 and age is None:
            return 0
        if self.status == 404 and FORBIDDING & set(self.said):
            return 0
        return max(settings.error_ttls.get(self.status, 10), min(settings.max_ttl, age or 0))

    @property
    def _lifetime(self) -> int | None:
        age = self.said.get("s-maxage") or self.said.get("max-age")
        return None if age is None else int(age)

    def stale_for(self, settings: CacheSettings, directive: str) -> float:
        """Seconds after that for which it may stand in, by `directive`; errors never do."""
        if self.status >= 400:
            return 0
        if directive == "stale-while-revalidate" and self.is_fetched_each_time(settings):
            return 0
        otherwise = settings.max_ttl if directive == "stale-if-error" else 0
        return min(settings.max_ttl, float(self.said.get(directive, otherwise)))

    def is_fetched_each_time(self, settings: CacheSettings) -> bool:
        return self.varies_by_everything and settings.min_ttl == 0


def parts_of(content: bytes, header: str) -> list[bytes]:
    """The parts of `content` that a Range header asks for; none for all of it, or what is not."""
    return [content[first:last] for first, last in RANGES[header] if content[first:last]]


def status_for(request: Request, given: Given, content: bytes, tag: bytes) -> int:
    """The status that a viewer gets of what is stored."""
    if given.status >= 400:
        return given.status
    if request.headers.get(b"if-none-match") == tag:
        return 304
    header = (request.headers.get(b"range") or b"").decode()
    if request.method != "GET" or not RANGES.get(header):
        return 200
    if request.headers.get(b"if-range") not in (None, tag):
        return 200
    return 206 if parts_of(content, header) else 416


def is_shown_in(shown: bytes, request: Request, status: int, content: bytes) -> bool:
    """Whether `shown` is of `content` what an answer with `status` has."""
    if status != 206:
        return shown == content
    parts = parts_of(content, (request.headers.get(b"range") or b"").decode())
    if len(parts) == 1:
        return shown == parts[0]
    pieces = shown.split(b"\r\n--")
    return [piece.partition(b"\r\n\r\n")[2] for piece in pieces[:-1]] == parts


def drained(body: Body) -> bytes:
    """A body that is at hand, or in parts that nobody has to wait for."""
    if body.chunks is None:
        return body.content or b""
    chunks = body.chunks

    async def read() -> bytes:
        return b"".join([chunk async for chunk in chunks])

    with pytest.raises(StopIteration) as end:
        read().send(None)
    return end.value.value
