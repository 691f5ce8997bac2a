"""Eight viewers at once: how often the origin is asked, and what each of them gets."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import httpx
import pytest

from tests.gateway.cached_site import Answer, Site, path_of, verdict

OPEN = {"min_ttl": 0, "default_ttl": 100, "max_ttl": 1000}
TAGGED = {"etag": '"1"', "cache-control": "max-age=10"}
STALE = 20


@dataclass(frozen=True)
class Crowd:
    """The origin's answer (None: it is down), what each viewer sends, and what all of them get.

    `asked` is how often the origin is, for the object itself. What `was_stored` went stale.
    """

    answer: Answer | None
    asked: int
    got: dict[tuple[int, str], int]
    sends: dict[str, str] = field(default_factory=dict[str, str])
    page_for: int = 0
    was_stored: bool = False


CROWDS = {
    "a page": Crowd(Answer(), 1, {(200, "Miss"): 1, (200, "Hit"): 7}),
    "a redirect": Crowd(Answer(b"", 302), 1, {(302, "Miss"): 1, (302, "Hit"): 7}),
    "no-store": Crowd(Answer(headers={"cache-control": "no-store"}), 8, {(200, "Miss"): 8}),
    "Vary: *": Crowd(Answer(headers={"vary": "*"}), 8, {(200, "Miss"): 8}),
    "the same part": Crowd(
        Answer(b"o", 206, {"content-range": "bytes 0-0/3"}),
        1,
        {(206, "Miss"): 1, (206, "Hit"): 7},
        {"range": "bytes=0-0"},
    ),
    "a part of an origin that gives all": Crowd(
        Answer(), 1, {(200, "Miss"): 1, (206, "Hit"): 7}, {"range": "bytes=0-0"}
    ),
    "a condition": Crowd(Answer(b"", 304), 8, {(304, "Miss"): 8}, {"if-none-match": '"1"'}),
    "an error that is kept": Crowd(Answer(b"", 404), 1, {(404, "Error"): 8}),
    "an error that is not": Crowd(Answer(b"", 403), 8, {(403, "Error"): 8}),
    "an error and its page": Crowd(Answer(b"", 404), 1, {(200, "Error"): 8}, page_for=404),
    "nobody there": Crowd(None, 1, {(502, "Error"): 8}),
    "what still holds": Crowd(
        Answer(b"", 304, TAGGED), 1, {(200, "RefreshHit"): 1, (200, "Hit"): 7}, was_stored=True
    ),
    "what is stale, and the origin fails": Crowd(
        Answer(b"", 500), 1, {(200, "Hit"): 8}, was_stored=True
    ),
    "what is stale, and nobody there": Crowd(None, 1, {(200, "Hit"): 8}, was_stored=True),
    "what is stale, and gone": Crowd(Answer(b"", 404), 1, {(404, "Error"): 8}, was_stored=True),
}


@pytest.mark.parametrize("crowd", CROWDS.values(), ids=CROWDS)
async def test_who_comes_at_once(crowd: Crowd) -> None:
    page = {"response_page_path": "/page", "response_code": 200}
    errors = [{"error_code": crowd.page_for, **page}] if crowd.page_for else []
    site = Site(OPEN, distribution={"custom_error_responses": errors})
    async with site.client() as client:
        if crowd.was_stored:
            site.origin.answer = Answer(headers=TAGGED)
            await client.get("/a")
            site.now += STALE
            site.origin.asked.clear()
        answers = await _at_once(site, client, crowd)
    assert Counter((each.status_code, verdict(each)) for each in answers) == crowd.got
    assert Counter(map(path_of, site.origin.asked))["/a"] == crowd.asked


async def _at_once(site: Site, client: httpx.AsyncClient, crowd: Crowd) -> list[httpx.Response]:
    site.origin.fails = crowd.answer is None
    site.origin.answering = lambda request: (
        Answer(b"page") if path_of(request) == "/page" else crowd.answer or Answer()
    )
    site.origin.may_answer.clear()
    requests = [asyncio.ensure_future(client.get("/a", headers=crowd.sends)) for _ in range(8)]
    while not site.origin.count:
        await asyncio.sleep(0)
    site.origin.may_answer.set()
    return await asyncio.gather(*requests)
