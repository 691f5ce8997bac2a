"""The operations of the SQS API, each from the JSON that is asked to the JSON of the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeAlias

from edgegw.awslambda.payload import Json
from edgegw.gateway.workers.queues import Queues
from edgegw.messaging.batches import batch_answer, check_ids
from edgegw.messaging.move_tasks import MAX_PER_SECOND
from edgegw.messaging.queue import SendMessage
from edgegw.messaging.queue_attributes import ATTRIBUTE_NAMES
from edgegw.messaging.queue_errors import QueueError, missing_parameter, unknown_attribute
from edgegw.messaging.sqs_json import (
    MAX_MESSAGES,
    MAX_WAIT,
    Asked,
    Wanted,
    entries_of,
    map_of,
    number_between,
    optional_text,
    page_of,
    read_message,
    sent_json,
    task_json,
    text_of,
    texts_of,
    whole_number,
)
from edgegw.values import value

_Answer: TypeAlias = dict[str, Json]
_MESSAGES: Final = f"Must be between 1 and {MAX_MESSAGES}, if provided."
_WAIT: Final = f"Must be >= 0 and <= {MAX_WAIT}, if provided."


@value
class SqsCall:
    """What is asked, the beginning of the URLs of queues, and the trace header of the request."""

    asked: Asked
    url: str
    trace_header: str | None


class SqsOperations:
    """All operations by name."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues
        self.by_name: Mapping[str, Callable[[SqsCall], Awaitable[_Answer]]] = {
            "SendMessage": self._send,
            "SendMessageBatch": self._send_batch,
            "ReceiveMessage": self._receive,
            "DeleteMessage": self._delete,
            "DeleteMessageBatch": self._delete_batch,
            "ChangeMessageVisibility": self._change_visibility,
            "ChangeMessageVisibilityBatch": self._change_visibility_batch,
            "GetQueueUrl": self._get_url,
            "GetQueueAttributes": self._get_attributes,
            "SetQueueAttributes": self._set_attributes,
            "ListQueues": self._list,
            "ListDeadLetterSourceQueues": self._list_sources,
            "CreateQueue": self._create,
            "DeleteQueue": self._delete_queue,
            "PurgeQueue": self._purge,
            "ListQueueTags": self._list_tags,
            "TagQueue": self._tag,
            "UntagQueue": self._untag,
            "StartMessageMoveTask": self._start_move,
            "ListMessageMoveTasks": self._list_moves,
            "CancelMessageMoveTask": self._cancel_move,
        }

    # Messages

    async def _send(self, call: SqsCall) -> _Answer:
        queue = text_of(call.asked, "QueueUrl")
        message = read_message(call.asked, call.trace_header)
        return sent_json(await self._queues.send(queue, message))

    async def _send_batch(self, call: SqsCall) -> _Answer:
        queue = text_of(call.asked, "QueueUrl")
        entries = entries_of(call.asked)
        ids = _ids(entries, "SendMessageBatchRequestEntry")
        messages = [_message(entry, call.trace_header) for entry in entries]
        sent = await self._queues.send_batch(queue, messages)
        pairs = list(zip(ids, sent, strict=True))
        return batch_answer(
            [
                {"Id": entry_id, **sent_json(result)}
                for entry_id, result in pairs
                if not isinstance(result, QueueError)
            ],
            [(entry_id, result) for entry_id, result in pairs if isinstance(result, QueueError)],
        )

    async def _receive(self, call: SqsCall) -> _Answer:
        asked = call.asked
        queue = self._queues.settings(text_of(asked, "QueueUrl"))
        wanted = Wanted(asked)
        limit = number_between(asked, "MaxNumberOfMessages", (1, MAX_MESSAGES), _MESSAGES) or 1
        wait = number_between(asked, "WaitTimeSeconds", (0, MAX_WAIT), _WAIT)
        messages = await self._queues.receive(
            queue.name,
            limit,
            visibility=whole_number(asked, "VisibilityTimeout"),
            wait=queue.receive_wait_time if wait is None else wait,
        )
        return (
            {"Messages": [wanted.message_json(message) for message in messages]} if messages else {}
        )

    async def _delete(self, call: SqsCall) -> _Answer:
        queue, handle = text_of(call.asked, "QueueUrl"), text_of(call.asked, "ReceiptHandle")
        return _one(await self._queues.delete(queue, [handle]))

    async def _delete_batch(self, call: SqsCall) -> _Answer:
        queue = text_of(call.asked, "QueueUrl")
        entries = entries_of(call.asked)
        ids = _ids(entries, "DeleteMessageBatchRequestEntry")
        handles = [text_of(entry, "ReceiptHandle") for entry in entries]
        return _entries(ids, await self._queues.delete(queue, handles))

    async def _change_visibility(self, call: SqsCall) -> _Answer:
        queue = text_of(call.asked, "QueueUrl")
        return _one(await self._queues.change_visibility(queue, [_visibility(call.asked)]))

    async def _change_visibility_batch(self, call: SqsCall) -> _Answer:
        queue = text_of(call.asked, "QueueUrl")
        entries = entries_of(call.asked)
        ids = _ids(entries, "ChangeMessageVisibilityBatchRequestEntry")
        changes = [_visibility(entry) for entry in entries]
        return _entries(ids, await self._queues.change_visibility(queue, changes))

    # Queues

    async def _get_url(self, call: SqsCall) -> _Answer:
        name = self._queues.settings(text_of(call.asked, "QueueName")).name
        return {"QueueUrl": call.url + name}

    async def _get_attributes(self, call: SqsCall) -> _Answer:
        names = texts_of(call.asked, "AttributeNames")
        for name in names:
            if name not in ATTRIBUTE_NAMES:
                raise unknown_attribute(name)
        attributes = await self._queues.attributes(text_of(call.asked, "QueueUrl"))
        chosen = {
            name: text for name, text in attributes.items() if "All" in names or name in names
        }
        return {"Attributes": chosen} if chosen else {}

    async def _set_attributes(self, call: SqsCall) -> _Answer:
        queue = text_of(call.asked, "QueueUrl")
        await self._queues.set_attributes(queue, map_of(call.asked, "Attributes"))
        return {}

    async def _list(self, call: SqsCall) -> _Answer:
        return self._page(call, self._queues.names(), "QueueUrls")

    async def _list_sources(self, call: SqsCall) -> _Answer:
        name = self._queues.settings(text_of(call.asked, "QueueUrl")).name
        return {
            "queueUrls": [],
            **self._page(call, self._queues.registry.sources(name), "queueUrls"),
        }

    def _page(self, call: SqsCall, names: Sequence[str], key: str) -> _Answer:
        page, token = page_of(names, call.asked)
        answer: _Answer = {key: [call.url + name for name in page]} if page else {}
        if token is not None:
            answer["NextToken"] = token
        return answer

    async def _create(self, call: SqsCall) -> _Answer:
        name = text_of(call.asked, "QueueName")
        attributes, tags = map_of(call.asked, "Attributes"), map_of(call.asked, "tags")
        await self._queues.create(name, attributes, tags)
        return {"QueueUrl": call.url + name}

    async def _delete_queue(self, call: SqsCall) -> _Answer:
        await self._queues.remove(text_of(call.asked, "QueueUrl"))
        return {}

    async def _purge(self, call: SqsCall) -> _Answer:
        await self._queues.purge(text_of(call.asked, "QueueUrl"))
        return {}

    # Tags

    async def _list_tags(self, call: SqsCall) -> _Answer:
        tags = self._queues.registry.known(text_of(call.asked, "QueueUrl")).life.tags
        return {"Tags": dict(tags)} if tags else {}

    async def _tag(self, call: SqsCall) -> _Answer:
        queue = text_of(call.asked, "QueueUrl")
        tags = self._queues.registry.known(queue).life.tags
        await self._queues.set_tags(queue, {**tags, **map_of(call.asked, "Tags")})
        return {}

    async def _untag(self, call: SqsCall) -> _Answer:
        queue, gone = text_of(call.asked, "QueueUrl"), texts_of(call.asked, "TagKeys")
        tags = self._queues.registry.known(queue).life.tags
        left = {name: text for name, text in tags.items() if name not in gone}
        await self._queues.set_tags(queue, left)
        return {}

    # Message move tasks

    async def _start_move(self, call: SqsCall) -> _Answer:
        asked = call.asked
        reason = f"Must be between 1 and {MAX_PER_SECOND}, if provided."
        handle = await self._queues.moves.start(
            text_of(asked, "SourceArn"),
            optional_text(asked, "DestinationArn"),
            number_between(asked, "MaxNumberOfMessagesPerSecond", (1, MAX_PER_SECOND), reason),
        )
        return {"TaskHandle": handle}

    async def _list_moves(self, call: SqsCall) -> _Answer:
        tasks = self._queues.moves.newest_first(text_of(call.asked, "SourceArn"))
        limit = number_between(call.asked, "MaxResults", (1, 10), "Must be between 1 and 10.")
        return {"Results": [task_json(task) for task in tasks[: limit or 1]]}

    async def _cancel_move(self, call: SqsCall) -> _Answer:
        moved = self._queues.moves.cancel(text_of(call.asked, "TaskHandle"))
        return {"ApproximateNumberOfMessagesMoved": moved}


def _ids(entries: Sequence[Asked], kind: str) -> list[str]:
    """The ids of the entries of a batch. Raises QueueError."""
    ids = [optional_text(entry, "Id") or "" for entry in entries]
    check_ids(ids, kind)
    return ids


def _message(entry: Asked, trace_header: str | None) -> SendMessage:
    """The message of an entry; without a body it is that entry that fails, later."""
    return read_message({"MessageBody": "", **entry}, trace_header)


def _visibility(asked: Asked) -> tuple[str, float]:
    handle, seconds = text_of(asked, "ReceiptHandle"), whole_number(asked, "VisibilityTimeout")
    if seconds is None:
        raise missing_parameter("VisibilityTimeout")
    return handle, seconds


def _one(errors: Sequence[QueueError | None]) -> _Answer:
    if errors[0] is not None:
        raise errors[0]
    return {}


def _entries(ids: Sequence[str], errors: Sequence[QueueError | None]) -> _Answer:
    pairs = list(zip(ids, errors, strict=True))
    return batch_answer(
        [{"Id": entry_id} for entry_id, error in pairs if error is None],
        [(entry_id, error) for entry_id, error in pairs if error is not None],
    )
