"""Time that passes faster, and time that a test moves."""

from __future__ import annotations

import asyncio

from edgegw.execution.clock import ScaledClock


def test_a_scale_shortens_waits_and_ages() -> None:
    clock = ScaledClock(lambda: 1000.0, scale=60)
    assert clock.real(120) == 2.0
    assert clock.age(990.0) == 600.0
    assert clock.age(1001.0) == 0.0, "a clock that was put back makes nothing younger than new"


async def test_a_wait_ends_when_a_test_moves_the_clock() -> None:
    instant = 1000.0
    clock = ScaledClock(lambda: instant)
    waiting = asyncio.ensure_future(clock.sleep(3600))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    instant += 3600
    await waiting


async def test_a_wait_ends_early_when_somebody_wakes_it() -> None:
    wake = asyncio.Event()
    waiting = asyncio.ensure_future(ScaledClock().sleep(3600, wake))
    await asyncio.sleep(0)
    wake.set()
    await waiting
    await ScaledClock().sleep(3600, wake)  # set already


async def test_a_scaled_wait_ends() -> None:
    await ScaledClock(scale=36_000).sleep(3600)
