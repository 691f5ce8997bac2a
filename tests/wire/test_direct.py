"""A coroutine that goes on within the call that brings what it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from edgegw.wire.direct import DirectRun, Outstanding, in_task, runs_here


def run(coroutine: Coroutine[Any, Any, None]) -> DirectRun:
    direct = DirectRun(coroutine, asyncio.get_running_loop())
    direct.start()
    return direct


async def collect(outstanding: Outstanding[int], seen: list[object]) -> None:
    try:
        seen.append(await outstanding)
    except ValueError as error:
        seen.append(error)
    except asyncio.CancelledError:
        seen.append("cancelled")
        raise


async def test_it_goes_on_within_the_call_that_gives() -> None:
    outstanding, seen = Outstanding[int](), list[object]()
    run(collect(outstanding, seen))
    assert seen == []
    outstanding.give(1)
    assert seen == [1]


async def test_what_fails_is_raised_within_the_call() -> None:
    outstanding, seen, error = Outstanding[int](), list[object](), ValueError()
    run(collect(outstanding, seen))
    outstanding.fail(error)
    assert seen == [error]


async def test_only_the_first_outcome_counts() -> None:
    outstanding, seen = Outstanding[int](), list[object]()
    run(collect(outstanding, seen))
    outstanding.give(1)
    outstanding.give(2)
    outstanding.fail(ValueError())
    assert seen == [1]


async def test_what_is_there_already_is_not_waited_for() -> None:
    outstanding, seen = Outstanding[int](), list[object]()
    outstanding.give(1)
    run(collect(outstanding, seen))
    assert seen == [1]


async def test_a_task_waits_as_for_a_future() -> None:
    outstanding, seen = Outstanding[int](), list[object]()
    task = asyncio.ensure_future(collect(outstanding, seen))
    await asyncio.sleep(0)
    outstanding.give(1)
    assert seen == []
    await task
    assert seen == [1]


async def test_a_cancelled_task_waits_for_nothing_any_more() -> None:
    outstanding, seen = Outstanding[int](), list[object]()
    task = asyncio.ensure_future(collect(outstanding, seen))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert outstanding.is_done
    outstanding.give(1)
    assert seen == ["cancelled"]


async def test_cancelled_it_forgets_at_once_and_ends_a_turn_later() -> None:
    outstanding, seen = Outstanding[int](), list[object]()
    direct = run(collect(outstanding, seen))
    assert direct.cancel()
    assert outstanding.is_done
    outstanding.give(1)
    assert seen == []
    await asyncio.sleep(0)
    assert seen == ["cancelled"]
    assert not direct.cancel()


async def test_a_cancellation_may_be_taken_back() -> None:
    first, second, seen = Outstanding[int](), Outstanding[int](), list[object]()

    async def stubborn() -> None:
        try:
            await first
        except asyncio.CancelledError:
            here = runs_here()
            assert here is not None
            seen.append(here.uncancel())
        seen.append(await second)

    run(stubborn()).cancel()
    await asyncio.sleep(0)
    second.give(2)
    assert seen == [0, 2]


async def test_cancelled_while_it_runs_it_ends_where_it_waits_next() -> None:
    outstanding, seen = Outstanding[int](), list[object]()

    async def suicidal() -> None:
        here = runs_here()
        assert here is not None
        here.cancel()
        await collect(outstanding, seen)

    run(suicidal())
    assert seen == []
    await asyncio.sleep(0)
    assert seen == ["cancelled"]


async def test_who_needs_a_task_gets_one_and_keeps_it() -> None:
    outstanding, seen = Outstanding[int](), list[object]()

    async def needy() -> None:
        seen.append(asyncio.current_task())
        await in_task()
        async with asyncio.timeout(10):
            seen.append(asyncio.current_task() is runs_here())
            await collect(outstanding, seen)

    run(needy())
    await asyncio.sleep(0)
    outstanding.give(1)
    await asyncio.sleep(0)
    assert seen == [asyncio.current_task(), True, 1]


async def test_whatever_else_is_waited_for_is_waited_for_in_a_task() -> None:
    outstanding, seen = Outstanding[int](), list[object]()
    future = asyncio.get_running_loop().create_future()

    async def sleepy() -> None:
        await asyncio.sleep(0)
        seen.append(await future)
        await collect(outstanding, seen)

    direct = run(sleepy())
    await asyncio.sleep(0)
    future.set_result(7)
    for _ in range(3):
        await asyncio.sleep(0)
    assert seen == [7]
    direct.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert seen == [7, "cancelled"]


async def test_cancelled_on_its_way_into_a_task_it_still_cleans_up() -> None:
    seen = list[object]()

    async def careful() -> None:
        try:
            await in_task()
            seen.append("in a task")
        finally:
            seen.append("clean")

    run(careful()).cancel()
    await asyncio.sleep(0)
    assert seen == ["clean"]


async def test_in_task_costs_a_task_nothing() -> None:
    turns: list[int] = []
    asyncio.get_running_loop().call_soon(turns.append, 1)
    await in_task()
    assert turns == []


async def test_a_run_within_a_run_knows_itself() -> None:
    outer, inner, seen = Outstanding[int](), Outstanding[int](), list[object]()

    async def first() -> None:
        seen.append(await outer)
        inner.give(2)
        seen.append(runs_here())

    one = run(first())
    run(collect(inner, seen))
    outer.give(1)
    assert seen == [1, 2, one]


async def test_a_fault_is_told_to_the_event_loop() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    async def broken() -> None:
        raise ValueError

    run(broken())
    assert [type(context["exception"]) for context in told] == [ValueError]
