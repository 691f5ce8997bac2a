"""The same behaviour over both channels: frames to the bundled runtime, and the Runtime API.

Over HTTP runs AWS's own client (`awslambdaric`, unmodified), so that it is the judge of ours.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from edgegw.awslambda.model import Function, LogSettings, Returned, Runtime
from tests.execution.lambda_service import Running, running

FUNCTIONS = Path(__file__).parents[1] / "functions"
PYTHON = Runtime(f"python3.{sys.version_info[1]}", "python", sys.version_info[:2])
PROVIDED = Runtime("provided.al2023", "provided", ())

Make = Any


@pytest.fixture(params=["frames", "http"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes a function of tests/functions/behaves.py for one channel."""
    shutil.copy(FUNCTIONS / "behaves.py", tmp_path)
    shutil.copy(FUNCTIONS / "broken.py", tmp_path)
    (tmp_path / "syntax.py").write_text("def handler(:\n    pass\n")
    (tmp_path / "fails.py").write_text("raise LookupError('at import')\n")
    runtime = PYTHON
    if request.param == "http":
        pytest.importorskip("awslambdaric")
        runtime = PROVIDED
        bootstrap = tmp_path / "bootstrap"
        bootstrap.write_text(
            f'#!/bin/sh\nexec env PYTHONDONTWRITEBYTECODE=1 {sys.executable} -m awslambdaric "$_HANDLER"\n'
        )
        bootstrap.chmod(0o755)

    def function(handler: str, **more: Any) -> Function:
        name = handler.replace("/", "-").rpartition(".")[2] or "f"
        handler = handler if "." in handler or "/" in handler else f"behaves.{handler}"
        given = {"timeout": 10.0, "memory_mb": 256, **more}
        return Function(name, runtime, str(tmp_path), handler, **given)

    return function


async def test_warm_reuse_keeps_module_state(make: Make) -> None:
    async with running(make("counts")) as lambda_:
        first, second = await lambda_.result("counts"), await lambda_.result("counts")
        assert (first["calls"], second["calls"]) == (1, 2)
        assert first["pid"] == second["pid"]


async def test_the_context_object(make: Make) -> None:
    async with running(make("context")) as lambda_:
        found = await lambda_.result("context", trace_id="Root=1-2-3;Parent=4;Sampled=0")
        names = found.pop("names")
        assert {"get_remaining_time_in_millis", "log", "identity", "tenant_id"} <= set(names)
        assert found == {
            "function_name": "context",
            "function_version": "$LATEST",
            "invoked_function_arn": "arn:aws:lambda:us-east-1:123456789012:function:context",
            "memory_limit_in_mb": "256",
            "log_group_name": "/aws/lambda/context",
            "log_stream": True,
            "identity": [None, None],
            "client_context": None,
            "tenant_id": None,
            "remaining": True,
            "trace": "Root=1-2-3;Parent=4;Sampled=0",
        }


async def test_the_client_context(make: Make) -> None:
    given = {
        "custom": {"k": 1},
        "env": {"e": "2"},
        "client": {
            "installation_id": "i",
            "app_title": "t",
            "app_version_name": "n",
            "app_version_code": "c",
            "app_package_name": "p",
        },
    }
    async with running(make("client_context")) as lambda_:
        found = await lambda_.result("client_context", client_context=json.dumps(given))
        assert found == {
            "custom": {"k": 1},
            "env": {"e": "2"},
            "client": ["i", "t", "n", "c", "p"],
        }


@pytest.mark.parametrize(
    ("handler", "payload"),
    [
        (
            "returns",
            b'{"none": null, "text": "\\u00fc", "decimal": 1.10, "nan": NaN, '
            b'"big": 1180591620717411303424, "keys": {"1": "one"}}',
        ),
        ("returns_none", b"null"),
        ("returns_bytes", b"\x00raw bytes"),
    ],
)
async def test_what_a_result_becomes(make: Make, handler: str, payload: bytes) -> None:
    function = make(handler)
    async with running(function) as lambda_:
        outcome = await lambda_.invoke(handler)
        assert isinstance(outcome, Returned), outcome
        # The runtimes from Python 3.12 on leave non-ASCII text as it is; AWS's client knows them
        # by AWS_EXECUTION_ENV, which an OS-only runtime lacks.
        language = function.runtime.language
        if language == "python" and sys.version_info >= (3, 12):
            payload = payload.replace(b"\\u00fc", "ü".encode())
        assert outcome.payload == payload


@pytest.mark.parametrize(
    ("handler", "kind", "message"),
    [
        ("raises", "OwnError", "with 'quotes' and ü\nand a second line"),
        (
            "returns_set",
            "Runtime.MarshalError",
            "Unable to marshal response: Object of type set is not JSON serializable",
        ),
        (
            "coroutine",
            "Runtime.MarshalError",
            "Unable to marshal response: Object of type coroutine is not JSON serializable",
        ),
        (
            "missing.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'missing': No module named 'missing'",
        ),
        (
            "broken.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'broken': No module named 'there_is_no_such_module'",
        ),
        (
            "behaves.nothing",
            "Runtime.HandlerNotFound",
            "Handler 'nothing' missing on module 'behaves'",
        ),
        (
            "behaves/",
            "Runtime.MalformedHandlerName",
            "Bad handler 'behaves/': not enough values to unpack (expected 2, got 1)",
        ),
        (
            "sys.exit",
            "Runtime.BuiltInModuleConflict",
            "Cannot use built-in module sys as a handler module",
        ),
        (
            "syntax.handler",
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module 'syntax': invalid syntax (syntax.py, line 1)",
        ),
        ("fails.handler", "LookupError", "at import"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
async def test_errors(make: Make, handler: str, kind: str, message: str) -> None:
    function = make(handler)
    async with running(function) as lambda_:
        error = await lambda_.error(function.name)
        found = json.loads(error.payload)
        assert list(found) == ["errorMessage", "errorType", "requestId", "stackTrace"]
        assert (found["errorType"], found["errorMessage"]) == (kind, message)
        if handler == "raises":
            root = function.code
            assert [each.partition(", in ")[0] for each in found["stackTrace"]] == [
                f'  File "{root}/behaves.py", line {line}' for line in lines_of("inner", root)
            ]


def lines_of(called: str, root: str) -> list[int]:
    text = Path(root, "behaves.py").read_text().splitlines()
    call = text.index(f"    {called}()") + 1
    return [call, next(at for at, line in enumerate(text, 1) if "raise OwnError(" in line)]


@pytest.mark.parametrize(
    ("handler", "text"),
    [
        ("exits", "Runtime exited with error: exit status 7"),
        ("exits_cleanly", "Runtime exited without providing a reason"),
        ("interrupted", "Runtime exited with error: "),
    ],
)
async def test_a_process_that_ends(make: Make, handler: str, text: str) -> None:
    async with running(make(handler), make("counts")) as lambda_:
        error = await lambda_.error(handler)
        found = json.loads(error.payload)
        assert list(found) == ["errorType", "errorMessage"]
        assert found["errorType"] == "Runtime.ExitError"
        request_id = error.report.request_id
        assert found["errorMessage"].startswith(f"RequestId: {request_id} Error: {text}")
        assert (await lambda_.result("counts"))["calls"] == 1


async def test_a_timeout_resets_the_environment(make: Make) -> None:
    async with running(make("hangs", timeout=1.0)) as lambda_:
        error = await lambda_.error("hangs")
        assert json.loads(error.payload) == {
            "errorType": "Sandbox.Timedout",
            "errorMessage": f"RequestId: {error.report.request_id} Error: Task timed out after 1.00 seconds",
        }
        assert lambda_.log("hangs")[-1].endswith("\tStatus: timeout")
        again = await lambda_.error("hangs")
        assert again.report.init_duration is None  # its init is suppressed: inside the duration
        streams = {entry.stream for entry in lambda_.service.logs.group("hangs").after(0)}
        assert len(streams) == 1


async def test_a_killed_environment_starts_again(make: Make) -> None:
    async with running(make("counts")) as lambda_:
        first = await lambda_.result("counts")
        os.kill(first["pid"], signal.SIGKILL)
        await lambda_.lost("counts", first["pid"])
        second = await lambda_.result("counts")
        assert second["pid"] != first["pid"]
        assert second["calls"] == 1


async def test_what_is_logged(make: Make) -> None:
    async with running(make("logs"), make("logs_plainly")) as lambda_:
        request_id = (await lambda_.invoke("logs")).report.request_id
        await lambda_.service.settled()
        lines = [line for line in lambda_.log("logs") if not line.startswith(("REPORT", "INIT"))]
        # On a plain pipe AWS's client leaves newlines as they are; the service gets frames there.
        start, printed, informed, warned, raw, end = [each for each in lines if each != "lines"]
        assert (start, end) == (
            f"START RequestId: {request_id} Version: $LATEST",
            f"END RequestId: {request_id}",
        )
        assert (printed, raw) == ("printed", "raw")
        level, stamp, found, text = informed.split("\t")
        assert (level, found, text) == ("[INFO]", request_id, "informed")
        assert len(stamp) == len("2026-01-02T03:04:05.678Z")
        assert warned.startswith("[WARNING]\t")
        assert warned.endswith(("two\rlines", "two"))
        await lambda_.invoke("logs_plainly")
        assert any("an error" in line for line in lambda_.log("logs_plainly"))
        assert not any("below the default" in line for line in lambda_.log("logs_plainly"))


async def test_json_logs(make: Make) -> None:
    settings = LogSettings("JSON", "INFO", "INFO")
    async with running(make("logs_exception", logs=settings)) as lambda_:
        request_id = (await lambda_.invoke("logs_exception")).report.request_id
        await lambda_.service.settled()
        lines = [json.loads(line) for line in lambda_.log("logs_exception")]
        assert [line.get("type") for line in lines] == ["platform.start", None, "platform.report"]
        entry = lines[1]
        assert entry["level"] == "ERROR"
        assert entry["message"] == "it happened"
        assert (entry["errorType"], entry["errorMessage"]) == ("OwnError", "caught")
        assert entry["requestId"] == request_id
        assert entry["order"] == 7
        assert entry["logger"] == "root"


async def test_big_payloads_both_ways(make: Make) -> None:
    async with running(make("echo")) as lambda_:
        event = {"data": "x" * (6 * 1024 * 1024 - 200)}
        assert await lambda_.result("echo", event) == event


async def test_a_response_above_the_limit(make: Make, tmp_path: Path) -> None:
    (tmp_path / "big.py").write_text("def big(event, context): return 'x' * 6291556\n")
    async with running(make("big.big"), make("counts")) as lambda_:
        error = await lambda_.error("big")
        assert json.loads(error.payload) == {
            "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
            "errorType": "Function.ResponseSizeTooLarge",
        }
        await next_works(lambda_)


async def next_works(lambda_: Running) -> None:
    assert (await lambda_.result("counts"))["calls"] >= 1


async def test_an_event_that_is_no_json(make: Make) -> None:
    async with running(make("echo")) as lambda_:
        error = await lambda_.error("echo", b"{no")
        assert error.error_type == "Runtime.UnmarshalError"
        assert error.message.startswith("Unable to unmarshal input: ")
