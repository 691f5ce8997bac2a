"""What a gateway runs on one event loop, from its first user to its last."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from edgegw.config.model import Config
from edgegw.execution.service import LambdaService
from edgegw.execution.shifting import Shifter
from edgegw.gateway.balancer_logs import BalancerLogs
from edgegw.gateway.blocking_loop import BlockingLoop
from edgegw.gateway.caching import Caching
from edgegw.gateway.distribution_logs import DistributionLogs
from edgegw.gateway.drive import Driver
from edgegw.gateway.running import Running
from edgegw.gateway.target_groups import TargetGroups
from edgegw.gateway.workers import Workers

if TYPE_CHECKING:
    from edgegw.cloudfront.cache.clearing import Clearing


class OnRunningLoop:
    """The parts of the running event loop. Most raise UsageError where none runs."""

    config: Config
    _running: Running
    _blocking: BlockingLoop

    async def start(self) -> None:
        """Starts runtimes ahead of the first request, on the running event loop.

        Raises EnvironmentProblem when a runtime is missing.
        """
        await self.enter(ahead=True)

    async def enter(self, *, ahead: bool = False) -> None:
        """One more user on the running event loop; `stop` is its end.

        Unless runtimes start `ahead`, the first invocation that needs one starts it. Raises
        EnvironmentProblem when a runtime is missing.
        """
        await self._running.enter(self.config.shifts, ahead=ahead)

    async def stop(self) -> None:
        """Undoes one `start`; with the last user everything ends."""
        await self._running.leave()

    async def __aenter__(self) -> Self:
        await self.enter()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def __enter__(self) -> Self:
        """Keeps what blocking clients use running between them, as `async with` does for others."""
        self._blocking.enter()
        return self

    def __exit__(self, *_: object) -> None:
        self._blocking.leave()

    @contextmanager
    def kept_warm(self) -> Generator[Self]:
        """What blocking and threaded clients began goes on without them, until the end of this."""
        self._blocking.linger()
        try:
            yield self
        finally:
            self._blocking.part()

    @property
    def service(self) -> LambdaService:
        """The Lambda service of the running event loop."""
        return self._running.here().service

    @property
    def shifter(self) -> Shifter:
        """What walks aliases from one version to another, on the running event loop."""
        return self._running.here().shifter

    @property
    def is_running(self) -> bool:
        """Whether something started it and nobody stopped it."""
        return bool(self._running.everywhere())

    def left_out(self) -> list[tuple[str, str]]:
        """Functions that cannot run here and why; after `start` with `leave_out_missing`."""
        return self._running.left_out()

    def driver(self) -> Driver:
        """The driver of the running event loop."""
        return (self._running.pinned or self._running.here()).driver

    @property
    def target_groups(self) -> TargetGroups:
        """The targets of the load balancers as they are now, on the running event loop."""
        return self._running.here().groups

    @property
    def balancer_logs(self) -> BalancerLogs:
        """Where the load balancers of the running event loop write their logs."""
        return (self._running.pinned or self._running.here()).logs

    @property
    def distribution_logs(self) -> DistributionLogs:
        """Where the distributions of the running event loop write their access logs."""
        return (self._running.pinned or self._running.here()).distribution_logs

    @property
    def workers(self) -> Workers:
        """What runs beside requests on the running event loop."""
        return self._running.here().workers

    @property
    def caching(self) -> Caching:
        """The cache of the distributions, on the running event loop."""
        return self._running.here().caching

    async def clear_caches(self, clearing: Clearing) -> int:
        """As `invalidate`, but the event loop goes on while a shared store is looked through.

        Raises EnvironmentProblem when that is gone.
        """
        caches = [parts.caching for parts in self._running.everywhere()]
        return sum([await caching.clear_in_thread(clearing) for caching in caches])

    def pin(self) -> None:
        """Promises that one event loop, the running one, uses this gateway until it stops.

        `serve` does: asking for the running loop costs a system call on Python 3.11.
        """
        self._running.pin()
