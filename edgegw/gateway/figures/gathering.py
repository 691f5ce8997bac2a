"""The figures of a gateway: counted from its first request on, made when somebody looks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from edgegw.cloudwatch.store import MetricKey, MetricStore
from edgegw.gateway.figures.tallies import MinuteTallies, Tallies

if TYPE_CHECKING:
    from edgegw.awslambda.pricing import FunctionUsage
    from edgegw.config.model import Config
    from edgegw.gateway.figures.figures import Figures
    from edgegw.gateway.loop_parts import LoopParts


class GatewayFigures:
    """What a gateway counts; `parts` answers what runs on its event loops."""

    def __init__(
        self,
        config: Callable[[], Config],
        now: Callable[[], float],
        parts: Callable[[], list[LoopParts]],
    ) -> None:
        self.tallies = Tallies(now, self.take)
        self._config = config
        self._now = now
        self._parts = parts
        self._since = now()

    @cached_property
    def store(self) -> MetricStore:
        """All metrics; `gather` brings them up to date."""
        return MetricStore()

    @cached_property
    def figures(self) -> Figures:
        """What puts tallies into the store; imported with the first minute that has any."""
        from edgegw.gateway.figures.figures import Figures

        return Figures(self.store, self._config, self._since)

    def take(self, tallies: MinuteTallies) -> None:
        """Takes in what was counted; called by `tallies`."""
        if not tallies.is_empty:
            self.figures.take(tallies)

    def gather(self) -> MetricStore:
        """The store with everything that happened so far."""
        self.tallies.hand_over()
        for parts in self._parts():
            parts.service.figures.gather()
        return self.store

    def gather_with_health(self) -> tuple[MetricStore, dict[MetricKey, float]]:
        """The same, and how many targets are healthy now."""
        store, gauges = self.gather(), dict[MetricKey, float]()
        for parts in self._parts():
            gauges |= self.figures.note_health(parts.groups, self._now())
        return store, gauges

    def function_usage(self) -> list[FunctionUsage]:
        """What functions did since they run, over all event loops; call `gather` before."""
        return [usage for parts in self._parts() for usage in parts.service.figures.usage()]
