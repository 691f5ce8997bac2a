"""APIs with a JSON protocol: what they say of calls that no operation gets to see."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from edgegw.awslambda.payload import Json
from edgegw.errors import StateProblem
from edgegw.gateway.aws import json_service, sqs_api
from edgegw.gateway.aws.json_service import JsonCall, JsonService
from edgegw.messaging.queue_errors import QueueError
from edgegw.messaging.stream_errors import StreamError

TYPE = "application/x-amz-json-1.0"


async def _echo(call: JsonCall) -> dict[str, Json]:
    return {"members": sorted(call.members), "scheme": call.scheme}


async def _nothing(call: JsonCall) -> None:
    return None


async def _broken(call: JsonCall) -> None:
    raise StateProblem("it cannot be kept", "the disk is full")


async def operations() -> dict[str, Callable[[JsonCall], Awaitable[dict[str, Json] | None]]]:
    return {"Echo": _echo, "Nothing": _nothing, "Broken": _broken, "Wait": _nothing}


def service(error: Callable[[str, str], QueueError | StreamError]) -> Any:
    return JsonService(
        title="Things",
        media_type=TYPE.encode(),
        operations=operations,
        read=lambda call: call,
        error=error,
    ).app()


async def send(app: Any, operation: str, body: bytes, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        more = {name.replace("_", "-"): text for name, text in headers.items()}
        target = {"x-amz-target": f"Things.{operation}", "content-type": TYPE}
        return await client.post("/", content=body, headers=target | more)


async def test_an_operation_gets_what_was_asked() -> None:
    answer = await send(service(StreamError), "Echo", b'{"b": 1, "a": 2}')
    assert (answer.status_code, answer.json()) == (200, {"members": ["a", "b"], "scheme": "http"})
    assert answer.headers["content-type"] == TYPE
    assert answer.headers["x-amzn-requestid"]
    nothing = await send(service(StreamError), "Nothing", b"")
    assert (nothing.status_code, nothing.content) == (200, b"")


@pytest.mark.parametrize(
    ("operation", "body", "headers", "status", "name", "code", "says"),
    [
        pytest.param(
            "Missing", b"{}", {}, 400, "UnknownOperationException", "InvalidAction;Sender",
            "does not know the operation 'Missing' of Things", id="unknown operation",
        ),
        pytest.param(
            "Echo", b"[]", {}, 400, "SerializationException", "InvalidParameterValue;Sender",
            "must be a JSON object", id="no object",
        ),
        pytest.param(
            "Echo", b"{", {}, 400, "SerializationException", "InvalidParameterValue;Sender",
            "must be a JSON object", id="no JSON",
        ),
        pytest.param(
            "Echo", b"\xa0", {"content_type": "application/x-amz-cbor-1.1"}, 400,
            "SerializationException", "InvalidParameterValue;Sender", "AWS_CBOR_DISABLE",
            id="CBOR",
        ),
        pytest.param(
            "Echo", b'{"a": "0123456789"}', {}, 400, "ValidationException",
            "InvalidParameterValue;Sender", "larger than 16 bytes", id="too large",
        ),
        pytest.param(
            "Broken", b"{}", {}, 503, "ServiceUnavailable", "ServiceUnavailable;Receiver",
            "the disk is full", id="nothing can be kept",
        ),
    ],
)  # fmt: skip
async def test_refusals_in_the_forms_of_both_services(
    operation: str,
    body: bytes,
    headers: dict[str, str],
    status: int,
    name: str,
    code: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json_service, "MAX_BODY", 16)
    streams = await send(service(StreamError), operation, body, **headers)
    assert (streams.status_code, streams.json()["__type"]) == (status, name)
    assert says in streams.json()["message"]
    assert "x-amzn-query-error" not in streams.headers
    queues = await send(service(sqs_api.named_error), operation, body, **headers)
    assert queues.status_code == status
    assert queues.json()["__type"].startswith("com.amazonaws.sqs#")
    assert queues.headers["x-amzn-query-error"].endswith(code)


async def test_web_pages_are_kept_out() -> None:
    answer = await send(service(StreamError), "Echo", b"{}", origin="https://evil.example")
    assert (answer.status_code, answer.json()["__type"]) == (403, "AccessDeniedException")


async def test_what_waits_ends_when_its_caller_goes() -> None:
    """Else a receiver that is gone would take messages."""
    began, ended = asyncio.Event(), asyncio.Event()

    async def wait(call: JsonCall) -> dict[str, Json]:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return {}

    async def waiting() -> dict[str, Callable[[JsonCall], Awaitable[dict[str, Json] | None]]]:
        return {"Wait": wait}

    app: Any = JsonService(
        title="Things",
        media_type=TYPE.encode(),
        operations=waiting,
        read=lambda call: call,
        error=StreamError,
        waiting=frozenset({"Wait"}),
    ).app()
    messages = [{"type": "http.request", "body": b"{}"}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await began.wait()
        return {"type": "http.disconnect"}

    async def nothing_is_sent(message: Any) -> None:
        raise AssertionError(message)

    headers = [(b"host", b"localhost"), (b"x-amz-target", b"Things.Wait")]
    scope = {"type": "http", "scheme": "http", "headers": headers}
    await app(scope, receive, nothing_is_sent)
    await asyncio.wait_for(ended.wait(), 30)
