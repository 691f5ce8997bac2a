"""The event source mappings of a gateway: those of the configuration, and those the API made.

A mapping is in a state that lasts, Enabled or Disabled, or on its way to one. On its way its poller
first ends what it has begun, so that no two pollers of one mapping run at once; that can take as
long as the function does, and nobody waits for it: not the API's caller, not a reload. One that
cannot begin, as its queue's file cannot be read, ends as Disabled with the reason; the next change
of it tries again, and so does the next reload.

What the configuration says of a mapping holds until the API changes it; that holds until the
configuration says something else of this mapping, or the gateway ends. Mappings that the API made
are on disk before it answers.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from edgegw.awslambda.mapping_api import (
    MappingStanding,
    already_mapped,
    asked_arn,
    changed_mapping,
    mapping_in_use,
    new_mapping,
    no_such_mapping,
)
from edgegw.awslambda.payload import Json
from edgegw.awslambda.source_mapping import (
    IN_TRANSIT,
    EventSourceMapping,
    MappingState,
    first_state,
    state_on_the_way,
)
from edgegw.background import Background
from edgegw.config.model import Config
from edgegw.errors import EdgegwError, StateProblem
from edgegw.execution.event_sources import SourcePoller
from edgegw.execution.event_sources.checkpoints import StoredCheckpoints
from edgegw.execution.mapping_store import MappingStore
from edgegw.gateway.workers import MAPPINGS_FILE, WorkerContext
from edgegw.gateway.workers.source_kinds import known_source, make_poller

logger = logging.getLogger(__name__)


@dataclass
class MappingRun:
    """A mapping as it runs. `lock` is held while it is on its way to another state."""

    mapping: EventSourceMapping
    is_kept: bool
    state: MappingState
    since: float
    poller: SourcePoller | None = None
    problem: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def standing(self) -> MappingStanding:
        """Its state, for the API."""
        last_result = self.poller.last_result if self.poller else "No records processed"
        return MappingStanding(self.state, self.since, last_result, self.problem)

    @property
    def row(self) -> dict[str, str]:
        """What commands show of it."""
        return {
            "source": self.mapping.source,
            "function": str(self.mapping.function),
            "state": self.state,
            "last_result": (
                f"PROBLEM: {self.problem}" if self.problem else self.standing.last_result
            ),
            "uuid": self.mapping.uuid,
        }


class EventSources:
    """Runs a poller for each mapping that is enabled."""

    def __init__(self, around: WorkerContext) -> None:
        self._around = around
        self._store = MappingStore(around.state / MAPPINGS_FILE)
        self._runs: dict[str, MappingRun] = {}
        self._configured: dict[str, EventSourceMapping] = {}
        self._changes = Background()

    async def start(self) -> None:
        """Begins to poll for all mappings."""
        for mapping in await self._store.load():
            self._add(mapping, is_kept=True)
        await self.change(self._around.config())

    async def change(self, config: Config) -> None:
        """Mappings that the configuration says something new of become that."""
        wanted = {mapping.uuid: mapping for mapping in config.event_sources}
        for name in self._configured.keys() - wanted.keys():
            if name in self._runs:
                self._end(self._runs[name])
        for name, mapping in wanted.items():
            if mapping == self._configured.get(name):
                continue
            run = self._runs.get(name)
            if run is None or run.state == "Deleting":
                self._add(mapping, is_kept=False)
            else:
                self._become(run, mapping)
        self._configured = wanted
        for run in self._runs.values():
            if run.problem and run.state not in IN_TRANSIT:
                self._become(run, run.mapping)

    async def close(self) -> None:
        """Ends all pollers at once."""
        await self._changes.cancel()
        pollers = [run.poller for run in self._runs.values() if run.poller is not None]
        await asyncio.gather(*(poller.close() for poller in pollers))
        self._runs.clear()
        await self._store.close()

    @property
    def checkpoints(self) -> StoredCheckpoints:
        """How far mappings of streams are."""
        return self._store.checkpoints

    # For the API and for people

    @property
    def runs(self) -> list[MappingRun]:
        """All mappings, as they run."""
        return list(self._runs.values())

    def run(self, name: str) -> MappingRun:
        """The mapping with this UUID, as it runs. Raises ServiceError."""
        run = self._runs.get(name)
        if run is None:
            raise no_such_mapping()
        return run

    async def create(self, body: Mapping[str, Json]) -> MappingRun:
        """The mapping that CreateEventSourceMapping asks for. Raises ServiceError, StateProblem."""
        service = self._around.service
        name = str(uuid.UUID(bytes=self._around.world.token(16), version=4))
        source = await known_source(asked_arn(body), self._around)
        mapping = new_mapping(body, name, source, service.functions, service.account)
        self._check_new(mapping)
        await self._store.save(mapping)
        return self._add(mapping, is_kept=True)

    async def update(self, name: str, body: Mapping[str, Json]) -> MappingRun:
        """The mapping after UpdateEventSourceMapping. Raises ServiceError, StateProblem."""
        run = self.run(name)
        if run.state in IN_TRANSIT:
            raise mapping_in_use("update")
        service = self._around.service
        source = await known_source(run.mapping.arn, self._around)
        changed = changed_mapping(run.mapping, body, source, service.functions, service.account)
        if changed.function != run.mapping.function:
            self._check_new(changed)
        if run.is_kept:
            await self._store.save(changed)
        self._become(run, changed)
        return run

    async def delete(self, name: str) -> MappingRun:
        """Ends the mapping with this UUID. Raises ServiceError, StateProblem."""
        run = self.run(name)
        if run.state in IN_TRANSIT:
            raise mapping_in_use("delete")
        if run.is_kept:
            await self._store.remove(name)
        self._end(run)
        return run

    def _check_new(self, mapping: EventSourceMapping) -> None:
        for other in (run.mapping for run in self._runs.values()):
            if (other.arn, other.function) == (mapping.arn, mapping.function):
                raise already_mapped(other)

    # Changes

    def _add(self, mapping: EventSourceMapping, *, is_kept: bool) -> MappingRun:
        run = MappingRun(mapping, is_kept, "Creating", self._around.clock.now())
        self._runs[mapping.uuid] = run
        self._changes.start(self._switch(run, mapping))
        return run

    def _become(self, run: MappingRun, mapping: EventSourceMapping) -> None:
        run.state, run.problem = state_on_the_way(run.mapping, mapping), ""
        run.since = self._around.clock.now()
        run.mapping = mapping
        self._changes.start(self._switch(run, mapping))

    def _end(self, run: MappingRun) -> None:
        run.state, run.since = "Deleting", self._around.clock.now()
        self._changes.start(self._switch(run, None))

    async def _switch(self, run: MappingRun, mapping: EventSourceMapping | None) -> None:
        """Ends the poller of `run`, and starts that of `mapping`."""
        async with run.lock:
            await _ended(run)
            if mapping is None:
                if self._runs.get(run.mapping.uuid) is run:
                    del self._runs[run.mapping.uuid]
                await self._forget(run.mapping)
                return
            run.problem = await self._begun(run, mapping) if mapping.enabled else ""
            run.state = first_state(enabled=mapping.enabled and not run.problem)
            run.since = self._around.clock.now()

    async def _begun(self, run: MappingRun, mapping: EventSourceMapping) -> str:
        """Starts the poller of `mapping`; why it cannot, else nothing."""
        try:
            poller = await make_poller(mapping, self._around)
        except EdgegwError as problem:
            logger.error("%s -> %s: %s", mapping.source, mapping.function, problem)  # noqa: TRY400
            return str(problem)
        except Exception as error:
            logger.exception("a fault of edgegw itself, please report it")
            return f"{type(error).__name__}: {error}"
        poller.start()
        run.poller = poller
        return ""

    async def _forget(self, mapping: EventSourceMapping) -> None:
        """A mapping that comes back is a new one: it begins where it says."""
        if mapping.kind not in ("kinesis", "dynamodb"):
            return
        try:
            await self.checkpoints.forget(mapping.uuid)
        except StateProblem as problem:
            logger.warning("%s -> %s: %s", mapping.source, mapping.function, problem)


async def _ended(run: MappingRun) -> None:
    """Lets the poller of `run` finish; however that goes, the mapping goes on without it."""
    poller = run.poller
    if poller is None:
        return
    try:
        await poller.drain()
    except Exception:
        logger.exception("a fault of edgegw itself, please report it")
    await poller.close()
    run.poller = None
