"""What the local API answers about caches: what is stored, and invalidations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from edgegw.gateway.cache_control import find_distribution, invalidation_of
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
        rows = [
            _row(cached, now)
            for cached in await self._gateway.caching.listed()
            if cached.entry.place.distribution == identity
        ]
        return json_answer({"entries": sorted(rows, key=lambda row: (row["url"], row["key"]))})

    async def invalidate(self, call: Call) -> Response:
        """`{"distribution": …, "paths": […]}`; how many answers went, and paths of no use."""
        distribution = call.member("distribution", str)
        paths = [str(path) for path in cast("list[object]", call.member("paths", list))]
        clearing = invalidation_of(self._gateway.config, distribution, paths)
        removed = await self._gateway.clear_caches(clearing)
        self._gateway.invalidations.note(clearing.distribution, clearing.paths)
        idle = {path.text: path.nothing for path in clearing.paths if path.nothing}
        return json_answer({"removed": removed, "match_nothing": idle})


def _row(cached: CachedEntry, now: float) -> dict[str, Any]:
    entry = cached.entry
    return {
        "url": to_text(entry.place.url),
        "behavior": entry.place.path_pattern,
        "key": to_text(entry.key.replace(b"\0", b" ")),
        "status": entry.status,
        "size": cached.body,
        "age": entry.age(now),
        "expires_in": round(entry.expires_at - now, 3),
        "rule": entry.freshness.rule,
        "hits": cached.hits,
        "part": None if entry.part is None else [entry.part.first, entry.part.last],
        "is_head": entry.is_head,
    }
