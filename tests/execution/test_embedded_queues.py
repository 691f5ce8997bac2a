"""Queues on disk: time that a test moves, and ends at any moment."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgegw.awslambda.names import Account
from edgegw.errors import StateProblem
from edgegw.execution.clock import ScaledClock
from edgegw.execution.embedded_queues import EmbeddedQueues
from edgegw.execution.queue_moves import QueueMoves
from edgegw.execution.queue_store import _BY_TIME, _IN_ORDER, SCHEMA
from edgegw.execution.state_file import StateFile
from edgegw.messaging.queue import QueueCounts, QueueSettings, Redrive, SendMessage, SentMessage
from edgegw.messaging.queue_errors import QueueError

JOBS = QueueSettings(name="jobs")
FIFO = QueueSettings(name="f.fifo", content_based_deduplication=True)


class Time:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """Queues in a folder, with a clock; they can be ended and begun again."""

    def __init__(self, folder: Path, *queues: QueueSettings, scale: float = 1.0) -> None:
        self.path = folder / "queues.sqlite"
        self.time = Time()
        self._configured = queues
        self._scale = scale
        self.open()

    def open(self) -> None:
        clock = ScaledClock(self.time, self._scale)

        def new_id() -> str:
            return str(uuid.uuid4())

        state = StateFile(self.path, SCHEMA)
        self.queues = EmbeddedQueues(state, clock, Account(), new_id)
        self.queues.configure(self._configured, Account())
        registry = self.queues.registry
        self.moves = QueueMoves(state, clock, registry, self.queues.ring, new_id)

    async def again(self) -> None:
        """The next run: what is not on disk is gone."""
        await self.close()
        self.open()
        await self.queues.take_up()

    async def close(self) -> None:
        await self.moves.close()
        await self.queues.close()

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()


@asynccontextmanager
async def bench(folder: Path, *queues: QueueSettings, scale: float = 1.0) -> AsyncGenerator[Bench]:
    running = Bench(folder, *queues, scale=scale)
    try:
        yield running
    finally:
        await running.close()


async def bodies(run: Bench, name: str, limit: int = 10) -> list[str]:
    return [each.body for each in await run.queues.receive(name, limit)]


async def test_messages_are_kept_for_the_retention_period(tmp_path: Path) -> None:
    async with bench(tmp_path, JOBS, QueueSettings(name="short", retention=60)) as run:
        for name in ("jobs", "short"):
            await run.queues.send(name, SendMessage("x"))
        run.time.now += 60
        assert await bodies(run, "short") == []
        assert await run.queues.counts("short") == QueueCounts(0, 0, 0)
        run.time.now += 345_600 - 60 - 1
        assert await run.queues.counts("jobs") == QueueCounts(1, 0, 0)
        run.time.now += 1
        assert await run.queues.counts("jobs") == QueueCounts(0, 0, 0)


async def test_the_same_message_is_another_one_after_five_minutes(tmp_path: Path) -> None:
    async with bench(tmp_path, FIFO) as run:
        message = SendMessage("same", group_id="a")
        first = await run.queues.send("f.fifo", message)
        run.time.now += 299
        assert await run.queues.send("f.fifo", message) == first
        await run.again()
        assert await run.queues.send("f.fifo", message) == first
        run.time.now += 1
        later = await run.queues.send("f.fifo", message)
        assert later.message_id != first.message_id
        assert int(later.sequence_number or 0) > int(first.sequence_number or 0)
        assert await bodies(run, "f.fifo") == ["same", "same"]


@pytest.mark.parametrize(("per_group", "expected"), [(False, ["1"]), (True, ["1", "2"])])
async def test_the_scope_of_deduplication(
    tmp_path: Path, per_group: bool, expected: list[str]
) -> None:
    queue = QueueSettings(name="f.fifo", deduplicates_per_group=per_group)
    async with bench(tmp_path, queue) as run:
        for text, group in (("1", "a"), ("2", "b"), ("3", "a")):
            await run.queues.send("f.fifo", SendMessage(text, {}, group, "same"))
        assert await bodies(run, "f.fifo") == expected


async def test_a_hidden_message_is_back_with_the_clock_of_the_gateway(tmp_path: Path) -> None:
    async with bench(tmp_path, JOBS, scale=60) as run:
        await run.queues.send("jobs", SendMessage("x"))
        await run.queues.send("jobs", SendMessage("later", delay=60))
        assert await bodies(run, "jobs") == ["x"]
        run.time.now += 0.49
        assert await bodies(run, "jobs") == []
        run.time.now += 0.01  # 30 seconds of AWS
        assert await bodies(run, "jobs") == ["x"]
        run.time.now += 0.5
        assert sorted(await bodies(run, "jobs")) == ["later", "x"]


async def test_a_receiver_wakes_with_the_message(tmp_path: Path) -> None:
    async with bench(tmp_path, JOBS, FIFO) as run:
        waiting = asyncio.ensure_future(run.queues.receive("jobs", wait=20))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await run.queues.send("jobs", SendMessage("x"))
        [message] = await waiting
        assert message.body == "x"
        waiting = asyncio.ensure_future(run.queues.receive("jobs", wait=20))
        await asyncio.sleep(0.05)
        await run.queues.change_visibility("jobs", [(message.receipt_handle, 0)])
        assert len(await waiting) == 1
        for text in "12":
            await run.queues.send("f.fifo", SendMessage(text, group_id="a"))
        [first] = await run.queues.receive("f.fifo", 1)
        waiting = asyncio.ensure_future(run.queues.receive("f.fifo", wait=20))
        await asyncio.sleep(0.05)
        await run.queues.delete("f.fifo", [first.receipt_handle])
        assert [each.body for each in await waiting] == ["2"]


async def test_whoever_waits_when_the_gateway_ends_gets_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path, JOBS) as run:
        waiting = asyncio.ensure_future(run.queues.receive("jobs", wait=20))
        await asyncio.sleep(0.05)
    assert await waiting == []


async def test_queues_of_a_former_run_are_there_with_their_settings(tmp_path: Path) -> None:
    async with bench(tmp_path, JOBS) as run:
        queues = run.queues
        await queues.create("dead", {}, {})
        policy = f'{{"deadLetterTargetArn": "{queues.arn("dead")}", "maxReceiveCount": "3"}}'
        await queues.create("made", {"RedrivePolicy": policy, "DelaySeconds": "7"}, {"a": "b"})
        await queues.set_attributes("jobs", {"VisibilityTimeout": "99"})
        await queues.send("made", SendMessage("x", delay=0))
        await run.again()
        assert run.queues.names() == ["dead", "jobs", "made"]
        made = run.queues.settings("made")
        assert (made.delay, made.redrive) == (7, Redrive("dead", 3))
        assert run.queues.registry.known("made").life.tags == {"a": "b"}
        assert run.queues.settings("jobs") == JOBS  # the configuration says what it is
        assert await bodies(run, "made") == ["x"]
        await run.queues.remove("made")
        await run.again()
        assert run.queues.names() == ["dead", "jobs"]
        assert run.rows("SELECT count(*) FROM messages") == [(0,)]


async def test_a_queue_of_the_configuration_is_deleted_there(tmp_path: Path) -> None:
    async with bench(tmp_path, JOBS) as run:
        with pytest.raises(QueueError, match="stands in the configuration"):
            await run.queues.remove("jobs")


async def test_messages_of_a_queue_that_leaves_the_configuration_wait_for_its_return(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, JOBS) as run:
        await run.queues.send("jobs", SendMessage("x"))
        run.queues.configure([], Account())
        with pytest.raises(QueueError, match="does not exist"):
            await run.queues.receive("jobs")
        run.queues.configure([JOBS], Account())
        assert await bodies(run, "jobs") == ["x"]


async def test_a_message_without_a_dead_letter_queue_any_more_stays(tmp_path: Path) -> None:
    queue = QueueSettings(name="jobs", redrive=Redrive("gone", 1))
    async with bench(tmp_path, queue) as run:
        await run.queues.send("jobs", SendMessage("x"))
        for _ in range(3):
            [message] = await run.queues.receive("jobs")
            await run.queues.change_visibility("jobs", [(message.receipt_handle, 0)])


REDRIVEN = QueueSettings(name="jobs", redrive=Redrive("dead", 1))
DEAD = QueueSettings(name="dead")


async def buried(run: Bench, count: int) -> None:
    """So many messages in the dead letter queue."""
    for number in range(count):
        await run.queues.send("jobs", SendMessage(str(number)))
    for message in await run.queues.receive("jobs", count):
        await run.queues.change_visibility("jobs", [(message.receipt_handle, 0)])
    assert await run.queues.receive("jobs") == []
    assert (await run.queues.counts("dead")).visible == count


async def test_dead_letters_keep_their_age_and_say_where_they_come_from(tmp_path: Path) -> None:
    async with bench(tmp_path, REDRIVEN, DEAD) as run:
        await buried(run, 1)
        run.time.now += 5
        [letter] = await run.queues.receive("dead")
        assert letter.system_attributes["SentTimestamp"] == "1000000000"
        assert letter.system_attributes["DeadLetterQueueSourceArn"] == run.queues.arn("jobs")
        assert letter.system_attributes["ApproximateReceiveCount"] == "2"


async def test_a_dead_letter_is_as_old_as_it_was(tmp_path: Path) -> None:
    """It was sent ten seconds before it is buried; nothing hides it in its new queue."""
    async with bench(tmp_path, REDRIVEN, DEAD) as run:
        await run.queues.send("jobs", SendMessage("x"))
        [message] = await run.queues.receive("jobs", visibility=10)
        run.time.now += 10
        assert await run.queues.receive("jobs") == []
        [letter] = await run.queues.receive("dead")
        assert letter.message_id == message.message_id
        assert letter.system_attributes["SentTimestamp"] == "1000000000"


async def test_whoever_waits_at_the_dead_letter_queue_wakes(tmp_path: Path) -> None:
    async with bench(tmp_path, REDRIVEN, DEAD) as run:
        waiting = asyncio.ensure_future(run.queues.receive("dead", wait=20))
        await buried(run, 0)
        await run.queues.send("jobs", SendMessage("x"))
        await run.queues.receive("jobs", visibility=0)
        assert await run.queues.receive("jobs") == []
        [letter] = await asyncio.wait_for(waiting, 30)
        assert letter.body == "x"


async def test_of_a_fifo_queue_it_is_new_and_keeps_its_group(tmp_path: Path) -> None:
    queue = replace(FIFO, redrive=Redrive("dead.fifo", 1))
    dead = QueueSettings(name="dead.fifo", content_based_deduplication=True)
    async with bench(tmp_path, queue, dead) as run:
        for body in ("a1", "a2", "b1"):
            await run.queues.send("f.fifo", SendMessage(body, group_id=body[0]))
        assert len(await run.queues.receive("f.fifo", 10, visibility=10)) == 3
        run.time.now += 10
        assert await bodies(run, "f.fifo") == []
        [first] = await run.queues.receive("dead.fifo", 1)
        assert (first.body, first.system_attributes["MessageGroupId"]) == ("a1", "a")
        assert first.system_attributes["SentTimestamp"] == "1000010000"
        assert await bodies(run, "dead.fifo") == ["b1"]  # of a group of its own


async def test_a_move_task_brings_messages_back_as_new_ones(tmp_path: Path) -> None:
    async with bench(tmp_path, REDRIVEN, DEAD) as run:
        await buried(run, 250)
        source = run.queues.arn("dead")
        await run.moves.start(source, None, None)
        with pytest.raises(QueueError, match="There is already a task running"):
            await run.moves.start(source, None, None)
        messages = await run.queues.receive("jobs", 250, wait=20)
        while len(messages) < 250:
            messages += await run.queues.receive("jobs", 250, wait=20)
        counts = {each.system_attributes["ApproximateReceiveCount"] for each in messages}
        assert counts == {"1"}
        assert sorted(int(each.body) for each in messages) == list(range(250))
        while (task := run.moves.newest_first(source)[0]).status == "RUNNING":
            await asyncio.sleep(0.01)
        assert (task.status, task.moved, task.to_move) == ("COMPLETED", 250, 250)


async def test_a_cancelled_move_task_leaves_the_rest_where_it_is(tmp_path: Path) -> None:
    async with bench(tmp_path, REDRIVEN, DEAD) as run:
        await buried(run, 10)
        source = run.queues.arn("dead")
        handle = await run.moves.start(source, run.queues.arn("jobs"), 2)
        while run.moves.newest_first(source)[0].moved < 2:
            await asyncio.sleep(0.01)
        assert run.moves.cancel(handle) == 2
        run.time.now += 60
        await asyncio.sleep(0.1)
        assert (await run.queues.counts("dead")).visible == 8
        assert run.moves.newest_first(source)[0].status == "CANCELLED"
        with pytest.raises(QueueError, match="Task does not exist"):
            run.moves.cancel(handle)


@pytest.mark.parametrize(
    ("source", "destination", "text"),
    [
        ("dead", None, "You must use this format to specify the SourceArn"),
        ("arn:aws:sqs:us-east-1:123456789012:none", None, "for the SourceArn parameter"),
        ("arn:aws:sqs:us-east-1:123456789012:jobs", None, "must be configured as a Dead Letter"),
        (
            "arn:aws:sqs:us-east-1:123456789012:dead",
            "arn:aws:sqs:us-east-1:123456789012:none",
            "for the DestinationArn parameter",
        ),
    ],
)
async def test_move_tasks_that_cannot_be(
    tmp_path: Path, source: str, destination: str | None, text: str
) -> None:
    async with bench(tmp_path, REDRIVEN, DEAD) as run:
        with pytest.raises(QueueError, match=text):
            await run.moves.start(source, destination, None)


async def test_a_disk_that_is_gone_accepts_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    async with bench(tmp_path / "file", JOBS) as run:
        with pytest.raises(StateProblem, match="cannot keep state"):
            await run.queues.send("jobs", SendMessage("x"))


@pytest.mark.parametrize("queue", ["jobs", "f.fifo"])
async def test_a_receiver_reads_no_more_than_it_gets(tmp_path: Path, queue: str) -> None:
    """The rows come in the order of an index: nothing is sorted, and no body is looked at."""
    async with bench(tmp_path, JOBS, FIFO) as run:
        await run.queues.send(queue, SendMessage("x", group_id="a"))
        sql, values = (_IN_ORDER, (queue,)) if queue == FIFO.name else (_BY_TIME, (queue, 0.0))
        plan = " ".join(row[3] for row in run.rows(f"EXPLAIN QUERY PLAN {sql}", *values))
        assert "INDEX messages_" in plan
        assert "TEMP B-TREE" not in plan
        assert ("COVERING" in plan) is (queue == FIFO.name)


# Whatever happens

SOURCE = QueueSettings(
    name="s.fifo", content_based_deduplication=True, redrive=Redrive("d.fifo", 2)
)
GRAVE = QueueSettings(name="d.fifo", content_based_deduplication=True)
PICK = st.integers(0, 100)
OPERATION = st.one_of(
    st.tuples(st.just("send"), st.sampled_from("ab")),
    st.tuples(st.just("receive"), st.integers(1, 4)),
    st.tuples(st.just("delete"), PICK),
    st.tuples(st.just("give back"), PICK),
    st.tuples(st.just("hide longer"), PICK),
    st.tuples(st.just("time passes"), st.integers(1, 40)),
    st.tuples(st.just("end"), st.none()),
)
CUT = st.booleans()
"""Whether nobody hears the answer, because the gateway is killed meanwhile."""


class Story:
    """What was done to a queue, and what must be true of it whenever one looks."""

    def __init__(self, run: Bench) -> None:
        self.run = run
        self.accepted: set[str] = set()
        self.deleted: set[str] = set()
        self.maybe_deleted: set[str] = set()
        self.held: list[tuple[str, str]] = []
        self._sent = 0

    async def do(self, operation: tuple[str, Any], *, is_cut: bool) -> None:
        kind, given = operation
        if kind == "end":
            await self.run.again()
        elif kind == "time passes":
            self.run.time.now += given
        elif kind == "send":
            self._sent += 1
            message = SendMessage(f"{self._sent}", group_id=given)
            sent: SentMessage | None = await self._cut(
                lambda: self.run.queues.send("s.fifo", message), is_cut=is_cut
            )
            if sent is not None:
                self.accepted.add(sent.message_id)
        elif kind == "receive":
            await self._receive(given, is_cut=is_cut)
        elif self.held:
            await self._settle(kind, self.held[given % len(self.held)], is_cut=is_cut)

    async def _cut(self, operation: Callable[[], Any], *, is_cut: bool) -> Any:
        """The answer; where it is cut off nobody knows what happened, and the next run begins."""
        if not is_cut:
            return await operation()
        task = asyncio.ensure_future(operation())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await self.run.again()
        return None

    async def _receive(self, limit: int, *, is_cut: bool) -> None:
        messages = await self._cut(lambda: self.run.queues.receive("s.fifo", limit), is_cut=is_cut)
        given: dict[str, list[str]] = {}
        for message in messages or []:
            self.held.append((message.message_id, message.receipt_handle))
            group = message.system_attributes["MessageGroupId"]
            given.setdefault(group, []).append(message.message_id)
        for group, ids in given.items():
            sql = "SELECT message_id FROM messages WHERE queue = ? AND lane = ? ORDER BY number"
            remaining = [row[0] for row in self.run.rows(sql, "s.fifo", group)]
            assert remaining[: len(ids)] == ids, "a message has overtaken another one"

    async def _settle(self, kind: str, holding: tuple[str, str], *, is_cut: bool) -> None:
        message_id, handle = holding
        if kind == "delete":
            self.maybe_deleted.add(message_id)
            errors = await self._cut(
                lambda: self.run.queues.delete("s.fifo", [handle]), is_cut=is_cut
            )
            if errors == [None]:
                self.deleted.add(message_id)
            elif errors is not None:
                assert "expired" in errors[0].text
                self.maybe_deleted.discard(message_id)
        else:
            seconds = 0 if kind == "give back" else 300
            await self._cut(
                lambda: self.run.queues.change_visibility("s.fifo", [(handle, seconds)]),
                is_cut=is_cut,
            )

    def check(self) -> None:
        if not self.run.path.exists():
            assert not self.accepted
            return
        places: dict[str, list[str]] = {}
        for message_id, queue, receives in self.run.rows(
            "SELECT message_id, queue, receives FROM messages"
        ):
            places.setdefault(message_id, []).append(queue)
            assert queue == "s.fifo" or receives == 2
        for message_id in self.accepted:
            where = places.get(message_id, [])
            if message_id in self.deleted:
                assert where == []
            elif message_id not in self.maybe_deleted:
                assert where in (["s.fifo"], ["d.fifo"])
        assert all(len(where) == 1 for where in places.values())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(operations=st.lists(st.tuples(OPERATION, CUT), min_size=5, max_size=40))
def test_messages_end_deleted_back_or_dead_and_groups_never_overtake(
    operations: list[tuple[tuple[str, Any], bool]],
) -> None:
    async def play(folder: Path) -> None:
        async with bench(folder, SOURCE, GRAVE) as run:
            story = Story(run)
            for operation, is_cut in operations:
                await story.do(operation, is_cut=is_cut)
                story.check()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder)))
