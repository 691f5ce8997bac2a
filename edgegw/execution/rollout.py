"""How functions are replaced while requests run: new ones are warm before they take over.

prepare ─▶ environments of the new versions, beside the old ones; nothing has changed so far
commit  ─▶ the snapshot that requests get from now on; what it replaces is drained
change  ─▶ the same in one step, for what nobody waits for: the next invocation starts cold
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping

from edgegw.awslambda.lifecycle import ErrorObject
from edgegw.awslambda.versions import Deployed
from edgegw.background import together
from edgegw.execution.admission import Admission
from edgegw.execution.environment_maker import EnvironmentMaker, ServiceSettings
from edgegw.execution.pool import Pool
from edgegw.execution.pool_maker import PoolMaker
from edgegw.execution.readiness import Readiness
from edgegw.execution.snapshots import PoolKey, Snapshots
from edgegw.values import value


@value
class Replacement:
    """Functions that are ready to take over, with pools that are warm; `commit` puts them in place.

    `failures` tells of functions whose new version cannot be initialised.
    """

    functions: Mapping[str, Deployed]
    pools: Mapping[PoolKey, Pool]
    failures: Mapping[str, ErrorObject]
    touched: frozenset[str]


class Rollout:
    """Replaces the functions in `snapshots`."""

    def __init__(
        self,
        maker: EnvironmentMaker,
        snapshots: Snapshots,
        pool_maker: PoolMaker,
        admission: Admission,
        readiness: Readiness,
    ) -> None:
        self._maker = maker
        self._snapshots = snapshots
        self._pool_maker = pool_maker
        self._admission = admission
        self._readiness = readiness

    def configure(self, settings: ServiceSettings) -> bool:
        """Changes what holds for all functions; whether that was a change.

        Environments that run already keep the old settings until they are replaced.
        """
        changed = settings != self._maker.settings
        self._maker.settings = settings
        self._admission.hold_to(settings.account.concurrency)
        return changed

    def change(self, deployed: Deployed) -> None:
        """Puts a function in the place of the one with its name, or adds it.

        Environments of versions that changed are drained: they finish what they do and end, new
        invocations get new ones, none fails.
        """
        self._replace({**self._snapshots.functions, deployed.name: deployed}, {})

    async def prepare(
        self, functions: Mapping[str, Deployed] | None = None, touched: Collection[str] = ()
    ) -> Replacement:
        """Gets ready for new `functions`, or for new code of the `touched` ones.

        Functions whose environments are warm get new ones beside them, initialised; what cannot be
        initialised is among the failures and keeps its old version. Canceled, nothing has changed.
        Raises SupersededError when code changes meanwhile.
        """
        current = self._snapshots.functions
        wanted = dict(current if functions is None else functions)
        for name in touched:
            if name in wanted:
                self._maker.packages.forget(wanted[name])
        fresh = self._fresh_pools(wanted, touched)
        await self._readiness.start(
            deployed for deployed in wanted.values() if deployed is not current.get(deployed.name)
        )
        failures = await self._warm(fresh)
        return Replacement(
            functions=wanted,
            pools={key: pool for key, pool in fresh.items() if pool.function.name not in failures},
            failures=failures,
            touched=frozenset(touched),
        )

    def _fresh_pools(
        self, wanted: Mapping[str, Deployed], touched: Collection[str]
    ) -> dict[PoolKey, Pool]:
        """Pools for what is in use and will be another version or other code."""
        fresh: dict[PoolKey, Pool] = {}
        for key, pool in self._snapshots.current.pools.items():
            function = self._pool_maker.wanted(wanted, key)
            changed = function != pool.function or pool.function.name in touched
            if function is not None and changed and not (pool.is_unused or pool.is_debugged):
                fresh[key] = self._pool_maker.make(function, key[0])
        return fresh

    async def _warm(self, fresh: Mapping[PoolKey, Pool]) -> dict[str, ErrorObject]:
        """Initialises pools as those they replace; answers which functions fail, and closes them.

        When it raises, all are closed.
        """
        current = self._snapshots.current.pools
        try:
            results = await together(pool.warm(current[key]) for key, pool in fresh.items())
        except BaseException:
            await _close(fresh.values())
            raise
        failures: dict[str, ErrorObject] = {}
        for pool, failure in zip(fresh.values(), results, strict=True):
            if failure is not None:
                failures.setdefault(pool.function.name, failure)
        await _close(pool for pool in fresh.values() if pool.function.name in failures)
        return failures

    def commit(self, replacement: Replacement) -> None:
        """Makes what was prepared current, at once for everything in it."""
        functions = dict(replacement.functions)
        fresh = dict(replacement.pools)
        for name in replacement.failures:
            functions[name] = self._snapshots.functions[name]
        for key, pool in self._snapshots.current.pools.items():
            name = pool.function.name
            if name in replacement.failures:
                pool.is_frozen = True  # the code on disk is not what it runs
            elif name in replacement.touched and key not in fresh:
                function = self._pool_maker.wanted(functions, key)
                if function is not None:
                    fresh[key] = self._pool_maker.make(function, key[0])
        self._replace(functions, fresh)

    def _replace(self, functions: Mapping[str, Deployed], fresh: Mapping[PoolKey, Pool]) -> None:
        """Makes `functions` current; `fresh` pools take the places of those that run old code."""
        pools: dict[PoolKey, Pool] = {}
        leaving: list[Pool] = []
        for key, pool in self._snapshots.current.pools.items():
            wanted = self._pool_maker.wanted(functions, key)
            if key in fresh or wanted != pool.function:
                leaving.append(pool)
            else:
                pools[key] = pool
        pools.update(fresh)
        for pool in pools.values():
            self._pool_maker.tune(pool, functions[pool.function.name])
        self._snapshots.replace(functions, pools, leaving)
        self._admission.recount(self._snapshots.current)


async def _close(pools: Iterable[Pool]) -> None:
    await asyncio.gather(*(pool.close() for pool in pools))
