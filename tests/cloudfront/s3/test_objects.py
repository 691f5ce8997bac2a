"""The REST endpoint: who is refused, conditions, ranges, headers."""

from __future__ import annotations

import pytest

from edgegw.cloudfront.cache.ranges import Span
from edgegw.cloudfront.model import CustomOrigin, Origin, S3Origin
from edgegw.cloudfront.s3.bucket import (
    AccessControl,
    Bucket,
    bucket_of,
    is_bucket_name,
    may_read,
    rest_domains,
    website_domain,
)
from edgegw.cloudfront.s3.content_types import content_type
from edgegw.cloudfront.s3.objects import (
    BucketAnswer,
    StoredObject,
    missing_object,
    object_answer,
    refuse_request,
    xml_answer,
)
from edgegw.cloudfront.s3.refusals import ACCESS_DENIED, AnswerIds, BucketRefusal, no_such_key
from edgegw.http.message import Headers, Request
from edgegw.http.target import RequestTarget

DOMAIN = "my-bucket.s3.eu-west-1.amazonaws.com"
IDS = AnswerIds("REQUEST", "HOST", b"Thu, 26 Nov 2026 12:00:00 GMT")
MODIFIED = 784111777.5  # Sun, 06 Nov 1994 08:49:37 GMT, and half a second
THEN, BEFORE, AFTER = (b"Sun, 06 Nov 1994 08:49:%d GMT" % second for second in (37, 36, 38))
STORED = StoredObject(1000, MODIFIED, b'"tag"')
SIGNED = S3Origin(DOMAIN, is_signed=True)
IDENTITY = S3Origin(DOMAIN, auth_method="origin-access-identity", region="eu-west-1")
PLAIN = S3Origin(DOMAIN)
CUSTOM = CustomOrigin(DOMAIN, 443, "https")


def ask(*lines: tuple[bytes, bytes], method: str = "GET", host: str = DOMAIN) -> Request:
    headers = Headers(((b"Host", host.encode()), *lines))
    return Request(method, RequestTarget(b"/key.txt"), headers)


def answer(*lines: tuple[bytes, bytes], stored: StoredObject = STORED) -> BucketAnswer:
    reply = object_answer(ask(*lines), "key.txt", stored, IDS)
    return xml_answer(reply, ask(), IDS) if isinstance(reply, BucketRefusal) else reply


@pytest.mark.parametrize(
    ("access", "origin", "reads"),
    [
        ("public", PLAIN, True),
        ("public", CUSTOM, True),
        ("public", SIGNED, True),
        ("oac", SIGNED, True),
        ("oac", PLAIN, False),
        ("oac", IDENTITY, False),
        ("oac", CUSTOM, False),
        ("oai", IDENTITY, True),
        ("oai", PLAIN, False),
        ("oai", SIGNED, False),
        ("oai", CUSTOM, False),
    ],
)
def test_whom_a_bucket_lets_read(access: AccessControl, origin: Origin, reads: bool) -> None:
    bucket = Bucket("my-bucket", access)
    assert may_read(bucket, origin) is reads
    refusal = refuse_request(bucket, origin, ask())
    assert refusal is None if reads else refusal == ACCESS_DENIED


@pytest.mark.parametrize(
    ("request_", "access", "code"),
    [
        (ask(method="PUT"), "oac", "AccessDenied"),
        (ask(method="DELETE"), "oac", "AccessDenied"),
        (ask(method="POST"), "public", "AccessDenied"),
        (ask(method="OPTIONS"), "public", "BadRequest"),
        (ask((b"Origin", b"https://a"), method="OPTIONS"), "public", "AccessForbidden"),
        (ask(host="www.example.com"), "oac", "SignatureDoesNotMatch"),
        (ask(host="www.example.com"), "public", "AccessDenied"),
    ],
)
def test_what_is_refused_whatever_there_is(
    request_: Request, access: AccessControl, code: str
) -> None:
    refusal = refuse_request(Bucket("my-bucket", access), SIGNED, request_)
    assert refusal is not None
    assert refusal.code == code


@pytest.mark.parametrize(
    ("may_list", "key", "refusal"),
    [
        (False, "a", ACCESS_DENIED),
        (True, "a", no_such_key("a")),
        (True, "", ACCESS_DENIED),
        (True, None, ACCESS_DENIED),
    ],
)
def test_what_is_missing(may_list: bool, key: str | None, refusal: BucketRefusal) -> None:
    assert missing_object(Bucket("my-bucket", may_list=may_list), key) == refusal


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([], 200),
        ([(b"If-None-Match", b'"tag"')], 304),
        ([(b"If-None-Match", b"tag")], 304),
        ([(b"If-None-Match", b'W/"tag"')], 304),
        ([(b"If-None-Match", b'"x", "tag"')], 304),
        ([(b"If-None-Match", b"*")], 304),
        ([(b"If-None-Match", b'"x"')], 200),
        ([(b"If-Modified-Since", THEN)], 304),
        ([(b"If-Modified-Since", AFTER)], 304),
        ([(b"If-Modified-Since", BEFORE)], 200),
        ([(b"If-Modified-Since", b"no date")], 200),
        ([(b"If-None-Match", b'"x"'), (b"If-Modified-Since", AFTER)], 200),
        ([(b"If-None-Match", b'"tag"'), (b"If-Modified-Since", BEFORE)], 304),
        ([(b"If-Match", b'"tag"')], 200),
        ([(b"If-Match", b"*")], 200),
        ([(b"If-Match", b'"x"')], 412),
        ([(b"If-Unmodified-Since", THEN)], 200),
        ([(b"If-Unmodified-Since", BEFORE)], 412),
        ([(b"If-Match", b'"tag"'), (b"If-Unmodified-Since", BEFORE)], 200),
        ([(b"If-Match", b'"x"'), (b"If-None-Match", b'"tag"')], 412),
        ([(b"If-Match", b'"tag"'), (b"If-None-Match", b'"tag"')], 304),
        ([(b"If-None-Match", b'"tag"'), (b"Range", b"bytes=0-0")], 304),
    ],
)
def test_conditions(lines: list[tuple[bytes, bytes]], status: int) -> None:
    assert answer(*lines).status == status


@pytest.mark.parametrize(
    ("lines", "status", "content"),
    [
        ([(b"Range", b"bytes=0-0")], 206, Span(0, 0)),
        ([(b"Range", b"bytes=990-")], 206, Span(990, 999)),
        ([(b"Range", b"bytes=990-5000")], 206, Span(990, 999)),
        ([(b"Range", b"bytes=-10")], 206, Span(990, 999)),
        ([(b"Range", b"bytes=-5000")], 206, Span(0, 999)),
        ([(b"Range", b"bytes=0-0,5-6")], 200, Span(0, 999)),
        ([(b"Range", b"bytes=9-0")], 200, Span(0, 999)),
        ([(b"Range", b"lines=0-0")], 200, Span(0, 999)),
        ([(b"Range", b"bytes=0-0"), (b"If-Range", b'"tag"')], 206, Span(0, 0)),
        ([(b"Range", b"bytes=0-0"), (b"If-Range", THEN)], 206, Span(0, 0)),
        ([(b"Range", b"bytes=0-0"), (b"If-Range", b'"x"')], 200, Span(0, 999)),
    ],
)
def test_ranges(lines: list[tuple[bytes, bytes]], status: int, content: Span) -> None:
    reply = answer(*lines)
    assert (reply.status, reply.content) == (status, content)
    assert reply.headers.get(b"content-length") == b"%d" % content.length
    if status == 206:
        assert reply.headers.get(b"content-range") == content.of(1000)


@pytest.mark.parametrize(
    ("asked", "length"), [(b"bytes=1000-", 1000), (b"bytes=-0", 1000), (b"bytes=0-", 0)]
)
def test_a_range_behind_the_end(asked: bytes, length: int) -> None:
    reply = answer((b"Range", asked), stored=StoredObject(length, MODIFIED, b'"tag"'))
    assert reply.status == 416
    assert isinstance(reply.content, bytes)
    assert (
        f"<Code>InvalidRange</Code><Message>The requested range is not satisfiable</Message>"
        f"<RangeRequested>{asked.decode()}</RangeRequested>"
        f"<ActualObjectSize>{length}</ActualObjectSize>"
    ).encode() in reply.content


def test_the_lines_of_an_object() -> None:
    metadata = (
        (b"Cache-Control", b"max-age=60"),
        (b"Content-Type", b"text/x-own"),
        (b"x-amz-meta-a", b"1"),
    )
    reply = answer(stored=StoredObject(3, MODIFIED, b'"tag"', metadata))
    assert list(reply.headers) == [
        (b"x-amz-id-2", b"HOST"),
        (b"x-amz-request-id", b"REQUEST"),
        (b"Date", IDS.date),
        (b"Last-Modified", THEN),
        (b"ETag", b'"tag"'),
        (b"x-amz-server-side-encryption", b"AES256"),
        (b"Cache-Control", b"max-age=60"),
        (b"x-amz-meta-a", b"1"),
        (b"Accept-Ranges", b"bytes"),
        (b"Content-Type", b"text/x-own"),
        (b"Content-Length", b"3"),
        (b"Server", b"AmazonS3"),
    ]


def test_head_has_the_lines_and_no_body() -> None:
    reply = object_answer(ask(method="HEAD"), "key.txt", STORED, IDS)
    assert isinstance(reply, BucketAnswer)
    assert (reply.content, reply.headers.get(b"content-length")) == (b"", b"1000")
    refusal = xml_answer(ACCESS_DENIED, ask(method="HEAD"), IDS)
    assert (refusal.status, refusal.content) == (403, b"")


def test_an_empty_object_has_no_body() -> None:
    reply = answer(stored=StoredObject(0, MODIFIED, b'"tag"'))
    assert (reply.status, reply.content, reply.headers.get(b"content-length")) == (200, b"", b"0")


def test_the_page_of_an_error_escapes_the_key() -> None:
    reply = xml_answer(no_such_key("<a&b>"), ask(), IDS)
    assert reply.content == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message>"
        b"<Key>&lt;a&amp;b&gt;</Key><RequestId>REQUEST</RequestId><HostId>HOST</HostId></Error>"
    )
    assert reply.headers.get(b"content-type") == b"application/xml"


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("a.html", "text/html"),
        ("a.HTML", "text/html"),
        ("a/b.min.js", "text/javascript"),
        ("a.d/b", "binary/octet-stream"),
        ("a", "binary/octet-stream"),
        ("a.unknown", "binary/octet-stream"),
    ],
)
def test_content_types(key: str, kind: str) -> None:
    assert content_type(key) == kind


@pytest.mark.parametrize(
    ("domain", "name", "is_website"),
    [
        (DOMAIN, "my-bucket", False),
        ("my-bucket.s3.amazonaws.com", "my-bucket", False),
        ("my-bucket.s3-eu-west-1.amazonaws.com", "my-bucket", False),
        ("www.example.com.s3.amazonaws.com", "www.example.com", False),
        ("my-bucket.s3-website-eu-west-1.amazonaws.com", "my-bucket", True),
        ("my-bucket.s3-website.eu-central-1.amazonaws.com", "my-bucket", True),
        ("media.example.test", "media", False),
    ],
)
def test_the_bucket_of_a_name(domain: str, name: str, is_website: bool) -> None:
    bucket = bucket_of(domain)
    assert (bucket.name, bucket.website is not None) == (name, is_website)


def test_the_names_of_a_bucket() -> None:
    assert rest_domains("b-1", "eu-west-1")[0] == "b-1.s3.eu-west-1.amazonaws.com"
    assert website_domain("b-1", "us-east-1") == "b-1.s3-website-us-east-1.amazonaws.com"
    assert website_domain("b-1", "eu-central-1") == "b-1.s3-website.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    ("name", "is_right"),
    [("abc", True), ("a.b-c", True), ("ab", False), ("a..b", False), ("Abc", False),
     ("-abc", False), ("a" * 63, True), ("a" * 64, False), ("..", False), ("a/b", False)],
)  # fmt: skip
def test_names_of_buckets(name: str, is_right: bool) -> None:
    assert is_bucket_name(name) is is_right
