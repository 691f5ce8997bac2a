"""What a gateway runs on one event loop, for whoever asks on that loop."""

from __future__ import annotations

from edgegw.execution.service import LambdaService
from edgegw.execution.shifting import Shifter
from edgegw.gateway.balancer_logs import BalancerLogs
from edgegw.gateway.caching import Caching
from edgegw.gateway.distribution_logs import DistributionLogs
from edgegw.gateway.drive import Driver
from edgegw.gateway.running import Running
from edgegw.gateway.target_groups import TargetGroups
from edgegw.gateway.workers import Workers


class OnRunningLoop:
    """The parts of the running event loop. Most raise UsageError where none runs."""

    _running: Running

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
