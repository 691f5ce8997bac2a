"""The fault table: for each fault what the caller gets and what the log says.

After each the next invocation works, and no process, descriptor or folder is left behind.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgegw.awslambda.model import Function, FunctionError, Returned, Runtime, Throttled
from edgegw.awslambda.versions import single
from edgegw.execution.idle_zygotes import end_idle_zygotes
from edgegw.execution.zygote import Zygote
from tests.execution.lambda_service import Running, running

FUNCTIONS = str(Path(__file__).parents[1] / "functions")
PYTHON = Runtime(f"python3.{sys.version_info[1]}", "python", sys.version_info[:2])
NODE = Runtime("nodejs22.x", "nodejs", (22,))
MODERN = Runtime("nodejs24.x", "nodejs", (24,))


def python(handler: str, **more: Any) -> Function:
    given = {"timeout": 20.0, "memory_mb": 256, **more}
    return Function(handler, PYTHON, FUNCTIONS, f"faults.{handler}", **given)


def js(handler: str, runtime: Runtime = NODE, **more: Any) -> Function:
    given = {"timeout": 10.0, "memory_mb": 256, **more}
    return Function(handler, runtime, FUNCTIONS, f"faults.{handler}", **given)


def open_descriptors() -> set[str]:
    found: set[str] = set()
    for each in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{each.name} {each.readlink()}")
        except OSError:
            continue
    return found


def processes_below() -> set[int]:
    """All descendants of this process."""
    found: set[int] = set()
    waiting = [os.getpid()]
    while waiting:
        pid = waiting.pop()
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                children = [int(each) for each in task.read_text().split()]
            except OSError:
                continue
            found |= set(children)
            waiting += children
    return found


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return False
    return state != "Z"


@asynccontextmanager
async def clean(*functions: Function, **options: Any) -> AsyncIterator[Running]:
    """A service that leaves nothing behind; what waits for the next one is ended first."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc to look for what is left behind")
    await asyncio.sleep(0)
    end_idle_zygotes()
    before, processes = open_descriptors(), processes_below()
    folder = ""
    async with running(*functions, **options) as lambda_:
        yield lambda_
        folder = str(Path(lambda_.service.packages.folder("probe")).parent)
    end_idle_zygotes()
    for _ in range(600):
        left, there = open_descriptors() - before, processes_below() - processes
        if not left and not there:
            break
        await asyncio.sleep(0.05)
    assert not left
    assert not there
    assert not Path(folder).exists()


KILLED = "Runtime exited with error: signal: killed"


@pytest.mark.parametrize(
    ("function", "kind", "message", "logged"),
    [
        pytest.param(python("exits"), "Runtime.ExitError", "exit status 5", "Status: error\tError Type: Runtime.ExitError", id="os._exit"),
        pytest.param(python("killed"), "Runtime.ExitError", KILLED, "Runtime.ExitError", id="killed"),
        pytest.param(python("segfaults"), "Runtime.ExitError", "signal: segmentation fault", "Runtime.ExitError", id="segmentation fault"),
        pytest.param(python("loops", timeout=1.0), "Sandbox.Timedout", "Task timed out after 1.00 seconds", "Status: timeout", id="loops for ever"),
        pytest.param(python("eats_slowly"), "Runtime.OutOfMemory", KILLED, "Status: error\tError Type: Runtime.OutOfMemory", id="eats memory slowly"),
        pytest.param(python("eats_at_once"), "Runtime.OutOfMemory", KILLED, "Runtime.OutOfMemory", id="eats memory at once"),
        pytest.param(python("child_eats"), "Runtime.OutOfMemory", KILLED, "Runtime.OutOfMemory", id="a child eats memory"),
        pytest.param(python("closes_everything"), "Runtime.ExitError", "Runtime exited", "Runtime.ExitError", id="closes every descriptor"),
        pytest.param(python("writes_garbage"), "Runtime.ExitError", "Runtime exited", "Runtime.ExitError", id="garbage on the channel"),
        pytest.param(python("returns_surrogate"), "Runtime.MarshalError", "Unable to marshal response", "", id="lone surrogate",
                     marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="escaped before 3.12")),
        pytest.param(python("nested"), "Runtime.MarshalError", "recursion", "[ERROR] Runtime.MarshalError", id="nested too deeply"),
        pytest.param(python("raises_base"), "Runtime.ExitError", "exit status 1", "Strange: not an Exception", id="no Exception"),
        pytest.param(python("raises_unprintable"), "Odd", "<unprintable Odd>", "[ERROR] Odd", id="an exception without text"),
        pytest.param(python("ignores_sigterm", timeout=1.0), "Sandbox.Timedout", "1.00 seconds", "Status: timeout", id="ignores SIGTERM"),
        pytest.param(python("too_large"), "Function.ResponseSizeTooLarge", "(6291556 bytes)", "", id="7 MB out"),
        pytest.param(python("no_such"), "Runtime.HandlerNotFound", "Handler 'no_such' missing on module 'faults'", "[ERROR] Runtime.HandlerNotFound", id="wrong handler name"),
    ],
)  # fmt: skip
async def test_python_faults(
    tmp_path: Path, function: Function, kind: str, message: str, logged: str
) -> None:
    record = tmp_path / "record"
    function = replace(function, environment=(("RECORD", str(record)),))
    async with clean(function, python("good")) as lambda_:
        error = await lambda_.error(function.name)
        assert error.error_type == kind
        assert message in error.message
        assert json.loads(error.payload)["errorType"] == kind
        assert any(logged in line for line in lambda_.log(function.name)), lambda_.log(
            function.name
        )
        assert await lambda_.result("good") == "good"
        again = await lambda_.error(function.name)
        assert again.error_type == kind
    pids = [int(line) for line in record.read_text().split()] if record.exists() else []
    assert not [pid for pid in pids if is_running(pid)]


@pytest.mark.parametrize("handler", ["leaves_child", "leaves_daemon", "leaves_daemon_and_dies"])
async def test_what_a_handler_starts_does_not_outlive_its_environment(
    tmp_path: Path, handler: str
) -> None:
    record = tmp_path / "record"
    function = replace(python(handler), environment=(("RECORD", str(record)),))
    async with clean(function) as lambda_:
        outcome = await lambda_.invoke(handler)
        [pid] = [int(line) for line in record.read_text().split()]
        if handler == "leaves_daemon_and_dies":
            assert isinstance(outcome, FunctionError)
        else:
            assert is_running(pid)
    for _ in range(600):
        if not is_running(pid):
            break
        await asyncio.sleep(0.05)
    assert not is_running(pid)


@pytest.mark.parametrize(
    ("handler", "payload"),
    [
        ("closes_streams", b'"closed"'),
        ("prints_binary", b'"printed"'),
        ("returns_nan", b"NaN"),
    ],
)
async def test_odd_things_that_work(handler: str, payload: bytes) -> None:
    async with clean(python(handler)) as lambda_:
        for _ in range(2):
            outcome = await lambda_.invoke(handler)
            assert isinstance(outcome, Returned), outcome
            assert outcome.payload == payload


async def test_a_killed_zygote_takes_nothing_along() -> None:
    """Somebody cleans up processes by hand: what runs finishes, what comes next works."""
    function = Function("sleeps", PYTHON, FUNCTIONS, "hooks.sleeps", 20.0)
    async with clean(function) as lambda_:
        before = (await lambda_.result("sleeps", {"seconds": 0}))["pid"]
        zygote = zygote_of(before)
        busy = asyncio.ensure_future(lambda_.result("sleeps", {"seconds": 1}))
        await asyncio.sleep(0.4)
        os.kill(zygote, signal.SIGKILL)
        pid = (await busy)["pid"]
        os.kill(pid, signal.SIGKILL)
        await lambda_.lost("sleeps", pid)
        assert (await lambda_.result("sleeps", {"seconds": 0}))["pid"] != pid


@pytest.mark.parametrize("second", [python("good"), js("good")], ids=["python", "nodejs"])
async def test_whoever_asked_a_zygote_that_ends_gets_another_one(second: Function) -> None:
    """Its end is heard of after the next function has asked it for an environment."""
    first = Function("sleeps", PYTHON, FUNCTIONS, "hooks.sleeps", 20.0)
    async with clean(first, second) as lambda_:
        zygote = zygote_of((await lambda_.result("sleeps", {"seconds": 0}))["pid"])
        os.kill(zygote, signal.SIGSTOP)
        asking = asyncio.ensure_future(lambda_.invoke("good"))
        await asyncio.sleep(0.2)
        os.kill(zygote, signal.SIGKILL)
        outcome = await asking
        assert isinstance(outcome, Returned), outcome
        assert outcome.report.init_duration is not None, "the first init failed"


def zygote_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


async def gone(pids: list[int]) -> bool:
    for _ in range(600):
        if not any(map(is_running, pids)):
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.mark.parametrize("handler", ["leaves_child", "leaves_daemon", "leaves_daemon_and_dies"])
async def test_what_is_left_behind_ends_with_the_gateway_after_a_killed_zygote(
    tmp_path: Path, handler: str
) -> None:
    record = tmp_path / "record"
    function = replace(python(handler), environment=(("RECORD", str(record)),))
    probe = Function("sleeps", PYTHON, FUNCTIONS, "hooks.sleeps", 20.0)
    async with clean(function, probe) as lambda_:
        zygote = zygote_of((await lambda_.result("sleeps", {"seconds": 0}))["pid"])
        if handler == "leaves_daemon_and_dies":  # its process is there, its daemon is not yet
            first = replace(python("good"), name=handler)
            lambda_.service.change(single(first))
            await lambda_.result(handler)
        else:
            await lambda_.invoke(handler)
        os.kill(zygote, signal.SIGKILL)
        await lambda_.invoke(handler)
        lambda_.service.change(single(function))
        outcome = await lambda_.invoke(handler)
        assert record.exists(), outcome
        pids = [int(line) for line in record.read_text().split()]
    assert await gone(pids)


KILLED_GATEWAY = """
import asyncio, json, os, sys
from pathlib import Path
from tests.execution.lambda_service import running
from tests.execution.test_faults import PYTHON, FUNCTIONS, python, replace, zygote_of
from edgegw.awslambda.model import Function

async def main():
    record = sys.argv[1]
    function = replace(python("leaves_daemon"), environment=(("RECORD", record),))
    probe = Function("sleeps", PYTHON, FUNCTIONS, "hooks.sleeps", 20.0)
    async with running(function, probe) as lambda_:
        await lambda_.invoke("leaves_daemon")
        pid = (await lambda_.result("sleeps", {"seconds": 0}))["pid"]
        print(json.dumps([pid, zygote_of(pid), lambda_.service.packages.root]), flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_killed_gateway_leaves_nothing_even_when_its_zygote_was_killed_before(
    tmp_path: Path,
) -> None:
    """Neither processes in sessions of their own nor folders: the guardian sees to them."""
    record = tmp_path / "record"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLED_GATEWAY, str(record)),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    pid, zygote, folder = json.loads(await process.stdout.readline())
    left = [pid, *map(int, record.read_text().split())]
    assert all(map(is_running, left))
    os.kill(zygote, signal.SIGKILL)
    await asyncio.sleep(0.2)
    assert all(map(is_running, left))
    assert Path(folder).is_dir()
    process.kill()
    await process.wait()
    assert await gone(left)
    for _ in range(600):
        if not Path(folder).exists():
            break
        await asyncio.sleep(0.05)
    assert not Path(folder).exists()


async def test_orders_that_a_busy_zygote_does_not_read_at_once_are_kept() -> None:
    """Hundreds of starts and ends while it is stopped: none is lost, none is torn apart."""
    zygote = Zygote(sys.executable)
    await zygote.start()
    assert zygote.version == sys.version_info[:2]
    probe = await zygote.execute(["/bin/sleep", "300"], {}, "/")
    pid = zygote_of(probe.pid)
    os.kill(pid, signal.SIGSTOP)
    children = [
        asyncio.ensure_future(
            zygote.execute(["/bin/sleep", "300"], {"PADDING": "x" * 20_000}, "/", frames=True)
        )
        for _ in range(60)
    ]
    await asyncio.sleep(0.1)
    os.kill(pid, signal.SIGCONT)
    started = await asyncio.gather(*children)
    assert len({each.pid for each in started}) == 60
    os.kill(pid, signal.SIGSTOP)
    for _ in range(20):
        for each in started:
            each.send_signal(signal.SIGURG)
    for each in (*started, probe):
        each.kill()
    os.kill(pid, signal.SIGCONT)
    async with asyncio.timeout(30):
        for each in (*started, probe):
            assert await each.ended() == -signal.SIGKILL
            os.close(each.log_fd)
            if each.frames is not None:
                each.frames.close()
    await zygote.close()


async def test_printing_100_mb_is_bounded_in_memory() -> None:
    async with clean(python("prints_100_mb", timeout=60.0)) as lambda_:
        outcome = await lambda_.invoke("prints_100_mb")
        assert isinstance(outcome, Returned)
        group = lambda_.service.logs.group("prints_100_mb")
        assert group.size <= 8 * 1024 * 1024
        assert sum(map(len, outcome.report.logs)) < 300 * 1024
        assert lambda_.log("prints_100_mb")[-1].startswith("REPORT")


async def test_one_line_of_a_megabyte_is_parted() -> None:
    async with clean(python("prints_one_long_line")) as lambda_:
        await lambda_.result("prints_one_long_line")
        lines = [line for line in lambda_.log("prints_one_long_line") if set(line) == {"y"}]
        assert sum(map(len, lines)) == 1024 * 1024
        assert len(lines) > 3


async def test_seven_megabytes_in_are_refused() -> None:
    async with clean(python("good")) as lambda_:
        refused = await lambda_.invoke("good", b'"' + b"x" * (7 * 1024 * 1024) + b'"')
        assert refused.code == "RequestTooLargeException"
        assert await lambda_.result("good") == "good"


async def test_a_thousand_invocations_over_a_limit_of_ten() -> None:
    function = Function("sleeps", PYTHON, FUNCTIONS, "hooks.sleeps", 20.0, reserved_concurrency=10)
    async with clean(function) as lambda_:
        outcomes = await asyncio.gather(
            *[lambda_.invoke("sleeps", {"seconds": 0.5}) for _ in range(1000)]
        )
        assert sum(isinstance(each, Returned) for each in outcomes) == 10
        throttled = [each for each in outcomes if isinstance(each, Throttled)]
        assert len(throttled) == 990
        assert {each.reason for each in throttled} == {
            "ReservedFunctionConcurrentInvocationLimitExceeded"
        }


async def test_an_import_that_takes_eleven_seconds(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\nprint('importing', flush=True)\ntime.sleep(11)\n"
        "def handler(event, context): return 1\n"
    )
    function = Function("slow", PYTHON, str(tmp_path), "slow.handler", 2.0)
    async with clean(function) as lambda_:
        error = await lambda_.error("slow")
        assert error.error_type == "Sandbox.Timedout"
        assert error.message.endswith("Task timed out after 2.00 seconds")
        log = [re.sub(r"\d+\.\d\d ms|[0-9a-f-]{36}", "#", line) for line in lambda_.log("slow")]
        assert log[:5] == [
            "importing",
            "INIT_REPORT Init Duration: #\tPhase: init\tStatus: timeout",
            "START RequestId: # Version: $LATEST",
            "importing",
            "INIT_REPORT Init Duration: #\tPhase: invoke\tStatus: timeout",
        ]
        assert log[5].startswith("END")
        assert log[6].endswith("Status: timeout")


async def test_a_failed_init_runs_again_inside_the_invocation(tmp_path: Path) -> None:
    (tmp_path / "once.py").write_text(
        "import os, pathlib\nflag = pathlib.Path(os.environ['FLAG'])\n"
        "print('importing')\n"
        "if not flag.exists():\n    flag.touch()\n    raise OSError('not yet')\n"
        "def handler(event, context): return 'up'\n"
    )
    function = Function(
        "once",
        PYTHON,
        str(tmp_path),
        "once.handler",
        5.0,
        environment=(("FLAG", str(tmp_path / "flag")),),
    )
    async with clean(function) as lambda_:
        outcome = await lambda_.invoke("once")
        assert isinstance(outcome, Returned)
        assert outcome.report.init_duration is None
        log = lambda_.log("once")
        assert log.count("importing") == 2
        assert any("Phase: init\tStatus: error\tError Type: OSError" in line for line in log)


@pytest.mark.usefixtures("node")
class TestNode:
    @pytest.mark.parametrize(
        ("function", "kind", "message"),
        [
            pytest.param(js("neverSettles", MODERN), "Runtime.ExitError", "without providing a reason", id="never settles, 24"),
            pytest.param(js("hangsWithTimer", timeout=1.0), "Sandbox.Timedout", "1.00 seconds", id="never settles, timer"),
            pytest.param(js("throwsLater"), "RangeError", "later", id="throws in a timer"),
            pytest.param(js("throwsLater", MODERN), "Runtime.ExitError", "exit status 1", id="throws in a timer, 24"),
            pytest.param(js("rejectsUnhandled"), "Runtime.UnhandledPromiseRejection", "TypeError: nobody looks", id="unhandled rejection"),
            pytest.param(js("bigint"), "Error", "Unable to stringify response body", id="BigInt"),
            pytest.param(js("bigint", MODERN), "Runtime.JSONStringifyError", "Unable to stringify", id="BigInt, 24"),
            pytest.param(js("loops", timeout=1.0), "Sandbox.Timedout", "1.00 seconds", id="loops for ever"),
            pytest.param(js("eats"), "Runtime.OutOfMemory", KILLED, id="eats memory"),
            pytest.param(js("tooLarge"), "Function.ResponseSizeTooLarge", "(6291556 bytes)", id="7 MB out"),
            pytest.param(js("twice", MODERN), "Runtime.CallbackHandlerDeprecated", "removed support for callback-based", id="callback, 24"),
            pytest.param(js("no_such"), "Runtime.HandlerNotFound", "faults.no_such is undefined or not exported", id="wrong handler name"),
        ],
    )  # fmt: skip
    async def test_faults(self, function: Function, kind: str, message: str) -> None:
        async with clean(function, js("good")) as lambda_:
            for _ in range(2):
                error = await lambda_.error(function.name)
                assert error.error_type == kind
                assert message in error.message
                assert await lambda_.result("good") == "good"

    @pytest.mark.parametrize(
        ("handler", "kind", "message"),
        [
            ("index", "Runtime.MalformedHandlerName", "Bad handler"),
            (
                "../x.handler",
                "Runtime.MalformedHandlerName",
                "'../x.handler' is not a valid handler name. Use absolute paths when specifying "
                "root directories in handler names.",
            ),
            ("own.text", "Runtime.HandlerNotFound", "own.text is not a function"),
            ("own.gone", "Runtime.HandlerNotFound", "own.gone is undefined or not exported"),
            ("none.handler", "Runtime.ImportModuleError", "Error: Cannot find module "),
            ("syntax.handler", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected token"),
            ("throws.handler", "RangeError", "at load"),
            ("throwsText.handler", "string", "just text"),
        ],
    )
    async def test_init_errors(self, tmp_path: Path, handler: str, kind: str, message: str) -> None:
        (tmp_path / "own.js").write_text("exports.text = 'text';\n")
        (tmp_path / "syntax.js").write_text("exports.handler = async ( => 1;\n")
        (tmp_path / "throws.js").write_text("throw new RangeError('at load');\n")
        (tmp_path / "throwsText.js").write_text("throw 'just text';\n")
        function = Function("f", NODE, str(tmp_path), handler, 5.0)
        async with clean(function) as lambda_:
            error = await lambda_.error("f")
            found = json.loads(error.payload)
            assert list(found) == ["errorType", "errorMessage", "trace"]
            assert found["errorType"] == kind
            assert found["errorMessage"].startswith(message)
            assert any("\tERROR\tInit Error \t{" in line for line in lambda_.log("f"))

    @pytest.mark.parametrize(
        ("code", "kind", "message"),
        [
            ("await new Promise(() => {});", "Runtime.NodeJsExit", "unexpected Node.js exit code"),
            (
                "setTimeout(() => { throw new RangeError('later'); }); await new Promise(() => {});",
                "RangeError",
                "later",
            ),
            (
                "Promise.reject(new Error('nobody')); await new Promise((go) => setTimeout(go, 50));",
                "Runtime.UnhandledPromiseRejection",
                "Error: nobody",
            ),
        ],
        ids=["never settles", "throws in a timer", "unhandled rejection"],
    )
    async def test_init_that_never_comes_to_its_end(
        self, tmp_path: Path, code: str, kind: str, message: str
    ) -> None:
        (tmp_path / "app.mjs").write_text(f"{code}\nexport const handler = async () => 1;\n")
        async with clean(Function("f", NODE, str(tmp_path), "app.handler", 5.0)) as lambda_:
            error = await lambda_.error("f")
            assert error.error_type == kind
            assert message in error.message

    @pytest.mark.parametrize(
        ("handler", "payload"),
        [
            ("neverCallsBack", b"null"),
            ("twice", b'"first"'),
            ("resolvesTwice", b'"first"'),
            ("surrogate", b'"\\ud800"'),
            ("nan", b"null"),
            ("undefinedResult", b"null"),
        ],
    )
    async def test_odd_things_that_work(self, handler: str, payload: bytes) -> None:
        async with clean(js(handler)) as lambda_:
            for _ in range(2):
                outcome = await lambda_.invoke(handler)
                assert isinstance(outcome, Returned), outcome
                assert outcome.payload == payload

    async def test_console_lines(self) -> None:
        async with clean(js("logs")) as lambda_:
            request_id = (await lambda_.invoke("logs")).report.request_id
            _, info, error, *_ = lambda_.log("logs")
            stamp, found, level, text = info.split("\t")
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stamp)
            assert (found, level, text) == (request_id, "INFO", "a\rb { c: 1 }")
            assert "\tERROR\tError: seen\r    at " in error

    async def test_the_context(self) -> None:
        async with clean(js("context"), replace(js("context", MODERN), name="modern")) as lambda_:
            found = await lambda_.result("context", client_context='{"custom": {"a": 1}}')
            assert found["client"] == {"custom": {"a": 1}}
            assert {"callbackWaitsForEmptyEventLoop", "done", "succeed", "fail"} <= set(
                found["keys"]
            )
            modern = await lambda_.result("modern")
            assert modern["keys"] == [
                "clientContext",
                "identity",
                "invokedFunctionArn",
                "awsRequestId",
                "tenantId",
                "xRayTraceId",
                "getRemainingTimeInMillis",
                "functionName",
                "functionVersion",
                "memoryLimitInMB",
                "logGroupName",
                "logStreamName",
            ]


class TestIsolation:
    async def test_modules_of_the_same_name(self, tmp_path: Path) -> None:
        functions: list[Function] = []
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            (folder / "shared.py").write_text(f"NAME = {name!r}\n")
            (folder / "app.py").write_text(
                "import shared\ndef handler(event, context): return shared.NAME\n"
            )
            functions.append(Function(name, PYTHON, str(folder), "app.handler", 5.0))
        async with clean(*functions) as lambda_:
            for _ in range(2):
                assert await lambda_.result("one") == "one"
                assert await lambda_.result("two") == "two"

    async def test_two_versions_of_one_function(self, tmp_path: Path) -> None:
        versions: dict[str, Function] = {}
        for number in ("1", "2"):
            folder = tmp_path / number
            folder.mkdir()
            (folder / "app.py").write_text(
                "COUNT = 0\ndef handler(event, context):\n    global COUNT\n    COUNT += 1\n"
                f"    return ['{number}', context.function_version, COUNT]\n"
            )
            versions[number] = Function(
                "f", PYTHON, str(folder), "app.handler", 5.0, version=number
            )
        deployed = replace(single(replace(versions["1"], version="$LATEST")), versions=versions)
        async with running(deployed) as lambda_:
            assert await lambda_.result("f:1") == ["1", "1", 1]
            assert await lambda_.result("f:2") == ["2", "2", 1]
            assert await lambda_.result("f:1") == ["1", "1", 2]
            assert await lambda_.result("f") == ["1", "$LATEST", 1]

    async def test_variables_and_folders_are_not_shared(self) -> None:
        first, second = python("sets_state"), replace(python("sets_state"), name="other")
        async with clean(first, second) as lambda_:
            one, two = await lambda_.result("sets_state"), await lambda_.result("other")
            assert one[0] is two[0] is None
            assert one[1] == two[1] == FUNCTIONS
            assert one[2] != two[2]
            again = await lambda_.result("sets_state")  # its own state is kept, as on AWS
            assert again[:2] == ["sets_state", "/"]

    async def test_the_temporary_folder_survives_a_crash(self) -> None:
        async with clean(python("keeps_a_file")) as lambda_:
            assert await lambda_.result("keeps_a_file") is False
            assert await lambda_.result("keeps_a_file") is True
            await lambda_.error("keeps_a_file", "die")
            assert await lambda_.result("keeps_a_file") is True
