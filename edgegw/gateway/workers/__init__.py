"""What runs beside requests: each kind is a file here and an entry in `WORKERS`.

A kind is imported and made when the configuration needs it or somebody asks for it (`of`), so that
a gateway without queues and schedules pays nothing for them.
"""

from __future__ import annotations

import asyncio
import importlib
import shutil
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol, Self, TypeVar

from edgegw.config.model import Config
from edgegw.execution.clock import ScaledClock
from edgegw.execution.service import LambdaService
from edgegw.gateway.world import World
from edgegw.values import value


@value(kw_only=True)
class WorkerContext:
    """What a worker has around it; `config` answers the present configuration.

    `state` is the folder for what lasts; it exists once somebody makes it.
    """

    service: LambdaService
    clock: ScaledClock
    world: World
    config: Callable[[], Config]
    state: Path
    workers: Workers


class Worker(Protocol):
    """Something that runs beside requests, on one event loop."""

    def __init__(self, around: WorkerContext) -> None: ...

    async def start(self) -> None:
        """Begins; what a former run has left behind is taken up again."""
        ...

    async def change(self, config: Config) -> None:
        """The configuration is another one from now on."""
        ...

    async def close(self) -> None:
        """Ends; what lasts stays on disk."""
        ...


W = TypeVar("W", bound=Worker)


@value
class WorkerKind:
    """Where a kind of worker lives, and whether a configuration needs one from the start."""

    module: str
    name: str
    is_needed: Callable[[Config, Path | None], bool]

    def load(self) -> type[Worker]:
        """Its class."""
        return getattr(importlib.import_module(self.module), self.name)


# Where what lasts is kept, in the state folder: a worker whose file is there has something to do.
EVENTS_FILE: Final = "events.sqlite"
QUEUES_FILE: Final = "queues.sqlite"
STREAMS_FILE: Final = "streams.sqlite"
MAPPINGS_FILE: Final = "mappings.sqlite"


def _is_left(state: Path | None, file: str) -> bool:
    """Whether a former run has left `file`; without `state` nothing can have been left."""
    return state is not None and (state / file).exists()


def _has_waiting_events(_config: Config, state: Path | None) -> bool:
    return _is_left(state, EVENTS_FILE)


def _has_queues(config: Config, state: Path | None) -> bool:
    return bool(config.queues) or _is_left(state, QUEUES_FILE)


def _has_streams(config: Config, state: Path | None) -> bool:
    return bool(config.streams) or _is_left(state, STREAMS_FILE)


def _has_event_sources(config: Config, state: Path | None) -> bool:
    return bool(config.event_sources) or _is_left(state, MAPPINGS_FILE)


def _has_schedules(config: Config, _state: Path | None) -> bool:
    return bool(config.schedules)


def _has_notifications(config: Config, _state: Path | None) -> bool:
    return bool(config.bucket_notifications)


WORKERS: Final[tuple[WorkerKind, ...]] = (
    WorkerKind("edgegw.gateway.workers.queues", "Queues", _has_queues),
    WorkerKind("edgegw.gateway.workers.streams", "Streams", _has_streams),
    WorkerKind("edgegw.gateway.workers.async_events", "AsyncEvents", _has_waiting_events),
    WorkerKind("edgegw.gateway.workers.event_sources", "EventSources", _has_event_sources),
    WorkerKind("edgegw.gateway.workers.schedules", "Schedules", _has_schedules),
    WorkerKind("edgegw.gateway.workers.notifications", "Notifications", _has_notifications),
)
"""All kinds, in the order in which they start."""


class Workers:
    """The workers of one event loop, by class.

    What lasts is in the configuration's folder if they are `lasting`, or it names one; else in one
    that goes with them: tests neither take up what `serve` has left, nor leave anything to it.
    """

    def __init__(
        self,
        service: LambdaService,
        clock: ScaledClock,
        world: World,
        config: Callable[[], Config],
        *,
        lasting: bool = True,
    ) -> None:
        self._service, self._clock, self._world = service, clock, world
        self._config = config
        self._is_lasting = lasting
        self._temporary: str | None = None
        self._running: dict[type[Worker], Worker] = {}
        self._starting: dict[type[Worker], tuple[asyncio.Future[None], object]] = {}

    @cached_property
    def around(self) -> WorkerContext:
        """What every worker has around it."""
        return WorkerContext(
            service=self._service,
            clock=self._clock,
            world=self._world,
            config=self._config,
            state=self._lasting_folder(self._config()) or self._temporary_folder(),
            workers=self,
        )

    def _lasting_folder(self, config: Config) -> Path | None:
        return Path(config.state) if self._is_lasting or config.has_own_state else None

    def _temporary_folder(self) -> Path:
        self._temporary = self._temporary or tempfile.mkdtemp(prefix="edgegw-state-")
        return Path(self._temporary)

    async def start(self) -> Self:
        """Starts those that the configuration needs."""
        await self._start_needed()
        return self

    async def of(self, kind: type[W]) -> W:
        """The worker of this class; made and started when there is none.

        Whoever comes while it starts waits for that, unless it is the one who starts it.
        """
        while (under_way := self._starting.get(kind)) is not None:
            started, starter = under_way
            if starter is asyncio.current_task():
                break
            await asyncio.wait([started])
        worker = self._running.get(kind)
        if worker is None:
            worker = await self._start_one(kind)
        assert isinstance(worker, kind)
        return worker

    async def _start_one(self, kind: type[Worker]) -> Worker:
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._starting[kind] = started, asyncio.current_task()
        worker = self._running[kind] = kind(self.around)
        try:
            await worker.start()
        except BaseException:
            del self._running[kind]  # the next one tries again
            raise
        finally:
            del self._starting[kind]
            started.set_result(None)
        return worker

    def running(self, kind: type[W]) -> W | None:
        """The worker of this class, if there is one already."""
        worker = self._running.get(kind)
        assert worker is None or isinstance(worker, kind)
        return worker

    async def change(self, config: Config) -> None:
        """The configuration is another one: those that run learn it, those needed now start."""
        for worker in list(self._running.values()):
            await worker.change(config)
        await self._start_needed()

    async def close(self) -> None:
        """Ends all, the last one first."""
        for worker in reversed(list(self._running.values())):
            await worker.close()
        self._running.clear()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    async def _start_needed(self) -> None:
        config = self._config()
        state = self._lasting_folder(config)
        for kind in WORKERS:
            if kind.is_needed(config, state):
                await self.of(kind.load())
