"""Time that a test lets pass: what a front door allows is counted in minutes, and waited for in none.

With the machine's clock a test of "it may take a while, but not for ever" has to choose allowances
of some tenths of a second, and a busy machine takes longer than that over nothing.
"""

from __future__ import annotations

import asyncio


class LoopTime:
    """The time of the running event loop, with what the test has put it forward by."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._ahead = 0.0
        real = loop.time
        loop.time = lambda: real() + self._ahead  # type: ignore[method-assign]

    async def forward(self, seconds: float) -> None:
        """So much later, in ten steps: what is due has happened, what was sent has arrived."""
        await asyncio.sleep(0.01)
        for _ in range(10):
            self._ahead += seconds / 10
            await asyncio.sleep(0.002)
