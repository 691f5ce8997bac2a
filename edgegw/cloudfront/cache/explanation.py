"""What the cache would do with a request, and why: for people, and without doing it."""

from __future__ import annotations

from typing import Literal, TypeAlias, assert_never

from edgegw.cloudfront.cache.decision import (
    BypassReason,
    CacheDecision,
    Collapse,
    Hit,
    Miss,
    Revalidate,
    StaleWhileRevalidating,
    bypass,
    decide,
)
from edgegw.cloudfront.cache.entry import StoredResponse
from edgegw.cloudfront.cache.key import KeyParts, KeyRecipe
from edgegw.cloudfront.cache.key_gaps import KeyGap, key_gaps
from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.cloudfront.viewer_place import DEFAULT_PLACE, ViewerPlace
from edgegw.http.message import Request
from edgegw.values import value

CacheState: TypeAlias = Literal[
    "bypass", "hit", "stale", "revalidate", "stale-while-revalidating", "collapse", "miss"
]


@value
class CacheExplanation:
    """What a request comes to, and what of it counts.

    `gaps` are what it has beyond its key. `stored` is what is there for the key now, `ttl_rule` the
    rule that gave it its time, `expires_in` the seconds left of that, below 0 when stale.
    """

    state: CacheState
    parts: KeyParts
    gaps: tuple[KeyGap, ...]
    bypass: BypassReason | None = None
    stored: StoredResponse | None = None
    ttl_rule: str = ""
    expires_in: float | None = None


def explain_cache(
    recipe: KeyRecipe,
    settings: CacheSettings,
    request: Request,
    stored: StoredResponse | None,
    now: float,
    *,
    sent: Request | None = None,
    viewer: ViewerPlace = DEFAULT_PLACE,
) -> CacheExplanation:
    """Why `request` would be a hit or not; `sent` is what policies make of it for an origin.

    `viewer` is where its viewer is.
    """
    parts = recipe.parts(request, viewer=viewer)
    gaps = tuple(key_gaps(recipe, request, sent))
    passed = bypass(request, settings)
    if passed is not None:
        return CacheExplanation("bypass", parts, gaps, passed.reason)
    state = _state(decide(request, stored, settings, now))
    if stored is None:
        return CacheExplanation(state, parts, gaps)
    return CacheExplanation(
        state,
        parts,
        gaps,
        stored=stored,
        ttl_rule=stored.freshness.rule,
        expires_in=stored.expires_at - now,
    )


def _state(decision: CacheDecision) -> CacheState:
    match decision:
        case Hit(is_stale=is_stale):
            return "stale" if is_stale else "hit"
        case StaleWhileRevalidating():
            return "stale-while-revalidating"
        case Revalidate():
            return "revalidate"
        case Collapse():
            return "collapse"
        case Miss():
            return "miss"
        case _:
            assert_never(decision)
