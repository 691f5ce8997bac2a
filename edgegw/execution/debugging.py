"""Functions that wait for a debugger: one environment each, at a port, and no time-out."""

from __future__ import annotations

import asyncio
from typing import Final

from edgegw.awslambda.model import FunctionRef
from edgegw.errors import UsageError
from edgegw.execution.environment_maker import EnvironmentMaker
from edgegw.execution.routing import InvocationRoutes
from edgegw.execution.snapshots import PoolKey, Snapshots

_DEBUG_WAIT: Final = 0.05
"""Seconds between two looks whether the environment before has let go of a debugger's port."""


class Debugging:
    """Knows what is debugged, and has it wait for its debugger before anybody invokes it."""

    def __init__(
        self, maker: EnvironmentMaker, snapshots: Snapshots, routes: InvocationRoutes
    ) -> None:
        self._maker = maker
        self._snapshots = snapshots
        self._routes = routes
        self._debugged: dict[PoolKey, FunctionRef] = {}
        self._opening: asyncio.TimerHandle | None = None

    def debug(self, ref: FunctionRef, port: int) -> None:
        """Has what `ref` runs wait for a debugger at `port`: one environment, no time-out.

        Raises UsageError when there is no such function, or no debugger for its runtime.
        """
        deployed = self._snapshots.functions.get(ref.name)
        targets = deployed.targets(ref) if deployed is not None else ()
        if deployed is None or not targets:
            raise UsageError(f"there is no function {ref.name!r} to debug")
        if deployed.latest.runtime.language == "provided":
            raise UsageError(f"{ref.name} has a runtime of its own, there is no debugger for it")
        key = (ref.deployed_name, targets[0][0])
        self._debugged[key] = ref
        self._maker.debug_ports[key] = port

    def start(self) -> None:
        """Starts what is debugged, once what it replaces is gone: the port is the same."""
        for key, ref in self._debugged.items():
            if ref.name in self._snapshots.functions:
                self._routes.find(self._snapshots.current, ref)
                pool = self._snapshots.current.pools[key]
                if self._is_port_in_use():
                    loop = asyncio.get_running_loop()
                    self._opening = loop.call_later(_DEBUG_WAIT, self.start)
                    return
                pool.start_one()

    def _is_port_in_use(self) -> bool:
        """Whether something that was debugged and replaced has not ended yet."""
        return any(pool.is_debugged and not pool.is_empty for pool in self._snapshots.replaced)

    def stop(self) -> None:
        """Starts nothing any more."""
        if self._opening is not None:
            self._opening.cancel()
