"""Queues that a poller reads in tests: one in memory, one of moto's server, an embedded one."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from edgegw.awslambda.sqs_source import InFlight
from edgegw.execution.clock import ScaledClock
from edgegw.execution.event_sources.queue_client import QueueClient, QueueProblem
from edgegw.messaging.queue import ReceivedMessage


@dataclass
class Waiting:
    """A message of the queue in memory."""

    number: int
    body: str
    group: str | None
    visible_at: float = 0.0
    received: int = 0
    handle: str = ""


@dataclass
class MemoryQueue:
    """SQS in a list: visibility timeout, redrive, order per group."""

    clock: ScaledClock
    timeout: float = 30.0
    most_receives: int | None = None
    waiting: list[Waiting] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    receives: int = 0
    problem: str = ""
    """What it answers everything with, while it is there."""

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._news = asyncio.Event()

    def send(self, *bodies: str, group: str | None = None) -> None:
        for body in bodies:
            self.waiting.append(Waiting(next(self._numbers), body, group))
        self._news.set()

    @property
    def left(self) -> list[str]:
        return [message.body for message in self.waiting]

    async def receive(self, most: int, wait: float) -> Sequence[InFlight]:
        self._check()
        deadline = self.clock.now() + wait
        while True:
            self.receives += 1
            self._news.clear()
            taken = self._take(most)
            if taken or self.clock.now() >= deadline:
                return taken
            again = min((one.visible_at for one in self.waiting), default=deadline)
            soon = max(again, self.clock.now() + 0.001)
            await self.clock.sleep_until(min(soon, deadline, self.clock.now() + 3600), self._news)

    def _take(self, most: int) -> list[InFlight]:
        now, taken, closed = self.clock.now(), list[InFlight](), set[str | None]()
        for message in list(self.waiting):
            if len(taken) == most:
                break
            if message.group is not None and message.group in closed:
                continue
            if message.visible_at > now:
                closed.add(message.group)
                continue
            if self.most_receives is not None and message.received >= self.most_receives:
                self.waiting.remove(message)
                self.dead.append(message.body)
                continue
            taken.append(self._received(message, now))
        return taken

    def _received(self, message: Waiting, now: float) -> ReceivedMessage:
        message.received += 1
        message.visible_at = now + self.clock.real(self.timeout)
        message.handle = f"{message.number}-{message.received}"
        system = {"ApproximateReceiveCount": str(message.received), "SenderId": "me"}
        if message.group is not None:
            system |= {"MessageGroupId": message.group, "SequenceNumber": str(message.number)}
        md5 = hashlib.md5(message.body.encode()).hexdigest()
        name = f"m{message.number}"
        return ReceivedMessage(name, message.handle, message.body, md5, {}, system)

    async def delete(self, messages: Sequence[InFlight]) -> None:
        self._check()
        handles = {message.receipt_handle for message in messages}
        assert 0 < len(handles) <= 10
        self.waiting = [message for message in self.waiting if message.handle not in handles]
        self._news.set()

    async def fail(self, messages: Sequence[InFlight]) -> None:
        self._check()

    async def release(self, messages: Sequence[InFlight]) -> None:
        self._check()
        handles = {message.receipt_handle for message in messages}
        assert 0 < len(handles) <= 10
        for message in self.waiting:
            if message.handle in handles:
                message.visible_at = 0.0
        self._news.set()

    async def visibility_timeout(self) -> float:
        return self.timeout

    async def close(self) -> None:
        pass

    def _check(self) -> None:
        if self.problem:
            raise QueueProblem(self.problem)


class BotoQueue:
    """A queue that boto3 fills and looks into, at any endpoint."""

    def __init__(self, boto: Any, url: str, dead_url: str) -> None:
        self._boto = boto
        self.url = url
        self._dead_url = dead_url

    async def send(self, *bodies: str, group: str | None = None) -> None:
        for body in bodies:
            more = {}
            if group is not None:
                more = {"MessageGroupId": group, "MessageDeduplicationId": f"{group}{body}"}
            await asyncio.to_thread(
                self._boto.send_message, QueueUrl=self.url, MessageBody=body, **more
            )

    async def counts(self) -> tuple[int, int]:
        """How many messages are visible, and in flight."""
        return await self._counts(self.url)

    async def dead(self) -> int:
        return (await self._counts(self._dead_url))[0]

    async def _counts(self, url: str) -> tuple[int, int]:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = await asyncio.to_thread(
            self._boto.get_queue_attributes, QueueUrl=url, AttributeNames=names
        )
        visible, hidden = (int(answer["Attributes"][name]) for name in names)
        return visible, hidden


@asynccontextmanager
async def closing(client: QueueClient) -> AsyncIterator[QueueClient]:
    try:
        yield client
    finally:
        await client.close()
