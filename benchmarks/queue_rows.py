"""Messages through an embedded queue, in batches of ten (`python benchmarks/queue_rows.py`).

    row                  what is measured
    sent, 1 client       messages accepted a second over the SQS API: each batch waits for its commit
    sent, 16 clients     batches that come meanwhile share a commit
    through, 16 clients  messages that are sent, received and deleted a second over the SQS API
    in process           the same without HTTP, as pollers of event sources do it
    beside a million     one ReceiveMessage after the other while 1,000,000 messages wait

What a commit takes is the disk's: `commits` says how many a plain file takes a second, alone. The
clients write requests of boto3's form to sockets themselves: boto3 would be what is measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from servers import Running, edgegw, environment, free_port

from edgegw.awslambda.names import Account
from edgegw.execution.clock import ScaledClock
from edgegw.execution.embedded_queues import EmbeddedQueues
from edgegw.execution.queue_store import SCHEMA
from edgegw.execution.state_file import StateFile
from edgegw.messaging.queue import QueueSettings, SendMessage

CLIENTS = 16
BATCH = 10
WAITING = 1_000_000
BODY = "a message as they usually are: some hundred bytes of JSON, an id and a few words " * 2
JOBS = QueueSettings(name="jobs")


def measure_queues(folder: Path, seconds: float = 3, *, waiting: int = WAITING) -> dict[str, float]:
    """Messages a second (of the last row milliseconds a call), by row."""
    folder.mkdir(exist_ok=True)
    return {
        "commits": _plain_commits(folder),
        **asyncio.run(_over_http(folder / "api", seconds)),
        "in process": asyncio.run(_in_process(folder / "own", seconds)),
        "beside a million": asyncio.run(_beside(folder / "many", waiting)),
    }


def print_queues(rows: dict[str, float]) -> None:
    print("\nEmbedded queues, messages a second in batches of 10")
    for name, rate in rows.items():
        unit = " ms a call" if name == "beside a million" else ""
        print(f"  {name:<22}{rate:10,.1f}{unit}")


def _plain_commits(folder: Path) -> float:
    """How many writes of 4 KB a second are on disk, one after the other."""
    with (folder / "plain").open("wb", buffering=0) as file:
        begun, count = time.perf_counter(), 0
        while time.perf_counter() - begun < 1:
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            count += 1
    return count / (time.perf_counter() - begun)


# Over HTTP


class Client:
    """One connection to the SQS API."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._url = f"http://127.0.0.1:{port}/123456789012/jobs"

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    def close(self) -> None:
        self._writer.close()

    async def call(self, operation: str, **asked: object) -> dict:
        body = json.dumps({"QueueUrl": self._url, **asked}).encode()
        head = (
            f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nX-Amz-Target: AmazonSQS."
            f"{operation}\r\nContent-Type: application/x-amz-json-1.0\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        assert b" 200" in answer.partition(b"\r\n")[0], answer
        length = int(answer.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return json.loads(await self._reader.readexactly(length))

    async def send(self) -> int:
        entries = [{"Id": str(at), "MessageBody": BODY} for at in range(BATCH)]
        return len((await self.call("SendMessageBatch", Entries=entries))["Successful"])

    async def through(self) -> int:
        """Sends a batch, receives as many and deletes them."""
        await self.send()
        messages = (await self.call("ReceiveMessage", MaxNumberOfMessages=BATCH)).get(
            "Messages", []
        )
        entries = [
            {"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]}
            for at, each in enumerate(messages)
        ]
        if entries:
            await self.call("DeleteMessageBatch", Entries=entries)
        return len(entries)


async def _over_http(place: Path, seconds: float) -> dict[str, float]:
    place.mkdir()
    port = free_port()
    file = place / "edgegw.json"
    file.write_text(
        json.dumps({"queues": {"jobs": {}}, "gateway": {"lambda_api": port, "state": "state"}})
    )
    running = Running(edgegw(file), port, place / "log", environment(place / "cache"))
    try:
        one, many = [Client(port)], [Client(port) for _ in range(CLIENTS)]
        for client in (*one, *many):
            await client.open()
        await one[0].through()  # what is imported by the first call is nobody's rate
        rows = {
            f"through, {CLIENTS} clients": await _rate([c.through for c in many], seconds),
            "sent, 1 client": await _rate([c.send for c in one], seconds),
            f"sent, {CLIENTS} clients": await _rate([c.send for c in many], seconds),
        }
        for client in (*one, *many):
            client.close()
        return rows
    finally:
        running.stop()


async def _rate(works: list[Callable[[], Awaitable[int]]], seconds: float) -> float:
    """Messages a second of all `works` together, each called again and again."""
    begun, end = time.perf_counter(), time.perf_counter() + seconds

    async def repeated(work: Callable[[], Awaitable[int]]) -> int:
        count = 0
        while time.perf_counter() < end:
            count += await work()
        return count

    counts = await asyncio.gather(*map(repeated, works))
    return sum(counts) / (time.perf_counter() - begun)


# In process


def _queues(place: Path) -> EmbeddedQueues:
    state = StateFile(place / "queues.sqlite", SCHEMA)
    queues = EmbeddedQueues(state, ScaledClock(), Account(), lambda: str(uuid.uuid4()))
    queues.configure([JOBS], Account())
    return queues


async def _in_process(place: Path, seconds: float) -> float:
    place.mkdir()
    queues = _queues(place)

    async def through() -> int:
        await queues.send_batch("jobs", [SendMessage(BODY) for _ in range(BATCH)])
        messages = await queues.receive("jobs", BATCH)
        await queues.delete("jobs", [each.receipt_handle for each in messages])
        return len(messages)

    try:
        return await _rate([through] * CLIENTS, seconds)
    finally:
        await queues.close()


async def _beside(place: Path, waiting: int) -> float:
    """Milliseconds of one receive and delete beside so many messages."""
    place.mkdir()
    connection = sqlite3.connect(place / "queues.sqlite")
    connection.executescript(SCHEMA)
    connection.executemany(
        "INSERT INTO messages (queue, visible_at, receives, sent, received, message_id, body)"
        " VALUES ('jobs', ?, 0, ?, 0, 'id', ?)",
        ((time.time(), time.time(), BODY) for _ in range(waiting)),
    )
    connection.commit()
    connection.close()
    queues = _queues(place)
    try:
        await queues.receive("jobs", BATCH)
        begun, count = time.perf_counter(), 200
        for _ in range(count):
            messages = await queues.receive("jobs", BATCH)
            await queues.delete("jobs", [each.receipt_handle for each in messages])
        return (time.perf_counter() - begun) / count * 1000
    finally:
        await queues.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print_queues(measure_queues(Path(folder) / "queues"))
