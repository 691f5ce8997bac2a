"""What the local API does with queues: it sends messages for `edgegw send`."""

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
    from edgegw.messaging.queue import MessageAttribute, QueueSettings, SendMessage


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
        from edgegw.messaging.queue_errors import QueueError

        queues = await self._gateway.workers.of(Queues)
        queue = self._queue(queues, call.path["queue"])
        bodies = [str(body) for body in cast("list[object]", call.member("messages", list))]
        if not all(map(_is_text, bodies)):
            raise UsageError(f"the input is no UTF-8, and messages of {queue.name} are text")
        try:
            messages = [self._message(call, queue, body) for body in bodies]
            sent = await asyncio.gather(*(queues.send(queue.name, each) for each in messages))
        except QueueError as error:
            raise UsageError(f"{queue.name}: {error.text}") from None
        return json_answer({"message_ids": [each.message_id for each in sent]})

    def _queue(self, queues: Queues, name: str) -> QueueSettings:
        queue = queues.registry.find(name)
        if queue is not None:
            return queue
        given = self._gateway.config.queues.get(name)
        if given is not None:
            text = f"{name} is a queue of another service: send to it there, with its own tools"
            raise UsageError(text)
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


def _is_text(body: str) -> bool:
    """Whether it came as UTF-8."""
    return not any("\ud800" <= char <= "\udfff" for char in body)


def _optional(call: Call, key: str) -> str | None:
    given = call.body.get(key)
    return None if given is None else call.member(key, str)


def _attributes(call: Call) -> dict[str, MessageAttribute]:
    from edgegw.messaging.queue import MessageAttribute

    given = cast("Mapping[str, list[str]]", call.member("attributes", dict, {}))
    return {name: MessageAttribute(kind, text) for name, (kind, text) in given.items()}
