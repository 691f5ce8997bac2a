"""The invalidations of a gateway's distributions, for whoever asks about them later.

What an invalidation names is gone when it is answered, so it is in progress for no longer than the
clock stands still: it is when it is made, and completed at any later time. A test whose clock only
moves by hand sees it in progress until then.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from edgegw.cloudfront.api.errors import ApiError, no_such_invalidation
from edgegw.cloudfront.api.invalidations import AskedInvalidation
from edgegw.cloudfront.cache.invalidation import (
    InvalidationBatch,
    InvalidationPath,
    RefusedInvalidation,
    compile_invalidation,
    refused_invalidation,
    repeated,
)
from edgegw.cloudfront.model import Distribution
from edgegw.gateway.world import World

_MOST_PATHS: Final = 100_000
"""Paths of the invalidations that are remembered of one distribution; the oldest go first."""


class Invalidations:
    """What was invalidated, by distribution."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._logs: defaultdict[str, deque[InvalidationBatch]] = defaultdict(deque)
        self._lengths = Counter[str]()

    def newest_first(self, distribution_id: str) -> list[InvalidationBatch]:
        """The invalidations of a distribution as they are now."""
        now = self._world.now()
        return [_at(now, batch) for batch in reversed(self._logs[distribution_id])]

    def get(self, distribution_id: str, invalidation_id: str) -> InvalidationBatch:
        """One of them. Raises ApiError."""
        for batch in self._logs[distribution_id]:
            if batch.id == invalidation_id:
                return _at(self._world.now(), batch)
        raise no_such_invalidation()

    def ask(
        self, distribution: Distribution, asked: AskedInvalidation
    ) -> tuple[InvalidationBatch, bool]:
        """The invalidation that CreateInvalidation answers, and whether it is a new one.

        Raises ApiError.
        """
        known = self.newest_first(distribution.id)
        by_reference = {batch.caller_reference: batch for batch in known}
        earlier = repeated(asked.items, asked.caller_reference, by_reference)
        if isinstance(earlier, InvalidationBatch):
            return earlier, False
        refused = earlier or refused_invalidation(
            asked.items,
            asked.caller_reference,
            quantity=asked.quantity,
            in_progress=known,
            has_tags=bool(distribution.cache_tag_header),
        )
        if isinstance(refused, RefusedInvalidation):
            raise ApiError(refused.code, refused.message)
        paths = [compile_invalidation(path) for path in asked.items]
        return self.note(distribution.id, paths, asked.caller_reference), True

    def note(
        self, distribution_id: str, paths: Sequence[InvalidationPath], caller_reference: str = ""
    ) -> InvalidationBatch:
        """Remembers an invalidation, which begins now; without a reference it gets one."""
        identity = self._world.invalidation_id()
        batch = InvalidationBatch(
            id=identity,
            created_at=self._world.now(),
            caller_reference=caller_reference or f"edgegw-{identity}",
            paths=tuple(paths),
            is_completed=False,
        )
        log = self._logs[distribution_id]
        log.append(batch)
        self._lengths[distribution_id] += len(batch.paths)
        while self._lengths[distribution_id] > _MOST_PATHS:
            self._lengths[distribution_id] -= len(log.popleft().paths)
        return batch


def _at(now: float, batch: InvalidationBatch) -> InvalidationBatch:
    """`batch` as it is by `now`."""
    return replace(batch, is_completed=now > batch.created_at)
