"""Asynchronous invocations of a running gateway over its Lambda API: 202, retries, destinations."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from edgegw.awslambda.lineage import next_turn
from edgegw.gateway.workers.async_events import AsyncEvents
from edgegw.gateway.workers.queues import Queues
from edgegw.messaging.queue import SendMessage
from tests.aws_clients import aws_client
from tests.conftest import PYTHON, need, serving_in

SCALE = 1200
"""A minute takes 50 ms."""
ARN = "arn:aws:lambda:us-east-1:123456789012:function"
QUEUES = "arn:aws:sqs:us-east-1:123456789012"


class Calls(list[tuple[str, Any, str]]):
    """What functions were called with: name, event, request id."""

    def handler(self, name: str, result: Callable[[Any, int], Any]) -> Callable[[Any, Any], Any]:
        """A function that notes its calls; `result(event, how often)` is what it answers."""

        def handle(event: Any, context: Any) -> Any:
            self.append((name, event, context.aws_request_id))
            return result(event, self.counts[name])

        return handle

    @property
    def counts(self) -> Counter[str]:
        return Counter(name for name, _, _ in self)


def fails(event: Any, count: int) -> Any:
    raise ValueError("no")


ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def _with_trace(request: Any, trace_id: str, **_: Any) -> None:
    request.headers["X-Amzn-Trace-Id"] = trace_id


def returns(event: Any, count: int) -> Any:
    return {"got": event}


class Running:
    """A gateway with functions that are callables here, and a boto3 client for it."""

    def __init__(self, serving: Any, client: Any, folder: Path, calls: Calls) -> None:
        self.gateway = serving.gateway
        self.url = serving.urls["lambda"]
        self.client = client
        self.folder = folder
        self.calls = calls

    async def __call__(self, operation: str, **given: Any) -> dict[str, Any]:
        return await asyncio.to_thread(getattr(self.client, operation), **given)

    async def send(self, name: str, event: Any = None, **given: Any) -> str:
        payload = json.dumps(event or {}).encode()
        answer = await self(
            "invoke", FunctionName=name, Payload=payload, InvocationType="Event", **given
        )
        assert answer["StatusCode"] == 202
        assert "ExecutedVersion" not in answer
        assert await asyncio.to_thread(answer["Payload"].read) == b""
        return answer["ResponseMetadata"]["RequestId"]

    async def refused(self, operation: str, **given: Any) -> tuple[str, int, str]:
        with pytest.raises(ClientError) as caught:
            await self(operation, **given)
        error = caught.value.response["Error"]
        status = caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
        return error["Code"], status, error.get("Message") or ""

    def records(self, name: str) -> list[Any]:
        """The lines of a destination that is a file."""
        file = self.folder / name
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not holds():
                await asyncio.sleep(0.01)

    async def listing(self) -> Any:
        return await (await self.gateway.workers.of(AsyncEvents)).listing()

    async def until_empty(self) -> None:
        async with asyncio.timeout(30):
            while True:
                counts = (await self.listing())["counts"]
                if not (counts["waiting"] or counts["running"] or counts["delivering"]):
                    return
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running(
    folder: Path,
    functions: dict[str, Any],
    settings: dict[str, Any] | None = None,
    queues: dict[str, Any] | None = None,
    sources: list[Any] | None = None,
    **gateway: Any,
) -> AsyncIterator[Running]:
    """A gateway in `folder`; `settings` are keys of the configuration by the function's name."""
    calls, given = Calls(), settings or {}
    config = {
        "functions": {
            name: {"runtime": PYTHON, "code": ".", "handler": "hooks.raises", **given.get(name, {})}
            for name in functions
        },
        "queues": queues or {},
        "event_sources": sources or [],
        "gateway": {"lambda_api": 0, "time_scale": SCALE, **gateway},
    }
    handlers = {name: calls.handler(name, result) for name, result in functions.items()}
    async with serving_in(folder, config, functions=handlers) as serving:
        client = aws_client("lambda", serving.urls["lambda"], max_pool_connections=64)
        try:
            yield Running(serving, client, folder, calls)
        finally:
            client.close()


class TestAnEvent:
    async def test_is_handled_once_with_the_id_of_its_answer(self, tmp_path: Path) -> None:
        async with running(tmp_path, {"f": returns}) as run:
            request_id = await run.send("f", {"n": 1})
            await run.until_empty()
            assert run.calls == [("f", {"n": 1}, request_id)]

    async def test_that_failed_is_tried_after_one_minute_and_two(self, tmp_path: Path) -> None:
        at: list[float] = []

        def noting(event: Any, count: int) -> Any:
            at.append(time.time())
            raise ValueError("no")

        async with running(tmp_path, {"f": noting}) as run:
            request_id = await run.send("f")
            await run.until_empty()
            assert [each for _, _, each in run.calls] == [request_id] * 3
            first, second = (at[1] - at[0]) * SCALE, (at[2] - at[1]) * SCALE
            assert first >= 60
            assert second >= 120
            (failed,) = (await run.listing())["failed"]
            assert (failed["condition"], failed["invokes"], failed["error"]) == (
                "RetriesExhausted",
                3,
                "no",
            )

    async def test_may_be_handled_by_the_second_try(self, tmp_path: Path) -> None:
        def second(event: Any, count: int) -> Any:
            return "done" if count == 2 else fails(event, count)

        async with running(tmp_path, {"f": second}) as run:
            await run.send("f")
            await run.until_empty()
            assert run.calls.counts["f"] == 2
            assert not (await run.listing())["failed"]

    async def test_outlives_its_gateway(self, tmp_path: Path) -> None:
        settings = {"f": {"event_invoke": {"on_success": f"file:{tmp_path}/done.jsonl"}}}
        async with running(tmp_path, {"f": fails}, settings, time_scale=15) as run:
            request_id = await run.send("f", {"n": 1})
            await run.until(lambda: run.calls)
            await run.until(lambda: not run.gateway.workers.running(AsyncEvents)._queue.running())
        async with running(tmp_path, {"f": returns}, settings, time_scale=15) as run:
            await run.until(lambda: run.records("done.jsonl"))
            (record,) = run.records("done.jsonl")
            assert record["requestContext"]["requestId"] == request_id
            assert record["requestContext"]["approximateInvokeCount"] == 2

    @pytest.mark.parametrize(
        ("given", "code", "status"),
        [
            pytest.param(
                {"FunctionName": "g"}, "ResourceNotFoundException", 404, id="no such function"
            ),
            pytest.param(
                {"FunctionName": "f", "Qualifier": "9"},
                "ResourceNotFoundException",
                404,
                id="no such version",
            ),
            pytest.param(
                {"FunctionName": "f", "Payload": b"{"},
                "InvalidRequestContentException",
                400,
                id="no JSON",
            ),
            pytest.param(
                {"FunctionName": "f", "Payload": b'"%s"' % (b"x" * 1024 * 1024)},
                "RequestTooLargeException",
                413,
                id="too large",
            ),
        ],
    )
    async def test_is_judged_before_it_is_taken(
        self, tmp_path: Path, given: Any, code: str, status: int
    ) -> None:
        async with running(tmp_path, {"f": returns}) as run:
            refusal = await run.refused("invoke", InvocationType="Event", **given)
            assert refusal[:2] == (code, status)
            if status == 413:
                assert (
                    refusal[2]
                    == "Request must be smaller than 1048576 bytes for the InvokeFunction operation"
                )
            assert not (tmp_path / "state" / "events.sqlite").exists()

    async def test_of_a_megabyte_is_taken(self, tmp_path: Path) -> None:
        async with running(tmp_path, {"f": lambda event, count: None}) as run:
            await run.send("f", "x" * (1024 * 1024 - 2))
            await run.until_empty()
            assert len(run.calls[0][1]) == 1024 * 1024 - 2

    async def test_by_the_old_operation(self, tmp_path: Path) -> None:
        async with running(tmp_path, {"f": returns}) as run:
            answer = await run("invoke_async", FunctionName="f", InvokeArgs=b'{"old": 1}')
            assert answer["Status"] == 202
            await run.until_empty()
            assert run.calls[0][1] == {"old": 1}


class TestEnds:
    async def test_a_failure_reaches_destination_and_dead_letter_queue(
        self, tmp_path: Path
    ) -> None:
        settings = {
            "f": {
                "event_invoke": {
                    "maximum_retry_attempts": 0,
                    "on_success": f"file:{tmp_path}/done.jsonl",
                    "on_failure": f"file:{tmp_path}/failed.jsonl",
                    "dead_letter": f"file:{tmp_path}/dead.jsonl",
                }
            }
        }
        async with running(tmp_path, {"f": fails}, settings) as run:
            request_id = await run.send("f", {"n": 1})
            await run.until_empty()
            (record,) = run.records("failed.jsonl")
            assert record["requestContext"] == {
                "requestId": request_id,
                "functionArn": f"{ARN}:f:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 1,
            }
            assert record["requestPayload"] == {"n": 1}
            assert record["responseContext"]["functionError"] == "Unhandled"
            assert record["responsePayload"]["errorType"] == "ValueError"
            (dead,) = run.records("dead.jsonl")
            assert dead["body"] == {"n": 1}
            assert dead["attributes"] == {
                "RequestID": request_id,
                "ErrorCode": "200",
                "ErrorMessage": "no",
            }
            assert not run.records("done.jsonl")

    async def test_each_failure_leaves_a_line(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        settings = {"f": {"event_invoke": {"maximum_retry_attempts": 1}}}
        async with running(tmp_path, {"f": fails}, settings) as run:
            request_id = await run.send("f")
            await run.until_empty()
        said = [line for line in caplog.messages if request_id in line]
        assert said == [
            f"f: the event {request_id} failed, try 1; again after 60 s: no",
            f"f: the event {request_id} is given up after 2 tries (RetriesExhausted): no",
        ]

    async def test_a_destination_that_cannot_be_reached_is_said_once(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        target = tmp_path / "done"
        settings = {"f": {"event_invoke": {"on_success": f"file:{target}"}}}
        async with running(tmp_path, {"f": returns}, settings) as run:
            target.mkdir()
            await run.send("f")

            async def tries() -> int:
                return sum(message["tries"] for message in (await run.listing())["messages"])

            async with asyncio.timeout(30):
                while await tries() < 4:
                    await asyncio.sleep(0.02)
        said = [line for line in caplog.messages if "did not reach" in line]
        assert len(said) == 1
        assert "Is a directory; it is tried again for six hours, see `edgegw queue`" in said[0]

    async def test_an_event_that_waits_says_why(self, tmp_path: Path) -> None:
        async with running(tmp_path, {"f": fails}, time_scale=1) as run:
            await run.send("f")
            async with asyncio.timeout(30):
                while [event["error"] for event in (await run.listing())["events"]] != ["no"]:
                    await asyncio.sleep(0.01)

    async def test_a_success_reaches_its_own(self, tmp_path: Path) -> None:
        settings = {
            "f": {
                "event_invoke": {"on_success": "file:done.jsonl", "on_failure": "file:failed.jsonl"}
            }
        }
        settings["f"]["event_invoke"] = {
            key: f"file:{tmp_path}/{value[5:]}"
            for key, value in settings["f"]["event_invoke"].items()
        }
        async with running(tmp_path, {"f": returns}, settings) as run:
            await run.send("f", {"n": 1})
            await run.until_empty()
            (record,) = run.records("done.jsonl")
            assert record["requestContext"]["condition"] == "Success"
            assert record["responsePayload"] == {"got": {"n": 1}}
            assert not run.records("failed.jsonl")

    async def test_another_function_gets_the_record_as_its_event(self, tmp_path: Path) -> None:
        settings = {"f": {"event_invoke": {"on_success": "function:report"}}}
        async with running(tmp_path, {"f": returns, "report": returns}, settings) as run:
            request_id = await run.send("f", {"n": 1})
            await run.until_empty()
            (_, event, own_id) = run.calls[1]
            assert event["requestContext"]["requestId"] == request_id
            assert event["responsePayload"] == {"got": {"n": 1}}
            assert own_id != request_id

    @pytest.mark.parametrize("form", ["sqs:ends", "arn:aws:sqs:us-east-1:123456789012:ends"])
    async def test_an_embedded_queue_gets_record_and_dead_letter(
        self, tmp_path: Path, form: str
    ) -> None:
        ends = {"maximum_retry_attempts": 0, "on_failure": form, "dead_letter": "sqs:dead"}
        settings = {"f": {"event_invoke": ends}}
        async with running(tmp_path, {"f": fails}, settings, {"ends": {}, "dead": {}}) as run:
            request_id = await run.send("f", {"n": 1})
            await run.until_empty()
            queues = await run.gateway.workers.of(Queues)
            (record,) = await queues.receive("ends", wait=5)
            assert json.loads(record.body)["requestContext"]["requestId"] == request_id
            (dead,) = await queues.receive("dead", wait=5)
            assert dead.body == '{"n": 1}'
            given = {name: (each.data_type, each.content) for name, each in dead.attributes.items()}
            assert given == {
                "RequestID": ("String", request_id),
                "ErrorCode": ("Number", "200"),
                "ErrorMessage": ("String", "no"),
            }

    async def test_no_concurrency_at_all_is_a_condition_of_its_own(self, tmp_path: Path) -> None:
        settings = {
            "f": {
                "reserved_concurrency": 0,
                "event_invoke": {"on_failure": f"file:{tmp_path}/failed.jsonl"},
            }
        }
        async with running(tmp_path, {"f": returns}, settings) as run:
            await run.send("f")
            await run.until_empty()
            (record,) = run.records("failed.jsonl")
            assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
            assert record["requestContext"]["approximateInvokeCount"] == 0
            assert "responseContext" not in record
            assert not run.calls

    async def test_an_event_gets_too_old(self, tmp_path: Path) -> None:
        settings = {
            "f": {
                "event_invoke": {
                    "maximum_event_age": 60,
                    "on_failure": f"file:{tmp_path}/failed.jsonl",
                }
            }
        }
        async with running(tmp_path, {"f": fails}, settings, time_scale=20) as run:
            await run.send("f")
            await run.until_empty()
            (record,) = run.records("failed.jsonl")
            assert record["requestContext"]["condition"] == "EventAgeExceeded"
            assert record["requestContext"]["approximateInvokeCount"] in (1, 2)
            assert record["responsePayload"]["errorMessage"] == "no"

    async def test_what_is_configured_for_an_alias_is_for_that_alias(self, tmp_path: Path) -> None:
        settings = {
            "f": {
                "event_invoke": {
                    "maximum_retry_attempts": 0,
                    "on_failure": f"file:{tmp_path}/latest.jsonl",
                },
                "aliases": {
                    "live": {
                        "version": "1",
                        "event_invoke": {
                            "maximum_retry_attempts": 0,
                            "on_failure": f"file:{tmp_path}/live.jsonl",
                        },
                    }
                },
            }
        }
        async with running(tmp_path, {"f": fails}, settings) as run:
            await run.send("f", {"n": 1})
            await run.send("f", {"n": 2}, Qualifier="live")
            await run.until_empty()
            assert [each["requestPayload"] for each in run.records("latest.jsonl")] == [{"n": 1}]
            (live,) = run.records("live.jsonl")
            assert live["requestPayload"] == {"n": 2}
            assert live["requestContext"]["functionArn"] == f"{ARN}:f:live"

    async def test_a_loop_is_stopped_after_16_turns(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings = {
            "ping": {
                "event_invoke": {
                    "on_success": "function:pong",
                    "on_failure": f"file:{tmp_path}/failed.jsonl",
                }
            },
            "pong": {"event_invoke": {"on_success": "function:ping"}},
        }
        async with running(tmp_path, {"ping": lambda *_: 1, "pong": lambda *_: 1}, settings) as run:
            figures = Counter[str]()
            monkeypatch.setattr(
                run.gateway.service.figures,
                "note",
                lambda _function, figure, *_: figures.update([figure]),
            )
            await run.send("ping")
            await run.until_empty()
            assert run.calls.counts == {"ping": 16, "pong": 16}
            (record,) = run.records("failed.jsonl")
            assert record["requestContext"]["approximateInvokeCount"] == 0
            (failed,) = (await run.listing())["failed"]
            assert "recursive loop" in failed["error"]
            assert figures["RecursiveInvocationsDropped"] == figures["AsyncEventsDropped"] == 1
            assert figures["AsyncEventsReceived"] == figures["AsyncEventAge"] + 1 == 33

    async def test_a_loop_that_is_allowed_goes_on(self, tmp_path: Path) -> None:
        settings = {
            "ping": {"event_invoke": {"on_success": "function:pong"}},
            "pong": {"event_invoke": {"on_success": "function:ping"}},
        }
        async with running(tmp_path, {"ping": lambda *_: 1, "pong": lambda *_: 1}, settings) as run:
            for name in ("ping", "pong"):
                await run("put_function_recursion_config", FunctionName=name, RecursiveLoop="Allow")
            await run.send("ping")
            await run.until(lambda: run.calls.counts["ping"] > 30)

    @pytest.mark.parametrize(("turns", "is_stopped"), [(15, False), (16, True)])
    async def test_a_loop_over_a_queue_is_stopped_too(
        self, tmp_path: Path, turns: int, is_stopped: bool
    ) -> None:
        """SDKs hand the trace header on to SQS, which hands it on to the function's poller."""
        trace_id = "Root=1-5759e988-bd862e3fe1be46a994272793"
        for _ in range(turns):
            trace_id = next_turn(trace_id, f"{ARN}:f").trace_id
        queues = {
            "jobs": {"redrive": {"to": "dead", "max_receive_count": 1}, "visibility_timeout": 18},
            "dead": {},
        }
        sources = [{"source": "jobs", "function": "f"}]
        async with running(tmp_path, {"f": returns}, None, queues, sources, time_scale=60) as run:
            embedded = await run.gateway.workers.of(Queues)
            await embedded.send("jobs", SendMessage("{}", trace_header=trace_id))
            if is_stopped:
                assert await embedded.receive("dead", wait=600)
                assert not run.calls
            else:
                await run.until(lambda: run.calls)

    @pytest.mark.parametrize("way", ["on_success", "on_failure", "dead_letter"])
    async def test_messages_of_the_gateway_take_the_chain_along(
        self, tmp_path: Path, way: str
    ) -> None:
        """What stands behind a queue may lead back here: the message has the sender's trace."""
        settings = {"f": {"event_invoke": {"maximum_retry_attempts": 0, way: "sqs:jobs"}}}
        functions = {"f": returns if way == "on_success" else fails, "g": returns}
        sources = [{"source": "jobs", "function": "g"}]
        queues = {"jobs": {"visibility_timeout": 43_200}}
        async with running(tmp_path, functions, settings, queues, sources) as run:
            trace_id = f"{ROOT};Lineage=1:00000000:7"
            headers = functools.partial(_with_trace, trace_id=trace_id)
            run.client.meta.events.register("before-send.lambda.Invoke", headers)
            await run.send("f")
            await run.until(lambda: run.calls.counts["g"])
            (event,) = [event for name, event, _ in run.calls if name == "g"]
            header = event["Records"][0]["attributes"]["AWSTraceHeader"]
            assert header == next_turn(trace_id, f"{ARN}:f").trace_id

    async def test_of_a_synchronous_loop_the_caller_hears(self, tmp_path: Path) -> None:
        async with running(tmp_path, {"f": returns}) as run:
            lineage = "Root=1-5759e988-bd862e3fe1be46a994272793"
            codes: list[object] = []

            def with_header(request: Any, **_: Any) -> None:
                _with_trace(request, trace_id=trace)

            run.client.meta.events.register("before-send.lambda.Invoke", with_header)
            for turns in (15, 16):
                trace = lineage
                for _ in range(turns):
                    trace = next_turn(trace, f"{ARN}:f").trace_id
                try:
                    codes.append((await run("invoke", FunctionName="f"))["StatusCode"])
                except ClientError as error:
                    codes.append(error.response["Error"]["Code"])
            assert codes == [200, "RecursiveInvocationException"]


class TestThrottles:
    async def test_a_throttled_event_waits_and_loses_no_try(self, tmp_path: Path) -> None:
        """Other callers use up the concurrency: the event comes when there is room again."""
        blocked = asyncio.Event()

        def result(event: Any, count: int) -> Any:
            return blocked.wait() if event == {"blocks": True} else 1

        settings = {
            "f": {
                "reserved_concurrency": 1,
                "event_invoke": {
                    "maximum_retry_attempts": 0,
                    "on_success": f"file:{tmp_path}/done.jsonl",
                },
            }
        }
        async with running(tmp_path, {"f": result}, settings) as run:
            blocking = asyncio.ensure_future(
                run("invoke", FunctionName="f", Payload=b'{"blocks": true}')
            )
            await run.until(lambda: run.calls)
            await run.send("f", {"n": 1})

            async def throttled() -> bool:
                return any(each["throttles"] >= 2 for each in (await run.listing())["events"])

            async with asyncio.timeout(30):
                while not await throttled():
                    await asyncio.sleep(0.01)
            blocked.set()
            await blocking
            await run.until(lambda: run.records("done.jsonl"))
            (record,) = run.records("done.jsonl")
            assert record["requestContext"]["approximateInvokeCount"] == 1


class TestConfiguration:
    async def test_put_update_get_list_delete(self, tmp_path: Path) -> None:
        settings = {"f": {"aliases": {"live": {"version": "1"}}}}
        async with running(tmp_path, {"f": returns, "report": returns}, settings) as run:
            put = await run(
                "put_function_event_invoke_config",
                FunctionName="f",
                MaximumRetryAttempts=1,
                DestinationConfig={"OnFailure": {"Destination": f"{ARN}:report"}},
            )
            assert put["FunctionArn"] == f"{ARN}:f:$LATEST"
            assert put["MaximumRetryAttempts"] == 1
            assert "MaximumEventAgeInSeconds" not in put
            assert put["DestinationConfig"] == {
                "OnSuccess": {},
                "OnFailure": {"Destination": f"{ARN}:report"},
            }
            await run(
                "update_function_event_invoke_config",
                FunctionName="f",
                MaximumEventAgeInSeconds=120,
            )
            got = await run("get_function_event_invoke_config", FunctionName="f")
            assert (got["MaximumRetryAttempts"], got["MaximumEventAgeInSeconds"]) == (1, 120)
            await run(
                "put_function_event_invoke_config",
                FunctionName="f",
                Qualifier="live",
                MaximumRetryAttempts=0,
            )
            listed = await run("list_function_event_invoke_configs", FunctionName="f")
            arns = [each["FunctionArn"] for each in listed["FunctionEventInvokeConfigs"]]
            assert arns == [f"{ARN}:f:$LATEST", f"{ARN}:f:live"]
            put = await run(
                "put_function_event_invoke_config", FunctionName="f", MaximumEventAgeInSeconds=60
            )
            assert "MaximumRetryAttempts" not in put
            await run("delete_function_event_invoke_config", FunctionName="f")
            refusal = await run.refused("get_function_event_invoke_config", FunctionName="f")
            assert refusal == (
                "ResourceNotFoundException",
                404,
                f"The function {ARN}:f:$LATEST doesn't have an EventInvokeConfig",
            )

    async def test_what_is_put_counts_for_events_that_wait(self, tmp_path: Path) -> None:
        is_put = asyncio.Event()

        async def fails_then(event: Any, count: int) -> Any:
            await is_put.wait()
            raise ValueError("no")

        async with running(tmp_path, {"f": fails_then, "report": returns}) as run:
            await run.send("f")
            await run.until(lambda: run.calls)
            await run(
                "put_function_event_invoke_config",
                FunctionName="f",
                MaximumRetryAttempts=1,
                DestinationConfig={"OnFailure": {"Destination": f"{ARN}:report"}},
            )
            is_put.set()
            await run.until_empty()
            assert run.calls.counts == {"f": 2, "report": 1}

    @pytest.mark.parametrize(
        ("given", "code", "text"),
        [
            (
                {},
                "InvalidParameterValueException",
                "You must specify at least one of error handling or destination setting.",
            ),
            ({"MaximumRetryAttempts": 3}, "ValidationException", "less than or equal to 2"),
            (
                {"MaximumEventAgeInSeconds": 59},
                "ValidationException",
                "greater than or equal to 60",
            ),
            (
                {"DestinationConfig": {"OnFailure": {"Destination": f"{ARN}:f"}}},
                "InvalidParameterValueException",
                "You can't specify the function as a destination for itself.",
            ),
            (
                {
                    "DestinationConfig": {
                        "OnFailure": {"Destination": "arn:aws:iam::123456789012:role/x"}
                    }
                },
                "InvalidParameterValueException",
                "The destination ARN arn:aws:iam::123456789012:role/x is invalid.",
            ),
            (
                {
                    "DestinationConfig": {
                        "OnFailure": {"Destination": "arn:aws:sqs:us-east-1:123456789012:q.fifo"}
                    }
                },
                "InvalidParameterValueException",
                "The destination ARN arn:aws:sqs:us-east-1:123456789012:q.fifo is invalid.",
            ),
            (
                {"DestinationConfig": {"OnFailure": {"Destination": "nowhere"}}},
                "ValidationException",
                "regular expression",
            ),
            (
                {"DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:s3:::bucket"}}},
                "InvalidParameterValueException",
                "is invalid",
            ),
            (
                {"DestinationConfig": {"OnFailure": {"Destination": f"{QUEUES}:jobs.fifo"}}},
                "InvalidParameterValueException",
                "is invalid",
            ),
            (
                {"Qualifier": "nothing", "MaximumRetryAttempts": 1},
                "ResourceNotFoundException",
                "The function doesn't exist.",
            ),
        ],
    )
    async def test_what_is_refused(self, tmp_path: Path, given: Any, code: str, text: str) -> None:
        async with running(tmp_path, {"f": returns}) as run:
            run.client = aws_client("lambda", run.url, parameter_validation=False)
            refusal = await run.refused(
                "put_function_event_invoke_config", FunctionName="f", **given
            )
            assert refusal[0] == code
            assert text in refusal[2]
            run.client.close()

    async def test_what_is_wrong_by_itself_is_refused_before_what_is_not_there(
        self, tmp_path: Path
    ) -> None:
        async with running(tmp_path, {"f": returns}) as run:
            for name in ("f", "nothing"):
                refusal = await run.refused(
                    "update_function_event_invoke_config",
                    FunctionName=name,
                    MaximumRetryAttempts=3,
                )
                assert refusal[0] == "ValidationException", name
            await run("put_function_event_invoke_config", FunctionName="f", MaximumRetryAttempts=1)
            refusal = await run.refused(
                "list_function_event_invoke_configs", FunctionName="f", MaxItems=51
            )
            assert refusal[0] == "ValidationException"

    async def test_loops(self, tmp_path: Path) -> None:
        async with running(tmp_path, {"f": returns}) as run:
            got = await run("get_function_recursion_config", FunctionName="f")
            assert got["RecursiveLoop"] == "Terminate"
            await run("put_function_recursion_config", FunctionName="f", RecursiveLoop="Allow")
            got = await run("get_function_recursion_config", FunctionName="f")
            assert got["RecursiveLoop"] == "Allow"

    async def test_a_dead_letter_queue_is_shown(self, tmp_path: Path) -> None:
        settings = {"f": {"event_invoke": {"dead_letter": "sqs:dead"}}}
        async with running(tmp_path, {"f": returns}, settings) as run:
            got = await run("get_function_configuration", FunctionName="f")
            assert got["DeadLetterConfig"] == {
                "TargetArn": "arn:aws:sqs:us-east-1:123456789012:dead"
            }


class TestWhatCannotBeKept:
    """202 is never given for what is not on disk."""

    async def test_in_a_folder_that_may_only_be_read(self, tmp_path: Path) -> None:
        if os.geteuid() == 0:
            state = Path("/proc/edgegw-state")  # where not even root can make a file
        else:
            state = tmp_path / "read-only"
            state.mkdir(mode=0o500)
        async with running(tmp_path, {"f": returns}, state=str(state)) as run:
            code, status, text = await run.refused(
                "invoke", FunctionName="f", InvocationType="Event"
            )
            assert (code, status) == ("ServiceException", 500)
            assert "cannot keep state" in text
            assert not run.calls

    async def test_beside_another_gateway_of_the_folder(self, tmp_path: Path) -> None:
        async with running(tmp_path, {"f": returns}) as first:
            await first.send("f", {"n": 1})
            async with running(tmp_path, {"f": returns}) as second:
                code, status, text = await second.refused(
                    "invoke", FunctionName="f", InvocationType="Event"
                )
                assert (code, status) == ("ServiceException", 500)
                assert "give this one a folder of its own" in text
                await first.until_empty()
            assert first.calls.counts["f"] == 1


async def test_the_aws_cli_sends_an_event(tmp_path: Path) -> None:
    aws = (
        need("aws", "the AWS CLI is not tested")
        if not Path(sys.prefix, "bin/aws").exists()
        else str(Path(sys.prefix, "bin/aws"))
    )
    async with running(tmp_path, {"f": returns}) as run:
        command = [
            aws,
            "lambda",
            "invoke",
            "--function-name",
            "f",
            "--invocation-type",
            "Event",
            "--cli-binary-format",
            "raw-in-base64-out",
            "--payload",
            '{"cli": 1}',
            "--endpoint-url",
            run.url,
            "--region",
            "us-east-1",
            str(tmp_path / "out.json"),
        ]
        environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "y",
            "AWS_PAGER": "",
        }
        done = await asyncio.to_thread(
            subprocess.run, command, env=environment, capture_output=True, text=True
        )
        if "cli-binary-format" in done.stderr:  # version 1 has no such option
            del command[7:9]
            done = await asyncio.to_thread(
                subprocess.run, command, env=environment, capture_output=True, text=True
            )
        assert json.loads(done.stdout) == {"StatusCode": 202}, done.stderr
        await run.until_empty()
        assert run.calls[0][1] == {"cli": 1}


class TestForPeople:
    async def test_what_failed_is_tried_anew(self, tmp_path: Path) -> None:
        healed = False

        def result(event: Any, count: int) -> Any:
            return "done" if healed else fails(event, count)

        settings = {
            "f": {
                "event_invoke": {
                    "maximum_retry_attempts": 0,
                    "on_success": f"file:{tmp_path}/done.jsonl",
                }
            }
        }
        async with running(tmp_path, {"f": result}, settings) as run:
            request_id = await run.send("f", {"n": 1})
            await run.until_empty()
            healed = True
            events = await run.gateway.workers.of(AsyncEvents)
            assert await events.redrive(request_id="other") == {"events": 0, "messages": 0}
            assert await events.redrive(request_id=request_id) == {"events": 1, "messages": 0}
            await run.until(lambda: run.records("done.jsonl"))
            (record,) = run.records("done.jsonl")
            assert record["requestContext"]["requestId"] == request_id
            assert record["requestPayload"] == {"n": 1}
            with contextlib.suppress(AssertionError):
                await run.until_empty()
            assert not (await run.listing())["failed"]
