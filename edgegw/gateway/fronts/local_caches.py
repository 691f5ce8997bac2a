"""What the local API answers about caches: what is stored, and invalidations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from edgegw.cloudfront.cache.invalidation import path_hint
from edgegw.cloudfront.cache.key import KeyRecipe
from edgegw.cloudfront.cache.key_reading import read_key
from edgegw.config.model import Config
from edgegw.gateway.cache_control import find_distribution, invalidation_of
from edgegw.gateway.cache_record import key_record
from edgegw.gateway.cache_store import CachedEntry
from edgegw.gateway.fronts.local_router import Call, json_answer
from edgegw.http.message import Response
from edgegw.http.target import to_text

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway


class CacheOperations:
    """Lists and clears what distributions keep."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def entries(self, call: Call) -> Response:
        """What is stored of the distribution that the path names, by URL."""
        identity = find_distribution(self._gateway.config, call.path["distribution"]).id
        now = self._gateway.world.now()
        recipes = _recipes(self._gateway.config)
        rows = [
            _row(cached, recipes, now)
            for cached in await self._gateway.caching.listed()
            if cached.entry.place.distribution == identity
        ]
        return json_answer({"entries": sorted(rows, key=lambda row: (row["url"], row["key"]))})

    async def invalidate(self, call: Call) -> Response:
        """`{"distribution": …, "paths": […]}`; what went, paths of no use, hints."""
        distribution = call.member("distribution", str)
        paths = [str(path) for path in cast("list[object]", call.member("paths", list))]
        config = self._gateway.config
        clearing = invalidation_of(config, distribution, paths)
        removed = await self._gateway.clear_caches(clearing)
        self._gateway.on_demand.invalidations.note(clearing.distribution, clearing.paths)
        idle = {path.text: path.nothing for path in clearing.paths if path.nothing}
        root = find_distribution(config, distribution).default_root_object
        hints = {path: hint for path in paths if (hint := path_hint(path, root))}
        return json_answer({"removed": removed, "match_nothing": idle, "hints": hints})


def _recipes(config: Config) -> dict[tuple[str, str], KeyRecipe]:
    """How keys are made, by the id of a distribution and the path pattern of a behavior."""
    recipes: dict[tuple[str, str], KeyRecipe] = {}
    for door in config.distributions:
        distribution = door.distribution
        for behavior in (*distribution.behaviors, distribution.default_behavior):
            if behavior.key is not None:
                recipes.setdefault((distribution.id, behavior.path_pattern), behavior.key)
    return recipes


def _row(
    cached: CachedEntry, recipes: Mapping[tuple[str, str], KeyRecipe], now: float
) -> dict[str, object]:
    entry = cached.entry
    recipe = recipes.get((entry.place.distribution, entry.place.path_pattern))
    parts = None if recipe is None else read_key(recipe, entry.key, entry.place)
    return {
        "url": to_text(entry.place.url),
        "behavior": entry.place.path_pattern,
        "key": to_text(entry.key.replace(b"\0", b" ")),
        "parts": None if parts is None else key_record(parts),
        "status": entry.status,
        "size": cached.body,
        "age": entry.age(now),
        "expires_in": round(entry.expires_at - now, 3),
        "expires_at": entry.expires_at,
        "rule": entry.freshness.rule,
        "hits": cached.hits,
        "part": None if entry.part is None else [entry.part.first, entry.part.last],
        "is_head": entry.is_head,
    }
