"""What functions need before anything of theirs can run: a runtime, and code that loads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edgegw.awslambda.lifecycle import ErrorObject
from edgegw.awslambda.model import Function, FunctionRef
from edgegw.awslambda.versions import Deployed
from edgegw.errors import EnvironmentProblem
from edgegw.execution.environment_maker import EnvironmentMaker
from edgegw.execution.in_process import Handler
from edgegw.execution.snapshots import Snapshots


class Readiness:
    """Whether functions can run here. What is among `handlers` needs nothing.

    With `may_lack` a missing runtime is a matter of the invocations that need it.
    """

    def __init__(
        self,
        maker: EnvironmentMaker,
        snapshots: Snapshots,
        handlers: Mapping[str, Handler],
        *,
        may_lack: bool,
    ) -> None:
        self._maker = maker
        self._snapshots = snapshots
        self._handlers = handlers
        self._may_lack = may_lack

    async def start(self, functions: Iterable[Deployed], *, ahead: bool = True) -> None:
        """Finds the runtimes of all versions and starts what they need `ahead` of invocations.

        Raises EnvironmentProblem for a missing runtime, unless those may lack.
        """
        for deployed in functions:
            for function in (deployed.latest, *deployed.versions.values()):
                await self._start_spawner(function, ahead=ahead)

    async def _start_spawner(self, function: Function, *, ahead: bool) -> None:
        if function.name in self._handlers:
            return
        spawner = self._maker.spawner(function)
        if isinstance(spawner, EnvironmentProblem):
            if not self._may_lack:
                raise spawner
        elif ahead:
            await spawner.start()

    def missing(self) -> list[tuple[str, EnvironmentProblem]]:
        """Functions whose runtime this machine lacks, with the reason."""
        problems: list[tuple[str, EnvironmentProblem]] = []
        for name, deployed in self._snapshots.functions.items():
            spawner = None if name in self._handlers else self._maker.spawner(deployed.latest)
            if isinstance(spawner, EnvironmentProblem):
                problems.append((name, spawner))
        return problems

    def runtime_found(self, function: Function) -> str:
        """What runs a function here, for people."""
        if function.name in self._handlers:
            return "a callable in this process"
        spawner = self._maker.spawner(function)
        return str(spawner) if isinstance(spawner, EnvironmentProblem) else spawner.description

    async def try_loading(self, ref: FunctionRef) -> ErrorObject | None:
        """Loads the code of a function in an environment of its own: None, or why that fails."""
        deployed = self._snapshots.functions.get(ref.name)
        if deployed is None or ref.name in self._handlers:
            return None
        environment = self._maker.make(deployed.latest, ref.deployed_name, False)  # noqa: FBT003
        try:
            return await environment.init()
        finally:
            await environment.shut_down()
