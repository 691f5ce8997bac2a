"""Whether one more invocation may run now, and how many are in flight.

The rules are those of `awslambda.concurrency` and `awslambda.permissions`; here are the numbers
that they ask for. An invocation is counted from `admit` to `release`, three times:

    pool.in_flight           those of its version
    load.on_demand           those of its function, beyond what is provisioned
    _unreserved_in_flight    those of all functions without reservation, beyond what is provisioned

The last two follow from the first, but adding them up would take a walk over all pools for every
invocation. When limits or provisioned concurrency move, `recount` does that walk.
"""

from __future__ import annotations

from collections.abc import Mapping

from edgegw.awslambda.concurrency import ConcurrencyLimits, RequestRate, throttle_reason
from edgegw.awslambda.lambda_api import payload_too_large
from edgegw.awslambda.lifecycle import MAX_PAYLOAD
from edgegw.awslambda.model import Invocation, InvokeRefusal, Throttled
from edgegw.awslambda.permissions import access_denied, is_allowed
from edgegw.awslambda.versions import Deployed
from edgegw.execution.pool import Pool
from edgegw.execution.snapshots import InvocationRoute, Load, RoutedVersion, Snapshot


class Admission:
    """Holds the functions of an account to its `concurrency` and to their own."""

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._account_rate = RequestRate(concurrency)
        self._loads: dict[str, Load] = {}
        self._unreserved_in_flight = 0

    def hold_to(self, concurrency: int) -> None:
        """The account has this concurrency from now on."""
        self._concurrency = concurrency
        self._account_rate = RequestRate(concurrency)

    # Limits

    def unreserved(self, functions: Mapping[str, Deployed]) -> int:
        """The concurrency that reservations of `functions` leave to the others."""
        return self._concurrency - sum(deployed.reserved or 0 for deployed in functions.values())

    def _on_demand_limit(self, functions: Mapping[str, Deployed]) -> int:
        """What is left to on-demand invocations of functions without reservation."""
        provisioned = sum(
            sum(deployed.provisioned.values())
            for deployed in functions.values()
            if deployed.reserved is None
        )
        return self.unreserved(functions) - provisioned

    def limited(
        self,
        pools: Mapping[str, Pool],
        name: str,
        deployed: Deployed,
        functions: Mapping[str, Deployed],
    ) -> dict[str, RoutedVersion]:
        """What the pools of `deployed`, by version, are held to; `name` is its deployed name.

        `functions` are those that it shares the account with.
        """
        load = self._loads.setdefault(name, Load())
        unreserved = self._on_demand_limit(functions)
        total = sum(deployed.provisioned.values())
        reserved = deployed.reserved
        return {
            version: RoutedVersion(
                pool, load, ConcurrencyLimits(reserved, unreserved, pool.provisioned, total)
            )
            for version, pool in pools.items()
        }

    # In flight

    def admit(self, routed: RoutedVersion, now: float) -> Throttled | None:
        """Counts one more invocation, or says why it may not run; `now` is monotonic."""
        pool, load, limits = routed.pool, routed.load, routed.limits
        reserved = limits.reserved
        unreserved = self._unreserved_in_flight
        reason = throttle_reason(limits, pool.in_flight, load.on_demand, unreserved)
        if reason is not None:
            return self._too_many(reason, reserved, load)
        rate = self._account_rate if reserved is None else load.rate
        if rate is None:
            rate = load.rate = RequestRate(reserved or 0)
        if not rate.takes(now):
            return _too_fast(rate, reserved)
        if pool.in_flight >= pool.provisioned:
            load.on_demand += 1
            if reserved is None:
                self._unreserved_in_flight = unreserved + 1
        pool.in_flight += 1
        return None

    def release(self, routed: RoutedVersion) -> None:
        """An invocation that was admitted is over."""
        pool, load = routed.pool, routed.load
        pool.in_flight -= 1
        if pool.in_flight >= pool.provisioned:
            if load.on_demand:
                load.on_demand -= 1
            if routed.limits.reserved is None and self._unreserved_in_flight:
                self._unreserved_in_flight -= 1

    def recount(self, snapshot: Snapshot) -> None:
        """Counts what is in flight anew: limits and provisioned concurrency have moved."""
        for load in self._loads.values():
            load.on_demand, load.rate = 0, None
        self._unreserved_in_flight = 0
        for (name, _), pool in snapshot.pools.items():
            beyond = max(0, pool.in_flight - pool.provisioned)
            self._loads.setdefault(name, Load()).on_demand += beyond
            if snapshot.functions[pool.function.name].reserved is None:
                self._unreserved_in_flight += beyond

    def _too_many(self, reason: str, reserved: int | None, load: Load) -> Throttled:
        limit = reserved if reserved is not None else self._concurrency
        counted = load.on_demand if reserved is not None else self._unreserved_in_flight
        whose = "reserved" if reserved is not None else "the account's"
        detail = f"{counted} invocations in flight, {whose} concurrency {limit}"
        return Throttled(reason, detail)


def _too_fast(rate: RequestRate, reserved: int | None) -> Throttled:
    reason = "FunctionInvocationRateLimitExceeded"
    if reserved is not None:
        reason = f"Reserved{reason}"
    return Throttled(reason, f"more than 10 x {rate.limit} requests in a second")


def refusal(route: InvocationRoute, invocation: Invocation) -> InvokeRefusal | None:
    """Why the service does not take the call at all: the caller may not, or sends too much."""
    if not is_allowed(route.deployed.policy, invocation):
        return access_denied(invocation, route.arn, route.deployed.policy)
    if len(invocation.payload) > MAX_PAYLOAD:
        error = payload_too_large()
        return InvokeRefusal(error.code, error.message or "")
    return None
