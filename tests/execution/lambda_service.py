"""A Lambda service in the running event loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from edgegw.awslambda.model import Function, FunctionError, FunctionRef, Invocation, Returned
from edgegw.awslambda.versions import Deployed, single
from edgegw.execution.service import LambdaService
from edgegw.execution.snapshots import Snapshot


class Running:
    """A service with short ways to invoke; the log of a function as text lines."""

    def __init__(self, service: LambdaService) -> None:
        self.service = service

    async def invoke(
        self, name: str, event: Any = None, *, snapshot: Snapshot | None = None, **more: Any
    ) -> Any:
        name, _, qualifier = name.partition(":")
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        ref = FunctionRef(name, qualifier=qualifier)
        return await self.service.invoke(Invocation(ref, payload, **more), None, snapshot)

    async def result(self, name: str, event: Any = None, **more: Any) -> Any:
        outcome = await self.invoke(name, event, **more)
        assert isinstance(outcome, Returned), outcome
        return json.loads(outcome.payload)

    async def error(self, name: str, event: Any = None, **more: Any) -> FunctionError:
        outcome = await self.invoke(name, event, **more)
        assert isinstance(outcome, FunctionError), outcome
        return outcome

    async def begun(self, name: str, count: int) -> None:
        """Waits until so many invocations of a function have begun, all in all."""
        while sum(line.startswith("START") for line in self.log(name)) < count:
            await asyncio.sleep(0.01)

    async def lost(self, name: str, pid: int) -> None:
        """Waits until the service knows that a process of a function has ended."""
        await lost(self.service, name, pid)

    def log(self, name: str) -> list[str]:
        entries = self.service.logs.group(name).after(0)
        return [line for entry in entries for line in entry.lines()]


async def lost(service: LambdaService, name: str, pid: int) -> None:
    """Waits until `service` knows that a process of the function `name` has ended."""

    def pids() -> set[int]:
        environments = [each for pool in service.pools(name).values() for each in pool.environments]
        children = [each._process.child for each in environments]
        return {child.pid for child in children if child is not None and not child.channel.is_lost}

    while pid in pids():
        await asyncio.sleep(0.01)


@asynccontextmanager
async def running(*functions: Function | Deployed, **options: Any) -> AsyncIterator[Running]:
    deployed = [single(each) if isinstance(each, Function) else each for each in functions]
    service = LambdaService({each.name: each for each in deployed}, **options)
    try:
        await service.start()
        yield Running(service)
    finally:
        await service.close()
