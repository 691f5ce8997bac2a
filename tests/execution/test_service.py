"""Functions in real processes, in Python and in Node.js, through the one way in."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edgegw.awslambda.model import (
    Function,
    FunctionError,
    FunctionRef,
    Invocation,
    Outcome,
    Returned,
    Runtime,
    Throttled,
)
from edgegw.awslambda.versions import single
from edgegw.errors import EnvironmentProblem
from edgegw.execution.service import LambdaService
from tests.execution.lambda_service import lost

FUNCTIONS = str(Path(__file__).parents[1] / "functions")
PYTHON = Runtime("python3", "python", sys.version_info[:2])
NODE = Runtime("nodejs22.x", "nodejs", (22,))


@asynccontextmanager
async def service(*functions: Function, **options: Any) -> AsyncIterator[LambdaService]:
    running = LambdaService({each.name: single(each) for each in functions}, **options)
    try:
        await running.start()
        yield running
    finally:
        await running.close()


def python(handler: str, **more: Any) -> Function:
    return Function(handler, PYTHON, FUNCTIONS, f"hooks.{handler}", **{"timeout": 10.0, **more})


def js(handler: str, **more: Any) -> Function:
    name = handler.partition(".")[2]
    return Function(name, NODE, FUNCTIONS, handler, **{"timeout": 10.0, **more})


async def invoke(
    running: LambdaService, name: str, event: Any = None, *, edge: bool = False
) -> Outcome:
    payload = json.dumps({} if event is None else event).encode()
    return await running.invoke(Invocation(FunctionRef(name, edge), payload, "Root=1-2-3"))


async def result(
    running: LambdaService, name: str, event: Any = None, *, edge: bool = False
) -> Any:
    outcome = await invoke(running, name, event, edge=edge)
    assert isinstance(outcome, Returned), outcome
    return json.loads(outcome.payload)


async def failure(running: LambdaService, name: str) -> FunctionError:
    outcome = await invoke(running, name)
    assert isinstance(outcome, FunctionError), outcome
    return outcome


async def test_environments_are_kept_warm_and_reused() -> None:
    async with service(python("counts")) as running:
        first, second = await result(running, "counts"), await result(running, "counts")
        assert (first["calls"], second["calls"]) == (1, 2)
        assert first["pid"] == second["pid"]
        outcome = await invoke(running, "counts")
        assert outcome.report.logs == ("call 3",)
        assert outcome.report.init_duration is None


async def test_init_duration_is_reported_once() -> None:
    async with service(python("counts")) as running:
        assert (await invoke(running, "counts")).report.init_duration is not None


async def test_prints_go_to_the_log_with_name_and_request_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "edgegw.printed"):
        async with service(python("counts")) as running:
            outcome = await invoke(running, "counts")
    assert f"counts {outcome.report.request_id} call 1" in [each.message for each in caplog.records]


async def test_the_context_and_the_variables_at_the_edge_and_elsewhere() -> None:
    async with service(python("describes", environment=(("MINE", "1"),))) as running:
        plain = await result(running, "describes")
        assert plain["name"] == plain["environment"]["AWS_LAMBDA_FUNCTION_NAME"] == "describes"
        assert plain["version"] == "$LATEST"
        assert plain["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:describes"
        assert plain["memory"] == "128"
        assert 0 < plain["remaining"] <= 10000
        assert plain["environment"]["MINE"] == "1"
        root, parent, sampled = plain["environment"]["_X_AMZN_TRACE_ID"].split(";")
        assert (root, parent[:7], sampled) == ("Root=1-2-3", "Parent=", "Sampled=0")
        assert "HOME" not in plain["environment"]
        assert plain["cwd"] == plain["path"] == FUNCTIONS
        edge = await result(running, "describes", edge=True)
        assert edge["name"] == "us-east-1.describes"
        assert edge["arn"].endswith(":function:us-east-1.describes:1")
        assert edge["group"] == "/aws/lambda/us-east-1.describes"


async def test_an_exception_is_a_function_error_with_the_users_frames() -> None:
    async with service(python("raises")) as running:
        error = await failure(running, "raises")
        payload = json.loads(error.payload)
        assert list(payload) == ["errorMessage", "errorType", "requestId", "stackTrace"]
        assert (payload["errorType"], payload["errorMessage"]) == ("LookupError", "this one raises")
        assert len(payload["stackTrace"]) == 1
        assert 'raise LookupError("this one raises")' in payload["stackTrace"][0]
        assert error.report.logs[0].startswith("[ERROR] LookupError: this one raises\rTraceback")


async def test_a_result_that_is_no_json_is_a_marshal_error() -> None:
    async with service(python("unserializable")) as running:
        error = await failure(running, "unserializable")
        assert error.error_type == "Runtime.MarshalError"
        assert (
            error.message
            == "Unable to marshal response: Object of type set is not JSON serializable"
        )


async def test_a_timeout_kills_and_replaces_the_process() -> None:
    async with service(python("hangs", timeout=2.0)) as running:
        error = await failure(running, "hangs")
        assert error.error_type == "Sandbox.Timedout"
        assert error.message.endswith("Error: Task timed out after 2.00 seconds")
        assert error.report.logs == ("about to hang",)
        assert (await failure(running, "hangs")).error_type == "Sandbox.Timedout"


async def test_a_crash_is_a_function_error_and_the_next_invocation_works() -> None:
    async with service(python("exits"), python("counts")) as running:
        error = await failure(running, "exits")
        assert error.error_type == "Runtime.ExitError"
        assert error.message.endswith("Runtime exited with error: exit status 3")
        assert error.report.logs == ("about to exit",)
        first = await result(running, "counts")
        os.kill(first["pid"], signal.SIGKILL)
        await lost(running, "counts", first["pid"])
        assert (await result(running, "counts"))["pid"] != first["pid"]


@pytest.mark.parametrize(
    ("handler", "kind", "message"),
    [
        ("hooks.nothing", "Runtime.HandlerNotFound", "Handler 'nothing' missing on module 'hooks'"),
        (
            "broken.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'broken': No module named 'there_is_no_such_module'",
        ),
    ],
)
async def test_init_failures(handler: str, kind: str, message: str) -> None:
    async with service(Function("f", PYTHON, FUNCTIONS, handler)) as running:
        for _ in range(2):
            error = await failure(running, "f")
            assert (error.error_type, error.message) == (kind, message)


async def test_sleeping_handlers_run_side_by_side(tmp_path: Path) -> None:
    async with service(python("meets", timeout=60.0)) as running:
        event = {"place": str(tmp_path), "count": 12}
        outcomes = await asyncio.gather(*[result(running, "meets", event) for _ in range(12)])
        assert len({each["pid"] for each in outcomes}) == 12


async def test_fast_handlers_share_few_environments() -> None:
    async with service(python("counts")) as running:
        found: set[int] = set()
        for _ in range(10):
            outcomes = await asyncio.gather(*[result(running, "counts") for _ in range(30)])
            found |= {each["pid"] for each in outcomes}
        assert len(found) <= 15


async def test_concurrency_above_the_reserved_one_is_throttled() -> None:
    async with service(python("sleeps", reserved_concurrency=2)) as running:
        outcomes = await asyncio.gather(*[invoke(running, "sleeps") for _ in range(4)])
        kinds = sorted(type(each).__name__ for each in outcomes)
        assert kinds == ["Returned", "Returned", "Throttled", "Throttled"]


async def test_reserved_concurrency_zero_throttles_everything() -> None:
    async with service(python("counts", reserved_concurrency=0)) as running:
        assert isinstance(await invoke(running, "counts"), Throttled)


async def test_nothing_is_left_running() -> None:
    async with service(python("counts"), python("sleeps")) as running:
        pid = (await result(running, "counts"))["pid"]
        busy = asyncio.ensure_future(invoke(running, "sleeps", {"seconds": 30}))
        await asyncio.sleep(0.2)
    await asyncio.wait({busy}, timeout=30)
    assert busy.done()
    for _ in range(600):
        if not Path(f"/proc/{pid}").exists():
            break
        await asyncio.sleep(0.05)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_large_event_and_result_pass() -> None:
    def echo(event: Any, _context: Any) -> Any:
        return event

    big = {"data": "ü" * 500_000}
    async with service(python("pass_request"), handlers={"pass_request": echo}) as running:
        assert await result(running, "pass_request", big) == big
    async with service(python("pass_request")) as running:
        event = {"Records": [{"cf": {"request": big}}]}
        assert await result(running, "pass_request", event) == big


@pytest.mark.usefixtures("node")
class TestNode:
    async def test_commonjs_async(self) -> None:
        async with service(js("common.handler")) as running:
            found = await result(running, "handler", {"a": "ü"})
            assert found == {"event": {"a": "ü"}, "name": "handler", "remaining": True}

    async def test_es_module(self) -> None:
        async with service(js("module.handler")) as running:
            assert (await result(running, "handler", [1])) == {
                "esm": True,
                "sep": "/",
                "event": [1],
            }

    @pytest.mark.parametrize(
        ("handler", "expected"),
        [
            ("callback", {"late": True}),
            ("callbackAtOnce", {"early": True}),
            ("plain", None),
            ("nested.deep.handler", "deep"),
        ],
    )
    async def test_other_styles(self, handler: str, expected: Any) -> None:
        async with service(js(f"common.{handler}")) as running:
            assert await result(running, handler) == expected

    async def test_environments_are_kept_warm(self) -> None:
        async with service(js("common.counts")) as running:
            first = await result(running, "counts")
            outcome = await invoke(running, "counts")
            assert isinstance(outcome, Returned)
            assert json.loads(outcome.payload) == {"calls": 2, "pid": first["pid"]}
            [line] = outcome.report.logs
            assert line.split("\t")[1:] == [outcome.report.request_id, "INFO", "call 2"]

    @pytest.mark.parametrize(
        ("handler", "kind", "message"),
        [
            ("common.throws", "TypeError", "bad"),
            ("common.callbackFails", "RangeError", "no"),
            ("common.rejectsText", "string", "just text"),
            ("common.circular", "Error", "Unable to stringify response body"),
            (
                "common.nowhere",
                "Runtime.HandlerNotFound",
                "common.nowhere is undefined or not exported",
            ),
            ("missing.handler", "Runtime.ImportModuleError", "Error: Cannot find module"),
            ("common.exits", "Runtime.ExitError", "exit status 4"),
        ],
    )
    async def test_errors(self, handler: str, kind: str, message: str) -> None:
        async with service(js(handler)) as running:
            error = await failure(running, handler.partition(".")[2])
            assert error.error_type == kind
            assert message in error.message

    async def test_a_busy_loop_is_killed(self) -> None:
        async with service(js("common.hangs", timeout=0.3)) as running:
            assert (await failure(running, "hangs")).error_type == "Sandbox.Timedout"


async def test_missing_node_is_one_plain_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(EnvironmentProblem, match=r"Node.js 20 or newer was not found on PATH"):
        async with service(js("common.handler")):
            pass
    async with service(js("common.handler"), leave_out_missing=True) as running:
        assert [name for name, _ in running.missing()] == ["handler"]
        assert "Node.js" in (await failure(running, "handler")).message


async def test_replaced_functions_run_in_process() -> None:
    seen: list[Any] = []

    async def handler(event: Any, context: Any) -> Any:
        seen.append((event, context.function_name))
        return {"ok": True}

    async with service(python("counts"), handlers={"counts": handler}) as running:
        assert await result(running, "counts", {"a": 1}) == {"ok": True}
    assert seen == [({"a": 1}, "counts")]


async def test_replaced_functions_get_the_client_context() -> None:
    def handler(event: Any, context: Any) -> Any:
        given = context.client_context
        return [given.custom, given.env, given.client.app_title]

    async with service(python("counts"), handlers={"counts": handler}) as running:
        context = '{"custom": {"k": 1}, "client": {"app_title": "t"}}'
        invocation = Invocation(FunctionRef("counts"), b"{}", client_context=context)
        outcome = await running.invoke(invocation)
        assert isinstance(outcome, Returned)
        assert json.loads(outcome.payload) == [{"k": 1}, None, "t"]


async def test_a_replaced_function_that_raises_is_a_function_error() -> None:
    def handler(event: Any, context: Any) -> Any:
        raise KeyError("x")

    async with service(python("counts"), handlers={"counts": handler}) as running:
        assert (await failure(running, "counts")).error_type == "KeyError"


async def test_a_canceled_invocation_leaves_the_service_usable() -> None:
    async with service(python("sleeps")) as running:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await invoke(running, "sleeps", {"seconds": 30})
        assert "pid" in await result(running, "sleeps", {"seconds": 0})
