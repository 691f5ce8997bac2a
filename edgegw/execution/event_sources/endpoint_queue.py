"""A queue of AWS, or of anything that speaks its API, through aiobotocore (extra `edgegw[aws]`).

The client is made with the first call, because importing botocore takes half a second. Credentials
are those of the environment, as for every SDK; where there are none and the endpoint is not AWS's,
made-up ones do.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final
from urllib.parse import urlsplit

from edgegw.awslambda.sqs_source import LONGEST_WAIT, InFlight
from edgegw.execution.event_sources.queue_client import QueueProblem
from edgegw.messaging.queue import MessageAttribute, ReceivedMessage, SendMessage

_MADE_UP: Final = {"aws_access_key_id": "edgegw", "aws_secret_access_key": "edgegw"}
_NOT_INSTALLED: Final = (
    "real queues need aiobotocore: install it with pip install 'edgegw[aws]', or use a queue of "
    "`queues:`, which needs nothing"
)


class EndpointQueue:
    """The queue `url`, asked at `endpoint_url` (empty: AWS).

    With `patience`, seconds for a connection and for an answer, a call is tried once.
    """

    def __init__(
        self, url: str, endpoint_url: str, region: str, patience: float | None = None
    ) -> None:
        self._url = url
        self._patience = patience
        self._endpoint_url = endpoint_url
        self._region = region_of(url) or region
        self._stack = AsyncExitStack()
        self._client: Any = None

    async def send(self, message: SendMessage) -> str:
        """Sends a message; its id. Raises QueueProblem."""
        given: dict[str, Any] = {
            "MessageGroupId": message.group_id,
            "MessageDeduplicationId": message.deduplication_id,
            "DelaySeconds": message.delay,
            "MessageAttributes": {
                name: {"DataType": attribute.data_type, "StringValue": attribute.content}
                for name, attribute in message.attributes.items()
            },
        }
        asked = {name: content for name, content in given.items() if content is not None}
        answer = await self._call("send_message", MessageBody=message.body, **asked)
        return str(answer["MessageId"])

    async def receive(self, most: int, wait: float) -> Sequence[InFlight]:
        """By long polling, up to twenty seconds."""
        answer = await self._call(
            "receive_message",
            MaxNumberOfMessages=most,
            WaitTimeSeconds=LONGEST_WAIT if wait >= LONGEST_WAIT else math.ceil(wait),
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return [_received(message) for message in answer.get("Messages", ())]

    async def delete(self, messages: Sequence[InFlight]) -> None:
        """Deletes up to ten messages."""
        entries = [
            {"Id": str(at), "ReceiptHandle": message.receipt_handle}
            for at, message in enumerate(messages)
        ]
        _check(await self._call("delete_message_batch", Entries=entries))

    async def fail(self, messages: Sequence[InFlight]) -> None:
        """They come again by themselves."""

    async def release(self, messages: Sequence[InFlight]) -> None:
        """Makes up to ten messages visible again at once."""
        entries = [
            {"Id": str(at), "ReceiptHandle": message.receipt_handle, "VisibilityTimeout": 0}
            for at, message in enumerate(messages)
        ]
        _check(await self._call("change_message_visibility_batch", Entries=entries))

    async def visibility_timeout(self) -> float:
        """Seconds that a message is in flight."""
        answer = await self._call("get_queue_attributes", AttributeNames=["VisibilityTimeout"])
        return float(answer["Attributes"]["VisibilityTimeout"])

    async def close(self) -> None:
        """Closes the connections."""
        self._client = None
        await self._stack.aclose()

    async def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """An operation on the queue. Raises QueueProblem."""
        try:
            if self._client is None:
                self._client = await self._connected()
            return await getattr(self._client, operation)(QueueUrl=self._url, **parameters)
        except QueueProblem:
            raise
        except Exception as error:  # botocore's errors, and the network's below them
            raise QueueProblem(f"{self._url}: {error or type(error).__name__}") from error

    async def _connected(self) -> Any:
        try:
            session: Any = importlib.import_module("aiobotocore.session").get_session()
        except ImportError:
            raise QueueProblem(_NOT_INSTALLED) from None
        options = {"region_name": self._region, **once(self._patience)}
        if self._endpoint_url:
            options["endpoint_url"] = self._endpoint_url
            if await session.get_credentials() is None:
                options |= _MADE_UP
        return await self._stack.enter_async_context(session.create_client("sqs", **options))


def once(patience: float | None) -> dict[str, Any]:
    """Options of a client that tries a call once, for so many seconds; none without `patience`."""
    if patience is None:
        return {}
    config: Any = importlib.import_module("aiobotocore.config").AioConfig(
        connect_timeout=patience, read_timeout=patience, retries={"total_max_attempts": 1}
    )
    return {"config": config}


def region_of(url: str) -> str:
    """The Region that the URL of a queue names, as in `https://sqs.eu-west-1.amazonaws.com/…`."""
    parts = (urlsplit(url).hostname or "").split(".")
    return parts[1] if len(parts) > 2 and parts[0] == "sqs" and "-" in parts[1] else ""


def _check(answer: Mapping[str, Any]) -> None:
    """Raises QueueProblem where some messages of a call failed."""
    failed = answer.get("Failed")
    if failed:
        raise QueueProblem(f"{len(failed)} messages: {failed[0].get('Message', '')}")


def _received(message: Mapping[str, Any]) -> ReceivedMessage:
    attributes: Mapping[str, Mapping[str, Any]] = message.get("MessageAttributes", {})
    return ReceivedMessage(
        message_id=message["MessageId"],
        receipt_handle=message["ReceiptHandle"],
        body=message["Body"],
        md5_of_body=message.get("MD5OfBody", ""),
        attributes={name: _attribute(given) for name, given in attributes.items()},
        system_attributes=message.get("Attributes", {}),
    )


def _attribute(given: Mapping[str, Any]) -> MessageAttribute:
    content = given.get("BinaryValue")
    return MessageAttribute(
        given["DataType"], given.get("StringValue", "") if content is None else content
    )
