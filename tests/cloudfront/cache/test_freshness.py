"""For how long an answer is fresh: each row of AWS's tables, and which rule won."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.cloudfront.cache.cache_control import MAX_AGE_CEILING, cache_control
from edgegw.cloudfront.cache.freshness import (
    ALWAYS_KEPT_ERRORS,
    ERRORS_KEPT_WITH_MAX_AGE,
    Freshness,
    freshness,
)
from edgegw.cloudfront.cache.settings import CacheSettings, completed_ttls
from edgegw.http.message import Headers
from tests.cloudfront.cache.messages import NOW, OFF, RAISED, USUAL, lines

IN_A_MINUTE = "Sun, 09 Sep 2001 01:47:40 GMT"
LONG_AGO = "Thu, 01 Jan 1998 00:00:00 GMT"


def terms(
    settings: CacheSettings, status: int = 200, *, is_s3: bool = False, **headers: str
) -> Freshness:
    return freshness(status, lines(**headers), settings, NOW, is_s3=is_s3)


def said(cc: str = "", expires: str = "") -> dict[str, str]:
    headers = {"cache_control": cc} if cc else {}
    return headers | ({"expires": expires} if expires else {})


# what the origin says; TTL, source and bound with a minimum of 0, and with one of 10
SUCCESSES = [
    # v present: at most the maximum, at least the minimum
    (said("max-age=60"), (60, "max-age", ""), (60, "max-age", "")),
    (said("max-age=5"), (5, "max-age", ""), (10, "max-age", "min-ttl")),
    (said("max-age=5000"), (1000, "max-age", "max-ttl"), (1000, "max-age", "max-ttl")),
    (said("max-age=0"), (0, "max-age", ""), (10, "max-age", "min-ttl")),
    (said("s-maxage=60, max-age=5"), (60, "s-maxage", ""), (60, "s-maxage", "")),
    (said("max-age=60, s-maxage=0"), (0, "s-maxage", ""), (10, "s-maxage", "min-ttl")),
    (said("s-maxage=5000"), (1000, "s-maxage", "max-ttl"), (1000, "s-maxage", "max-ttl")),
    (said("", IN_A_MINUTE), (60, "expires", ""), (60, "expires", "")),
    (said("", LONG_AGO), (0, "expires", ""), (10, "expires", "min-ttl")),
    (said("", "0"), (0, "expires", ""), (10, "expires", "min-ttl")),
    (said("", IN_A_MINUTE.replace("GMT", "UTC")), (0, "expires", ""), (10, "expires", "min-ttl")),
    (said("public", IN_A_MINUTE), (60, "expires", ""), (60, "expires", "")),
    (said("max-age=5", IN_A_MINUTE), (5, "max-age", ""), (10, "max-age", "min-ttl")),
    (said("s-maxage=5", IN_A_MINUTE), (5, "s-maxage", ""), (10, "s-maxage", "min-ttl")),
    # nothing usable: the default
    (said(), (100, "default-ttl", ""), (100, "default-ttl", "")),
    (said("public"), (100, "default-ttl", ""), (100, "default-ttl", "")),
    (said("must-revalidate"), (100, "default-ttl", ""), (100, "default-ttl", "")),
    (said("max-age=soon"), (100, "default-ttl", ""), (100, "default-ttl", "")),
    (said("max-age=-5"), (100, "default-ttl", ""), (100, "default-ttl", "")),
    # forbidden: not kept, or for the minimum
    (said("no-store"), "no-store", (10, "no-store", "min-ttl")),
    (said("no-cache"), "no-cache", (10, "no-cache", "min-ttl")),
    (said("private"), "private", (10, "private", "min-ttl")),
    (said("No-Store"), "no-store", (10, "no-store", "min-ttl")),
    (said("no-cache, must-revalidate"), "no-cache", (10, "no-cache", "min-ttl")),
    (said("no-store, max-age=60"), "no-store", (10, "no-store", "min-ttl")),
    (said("max-age=60, private"), "private", (10, "private", "min-ttl")),
    (said("no-cache", IN_A_MINUTE), "no-cache", (10, "no-cache", "min-ttl")),
    # a directive about headers forbids nothing
    (said('no-cache="Set-Cookie"'), (100, "default-ttl", ""), (100, "default-ttl", "")),
    (said('no-cache="Set-Cookie", max-age=60'), (60, "max-age", ""), (60, "max-age", "")),
    (said('private="X-A", max-age=60'), (60, "max-age", ""), (60, "max-age", "")),
]


@pytest.mark.parametrize(
    ("headers", "without_minimum", "with_minimum"), SUCCESSES, ids=lambda row: str(row)[:60]
)
def test_ttl_of_a_success(
    headers: dict[str, str], without_minimum: object, with_minimum: object
) -> None:
    for settings, expected in ((USUAL, without_minimum), (RAISED, with_minimum)):
        outcome = terms(settings, **headers)
        if isinstance(expected, str):
            assert (outcome.is_kept, outcome.source) == (False, expected)
        else:
            assert outcome.is_kept
            assert (outcome.ttl, outcome.source, outcome.bound) == expected


IN_AN_HOUR = "Sun, 09 Sep 2001 02:46:40 GMT"


@pytest.mark.parametrize(
    ("sent", "ttl", "source"),
    [
        # several lines are one list; of a repeated directive the first counts
        ([("Cache-Control", "public"), ("cache-control", "max-age=5")], 5, "max-age"),
        ([("Cache-Control", "max-age=60"), ("Cache-Control", "s-maxage=5")], 5, "s-maxage"),
        ([("Cache-Control", "max-age=5"), ("Cache-Control", "max-age=60")], 5, "max-age"),
        ([("Cache-Control", "max-age=60"), ("Cache-Control", "no-store")], None, "no-store"),
        ([("Cache-Control", ""), ("Cache-Control", "private")], None, "private"),
        ([("Expires", IN_A_MINUTE), ("Expires", IN_AN_HOUR)], 60, "expires"),
        # what cannot be read leaves the word to what comes next
        ([("Cache-Control", "s-maxage=soon, max-age=5")], 5, "max-age"),
        ([("Cache-Control", "max-age=soon"), ("Expires", IN_A_MINUTE)], 60, "expires"),
        # what has no say: Pragma, Age, Date, the caches of others
        ([("Pragma", "no-cache")], 100, "default-ttl"),
        ([("Pragma", "no-cache"), ("Expires", IN_A_MINUTE)], 60, "expires"),
        ([("Cache-Control", "max-age=60"), ("Age", "50")], 60, "max-age"),
        ([("Date", IN_A_MINUTE), ("Expires", IN_AN_HOUR)], 1000, "expires"),
        ([("Date", LONG_AGO), ("Cache-Control", "max-age=60")], 60, "max-age"),
        ([("CDN-Cache-Control", "max-age=5")], 100, "default-ttl"),
        ([("Surrogate-Control", "max-age=5")], 100, "default-ttl"),
    ],
)
def test_lines_together(sent: list[tuple[str, str]], ttl: int | None, source: str) -> None:
    headers = Headers((name.encode(), text.encode()) for name, text in sent)
    outcome = freshness(200, headers, USUAL, NOW)
    assert (outcome.ttl if outcome.is_kept else None, outcome.source) == (ttl, source)


def test_default_below_the_minimum_is_raised() -> None:
    settings = CacheSettings(min_ttl=200, default_ttl=100, max_ttl=1000)
    outcome = terms(settings)
    assert (outcome.ttl, outcome.source, outcome.bound) == (200, "default-ttl", "min-ttl")


def test_maximum_does_not_lower_the_default() -> None:
    settings = CacheSettings(min_ttl=0, default_ttl=500, max_ttl=500)
    assert terms(settings).ttl == 500
    assert terms(settings).bound == ""


def test_a_hundred_years_is_the_most() -> None:
    endless = CacheSettings(max_ttl=10**12)
    assert (
        terms(endless, cache_control="max-age=9" + "9" * 40).ttl == MAX_AGE_CEILING == 3_153_600_000
    )
    assert terms(endless, cache_control="max-age=3153599999").ttl == 3_153_599_999
    assert terms(endless, cache_control="max-age=00000000000060").ttl == 60


def test_the_rule_that_won_is_told_in_words() -> None:
    assert terms(USUAL, cache_control="max-age=5000").rule == (
        "max-age of the origin, lowered to the maximum TTL"
    )
    assert terms(RAISED, cache_control="no-store").rule == (
        "no-store of the origin, raised to the minimum TTL"
    )
    assert terms(USUAL).rule == "default TTL, as the origin says nothing"


@pytest.mark.parametrize("vary", ["*", "Accept, *"])
def test_vary_star_is_kept_but_fetched_again_without_conditions(vary: str) -> None:
    outcome = terms(USUAL, vary=vary, cache_control="max-age=60")
    assert (outcome.is_kept, outcome.ttl, outcome.has_conditions) == (True, 0, False)
    assert outcome.source == "vary-star"


def test_vary_star_with_a_minimum_is_like_any_vary() -> None:
    outcome = terms(RAISED, vary="*", cache_control="max-age=60")
    assert (outcome.ttl, outcome.source, outcome.has_conditions) == (60, "max-age", True)


def test_other_vary_changes_nothing() -> None:
    assert terms(USUAL, vary="Cookie") == terms(USUAL)


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("settings", [USUAL, RAISED], ids=["min 0", "min 10"])
def test_307_and_308_need_cache_control(status: int, settings: CacheSettings) -> None:
    assert not terms(settings, status).is_kept
    assert not terms(settings, status, expires=IN_A_MINUTE).is_kept
    assert terms(settings, status, cache_control="max-age=60").ttl == 60
    assert terms(settings, status, cache_control="public").ttl == 100


@pytest.mark.parametrize("status", [200, 204, 301, 302, 303])
def test_other_redirects_and_successes_are_kept_by_default(status: int) -> None:
    assert terms(USUAL, status).ttl == 100


@pytest.mark.parametrize("status", [200, 302, 404, 500, 503])
def test_caching_disabled_keeps_nothing(status: int) -> None:
    for settings in (OFF, CacheSettings(keeps_nothing=True)):
        outcome = terms(settings, status, cache_control="max-age=60")
        assert (outcome.is_kept, outcome.source) == (False, "caching-disabled")


# Stale


@pytest.mark.parametrize(
    ("directives", "meanwhile", "for_errors"),
    [
        ("max-age=1", 0, 1000),
        ("max-age=1, stale-while-revalidate=30", 30, 1000),
        ("max-age=1, stale-while-revalidate=3000", 1000, 1000),
        ("max-age=1, stale-if-error=30", 0, 30),
        ("max-age=1, stale-if-error=3000", 0, 1000),
        ("max-age=1, stale-if-error=0", 0, 0),
        ("stale-while-revalidate=5, stale-if-error=6", 5, 6),
    ],
)
def test_how_long_a_stale_answer_may_stand_in(
    directives: str, meanwhile: int, for_errors: int
) -> None:
    outcome = terms(USUAL, cache_control=directives)
    assert outcome.stale_while_revalidate == meanwhile
    assert outcome.stale_if_error == for_errors


# Errors


@pytest.mark.parametrize("status", [404, 410, 414, 500, 501, 502, 503, 504])
def test_error_that_is_always_kept(status: int) -> None:
    assert status in ALWAYS_KEPT_ERRORS
    outcome = terms(USUAL, status)
    assert (outcome.is_kept, outcome.ttl, outcome.source) == (True, 10, "error-caching-min-ttl")


@pytest.mark.parametrize("status", [400, 403, 405, 412, 415])
def test_error_that_is_kept_with_max_age_only(status: int) -> None:
    assert status in ERRORS_KEPT_WITH_MAX_AGE
    assert not terms(USUAL, status).is_kept
    assert not terms(USUAL, status, expires=IN_A_MINUTE).is_kept
    assert terms(USUAL, status, cache_control="max-age=60").ttl == 60
    assert terms(USUAL, status, cache_control="s-maxage=60").ttl == 60
    assert terms(USUAL, status, cache_control="max-age=1").ttl == 10


@pytest.mark.parametrize(
    "status", [401, 402, 406, 407, 408, 409, 411, 416, 418, 422, 429, 505, 599]
)
def test_error_that_is_never_kept(status: int) -> None:
    assert not terms(USUAL, status, cache_control="max-age=60").is_kept
    assert not terms(RAISED, status, cache_control="max-age=60").is_kept


@pytest.mark.parametrize("directive", ["no-store", "no-cache", "private"])
@pytest.mark.parametrize(
    ("status", "is_kept"),
    [
        (404, False),
        (410, False),
        (414, False),
        (501, False),
        (500, True),
        (502, True),
        (503, True),
        (504, True),
    ],
)
def test_no_store_counts_for_some_errors(directive: str, status: int, is_kept: bool) -> None:
    for settings in (USUAL, RAISED):
        assert terms(settings, status, cache_control=directive).is_kept is is_kept


def test_no_store_beside_max_age_does_not_keep_a_403_out() -> None:
    assert terms(USUAL, 403, cache_control="no-store, max-age=60").ttl == 60


@pytest.mark.parametrize(
    ("error_ttl", "headers", "ttl", "bound"),
    [
        (30, said(), 30, ""),
        (30, said("max-age=5"), 30, "error-caching-min-ttl"),
        (30, said("max-age=60"), 60, ""),
        (30, said("", IN_A_MINUTE), 60, ""),
        (30, said("max-age=5000"), 1000, "max-ttl"),
        (2000, said("max-age=5000"), 2000, "error-caching-min-ttl"),
        (0, said("max-age=5"), 5, ""),
    ],
)
def test_error_is_kept_for_the_longer_time(
    error_ttl: int, headers: dict[str, str], ttl: int, bound: str
) -> None:
    settings = CacheSettings(default_ttl=100, max_ttl=1000, error_ttls={404: error_ttl})
    outcome = terms(settings, 404, **headers)
    assert (outcome.ttl, outcome.bound) == (ttl, bound)


def test_error_ttl_of_0_keeps_nothing_but_of_a_bucket() -> None:
    settings = CacheSettings(error_ttls={404: 0})
    assert not terms(settings, 404).is_kept
    assert terms(settings, 404, is_s3=True).ttl == 1


def test_error_never_stands_in() -> None:
    outcome = terms(
        USUAL, 404, cache_control="max-age=1, stale-while-revalidate=9, stale-if-error=9"
    )
    assert (outcome.stale_while_revalidate, outcome.stale_if_error) == (0, 0)


# The rest


@pytest.mark.parametrize(
    ("given_ttls", "completed"),
    [
        ((0, None, None), (0, 86400, 31536000)),
        ((100_000, None, None), (100_000, 100_000, 31536000)),
        ((0, 40_000_000, None), (0, 40_000_000, 40_000_000)),
        ((0, 5, 6), (0, 5, 6)),
        ((0, 0, 0), (0, 0, 0)),
    ],
)
def test_ttls_that_a_policy_leaves_out(
    given_ttls: tuple[int, int | None, int | None], completed: tuple[int, int, int]
) -> None:
    assert completed_ttls(*given_ttls) == completed


@pytest.mark.parametrize(
    ("line", "directives"),
    [
        ("max-age=1, MAX-AGE=2", {b"max-age": b"1"}),
        (' , no-cache="Set-Cookie, X" ,public', {b"no-cache": b"Set-Cookie, X", b"public": None}),
        ('max-age="5"', {b"max-age": b"5"}),
        ("max-age = 5", {b"max-age": b"5"}),
        ("max-age=", {b"max-age": None}),
        ("", {}),
    ],
)
def test_cache_control_is_read(line: str, directives: dict[bytes, bytes | None]) -> None:
    assert cache_control(lines(cache_control=line)).directives == directives


CACHE_CONTROLS = st.lists(
    st.one_of(
        st.sampled_from(["public", "no-store", "no-cache", "private", 'no-cache="Set-Cookie"']),
        st.builds("max-age={}".format, st.integers(0, 5000)),
        st.builds("s-maxage={}".format, st.integers(0, 5000)),
        st.builds("stale-if-error={}".format, st.integers(0, 5000)),
        st.builds("stale-while-revalidate={}".format, st.integers(0, 5000)),
    ),
    max_size=4,
).map(", ".join)


@given(
    ttls=st.tuples(*[st.integers(0, 2000)] * 3).map(sorted),
    status=st.sampled_from([200, 301, 307, 400, 404, 416, 429, 500, 503]),
    directives=CACHE_CONTROLS,
    expires=st.sampled_from(["", IN_A_MINUTE, LONG_AGO, "never"]),
)
def test_no_ttl_leaves_its_bounds(
    ttls: list[int], status: int, directives: str, expires: str
) -> None:
    settings = CacheSettings(min_ttl=ttls[0], default_ttl=ttls[1], max_ttl=ttls[2])
    outcome = terms(settings, status, **said(directives, expires))
    assert 0 <= outcome.ttl <= max(settings.max_ttl, 10)
    assert outcome.stale_if_error <= settings.max_ttl
    assert outcome.stale_while_revalidate <= settings.max_ttl
    if outcome.is_kept and status < 400:
        assert outcome.ttl >= settings.min_ttl
    assert outcome.rule


@given(st.binary(max_size=60))
def test_any_cache_control_is_read(line: bytes) -> None:
    control = cache_control(lines(cache_control=line.decode("latin-1")))
    assert (control.seconds(b"max-age") or 0) >= 0
    control.kept_out()
