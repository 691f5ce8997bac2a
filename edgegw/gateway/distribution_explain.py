"""What a distribution would do with a request, without doing it: behavior, key, cache, origin.

Functions do not run here. Where one stands at viewer-request, key and origin are those of the
request as it came, which the explanation says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.behaviors import RedirectToHttps, admit, choose_behavior
from edgegw.cloudfront.cache.explanation import CacheExplanation, explain_cache
from edgegw.cloudfront.cache.key import lookups
from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.cloudfront.flow.viewer_side import with_default_root_object
from edgegw.cloudfront.model import Behavior, Distribution
from edgegw.cloudfront.origin_connection import address_of
from edgegw.cloudfront.policies import origin_request
from edgegw.config.model import Config, DistributionDoor
from edgegw.errors import UsageError
from edgegw.gateway.cache_record import key_record
from edgegw.gateway.cache_store import CacheStore, NoStore
from edgegw.gateway.world import REAL, World
from edgegw.http.message import Header, Headers, Request
from edgegw.http.target import RequestTarget, to_text

_OFF = CacheSettings(keeps_nothing=True)


def door_of_url(config: Config, url: str, ports: dict[int, str]) -> DistributionDoor | None:
    """The distribution that `url` means: by its port (`ports` are real ones), or by its name."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise UsageError(f"{url!r} is no URL: {error}") from None
    for door in config.distributions:
        names = (door.distribution.domain_name, *door.distribution.aliases)
        if port == door.listen.port or ports.get(port) == door.name or parts.hostname in names:
            return door
    return None


def explained_distribution(
    distribution: Distribution,
    url: str,
    method: str,
    headers: Sequence[tuple[str, str]],
    store: CacheStore | None = None,
    world: World = REAL,
) -> dict[str, Any]:
    """Why a request gets what it gets, as plain values; `store` is the running gateway's."""
    request = _request(url, method, headers)
    behavior = choose_behavior(distribution, request.target.path)
    explanation: dict[str, Any] = {
        "request": f"{method} {url}",
        "distribution": distribution.name,
        "behavior": behavior.path_pattern,
        "tried": [each.path_pattern for each in distribution.behaviors],
    }
    refused = admit(behavior, request)
    if refused is not None:
        is_redirect = isinstance(refused, RedirectToHttps)
        why = "to HTTPS" if isinstance(refused, RedirectToHttps) else refused.text
        return {**explanation, "refused": f"{refused.status} {why}", "is_redirect": is_redirect}
    return {**explanation, **_way(distribution, behavior, request, store or NoStore(), world)}


def _way(
    distribution: Distribution,
    behavior: Behavior,
    request: Request,
    store: CacheStore,
    world: World,
) -> dict[str, Any]:
    """The way of a request that is let in."""
    facts = DistributionFacts("", "0" * 32, world.date(), viewer=distribution.viewer)
    request = with_default_root_object(distribution, request)
    sent = origin_request(behavior.forwarding, request, behavior.origin, facts)
    recipe = behavior.key
    assert recipe is not None  # every behavior of a configuration has one
    stored = store.peek(lookups(recipe.key(request, viewer=facts.viewer), request))
    cache = explain_cache(
        recipe,
        behavior.cache or _OFF,
        request,
        None if stored is None else stored.entry,
        world.now(),
        sent=sent,
        viewer=facts.viewer,
    )
    return {
        "functions": _functions(behavior, cache),
        "cache": _cache(cache, behavior, world.now()),
        "origin": _origin(behavior, sent),
    }


def _functions(behavior: Behavior, cache: CacheExplanation) -> list[dict[str, Any]]:
    is_answered = cache.state in ("hit", "stale")
    return [
        {
            "trigger": trigger,
            "function": association.function.name,
            "runs": not (is_answered and trigger.startswith("origin")),
        }
        for trigger, association in behavior.associations.items()
    ]


def _cache(cache: CacheExplanation, behavior: Behavior, now: float) -> dict[str, Any]:
    policy = behavior.forwarding.cache_policy
    shown: dict[str, Any] = {
        "policy": policy.name,
        "ttls": [policy.min_ttl, policy.default_ttl, policy.max_ttl],
        "state": cache.state,
        "bypass": cache.bypass,
        "key": key_record(cache.parts),
        "not_in_key": [
            {"kind": gap.kind, "name": gap.name, "reaches_origin": gap.reaches_origin}
            for gap in cache.gaps
        ],
        "stored": None,
    }
    if cache.stored is not None and cache.expires_in is not None:
        shown["stored"] = {
            "status": cache.stored.status,
            "age": cache.stored.age(now),
            "expires_in": round(cache.expires_in, 3),
            "rule": cache.ttl_rule,
        }
    return shown


def _origin(behavior: Behavior, sent: Request) -> dict[str, Any]:
    scheme, host, port = address_of(behavior.origin)
    return {
        "origin": f"{scheme}://{host}:{port}{behavior.origin.path}",
        "target": to_text(sent.target.raw),
        "headers": [[to_text(name), to_text(text)] for name, text in sent.headers],
    }


def _request(url: str, method: str, headers: Sequence[tuple[str, str]]) -> Request:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"a URL is http://HOST/PATH or https://HOST/PATH, not {url!r}")
    lines: list[Header] = [(name.encode(), text.encode()) for name, text in headers]
    if not any(name.lower() == b"host" for name, _ in lines):
        lines.insert(0, (b"Host", parts.netloc.rpartition("@")[2].encode()))
    raw = (parts.path or "/") + (f"?{parts.query}" if "?" in url else "")
    target = RequestTarget.parse(raw.encode())
    return Request(method, target, Headers(lines), scheme=parts.scheme)
