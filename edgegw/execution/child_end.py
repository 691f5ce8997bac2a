"""How the processes of an environment end: at once, or after their extensions were told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from edgegw.execution.channel import Child


async def tell_extensions(child: Child, reason: str, seconds: float) -> None:
    """SHUTDOWN to the extensions, and the time until they are gone or the time is up."""
    if child.telemetry is not None:
        await child.telemetry.flush()
    child.channel.shut_down(reason, seconds)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for ended in child.extensions:
                await ended()


async def wind_down(child: Child, reason: str, close_pipes: Callable[[], None]) -> None:
    """Ends a child whose extensions have their shutdown phase first."""
    await tell_extensions(child, reason, child.channel.shutdown_time())
    end_child(child, close_pipes)


def end_child(child: Child, close_pipes: Callable[[], None]) -> None:
    """Ends a child at once."""
    child.kill()
    child.channel.close()
    close_pipes()
