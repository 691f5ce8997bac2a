"""What a month costs: of what ran, scaled up, or of a configuration and a number of requests.

Nobody knows what a month will bring; every number is somebody's rate times 730 hours, and the
answer says whose. What is not here (transfer out of a Region, logs, NAT, DNS …) is named in
docs/figures.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Final

from edgegw.alb.model import Forward, LambdaTargetGroup
from edgegw.alb.pricing import BalancerUsage, balancer_charges
from edgegw.awslambda.front_pricing import CallerUsage, caller_charges, poller_charges
from edgegw.awslambda.pricing import (
    PRICES_OF,
    Charge,
    FunctionUsage,
    ProvisionedUsage,
    amount_text,
    lambda_charges,
)
from edgegw.cloudfront.pricing import DistributionUsage, distribution_charges
from edgegw.config.model import Config
from edgegw.gateway.figures.figures import EdgeUsage
from edgegw.values import value

HOURS: Final = 730.0
"""Hours of a month, as AWS reckons."""
_SECONDS: Final = HOURS * 3600
ASSUMED_MS: Final = 100
"""Billed milliseconds of an invocation that nobody has seen yet."""
ASSUMED_BYTES: Final = 20_000
"""Bytes of an answer that nobody has seen yet."""


@value
class MonthUsage:
    """What a month holds, and in words what that rests on."""

    functions: tuple[FunctionUsage, ...]
    viewers: DistributionUsage
    balancers: tuple[BalancerUsage, ...]
    callers: CallerUsage
    basis: str
    assumptions: tuple[str, ...] = ()


def measured_month(
    edge: EdgeUsage,
    functions: Sequence[FunctionUsage],
    seconds: float,
    requests: float | None,
) -> MonthUsage:
    """What ran in `seconds`, scaled to a month: to `requests` of one, or at the same rate.

    Where no request came at a distribution or a load balancer, invocations count as such: by URLs,
    HTTP APIs and events.
    """
    seconds = max(seconds, 1.0)
    came, unit = what_came(edge, functions)
    if requests is not None and came:
        factor, words = requests / came, f"{amount_text(requests)} {unit}s a month"
    else:
        factor, words = _SECONDS / seconds, "a month at the same rate"
    basis = (
        f"{came:,} {unit if came == 1 else f'{unit}s'} in {_time_text(seconds)}, scaled to {words}"
    )
    return MonthUsage(
        tuple(_scaled(usage, factor) for usage in functions),
        DistributionUsage(
            http_requests=edge.http_requests * factor,
            https_requests=edge.https_requests * factor,
            sent_bytes=edge.viewer_bytes * factor,
            origin_bytes=edge.origin_bytes * factor,
            function_runs=edge.edge_runs * factor,
        ),
        tuple(
            BalancerUsage(
                name=name,
                hours=HOURS,
                new_connections=totals.connections * factor,
                active_connections=totals.seconds * factor / _SECONDS,
                ip_bytes=totals.ip_bytes * factor,
                lambda_bytes=totals.lambda_bytes * factor,
                rule_evaluations=totals.rule_evaluations * factor,
            )
            for name, totals in edge.balancers.items()
        ),
        CallerUsage(edge.metered * factor, edge.streamed * factor),
        basis,
    )


def what_came(edge: EdgeUsage, functions: Sequence[FunctionUsage]) -> tuple[int, str]:
    """How much a month is measured by, and what that is."""
    requests = front_requests(edge)
    invocations = round(sum(usage.requests for usage in functions))
    return (requests, "request") if requests or not invocations else (invocations, "invocation")


def front_requests(edge: EdgeUsage) -> int:
    """Requests that came from outside: those at distributions, else those at what is behind."""
    viewers = edge.http_requests + edge.https_requests
    return viewers or edge.calls + sum(totals.requests for totals in edge.balancers.values())


def assumed_month(config: Config, requests: float) -> MonthUsage:
    """A month of a configuration that has not run: its outermost front doors share `requests`."""
    distributions = {door.name: door for door in config.distributions}
    balancers = list(dict.fromkeys(door.name for door in config.listeners))
    callers = [] if distributions else [*config.function_urls, *config.http_apis]
    in_front = [] if distributions else balancers
    share = requests / (len(distributions) or len(in_front) + len(callers) or 1)
    functions: list[FunctionUsage] = []
    edge_runs = 0.0
    for door in distributions.values():
        behavior = door.distribution.default_behavior
        names = [association.function.name for association in behavior.associations.values()]
        functions += [_assumed(name, share, at_edge=True) for name in names]
        edge_runs += share * len(behavior.edge_functions)
    for name in in_front:
        functions += [_assumed(target, share) for target in _default_targets(config, name)]
    for caller in callers:
        names = [function.name for function in caller.functions]
        functions += [_assumed(name, share / len(names)) for name in names]
    if not distributions and not in_front and not callers:
        functions += [_assumed(name, requests / len(config.functions)) for name in config.functions]
    viewers = DistributionUsage()
    if distributions:
        viewers = DistributionUsage(
            https_requests=requests, sent_bytes=ASSUMED_BYTES * requests, function_runs=edge_runs
        )
    metered = share * len(config.http_apis) if callers else 0.0
    return MonthUsage(
        tuple(functions),
        viewers,
        tuple(_assumed_balancer(name, share if in_front else 0.0) for name in balancers),
        CallerUsage(metered),
        f"{amount_text(requests)} requests a month, as nothing has run",
        _ASSUMPTIONS,
    )


_ASSUMPTIONS: Final = (
    f"each invocation takes {ASSUMED_MS} ms, each answer {ASSUMED_BYTES:,} bytes",
    "each request takes the default behavior or rule, over HTTPS, and no cache answers it; routes "
    "of an HTTP API take as many each",
    "front doors share the requests; behind a distribution a load balancer counts its hours alone",
)


def _assumed(name: str, requests: float, *, at_edge: bool = False) -> FunctionUsage:
    milliseconds = requests * ASSUMED_MS
    return FunctionUsage(
        name=name, memory_mb=0, requests=requests, billed_ms=milliseconds, at_edge=at_edge
    )


def _assumed_balancer(name: str, requests: float) -> BalancerUsage:
    return BalancerUsage(
        name=name,
        hours=HOURS,
        new_connections=requests,
        active_connections=requests * ASSUMED_MS / 1000 / _SECONDS,
        ip_bytes=requests * ASSUMED_BYTES,
    )


def _default_targets(config: Config, balancer: str) -> list[str]:
    """The functions that the default rule of a load balancer's first listener forwards to."""
    for door in config.listeners:
        action = door.listener.default.action
        if door.name == balancer and isinstance(action, Forward):
            groups = [group for group, _ in action.target_groups]
            return [
                group.function.name
                for group in groups
                if isinstance(group, LambdaTargetGroup) and group.function is not None
            ]
    return []


def _scaled(usage: FunctionUsage, factor: float) -> FunctionUsage:
    requests, billed = usage.requests * factor, usage.billed_ms * factor
    return replace(usage, requests=requests, billed_ms=billed)


def _as_configured(config: Config, usage: FunctionUsage) -> FunctionUsage:
    """`usage` with what the configuration says of its function."""
    deployed = config.functions.get(usage.name)
    if deployed is None:
        return usage
    latest = deployed.latest
    return replace(
        usage,
        memory_mb=usage.memory_mb or latest.memory_mb,
        storage_mb=latest.ephemeral_storage_mb,
        architecture=latest.architecture,
    )


def provisioned_of(config: Config) -> list[ProvisionedUsage]:
    """What functions keep ready, all month long."""
    kept: list[ProvisionedUsage] = []
    for name, deployed in config.functions.items():
        for qualifier, count in deployed.provisioned.items():
            version = deployed.version(deployed.provisioned_version(qualifier)) or deployed.latest
            memory, architecture = version.memory_mb, version.architecture
            kept.append(
                ProvisionedUsage(f"{name}:{qualifier}", count, memory, _SECONDS, architecture)
            )
    return kept


def month_charges(config: Config, month: MonthUsage) -> list[Charge]:
    """All charges of a month; load balancers that nobody called cost their hours too."""
    functions = [_as_configured(config, usage) for usage in month.functions]
    idle = dict.fromkeys(door.name for door in config.listeners)
    for usage in month.balancers:
        idle.pop(usage.name, None)
    balancers = [*month.balancers, *(BalancerUsage(name=name, hours=HOURS) for name in idle)]
    return [
        *lambda_charges(functions, provisioned_of(config)),
        *distribution_charges(month.viewers),
        *caller_charges(month.callers),
        *_pollers(config),
        *(charge for usage in balancers for charge in balancer_charges(usage)),
    ]


def _pollers(config: Config) -> list[Charge]:
    """Of the mappings that keep pollers, all month long."""
    return [
        poller_charges(mapping.source, mapping.minimum_pollers, HOURS)
        for mapping in config.event_sources
        if mapping.minimum_pollers
    ]


def cost_record(config: Config, month: MonthUsage) -> Mapping[str, object]:
    """The estimate as plain values, fit for JSON; amounts in USD."""
    charges = month_charges(config, month)
    return {
        "prices_of": PRICES_OF,
        "region": "us-east-1",
        "currency": "USD",
        "basis": month.basis,
        "assumptions": list(month.assumptions),
        "charges": [asdict(charge) for charge in charges],
        "total": sum(charge.amount for charge in charges),
    }


def _time_text(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"
