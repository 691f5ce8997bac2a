"""One edge location: a gateway of its own, its viewers, and everything that they ask.

    arrival ─▶ request ─▶ front.accept ─▶ answer ─▶ cookies kept ─▶ counted ─▶ dropped
                  ▲                          │
                  └──── a redirect ──────────┘

Requests come one after the other, each answered before the next one comes: so the same seed gives
the same answers, and requests that would wait for each other (collapsing) are not simulated. The
front door is called as a connection calls it (`wire.front.Front`): nothing of httpx is made, and an
exchange is let go as soon as it is counted. The clock of the gateway stands between arrivals, so
TTLs, cookies and schedules of weights go by simulated time; what a function measures does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import zlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from edgegw.awslambda.pricing import FunctionUsage
from edgegw.awslambda.xray import TracingTargets
from edgegw.config.model import Config, Door, ListenerDoor
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.exchanges import Exchanges
from edgegw.gateway.figures.figures import EdgeUsage
from edgegw.gateway.fronts import behind_port
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.origins import MakeTransport
from edgegw.http.message import EMPTY, Client, CutOffError, Header, Request, Response, has_body
from edgegw.http.target import RequestTarget
from edgegw.testing.simulation.answers import ViewerAnswer, trail_of
from edgegw.testing.simulation.cache_watch import CacheWatch
from edgegw.testing.simulation.cookie_jar import cookie_header
from edgegw.testing.simulation.counts import SimulationCounts
from edgegw.testing.simulation.plan import START, SimulationPlan
from edgegw.testing.simulation.population import (
    Population,
    SimulatedViewer,
    ViewerArrival,
    address_of,
    group_headers,
)
from edgegw.testing.simulation.usage import UndividedTallies
from edgegw.testing.simulation.variant_watch import VariantWatch
from edgegw.values import value
from edgegw.wire.front import Delivery, ForeignError, Front

_MOST_REDIRECTS: Final = 5
"""Redirects that a viewer follows for one arrival."""
_VIEWER_PORT: Final = 50_000
_LONGEST_REFETCH: Final = 30.0
"""Seconds of the real clock after which a fetch behind a viewer's back is no longer waited for."""


@value(kw_only=True)
class Experiment:
    """What a simulation runs: a configuration with its replacements, and a plan."""

    config: Config
    plan: SimulationPlan
    functions: Mapping[str, Callable[..., Any]]
    transport: MakeTransport


@value
class EdgeResult:
    """What an edge location came to."""

    counts: SimulationCounts
    edge: EdgeUsage
    functions: tuple[FunctionUsage, ...]


class DroppedExchanges(Exchanges):
    """Keeps none: nobody asks for one of thousands."""

    def add(self, exchange: Exchange) -> None:
        """Lets it go."""


class SimulatedClock:
    """Time that stands until the next arrival."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


async def run_edge(experiment: Experiment, edge: int) -> EdgeResult:
    """Simulates one edge location. Raises what a mock of an origin raises, or UsageError."""
    plan, clock = experiment.plan, SimulatedClock()
    gateway = Gateway(
        _undisturbed(experiment.config),
        functions=experiment.functions,
        transport=experiment.transport,
        clock=clock,
        seed=plan.seed * 1_000_003 + edge,
    )
    gateway.exchanges = DroppedExchanges()
    gateway.on_exchange = _nothing
    figures = gateway.figures
    figures.tallies = UndividedTallies(clock, figures.take)
    with _seeded(f"functions {plan.seed} {edge}"), _quiet():
        async with gateway:
            visits = EdgeVisits(gateway, plan, clock)
            for arrival in Population(plan, edge).arrivals():
                await visits.arrive(arrival)
            clock.now = START + plan.duration
            figures.gather()
            usage, functions = figures.figures.usage, tuple(figures.function_usage())
    return EdgeResult(visits.counts.plain(), usage, functions)


def front_door_of(config: Config, name: str) -> Door | None:
    """The front door `name`; without a name the first distribution, else the first one there is."""
    doors = config.doors
    return next((door for door in doors if not name or door.name == name), None)


@contextlib.contextmanager
def _seeded(seed: str) -> Generator[None]:
    """Has handlers in this process draw the same lots each time, and nobody else after them."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """Leaves warnings about single requests out: thousands of them are counted instead."""
    log = logging.getLogger("edgegw")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


def _nothing(_exchange: Exchange) -> None:
    """An exchange of a simulation leaves no line in the log."""


def _undisturbed(config: Config) -> Config:
    """`config` without what reaches beyond a simulation: logs, shared caches, traces, workers."""
    distributions = [replace(door, access_log=None) for door in config.distributions]
    listeners = [_unlogged(door) for door in config.listeners]
    return replace(
        config,
        distributions=tuple(distributions),
        listeners=tuple(listeners),
        cache=replace(config.cache, store=None),
        tracing=TracingTargets(),
        has_own_state=False,
        shifts=(),
        event_sources=(),
        schedules=(),
        event_rules=(),
        bucket_notifications=(),
    )


def _unlogged(door: ListenerDoor) -> ListenerDoor:
    listener = door.listener
    balancer = replace(listener.load_balancer, logs=type(listener.load_balancer.logs)())
    return replace(door, listener=replace(listener, load_balancer=balancer))


class EdgeVisits:
    """The visits of viewers at one edge location."""

    def __init__(self, gateway: Gateway, plan: SimulationPlan, clock: SimulatedClock) -> None:
        door = front_door_of(gateway.config, plan.front_door)
        assert door is not None  # `simulate` looked
        self.counts = SimulationCounts()
        self._plan = plan
        self._clock = clock
        self._front: Front = behind_port(gateway, door)
        self._knows_viewers = door.knows_viewers
        self._scheme = "https" if door.takes_both_schemes or door.is_secure else "http"
        self._hosts = tuple(host for host in door.hosts if "*" not in host)
        self._cache = CacheWatch(plan, self.counts)
        self._variants = VariantWatch(plan, self.counts, self._cache)
        self._sticky = plan.sticky
        self._reads_bodies = plan.identity is not None or any(
            source.kind == "body" for source in plan.variants
        )
        self._encodings = b"gzip" if self._reads_bodies else b"gzip, deflate, br"

    async def arrive(self, arrival: ViewerArrival) -> None:
        """Somebody asks for something, and follows where that leads."""
        self._clock.now = arrival.at
        viewer, counts = arrival.viewer, self.counts
        counts.viewers += viewer.answers == 0
        counts.returned += viewer.answers != 0
        viewer.answers += 1
        scheme, host, target = self._scheme, self._hosts[0], arrival.target
        before: ViewerAnswer | None = None
        for _ in range(_MOST_REDIRECTS + 1):
            answer = await self._ask(viewer, scheme, host, target)
            counts.requests += before is None
            counts.followed += before is not None
            self._cache.saw(viewer, answer)
            has_sticky = bool(self._sticky) and viewer.jar.has(self._sticky, arrival.at)
            self._variants.saw(viewer, answer, before, has_sticky=has_sticky)
            if answer.refetched is not None:
                self._cache.refetched(viewer, answer, answer.refetched)
            place = self._next_place(answer, scheme, host, target)
            if place is None:
                return
            before, (scheme, host, target) = answer, place

    async def _ask(
        self, viewer: SimulatedViewer, scheme: str, host: str, target: str
    ) -> ViewerAnswer:
        path = target.partition("?")[0]
        now = self._clock.now
        sent = viewer.jar.cookies(host, path, now, is_secure=scheme == "https")
        request = self._request(viewer, scheme, host, target, cookie_header(sent))
        accepted = self._front.accept(request)
        try:
            response = accepted if isinstance(accepted, Response) else await accepted
        except ForeignError as error:
            raise error.cause from None
        body = await self._read(response)
        exchange = response.exchange
        assert isinstance(exchange, Exchange)  # `accept` put it there
        answer = ViewerAnswer(exchange, response, self._plain(response, body), path, sent, now)
        if self._sticky:
            answer.had_lost = viewer.jar.has_lost(self._sticky, now)
        viewer.jar.take(response.headers.get_all(b"set-cookie"), host, path, now)
        if exchange.refetch is not None:
            await self._until_refetched(exchange.refetch)
            answer.refetched = trail_of(exchange.refetch)
        return answer

    def _request(
        self, viewer: SimulatedViewer, scheme: str, host: str, target: str, cookies: bytes
    ) -> Request:
        lines: list[Header] = []
        identity = self._plan.identity
        if identity is not None:
            name = identity.name.encode("latin-1")
            if identity.kind == "header":
                lines.append((name, viewer.mark))
            else:
                cookies = b"; ".join(filter(None, (cookies, name + b"=" + viewer.mark)))
        if self._knows_viewers:
            lines.append(viewer.place)  # at the end: without it, they are those of the group again
        address = "127.0.0.1" if self._knows_viewers else address_of(viewer.number)
        return Request(
            "GET",
            RequestTarget.parse(target.encode("utf-8")),
            group_headers(viewer.group, host, self._encodings, cookies).added(*lines),
            EMPTY,
            scheme,
            client=Client(address, _VIEWER_PORT),
        )

    async def _read(self, response: Response) -> bytes:
        """The body, to its end; tells the front door that it arrived."""
        body = response.body
        if not has_body("GET", response.status):
            body = EMPTY
        delivery, content = Delivery(), body.content
        if content is None:
            taken: list[bytes] = []
            try:
                async for chunk in body.chunks or ():  # pyright: ignore[reportGeneralTypeIssues]
                    delivery.note(chunk)
                    taken.append(chunk)
            except CutOffError as error:
                delivery.cut = str(error)
            content = b"".join(taken)
        else:
            delivery = Delivery.of(content)
        if response.body.release is not None:
            response.body.release()
        self._front.done(response, delivery)
        return content

    def _plain(self, response: Response, body: bytes) -> bytes:
        """The body as its text was, where anybody looks at it."""
        if not self._reads_bodies:
            return b""
        if response.headers.get(b"content-encoding") == b"gzip":
            with contextlib.suppress(zlib.error):  # else it only says that it is
                return zlib.decompress(body, 31)
        return body

    async def _until_refetched(self, refetch: Exchange) -> None:
        """What was fetched anew behind the viewer's back is there before the next one comes."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _LONGEST_REFETCH
        while refetch.duration is None and loop.time() < deadline:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0)

    def _next_place(
        self, answer: ViewerAnswer, scheme: str, host: str, target: str
    ) -> tuple[str, str, str] | None:
        """Where a redirect leads within this front door; None where it does not."""
        if not answer.is_redirect:
            return None
        location = (answer.headers.get(b"location") or b"").decode("latin-1")
        try:
            url = urlsplit(urljoin(f"{scheme}://{host}{target}", location))
        except ValueError:  # as http://[ is none
            return None
        name = url.hostname or ""
        if url.scheme not in ("http", "https") or name not in self._hosts:
            return None
        return url.scheme, name, (url.path or "/") + (f"?{url.query}" if url.query else "")
