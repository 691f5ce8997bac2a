"""What several edge locations used, as if one had: what a month's cost is reckoned from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from edgegw.awslambda.pricing import FunctionUsage
from edgegw.gateway.figures.figures import EdgeUsage
from edgegw.gateway.figures.tallies import MinuteTallies, Tallies

_OF_FRONT_DOORS = (
    "http_requests",
    "https_requests",
    "viewer_bytes",
    "origin_bytes",
    "calls",
    "metered",
    "streamed",
)
_OF_BALANCERS = (
    "requests",
    "connections",
    "seconds",
    "ip_bytes",
    "lambda_bytes",
    "rule_evaluations",
)


class UndividedTallies(Tallies):
    """Counts all of the simulated time together: nobody asks for its minutes one by one."""

    def _of(self, minute: int) -> MinuteTallies:
        return self._present


def summed_usage(parts: Iterable[EdgeUsage]) -> EdgeUsage:
    """What front doors did at all edge locations."""
    total = EdgeUsage()
    for part in parts:
        _add(total, part, _OF_FRONT_DOORS)
        for name, balancer in part.balancers.items():
            _add(total.balancer(name), balancer, _OF_BALANCERS)
    return total


def _add(total: object, part: object, names: Iterable[str]) -> None:
    for name in names:
        setattr(total, name, getattr(total, name) + getattr(part, name))


def summed_functions(parts: Iterable[Iterable[FunctionUsage]]) -> list[FunctionUsage]:
    """What each function did at all edge locations."""
    total: dict[object, FunctionUsage] = {}
    for part in parts:
        for usage in part:
            key = (usage.name, usage.memory_mb, usage.at_edge, usage.in_provisioned)
            known = total.get(key)
            total[key] = usage if known is None else _sum(known, usage)
    return list(total.values())


def _sum(first: FunctionUsage, second: FunctionUsage) -> FunctionUsage:
    return replace(
        first,
        requests=first.requests + second.requests,
        billed_ms=first.billed_ms + second.billed_ms,
    )
