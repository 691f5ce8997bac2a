"""Makes pools: which version runs under a deployed name, with which limits, from which code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from edgegw.awslambda.edge import replica
from edgegw.awslambda.model import EDGE_PREFIX, Function
from edgegw.awslambda.versions import Deployed
from edgegw.execution.environment import Environment
from edgegw.execution.environment_maker import EnvironmentMaker
from edgegw.execution.housekeeping import Housekeeping
from edgegw.execution.pool import CodeStamp, Pool
from edgegw.execution.snapshots import PoolKey, Snapshots

_NO_TIMEOUT: Final = 24 * 3600.0


class PoolMaker:
    """Makes pools of `maker`'s environments; `housekeeping` recycles what they start."""

    def __init__(
        self, maker: EnvironmentMaker, snapshots: Snapshots, housekeeping: Housekeeping
    ) -> None:
        self._maker = maker
        self._snapshots = snapshots
        self._housekeeping = housekeeping
        self._code_stamp: Callable[[str], CodeStamp] = _unknown_state

    def watch_code(self, stamp: Callable[[str], CodeStamp] | None) -> None:
        """Has `stamp` tell the state of a function's code on disk from now on; None: nobody does.

        Whoever watches the files says so when that begins, when other paths count, and when it
        ends; pools may be older than that.
        """
        self._code_stamp = stamp or _unknown_state
        for pool in self._snapshots.all_pools:
            pool.note_watched()

    def version(self, deployed: Deployed, name: str, version: str) -> Function | None:
        """A version as it runs under the deployed name `name`: at the edge, its replica."""
        function = deployed.version(version)
        if function is not None and name.startswith(EDGE_PREFIX) and self._maker.settings.strict:
            function = replica(function)
        if function is not None and (name, version) in self._maker.debug_ports:
            function = replace(function, timeout=_NO_TIMEOUT)
        return function

    def wanted(self, functions: Mapping[str, Deployed], key: PoolKey) -> Function | None:
        """The version that the pool `key` should run; None when there is none any more."""
        deployed = functions.get(key[0].removeprefix(EDGE_PREFIX))
        return None if deployed is None else self.version(deployed, *key)

    def make(self, function: Function, name: str) -> Pool:
        """A pool without environments, of a function with the deployed name `name`."""
        return Pool(
            function,
            lambda provisioned: self._environment(function, name, provisioned),
            self._maker.settings.account.concurrency,
            stamp=lambda: self._code_stamp(function.name),
            is_debugged=(name, function.version) in self._maker.debug_ports,
        )

    def tune(self, pool: Pool, deployed: Deployed) -> None:
        """Gives a pool the limits of its function."""
        limit = self._maker.settings.account.concurrency
        if deployed.reserved is not None:
            limit = deployed.reserved
        pool.limit = 1 if pool.is_debugged else max(1, limit)

    def _environment(self, function: Function, name: str, provisioned: bool) -> Environment:  # noqa: FBT001
        self._housekeeping.recycle_later()
        return self._maker.make(function, name, provisioned)


def _unknown_state(_name: str) -> CodeStamp:
    """The state of a function's code where nobody watches the files."""
    return {}
