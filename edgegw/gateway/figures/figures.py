"""From tallies to metrics: the figures of one gateway, over all its event loops."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from edgegw.alb import metrics as balancer_metrics
from edgegw.alb.model import LambdaTargetGroup
from edgegw.alb.pricing import counted_rules
from edgegw.awslambda.http_events import front_metrics as caller_metrics
from edgegw.awslambda.metrics import NAMESPACE as LAMBDA_NAMESPACE
from edgegw.awslambda.model import FunctionRef
from edgegw.cloudfront import metrics as viewer_metrics
from edgegw.cloudfront.edge_functions import run_metrics as edge_metrics
from edgegw.cloudwatch.statistics import Statistics, repeated
from edgegw.cloudwatch.store import Dimensions, MetricKey, MetricStore
from edgegw.gateway.balancer_control import describe_targets
from edgegw.gateway.figures.tallies import (
    HTTP_API,
    CallerKind,
    ClientKind,
    MinuteTallies,
    Tally,
    TimedTally,
    ViewerKind,
)

if TYPE_CHECKING:
    from edgegw.config.model import Config
    from edgegw.gateway.target_groups import TargetGroups

_CONNECTION_COUNTS = ("NewConnectionCount", "ClientTLSNegotiationErrorCount")
"""What is counted of connections: those that stand, and those whose handshake failed."""
_LEFT = 460
"""What counts of a client that left before its answer."""


class Figures:
    """Puts what was counted into the store, and keeps what a bill is made of.

    `config` answers the present configuration: its names are those of the tallies.
    """

    def __init__(self, store: MetricStore, config: Callable[[], Config], now: float) -> None:
        self.store = store
        self.since = now
        self.usage = EdgeUsage()
        self._config = config

    def take(self, tallies: MinuteTallies) -> None:
        """Takes in what was counted in a minute, or so far in it."""
        config, at = self._config(), tallies.minute * 60.0
        for key, tally in tallies.viewers.items():
            self._viewers(config, at, ViewerKind(*key), tally)
        for key, tally in tallies.clients.items():
            self._clients(config, at, ClientKind(*key), tally)
        for key, tally in tallies.callers.items():
            self._callers(config, at, CallerKind(*key), tally)
        for (name, kind, utilization), count in tallies.edge_runs.items():
            self._edge_runs(at, name, edge_metrics.EdgeRuns(kind, utilization, count))
        counted = (tallies.connections, tallies.failed_handshakes)
        for name, counts in zip(_CONNECTION_COUNTS, counted, strict=True):
            for front_door, count in counts.items():
                key = _balancer_key(config, front_door, name)
                self.store.add(key, "Count", at, repeated(1, count))
        for front_door, count in tallies.connections.items():
            self.usage.balancer(front_door).connections += count

    def _viewers(self, config: Config, at: float, kind: ViewerKind, tally: Tally) -> None:
        requests = viewer_metrics.ViewerRequests(
            *(kind.method, kind.status, kind.verdict),
            *(tally.count, tally.sent_bytes, tally.received_bytes),
        )
        identity = _distribution_id(config, kind.front_door)
        dimensions = viewer_metrics.dimensions(identity)
        self._put(viewer_metrics.NAMESPACE, (dimensions,), at, viewer_metrics.samples(requests))
        usage = self.usage
        if kind.scheme == "https":
            usage.https_requests += tally.count
        else:
            usage.http_requests += tally.count
        usage.viewer_bytes += tally.sent_bytes
        usage.origin_bytes += tally.received

    def _edge_runs(self, at: float, name: str, runs: edge_metrics.EdgeRuns) -> None:
        dimensions = edge_metrics.function_dimensions(name)
        samples = edge_metrics.function_samples(runs)
        self._put(viewer_metrics.NAMESPACE, (dimensions,), at, samples)
        if runs.kind != "throttled":
            self.usage.edge_runs += runs.count

    def _clients(self, config: Config, at: float, kind: ClientKind, tally: Tally) -> None:
        group = config.target_groups.get(kind.target_group or "")
        is_lambda = None if group is None else isinstance(group, LambdaTargetGroup)
        processed = tally.sent_bytes + tally.received_bytes
        requests = balancer_metrics.ClientRequests(
            status=kind.status or _LEFT,
            verdict=kind.verdict,
            count=tally.count,
            processed=processed,
            is_lambda=is_lambda,
            guard=kind.guard,
        )
        identity = _balancer_id(config, kind.front_door)
        both = balancer_metrics.balancer_dimensions(identity, None if group is None else group.arn)
        namespace = balancer_metrics.NAMESPACE
        self._put(namespace, both[:1], at, balancer_metrics.samples(requests))
        self._put(namespace, both, at, balancer_metrics.target_samples(requests))
        if tally.target is not None:
            for dimensions in both:
                key = MetricKey(namespace, "TargetResponseTime", dimensions)
                self.store.add(key, "Seconds", at, tally.target)
        if tally.provider is not None:
            name = balancer_metrics.PROVIDER_LATENCY
            self._measure(namespace, both[:1], at, name, tally.provider)
        self._bill_clients(config, kind, tally, processed, is_lambda=is_lambda is True)

    def _bill_clients(
        self, config: Config, kind: ClientKind, tally: Tally, processed: int, *, is_lambda: bool
    ) -> None:
        usage = self.usage.balancer(kind.front_door)
        usage.requests += tally.count
        usage.seconds += tally.seconds
        usage.rule_evaluations += tally.count * counted_rules(rules_met(config, kind))
        if is_lambda:
            usage.lambda_bytes += processed
        else:
            usage.ip_bytes += processed

    def _callers(self, config: Config, at: float, kind: CallerKind, tally: TimedTally) -> None:
        processed = tally.sent_bytes + tally.received_bytes
        requests = caller_metrics.CallerRequests(kind.status, tally.count, processed)
        if kind.kind == HTTP_API:
            sets = caller_metrics.api_dimensions(_api_id(config, kind.front_door), kind.part)
            namespace, latency = caller_metrics.API_NAMESPACE, caller_metrics.API_LATENCY
            self._put(namespace, sets, at, caller_metrics.api_samples(requests))
            if tally.target is not None:
                name = caller_metrics.INTEGRATION_LATENCY
                self._measure(namespace, sets, at, name, tally.target)
            self.usage.metered += tally.metered
        else:
            sets = caller_metrics.url_dimensions(_url_of(config, kind.front_door), kind.part)
            namespace, latency = LAMBDA_NAMESPACE, caller_metrics.URL_LATENCY
            self._put(namespace, sets, at, caller_metrics.url_samples(requests))
            self.usage.streamed += tally.streamed
        self.usage.calls += tally.count
        self._measure(namespace, sets, at, latency, tally.latency)

    def _measure(
        self,
        namespace: str,
        sets: Iterable[Dimensions],
        at: float,
        name: str,
        milliseconds: Statistics,
    ) -> None:
        for dimensions in sets:
            key = MetricKey(namespace, name, dimensions)
            self.store.add(key, "Milliseconds", at, milliseconds)

    def _put(
        self,
        namespace: str,
        sets: Iterable[Dimensions],
        at: float,
        samples: Iterable[tuple[str, str, float, int]],
    ) -> None:
        dimension_sets = tuple(sets)
        for name, unit, value, count in samples:
            for dimensions in dimension_sets:
                key = MetricKey(namespace, name, dimensions)
                self.store.add(key, unit, at, repeated(value, count))

    def note_health(self, groups: TargetGroups, now: float) -> dict[MetricKey, float]:
        """How many targets are healthy at this moment, and how many not; noted, and answered."""
        config = self._config()
        counts: dict[MetricKey, float] = {}
        for name, group in config.target_groups.items():
            states = [row["state"] for row in describe_targets(config, groups, name)]
            counted = {
                "HealthyHostCount": states.count("healthy"),
                "UnHealthyHostCount": states.count("unhealthy"),
            }
            for balancer in config.users_of(group):
                _, dimensions = balancer_metrics.balancer_dimensions(balancer.id, group.arn)
                for metric, count in counted.items():
                    key = MetricKey(balancer_metrics.NAMESPACE, metric, dimensions)
                    counts[key] = count
                    self.store.add(key, "Count", now, repeated(count, 1))
        return counts


class BalancerTotals:
    """What a load balancer did since the gateway runs; bytes both ways, with heads."""

    def __init__(self) -> None:
        self.requests = 0
        self.connections = 0
        self.seconds = 0.0
        self.ip_bytes = 0
        self.lambda_bytes = 0
        self.rule_evaluations = 0


class EdgeUsage:
    """What the front doors did since the gateway runs."""

    def __init__(self) -> None:
        self.http_requests = 0
        self.https_requests = 0
        self.viewer_bytes = 0
        self.origin_bytes = 0
        self.calls = 0
        """Requests at function URLs and HTTP APIs; those of the latter are `metered`."""
        self.metered = 0
        self.streamed = 0
        self.edge_runs = 0
        """Invocations of CloudFront Functions."""
        self.balancers: dict[str, BalancerTotals] = {}

    def balancer(self, name: str) -> BalancerTotals:
        return self.balancers.setdefault(name, BalancerTotals())


def rules_met(config: Config, kind: ClientKind) -> int:
    """How many rules a request met until one fitted; all of them where none was chosen."""
    for door in config.listeners:
        if door.name == kind.front_door and door.listener.port == kind.port:
            priorities = [rule.priority for rule in door.listener.rules]
            if kind.rule in priorities:
                return priorities.index(kind.rule) + 1
            return len(priorities) + 1
    return 1


def _distribution_id(config: Config, name: str) -> str:
    return next((door.distribution.id for door in config.distributions if door.name == name), name)


def _balancer_id(config: Config, name: str) -> str:
    return next(
        (door.listener.load_balancer.id for door in config.listeners if door.name == name), name
    )


def _api_id(config: Config, name: str) -> str:
    return next((door.api.api_id for door in config.http_apis if door.name == name), name)


def _url_of(config: Config, name: str) -> FunctionRef:
    known = (door.url.function for door in config.function_urls if door.name == name)
    function, _, alias = name.partition(":")
    return next(known, FunctionRef(function, qualifier=alias))


def _balancer_key(config: Config, front_door: str, metric: str) -> MetricKey:
    (dimensions,) = balancer_metrics.balancer_dimensions(_balancer_id(config, front_door), None)
    return MetricKey(balancer_metrics.NAMESPACE, metric, dimensions)
