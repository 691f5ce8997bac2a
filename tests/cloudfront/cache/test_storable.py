"""What is stored of which answer, and under which key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgegw.cloudfront.cache.entry import StoredResponse
from edgegw.cloudfront.cache.key import head_key, part_key
from edgegw.cloudfront.cache.ranges import Span
from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.cloudfront.cache.storable import MAX_OBJECT, NotStored, cache_tags, entry_of, is_whole
from edgegw.http.message import Body, Headers, Response, Upgraded
from tests.cloudfront.cache.messages import (
    DATE,
    NOW,
    OFF,
    RECIPE,
    USUAL,
    answered,
    asked,
    entry,
    kept,
    lines,
)

COOKIES = replace(USUAL, forwards_cookies=True)
WITH_OPTIONS = replace(USUAL, methods=frozenset({"GET", "HEAD", "OPTIONS"}))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_not_stored(method: str) -> None:
    outcome = kept(asked(method=method), answered(cache_control="max-age=60"))
    assert isinstance(outcome, NotStored)
    assert outcome.why == "method-not-cached"


def test_options_is_stored_where_it_is_cached() -> None:
    assert entry(request=asked(method="OPTIONS"), settings=WITH_OPTIONS).key[:1] == b"O"


def test_what_freshness_does_not_keep_is_not_stored() -> None:
    for settings, response in (
        (OFF, answered()),
        (USUAL, answered(cache_control="no-store")),
        (USUAL, answered(403)),
    ):
        outcome = kept(asked(), response, settings)
        assert isinstance(outcome, NotStored)
        assert outcome.why == "not-kept"
        assert outcome.terms is not None


def test_304_to_a_viewers_condition_is_not_stored() -> None:
    outcome = kept(asked(if_none_match='"a"'), answered(304, b""))
    assert outcome == NotStored("not-modified", outcome.terms)  # type: ignore[union-attr]


def test_switched_protocols_are_not_stored() -> None:
    outcome = kept(asked(), Response(101, upgraded=Upgraded(None)))
    assert isinstance(outcome, NotStored)
    assert outcome.why == "upgraded"


def test_more_than_50_gb_is_too_large() -> None:
    assert MAX_OBJECT == 50 * 10**9
    just, over = (
        kept(asked(), replace(answered(), body=Body(length=length)))
        for length in (MAX_OBJECT, MAX_OBJECT + 1)
    )
    assert isinstance(just, StoredResponse)
    assert isinstance(over, NotStored)
    assert over.why == "too-large"


# Headers


SET_COOKIE = answered(
    set_cookie="id=1", etag='"a"', age="7", connection="X-Hop", x_hop="1", via="1.1 x"
)


def test_set_cookie_is_stored_only_where_cookies_are_forwarded() -> None:
    assert b"set-cookie" not in entry(SET_COOKIE).headers
    assert entry(SET_COOKIE, settings=COOKIES).headers.get(b"set-cookie") == b"id=1"


def test_what_belongs_to_one_connection_or_answer_is_not_stored() -> None:
    assert entry(SET_COOKIE).headers == lines(etag='"a"', via="1.1 x", date=DATE)


def test_a_missing_date_is_when_it_was_stored() -> None:
    undated = Response(200, headers=lines(etag='"a"'), body=Body.of(b"x"))
    assert entry(undated).headers.get(b"date") == DATE.encode()
    dated = Response(200, headers=lines(date="long ago"), body=Body.of(b"x"))
    assert entry(dated).headers.get_all(b"date") == [b"long ago"]


@pytest.mark.parametrize(
    "directive",
    ['no-cache="Set-Cookie"', 'private="set-cookie"', 'max-age=9, no-cache="X-A, Set-Cookie"'],
)
def test_headers_that_no_cache_names_are_not_stored(directive: str) -> None:
    stored = entry(answered(set_cookie="id=1", x_b="2", cache_control=directive), settings=COOKIES)
    assert b"set-cookie" not in stored.headers
    assert stored.headers.get(b"x-b") == b"2"


def test_vary_changes_no_key() -> None:
    assert (
        entry(answered(vary="X-A"), asked(x_a="1")).key
        == entry(answered(vary="X-A"), asked(x_a="2")).key
    )


def test_authorization_makes_no_difference() -> None:
    assert entry(request=asked(authorization="Basic x")).key == entry().key


# HEAD and ranges


def test_head_is_stored_beside_the_whole() -> None:
    stored = entry(request=asked(method="HEAD"))
    assert (stored.key, stored.is_head, stored.length) == (head_key(entry().key), True, None)


PART = answered(206, b"2345", content_range="bytes 2-5/10")


def test_a_range_is_stored_for_whoever_asks_for_it() -> None:
    stored = entry(PART, asked(range="bytes=2-5"))
    assert stored.key == part_key(entry().key, b"2-5")
    assert (stored.part, stored.total, stored.length) == (Span(2, 5), 10, 4)


def test_a_range_may_end_where_the_body_does() -> None:
    stored = entry(PART, asked(range="bytes=2-99"))
    assert stored.key == part_key(entry().key, b"2-99")


def test_a_suffix_is_stored_if_it_is_the_end() -> None:
    end = answered(206, b"89", content_range="bytes 8-9/10")
    assert entry(end, asked(range="bytes=-2")).key == part_key(entry().key, b"-2")


@pytest.mark.parametrize(
    ("headers", "response", "why"),
    [
        ({}, PART, "part-without-range"),
        ({"range": "bytes=2-5,8-9"}, PART, "several-parts"),
        ({"range": "bytes=9-2"}, PART, "several-parts"),
        ({"range": "bytes=0-3"}, PART, "part-unlike-range"),
        ({"range": "bytes=2-4"}, PART, "part-unlike-range"),
        ({"range": "bytes=-2"}, PART, "part-unlike-range"),
        ({"range": "bytes=2-5"}, answered(206), "part-unlike-range"),
    ],
)
def test_a_part_that_does_not_answer_is_not_stored(
    headers: dict[str, str], response: Response, why: str
) -> None:
    outcome = kept(asked(**headers), response)
    assert isinstance(outcome, NotStored)
    assert outcome.why == why


def test_200_to_a_range_is_stored_as_the_whole() -> None:
    assert entry(request=asked(range="bytes=2-5")).key == entry().key


# Lengths


@pytest.mark.parametrize(
    ("announced", "received", "ended_well", "whole"),
    [
        (10, 10, True, True),
        (10, 9, True, False),
        (10, 11, True, False),
        (10, 10, False, False),
        (None, 10, True, True),
        (None, 10, False, False),
        (None, 0, True, True),
        (None, MAX_OBJECT + 1, True, False),
    ],
)
def test_only_a_whole_body_is_stored(
    announced: int | None, received: int, ended_well: bool, whole: bool
) -> None:
    stored = replace(entry(), length=announced)
    assert is_whole(stored, received, ended_well=ended_well) is whole


def test_chunked_is_remembered() -> None:
    assert entry(answered(transfer_encoding="chunked")).is_chunked
    assert not entry(answered(content_length="10")).is_chunked


# Error pages and tags


def test_an_error_page_is_stored_on_the_terms_of_what_failed() -> None:
    request = asked("/gone")
    failed = kept(request, answered(404), replace(USUAL, error_ttls={404: 30}))
    assert isinstance(failed, StoredResponse)
    page = entry_of(
        request,
        RECIPE.key(request),
        RECIPE.place(request),
        answered(200, b"sorry"),
        failed.freshness,
        USUAL,
        NOW,
        origin_status=404,
    )
    assert (page.status, page.origin_status, page.is_error) == (200, 404, True)
    assert (page.key, page.freshness.ttl) == (failed.key, 30)


def test_tags_are_read_in_lower_case() -> None:
    headers = Headers(
        [(b"Cache-Tag", b"Blog, post-1 ,,a b"), (b"cache-tag", b"x" * 256 + b"," + b"y" * 257)]
    )
    assert cache_tags(headers, b"cache-tag") == {b"blog", b"post-1", b"x" * 256}
    assert cache_tags(headers, b"") == frozenset()


def test_fifty_tags_are_read() -> None:
    many = ",".join(f"t{at}" for at in range(60))
    assert len(cache_tags(lines(cache_tag=many), b"cache-tag")) == 50


def test_tags_come_with_the_entry() -> None:
    tagged = entry(answered(x_tags="a"), settings=CacheSettings(tag_header=b"x-tags"))
    assert tagged.tags == {b"a"}
