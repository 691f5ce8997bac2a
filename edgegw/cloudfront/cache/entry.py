"""What is stored of an answer: everything but its body, as a value that a store can write down.

The body stays with the store, which alone knows whether it is bytes, a file, or still coming in;
what is decided here refers to it as a `StoredBody` and asks for spans of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Protocol

from edgegw.cloudfront.cache.freshness import Freshness
from edgegw.cloudfront.cache.ranges import Span
from edgegw.cloudfront.compression import ContentCoding
from edgegw.http.date import parse_http_date
from edgegw.http.message import Body, Headers
from edgegw.values import value


class StoredBody(Protocol):
    """The body of an entry, wherever its store has it: at hand, in a file, or still coming in."""

    @property
    def length(self) -> int | None:
        """Its bytes; None while it comes in and nobody said how many there will be."""
        ...

    def whole(self) -> Body:
        """All of it; one that still comes in streams as it does, and breaks off as it does."""
        ...

    def part(self, span: Span) -> Body:
        """The bytes of `span`."""
        ...


@value
class BytesBody:
    """A body that is at hand. Making a `Body` anew for each hit would cost more than to keep it."""

    content: bytes
    body: Body

    @staticmethod
    def of(content: bytes) -> BytesBody:
        return BytesBody(content, Body.of(content))

    @property
    def length(self) -> int:
        return len(self.content)

    def whole(self) -> Body:
        return self.body

    def part(self, span: Span) -> Body:
        return Body.of(self.content[span.first : span.last + 1])


@value
class StoredPlace:
    """Where an answer belongs: whose it is, and the URL by which invalidations know it.

    `query` is what the key has of the query string, None for nothing. `path_pattern` is of the
    behavior that stored it.
    """

    distribution: str
    path_pattern: str
    path: bytes
    query: bytes | None = None

    @property
    def url(self) -> bytes:
        return self.path if self.query is None else self.path + b"?" + self.query


@value
class StoredResponse:
    """A stored answer without its body. Times are seconds since 1970.

    `key` is the one that it is kept under. `length` is of the body kept here: the part, for a 206.
    `origin_status` is what the origin said where the status is a custom error page's.
    `is_head` has no body and serves HEAD alone. `is_chunked` came in chunks, so it is never cut.
    Until `retry_at` an origin that failed is not asked again. `coding` is how the edge compressed
    it; None where it did not, even if the origin did.
    """

    key: bytes
    place: StoredPlace
    status: int
    reason: bytes
    headers: Headers
    stored_at: float
    freshness: Freshness
    origin_status: int
    length: int | None = None
    part: Span | None = None
    total: int | None = None
    is_head: bool = False
    is_chunked: bool = False
    tags: frozenset[bytes] = frozenset()
    retry_at: float = 0.0
    coding: ContentCoding | None = None

    @property
    def expires_at(self) -> float:
        """When it goes stale."""
        return self.stored_at + self.freshness.ttl

    @property
    def useless_at(self) -> float:
        """From when on it can neither be served nor stand in; a validator may still be asked."""
        terms = self.freshness
        return self.expires_at + max(terms.stale_while_revalidate, terms.stale_if_error)

    @property
    def is_error(self) -> bool:
        return self.origin_status >= 400

    @property
    def etag(self) -> bytes | None:
        return self.headers.get(b"etag")

    @property
    def last_modified(self) -> bytes | None:
        """Last-Modified where it is a date."""
        line = self.headers.get(b"last-modified")
        return line if line is not None and parse_http_date(line) is not None else None

    @property
    def size(self) -> int:
        """Bytes of memory that it takes about, its body aside."""
        headers, place = self.headers, self.place
        url = len(place.path) + (0 if place.query is None else 1 + len(place.query))
        lines = headers.size() + _LINE_SIZE * len(headers.raw)
        return _EMPTY_SIZE + len(self.key) + url + lines

    def is_fresh(self, now: float) -> bool:
        return now < self.stored_at + self.freshness.ttl  # `expires_at`, without another call

    def age(self, now: float) -> int:
        """Whole seconds since it was stored; never below 0, though clocks may differ."""
        return max(0, int(now - self.stored_at))

    def of_length(self, length: int) -> StoredResponse:
        """This entry once its body is whole."""
        if self.length == length:
            return self
        return replace(self, length=length)


@value
class FoundEntry:
    """What a store has under a key: what is known of the answer, and its body."""

    entry: StoredResponse
    body: StoredBody


_EMPTY_SIZE: Final = 700
_LINE_SIZE: Final = 120
