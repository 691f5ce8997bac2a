"""A gateway whose functions are one callable that notes its events, and waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from edgegw.execution.in_process import Handler
from tests.conftest import PYTHON

PATIENCE = 20.0
"""Seconds after which what should happen counts as not happening."""


def function(**settings: Any) -> dict[str, Any]:
    """A function of the configuration; a callable stands in its place."""
    return {"runtime": PYTHON, "code": ".", "handler": "hooks.target", **settings}


class Noted:
    """The events that came, each with the name of the function that got it."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self._came = asyncio.Event()

    def handler(self, name: str) -> Handler:
        def handle(event: Any, _context: Any) -> None:
            self.events.append((name, event))
            self._came.set()

        return handle

    def handlers(self, *names: str) -> dict[str, Handler]:
        return {name: self.handler(name) for name in names}

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]

    async def until(self, is_enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not is_enough():
                self._came.clear()
                await self._came.wait()

    async def count(self, count: int) -> list[Any]:
        """The events once there are so many."""
        await self.until(lambda: len(self.events) >= count)
        return [event for _, event in self.events]
