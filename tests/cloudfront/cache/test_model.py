"""Two viewers, one origin and a clock: no answer that the origin's answers do not explain.

The machine below drives the decisions as a gateway does, with a dictionary for a store. The origin
remembers every answer that it gave, and when. Whatever a viewer gets must be one of those, of its
own path and bucket, given after the last invalidation, and no older than the directives of that very
answer allow. How old that is, the model works out by itself (`Given`).
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
from edgegw.http.message import Body, Request, Response
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


@dataclass
class Given:
    """What an answer of the origin says about itself, and when it last said that it holds."""

    directives: str
    given_at: float

    @property
    def said(self) -> dict[str, str]:
        parts = [part.strip().partition("=") for part in self.directives.split(",")]
        return {name: text for name, _, text in parts}

    def fresh_for(self, settings: CacheSettings) -> float:
        low, high = settings.min_ttl, settings.max_ttl
        if {"no-store", "private", "no-cache"} & set(self.said):
            return low
        age = self.said.get("s-maxage") or self.said.get("max-age")
        return max(low, settings.default_ttl if age is None else min(high, int(age)))

    def stale_for(self, settings: CacheSettings, directive: str, otherwise: float) -> float:
        return min(settings.max_ttl, float(self.said.get(directive, otherwise)))


@dataclass(eq=False)
class Flight:
    request: Request
    key: bytes
    decision: Miss | Revalidate
    body: bytes = b""
    is_invalid: bool = False
    waiting: list[tuple[Request, Collapse]] = field(default_factory=list)


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
        )
    )
    def begin(self, settings: CacheSettings) -> None:
        self.settings = settings
        self.now = NOW
        self.version = 1
        self.directives = "max-age=4, stale-while-revalidate=20"
        self.fails = False
        self.given: dict[bytes, Given] = {}
        self.store: dict[bytes, tuple[bytes, bytes]] = {}
        self.on_its_way: dict[bytes, Flight] = {}
        self.begun: list[Flight] = []
        self.invalidated: dict[str, float] = {}

    # The world

    @rule(seconds=st.sampled_from([0.5, 1, 4, 4, 9, 9, 20, 61]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(directives=DIRECTIVES)
    def origin_changes(self, directives: str) -> None:
        self.version += 1
        self.directives = directives

    @rule()
    def origin_breaks(self) -> None:
        self.fails = True

    @rule()
    def origin_recovers(self) -> None:
        self.fails = False

    @rule(path=PATHS)
    def invalidate(self, path: str) -> None:
        compiled = compile_invalidation(path)
        for key, (raw, _) in list(self.store.items()):
            if compiled.matches(decode_entry(raw)):
                del self.store[key]
        for flight in self.begun:  # what is under way neither is stored nor leans on what went
            if compiled.matches_place(RECIPE.place(flight.request)):
                flight.decision, flight.is_invalid = Miss(), True
        self.invalidated[path] = self.now

    # A viewer's request, whole or in two halves

    @rule(path=PATHS, bucket=BUCKETS)
    def plain_request(self, path: str, bucket: str) -> None:
        self.request(path, bucket, "")

    @rule(path=PATHS, bucket=BUCKETS, more=st.sampled_from(["", "tag", "range", "HEAD"]))
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
        if more == "range":
            headers["range"] = "bytes=0-3"
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
                for gone in forgets:
                    self.store.pop(gone, None)
                body = reply.body.content or b""
                if not flight.is_invalid:
                    self.store[entry.key] = encode_entry(entry), body
                    brought = None if entry.is_head else entry
            case Renewed(entry, answer, keeps):
                body = flight.body
                if is_seen:
                    self.shown(request, answer, body)
                self.store.pop(entry.key, None)
                if keeps:
                    self.store[entry.key] = encode_entry(entry), body
                    brought = entry
            case StaleServed(entry, answer):
                assert self.fails
                body = flight.body
                if is_seen:
                    self.shown(request, answer, body, "stale-if-error")
                if entry.key in self.store:
                    self.store[entry.key] = encode_entry(entry), body
                    brought = entry
            case _:
                for gone in outcome.forgets:
                    self.store.pop(gone, None)
        self.release(flight, brought, body)

    def release(self, flight: Flight, brought: StoredResponse | None, body: bytes) -> None:
        if self.on_its_way.get(flight.key) is flight:
            del self.on_its_way[flight.key]
        for request, waited in flight.waiting:
            decision = after_waiting(request, waited, brought, self.settings, self.now)
            if isinstance(decision, Hit):
                self.shown(request, decision.answer, body, "stale-if-error", has_just_come=True)
            else:
                assert not decision.collapses
                self.finish(self.flight(request, decision))

    def answer(self, request: Request, decision: Miss | Revalidate) -> Response | OriginFailure:
        """The origin heeds conditions and ranges as they reach it."""
        if self.fails:
            return OriginFailure("refused", "broken")
        headers = request.headers
        if isinstance(decision, Revalidate):
            headers = conditional(headers, decision.conditions)
        path, bucket = request.target.path.decode(), bucket_of(request)
        tag = b'"%d"' % self.version
        content = f"{self.version}:{path}:{bucket}".encode()
        said = lines(etag=tag.decode(), cache_control=self.directives)
        self.given[content] = Given(self.directives, self.now)
        if tag in (headers.get(b"if-none-match") or b""):
            return Response(304, headers=said)
        if request.method == "HEAD":
            return Response(200, headers=said)
        if b"range" in headers:
            part = content[:4]
            span = (b"Content-Range", b"bytes 0-3/%d" % len(content))
            return Response(206, headers=said.added(span), body=Body.of(part))
        return Response(200, headers=said, body=Body.of(content))

    # What a viewer may see

    def shown(
        self,
        request: Request,
        answer: StoredAnswer,
        body: bytes,
        *stale_by: str,
        has_just_come: bool = False,
    ) -> None:
        """A viewer gets this. `stale_by` are the directives by which it may be stale."""
        path, bucket = request.target.path.decode(), bucket_of(request)
        version = int((answer.headers.get(b"etag") or b"").strip(b'"'))
        content = f"{version}:{path}:{bucket}".encode()
        known = self.given[content]  # else: an answer of another key
        if answer.status == 304:
            assert request.headers.get(b"if-none-match") == b'"%d"' % version
        elif answer.shown != "nothing":
            shown = answer.response(BytesBody.of(body)).body.content
            assert shown == (content[:4] if answer.status == 206 else content)
        assert known.given_at >= self.invalidated.get(path, 0.0)
        if answer.verdict is Verdict.REFRESH_HIT or (has_just_come and not self.fails):
            assert known.given_at == self.now
            return
        usable_for = known.fresh_for(self.settings)
        usable_for += max(
            (
                known.stale_for(
                    self.settings, directive, self.settings.max_ttl if "error" in directive else 0
                )
                for directive in stale_by
            ),
            default=0,
        )
        assert self.now < known.given_at + usable_for


def bucket_of(request: Request) -> str:
    cookie = (request.headers.get(b"cookie") or b"").decode()
    return cookie.partition(";")[0].removeprefix("bucket=")


TestTwoViewers = TwoViewers.TestCase
TestTwoViewers.settings = hypothesis_settings(
    max_examples=60, stateful_step_count=40, deadline=None
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
    machine.now += 10
    with pytest.raises(AssertionError):
        machine.shown(other, decision.answer, b"1:/a:x")
