"""The poller of a queue, with a queue in memory and a clock that is faster than this machine's."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegw.awslambda.model import (
    FunctionError,
    FunctionRef,
    Invocation,
    Outcome,
    Report,
    Returned,
    Throttled,
)
from edgegw.awslambda.source_mapping import EventSourceMapping
from edgegw.execution.clock import ScaledClock
from edgegw.execution.event_sources import CountEvents, uncounted
from edgegw.execution.event_sources.sqs import SqsPoller
from tests.execution.queues_under_test import MemoryQueue

OK = Returned(b"null", Report())
ERROR = FunctionError("E", "no", b"{}", Report())
Answer = Callable[[list[dict[str, Any]]], Outcome | Awaitable[Outcome]]


class Worker:
    """A function that notes its batches; `answer` says how it ends."""

    def __init__(self, answer: Answer = lambda _: OK) -> None:
        self.batches: list[list[str]] = []
        self.records: list[dict[str, Any]] = []
        self.answer = answer
        self.running = 0
        self.most = 0

    async def __call__(self, invocation: Invocation) -> Outcome:
        assert len(invocation.payload) <= 6 * 1024 * 1024
        records = json.loads(invocation.payload)["Records"]
        self.records += records
        self.batches.append([record["body"] for record in records])
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            outcome = self.answer(records)
            return outcome if not isinstance(outcome, Awaitable) else await outcome
        finally:
            self.running -= 1

    @property
    def bodies(self) -> list[str]:
        return [body for batch in self.batches for body in batch]


@asynccontextmanager
async def polling(
    queue: MemoryQueue,
    worker: Worker,
    *,
    timeout: float = 0.0,
    counts: Counter[str] | None = None,
    **given: Any,
) -> AsyncIterator[SqsPoller]:
    mapping = EventSourceMapping(
        **{
            "uuid": "u",
            "kind": "sqs",
            "source": "jobs",
            "arn": "arn:aws:sqs:us-east-1:123456789012:jobs",
            "function": FunctionRef("worker"),
            "batch_size": 10,
            **given,
        }
    )
    count = uncounted if counts is None else counting_in(counts)
    poller = SqsPoller(mapping, queue, worker, queue.clock, timeout, count)
    poller.start()
    try:
        yield poller
    finally:
        await poller.close()


def counting_in(counts: Counter[str]) -> CountEvents:
    def count(metric: str, events: int) -> None:
        assert events > 0
        counts[metric] += events

    return count


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.002)


def fast(scale: float = 150.0) -> ScaledClock:
    """A visibility timeout of 30 s is a fifth of a second, which what runs at once never takes."""
    return ScaledClock(time.time, scale)


class MovedClock(ScaledClock):
    """One that passes only as the test says."""

    def __init__(self) -> None:
        self.instant = 1000.0
        super().__init__(lambda: self.instant)


async def test_messages_reach_the_function_and_are_deleted() -> None:
    queue, worker = MemoryQueue(fast()), Worker()
    async with polling(queue, worker) as poller:
        queue.send("a", "b")
        await until(lambda: not queue.left)
    assert worker.bodies == ["a", "b"]
    assert worker.records[0]["eventSourceARN"] == "arn:aws:sqs:us-east-1:123456789012:jobs"
    assert poller.last_result == "OK"


async def test_a_batch_has_no_more_than_its_size() -> None:
    queue, worker = MemoryQueue(fast()), Worker()
    queue.send(*"abcdefg")
    async with polling(queue, worker, batch_size=3):
        await until(lambda: not queue.left)
    assert [len(batch) for batch in worker.batches] == [3, 3, 1]


async def test_a_batch_of_more_than_ten_is_gathered_within_its_window() -> None:
    queue, worker = MemoryQueue(fast(10)), Worker()
    queue.send(*map(str, range(25)))
    async with polling(queue, worker, batch_size=25, batch_window=300):
        await until(lambda: not queue.left)
    assert worker.batches == [list(map(str, range(25)))]


async def test_when_the_window_is_over_the_batch_is_sent_as_it_is() -> None:
    clock = MovedClock()
    queue, worker = MemoryQueue(clock), Worker()
    async with polling(queue, worker, batch_size=1000, batch_window=20):
        queue.send("a")
        await until(lambda: queue.waiting[0].received == 1)
        clock.instant += 19
        await asyncio.sleep(0.05)
        assert worker.batches == []
        queue.send("b")
        await until(lambda: queue.waiting[1].received == 1)
        clock.instant += 2
        await until(lambda: not queue.left)
    assert worker.batches == [["a", "b"]]


async def test_an_event_is_never_larger_than_6_mb_and_nothing_is_lost() -> None:
    queue, worker = MemoryQueue(fast(1)), Worker()
    queue.send(*(f"{n}" + "x" * 900_000 for n in range(20)))
    async with polling(queue, worker, batch_size=20, batch_window=1):
        await until(lambda: not queue.left)
    assert [body[0] for body in worker.bodies[:10]] == list("0123456789")
    assert [len(batch) for batch in worker.batches[:3]] == [6, 6, 6]
    assert len(worker.bodies) == 20


async def test_messages_that_filters_drop_are_deleted_without_an_invocation() -> None:
    queue, worker = MemoryQueue(fast()), Worker()
    async with polling(queue, worker, filters=('{"body":{"kind":["a"]}}',)):
        queue.send('{"kind":"b"}', '{"kind":"a"}', "kind a")
        await until(lambda: not queue.left)
    assert worker.bodies == ['{"kind":"a"}']


async def test_a_batch_that_fails_comes_again_as_a_whole_and_ends_in_the_dead_letter_queue(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue, worker = MemoryQueue(fast(), most_receives=3), Worker(lambda _: ERROR)
    with caplog.at_level(logging.WARNING):
        async with polling(queue, worker) as poller:
            queue.send("a", "b")
            await until(lambda: len(queue.dead) == 2)
    assert worker.batches == [["a", "b"]] * 3
    assert [record["attributes"]["ApproximateReceiveCount"] for record in worker.records] == [
        *("1", "1", "2", "2", "3", "3")
    ]
    assert (
        caplog.messages
        == ["jobs -> worker: of a batch of 2, 2 messages failed and come again: E: no"] * 3
    )
    assert poller.last_result == "PROBLEM: E: no"


async def test_events_are_counted_on_their_way() -> None:
    """Two of four pass the filter; one of them fails once, alone, and comes again."""

    def answer(records: list[dict[str, Any]]) -> Outcome:
        first = [one for one in records if one["attributes"]["ApproximateReceiveCount"] == "1"]
        failed = [{"itemIdentifier": one["messageId"]} for one in first if one["body"] == "a2"]
        return Returned(json.dumps({"batchItemFailures": failed}).encode(), Report())

    queue, worker, counts = MemoryQueue(fast()), Worker(answer), Counter[str]()
    queue.send("a1", "b1", "a2", "b2")
    given: dict[str, Any] = {"filters": ('{"body":[{"prefix":"a"}]}',), "reports_failures": True}
    async with polling(queue, worker, counts=counts, **given):
        await until(lambda: not queue.left)
    assert worker.batches == [["a1", "a2"], ["a2"]]
    assert counts == {
        "PolledEventCount": 5,
        "FilteredOutEventCount": 2,
        "InvokedEventCount": 3,
        "FailedInvokeEventCount": 1,
        "DeletedEventCount": 2,
    }


@pytest.mark.parametrize("outcome", [ERROR, Throttled()])
async def test_each_try_of_a_batch_that_fails_counts(outcome: Outcome) -> None:
    answers, counts = iter([outcome, OK]), Counter[str]()
    queue, worker = MemoryQueue(fast()), Worker(lambda _: next(answers))
    queue.send("a", "b")
    async with polling(queue, worker, counts=counts):
        await until(lambda: not queue.left)
    assert counts == {
        "PolledEventCount": 4,
        "InvokedEventCount": 4,
        "FailedInvokeEventCount": 2,
        "DeletedEventCount": 2,
    }


async def test_only_what_is_reported_comes_again() -> None:
    def answer(records: list[dict[str, Any]]) -> Outcome:
        first = [one for one in records if one["attributes"]["ApproximateReceiveCount"] == "1"]
        failed = [{"itemIdentifier": one["messageId"]} for one in first if one["body"] in "bd"]
        return Returned(json.dumps({"batchItemFailures": failed}).encode(), Report())

    queue, worker = MemoryQueue(fast()), Worker(answer)
    queue.send(*"abcd")
    async with polling(queue, worker, reports_failures=True):
        await until(lambda: not queue.left)
    assert worker.batches == [["a", "b", "c", "d"], ["b", "d"]]


async def test_five_batches_run_at_once_at_first() -> None:
    done = asyncio.Event()

    async def wait() -> Outcome:
        await done.wait()
        return OK

    queue, worker = MemoryQueue(fast(0.001)), Worker(lambda _: wait())
    queue.send(*"abcdefgh")
    async with polling(queue, worker, batch_size=1):
        await until(lambda: worker.running == 5)
        await asyncio.sleep(0.05)
        assert worker.running == 5
        done.set()
        await until(lambda: not queue.left)
    assert worker.most == 5


async def test_more_run_the_longer_there_are_messages() -> None:
    done = asyncio.Event()

    async def wait() -> Outcome:
        await done.wait()
        return OK

    queue, worker = MemoryQueue(fast(10), timeout=40_000), Worker(lambda _: wait())
    queue.send(*map(str, range(60)))
    async with polling(queue, worker, batch_size=1):
        await until(lambda: worker.running > 20)
        done.set()
        await until(lambda: not queue.left)


async def test_maximum_concurrency_caps_what_runs_at_once() -> None:
    async def wait() -> Outcome:
        await asyncio.sleep(0.01)
        return OK

    queue, worker = MemoryQueue(fast(10)), Worker(lambda _: wait())
    queue.send(*map(str, range(12)))
    async with polling(queue, worker, batch_size=1, maximum_concurrency=2):
        await until(lambda: not queue.left)
    assert worker.most == 2


async def test_throttled_messages_stay_and_count_as_received() -> None:
    answers = iter([Throttled(), Throttled(), OK])
    queue, worker = MemoryQueue(fast(), timeout=10), Worker(lambda _: next(answers))
    async with polling(queue, worker):
        queue.send("a")
        await until(lambda: not queue.left)
    counts = [record["attributes"]["ApproximateReceiveCount"] for record in worker.records]
    assert counts == ["1", "2", "3"]


async def test_a_queue_that_cannot_be_asked_is_asked_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgegw.execution.event_sources.sqs._RETRY", (0.001,))
    queue, worker = MemoryQueue(fast(), problem="nobody answers"), Worker()
    queue.send("a")
    with caplog.at_level(logging.INFO):
        async with polling(queue, worker) as poller:
            await until(lambda: poller.last_result == "PROBLEM: nobody answers")
            await asyncio.sleep(0.02)
            queue.problem = ""
            await until(lambda: not queue.left)
    assert caplog.messages == ["jobs -> worker: nobody answers", "jobs can be read again"]


async def test_a_poller_that_ends_by_a_fault_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    queue, worker = MemoryQueue(fast()), Worker()

    async def fails(_most: int, _wait: float) -> Any:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(queue, "receive", fails)
    async with polling(queue, worker) as poller:
        await until(lambda: poller.last_result.startswith("PROBLEM: it reads no more: ZeroDiv"))


async def test_a_queue_that_hides_messages_too_shortly_is_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue, worker = MemoryQueue(fast()), Worker()
    async with polling(queue, worker, timeout=31):
        queue.send("a")
        await until(lambda: not queue.left)
    assert caplog.messages == [
        "jobs -> worker: Queue visibility timeout: 30 seconds is less than Function timeout: 31 "
        "seconds; messages come twice"
    ]


async def test_what_was_gathered_and_did_not_run_is_given_back_at_once() -> None:
    queue, worker = MemoryQueue(fast(1)), Worker()
    async with polling(queue, worker, batch_size=100, batch_window=300):
        queue.send("a", "b")
        await until(lambda: queue.waiting[0].received == 1)
        await asyncio.sleep(0.01)
    assert worker.batches == []
    assert [message.visible_at for message in queue.waiting] == [0.0, 0.0]


async def test_drained_it_waits_for_what_runs_and_can_be_started_again() -> None:
    begun, done = asyncio.Event(), asyncio.Event()

    async def wait() -> Outcome:
        begun.set()
        await done.wait()
        return OK

    queue, worker = MemoryQueue(fast(1)), Worker(lambda _: wait())
    async with polling(queue, worker) as poller:
        queue.send("a")
        await begun.wait()
        draining = asyncio.ensure_future(poller.drain())
        await asyncio.sleep(0.01)
        queue.send("b")
        assert not draining.done()
        done.set()
        await draining
        assert queue.left == ["b"]
        poller.start()
        await until(lambda: not queue.left)


async def test_a_queue_that_has_nothing_is_asked_once() -> None:
    queue, worker = MemoryQueue(ScaledClock()), Worker()
    async with polling(queue, worker):
        await asyncio.sleep(0.3)
    assert queue.receives == 1


class TestFifo:
    async def test_groups_run_side_by_side_and_each_in_order(self) -> None:
        async def wait() -> Outcome:
            await asyncio.sleep(0.005)
            return OK

        queue, worker = MemoryQueue(fast(1)), Worker(lambda _: wait())
        for number in range(5):
            for group in "abc":
                queue.send(f"{group}{number}", group=group)
        async with polling(queue, worker, kind="sqs-fifo", batch_size=1):
            await until(lambda: not queue.left)
        for group in "abc":
            own = [body for body in worker.bodies if body[0] == group]
            assert own == [f"{group}{number}" for number in range(5)]
        assert worker.most == 3

    async def test_a_group_that_fails_blocks_itself_only(self) -> None:
        def answer(records: list[dict[str, Any]]) -> Outcome:
            first = records[0]["attributes"]["ApproximateReceiveCount"] == "1"
            return ERROR if first and records[0]["body"] == "a0" else OK

        queue, worker = MemoryQueue(fast(60)), Worker(answer)
        queue.send("a0", "a1", group="a")
        queue.send("b0", "b1", group="b")
        async with polling(queue, worker, kind="sqs-fifo", batch_size=1):
            await until(lambda: not queue.left)
        assert worker.bodies == ["a0", "b0", "b1", "a0", "a1"]

    async def test_of_a_batch_in_pieces_nothing_runs_behind_a_failure(self) -> None:
        def answer(records: list[dict[str, Any]]) -> Outcome:
            first = records[0]["attributes"]["ApproximateReceiveCount"] == "1"
            return ERROR if first and records[0]["body"][0] == "0" else OK

        queue, worker = MemoryQueue(fast(15)), Worker(answer)
        queue.send(*(f"{number}" + "x" * 1_000_000 for number in range(10)), group="g")
        async with polling(queue, worker, kind="sqs-fifo"):
            await until(lambda: not queue.left)
        names = ["".join(body[0] for body in batch) for batch in worker.batches]
        assert names == ["012345", "012345", "6789"]


MESSAGES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), min_size=1, max_size=25)
"""A group and how often the function fails on it."""


class Stubborn:
    """A function that fails on a message as often as it says, in one of two ways."""

    def __init__(self, reports: bool, crashes: set[int]) -> None:
        self.reports = reports
        self.crashes = crashes
        self.calls = 0
        self.tried: dict[str, int] = {}
        self.handled: list[str] = []
        self.before: dict[str, set[str]] = {}

    def __call__(self, records: list[dict[str, Any]]) -> Outcome:
        self.calls += 1
        for position, record in enumerate(records):
            seen = set(self.handled) | {one["body"] for one in records[:position]}
            self.before.setdefault(record["body"], set()).update(seen)
        if self.calls in self.crashes:
            return Throttled() if self.calls % 2 else ERROR
        return self._handle(records)

    def _handle(self, records: list[dict[str, Any]]) -> Outcome:
        failed, stopped = list[dict[str, str]](), set[str]()
        for record in records:
            group, _, fails = record["body"].split("-")
            self.tried[record["body"]] = tried = self.tried.get(record["body"], 0) + 1
            if group in stopped or tried <= int(fails):
                if not self.reports:
                    return ERROR
                stopped.add(group)
                failed.append({"itemIdentifier": record["messageId"]})
            else:
                self.handled.append(record["body"])
        return Returned(json.dumps({"batchItemFailures": failed}).encode(), Report())


@settings(max_examples=40, deadline=None)
@given(
    MESSAGES,
    st.booleans(),
    st.sets(st.integers(1, 8), max_size=3),
    st.integers(1, 10),
    st.none() | st.integers(1, 4),
    st.booleans(),
)
def test_every_message_ends_deleted_or_dead_and_fifo_never_overtakes(
    messages: list[tuple[str, int]],
    reports: bool,
    crashes: set[int],
    batch_size: int,
    most_receives: int | None,
    fifo: bool,
) -> None:
    bodies = [f"{group}-{number:02}-{fails}" for number, (group, fails) in enumerate(messages)]
    function = Stubborn(reports, crashes)

    async def play() -> MemoryQueue:
        queue, worker = MemoryQueue(fast(20_000), 30, most_receives), Worker(function)
        for body in bodies:
            queue.send(body, group=body[0] if fifo else None)
        kind = "sqs-fifo" if fifo else "sqs"
        async with polling(
            queue, worker, kind=kind, batch_size=batch_size, reports_failures=reports
        ):
            await until(lambda: not queue.left)
        return queue

    queue = asyncio.run(play())
    assert set(function.handled) | set(queue.dead) == set(bodies)
    if most_receives is None:
        assert sorted(set(function.handled)) == sorted(bodies)
    if fifo:
        for body in bodies:
            earlier = {one for one in bodies if one[0] == body[0] and one < body}
            assert earlier <= function.before.get(body, earlier) | set(queue.dead)
