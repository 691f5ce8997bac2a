"""What the local API does with streams: it puts records for `edgegw send`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from edgegw.errors import UsageError
from edgegw.gateway.fronts.local_queues import QueueOperations
from edgegw.gateway.fronts.local_router import Call, json_answer
from edgegw.gateway.workers import STREAMS_FILE
from edgegw.http.message import Response

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway
    from edgegw.messaging.stream import EmbeddedStream, NewRecord, RemoteStream

_QUEUES_ONLY = ("group", "deduplication_id", "delay", "attributes")


class SendOperations:
    """Sends to whatever the path names: a queue or a stream."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._queues = QueueOperations(gateway)
        self._streams = StreamOperations(gateway)

    async def send(self, call: Call) -> Response:
        """`{"messages": [TEXT…], …}`; answers their ids, of records their sequence numbers."""
        stream = await self._streams.find(call.path["queue"])
        if stream is not None:
            return await self._streams.send(stream, call)
        if call.body.get("partition_key") is not None:
            raise UsageError(f"{call.path['queue']} is no stream: a partition key means nothing")
        return await self._queues.send(call)


class StreamOperations:
    """The embedded streams, whether or not the AWS APIs are served."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def find(self, name: str) -> EmbeddedStream | RemoteStream | None:
        """The stream of this name, embedded or another service's; None when there is none."""
        config = self._gateway.config
        is_kept = (Path(config.state) / STREAMS_FILE).exists()
        if name in config.queues or not (config.streams or is_kept):
            return None
        from edgegw.gateway.workers.streams import Streams
        from edgegw.messaging.stream import RemoteStream

        configured = config.streams.get(name)
        if isinstance(configured, RemoteStream):
            return configured
        streams = await self._gateway.workers.of(Streams)
        return next((each for each in await streams.all() if each.name == name), None)

    async def send(self, stream: EmbeddedStream | RemoteStream, call: Call) -> Response:
        """Puts records in this order.

        `{"messages": [TEXT…], "partition_key": …}`: of a stream of DynamoDB each is the JSON of a
        record, and its key is the item's. Without a key each record gets one of its own.
        """
        for option in _QUEUES_ONLY:
            if call.body.get(option):
                option = option.replace("_", "-").removesuffix("s")
                raise UsageError(f"{stream.name} is a stream: --{option} is for queues")
        texts = [str(text) for text in cast("list[object]", call.member("messages", list))]
        rows = await self._placed(stream, call, texts)
        return json_answer(
            {"message_ids": [row["SequenceNumber"] for row in rows], "records": rows}
        )

    async def _placed(
        self, stream: EmbeddedStream | RemoteStream, call: Call, texts: list[str]
    ) -> Sequence[Mapping[str, Any]]:
        from edgegw.gateway.workers.streams import Streams
        from edgegw.messaging.stream import RemoteStream
        from edgegw.messaging.stream_errors import StreamError
        from edgegw.messaging.stream_json import placed_json

        if isinstance(stream, RemoteStream):
            from edgegw.gateway.fronts.remote_sending import send_to_stream

            given = [self._keyed(call, _bytes_of(text)) for text in texts]
            return await send_to_stream(stream, given, self._gateway.workers.around.clock)
        streams = await self._gateway.workers.of(Streams)
        try:
            records = [self._record(stream, call, text) for text in texts]
            placed = await streams.put(stream.name, records)
        except StreamError as error:
            raise UsageError(f"{stream.name}: {error.text}") from None
        return [placed_json(stream, each) for each in placed]

    def _record(self, stream: EmbeddedStream, call: Call, text: str) -> NewRecord:
        from edgegw.messaging.dynamodb_records import new_change

        content = _bytes_of(text)
        if stream.definition.type == "dynamodb":
            if call.body.get("partition_key") is not None:
                raise UsageError(f"{stream.name}: the key of a record is that of its item, in Keys")
            return new_change(content)
        return self._keyed(call, content)

    def _keyed(self, call: Call, content: bytes) -> NewRecord:
        """A record of Kinesis."""
        from edgegw.messaging.stream import NewRecord
        from edgegw.messaging.stream_quotas import MAX_DATA, MAX_PARTITION_KEY

        given = call.body.get("partition_key")
        key = self._gateway.world.entropy() if given is None else call.member("partition_key", str)
        if not 1 <= len(key) <= MAX_PARTITION_KEY:
            raise UsageError(f"a partition key has 1 to {MAX_PARTITION_KEY} characters")
        if len(content) + len(key.encode()) > MAX_DATA:
            raise UsageError(f"a record has {MAX_DATA} bytes at most, its partition key included")
        return NewRecord(content, key)


def _bytes_of(text: str) -> bytes:
    """The bytes of a record; what is no UTF-8 comes as lone surrogates. Raises UsageError."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise UsageError("a record is a text, with lone surrogates for single bytes") from None
