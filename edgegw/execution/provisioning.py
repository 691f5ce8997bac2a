"""Provisioned concurrency: environments initialised ahead of any invocation, in the background."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from edgegw.awslambda.model import FunctionRef
from edgegw.background import Background
from edgegw.execution.admission import Admission
from edgegw.execution.in_process import Handler
from edgegw.execution.routing import InvocationRoutes
from edgegw.execution.snapshots import Snapshots

logger = logging.getLogger(__name__)


class Provisioning:
    """Has as many environments ready as versions and aliases ask for."""

    def __init__(
        self,
        snapshots: Snapshots,
        routes: InvocationRoutes,
        admission: Admission,
        handlers: Mapping[str, Handler],
    ) -> None:
        self._snapshots = snapshots
        self._routes = routes
        self._admission = admission
        self._handlers = handlers
        self._starting = Background()

    def provision(self, name: str, qualifier: str) -> None:
        """Starts what is provisioned for a version or alias, in the background."""
        self._starting.start(self._provision(name, qualifier))

    def provision_all(self, names: Iterable[str]) -> None:
        """Starts what is provisioned for functions, as far as they are still there."""
        functions = self._snapshots.functions
        for name in names:
            for qualifier in functions[name].provisioned if name in functions else ():
                self.provision(name, qualifier)

    async def _provision(self, name: str, qualifier: str) -> None:
        deployed = self._snapshots.functions[name]
        version = deployed.provisioned_version(qualifier)
        if deployed.version(version) is None or name in self._handlers:
            return
        ref = FunctionRef(name, qualifier=version)
        self._routes.find(self._snapshots.current, ref)
        pool = self._snapshots.current.pools[ref.deployed_name, version]
        await pool.provision(deployed.provisioned.get(qualifier, 0))
        failure = pool.provisioning_failure
        if failure is not None:
            text = "provisioned concurrency of %s:%s failed: %s"
            logger.warning(text, name, qualifier, failure.message)
        self._snapshots.current.routes.clear()
        self._admission.recount(self._snapshots.current)

    async def settled(self) -> None:
        """Waits until what was started is initialised, or has failed."""
        await self._starting.settled()

    async def cancel(self) -> None:
        """Gives up what is not initialised yet."""
        await self._starting.cancel()
