"""The functions as they stand at one moment; what a request begins with it ends with.

A change makes a new snapshot: it shares every pool that the change does not touch. The pools that
were replaced are drained once no request holds an older snapshot any more, so that two triggers of
one request never run different code.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from edgegw.awslambda.concurrency import ConcurrencyLimits, RequestRate
from edgegw.awslambda.model import FunctionRef
from edgegw.awslambda.versions import Deployed
from edgegw.execution.in_process import Handler
from edgegw.execution.pool import Pool
from edgegw.values import value

PoolKey = tuple[str, str]
"""The deployed name of a function and a version."""


@dataclass(slots=True)
class Load:
    """Invocations in flight of one function, beyond what is provisioned."""

    on_demand: int = 0
    rate: RequestRate | None = None


@value
class RoutedVersion:
    """A version that a route leads to: what runs it, and what its invocations are held to."""

    pool: Pool
    load: Load
    limits: ConcurrencyLimits


@value
class InvocationRoute:
    """Where a reference leads: versions with their shares, the ARN as it was called.

    `sole` is the version where there is no choice. `handler` runs in the place of the code.
    """

    deployed: Deployed
    targets: tuple[tuple[str, float], ...]
    versions: Mapping[str, RoutedVersion]
    sole: RoutedVersion | None
    arn: str
    handler: Handler | None


@dataclass(slots=True)
class Snapshot:
    """Functions with the pools that run them. `leaving` are the pools that a later one replaced."""

    functions: dict[str, Deployed]
    pools: dict[PoolKey, Pool] = field(default_factory=dict[PoolKey, Pool])
    routes: dict[FunctionRef, InvocationRoute] = field(
        default_factory=dict[FunctionRef, InvocationRoute]
    )
    users: int = 0
    leaving: list[Pool] = field(default_factory=list[Pool])


class Snapshots:
    """The current snapshot, and those that requests under way still hold."""

    def __init__(self, functions: Mapping[str, Deployed]) -> None:
        self.current = Snapshot(dict(functions))
        self._retired: deque[Snapshot] = deque()
        self._drained: list[Pool] = []

    @property
    def functions(self) -> Mapping[str, Deployed]:
        """The functions of the account as they stand now, by name."""
        return self.current.functions

    def acquire(self) -> Snapshot:
        """The functions as they stand now, for one request; `release` gives them back."""
        snapshot = self.current
        snapshot.users += 1
        return snapshot

    def release(self, snapshot: Snapshot) -> None:
        """A request that acquired `snapshot` is over."""
        snapshot.users -= 1
        if not snapshot.users and self._retired:
            self._drain()

    def replace(
        self,
        functions: Mapping[str, Deployed],
        pools: Mapping[PoolKey, Pool],
        leaving: Iterable[Pool],
    ) -> None:
        """Makes `functions` and `pools` current; `leaving` ends when nobody needs it."""
        old = self.current
        self.current = Snapshot(dict(functions), dict(pools))
        old.leaving.extend(leaving)
        self._retired.append(old)
        self._drain()

    def _drain(self) -> None:
        # From the oldest: what one snapshot has replaced, an older one may still use.
        while self._retired and not self._retired[0].users:
            snapshot = self._retired.popleft()
            for pool in snapshot.leaving:
                pool.drain()
                self._drained.append(pool)
        self._drained = [pool for pool in self._drained if not pool.is_empty]

    def pools(self, name: str) -> dict[str, Pool]:
        """The pools of a function in its Region (not at the edge), by version."""
        pools = self.current.pools
        return {version: pool for (of, version), pool in pools.items() if of == name}

    def edge_pools(self, name: str) -> dict[str, Pool]:
        """The pools of a function's replica at the edge, by version."""
        return self.pools(FunctionRef(name, at_edge=True).deployed_name)

    @property
    def replaced(self) -> list[Pool]:
        """Pools of former snapshots that have not ended yet."""
        waiting = [pool for snapshot in self._retired for pool in snapshot.leaving]
        return [*waiting, *self._drained]

    @property
    def all_pools(self) -> list[Pool]:
        """The pools of the current snapshot, and those that were replaced."""
        return [*self.current.pools.values(), *self.replaced]

    def clear(self) -> None:
        """Forgets every pool; the functions stay."""
        self.current = Snapshot(dict(self.current.functions))
        self._retired.clear()
        self._drained.clear()
