"""What a viewer gets of what is stored."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from edgegw.cloudfront.cache.conditions import (
    conditional,
    is_unmodified,
    renewed,
    validators,
)
from edgegw.cloudfront.cache.entry import BytesBody, StoredBody
from edgegw.cloudfront.cache.ranges import Span
from edgegw.cloudfront.cache.serving import answer_from
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.http.message import Body
from tests.cloudfront.cache.messages import DATE, NOW, answered, asked, entry, lines

BODY = b"0123456789"
PAGE = entry(
    answered(content_type="text/plain", content_length="10", etag='"a"', last_modified=DATE)
)
EARLIER, LATER = "Sun, 09 Sep 2001 01:46:39 GMT", "Sun, 09 Sep 2001 01:46:41 GMT"


def body_of(status_and_body: Body) -> bytes:
    if status_and_body.content is not None:
        return status_and_body.content

    async def read() -> bytes:
        assert status_and_body.chunks is not None
        return b"".join([chunk async for chunk in status_and_body.chunks])

    return anyio.run(read)


@pytest.mark.parametrize(
    ("headers", "unmodified"),
    [
        ({}, False),
        ({"if_none_match": '"a"'}, True),
        ({"if_none_match": 'W/"a"'}, True),
        ({"if_none_match": '"b", "a"'}, True),
        ({"if_none_match": '"b"'}, False),
        ({"if_none_match": "*"}, True),
        ({"if_none_match": "a"}, False),
        ({"if_modified_since": DATE}, True),
        ({"if_modified_since": LATER}, True),
        ({"if_modified_since": EARLIER}, False),
        ({"if_modified_since": "today"}, False),
        # the tag alone counts where both are there
        ({"if_none_match": '"b"', "if_modified_since": DATE}, False),
        ({"if_none_match": '"a"', "if_modified_since": EARLIER}, True),
        # none of the edge's business
        ({"if_match": '"b"'}, False),
        ({"if_unmodified_since": EARLIER}, False),
    ],
)
def test_viewers_condition(headers: dict[str, str], unmodified: bool) -> None:
    request = asked(**headers)
    assert is_unmodified(request.headers, PAGE) is unmodified
    answer = answer_from(PAGE, request, NOW)
    assert answer.status == (304 if unmodified else 200)
    assert answer.verdict is Verdict.HIT


def test_weak_tag_of_a_compressed_answer_fits_its_strong_one() -> None:
    assert is_unmodified(lines(if_none_match='"a"'), entry(answered(etag='W/"a"')))


def test_without_a_tag_no_tag_fits() -> None:
    assert not is_unmodified(lines(if_none_match='"a"'), entry(answered()))
    assert not is_unmodified(lines(if_modified_since=DATE), entry(answered()))
    assert is_unmodified(lines(if_none_match="*"), entry(answered()))


def test_304_has_no_body_and_nothing_about_one() -> None:
    answer = answer_from(PAGE, asked(if_none_match='"a"'), NOW + 5)
    assert answer.headers == lines(etag='"a"', last_modified=DATE, date=DATE)
    assert (answer.response(None).body.length, answer.age) == (0, 5)


def test_head_of_a_stored_get() -> None:
    answer = answer_from(PAGE, asked(method="HEAD"), NOW)
    assert (answer.status, answer.headers, answer.shown) == (200, PAGE.headers, "nothing")


def test_plain_hit_is_the_whole_with_the_stored_headers_themselves() -> None:
    answer = answer_from(PAGE, asked(), NOW + 61.9)
    assert answer.headers is PAGE.headers  # what was derived from them counts
    assert (answer.status, answer.shown, answer.age) == (200, "whole", 61)
    assert body_of(answer.response(BytesBody.of(BODY)).body) == BODY


def test_age_is_never_below_zero() -> None:
    assert answer_from(PAGE, asked(), NOW - 3).age == 0


@pytest.mark.parametrize(
    ("header", "status", "content_range", "sent"),
    [
        ("bytes=2-3", 206, b"bytes 2-3/10", b"23"),
        ("bytes=8-", 206, b"bytes 8-9/10", b"89"),
        ("bytes=-1", 206, b"bytes 9-9/10", b"9"),
        ("bytes=5-1", 200, None, BODY),
        ("bytes=4-5,0-1", 200, None, BODY),
        ("items=0-1", 200, None, BODY),
        ("bytes=10-", 416, b"bytes */10", b""),
    ],
)
def test_range_of_a_stored_answer(
    header: str, status: int, content_range: bytes | None, sent: bytes
) -> None:
    answer = answer_from(PAGE, asked(range=header), NOW)
    response = answer.response(BytesBody.of(BODY))
    assert (response.status, response.headers.get(b"content-range")) == (status, content_range)
    assert body_of(response.body) == sent
    assert response.headers.get_all(b"content-length") == [b"%d" % len(sent)]


def test_unsatisfiable_range_is_an_error() -> None:
    assert answer_from(PAGE, asked(range="bytes=10-"), NOW).verdict is Verdict.ERROR


def test_several_ranges_are_multipart() -> None:
    response = answer_from(PAGE, asked(range="bytes=0-1,8-9"), NOW, boundary=b"B").response(
        BytesBody.of(BODY)
    )
    content = body_of(response.body)
    assert response.status == 206
    assert response.headers.get(b"content-type") == b"multipart/byteranges; boundary=B"
    assert response.headers.get_all(b"content-length") == [b"%d" % len(content)]
    assert response.body.length == len(content)
    assert content.startswith(
        b"--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01"
    )
    assert content.endswith(b"89\r\n--B--\r\n")


def test_parts_of_a_body_that_streams_are_streamed() -> None:
    class Streaming:
        length: int | None = 10

        def whole(self) -> Body:
            raise AssertionError

        def part(self, span: Span) -> Body:
            async def chunks():
                for at in range(span.first, span.last + 1):
                    yield BODY[at : at + 1]

            return Body.streaming(chunks(), span.length)

    streaming: StoredBody = Streaming()
    answer = answer_from(PAGE, asked(range="bytes=0-1,8-9"), NOW, boundary=b"B")
    assert body_of(answer.response(streaming).body) == body_of(
        answer.response(BytesBody.of(BODY)).body
    )


@pytest.mark.parametrize(
    "headers",
    [{"if_range": '"b"'}, {"if_range": 'W/"a"'}, {"if_range": EARLIER}],
)
def test_if_range_that_does_not_hold_gives_the_whole(headers: dict[str, str]) -> None:
    answer = answer_from(PAGE, asked(range="bytes=0-1", **headers), NOW)
    assert (answer.status, answer.shown) == (200, "whole")


@pytest.mark.parametrize("condition", ['"a"', DATE])
def test_if_range_that_holds_gives_the_part(condition: str) -> None:
    assert answer_from(PAGE, asked(range="bytes=0-1", if_range=condition), NOW).status == 206


def test_condition_comes_before_range() -> None:
    assert answer_from(PAGE, asked(range="bytes=0-1", if_none_match='"a"'), NOW).status == 304


def test_what_came_chunked_is_never_cut() -> None:
    chunked = replace(PAGE, is_chunked=True)
    assert answer_from(chunked, asked(range="bytes=0-1"), NOW).shown == "whole"


def test_range_of_a_body_of_unknown_length_is_the_whole_until_it_is_known() -> None:
    coming = replace(PAGE, length=None)
    assert answer_from(coming, asked(range="bytes=0-1"), NOW).status == 200
    assert answer_from(coming, asked(range="bytes=0-1"), NOW, length=10).status == 206


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_ranges_are_for_get(method: str) -> None:
    assert answer_from(PAGE, asked(method=method, range="bytes=0-1"), NOW).status == 200


def test_stored_part_goes_out_as_it_came() -> None:
    part = entry(answered(206, b"23", content_range="bytes 2-3/10"), asked(range="bytes=2-3"))
    answer = answer_from(part, asked(range="bytes=2-3"), NOW)
    assert (answer.status, answer.shown) == (206, "whole")
    assert answer.headers.get(b"content-range") == b"bytes 2-3/10"


@pytest.mark.parametrize("headers", [{}, {"range": "bytes=0-1"}, {"if_none_match": '"a"'}])
def test_stored_error_is_given_whole_and_stays_an_error(headers: dict[str, str]) -> None:
    gone = entry(answered(404, etag='"a"'))
    answer = answer_from(gone, asked(**headers), NOW + 2)
    assert (answer.status, answer.shown, answer.verdict, answer.age) == (
        404,
        "whole",
        Verdict.ERROR,
        2,
    )


def test_head_of_a_stored_error_has_no_body() -> None:
    assert answer_from(entry(answered(404)), asked(method="HEAD"), NOW).shown == "nothing"


def test_renewed_answer_has_no_age() -> None:
    assert answer_from(PAGE, asked(), NOW, Verdict.REFRESH_HIT).age is None


# To the origin


def test_validators_of_an_entry() -> None:
    assert validators(PAGE) == ((b"If-None-Match", b'"a"'), (b"If-Modified-Since", DATE.encode()))
    assert validators(entry(answered(etag='W/"a"'))) == ((b"If-None-Match", b'W/"a"'),)
    assert validators(entry(answered(last_modified="a while ago"))) == ()
    assert validators(entry(answered())) == ()


def test_ours_stand_in_the_place_of_the_viewers() -> None:
    viewer = lines(
        if_none_match='"v"', if_modified_since=EARLIER, if_match='"m"', range="bytes=0-1", host="h"
    )
    sent = conditional(viewer, validators(PAGE))
    assert sent == lines(range="bytes=0-1", host="h", if_none_match='"a"', if_modified_since=DATE)


def test_304_renews_headers_but_none_of_the_body() -> None:
    stored = lines(content_type="text/plain", cache_control="max-age=1", etag='"a"', x_a="1")
    fresh = lines(
        cache_control="max-age=9", content_type="text/html", content_length="0", date=DATE
    )
    assert renewed(stored, fresh) == lines(
        content_type="text/plain", etag='"a"', x_a="1", cache_control="max-age=9", date=DATE
    )
