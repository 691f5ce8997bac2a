"""Where a reference to a function leads, in one snapshot; found once and kept there."""

from __future__ import annotations

from collections.abc import Mapping

from edgegw.awslambda.lambda_api import function_not_found
from edgegw.awslambda.model import Function, FunctionRef, InvokeRefusal
from edgegw.awslambda.names import Account
from edgegw.awslambda.versions import Deployed
from edgegw.execution.admission import Admission
from edgegw.execution.environment_maker import EnvironmentMaker
from edgegw.execution.in_process import Handler
from edgegw.execution.pool import Pool
from edgegw.execution.pool_maker import PoolMaker
from edgegw.execution.snapshots import InvocationRoute, PoolKey, Snapshot, Snapshots


class InvocationRoutes:
    """Finds routes, and makes the pools at their ends."""

    def __init__(
        self,
        maker: EnvironmentMaker,
        snapshots: Snapshots,
        pool_maker: PoolMaker,
        admission: Admission,
        handlers: Mapping[str, Handler],
    ) -> None:
        self._maker = maker
        self._snapshots = snapshots
        self._pool_maker = pool_maker
        self._admission = admission
        self._handlers = handlers

    def find(self, snapshot: Snapshot, ref: FunctionRef) -> InvocationRoute | InvokeRefusal:
        """The route of `ref`, which `snapshot` keeps; a refusal where there is no such function."""
        account = self._maker.settings.account
        deployed = snapshot.functions.get(ref.name)
        targets = deployed.targets(ref) if deployed is not None else ()
        if deployed is None or not targets:
            error = function_not_found(account, ref)
            return InvokeRefusal(error.code, error.message or "")
        name = ref.deployed_name
        pools = {version: self._pool(snapshot, deployed, ref, version) for version, _ in targets}
        versions = self._admission.limited(pools, name, deployed, self._snapshots.functions)
        route = InvocationRoute(
            deployed=deployed,
            targets=targets,
            versions=versions,
            sole=versions[targets[0][0]] if len(targets) == 1 else None,
            arn=_arn(account, ref, targets[0][0]),
            handler=self._handlers.get(ref.name),
        )
        snapshot.routes[ref] = route
        return route

    def _pool(self, snapshot: Snapshot, deployed: Deployed, ref: FunctionRef, version: str) -> Pool:
        key = (ref.deployed_name, version)
        pool = snapshot.pools.get(key)
        if pool is None:
            function = self._pool_maker.version(deployed, *key)
            assert function is not None  # `targets` found it
            pool = snapshot.pools[key] = self._new_pool(snapshot, deployed, key, function)
        return pool

    def _new_pool(
        self, snapshot: Snapshot, deployed: Deployed, key: PoolKey, function: Function
    ) -> Pool:
        """The current snapshot's pool, where it runs the same; else one that ends with `snapshot`.

        A request that began before a change may be the first to invoke a function.
        """
        current = self._snapshots.current
        pool = current.pools.get(key)
        if pool is not None and pool.function == function:
            return pool
        pool = self._pool_maker.make(function, key[0])
        if self._pool_maker.wanted(current.functions, key) == function:
            current.pools[key] = pool
            deployed = current.functions[function.name]
        else:
            snapshot.leaving.append(pool)
        self._pool_maker.tune(pool, deployed)
        return pool


def _arn(account: Account, ref: FunctionRef, version: str) -> str:
    """The ARN as it was called; at the edge that names the version."""
    return account.arn(ref.deployed_name, ref.qualifier or (version if ref.at_edge else ""))
