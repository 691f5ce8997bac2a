"""What the cache would do, told without doing it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgegw.cloudfront.cache.entry import StoredResponse
from edgegw.cloudfront.cache.explanation import explain_cache
from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.http.message import Request
from tests.cloudfront.cache.messages import NOW, OFF, RECIPE, USUAL, answered, asked, entry

PAGE = entry(answered(etag='"a"', cache_control="max-age=60, stale-while-revalidate=30"))
FAILED = replace(PAGE, retry_at=NOW + 200)


@pytest.mark.parametrize(
    ("request_", "stored", "settings", "passed", "state"),
    [
        (asked(), PAGE, USUAL, 1, "hit"),
        (asked(), PAGE, USUAL, 61, "stale-while-revalidating"),
        (asked(), PAGE, USUAL, 100, "revalidate"),
        (asked(), FAILED, USUAL, 100, "stale"),
        (asked(), entry(), USUAL, 100, "miss"),
        (asked(), None, USUAL, 0, "miss"),
        (asked(method="POST"), None, USUAL, 0, "bypass"),
        (asked(), PAGE, OFF, 0, "bypass"),
    ],
)
def test_state(
    request_: Request,
    stored: StoredResponse | None,
    settings: CacheSettings,
    passed: float,
    state: str,
) -> None:
    told = explain_cache(RECIPE, settings, request_, stored, NOW + passed)
    assert told.state == state
    assert (told.bypass is not None) is (state == "bypass")


def test_what_is_stored_is_told_with_its_rule_and_time() -> None:
    told = explain_cache(RECIPE, USUAL, asked("/a?x=1", cookie="b=1"), PAGE, NOW + 70)
    assert (told.ttl_rule, told.expires_in) == ("max-age of the origin", -10)
    assert told.parts.path == b"/a"
    assert [str(gap) for gap in told.gaps] == ["cookie b", "query string x"]


def test_nothing_stored_has_no_rule() -> None:
    told = explain_cache(RECIPE, USUAL, asked(), None, NOW)
    assert (told.stored, told.ttl_rule, told.expires_in) == (None, "", None)
