"""What goes on in the background ends with its owner, and its faults are told."""

from __future__ import annotations

import asyncio
import logging

import pytest

from edgegw.background import Background, together


async def for_ever() -> None:
    await asyncio.Event().wait()


async def test_a_fault_in_the_background_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> None:
        raise ZeroDivisionError("a mistake of ours")

    background = Background()
    background.start(broken())
    await background.settled()
    (record,) = caplog.records
    assert (record.levelno, "a fault of edgegw" in record.message) == (logging.ERROR, True)
    assert "a mistake of ours" in caplog.text


async def test_canceling_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    background = Background()
    tasks = [background.start(for_ever()) for _ in range(3)]
    assert background.count == 3
    await background.cancel()
    assert all(task.cancelled() for task in tasks)
    assert not background
    assert not caplog.records


async def test_what_is_started_while_all_is_canceled_ends_too() -> None:
    background = Background()
    first = background.start(for_ever())
    first.add_done_callback(lambda _: background.start(for_ever()))
    await background.cancel()
    assert not background


async def test_settling_waits_for_what_comes_of_it() -> None:
    background, ended = Background(), list[str]()

    async def second() -> None:
        ended.append("second")

    async def first() -> None:
        background.start(second())
        ended.append("first")

    background.start(first())
    await background.settled()
    assert ended == ["first", "second"]


async def test_patience_ends_the_waiting_and_nothing_else() -> None:
    background = Background()
    task = background.start(for_ever())
    await background.settled(0.01)
    assert not task.done()
    background.interrupt()
    assert not task.done()  # that comes with the next turn of the loop
    await background.settled()
    assert task.cancelled()


async def test_patience_ends_with_what_does_not_let_itself_be_canceled() -> None:
    background, release = Background(), asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    background.start(stubborn())
    await asyncio.sleep(0)  # what has not begun can always be canceled
    await background.cancel(0.01)
    assert background
    release.set()
    await background.settled()


async def test_a_task_of_somebody_else_can_be_canceled_with_the_others() -> None:
    background = Background()

    async def call() -> None:
        with background.with_current():
            await for_ever()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(call())
        await asyncio.sleep(0)
        assert background.count == 1
        background.interrupt()
    assert task.cancelled()
    assert not background


async def test_results_come_in_the_order_of_the_works() -> None:
    async def after(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds

    assert await together([after(0.01), after(0.0)]) == [0.01, 0.0]


async def test_the_first_error_ends_the_others() -> None:
    ended = asyncio.Event()

    async def other() -> None:
        try:
            await for_ever()
        finally:
            ended.set()

    async def broken() -> None:
        raise LookupError("nothing there")

    with pytest.raises(LookupError):
        await together([other(), broken()])
    assert ended.is_set()
