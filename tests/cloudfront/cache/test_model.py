"""Two viewers, one origin and a clock: no answer that the origin's answers do not explain.

The machine below drives the decisions as a gateway does, with a dictionary for a store. The origin
remembers every answer that it gave, and when: pages and errors, with `Vary: *` or without. Whatever
a viewer gets must be one of those, of its own path and bucket, the part of it that was asked for,
given after the last invalidation, and no older than the directives of that very answer allow. No
5xx may come through where something stale can stand in. How old that is, and which part, the model
works out by itself (`given`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule

from edgegw.cloudfront.cache.conditions import conditional
from edgegw.cloudfront.cache.decision import (
    CacheDecision,
    Collapse,
    Hit,
    Miss,
    Revalidate,
    StaleWhileRevalidating,
    after_waiting,
    decide,
    refetching,
)
from edgegw.cloudfront.cache.entry import BytesBody, StoredResponse
from edgegw.cloudfront.cache.entry_codec import decode_entry, encode_entry
from edgegw.cloudfront.cache.invalidation import compile_invalidation
from edgegw.cloudfront.cache.key import compile_key, lookups
from edgegw.cloudfront.cache.outcome import (
    Renewed,
    StaleServed,
    Stored,
    after,
)
from edgegw.cloudfront.cache.serving import StoredAnswer
from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.cloudfront.model import CachePolicy, Selection
from edgegw.http.message import Body, Headers, Request, Response
from tests.cloudfront.cache.given import RANGES, Given, drained, is_shown_in, parts_of, status_for
from tests.cloudfront.cache.messages import NOW, asked, lines

BUCKET = Selection("whitelist", ("bucket",))
RECIPE = compile_key("E1", "*", CachePolicy("own", "own", cookies=BUCKET))
PATHS, BUCKETS = st.sampled_from(["/a", "/a", "/b"]), st.sampled_from(["x", "x", ""])
DIRECTIVES = st.sampled_from(
    [
        "",
        "max-age=0",
        "max-age=10",
        "max-age=4, stale-while-revalidate=20",
        "max-age=9, stale-while-revalidate=20, stale-if-error=15",
        "s-maxage=5, stale-if-error=0",
        "max-age=10, stale-if-error=15",
        "no-store",
        "private, max-age=50",
        "no-cache",
    ]
)


SECONDS = st.sampled_from([0.5, 1, 4, 4, 9, 9, 20, 61])
MORE = st.sampled_from(["", "", "tag", "HEAD", *RANGES, *[f"{asked} if-range" for asked in RANGES]])
"""What a request has beyond path and bucket: a condition, a method, a range."""


@dataclass(eq=False)
class Flight:
    request: Request
    key: bytes
    decision: Miss | Revalidate
    body: bytes = b""
    is_invalid: bool = False
    waiting: list[tuple[Request, Collapse]] = field(default_factory=list[tuple[Request, Collapse]])


class TwoViewers(RuleBasedStateMachine):
    """The cache of a gateway, its origin, and what viewers may see."""

    flights = Bundle("flights")

    @initialize(
        settings=st.builds(
            CacheSettings,
            min_ttl=st.sampled_from([0, 0, 7]),
            default_ttl=st.just(30),
            max_ttl=st.sampled_from([30, 60]),
            forwards_cookies=st.sampled_from([False, False, True]),
            error_ttls=st.sampled_from([{}, {404: 3, 503: 25}, {404: 0, 503: 0}]),
        )
    )
    def begin(self, settings: CacheSettings) -> None:
        self.settings = settings
        self.now = NOW
        self.version = 1
        self.directives = "max-age=4, stale-while-revalidate=20"
        self.fails = False
        self.status = 200
        self.varies_by_everything = False
        self.given: dict[bytes, Given] = {}
        self.store: dict[bytes, tuple[bytes, bytes]] = {}
        self.on_its_way: dict[bytes, Flight] = {}
        self.begun: list[Flight] = []
        self.invalidated: dict[str, float] = {}

    # The world

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(directives=DIRECTIVES, is_varied=st.sampled_from([False, False, False, True]))
    def origin_changes(self, directives: str, is_varied: bool) -> None:
        self.version += 1
        self.directives = directives
        self.status, self.varies_by_everything = 200, is_varied

    @rule(directives=DIRECTIVES, status=st.sampled_from([403, 404, 503]))
    def origin_answers_with_an_error(self, directives: str, status: int) -> None:
        self.origin_changes(directives, is_varied=False)
        self.status = status

    @rule(fails=st.booleans())
    def origin_breaks_or_recovers(self, fails: bool) -> None:
        self.fails = fails

    @rule(path=st.sampled_from(["/a", "/b", "/*", "/c", "/d", "/e"]))
    def invalidate(self, path: str) -> None:
        compiled = compile_invalidation(path)
        for key, (raw, _) in list(self.store.items()):
            if compiled.matches(decode_entry(raw)):
                del self.store[key]
        for flight in self.begun:  # what is under way neither is stored nor leans on what went
            if compiled.matches_place(RECIPE.place(flight.request)):
                flight.decision, flight.is_invalid = Miss(), True
        for gone in ("/a", "/b") if path == "/*" else (path,):
            self.invalidated[gone] = self.now

    # A viewer's request, whole or in two halves

    @rule(path=PATHS, bucket=BUCKETS)
    def plain_request(self, path: str, bucket: str) -> None:
        self.request(path, bucket, "")

    @rule(path=PATHS, bucket=BUCKETS, seconds=SECONDS)
    def the_same_again_after_a_while(self, path: str, bucket: str, seconds: float) -> None:
        self.request(path, bucket, "")
        self.now += seconds
        self.request(path, bucket, "")

    @rule(path=PATHS, bucket=BUCKETS, more=MORE)
    def request(self, path: str, bucket: str, more: str) -> None:
        request = self.made(path, bucket, more)
        decision = self.decided(request)
        if isinstance(decision, Miss | Revalidate):
            self.finish(self.flight(request, decision))

    @rule(target=flights, path=PATHS, bucket=BUCKETS)
    def request_begins(self, path: str, bucket: str) -> Flight | None:
        request = self.made(path, bucket, "")
        decision = self.decided(request)
        if not isinstance(decision, Miss | Revalidate):
            return None
        flight = self.flight(request, decision)
        self.begun.append(flight)
        if decision.collapses:
            self.on_its_way[flight.key] = flight
        return flight

    @rule(flight=consumes(flights))
    def request_ends(self, flight: Flight | None) -> None:
        if flight is not None:
            self.begun.remove(flight)
            self.finish(flight)

    def flight(self, request: Request, decision: Miss | Revalidate) -> Flight:
        """The way to the origin; the body of what is stale goes along, whatever the store does."""
        stale = decision.stale
        body = self.store[stale.key][1] if stale is not None and stale.key in self.store else b""
        return Flight(request, RECIPE.key(request), decision, body)

    def made(self, path: str, bucket: str, more: str) -> Request:
        headers = {"cookie": f"bucket={bucket}; other={self.now}"} if bucket else {}
        if more == "tag":
            headers["if_none_match"] = f'"{self.version}"'
        if more.startswith("bytes="):
            headers["range"], _, has_condition = more.partition(" ")
            if has_condition:
                headers["if_range"] = f'"{self.version}"'
        return asked(path, "HEAD" if more == "HEAD" else "GET", **headers)

    def decided(self, request: Request) -> CacheDecision:
        """The decision; what is there goes to the viewer at once."""
        key = RECIPE.key(request)
        decision = decide(
            request,
            self.found(key, request),
            self.settings,
            self.now,
            is_awaited=key in self.on_its_way,
        )
        match decision:
            case Hit(entry, answer, is_stale):
                directives = ("stale-while-revalidate", "stale-if-error") if is_stale else ()
                self.shown(request, answer, self.store[entry.key][1], *directives)
            case StaleWhileRevalidating(entry, answer, refetch):
                self.shown(request, answer, self.store[entry.key][1], "stale-while-revalidate")
                self.finish(self.flight(refetching(request, entry), refetch), is_seen=False)
            case Collapse():
                self.on_its_way[key].waiting.append((request, decision))
            case Miss() | Revalidate():
                pass
        return decision

    def found(self, key: bytes, request: Request) -> StoredResponse | None:
        for place in lookups(key, request):
            if place in self.store:
                return decode_entry(self.store[place][0])
        return None

    # The origin

    def finish(self, flight: Flight, *, is_seen: bool = True) -> None:
        request, decision = flight.request, flight.decision
        reply = self.answer(request, decision)
        place = RECIPE.place(request)
        outcome = after(decision, request, flight.key, place, reply, self.settings, self.now)
        brought: StoredResponse | None = None
        body = b""
        match outcome:
            case Stored(entry, verdict, forgets):
                assert isinstance(reply, Response)
                assert verdict is (Verdict.ERROR if reply.status >= 400 else Verdict.MISS)
                self.passed_on(reply, decision)
                for gone in forgets:
                    self.store.pop(gone, None)
                body = reply.body.content or b""
                if not flight.is_invalid:
                    self.store[entry.key] = encode_entry(entry), body
                    brought = None if entry.is_head else entry
            case Renewed(entry, answer, keeps):
                body = flight.body
                if is_seen:
                    assert answer.verdict in (Verdict.REFRESH_HIT, Verdict.ERROR)
                    self.shown(request, answer, body, is_confirmed=True)
                self.store.pop(entry.key, None)
                if keeps:
                    self.store[entry.key] = encode_entry(entry), body
                    brought = entry
            case StaleServed(entry, answer):
                assert self.fails or self.status == 503
                body = flight.body
                if is_seen:
                    self.shown(request, answer, body, "stale-if-error")
                if entry.key in self.store:
                    self.store[entry.key] = encode_entry(entry), body
                    brought = entry
            case _:
                self.passed_on(reply, decision)
                for gone in outcome.forgets:
                    self.store.pop(gone, None)
        self.release(flight, brought, body)

    def release(self, flight: Flight, brought: StoredResponse | None, body: bytes) -> None:
        if self.on_its_way.get(flight.key) is flight:
            del self.on_its_way[flight.key]
        for request, waited in flight.waiting:
            decision = after_waiting(request, waited, brought, self.settings, self.now)
            if isinstance(decision, Hit):
                is_confirmed = not self.fails and self.status < 500
                self.shown(
                    request, decision.answer, body, "stale-if-error", is_confirmed=is_confirmed
                )
            else:
                assert not decision.collapses
                self.finish(self.flight(request, decision))

    def answer(self, request: Request, decision: Miss | Revalidate) -> Response | OriginFailure:
        """The origin heeds conditions and ranges as they reach it."""
        if self.fails:
            return OriginFailure("refused", "broken")
        headers = request.headers
        if isinstance(decision, Revalidate):
            assert not self.known(decision.stale).is_fetched_each_time(self.settings)
            headers = conditional(headers, decision.conditions)
        path, bucket = request.target.path.decode(), bucket_of(request)
        tag = b'"%d"' % self.version
        content = f"{self.version}:{path}:{bucket}".encode()
        said = lines(etag=tag.decode(), cache_control=self.directives)
        if self.varies_by_everything:
            said = said.added((b"Vary", b"*"))
        self.given[content] = Given(
            self.directives, self.now, self.status, self.varies_by_everything
        )
        body = Body.of(b"" if request.method == "HEAD" else content)
        if self.status >= 400:
            return Response(self.status, headers=said, body=body)
        if tag in (headers.get(b"if-none-match") or b""):
            return Response(304, headers=said)
        return self.part(headers, said, content) or Response(200, headers=said, body=body)

    def part(self, headers: Headers, said: Headers, content: bytes) -> Response | None:
        """A 206 or 416 for one range; who asks for several gets all of it."""
        header = (headers.get(b"range") or b"").decode()
        if len(RANGES.get(header, ())) != 1:
            return None
        if headers.get(b"if-range") not in (None, said.get(b"etag")):
            return None
        parts, total = parts_of(content, header), b"%d" % len(content)
        if not parts:
            return Response(416, headers=said.added((b"Content-Range", b"bytes */" + total)))
        first = content.index(parts[0])
        span = b"bytes %d-%d/%b" % (first, first + len(parts[0]) - 1, total)
        return Response(206, headers=said.added((b"Content-Range", span)), body=Body.of(parts[0]))

    def known(self, entry: StoredResponse) -> Given:
        """What the origin said of what is stored."""
        version = int((entry.etag or b"").strip(b'"'))
        return next(
            known for text, known in self.given.items() if text.startswith(b"%d:" % version)
        )

    def passed_on(self, reply: Response | OriginFailure, decision: Miss | Revalidate) -> None:
        """The origin's `reply` goes to the viewer: no failure does that something stands in for."""
        if reply.status >= 500 and decision.stale is not None:
            assert decision.stale.stored_at + self.useful_for(decision.stale) <= self.now

    def useful_for(self, stale: StoredResponse) -> float:
        """Seconds for which what is stored stands in for a failing origin."""
        known = self.known(stale)
        return known.fresh_for(self.settings) + known.stale_for(self.settings, "stale-if-error")

    # What a viewer may see

    def shown(
        self,
        request: Request,
        answer: StoredAnswer,
        body: bytes,
        *stale_by: str,
        is_confirmed: bool = False,
    ) -> None:
        """A viewer gets this. `stale_by` are the directives by which it may be stale.

        It `is_confirmed` where the origin has just given it, or said that it holds.
        """
        path, bucket = request.target.path.decode(), bucket_of(request)
        version = int((answer.headers.get(b"etag") or b"").strip(b'"'))
        content = f"{version}:{path}:{bucket}".encode()
        known = self.given[content]  # else: an answer of another key
        tag = b'"%d"' % version
        assert answer.status == status_for(request, known, content, tag)
        assert (answer.verdict is Verdict.ERROR) is (answer.status >= 400)
        if answer.shown != "nothing":
            shown = drained(answer.response(BytesBody.of(body)).body)
            assert is_shown_in(shown, request, answer.status, content)
        assert known.given_at >= self.invalidated.get(path, 0.0)
        if is_confirmed:
            assert known.given_at == self.now
            return
        usable_for = known.fresh_for(self.settings)
        usable_for += max(
            (known.stale_for(self.settings, directive) for directive in stale_by), default=0
        )
        assert self.now < known.given_at + usable_for


def bucket_of(request: Request) -> str:
    cookie = (request.headers.get(b"cookie") or b"").decode()
    return cookie.partition(";")[0].removeprefix("bucket=")


TestTwoViewers = TwoViewers.TestCase
TestTwoViewers.settings = hypothesis_settings(
    max_examples=150, stateful_step_count=50, deadline=None
)


def test_the_model_would_notice() -> None:
    """The judge itself is judged: neither another bucket's answer passes nor one too old."""
    machine = TwoViewers()
    machine.begin(CacheSettings(default_ttl=30, max_ttl=60))
    machine.request("/a", "x", "")
    other = machine.made("/a", "x", "")
    entry = machine.found(RECIPE.key(other), other)
    assert entry is not None
    decision = decide(other, entry, machine.settings, machine.now)
    assert isinstance(decision, Hit)
    with pytest.raises(KeyError):
        machine.shown(machine.made("/a", "y", ""), decision.answer, b"1:/a:x")
    with pytest.raises(AssertionError):
        machine.shown(machine.made("/a", "x", "bytes=0-3"), decision.answer, b"1:/a:x")
    machine.now += 10
    with pytest.raises(AssertionError):
        machine.shown(other, decision.answer, b"1:/a:x")


def test_the_model_would_notice_an_error_that_is_kept_too_long_or_need_not_be_shown() -> None:
    machine = TwoViewers()
    machine.begin(CacheSettings(default_ttl=30, max_ttl=60, error_ttls={404: 3}))
    machine.origin_answers_with_an_error("", 404)
    machine.request("/a", "x", "")
    entry = machine.found(RECIPE.key(machine.made("/a", "x", "")), machine.made("/a", "x", ""))
    assert entry is not None
    decision = decide(machine.made("/a", "x", ""), entry, machine.settings, machine.now)
    assert isinstance(decision, Hit)
    machine.now += 3
    with pytest.raises(AssertionError):
        machine.shown(machine.made("/a", "x", ""), decision.answer, b"2:/a:x")
    machine.origin_changes("max-age=5", is_varied=False)
    machine.request("/a", "x", "")
    page = machine.found(RECIPE.key(machine.made("/a", "x", "")), machine.made("/a", "x", ""))
    machine.now += 6
    with pytest.raises(AssertionError):
        machine.passed_on(Response(503), Miss(page))
