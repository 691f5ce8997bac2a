"""What a bucket's REST endpoint answers: to whom, under which conditions, which part.

In this order: the method, the Host, who asks, whether there is such an object, the conditions, the
range. What is not there is a 403 unless the bucket may be listed, as S3 does not tell strangers
which objects there are.

Conditions, where several stand together: `If-Match` before `If-Unmodified-Since`, `If-None-Match`
before `If-Modified-Since`; the one of a pair that names tags decides alone. A failed one of the
first pair is a 412, one of the second a 304.

A range is one; several, or one that is not well formed, get everything. One behind the end is 416.

Source: Amazon S3 API Reference, "GetObject" and "HeadObject".
"""

from __future__ import annotations

import re
from typing import Final, Literal

from edgegw.cloudfront.cache.ranges import Span, holds_if_range, requested_spans
from edgegw.cloudfront.model import Origin
from edgegw.cloudfront.s3.bucket import Bucket, may_read
from edgegw.cloudfront.s3.content_types import content_type
from edgegw.cloudfront.s3.refusals import (
    ACCESS_DENIED,
    NO_CORS,
    NO_ORIGIN,
    WRONG_SIGNATURE,
    AnswerIds,
    BucketRefusal,
    error_headers,
    failed_condition,
    no_such_key,
    no_such_range,
    xml_page,
)
from edgegw.http.date import http_date, parse_http_date
from edgegw.http.hosts import host_name
from edgegw.http.message import Header, Headers, Request
from edgegw.http.target import to_text
from edgegw.values import value


@value
class StoredObject:
    """What is known of an object: bytes, when it changed (seconds since 1970), tag, metadata.

    `etag` has its quotes.
    """

    length: int
    modified: float
    etag: bytes
    metadata: tuple[Header, ...] = ()

    def named(self, name: bytes) -> bytes | None:
        """The metadata `name` (in lower case)."""
        return Headers(self.metadata).get(name)


@value
class BucketAnswer:
    """An answer: bytes at hand, or a span of the object."""

    status: int
    headers: Headers
    content: bytes | Span = b""


def refuse_request(bucket: Bucket, origin: Origin, request: Request) -> BucketRefusal | None:
    """Why nothing of the bucket is for this request, whatever there is.

    Objects are read and never written: no policy of a bucket here allows more.
    Source: CloudFront Developer Guide, "Restrict access to an Amazon S3 origin".
    """
    if request.method == "OPTIONS":
        return NO_CORS if b"origin" in request.headers else NO_ORIGIN
    if not _is_for(origin, request):
        return ACCESS_DENIED if bucket.access == "public" else WRONG_SIGNATURE
    if request.method not in ("GET", "HEAD") or not may_read(bucket, origin):
        return ACCESS_DENIED
    return None


def _is_for(origin: Origin, request: Request) -> bool:
    """Whether the Host is the bucket's own; a distribution that forwards the viewer's breaks it."""
    host = request.headers.get(b"host") or b""
    return host_name(to_text(host)) == origin.domain_name.lower()


def missing_object(bucket: Bucket, key: str | None) -> BucketRefusal:
    """What is said of a `key` that nobody stored; without one the bucket itself is asked for.

    Source: Amazon S3 API Reference, "GetObject", permissions.
    """
    return no_such_key(key) if bucket.may_list and key else ACCESS_DENIED


def object_answer(
    request: Request, key: str, stored: StoredObject, ids: AnswerIds
) -> BucketAnswer | BucketRefusal:
    """The object, the part of it that is asked for, or what its conditions make of the answer."""
    verdict = judge_conditions(request.headers, stored)
    if verdict == "unmodified":
        return BucketAnswer(304, Headers((*ids.lines, *_validators(stored), _SERVER)))
    if verdict != "send":
        return failed_condition(verdict)
    span = _span(request.headers, stored)
    if span == "nothing":
        return no_such_range(to_text(request.headers.get(b"range") or b""), stored.length)
    if span is not None:
        part = (b"Content-Range", span.of(stored.length))
        return _sent(request, 206, (*object_lines(key, stored, ids), part), span)
    return whole_object(request, 200, object_lines(key, stored, ids), stored)


def whole_object(
    request: Request, status: int, lines: tuple[Header, ...], stored: StoredObject
) -> BucketAnswer:
    """All of the object behind header `lines`."""
    return _sent(request, status, lines, Span(0, stored.length - 1))


def _sent(request: Request, status: int, lines: tuple[Header, ...], span: Span) -> BucketAnswer:
    headers = Headers((*lines, (b"Content-Length", b"%d" % span.length), _SERVER))
    is_empty = request.method == "HEAD" or not span.length
    return BucketAnswer(status, headers, b"" if is_empty else span)


def xml_answer(refusal: BucketRefusal, request: Request, ids: AnswerIds) -> BucketAnswer:
    """The error in XML; to HEAD without the body."""
    page = xml_page(refusal, ids)
    headers = error_headers(ids, b"application/xml", len(page), ())
    return BucketAnswer(refusal.status, headers, b"" if request.method == "HEAD" else page)


_SERVER: Final[Header] = (b"Server", b"AmazonS3")


def object_lines(key: str, stored: StoredObject, ids: AnswerIds) -> tuple[Header, ...]:
    """What is said of an object, up to its length."""
    metadata = [line for line in stored.metadata if line[0] != b"Content-Type"]
    kind = stored.named(b"content-type") or content_type(key).encode()
    return (
        *ids.lines,
        *_validators(stored),
        (b"x-amz-server-side-encryption", b"AES256"),
        *metadata,
        (b"Accept-Ranges", b"bytes"),
        (b"Content-Type", kind),
    )


def _validators(stored: StoredObject) -> tuple[Header, ...]:
    return ((b"Last-Modified", http_date(stored.modified)), (b"ETag", stored.etag))


Judgement = Literal["send", "unmodified", "If-Match", "If-Unmodified-Since"]
"""What conditions make of a request: the object, a 304, or a 412 that names the condition."""


def judge_conditions(headers: Headers, stored: StoredObject) -> Judgement:
    """What the conditions of a request make of it.

    Source: Amazon S3 API Reference, "GetObject", If-Match and If-None-Match beside the others.
    """
    moment = int(stored.modified)
    wanted = headers.get_all(b"if-match")
    if wanted:
        if not _names(wanted, stored.etag):
            return "If-Match"
    elif (limit := _date(headers, b"if-unmodified-since")) is not None and moment > limit:
        return "If-Unmodified-Since"
    known = headers.get_all(b"if-none-match")
    if known:
        return "unmodified" if _names(known, stored.etag) else "send"
    since = _date(headers, b"if-modified-since")
    return "unmodified" if since is not None and moment <= since else "send"


def _date(headers: Headers, name: bytes) -> float | None:
    line = headers.get(name)
    return None if line is None else parse_http_date(line)


_TAG: Final = re.compile(rb'(?:W/)?("[^"]*")|([^\s,"]+)')


def _names(conditions: list[bytes], etag: bytes) -> bool:
    """Whether a list of tags has this one, or is `*`; S3 takes tags without quotes as well."""
    for quoted, bare in _TAG.findall(b", ".join(conditions)):
        if bare == b"*" or etag == (quoted or b'"' + bare + b'"'):
            return True
    return False


def _span(headers: Headers, stored: StoredObject) -> Span | Literal["nothing"] | None:
    """The part that is asked for; None for the whole."""
    asked = headers.get(b"range")
    modified = http_date(stored.modified)
    if asked is None or not holds_if_range(headers.get(b"if-range"), stored.etag, modified):
        return None
    spans = requested_spans(asked, stored.length)
    if spans == "nothing":
        return "nothing"
    if spans == "everything" or len(spans) != 1:
        return None
    return spans[0]
