"""What the local API does with queues: it sends messages for `edgegw send`, here or elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from edgegw.errors import UsageError
from edgegw.gateway.fronts.local_router import Call, json_answer
from edgegw.http.message import Response

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway
    from edgegw.gateway.workers.queues import Queues
    from edgegw.messaging.queue import MessageAttribute, QueueSettings, RemoteQueue, SendMessage


class QueueOperations:
    """The embedded queues, whether or not the AWS APIs are served."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def send(self, call: Call) -> Response:
        """Sends messages in this order to the queue that the path names; answers their ids.

        `{"messages": [TEXT…], "attributes": {NAME: [TYPE, TEXT]}, "group": …,
        "deduplication_id": …, "delay": …}`; what is null or missing is not given.
        """
        from edgegw.gateway.workers.queues import Queues
        from edgegw.messaging.queue import RemoteQueue
        from edgegw.messaging.queue_errors import QueueError

        remote = self._gateway.config.queues.get(call.path["queue"])
        if isinstance(remote, RemoteQueue):
            return await self._send_elsewhere(remote, call)
        queues = await self._gateway.workers.of(Queues)
        queue = self._queue(queues, call.path["queue"])
        try:
            messages = [self._message(call, queue, body) for body in _bodies(call)]
            sent = await asyncio.gather(*(queues.send(queue.name, each) for each in messages))
        except QueueError as error:
            raise UsageError(f"{queue.name}: {error.text}") from None
        return json_answer({"message_ids": [each.message_id for each in sent]})

    async def _send_elsewhere(self, queue: RemoteQueue, call: Call) -> Response:
        from edgegw.gateway.fronts.remote_sending import send_to_queue
        from edgegw.messaging.queue import QueueSettings

        settings = QueueSettings(name=queue.queue_url.rstrip("/").rpartition("/")[2])
        messages = [self._message(call, settings, body) for body in _bodies(call)]
        ids = await send_to_queue(queue, messages, self._gateway.config.account.region)
        return json_answer({"message_ids": ids})

    def _queue(self, queues: Queues, name: str) -> QueueSettings:
        queue = queues.registry.find(name)
        if queue is not None:
            return queue
        from edgegw.config.spelling import nearest

        known = [*queues.names(), *self._gateway.config.streams]
        hint = nearest(name, known) if known else "; the configuration has no 'queues'"
        raise UsageError(f"there is no queue or stream {name!r}{hint}")

    def _message(self, call: Call, queue: QueueSettings, body: str) -> SendMessage:
        from edgegw.messaging.queue import SendMessage

        identity = _optional(call, "deduplication_id")
        if queue.is_fifo and identity is None and not queue.content_based_deduplication:
            identity = self._gateway.world.entropy()
        delay = call.body.get("delay")
        if delay is not None and (not isinstance(delay, int) or isinstance(delay, bool)):
            raise UsageError("'delay' must be a number of seconds")
        group = _optional(call, "group")
        if queue.is_fifo and group is None:
            raise UsageError(f"{queue.name} is a FIFO queue: give the message a --group")
        return SendMessage(
            body, _attributes(call), group, identity, None if delay is None else int(delay)
        )


def _bodies(call: Call) -> list[str]:
    """The messages. Raises UsageError for one that did not come as UTF-8."""
    bodies = [str(body) for body in cast("list[object]", call.member("messages", list))]
    if not all(map(_is_text, bodies)):
        text = f"the input is no UTF-8, and messages of {call.path['queue']} are text"
        raise UsageError(text)
    return bodies


def _is_text(body: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in body)


def _optional(call: Call, key: str) -> str | None:
    given = call.body.get(key)
    return None if given is None else call.member(key, str)


def _attributes(call: Call) -> dict[str, MessageAttribute]:
    from edgegw.messaging.queue import MessageAttribute

    given = cast("Mapping[str, list[str]]", call.member("attributes", dict, {}))
    return {name: MessageAttribute(kind, text) for name, (kind, text) in given.items()}
