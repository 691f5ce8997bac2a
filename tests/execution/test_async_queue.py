"""The queue of asynchronous invocations and its outbox, on a real file, without a gateway."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sqlite3
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgegw.awslambda.async_invocation import EventInvokeConfig, EventSettings
from edgegw.awslambda.lineage import next_turn
from edgegw.awslambda.model import (
    FunctionError,
    FunctionRef,
    Invocation,
    InvokeRefusal,
    Outcome,
    Report,
    Returned,
    Throttled,
)
from edgegw.awslambda.names import Account
from edgegw.awslambda.service_errors import ServiceError
from edgegw.execution import event_store
from edgegw.execution.async_queue import MOST_RUNNING, AsyncQueue, QueueSurroundings
from edgegw.execution.clock import ScaledClock
from edgegw.execution.deliveries import (
    Deliveries,
    DeliveryFailure,
    append_lines,
    file_line,
    lines_at_the_end,
)
from edgegw.execution.event_listing import count_events, list_deliveries
from edgegw.execution.event_store import MOST_FAILURES
from edgegw.execution.outbox import Outbox
from edgegw.execution.state_file import StateFile
from edgegw.execution.state_lock import StateLock

FAST: Final = 5_000
OUTCOMES: Final[dict[str, Outcome]] = {
    "returns": Returned(b'"done"', Report(version="$LATEST")),
    "fails": FunctionError("ValueError", "no", b'{"errorMessage":"no"}', Report(version="$LATEST")),
    "throttled": Throttled(),
    "refused": InvokeRefusal("ServiceException", "a fault"),
}


class Life:
    """One run of a gateway's queue in `folder`, with functions and targets that a test writes."""

    def __init__(self, folder: Path, scale: float = FAST, **config: Any) -> None:
        self.file = StateFile(folder / "events.sqlite", event_store.SCHEMA)
        self.lock = StateLock(self.file.path)
        self.config = EventInvokeConfig(
            **{key: each for key, each in config.items() if key != "dead_letter"}
        )
        self.dead_letter = config.get("dead_letter", "")
        self.figures = Counter[str]()
        surroundings = QueueSurroundings(
            invoke=self.invoke,
            settings=lambda ref: EventSettings(config=self.config, dead_letter=self.dead_letter),
            account=Account,
            concurrency=lambda name: 1000,
            count=self.count,
        )
        clock = ScaledClock(scale=scale)
        self.queue = AsyncQueue(self.file, clock, surroundings, self.lock)
        deliveries = Deliveries({"sqs": self.to_queue}, lambda: pytest.fail("nothing is remote"))
        self.outbox = Outbox(self.file, clock, deliveries, self.count, self.lock)
        self.queue.on_messages = self.outbox.wake
        self.ran: list[Invocation] = []

    def count(self, figure: str, function: FunctionRef, amount: float) -> None:
        self.figures[figure] += 1

    async def invoke(self, invocation: Invocation) -> Outcome:
        self.ran.append(invocation)
        return OUTCOMES["returns"]

    async def to_queue(self, name: str, body: bytes, attributes: Any, trace_id: str) -> bool:
        return True

    async def start(self) -> None:
        await self.queue.start()
        await self.outbox.start()

    async def close(self) -> None:
        await self.queue.close()
        await self.outbox.close()
        await self.file.close()
        self.lock.release()

    async def kill(self) -> None:
        """As SIGKILL does: nothing is written any more, what runs is gone."""
        self.queue._is_closing = True
        await self.queue._dispatcher.cancel()
        await self.queue._running.cancel()
        await self.outbox.close()
        await self.file.close()
        self.lock.release()

    async def until_empty(self) -> None:
        async with asyncio.timeout(30):
            while True:
                counts = await self.file.run(count_events)
                if not counts.waiting and not counts.delivering:
                    return
                await asyncio.sleep(0.005)


class Scripted(Life):
    """Outcomes and arrivals by chance that hypothesis writes; `arrived` outlives a life."""

    def __init__(
        self,
        folder: Path,
        script: random.Random,
        arrived: list[str],
        returned: set[str],
        **config: Any,
    ) -> None:
        super().__init__(folder, **config)
        self.script = script
        self.arrived = arrived
        self.returned = returned

    async def invoke(self, invocation: Invocation) -> Outcome:
        await asyncio.sleep(self.script.choice([0, 0, 0.001, 0.003]))
        kind = self.script.choice(["returns", "fails", "fails", "throttled", "refused", "bug"])
        if kind == "bug":
            raise RuntimeError("a fault of the service")
        if kind == "returns":
            self.returned.add(invocation.request_id)
        return OUTCOMES[kind]

    async def to_queue(self, name: str, body: bytes, attributes: Any, trace_id: str) -> bool:
        await asyncio.sleep(self.script.choice([0, 0.001]))
        if self.script.random() < 0.4:
            raise DeliveryFailure("the queue is away")
        self.arrived.append(attributes["RequestID"][1])
        await asyncio.sleep(self.script.choice([0, 0.001]))
        return True


def records(file: Path) -> list[str]:
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line)["requestContext"]["requestId"] for line in lines]


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 12),
    lives=st.lists(st.integers(0, 25), max_size=5),
    retries=st.integers(0, 2),
)
@pytest.mark.filterwarnings("ignore")
def test_an_event_ends_handled_or_at_its_destination(
    seed: int, count: int, lives: list[int], retries: int
) -> None:
    """Whatever fails, and whenever the gateway is killed; a record is written once."""

    async def play(folder: Path) -> None:
        script, arrived, returned = random.Random(seed), list[str](), set[str]()
        config = {
            "maximum_retry_attempts": retries,
            "on_success": f"file:{folder}/done.jsonl",
            "on_failure": f"file:{folder}/failed.jsonl",
            "dead_letter": "sqs:dead",
        }
        accepted: list[str] = []
        for milliseconds in lives:
            life = Scripted(folder, script, arrived, returned, **config)
            await life.start()
            for number in range(count):
                accepted.append(
                    await life.queue.accept(Invocation(FunctionRef("f"), b"%d" % number))
                )
            await asyncio.sleep(milliseconds / 1000)
            await life.kill()
        last = Scripted(folder, script, arrived, returned, **config)
        await last.start()
        await last.until_empty()
        undelivered = await last.file.run(lambda db: list_deliveries(db, ""))
        await last.close()
        done, failed = records(folder / "done.jsonl"), records(folder / "failed.jsonl")
        assert Counter([*done, *failed]) == Counter(accepted)
        assert set(done) <= returned
        letters = {*arrived, *(each["request_id"] for each in undelivered)}
        assert letters == set(failed)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder)))


async def test_a_slow_function_holds_up_no_other(tmp_path: Path) -> None:
    class Slow(Life):
        async def invoke(self, invocation: Invocation) -> Outcome:
            self.ran.append(invocation)
            if invocation.function.name == "slow":
                await asyncio.sleep(3600)
            return OUTCOMES["returns"]

    life = Slow(tmp_path, scale=1)
    await life.start()
    for _ in range(200):
        await life.queue.accept(Invocation(FunctionRef("slow"), b"{}"))
    await life.queue.accept(Invocation(FunctionRef("quick"), b"{}"))
    ran = Counter[str]()
    async with asyncio.timeout(30):
        while not ran["quick"] or ran["slow"] < MOST_RUNNING:
            await asyncio.sleep(0.005)
            ran = Counter(each.function.name for each in life.ran)
    assert ran == {"quick": 1, "slow": MOST_RUNNING}
    await life.kill()


async def test_a_caller_who_leaves_loses_no_event(tmp_path: Path) -> None:
    life = Life(tmp_path)
    await life.start()
    leaving = [
        asyncio.ensure_future(life.queue.accept(Invocation(FunctionRef("f"), b"{}")))
        for _ in range(20)
    ]
    await asyncio.sleep(0)
    for each in leaving:
        each.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)
    await life.queue.accept(Invocation(FunctionRef("f"), b'"last"'))
    await life.until_empty()
    kept = len(life.ran)
    await life.close()
    assert kept >= 1
    assert len({each.request_id for each in life.ran}) == kept


async def test_a_million_waiting_would_cost_disk_not_memory(tmp_path: Path) -> None:
    """Of what waits only what a lane reads ahead is in memory, whatever the number."""
    file = StateFile(tmp_path / "events.sqlite", event_store.SCHEMA)
    far = time.time() + 3600

    def fill(db: sqlite3.Connection) -> None:
        rows = (
            (number, f"r{number}", "f", "", "", 0, 0.0, far, 1, 0) for number in range(1, 20_001)
        )
        db.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        db.executemany(
            "INSERT INTO payloads VALUES (?, ?)", ((number, b"{}") for number in range(1, 20_001))
        )
        db.execute("UPDATE events SET due = 0, accepted = ? WHERE id > 19000", (time.time(),))

    await file.run(fill)
    await file.close()

    class Stuck(Life):
        async def invoke(self, invocation: Invocation) -> Outcome:
            self.ran.append(invocation)
            await asyncio.sleep(3600)
            return OUTCOMES["returns"]

    life = Stuck(tmp_path, scale=1)
    await life.start()
    async with asyncio.timeout(30):
        while len(life.ran) < MOST_RUNNING:
            await asyncio.sleep(0.005)
    (lane,) = life.queue._lanes.values()
    assert len(lane.held) <= MOST_RUNNING + 64
    await life.kill()


async def test_of_failures_the_oldest_go(tmp_path: Path) -> None:
    from edgegw.awslambda.async_invocation import AsyncEvent, Ended

    file = StateFile(tmp_path / "events.sqlite", event_store.SCHEMA)

    def fail_many(db: sqlite3.Connection) -> int:
        for number in range(MOST_FAILURES + 600):
            event = AsyncEvent(
                request_id=str(number),
                function=FunctionRef("f"),
                payload=b"{}",
                trace_id="",
                accepted=0.0,
            )
            row = event_store.insert_event(db, event, 0.0)
            event_store.settle(db, row, Ended(event, "RetriesExhausted"), [], 0.0)
        return db.execute("SELECT count(*) FROM payloads").fetchone()[0]

    payloads = await file.run(fail_many)
    counts = await file.run(count_events)
    await file.close()
    assert MOST_FAILURES <= counts.failed <= MOST_FAILURES + 256
    assert payloads == counts.failed


async def test_an_event_that_ran_twice_ends_once(tmp_path: Path) -> None:
    from edgegw.awslambda.async_invocation import AsyncEvent, Ended
    from edgegw.awslambda.destinations import DestinationMessage

    file = StateFile(tmp_path / "events.sqlite", event_store.SCHEMA)
    event = AsyncEvent(
        request_id="r", function=FunctionRef("f"), payload=b"{}", trace_id="", accepted=0.0
    )

    def twice(db: sqlite3.Connection) -> None:
        row = event_store.insert_event(db, event, 0.0)
        for _ in range(2):
            messages = [DestinationMessage("sqs:dead", b"{}", {})]
            event_store.settle(db, row, Ended(event, "RetriesExhausted"), messages, 0.0)

    await file.run(twice)
    counts = await file.run(count_events)
    await file.close()
    assert (counts.failed, counts.delivering) == (1, 1)


async def test_too_large_for_a_function_is_shown_as_undelivered(tmp_path: Path) -> None:
    """A record of more than a megabyte is no event: it is said, and nothing is lost silently."""

    class Large(Life):
        async def invoke(self, invocation: Invocation) -> Outcome:
            return Returned(b'"%s"' % (b"x" * 1024 * 1024), Report(version="$LATEST"))

    life = Large(tmp_path, on_success="function:report")
    life.outbox._deliveries._local = {"function": _too_large}
    await life.start()
    await life.queue.accept(Invocation(FunctionRef("f"), b"{}"))
    await life.until_empty()
    (message,) = await life.file.run(lambda db: list_deliveries(db, ""))
    await life.close()
    assert message["state"] == "undelivered"
    assert life.figures["DestinationDeliveryFailures"] == 1


async def test_each_try_has_the_same_id_payload_and_trace(tmp_path: Path) -> None:
    class Failing(Life):
        async def invoke(self, invocation: Invocation) -> Outcome:
            self.ran.append(invocation)
            return OUTCOMES["fails"]

    life = Failing(tmp_path)
    await life.start()
    function = FunctionRef("f", qualifier="live")
    root = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    request_id = await life.queue.accept(Invocation(function, b'{"n":1}', root))
    await life.until_empty()
    await life.close()
    assert life.ran == [life.ran[0]] * 3
    first = life.ran[0]
    assert (first.request_id, first.function, first.payload) == (request_id, function, b'{"n":1}')
    assert first.trace_id == next_turn(root, Account().arn("f")).trace_id


async def test_a_message_that_meets_a_fault_is_sent_again(tmp_path: Path) -> None:
    faults = [ZeroDivisionError("a bug")]

    class Faulty(Life):
        async def to_queue(self, name: str, body: bytes, attributes: Any, trace_id: str) -> bool:
            if faults:
                raise faults.pop()
            return True

    life = Faulty(tmp_path, on_success="sqs:done")
    await life.start()
    await life.queue.accept(Invocation(FunctionRef("f"), b"{}"))
    await life.until_empty()
    assert await life.file.run(lambda db: list_deliveries(db, "")) == []
    await life.close()
    assert not faults


async def _too_large(name: str, body: bytes, attributes: Any, trace_id: str) -> bool:
    raise DeliveryFailure("too large", is_final=True)


class TestFiles:
    def test_lines_that_stand_already_are_known(self, tmp_path: Path) -> None:
        file = tmp_path / "done.jsonl"
        lines = [b'{"n":%d}\n' % number for number in range(4)]
        append_lines(file, [b"somebody's own\n", *lines[:2]])
        assert lines_at_the_end(file, lines) == set(lines[:2])

    def test_a_line_that_was_cut_off_goes(self, tmp_path: Path) -> None:
        file = tmp_path / "done.jsonl"
        file.write_bytes(b'{"n":0}\n{"n":')
        assert lines_at_the_end(file, [b'{"n":0}\n', b'{"n":1}\n']) == {b'{"n":0}\n'}
        assert file.read_bytes() == b'{"n":0}\n'

    def test_what_somebody_else_left_without_an_end_gets_one(self, tmp_path: Path) -> None:
        file = tmp_path / "done.jsonl"
        file.write_bytes(b"a note")
        assert not lines_at_the_end(file, [b'{"n":1}\n'])
        assert file.read_bytes() == b"a note\n"

    def test_a_file_that_cannot_be_written_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "done.jsonl").mkdir()
        with pytest.raises(DeliveryFailure, match="cannot be written"):
            append_lines(tmp_path / "done.jsonl", [b"{}\n"])

    @pytest.mark.parametrize(
        ("body", "attributes", "line"),
        [
            (b'{"a":\n1}\n', {}, b'{"a": 1}\n'),
            (
                b"{}",
                {"ErrorCode": ("Number", "200")},
                b'{"attributes":{"ErrorCode": "200"},"body":{}}\n',
            ),
        ],
    )
    def test_a_message_is_one_line(self, body: bytes, attributes: Any, line: bytes) -> None:
        assert file_line(body, attributes) == line


async def test_a_target_that_is_none_is_final(tmp_path: Path) -> None:
    deliveries = Deliveries({}, lambda: pytest.fail("nothing is remote"))
    with pytest.raises(DeliveryFailure, match="no target") as caught:
        await deliveries.deliver("nowhere", b"{}")
    assert caught.value.is_final


async def test_a_queue_that_cannot_be_written_takes_nothing() -> None:
    life = Life(Path("/proc/nowhere"))
    with pytest.raises(ServiceError) as caught:
        await life.queue.accept(Invocation(FunctionRef("f"), b"{}"))
    assert (caught.value.code, caught.value.status) == ("ServiceException", 500)
    with contextlib.suppress(ServiceError):
        await life.queue.accept(Invocation(FunctionRef("f"), b"{}"))
    await life.close()
