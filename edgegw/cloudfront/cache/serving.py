"""What a viewer gets of a stored answer: all of it, its head, parts of it, or word that it has it.

In this order, as HTTP has it: conditions (304), then ranges (206, 416), then the whole. An error is
always given whole. The flow adds what every answer gets (Via, X-Cache, Age and so on).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, Literal, TypeAlias

from edgegw.cloudfront.cache.conditions import is_unmodified, without_body
from edgegw.cloudfront.cache.entry import StoredBody, StoredResponse
from edgegw.cloudfront.cache.ranges import (
    MultipartPieces,
    Span,
    asks_plainly,
    holds_if_range,
    multipart,
    part_headers,
    requested_spans,
)
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.http.message import EMPTY, Body, Headers, Request, Response
from edgegw.http.status import reason_phrase
from edgegw.values import value

ShownPart: TypeAlias = Literal["whole", "nothing"] | Span | MultipartPieces

BOUNDARY: Final = b"CloudFront:0123456789ABCDEF0123456789ABCDEF"
"""What stands between parts where nobody gives another; its form is uncertain."""


@value
class StoredAnswer:
    """What goes to the viewer of an entry. `age` is in seconds, None where there is no Age."""

    status: int
    reason: bytes
    headers: Headers
    shown: ShownPart
    verdict: Verdict
    age: int | None = None

    def response(self, body: StoredBody | None) -> Response:
        """The response; `body` is the entry's, which needs to be there only if it is shown."""
        return Response(self.status, self.reason, self.headers, self._body(body))

    def _body(self, body: StoredBody | None) -> Body:
        if self.shown == "nothing" or body is None:
            return EMPTY
        if self.shown == "whole":
            return body.whole()
        if isinstance(self.shown, Span):
            return body.part(self.shown)
        return Body.streaming(_pieces(self.shown, body), self.shown.length)


async def _pieces(shown: MultipartPieces, body: StoredBody) -> AsyncIterator[bytes]:
    for piece in shown.pieces:
        if isinstance(piece, bytes):
            yield piece
            continue
        part = body.part(piece)
        if part.chunks is None:
            yield part.content or b""
            continue
        async for chunk in part.chunks:
            yield chunk


def answer_from(
    entry: StoredResponse,
    request: Request,
    now: float,
    verdict: Verdict = Verdict.HIT,
    *,
    length: int | None = None,
    boundary: bytes = BOUNDARY,
) -> StoredAnswer:
    """The answer to `request` out of `entry`. `length` is that of its body, where it is known.

    Source: CloudFront Developer Guide, "Request and response behavior for custom origins", and
    "How CloudFront processes partial requests for an object (range GETs)".
    """
    age = entry.age(now) if verdict is Verdict.HIT else None
    if request.method == "GET" and not entry.is_error and asks_plainly(request.headers):
        return StoredAnswer(entry.status, entry.reason, entry.headers, "whole", verdict, age)
    if entry.is_error:
        shown: ShownPart = "nothing" if request.method == "HEAD" else "whole"
        return StoredAnswer(
            entry.status, entry.reason, entry.headers, shown, Verdict.ERROR, entry.age(now)
        )
    if is_unmodified(request.headers, entry):
        headers = without_body(entry.headers)
        return StoredAnswer(304, reason_phrase(304), headers, "nothing", verdict, age)
    if request.method == "HEAD" or entry.is_head:
        return StoredAnswer(entry.status, entry.reason, entry.headers, "nothing", verdict, age)
    ranged = _ranged(entry, request, entry.length if length is None else length, boundary)
    if ranged is None:
        return StoredAnswer(entry.status, entry.reason, entry.headers, "whole", verdict, age)
    status, headers, shown = ranged
    final = Verdict.ERROR if status == 416 else verdict
    return StoredAnswer(status, reason_phrase(status), headers, shown, final, age)


def _ranged(
    entry: StoredResponse, request: Request, length: int | None, boundary: bytes
) -> tuple[int, Headers, ShownPart] | None:
    """Status, headers and parts where the viewer asked for a part and may have it."""
    asked = request.headers.get(b"range")
    if asked is None or request.method != "GET" or entry.status != 200:
        return None
    if entry.is_chunked or length is None:
        return None
    condition = request.headers.get(b"if-range")
    if not holds_if_range(condition, entry.etag, entry.last_modified):
        return None
    spans = requested_spans(asked, length)
    if spans == "everything":
        return None
    if spans == "nothing":
        line = (b"Content-Range", b"bytes */%d" % length)
        size = (b"Content-Length", b"0")
        return 416, part_headers(without_body(entry.headers), size, line), "nothing"
    if len(spans) == 1:
        line = (b"Content-Range", spans[0].of(length))
        size = (b"Content-Length", b"%d" % spans[0].length)
        return 206, part_headers(entry.headers, size, line), spans[0]
    shown = multipart(spans, length, entry.headers.get(b"content-type"), boundary)
    kind = (b"Content-Type", shown.content_type)
    size = (b"Content-Length", b"%d" % shown.length)
    return 206, part_headers(entry.headers, kind, size), shown
