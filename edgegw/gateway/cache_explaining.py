"""What the cache of a distribution would do with a request, without doing it.

Functions do not run here. Where one stands at viewer-request, the key is that of the request as it
came.
"""

from __future__ import annotations

from typing import Any, Final

from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.behaviors import choose_behavior, with_default_root_object
from edgegw.cloudfront.cache.explanation import CacheExplanation, explain_cache
from edgegw.cloudfront.cache.key import lookups
from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.cloudfront.model import Behavior, Distribution
from edgegw.cloudfront.origin_request import origin_request
from edgegw.errors import EnvironmentProblem
from edgegw.gateway.cache_record import key_record
from edgegw.gateway.cache_store import PeekedStore
from edgegw.http.message import Request

_OFF: Final = CacheSettings(keeps_nothing=True)


def explained_cache(
    distribution: Distribution,
    request: Request,
    facts: DistributionFacts,
    store: PeekedStore,
    now: float,
) -> dict[str, Any]:
    """The cache's part in `request` as plain values; times in seconds."""
    behavior = choose_behavior(distribution, request.target.path)
    request = with_default_root_object(distribution, request)
    recipe = behavior.key
    assert recipe is not None  # every behavior of a configuration has one
    stored, problem = None, None
    try:
        stored = store.peek(lookups(recipe.key(request, viewer=facts.viewer), request))
    except EnvironmentProblem as gone:
        problem = str(gone)
    cache = explain_cache(
        recipe,
        behavior.cache or _OFF,
        request,
        None if stored is None else stored.entry,
        now,
        sent=origin_request(behavior.forwarding, request, behavior.origin, facts),
        viewer=facts.viewer,
    )
    return {**_shown(cache, behavior, now), "problem": problem}


def _shown(cache: CacheExplanation, behavior: Behavior, now: float) -> dict[str, Any]:
    policy = behavior.forwarding.cache_policy
    shown: dict[str, Any] = {
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
            "is_error": cache.stored.is_error,
            "size": cache.stored.length,
            "age": cache.stored.age(now),
            "expires_at": cache.stored.expires_at,
            "expires_in": round(cache.expires_in, 3),
            "rule": cache.ttl_rule,
        }
    return shown
