"""Streams to read, embedded and of a moto server, and functions that read them.

Both kinds answer the same questions, so one test holds for both.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

from edgegw.awslambda.model import FunctionError, FunctionRef, Invocation, Outcome, Report, Returned
from edgegw.awslambda.names import Account
from edgegw.awslambda.source_mapping import EventSourceMapping, StreamMapping
from edgegw.awslambda.stream_events import ShardOrigin
from edgegw.execution.clock import ScaledClock
from edgegw.execution.deliveries import DeliveryFailure
from edgegw.execution.embedded_streams import EmbeddedStreams
from edgegw.execution.event_sources.checkpoints import CHECKPOINT_SCHEMA, StoredCheckpoints
from edgegw.execution.event_sources.embedded_stream import EmbeddedStreamClient
from edgegw.execution.event_sources.endpoint_stream import EndpointStreamClient
from edgegw.execution.event_sources.shard_poller import PollerContext
from edgegw.execution.event_sources.stream_client import StreamClient
from edgegw.execution.event_sources.streams import STARTED, StreamPoller
from edgegw.execution.state_file import StateFile
from edgegw.execution.stream_rows import SCHEMA
from edgegw.messaging.stream import NewRecord, StreamDefinition
from tests.conftest import free_port

ACCOUNT = Account()


class Source(Protocol):
    """A stream of Kinesis that a test fills and a poller reads."""

    arn: str
    name: str

    def client(self, clock: ScaledClock) -> StreamClient: ...
    async def put(self, *records: tuple[str, str]) -> None: ...
    async def reshard(self, count: int) -> None: ...
    async def close(self) -> None: ...


class EmbeddedSource:
    def __init__(self, folder: Path, shards: int) -> None:
        self.name = "clicks"
        self.arn = "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"
        self._file = StateFile(folder / "streams.sqlite", SCHEMA)
        self.streams = EmbeddedStreams(self._file, ScaledClock(), ACCOUNT)
        self._shards = shards

    async def start(self) -> EmbeddedSource:
        await self.streams.declare([StreamDefinition(name=self.name, shards=self._shards)])
        return self

    def client(self, clock: ScaledClock) -> StreamClient:
        origin = ShardOrigin("kinesis", self.arn, "us-east-1", "", "role")
        return EmbeddedStreamClient(self.streams, self.name, origin, clock)

    async def put(self, *records: tuple[str, str]) -> None:
        await self.streams.put(self.name, [NewRecord(data.encode(), key) for key, data in records])

    async def reshard(self, count: int) -> None:
        await self.streams.reshard(self.name, count)

    async def close(self) -> None:
        await self._file.close()


class MotoSource:
    def __init__(self, url: str, shards: int) -> None:
        self.name = f"clicks-{uuid.uuid4()}"
        self.arn = f"arn:aws:kinesis:us-east-1:123456789012:stream/{self.name}"
        self._url = url
        self._shards = shards
        self._stack = AsyncExitStack()
        self._client: Any = None

    async def start(self) -> MotoSource:
        await self._call("create_stream", StreamName=self.name, ShardCount=self._shards)
        for _ in range(100):
            described = await self._call("describe_stream_summary", StreamName=self.name)
            if described["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE":
                break
            await asyncio.sleep(0.02)
        return self

    async def _call(self, operation: str, **parameters: Any) -> Any:
        from aiobotocore.session import get_session

        if self._client is None:
            keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
            made = get_session().create_client(
                "kinesis", endpoint_url=self._url, region_name="us-east-1", **keys
            )
            self._client = await self._stack.enter_async_context(made)
        return await getattr(self._client, operation)(**parameters)

    def client(self, clock: ScaledClock) -> StreamClient:
        origin = ShardOrigin("kinesis", self.arn, "us-east-1", "", "role")
        return EndpointStreamClient(origin, self._url, clock)

    async def put(self, *records: tuple[str, str]) -> None:
        entries = [{"Data": data.encode(), "PartitionKey": key} for key, data in records]
        await self._call("put_records", StreamName=self.name, Records=entries)

    async def reshard(self, count: int) -> None:
        await self._call(
            "update_shard_count",
            StreamName=self.name,
            TargetShardCount=count,
            ScalingType="UNIFORM_SCALING",
        )

    async def close(self) -> None:
        await self._call("delete_stream", StreamName=self.name)
        await self._stack.aclose()


class TableSource:
    """A table of moto's DynamoDB with its stream; it is no `Source`: changes fill it."""

    def __init__(self, url: str) -> None:
        self.name = f"table-{uuid.uuid4()}"
        self.arn = ""
        self._url = url
        self._stack = AsyncExitStack()
        self._client: Any = None

    async def start(self) -> TableSource:
        from aiobotocore.session import get_session

        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
        made = get_session().create_client(
            "dynamodb", endpoint_url=self._url, region_name="us-east-1", **keys
        )
        self._client = await self._stack.enter_async_context(made)
        answer = await self._client.create_table(
            TableName=self.name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        self.arn = answer["TableDescription"]["LatestStreamArn"]
        return self

    def client(self, clock: ScaledClock) -> StreamClient:
        origin = ShardOrigin("dynamodb", self.arn, "us-east-1", "", "role")
        return EndpointStreamClient(origin, self._url, clock)

    async def put(self, item: dict[str, Any]) -> None:
        await self._client.put_item(TableName=self.name, Item=item)

    async def remove(self, key: dict[str, Any]) -> None:
        await self._client.delete_item(TableName=self.name, Key=key)

    async def close(self) -> None:
        await self._client.delete_table(TableName=self.name)
        await self._stack.aclose()


@contextmanager
def moto_server() -> Iterator[str]:
    """The URL of a moto server in a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                httpx.get(f"{url}/moto-api/data.json")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


# Functions and pollers

REPORT = Report(request_id="r")
Handler = Callable[[dict[str, Any]], object]


class Failing(Exception):
    """The function raises."""


@dataclass
class Reader:
    """A mapping with its poller, the function it invokes, and everything that comes of it."""

    source: Source | TableSource
    checkpoints: StoredCheckpoints
    handler: Handler
    mapping: EventSourceMapping
    scale: float = 200.0
    events: list[dict[str, Any]] = field(default_factory=list)
    handled: list[str] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    destination_is_down: bool = False
    duration: float = 0.0
    in_flight: int = 0
    most_in_flight: int = 0
    poller: StreamPoller | None = None
    counts: Counter[str] = field(default_factory=Counter[str])
    destination_refuses: bool = False
    reads: Callable[[dict[str, Any]], list[str]] = lambda event: texts(event)

    def start(self) -> Reader:
        clock = ScaledClock(scale=self.scale)
        context = PollerContext(
            invoke=self._invoke,
            deliver=self._deliver,
            clock=clock,
            checkpoints=self.checkpoints,
            function_arn=lambda mapping: ACCOUNT.arn(mapping.function.name),
            count=self._count,
            note_undelivered=lambda _: self._count("DestinationDeliveryFailures", 1),
        )
        kind = "kinesis" if self.mapping.kind == "kinesis" else "dynamodb"
        origin = ShardOrigin(kind, self.source.arn, "us-east-1", "", "role")
        self.poller = StreamPoller(self.mapping, origin, self.source.client(clock), context)
        self.poller.start()
        return self

    async def _invoke(self, invocation: Invocation) -> Outcome:
        event = json.loads(invocation.payload)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.duration)
            self.events.append(event)
            answer = self.handler(event)
            self.handled += self.reads(event)
            return (
                answer
                if isinstance(answer, Outcome)
                else Returned(json.dumps(answer).encode(), REPORT)
            )
        except Failing as error:
            return FunctionError("Unhandled", str(error), b"{}", REPORT)
        finally:
            self.in_flight -= 1

    def _count(self, metric: str, events: int) -> None:
        assert events > 0
        self.counts[metric] += events

    async def _deliver(self, target: str, body: bytes) -> None:
        if self.destination_refuses:
            raise DeliveryFailure("no such destination", is_final=True)
        if self.destination_is_down:
            raise DeliveryFailure("the destination is down")
        self.failures.append(json.loads(body) | {"target": target})

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for what a test is about."""
        for _ in range(6000):
            if condition():
                return
            await asyncio.sleep(0.005)
        raise AssertionError((self.handled, self.failures, self.poller and self.poller.last_result))

    async def until_begun(self) -> None:
        """Waits until it is on disk where the mapping begins."""
        while STARTED not in await self.checkpoints.load(self.mapping.uuid):
            await asyncio.sleep(0.01)

    async def until_kept(self, text: str) -> None:
        """Waits until the checkpoint of the first shard has this in it."""
        shard = "shardId-000000000000"
        while text not in (await self.checkpoints.load(self.mapping.uuid)).get(shard, ""):
            await asyncio.sleep(0.01)

    async def kill(self) -> None:
        """Ends the poller at once, whatever it is doing."""
        assert self.poller is not None
        await self.poller.close()


def texts(event: dict[str, Any]) -> list[str]:
    """The data of an event's records."""
    return [base64.b64decode(each["kinesis"]["data"]).decode() for each in event["Records"]]


def ids(event: dict[str, Any]) -> list[str]:
    """What happened to which item, of an event of a table's stream."""
    return [
        f"{each['eventName']} {each['dynamodb']['Keys']['id']['S']}" for each in event["Records"]
    ]


def mapping_of(source: Source | TableSource, **settings: Any) -> EventSourceMapping:
    """A mapping with AWS's defaults, from the beginning of the stream."""
    plain = {
        name: settings.pop(name)
        for name in ("batch_size", "batch_window", "filters", "reports_failures")
        if name in settings
    }
    stream = StreamMapping(**{"starting_position": "TRIM_HORIZON", **settings})
    return EventSourceMapping(
        uuid="11111111-2222-3333-4444-555555555555",
        kind="kinesis",
        source=source.name,
        arn=source.arn,
        function=FunctionRef("worker"),
        stream=stream,
        **{"batch_size": 100, **plain},
    )


def checkpoint_file(folder: Path) -> StateFile:
    return StateFile(folder / "mappings.sqlite", CHECKPOINT_SCHEMA)
