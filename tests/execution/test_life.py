"""The environment's life: concurrency, provisioned environments, drains, recycling, packages."""

from __future__ import annotations

import asyncio
import re
import sys
import time
import uuid
import venv
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgegw.awslambda.model import Function, InvokeRefusal, Returned, Runtime, Throttled
from edgegw.awslambda.names import Account
from edgegw.awslambda.versions import Alias, single
from tests.execution.lambda_service import running
from tests.execution.test_faults import gone

FUNCTIONS = str(Path(__file__).parents[1] / "functions")
PYTHON = Runtime(f"python3.{sys.version_info[1]}", "python", sys.version_info[:2])
NODE = Runtime("nodejs22.x", "nodejs", (22,))
HERE = f"python{sys.version_info[0]}.{sys.version_info[1]}"


def sleeps(**more: Any) -> Function:
    return Function("sleeps", PYTHON, FUNCTIONS, "hooks.sleeps", **{"timeout": 30.0, **more})


def meets() -> Function:
    return Function("meets", PYTHON, FUNCTIONS, "hooks.meets", 90.0)


def meeting(folder: Path, count: int) -> dict[str, Any]:
    """The event of as many invocations, which end when all of them have begun."""
    place = folder / uuid.uuid4().hex
    place.mkdir()
    return {"place": str(place), "count": count}


def counts() -> Function:
    return Function("counts", PYTHON, FUNCTIONS, "hooks.counts", 5.0)


async def test_two_hundred_handlers_that_block_are_in_flight_at_once(tmp_path: Path) -> None:
    async with running(meets()) as lambda_:
        work = [lambda_.result("meets", meeting(tmp_path, 200)) for _ in range(200)]
        found = await asyncio.gather(*work)
        assert len({each["pid"] for each in found}) == 200  # side by side, not in turns


async def test_a_burst_of_quick_invocations_stays_on_few_processes() -> None:
    async with running(Function("counts", PYTHON, FUNCTIONS, "hooks.counts", 30.0)) as lambda_:
        found = await asyncio.gather(*[lambda_.result("counts") for _ in range(200)])
        assert len({each["pid"] for each in found}) <= 24


class TestConcurrency:
    async def test_the_account_limit(self) -> None:
        account = Account(concurrency=3)
        async with running(sleeps(), account=account) as lambda_:
            outcomes = await asyncio.gather(
                *[lambda_.invoke("sleeps", {"seconds": 0.5}) for _ in range(5)]
            )
            throttled = [each for each in outcomes if isinstance(each, Throttled)]
            assert len(throttled) == 2
            assert {each.reason for each in throttled} == {"ConcurrentInvocationLimitExceeded"}
            assert isinstance(await lambda_.invoke("sleeps", {"seconds": 0}), Returned)

    async def test_reserved_concurrency_is_over_all_versions(self) -> None:
        deployed = replace(single(sleeps()), reserved=2)
        async with running(deployed) as lambda_:
            names = ["sleeps", "sleeps:1", "sleeps:1", "sleeps"]
            outcomes = await asyncio.gather(
                *[lambda_.invoke(name, {"seconds": 0.5}) for name in names]
            )
            assert sum(isinstance(each, Throttled) for each in outcomes) == 2

    async def test_provisioned_environments_are_warm_and_spill_over(self, tmp_path: Path) -> None:
        deployed = replace(single(meets()), provisioned={"1": 2})
        async with running(deployed) as lambda_:
            pool = lambda_.service.pools("meets")["1"]
            assert pool.provisioned_ready == 2
            event = meeting(tmp_path, 3)
            outcomes = await asyncio.gather(*[lambda_.invoke("meets:1", event) for _ in range(3)])
            assert all(isinstance(each, Returned) for each in outcomes)
            assert len(pool.environments) == 3
            assert pool.provisioned_ready == 2

    async def test_reserved_equal_to_provisioned_leaves_nothing_on_demand(self) -> None:
        deployed = replace(single(sleeps()), provisioned={"1": 1}, reserved=1)
        async with running(deployed) as lambda_:
            refused = await lambda_.invoke("sleeps", {"seconds": 0})
            assert isinstance(refused, Throttled)
            assert isinstance(await lambda_.invoke("sleeps:1", {"seconds": 0}), Returned)

    async def test_a_provisioned_init_that_fails_is_told(self) -> None:
        function = Function("f", PYTHON, FUNCTIONS, "broken.handler", 5.0)
        deployed = replace(single(function), provisioned={"1": 1})
        async with running(deployed) as lambda_:
            failure = lambda_.service.pools("f")["1"].provisioning_failure
            assert failure is not None
            assert failure.error_type == "Runtime.ImportModuleError"

    async def test_ten_requests_a_second_for_each_reserved_unit(self) -> None:
        function = Function("counts", PYTHON, FUNCTIONS, "hooks.counts", 5.0)
        deployed = replace(single(function), reserved=1)
        async with running(deployed) as lambda_:
            outcomes = [await lambda_.invoke("counts") for _ in range(40)]
            reasons = {each.reason for each in outcomes if isinstance(each, Throttled)}
            assert reasons == {"ReservedFunctionInvocationRateLimitExceeded"}


async def test_an_alias_sends_its_share(tmp_path: Path) -> None:
    function = Function("counts", PYTHON, FUNCTIONS, "hooks.counts", 5.0)
    deployed = single(function)
    versions = {**deployed.versions, "2": replace(deployed.versions["1"], version="2")}
    alias = Alias("live", "1", ("2", 0.5))
    deployed = replace(deployed, versions=versions, aliases={"live": alias})
    async with running(deployed) as lambda_:
        outcomes = [await lambda_.invoke("counts:live") for _ in range(60)]
        found = [each.report.version for each in outcomes]
        assert 5 < found.count("2") < 55


async def test_a_code_change_fails_no_request(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text("import time\ndef handler(e, c):\n    time.sleep(0.02)\n    return 0\n")
    function = Function("app", PYTHON, str(tmp_path), "app.handler", 5.0)
    async with running(function) as lambda_:
        seen: list[Any] = []
        stop = False

        async def load() -> None:
            while not stop:
                seen.append(await lambda_.result("app"))

        loads = [asyncio.ensure_future(load()) for _ in range(8)]
        for version in range(1, 6):
            enough = len(seen) + 8
            while len(seen) < enough:
                await asyncio.sleep(0.02)
            app.write_text(app.read_text().replace(f"return {version - 1}", f"return {version}"))
            lambda_.service.commit(await lambda_.service.prepare(touched={"app"}))
        while 5 not in seen:
            await asyncio.sleep(0.02)
        stop = True
        await asyncio.gather(*loads)
        assert seen[0] == 0
        assert await lambda_.result("app") == 5
        assert set(seen) == {0, 1, 2, 3, 4, 5}


async def test_watching_that_begins_or_ends_later_throws_no_environment_away(
    tmp_path: Path,
) -> None:
    """What a pool kept of the code's state is worth nothing once it is told in another way."""
    async with running(meets()) as lambda_:
        await lambda_.result("meets", meeting(tmp_path, 1))
        state: dict[str, object] = {"a": 1}
        for watch in (lambda _name: state, lambda _name: {**state, "b": 2}, None):
            lambda_.service.watch_code(watch)
            event = meeting(tmp_path, 2)
            await asyncio.gather(*(lambda_.result("meets", event) for _ in range(2)))
            [pool] = lambda_.service.pools("meets").values()
            assert len(pool.environments) == 2
            while len(pool.environments) > 1:
                pool.recycle(float("inf"))
                await pool.settled()
            await lambda_.result("meets", meeting(tmp_path, 1))


async def test_code_that_changed_is_not_loaded_beside_what_runs() -> None:
    """Also where another path begins to be watched before the change was seen."""
    state: dict[str, object] = {"a": 1}
    async with running(sleeps()) as lambda_:
        lambda_.service.watch_code(lambda _name: dict(state))
        await lambda_.result("sleeps", {"seconds": 0})
        state.update(a=2, b=1)
        lambda_.service.watch_code(lambda _name: dict(state))
        pids = await asyncio.gather(*(lambda_.result("sleeps", {"seconds": 0.5}) for _ in "ab"))
        assert pids[0] == pids[1]


async def test_a_change_of_configuration_drains_too() -> None:
    function = Function("counts", PYTHON, FUNCTIONS, "hooks.counts", 5.0)
    async with running(function) as lambda_:
        first = await lambda_.result("counts")
        lambda_.service.change(single(replace(function, memory_mb=256)))
        second = await lambda_.result("counts")
        assert second["pid"] != first["pid"]
        unchanged = lambda_.service.functions["counts"]
        lambda_.service.change(replace(unchanged, reserved=9))
        assert (await lambda_.result("counts"))["pid"] == second["pid"]


class TestARequestThatBeganBeforeAChange:
    """It invokes a function for the first time, in the snapshot that it holds."""

    async def test_what_it_starts_serves_others_where_its_function_is_the_same_still(self) -> None:
        other = Function("other", PYTHON, FUNCTIONS, "hooks.counts", 5.0)
        async with running(counts(), other) as lambda_:
            snapshot = lambda_.service.acquire()
            lambda_.service.change(single(replace(other, memory_mb=256)))
            first = await lambda_.result("counts", snapshot=snapshot)
            lambda_.service.release(snapshot)
            second, third = [await lambda_.result("counts") for _ in range(2)]
            assert first["pid"] == second["pid"] == third["pid"]

    async def test_what_it_starts_of_an_older_version_is_its_own(self) -> None:
        async with running(counts()) as lambda_:
            snapshot = lambda_.service.acquire()
            lambda_.service.change(single(replace(counts(), memory_mb=256)))
            first = await lambda_.result("counts", snapshot=snapshot)
            second = await lambda_.result("counts")
            lambda_.service.release(snapshot)
            third = await lambda_.result("counts")
            assert second["pid"] == third["pid"] != first["pid"]
            assert lambda_.service.pools("counts")["$LATEST"].function.memory_mb == 256
            assert await gone([first["pid"]])

    async def test_what_it_starts_of_a_function_that_is_gone_ends_with_it(self) -> None:
        async with running(counts()) as lambda_:
            snapshot = lambda_.service.acquire()
            lambda_.service.commit(await lambda_.service.prepare({}))
            pid = (await lambda_.result("counts", snapshot=snapshot))["pid"]
            lambda_.service.release(snapshot)
            assert isinstance(await lambda_.invoke("counts"), InvokeRefusal)
            assert await gone([pid])


async def test_idle_environments_are_recycled() -> None:
    function = Function("counts", PYTHON, FUNCTIONS, "hooks.counts", 5.0)
    async with running(function) as lambda_:
        await lambda_.result("counts")
        pool = lambda_.service.pools("counts")["$LATEST"]
        pool.recycle(time.monotonic(), idle_time=60)
        assert len(pool.environments) == 1
        pool.recycle(time.monotonic() + 61, idle_time=60)
        assert not pool.environments
        assert (await lambda_.result("counts"))["calls"] == 1


async def test_a_caller_that_leaves_does_not_stop_the_function(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    (tmp_path / "app.py").write_text(
        "import time, pathlib, os\ndef handler(e, c):\n"
        "    while not e and not pathlib.Path(os.environ['GO']).exists():\n        time.sleep(0.02)\n"
        "    pathlib.Path(os.environ['FLAG']).touch()\n    return os.getpid()\n"
    )
    function = Function(
        "app",
        PYTHON,
        str(tmp_path),
        "app.handler",
        30.0,
        environment=(("FLAG", str(flag)), ("GO", str(tmp_path / "go"))),
    )
    async with running(function) as lambda_:
        await lambda_.invoke("app", "at once")  # from here on it is warm
        flag.unlink()
        leaves = asyncio.ensure_future(lambda_.invoke("app"))
        await lambda_.begun("app", 2)
        leaves.cancel()
        await asyncio.sleep(0)
        assert not flag.exists()
        (tmp_path / "go").touch()
        await lambda_.service.settled()
        assert flag.exists()
        assert lambda_.log("app")[-1].startswith("REPORT")
        await lambda_.result("app")
        assert len(lambda_.service.pools("app")["$LATEST"].environments) == 1


async def test_no_credentials_of_the_developer_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_PROFILE", "work")
    function = Function("describes", PYTHON, FUNCTIONS, "hooks.describes", 5.0)
    async with running(function) as lambda_:
        environment = (await lambda_.result("describes"))["environment"]
        assert "AWS_PROFILE" not in environment
        assert environment["AWS_ACCESS_KEY_ID"].startswith("ASIAEDGEGW")
        assert "made-up" in environment["AWS_SECRET_ACCESS_KEY"]
    async with running(function, pass_credentials=True) as lambda_:
        environment = (await lambda_.result("describes"))["environment"]
        assert environment["AWS_ACCESS_KEY_ID"] == "mine"
        assert "AWS_PROFILE" not in environment


async def test_the_reserved_variables() -> None:
    function = Function(
        "describes", PYTHON, FUNCTIONS, "hooks.describes", 5.0, environment=(("MINE", "1"),)
    )
    async with running(function) as lambda_:
        environment = (await lambda_.result("describes"))["environment"]
        expected = {
            "_HANDLER": "hooks.describes",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{PYTHON.identifier}",
            "AWS_LAMBDA_FUNCTION_NAME": "describes",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/describes",
            "LAMBDA_TASK_ROOT": FUNCTIONS,
            "LANG": "en_US.UTF-8",
            "LC_CTYPE": "C.UTF-8",
            "TZ": ":UTC",
            "PWD": FUNCTIONS,
            "MINE": "1",
        }
        assert {name: environment.get(name) for name in expected} == expected
        stream = environment["AWS_LAMBDA_LOG_STREAM_NAME"]
        days = (time.gmtime(), time.gmtime(time.time() - 60))  # it was named before midnight
        assert stream.startswith(tuple(time.strftime("%Y/%m/%d/[$LATEST]", day) for day in days))
        assert Path(environment["TMPDIR"]).name.startswith("tmp")


class TestPackages:
    async def test_layers_of_python(self, tmp_path: Path) -> None:
        for number in ("1", "2"):
            layer = tmp_path / number
            packages = layer / "python" / "lib" / HERE / "site-packages"
            packages.mkdir(parents=True)
            (layer / "python" / "shared.py").write_text(f"WHO = 'layer {number}'\n")
            (packages / f"only{number}.py").write_text("")
            (layer / "bin").mkdir()
            tool = layer / "bin" / f"tool{number}"
            tool.write_text(f"#!/bin/sh\necho tool {number}\n")
            tool.chmod(0o755)
        code = tmp_path / "code"
        code.mkdir()
        (code / "both.py").write_text("WHO = 'code'\n")
        (tmp_path / "1" / "python" / "both.py").write_text("WHO = 'layer'\n")
        (code / "app.py").write_text(
            "import shared, both, only1, only2, subprocess\n"
            "def handler(e, c):\n"
            "    run = lambda name: subprocess.check_output(name, text=True).strip()\n"
            "    return [shared.WHO, both.WHO, run('tool1'), run('tool2')]\n"
        )
        layers = (str(tmp_path / "1"), str(tmp_path / "2"))
        function = Function("app", PYTHON, str(code), "app.handler", 5.0, layers=layers)
        async with running(function) as lambda_:
            assert await lambda_.result("app") == ["layer 2", "code", "tool 1", "tool 2"]

    async def test_a_layer_as_zip(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "layer.zip", "w") as layer:
            layer.writestr("python/inlayer.py", "WHO = 'zip'\n")
        with zipfile.ZipFile(tmp_path / "code.zip", "w") as code:
            code.writestr("pkg/app.py", "import inlayer\ndef handler(e, c): return inlayer.WHO\n")
        function = Function(
            "app",
            PYTHON,
            str(tmp_path / "code.zip"),
            "pkg/app.handler",
            5.0,
            layers=(str(tmp_path / "layer.zip"),),
        )
        async with running(function) as lambda_:
            assert await lambda_.result("app") == "zip"

    async def test_a_zip_that_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "code.zip").write_text("no zip")
        function = Function("app", PYTHON, str(tmp_path / "code.zip"), "app.handler", 5.0)
        async with running(function) as lambda_:
            assert "cannot be unpacked" in (await lambda_.error("app")).message

    async def test_the_projects_own_virtual_environment(self, tmp_path: Path) -> None:
        venv.create(tmp_path / ".venv", with_pip=False)
        packages = tmp_path / ".venv" / "lib" / HERE / "site-packages"
        (packages / "mypackage.py").write_text("WHO = 'venv'\n")
        code = tmp_path / "src" / "fn"
        code.mkdir(parents=True)
        (tmp_path / ".git").mkdir()
        (code / "app.py").write_text("import mypackage\ndef handler(e, c): return mypackage.WHO\n")
        function = Function("app", PYTHON, str(code), "app.handler", 5.0)
        async with running(function) as lambda_:
            assert await lambda_.result("app") == "venv"

    async def test_a_user_module_may_be_called_environment(self, tmp_path: Path) -> None:
        (tmp_path / "environment.py").write_text("def handler(e, c): return 'mine'\n")
        function = Function("app", PYTHON, str(tmp_path), "environment.handler", 5.0)
        async with running(function) as lambda_:
            assert await lambda_.result("app") == "mine"

    async def test_another_python_is_the_nearest_with_a_warning(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        runtime = Runtime("python3.99", "python", (3, 99))
        function = Function("counts", runtime, FUNCTIONS, "hooks.counts", 5.0)
        async with running(function) as lambda_:
            assert (await lambda_.result("counts"))["calls"] == 1
        assert "python3.99 was not found; its functions run on Python 3." in caplog.text

    @pytest.mark.parametrize("suffix", ["cjs", "mjs"])
    async def test_layers_of_node(self, tmp_path: Path, node: str, suffix: str) -> None:
        package = tmp_path / "layer" / "nodejs" / "node_modules" / "inlayer"
        package.mkdir(parents=True)
        (package / "package.json").write_text('{"name": "inlayer", "main": "index.js"}')
        (package / "index.js").write_text("module.exports = { who: 'layer' };\n")
        code = tmp_path / "code"
        own = code / "node_modules" / "own"
        own.mkdir(parents=True)
        (own / "index.js").write_text("module.exports = { who: 'own' };\n")
        load = "import {0} from '{0}';" if suffix == "mjs" else "const {0} = require('{0}');"
        export = "export const handler" if suffix == "mjs" else "exports.handler"
        (code / f"index.{suffix}").write_text(
            f"{load.format('inlayer')}\n{load.format('own')}\n"
            f"{export} = async () => [inlayer.who, own.who, process.cwd()];\n"
        )
        layers = (str(tmp_path / "layer"),)
        function = Function("app", NODE, str(code), "index.handler", 5.0, layers=layers)
        async with running(function) as lambda_:
            assert await lambda_.result("app") == ["layer", "own", str(code)]

    @pytest.mark.parametrize("language", ["python", "nodejs"])
    async def test_an_exec_wrapper(self, tmp_path: Path, node: str, language: str) -> None:
        wrapper = tmp_path / "wrapper"
        wrapper.write_text('#!/bin/sh\nexport WRAPPED="yes"\nexec "$@"\n')
        wrapper.chmod(0o755)
        (tmp_path / "app.py").write_text(
            "import os\ndef handler(e, c): return os.environ['WRAPPED']\n"
        )
        (tmp_path / "app.js").write_text("exports.handler = async () => process.env.WRAPPED;\n")
        runtime = PYTHON if language == "python" else NODE
        variables = (("AWS_LAMBDA_EXEC_WRAPPER", str(wrapper)),)
        function = Function(
            "app", runtime, str(tmp_path), "app.handler", 5.0, environment=variables
        )
        async with running(function) as lambda_:
            assert await lambda_.result("app") == "yes"


async def test_a_proportional_share_of_the_processor(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import time\ndef handler(e, c):\n    begun, end = time.time(), time.process_time() + 0.4\n"
        "    while time.process_time() < end: pass\n    return (time.time() - begun) / 0.4\n"
    )
    function = Function("app", PYTHON, str(tmp_path), "app.handler", 60.0, 256)
    async with running(function, cpu="proportional") as lambda_:
        # 256 MB buy a seventh of a processor: the wall clock runs on while it is stopped.
        assert await lambda_.result("app") > 2


async def test_a_trace_header_is_always_there() -> None:
    function = Function("describes", PYTHON, FUNCTIONS, "hooks.describes", 5.0)
    async with running(function) as lambda_:
        trace = (await lambda_.result("describes"))["environment"]["_X_AMZN_TRACE_ID"]
        pattern = r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0"
        assert re.fullmatch(pattern, trace)


async def test_node_refuses_what_lambda_refuses_to_load(tmp_path: Path, node: str) -> None:
    (tmp_path / "esm.mjs").write_text("export const value = 1;\n")
    (tmp_path / "app.cjs").write_text("exports.handler = async () => require('./esm.mjs').value;\n")
    function = Function("app", NODE, str(tmp_path), "app.handler", 5.0)
    async with running(function) as lambda_:
        assert "require() of ES Module" in (await lambda_.error("app")).message


async def test_log_streams_are_per_environment(tmp_path: Path) -> None:
    async with running(meets()) as lambda_:
        event = meeting(tmp_path, 3)
        await asyncio.gather(*[lambda_.result("meets", event) for _ in range(3)])
        entries = lambda_.service.logs.group("meets").after(0)
        assert len({entry.stream for entry in entries}) == 3
