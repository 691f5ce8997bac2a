"""The poller of a stream: a poller for each shard, parents before their children.

    list the shards ─▶ those whose parents are done get a poller ─▶ one is over ─▶ list again …

Where it begins is decided once, when the mapping first runs, and kept: `STARTED` stands beside the
checkpoints of the shards with the time and the shards of then. A mapping at LATEST that is killed
before its first checkpoint goes on from that time, so what came meanwhile is not left out. Shards
that come later are read from their beginning.
Source: Lambda Developer Guide, "Polling and batching streams"; Kinesis Data Streams Developer
Guide, "Data routing, data persistence, and shard state after a reshard".
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from edgegw.awslambda.source_mapping import EventSourceMapping
from edgegw.awslambda.stream_checkpoint import ShardCheckpoint, decode_checkpoint
from edgegw.awslambda.stream_events import ShardOrigin
from edgegw.awslambda.stream_source import StreamRules, rules_of
from edgegw.background import Background
from edgegw.errors import StateProblem
from edgegw.execution.event_sources.shard_poller import NO_RECORDS, PollerContext, ShardPoller
from edgegw.execution.event_sources.stream_client import (
    ListedShard,
    ShardStart,
    StreamClient,
    StreamProblem,
)
from edgegw.values import value

logger = logging.getLogger(__name__)

STARTED: Final = ""
"""Where the beginning of a mapping is kept, among its shards."""
_LIST_EVERY: Final = 60.0
"""Seconds between two looks for new shards, when none ends."""
_RETRY: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds until a stream that cannot be asked is asked again."""


@value
class Beginning:
    """When a mapping first ran, in seconds since 1970, and which shards there were."""

    at: float
    shards: tuple[str, ...]
    is_new: bool = False


class StreamPoller:
    """Reads one stream for one mapping."""

    def __init__(
        self,
        mapping: EventSourceMapping,
        origin: ShardOrigin,
        client: StreamClient,
        context: PollerContext,
    ) -> None:
        self._mapping = mapping
        self._origin = origin
        self._client = client
        self._context = context
        self._running: dict[str, ShardPoller] = {}
        self._finished: set[str] = set()
        self._shards = Background()
        self._changed = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._problem = ""
        self._results: dict[str, str] = {}

    @property
    def last_result(self) -> str:
        """How the last attempt ended, a problem before a success."""
        results = [poller.last_result for poller in self._running.values()]
        problems = [self._problem, *(result for result in results if result.startswith("PROBLEM"))]
        return next(filter(None, problems), "OK" if "OK" in results else NO_RECORDS)

    @property
    def iterator_age(self) -> float:
        """Seconds between the arrival and the end of the last records, of the slowest shard."""
        return max((poller.iterator_age for poller in self._running.values()), default=0.0)

    # Life

    def start(self) -> None:
        """Begins to read."""
        if self._loop is None:
            self._loop = asyncio.ensure_future(self._watch())
            self._loop.add_done_callback(self._note_fault)

    def _note_fault(self, loop: asyncio.Task[None]) -> None:
        if not loop.cancelled() and (error := loop.exception()) is not None:
            self._problem = f"PROBLEM: it looks for shards no more: {error!r}"
            logger.error("a fault of edgegw itself, please report it", exc_info=error)

    async def drain(self) -> None:
        """Reads no more; returns when the invocations that run have ended."""
        await self._stop_watching()
        for poller in self._running.values():
            poller.drain()
        await self._shards.settled()
        self._running.clear()

    async def close(self) -> None:
        """Ends at once; what runs comes again the next time."""
        await self._stop_watching()
        await self._shards.cancel()
        self._running.clear()
        await self._client.close()

    async def _stop_watching(self) -> None:
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])
            self._loop = None

    # Shards

    async def _watch(self) -> None:
        failures = 0
        while True:
            self._changed.clear()
            try:
                await self._take_up()
                self._problem, failures = "", 0
            except (StreamProblem, StateProblem) as problem:
                text = f"PROBLEM: {problem}"
                if text != self._problem:
                    place = self._mapping.source, self._mapping.function
                    logger.warning("%s -> %s: %s", *place, problem)
                self._problem = text
                await asyncio.sleep(_RETRY[min(failures, len(_RETRY) - 1)])
                failures += 1
                continue
            await self._until_changed()

    async def _until_changed(self) -> None:
        try:
            async with asyncio.timeout(_LIST_EVERY):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _take_up(self) -> None:
        """Starts a poller for each shard whose turn it is."""
        shards = await self._client.shards()
        kept = await self._context.checkpoints.load(self._mapping.uuid)
        beginning = await self._beginning(kept, shards)
        checkpoints = {
            shard: decode_checkpoint(text) for shard, text in kept.items() if shard != STARTED
        }
        self._finished |= {
            name for name, checkpoint in checkpoints.items() if checkpoint.is_finished
        }
        retention = await self._client.retention()
        rules = rules_of(self._mapping, retention=retention, scale=self._context.clock.scale)
        present = {shard.id for shard in shards}
        for shard in shards:
            waits_for = {parent for parent in shard.parents if parent in present}
            if shard.id in self._running or shard.id in self._finished:
                continue
            if waits_for <= self._finished:
                checkpoint = checkpoints.get(shard.id, ShardCheckpoint())
                start = _start_of(self._mapping, shard.id, checkpoint, beginning)
                self._run(shard.id, rules, checkpoint, start)

    async def _beginning(self, kept: Mapping[str, str], shards: Sequence[ListedShard]) -> Beginning:
        if STARTED in kept:
            content: dict[str, Any] = json.loads(kept[STARTED])
            return Beginning(content["at"], tuple(content["shards"]))
        present = tuple(shard.id for shard in shards)
        beginning = Beginning(self._context.clock.now(), present, is_new=True)
        text = json.dumps({"at": beginning.at, "shards": beginning.shards})
        await self._context.checkpoints.save(self._mapping.uuid, STARTED, text)
        return beginning

    def _run(
        self, shard: str, rules: StreamRules, checkpoint: ShardCheckpoint, start: ShardStart
    ) -> None:
        origin = replace(self._origin, shard=shard)
        poller = ShardPoller(self._mapping, origin, self._client, rules, self._context)
        self._running[shard] = poller
        self._shards.start(self._run_shard(shard, poller, checkpoint, start))

    async def _run_shard(
        self, shard: str, poller: ShardPoller, checkpoint: ShardCheckpoint, start: ShardStart
    ) -> None:
        is_over = await poller.run(checkpoint, start)
        self._running.pop(shard, None)
        if is_over:
            self._finished.add(shard)
            self._changed.set()


def _start_of(
    mapping: EventSourceMapping, shard: str, checkpoint: ShardCheckpoint, beginning: Beginning
) -> ShardStart:
    """Where reading of a shard begins: after its checkpoint, else where the mapping says."""
    if checkpoint.after is not None:
        return ShardStart("AFTER_SEQUENCE_NUMBER", checkpoint.after)
    position = mapping.stream.starting_position or "TRIM_HORIZON"
    if shard not in beginning.shards:
        return ShardStart("TRIM_HORIZON")
    if position == "AT_TIMESTAMP":
        return ShardStart(position, at=mapping.stream.starting_timestamp or 0.0)
    if position == "LATEST" and not beginning.is_new:
        return ShardStart("AT_TIMESTAMP", at=beginning.at)
    return ShardStart(position)
