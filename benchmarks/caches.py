"""Whether each cache on the way of a request is worth it: a hit beside working it out anew.

    python benchmarks/caches.py [--rounds 2000]

Prints the microseconds of both (best of five medians of `rounds` calls each, for a request as a
browser sends it) and how many times faster a hit is. A cache that saves nothing worth naming goes.

Every `functools.lru_cache` in the rooms of a request is looked for; `samples()` says with which
arguments to try it, and one without a sample is named. Caches of other kinds stand in `by_hand()`.
Something new: one line there.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import edgegw
from edgegw.alb import admission, event
from edgegw.alb import flow as alb
from edgegw.alb.forwarding import forwarded_request
from edgegw.cloudfront import header_rules, trigger_event, trigger_result
from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.cache.freshness import freshness
from edgegw.cloudfront.cache.storable import stored_headers
from edgegw.cloudfront.flow import start
from edgegw.cloudfront.policies import Treatment, origin_request
from edgegw.cloudfront.response_headers import response_headers
from edgegw.cloudfront.validator import Validator
from edgegw.config.model import DistributionDoor, ListenerDoor
from edgegw.config.resolve import load_dict
from edgegw.http.limits import Limits
from edgegw.http.message import Client, Headers, Request
from edgegw.http.target import RequestTarget
from edgegw.wire import http1_reader, http1_writer, http2_heads
from edgegw.wire.http1_reader import Http1Reader

ROOMS = ("http", "awslambda", "alb", "cloudfront", "wire", "execution", "gateway")
NOT_OF_A_REQUEST = frozenset({"awslambda.permissions._arn_like"})
"""Caches of work that no request waits for."""

WORTH = 0.3
"""Microseconds that a hit should save at least."""

LINES = (
    (b"Host", b"www.example.com"),
    (b"User-Agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    (b"Accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    (b"Accept-Language", b"en-US,en;q=0.5"),
    (b"Accept-Encoding", b"gzip, deflate, br, zstd"),
    (b"Referer", b"https://www.example.com/"),
    (b"Connection", b"keep-alive"),
    (b"Cookie", b"session=0123456789abcdef; theme=dark; consent=all"),
    (b"Sec-Fetch-Dest", b"document"),
    (b"Upgrade-Insecure-Requests", b"1"),
)
_NOT_IN_HTTP2 = frozenset({b"Host", b"Connection"})
DATE = b"Thu, 26 Nov 2026 12:00:00 GMT"
PORT = 8080

Arguments = tuple[tuple[object, ...], dict[str, object]]


@dataclass
class Cache:
    """`hit` and `work` do the same: with what is remembered, and without."""

    name: str
    hit: Callable[[], object]
    work: Callable[[], object]


def doors() -> tuple[DistributionDoor, ListenerDoor]:
    listener = {"listen": PORT, "default_actions": [{"forward": "web"}]}
    behavior = {
        "origin": "app",
        "cache_policy": "CachingOptimized",
        "origin_request_policy": "AllViewer",
    }
    origins = {"app": {"url": "http://127.0.0.1:9000"}}
    config = {
        "distributions": {"site": {"listen": 0, "origins": origins, "default_behavior": behavior}},
        "target_groups": {"web": {"targets": ["127.0.0.1:9000"]}},
        "load_balancers": {"web": {"listeners": [listener]}},
    }
    found = load_dict(config).doors
    (site,) = (each for each in found if isinstance(each, DistributionDoor))
    (balancer,) = (each for each in found if isinstance(each, ListenerDoor))
    return site, balancer


def samples() -> dict[str, Arguments]:
    """Arguments for each `lru_cache`, by module and name. A cache that is gone does not matter."""
    return {
        "alb.answers.error_page": given(502, date=DATE),
        "alb.answers.fixed_response": given(200, "text/plain", "x" * 1024, date=DATE),
        "alb.certificates._headers": given("verify", ()),
        "alb.conditions._address": given("127.0.0.1"),
        "alb.desync._meant": given(b"Upgrade-Insecure-Requests"),
        "alb.rules.without_port": given(b"www.example.com:8080"),
        "alb.rules.port_of": given(b"www.example.com:8080"),
        "cloudfront.trigger_event._same_for_all": given(
            "d1.cloudfront.net", "E1", "origin-request"
        ),
    }


def given(*args: object, **keywords: object) -> Arguments:
    return args, keywords


def by_hand() -> Iterator[Cache]:
    """Caches that are no `lru_cache`."""
    yield from of_the_wire()
    yield from of_distributions()
    yield from of_headers()


def of_the_wire() -> Iterator[Cache]:
    data = b"GET /some/path?a=1 HTTP/1.1\r\n" + b"".join(b"%b: %b\r\n" % line for line in LINES)
    read = partial(Http1Reader(Limits()).feed, data + b"\r\n")
    yield Cache("http1_reader: heads", read, emptied(http1_reader._heads._fields, read))
    heads = http2_heads.RequestHeads()
    pseudo = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"www.example.com")]
    lines = [(name.lower(), value) for name, value in LINES if name not in _NOT_IN_HTTP2]
    head = partial(heads.read, [*pseudo, (b":path", b"/some/path?a=1"), *lines])
    yield Cache("http2_heads: heads", head, emptied(heads._known, head))
    written = Headers([*LINES, (b"Content-Length", b"1024"), (b"Connection", b"keep-alive")])
    yield Cache(
        "http1_writer: known lines",
        partial(written.derived, http1_writer._known_lines, http1_writer._known_lines),
        partial(http1_writer._known_lines, written),
    )
    sent = partial(http2_heads.sent_lines, Headers(LINES))
    yield Cache("http2_heads: sent names", sent, emptied(http2_heads._sent_names, sent))


def of_distributions() -> Iterator[Cache]:
    site, _ = doors()
    forwarding = site.distribution.default_behavior.forwarding
    names = tuple(name for name, _ in LINES)
    plan = forwarding._make_plan
    yield Cache("policies: plan", partial(forwarding.plan, names), partial(plan, names))
    cookie, coding = Treatment.COOKIE, Treatment.ACCEPT_ENCODING
    for name, what, value in (
        ("policies: cookie", cookie, dict(LINES)[b"Cookie"]),
        ("policies: accept-encoding", coding, dict(LINES)[b"Accept-Encoding"]),
    ):
        rewritten = partial(forwarding.rewritten, what, value)
        yield Cache(name, rewritten, emptied(forwarding._values, rewritten))
    shown = partial(trigger_event.encode_headers, Headers(LINES))
    yield Cache("trigger_event: names", shown, emptied(trigger_event._names, shown))
    name, learn = "x-content-type-options", header_rules._learn_name
    header_rules._learn_name(name)
    yield Cache("header_rules: names", partial(header_rules._names.get, name), partial(learn, name))


def of_headers() -> Iterator[Cache]:
    """What hangs on headers that come again."""
    site, balancer = doors()
    behavior, listener = site.distribution.default_behavior, balancer.listener
    facts, at = (
        DistributionFacts("r" * 54 + "==", "0" * 32, DATE),
        alb.BalancerFacts(DATE, 0.0, "0" * 24, 0.0),
    )

    def request(headers: Headers) -> Request:
        return Request(
            "GET", RequestTarget(b"/some/path"), headers, client=Client("127.0.0.1", 50000)
        )

    calls: dict[str, Callable[[Headers], object]] = {
        "size": Headers.size,
        "policies": lambda headers: origin_request(
            behavior.forwarding, request(headers), behavior.origin, facts
        ),
        "event headers": trigger_event._shown_headers,
        "what goes on to the viewer": lambda headers: response_headers(
            headers, facts, behavior.forwarding.to_viewer
        ),
        "admission": admission._look,
        "rewritten for a target": lambda headers: forwarded_request(
            request(headers), listener, b"www.example.com", at, to_ip=True
        ),
        "a target's, to the client": lambda headers: headers.derived(
            alb._passed_on, alb._passed_on
        ),
        "event of a load balancer": event._header_pairs,
    }
    shown = trigger_event.encode_headers(Headers(LINES))
    changed = {**shown, "x-hook": [{"key": "X-Hook", "value": "1"}]}

    def result(headers: Headers) -> object:
        sent = trigger_event.ShownEvent("viewer-request", request(headers), shown)
        validator = Validator(sent.trigger, sent.strictness)
        return trigger_result._headers(validator, changed, sent, headers)

    calls["a function's changes"] = result
    calls["way to the key"] = lambda headers: start(site.distribution, request(headers), facts)
    calls["what is stored"] = lambda headers: stored_headers(headers, keeps_cookies=False)
    settings = behavior.cache
    assert settings is not None  # it is CachingOptimized
    calls["for how long"] = lambda headers: freshness(200, headers, settings, 0.0)
    headers = Headers(LINES)
    for name, call in calls.items():
        yield Cache(f"headers: {name}", partial(call, headers), partial(with_new_headers, call))


def with_new_headers(call: Callable[[Headers], object]) -> object:
    return call(Headers(LINES))


def emptied(memory: dict[Any, Any], call: Callable[[], object]) -> Callable[[], object]:
    """`call` that finds nothing in `memory`."""

    def anew() -> object:
        memory.clear()
        return call()

    return anew


def lru_caches() -> Iterator[tuple[str, Any]]:
    """Every `lru_cache` of the rooms, by the module and name of its function."""
    met: set[int] = set()
    for room in ROOMS:
        path = [f"{edgegw.__path__[0]}/{room}"]
        for module in pkgutil.walk_packages(path, f"edgegw.{room}."):
            if ".runtimes" in module.name:
                continue
            for value in vars(importlib.import_module(module.name)).values():
                home = getattr(value, "__module__", "")
                if hasattr(value, "cache_info") and f"{home}".startswith("edgegw."):
                    if id(value) not in met:
                        yield f"{home.removeprefix('edgegw.')}.{value.__name__}", value
                    met.add(id(value))


def of_decorators() -> tuple[list[Cache], list[str]]:
    """The caches with a sample, and the names of those without."""
    known, caches, missing = samples(), [], []
    for name, cached in lru_caches():
        sample = known.get(name)
        if sample is not None:
            args, keywords = sample
            hit = partial(cached, *args, **keywords)
            work = partial(cached.__wrapped__, *args, **keywords)
            caches.append(Cache(name, hit, work))
        elif name not in NOT_OF_A_REQUEST:
            missing.append(name)
    return caches, missing


def microseconds(call: Callable[[], object], rounds: int) -> float:
    """The best of five medians."""
    medians = [median(call, rounds) for _ in range(5)]
    return min(medians) * 1e6


def median(call: Callable[[], object], rounds: int) -> float:
    times: list[float] = []
    for _ in range(rounds):
        started = perf_counter()
        call()
        times.append(perf_counter() - started)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2000)
    rounds = parser.parse_args().rounds
    found, missing = of_decorators()
    nothing = microseconds(int, rounds)
    print(f"{'cache':32} {'hit µs':>8} {'anew µs':>8} {'times':>6}")
    for cache in (*found, *by_hand()):
        cache.hit()
        hit = max(microseconds(cache.hit, rounds) - nothing, 0.01)
        work = max(microseconds(cache.work, rounds) - nothing, 0.01)
        verdict = "" if work - hit >= WORTH else "  hardly worth it"
        print(f"{cache.name:32} {hit:8.2f} {work:8.2f} {work / hit:6.1f}{verdict}")
    for name in missing:
        print(f"{name:32} has no sample in samples()")


if __name__ == "__main__":
    main()
