"""A stream of AWS, or of anything that speaks its API, through aiobotocore (extra `edgegw[aws]`).

Iterators grow old: a place in a shard therefore also knows the last record that was read there, and
takes a new iterator after it. A place that the stream has dropped meanwhile is read from its oldest
record on. Streams tell nobody when they have something, so a shard without news is asked once a
second, as Lambda does.
Source: Lambda Developer Guide, "Polling and batching streams".
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any, Final, cast

from edgegw.awslambda.payload import Json
from edgegw.awslambda.stream_events import ShardOrigin, dynamodb_record, kinesis_record
from edgegw.awslambda.stream_source import StreamRecord
from edgegw.execution.clock import ScaledClock
from edgegw.execution.event_sources.attribute_values import plain_json
from edgegw.execution.event_sources.endpoint_queue import once
from edgegw.execution.event_sources.stream_client import (
    ListedShard,
    ReadPage,
    ShardStart,
    StreamProblem,
)
from edgegw.messaging.stream import NewRecord
from edgegw.values import value

_MADE_UP: Final = {"aws_access_key_id": "edgegw", "aws_secret_access_key": "edgegw"}
_NOT_INSTALLED: Final = (
    "real streams need aiobotocore: install it with pip install 'edgegw[aws]', or use a stream of "
    "`streams:`, which needs nothing"
)
_DAY: Final = 86_400.0
_POLL: Final = 1.0
"""Seconds between two looks at a shard without news.

Source: Lambda Developer Guide, "Polling and batching streams".
"""
_BETWEEN: Final = 0.2
"""Seconds between two readings: a shard answers five of them a second.

Source: Kinesis Data Streams API Reference, "GetRecords".
"""
_SERVICES: Final = {"kinesis": "kinesis", "dynamodb": "dynamodbstreams"}


class _Refused(Exception):  # noqa: N818 - it is told as a StreamProblem
    """The service answered with an error of its own."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class EndpointStreamClient:
    """The stream with the ARN of `origin`, asked at `endpoint_url` (empty: AWS).

    With `patience`, seconds for a connection and for an answer, a call is tried once.
    """

    def __init__(
        self,
        origin: ShardOrigin,
        endpoint_url: str,
        clock: ScaledClock,
        patience: float | None = None,
    ) -> None:
        self._origin = origin
        self._patience = patience
        self._endpoint_url = endpoint_url
        self._clock = clock
        self._stack = AsyncExitStack()
        self._client: Any = None
        self._closed: set[str] = set()
        self._lock = asyncio.Lock()

    @property
    def is_kinesis(self) -> bool:
        """Whether it is a stream of Kinesis, and not of a table."""
        return self._origin.type == "kinesis"

    @property
    def stream(self) -> dict[str, str]:
        """How calls name the stream."""
        return {"StreamARN" if self.is_kinesis else "StreamArn": self._origin.arn}

    def is_closed(self, shard: str) -> bool:
        """Whether the last list said that the shard takes no more records."""
        return shard in self._closed

    async def retention(self) -> float:
        """Seconds for which it keeps records."""
        if not self.is_kinesis:
            return _DAY
        answer = await self._answer("describe_stream_summary", **self.stream)
        return answer["StreamDescriptionSummary"]["RetentionPeriodHours"] * 3600.0

    async def put(self, record: NewRecord) -> tuple[str, str]:
        """Puts a record into a stream of Kinesis; its shard and its sequence number."""
        answer = await self._answer(
            "put_record", **self.stream, Data=record.data, PartitionKey=record.partition_key
        )
        return answer["ShardId"], answer["SequenceNumber"]

    async def shards(self) -> Sequence[ListedShard]:
        """All shards, closed ones too."""
        shards = await (self._kinesis_shards() if self.is_kinesis else self._table_shards())
        self._closed = {shard["ShardId"] for shard in shards if _is_closed(shard)}
        return [_listed(shard) for shard in shards]

    async def _kinesis_shards(self) -> list[Mapping[str, Any]]:
        answer = await self._answer("list_shards", **self.stream)
        shards = list(answer["Shards"])
        while answer.get("NextToken"):
            answer = await self._answer("list_shards", NextToken=answer["NextToken"])
            shards += answer["Shards"]
        return shards

    async def _table_shards(self) -> list[Mapping[str, Any]]:
        shards, last = list[Mapping[str, Any]](), dict[str, str]()
        while True:
            answer = await self._answer("describe_stream", **self.stream, **last)
            description = answer["StreamDescription"]
            shards += description["Shards"]
            if not description.get("LastEvaluatedShardId"):
                return shards
            last = {"ExclusiveStartShardId": description["LastEvaluatedShardId"]}

    async def open(self, shard: str, start: ShardStart) -> EndpointShardCursor:
        """Begins to read a shard."""
        origin = ShardOrigin(
            self._origin.type, self._origin.arn, self._origin.region, shard, self._origin.role
        )
        since = start.at if start.type == "AT_TIMESTAMP" and not self.is_kinesis else 0.0
        if since:  # tables' streams begin at no time of older endpoints: older records are skipped
            start = ShardStart("TRIM_HORIZON")
        place = _ReadingPlace(start.type, start.sequence_number, start.at)
        cursor = EndpointShardCursor(self, origin, place, self._clock)
        cursor.since = since
        await cursor.renew()
        return cursor

    async def close(self) -> None:
        """Closes the connections."""
        self._client = None
        await self._stack.aclose()

    async def _answer(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """The answer of an operation. Raises StreamProblem."""
        try:
            return await self.call(operation, **parameters)
        except _Refused as refused:
            raise StreamProblem(f"{self._origin.arn}: {refused}") from refused

    async def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """The answer of an operation. Raises _Refused, and StreamProblem for the network's."""
        try:
            async with self._lock:
                if self._client is None:
                    self._client = await self._connected()
            return await getattr(self._client, operation)(**parameters)
        except StreamProblem:
            raise
        except Exception as error:  # botocore's errors, and the network's below them
            answer: Any = getattr(error, "response", None)
            if isinstance(answer, Mapping) and "Error" in answer:
                code = cast("Mapping[str, Any]", answer["Error"]).get("Code", "")
                raise _Refused(str(code), str(error)) from error
            problem = f"{self._origin.arn}: {error or type(error).__name__}"
            raise StreamProblem(problem) from error

    async def _connected(self) -> Any:
        try:
            session: Any = importlib.import_module("aiobotocore.session").get_session()
        except ImportError:
            raise StreamProblem(_NOT_INSTALLED) from None
        options = {"region_name": self._origin.region, **once(self._patience)}
        if self._endpoint_url:
            options["endpoint_url"] = self._endpoint_url
            if await session.get_credentials() is None:
                options |= _MADE_UP
        service = _SERVICES[self._origin.type]
        return await self._stack.enter_async_context(session.create_client(service, **options))


def _is_closed(shard: Mapping[str, Any]) -> bool:
    return bool(shard.get("SequenceNumberRange", {}).get("EndingSequenceNumber"))


def _listed(shard: Mapping[str, Any]) -> ListedShard:
    parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
    return ListedShard(shard["ShardId"], tuple(parent for parent in parents if parent))


@value
class _ReadingPlace:
    """Where a cursor is: how an iterator for it is asked for."""

    type: str
    sequence_number: str = ""
    at: float = 0.0


class EndpointShardCursor:
    """A place in a shard of a stream that is asked over the network."""

    def __init__(
        self,
        client: EndpointStreamClient,
        origin: ShardOrigin,
        place: _ReadingPlace,
        clock: ScaledClock,
    ) -> None:
        self._client = client
        self._origin = origin
        self._place = place
        self._clock = clock
        self._named = client.stream if client.is_kinesis else dict[str, str]()
        self._iterator: str | None = None
        self._wake = asyncio.Event()
        self.since = 0.0
        """Records that arrived before are skipped."""

    async def renew(self) -> None:
        """Takes an iterator for the present place. Raises StreamProblem."""
        try:
            self._iterator = await self._asked(self._place)
        except _Refused as refused:
            if not self._place.sequence_number or refused.code == "ResourceNotFoundException":
                raise StreamProblem(f"{self._origin.arn}: {refused}") from refused
            # what was read last is gone from the stream: the oldest record comes next
            self._place = _ReadingPlace("TRIM_HORIZON")
            await self.renew()

    async def _asked(self, place: _ReadingPlace) -> str:
        parameters: dict[str, Any] = {
            "ShardId": self._origin.shard,
            "ShardIteratorType": place.type,
        }
        if place.sequence_number:
            name = "StartingSequenceNumber" if self._client.is_kinesis else "SequenceNumber"
            parameters[name] = place.sequence_number
        if place.type == "AT_TIMESTAMP":
            parameters["Timestamp"] = place.at
        answer = await self._client.call("get_shard_iterator", **self._client.stream, **parameters)
        return str(answer["ShardIterator"])

    async def read(self, limit: int) -> ReadPage:
        """The next records, in order."""
        self._wake.clear()
        if self._iterator is None:
            await self.renew()
        most = limit if self._client.is_kinesis else min(limit, 1_000)
        was_closed = self._client.is_closed(self._origin.shard)
        try:
            answer = await self._client.call(
                "get_records", ShardIterator=self._iterator, Limit=most, **self._named
            )
        except _Refused as refused:
            self._iterator = None
            if refused.code == "ExpiredIteratorException":
                return await self.read(limit)
            if refused.code == "TrimmedDataAccessException":
                self._place = _ReadingPlace("TRIM_HORIZON")
                return await self.read(limit)
            raise StreamProblem(f"{self._origin.arn}: {refused}") from refused
        return self._page(answer, was_closed=was_closed)

    def _page(self, answer: Mapping[str, Any], *, was_closed: bool) -> ReadPage:
        records = [self._record(content) for content in answer["Records"]]
        self._iterator = answer.get("NextShardIterator")
        if records:
            self._place = _ReadingPlace("AFTER_SEQUENCE_NUMBER", records[-1].sequence_number)
        is_behind = bool(records or answer.get("MillisBehindLatest"))
        # some endpoints give iterators for ever; of them the list of shards says what is over
        is_over = self._iterator is None or (was_closed and not is_behind)
        is_at_end = is_over or not is_behind
        kept = [record for record in records if record.arrived_at >= self.since]
        return ReadPage(kept, is_at_end=is_at_end, is_over=is_over)

    def _record(self, content: Mapping[str, Any]) -> StreamRecord:
        if self._client.is_kinesis:
            arrived = cast("datetime", content["ApproximateArrivalTimestamp"]).timestamp()
            number, key = content["SequenceNumber"], content["PartitionKey"]
            return kinesis_record(self._origin, number, key, content["Data"], arrived)
        change = cast("Mapping[str, Json]", plain_json(content))
        arrived = cast("datetime", content["dynamodb"]["ApproximateCreationDateTime"]).timestamp()
        return dynamodb_record(self._origin, change, arrived)

    async def wait(self, until: float | None) -> None:
        """Waits a second, as nobody tells when there is more."""
        now = self._clock.now()
        look = now + _POLL
        at = look if until is None else max(now + _BETWEEN, min(until, look))
        await self._clock.sleep_until(at, self._wake)

    def wake(self) -> None:
        """Ends the waiting."""
        self._wake.set()

    def close(self) -> None:
        """The iterator grows old by itself."""
