"""Messages for the real services, or what is compatible with them: SQS, SNS, EventBridge, S3.

Endpoint, credentials and profile are found as every SDK finds them (`AWS_ENDPOINT_URL`,
`AWS_ENDPOINT_URL_SQS`, `~/.aws/config`). Needs the extra `edgegw[aws]`.

The trace header goes with every call as SDKs in Lambda send it, and to queues as the message's own
attribute as well: chains of invocations are counted by it.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from contextvars import ContextVar
from typing import Any, Final, cast
from urllib.parse import urlsplit

from edgegw.awslambda.destinations import DestinationTarget, MessageAttributes, TargetKind
from edgegw.awslambda.names import Account
from edgegw.execution.deliveries import DeliveryFailure

_SERVICES: Final[Mapping[TargetKind, str]] = {
    "sqs": "SQS",
    "sns": "SNS",
    "events": "EventBridge",
    "s3": "S3",
}
_SECONDS: Final = 10
"""Of a connection, and of an answer."""
_FINAL_CODES: Final = frozenset(
    {"InvalidMessageContents", "InvalidParameterValue", "InvalidParameter"}
)
"""What a service would say of the same message another time too."""
_TRACE: ContextVar[str] = ContextVar("trace header of the message that is sent", default="")


class AwsDeliveries:
    """Clients of the services, made when the first message needs them."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._clients: dict[tuple[str, str], Any] = {}
        self._stack = AsyncExitStack()

    async def send(
        self, target: DestinationTarget, body: bytes, attributes: MessageAttributes, trace_id: str
    ) -> None:
        """Raises DeliveryFailure."""
        _TRACE.set(trace_id)  # of this task alone: each message is sent in one of its own
        try:
            importlib.import_module("aiobotocore.session")
            errors: Any = importlib.import_module("botocore.exceptions")
        except ImportError:
            raise DeliveryFailure(_without_extra(target)) from None
        try:
            await self._send(target, body, attributes)
        except errors.ClientError as error:
            raise _refused(error) from error
        except DeliveryFailure:
            raise
        except Exception as error:  # botocore's, its parsers', and the network's below them
            raise DeliveryFailure(str(error) or type(error).__name__) from error

    async def _send(
        self, target: DestinationTarget, body: bytes, attributes: MessageAttributes
    ) -> None:
        text = body.decode("utf-8", "replace")
        match target.kind:
            case "sqs":
                await self._to_queue(target, text, attributes)
            case "sns":
                client = await self._client("sns")
                await client.publish(
                    TopicArn=target.name, Message=text, MessageAttributes=_attributes(attributes)
                )
            case "events":
                await self._to_bus(target, body)
            case "s3":
                bucket, _, key = target.local_name.partition("/")
                client = await self._client("s3")
                await client.put_object(
                    Bucket=bucket, Key=key, Body=body, ContentType="application/json"
                )
            case _:
                raise DeliveryFailure(f"nothing is sent to {target.kind} so", is_final=True)

    async def _to_queue(
        self, target: DestinationTarget, text: str, attributes: MessageAttributes
    ) -> None:
        url, endpoint = target.local_name, ""
        if url.startswith(("http://", "https://")):
            parts = urlsplit(url)
            if not (parts.hostname or "").endswith(".amazonaws.com"):
                endpoint = f"{parts.scheme}://{parts.netloc}"
        client = await self._client("sqs", endpoint)
        if "/" not in url:
            url = (await client.get_queue_url(QueueName=url))["QueueUrl"]
        system = _attributes({"AWSTraceHeader": ("String", _TRACE.get())})
        await client.send_message(
            QueueUrl=url,
            MessageBody=text,
            MessageAttributes=_attributes(attributes),
            MessageSystemAttributes=system,
        )

    async def _to_bus(self, target: DestinationTarget, body: bytes) -> None:
        entry = cast("dict[str, Any]", json.loads(body))
        bus = target.name if target.is_arn else target.local_name
        client = await self._client("events")
        answer = await client.put_events(Entries=[{**entry, "EventBusName": bus}])
        if answer.get("FailedEntryCount"):
            [failed] = answer["Entries"]
            raise DeliveryFailure(f"{failed.get('ErrorCode')}: {failed.get('ErrorMessage')}")

    async def _client(self, service: str, endpoint: str = "") -> Any:
        client = self._clients.get((service, endpoint))
        if client is None:
            client = await self._stack.enter_async_context(self._new_client(service, endpoint))
            client.meta.events.register("before-call", _add_trace)
            self._clients[service, endpoint] = client
        return client

    def _new_client(self, service: str, endpoint: str) -> Any:
        session: Any = importlib.import_module("aiobotocore.session").get_session()
        config: Any = importlib.import_module("aiobotocore.config").AioConfig(
            connect_timeout=_SECONDS, read_timeout=_SECONDS, retries={"total_max_attempts": 1}
        )
        given: dict[str, Any] = {"region_name": self._account.region, "config": config}
        if endpoint:
            given["endpoint_url"] = endpoint
        if _is_local(endpoint or os.environ.get("AWS_ENDPOINT_URL", "")) and not os.environ.get(
            "AWS_ACCESS_KEY_ID"
        ):
            given |= {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return session.create_client(service, **given)

    async def close(self) -> None:
        """Ends connections."""
        self._clients.clear()
        await self._stack.aclose()


def _without_extra(target: DestinationTarget) -> str:
    extra = "needs the extra: pip install 'edgegw[aws]'"
    if target.is_arn or target.kind != "sqs" or "/" in target.local_name:
        return f"{_SERVICES[target.kind]} {extra}"
    return f"no queue of the configuration has this name, and SQS itself {extra}"


def _is_local(endpoint: str) -> bool:
    """Whether an endpoint is on this machine, where no real credentials are needed."""
    return urlsplit(endpoint).hostname in {"127.0.0.1", "localhost", "::1"}


def _add_trace(params: dict[str, Any], **_: Any) -> None:
    trace_id = _TRACE.get()
    if trace_id:
        params["headers"]["X-Amzn-Trace-Id"] = trace_id


def _attributes(attributes: MessageAttributes) -> dict[str, Any]:
    return {
        name: {"DataType": kind, "StringValue": content}
        for name, (kind, content) in attributes.items()
        if content
    }


def _refused(error: Any) -> DeliveryFailure:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return DeliveryFailure(str(error), is_final=status == 413 or code in _FINAL_CODES)
