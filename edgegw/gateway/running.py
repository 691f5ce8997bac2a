"""Who uses what a gateway runs: the parts of each event loop, from the first use to the last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from edgegw.awslambda.shifting import Shift
from edgegw.errors import UsageError
from edgegw.gateway.blocking_loop import without_loop
from edgegw.gateway.loop_parts import LoopParts


class Running:
    """The parts of a gateway by event loop; `make` makes those of another one.

    `pinned` are those of the only loop there is, once somebody promised that (`pin`).
    """

    def __init__(self, make: Callable[[], LoopParts]) -> None:
        self.pinned: LoopParts | None = None
        self._make = make
        self._parts: dict[asyncio.AbstractEventLoop, LoopParts] = {}

    def here(self) -> LoopParts:
        """The parts of the running event loop. Raises UsageError where none runs."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise UsageError(without_loop()) from None
        parts = self._parts.get(loop)
        if parts is None:
            parts = self._parts[loop] = self._make()
        return parts

    def left_here(self) -> LoopParts | None:
        """The parts of the running event loop; None once everything there has ended."""
        return self._parts.get(asyncio.get_running_loop())

    def everywhere(self) -> list[LoopParts]:
        """The parts of all event loops."""
        return list(self._parts.values())

    def left_out(self) -> list[tuple[str, str]]:
        """Functions that cannot run here and why, where those that cannot are left out."""
        return [
            (name, str(problem))
            for parts in self.everywhere()
            for name, problem in parts.service.missing()
        ]

    async def enter(self, shifts: Iterable[Shift], *, ahead: bool) -> None:
        """One more user on the running event loop; the first one starts what has to be ready.

        Raises EnvironmentProblem when a runtime is missing.
        """
        parts = self.here()
        parts.users += 1
        if not parts.is_started:
            parts.is_started = True
            parts.caching.start()
            try:
                await parts.start(shifts, ahead=ahead)
            except BaseException:
                await self.leave()
                raise

    async def leave(self) -> None:
        """One user less on the running event loop; with the last one everything there ends."""
        loop = asyncio.get_running_loop()
        parts = self._parts.get(loop)
        if parts is None:
            return
        parts.users -= 1
        if parts.users <= 0:
            del self._parts[loop]
            self.pinned = None
            await parts.close()

    def pin(self) -> None:
        """Promises that one event loop, the running one, is the only one until all has ended.

        Asking for the running loop costs a system call on Python 3.11.
        """
        self.pinned = self.here()
