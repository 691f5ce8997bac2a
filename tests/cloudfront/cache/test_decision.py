"""What becomes of a request at the cache, and of what its origin says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edgegw.cloudfront.cache.decision import (
    Bypass,
    Collapse,
    Hit,
    Miss,
    Revalidate,
    StaleWhileRevalidating,
    after_waiting,
    bypass,
    decide,
    refetching,
)
from edgegw.cloudfront.cache.entry import StoredResponse
from edgegw.cloudfront.cache.key import head_key, part_key
from edgegw.cloudfront.cache.outcome import (
    CacheOutcome,
    PassedThrough,
    Renewed,
    StaleServed,
    Stored,
    after,
)
from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.http.message import Request, Response
from tests.cloudfront.cache.messages import (
    DATE,
    NOW,
    OFF,
    RAISED,
    RECIPE,
    USUAL,
    answered,
    asked,
    entry,
    lines,
)

COOKIES = replace(USUAL, forwards_cookies=True)
REFUSED = OriginFailure("refused", "nobody listens")
KEY = RECIPE.key(asked())


def minute(**headers: str) -> StoredResponse:
    """Fresh for a minute, with a tag."""
    return entry(answered(etag='"a"', cache_control=headers.pop("cc", "max-age=60"), **headers))


PAGE = minute()


# Before the look-up


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_pass_by(method: str) -> None:
    assert bypass(asked(method=method), USUAL) == Bypass("method-not-cached")


def test_options_is_looked_up_where_it_is_cached() -> None:
    cached = replace(USUAL, methods=frozenset({"GET", "HEAD", "OPTIONS"}))
    assert bypass(asked(method="OPTIONS"), cached) is None


def test_caching_disabled_passes_by() -> None:
    assert bypass(asked(), OFF) == Bypass("caching-disabled")
    assert bypass(asked(), replace(USUAL, keeps_nothing=True)) == Bypass("caching-disabled")


@pytest.mark.parametrize("ttls", [(1, 1, 1), (0, 0, 1), (0, 1, 1)])
def test_one_ttl_above_0_is_caching(ttls: tuple[int, int, int]) -> None:
    settings = CacheSettings(min_ttl=ttls[0], default_ttl=ttls[1], max_ttl=ttls[2])
    assert bypass(asked(), settings) is None


def test_websockets_and_grpc_pass_by() -> None:
    assert bypass(replace(asked(), upgrade=b"websocket"), USUAL) == Bypass("upgrade")
    call = asked(method="POST", content_type="application/grpc+proto")
    assert bypass(call, USUAL) == Bypass("grpc")


def test_who_asks_to_passes_by_but_a_viewers_cache_control_does_not() -> None:
    assert bypass(asked(), USUAL, is_wanted=True) == Bypass("asked-to")
    assert bypass(asked(cache_control="no-cache", pragma="no-cache"), USUAL) is None
    assert isinstance(decide(asked(cache_control="no-store, max-age=0"), PAGE, USUAL, NOW + 1), Hit)


# The look-up


def test_nothing_stored_is_a_miss() -> None:
    assert decide(asked(), None, USUAL, NOW) == Miss(None, collapses=True)


@pytest.mark.parametrize("passed", [0, 1, 59.999])
def test_fresh_is_a_hit(passed: float) -> None:
    decision = decide(asked(), PAGE, USUAL, NOW + passed)
    assert isinstance(decision, Hit)
    assert (decision.answer.verdict, decision.answer.age) == (Verdict.HIT, int(passed))
    assert not decision.is_stale


@pytest.mark.parametrize("passed", [60, 61, 10_000])
def test_stale_with_a_validator_is_revalidated(passed: float) -> None:
    decision = decide(asked(), PAGE, USUAL, NOW + passed)
    assert decision == Revalidate(PAGE, ((b"If-None-Match", b'"a"'),), collapses=True)


def test_stale_without_a_validator_is_a_miss_that_knows_it() -> None:
    stored = entry(answered(cache_control="max-age=60"))
    assert decide(asked(), stored, USUAL, NOW + 60) == Miss(stored)


def test_stale_is_fetched_plainly_where_cookies_are_forwarded() -> None:
    assert decide(asked(), PAGE, COOKIES, NOW + 60) == Miss(PAGE, collapses=False)


def test_vary_star_is_fetched_again_each_time_without_conditions() -> None:
    stored = entry(answered(etag='"a"', vary="*", cache_control="max-age=60"))
    assert decide(asked(), stored, USUAL, NOW) == Miss(stored)


def test_max_age_0_is_revalidated_each_time() -> None:
    stored = minute(cc="max-age=0")
    assert isinstance(decide(asked(), stored, USUAL, NOW), Revalidate)


def test_no_store_with_a_minimum_is_a_hit() -> None:
    stored = entry(answered(cache_control="no-store"), settings=RAISED)
    assert isinstance(decide(asked(), stored, RAISED, NOW + 9), Hit)
    assert not isinstance(decide(asked(), stored, RAISED, NOW + 10), Hit)


def test_stale_error_is_a_miss_and_never_stands_in() -> None:
    gone = entry(answered(404, etag='"a"'))
    assert isinstance(decide(asked(), gone, USUAL, NOW + 9), Hit)
    assert decide(asked(), gone, USUAL, NOW + 10) == Miss(None)


def test_stored_error_is_an_error_again() -> None:
    decision = decide(asked(), entry(answered(503)), USUAL, NOW + 1)
    assert isinstance(decision, Hit)
    assert (decision.answer.status, decision.answer.verdict) == (503, Verdict.ERROR)


def test_head_of_an_answer_serves_no_get() -> None:
    head = entry(request=asked(method="HEAD"))
    assert isinstance(decide(asked(method="HEAD"), head, USUAL, NOW), Hit)
    assert decide(asked(), head, USUAL, NOW) == Miss(None)


def test_part_serves_nobody_who_wants_it_of_another_version() -> None:
    part = entry(
        answered(206, b"23", content_range="bytes 2-3/10", etag='"a"'), asked(range="bytes=2-3")
    )
    assert isinstance(decide(asked(range="bytes=2-3"), part, USUAL, NOW), Hit)
    assert isinstance(decide(asked(range="bytes=2-3", if_range='"a"'), part, USUAL, NOW), Hit)
    assert decide(asked(range="bytes=2-3", if_range='"b"'), part, USUAL, NOW) == Miss(None)


# Stale while revalidating


MEANWHILE = minute(cc="max-age=60, stale-while-revalidate=30")


@pytest.mark.parametrize("passed", [60, 89.9])
def test_stale_is_given_at_once_while_it_is_revalidated(passed: float) -> None:
    decision = decide(asked(), MEANWHILE, USUAL, NOW + passed)
    assert isinstance(decision, StaleWhileRevalidating)
    assert (decision.answer.verdict, decision.answer.status) == (Verdict.HIT, 200)
    assert isinstance(decision.refetch, Revalidate)


def test_one_revalidation_at_a_time() -> None:
    decision = decide(asked(), MEANWHILE, USUAL, NOW + 61, is_awaited=True)
    assert isinstance(decision, Hit)
    assert decision.is_stale


def test_stale_while_revalidate_ends() -> None:
    assert isinstance(decide(asked(), MEANWHILE, USUAL, NOW + 90), Revalidate)


def test_stale_while_revalidate_without_validator_or_with_cookies_fetches_plainly() -> None:
    bare = entry(answered(cache_control="max-age=60, stale-while-revalidate=30"))
    for stored, settings in ((bare, USUAL), (MEANWHILE, COOKIES)):
        decision = decide(asked(), stored, settings, NOW + 60)
        assert isinstance(decision, StaleWhileRevalidating)
        assert isinstance(decision.refetch, Miss)


def test_behind_a_viewers_back_the_whole_is_fetched() -> None:
    viewer = asked(method="HEAD", range="bytes=0-1", if_none_match='"v"', if_range='"v"', x_a="1")
    refetch = refetching(viewer, MEANWHILE)
    assert (refetch.method, refetch.headers) == ("GET", lines(x_a="1"))


def test_behind_a_viewers_back_a_part_stays_a_part_and_a_head_a_head() -> None:
    part_request = asked(range="bytes=2-3", if_none_match='"v"')
    part = entry(answered(206, b"23", content_range="bytes 2-3/10"), asked(range="bytes=2-3"))
    assert refetching(part_request, part).headers == lines(range="bytes=2-3")
    head = entry(request=asked(method="HEAD"))
    assert refetching(asked(method="HEAD"), head).method == "HEAD"


# Collapsing


def test_who_comes_while_it_is_fetched_waits() -> None:
    assert decide(asked(), None, USUAL, NOW, is_awaited=True) == Collapse(None)
    assert decide(asked(), PAGE, USUAL, NOW + 60, is_awaited=True) == Collapse(PAGE)


def test_nobody_waits_where_cookies_are_forwarded() -> None:
    assert decide(asked(), None, COOKIES, NOW, is_awaited=True) == Miss(None, collapses=False)


def test_nobody_waits_for_what_is_fresh() -> None:
    assert isinstance(decide(asked(), PAGE, USUAL, NOW, is_awaited=True), Hit)


def waited(
    brought: StoredResponse | None, stale: StoredResponse | None = None, passed: float = 0
) -> Any:
    return after_waiting(asked(), Collapse(stale), brought, USUAL, NOW + passed)


def test_who_waited_gets_a_hit() -> None:
    assert isinstance(waited(PAGE), Hit)
    assert waited(PAGE).answer.verdict is Verdict.HIT
    assert isinstance(waited(PAGE, passed=100), Hit)  # it came for all that waited, however slowly


def test_who_waited_for_an_error_gets_it() -> None:
    assert waited(entry(answered(404))).answer.verdict is Verdict.ERROR


@pytest.mark.parametrize("cc", ["private", "no-store", "no-cache"])
def test_who_waited_for_what_may_not_be_kept_asks_alone(cc: str) -> None:
    assert isinstance(outcome(answered(cache_control=cc)), PassedThrough)
    assert waited(None) == Miss(None, collapses=False)


@pytest.mark.parametrize("cc", ["max-age=0", "s-maxage=0"])
def test_who_waited_for_what_is_stale_at_once_asks_alone(cc: str) -> None:
    stored = minute(cc=cc)
    assert waited(stored) == Revalidate(stored, ((b"If-None-Match", b'"a"'),), collapses=False)


def test_who_waited_in_vain_asks_about_what_is_stale() -> None:
    assert waited(None, PAGE) == Revalidate(PAGE, ((b"If-None-Match", b'"a"'),), collapses=False)


def test_who_waited_for_what_stands_in_gets_it() -> None:
    standing_in = replace(minute(cc="max-age=0"), retry_at=NOW + 10)
    assert waited(standing_in).is_stale


# After the origin


FIRST = Miss()


def outcome(
    reply: Response | OriginFailure,
    decision: Miss | Revalidate = FIRST,
    request: Request | None = None,
    settings: CacheSettings = USUAL,
    passed: float = 0,
) -> CacheOutcome:
    request = request or asked()
    return after(
        decision, request, RECIPE.key(request), RECIPE.place(request), reply, settings, NOW + passed
    )


REVALIDATE = Revalidate(PAGE, ((b"If-None-Match", b'"a"'),))


def test_miss_is_stored_and_passed_on() -> None:
    stored = outcome(answered(cache_control="max-age=5"))
    assert isinstance(stored, Stored)
    assert (stored.verdict, stored.entry.key, stored.forgets) == (Verdict.MISS, KEY, ())


def test_304_renews_for_as_long_as_it_says() -> None:
    renewal = outcome(
        Response(304, headers=lines(cache_control="max-age=7", date=DATE)), REVALIDATE, passed=70
    )
    assert isinstance(renewal, Renewed)
    assert (renewal.answer.verdict, renewal.answer.status) == (Verdict.REFRESH_HIT, 200)
    assert (renewal.entry.freshness.ttl, renewal.entry.stored_at) == (7, NOW + 70)
    assert renewal.entry.headers.get(b"date") == DATE.encode()
    assert isinstance(decide(asked(), renewal.entry, USUAL, NOW + 76), Hit)


def test_304_that_says_nothing_renews_for_as_long_as_before() -> None:
    renewal = outcome(Response(304), REVALIDATE, passed=70)
    assert isinstance(renewal, Renewed)
    assert renewal.entry.freshness == PAGE.freshness


def test_304_with_no_store_answers_for_the_last_time() -> None:
    renewal = outcome(Response(304, headers=lines(cache_control="no-store")), REVALIDATE, passed=70)
    assert isinstance(renewal, Renewed)
    assert not renewal.keeps
    assert renewal.answer.status == 200


def test_after_304_the_viewers_condition_counts() -> None:
    renewal = outcome(Response(304), REVALIDATE, asked(if_none_match='"a"'), passed=70)
    assert isinstance(renewal, Renewed)
    assert (renewal.answer.status, renewal.answer.verdict) == (304, Verdict.REFRESH_HIT)


def test_after_304_the_viewers_range_counts() -> None:
    renewal = outcome(Response(304), REVALIDATE, asked(range="bytes=0-1"), passed=70)
    assert isinstance(renewal, Renewed)
    assert renewal.answer.status == 206


def test_304_to_the_viewers_own_condition_passes() -> None:
    passed_on = outcome(Response(304), Miss(), asked(if_none_match='"v"'))
    assert isinstance(passed_on, PassedThrough)
    assert (passed_on.why.why, passed_on.verdict) == ("not-modified", Verdict.MISS)
    assert passed_on.forgets == ()


def test_200_replaces() -> None:
    stored = outcome(answered(etag='"b"', cache_control="max-age=5"), REVALIDATE, passed=70)
    assert isinstance(stored, Stored)
    assert (stored.verdict, stored.entry.etag, stored.forgets) == (Verdict.MISS, b'"b"', ())


def test_200_that_may_not_be_kept_makes_forget() -> None:
    passed_on = outcome(answered(cache_control="no-store"), REVALIDATE, passed=70)
    assert isinstance(passed_on, PassedThrough)
    assert (passed_on.verdict, passed_on.forgets) == (Verdict.MISS, (KEY,))


@pytest.mark.parametrize(("status", "is_kept"), [(403, False), (401, False), (404, True)])
def test_4xx_on_revalidation_goes_to_the_viewer(status: int, is_kept: bool) -> None:
    result = outcome(answered(status), REVALIDATE, passed=70)
    assert isinstance(result, Stored if is_kept else PassedThrough)
    assert result.verdict is Verdict.ERROR
    assert result.forgets == ()


def test_a_new_range_makes_the_old_whole_forgotten() -> None:
    request = asked(range="bytes=2-3")
    stored = outcome(
        answered(206, b"23", content_range="bytes 2-3/10"), REVALIDATE, request, passed=70
    )
    assert isinstance(stored, Stored)
    assert (stored.entry.key, stored.forgets) == (part_key(KEY, b"2-3"), (KEY,))


def test_200_to_a_range_is_passed_on_and_stored_whole() -> None:
    stored = outcome(answered(), Miss(), asked(range="bytes=2-3"))
    assert isinstance(stored, Stored)
    assert stored.entry.key == KEY


def test_head_that_changed_makes_the_old_whole_forgotten() -> None:
    stored = outcome(answered(etag='"b"'), REVALIDATE, asked(method="HEAD"), passed=70)
    assert isinstance(stored, Stored)
    assert (stored.entry.key, stored.forgets) == (head_key(KEY), (KEY,))


FAILURES = [answered(500), answered(502), answered(503), answered(504), answered(599), REFUSED]


@pytest.mark.parametrize("reply", FAILURES, ids=lambda reply: str(reply.status))
@pytest.mark.parametrize("decision", [REVALIDATE, Miss(PAGE)], ids=["revalidate", "miss"])
def test_a_failing_origin_is_stood_in_for(
    reply: Response | OriginFailure, decision: Miss | Revalidate
) -> None:
    served = outcome(reply, decision, passed=70)
    assert isinstance(served, StaleServed)
    assert (served.answer.status, served.answer.verdict) == (200, Verdict.HIT)
    assert served.entry.retry_at == NOW + 80


def test_a_failing_origin_is_left_alone_for_a_while() -> None:
    settings = replace(USUAL, error_ttls={503: 30})
    served = outcome(answered(503), REVALIDATE, settings=settings, passed=70)
    assert isinstance(served, StaleServed)
    meanwhile = decide(asked(), served.entry, settings, NOW + 99)
    assert isinstance(meanwhile, Hit)
    assert meanwhile.is_stale
    assert isinstance(decide(asked(), served.entry, settings, NOW + 100), Revalidate)


@pytest.mark.parametrize(
    ("cc", "passed", "stands_in"),
    [
        ("max-age=60", 60 + 999, True),  # without a directive: until the maximum TTL
        ("max-age=60", 60 + 1000, False),
        ("max-age=60, stale-if-error=30", 89, True),
        ("max-age=60, stale-if-error=30", 90, False),
        ("max-age=60, stale-if-error=0", 60, False),
        ("max-age=60, stale-if-error=5000", 60 + 1000, False),
    ],
)
def test_how_long_what_is_stale_stands_in(cc: str, passed: float, stands_in: bool) -> None:
    stored = minute(cc=cc)
    for reply in (answered(503), REFUSED):
        result = outcome(reply, Miss(stored), passed=passed)
        assert isinstance(result, StaleServed) is stands_in


def test_no_store_under_a_minimum_stands_in_too() -> None:
    stored = entry(answered(cache_control="no-store"), settings=RAISED)
    assert isinstance(outcome(REFUSED, Miss(stored), settings=RAISED, passed=20), StaleServed)


def test_without_anything_stale_a_5xx_is_stored_for_a_while() -> None:
    stored = outcome(answered(503))
    assert isinstance(stored, Stored)
    assert (stored.verdict, stored.entry.freshness.ttl) == (Verdict.ERROR, 10)


def test_without_anything_stale_a_failure_is_the_flows_business() -> None:
    passed_on = outcome(REFUSED)
    assert isinstance(passed_on, PassedThrough)
    assert (passed_on.why.why, passed_on.verdict) == ("origin-failed", Verdict.ERROR)


def test_a_4xx_is_never_stood_in_for() -> None:
    assert isinstance(outcome(answered(404), Miss(PAGE), passed=70), Stored)


@pytest.mark.parametrize("status", [301, 302, 303])
def test_redirects_are_misses_then_hits(status: int) -> None:
    stored = outcome(answered(status, location="/b"))
    assert isinstance(stored, Stored)
    assert stored.verdict is Verdict.MISS
    hit = decide(asked(), stored.entry, USUAL, NOW + 1)
    assert isinstance(hit, Hit)
    assert (hit.answer.status, hit.answer.verdict) == (status, Verdict.HIT)
