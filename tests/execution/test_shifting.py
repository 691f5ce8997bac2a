"""An alias walked by CodeDeploy's presets, with hooks, forwards and back."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edgegw.awslambda.model import Function, Runtime
from edgegw.awslambda.service_errors import ServiceError
from edgegw.awslambda.shifting import Shift
from edgegw.awslambda.versions import Alias, Deployed, single
from edgegw.execution.shifting import Shifter
from tests.execution.lambda_service import running

FUNCTIONS = str(Path(__file__).parents[1] / "functions")
PYTHON = Runtime(f"python3.{sys.version_info[1]}", "python", sys.version_info[:2])


def function(name: str, handler: str) -> Function:
    return Function(name, PYTHON, FUNCTIONS, handler, 10.0)


def app() -> Deployed:
    deployed = single(function("app", "hooks.counts"))
    versions = {**deployed.versions, "2": replace(deployed.versions["1"], version="2")}
    return replace(deployed, versions=versions, aliases={"live": Alias("live", "1")})


async def test_a_linear_walk_ends_on_the_new_version() -> None:
    async with running(app()) as lambda_:
        shifter = Shifter(lambda_.service)
        shift = Shift("app", "live", "2", "Linear10PercentEvery1Minute", 0.0005)
        shares: list[float] = []
        lines: list[str] = []
        async for line in shifter.run(shift):
            lines.append(line)
            alias = lambda_.service.functions["app"].aliases["live"]
            shares.append(alias.routing[1] if alias.routing else float(alias.version == "2"))
        assert shares == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0]
        assert lines[0].endswith("app:live 1 -> 2 by Linear10PercentEvery1Minute")
        assert lines[-1].endswith("succeeded")
        alias = lambda_.service.functions["app"].aliases["live"]
        assert (alias.version, alias.routing) == ("2", None)
        assert (await lambda_.invoke("app:live")).report.version == "2"


@pytest.mark.parametrize(
    ("hook", "said", "version"),
    [
        ("before", "failed: BeforeAllowTraffic hook; nothing was shifted", "1"),
        ("after", "failed: AfterAllowTraffic hook; rolled back to 1", "1"),
    ],
)
async def test_a_hook_that_fails_rolls_back(hook: str, said: str, version: str) -> None:
    async with running(app(), function("hook", "hooks.raises")) as lambda_:
        shift = replace(Shift("app", "live", "2", "AllAtOnce"), **{hook: "hook"})
        lines = [line async for line in Shifter(lambda_.service).run(shift)]
        assert lines[-1].endswith(said)
        alias = lambda_.service.functions["app"].aliases["live"]
        assert (alias.version, alias.routing) == (version, None)


async def test_hooks_get_codedeploys_event_and_may_say_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running(app(), function("hook", "api_handlers.hook")) as lambda_:
        shift = Shift("app", "live", "2", "AllAtOnce", before="hook", after="hook:1")
        lines = [line async for line in Shifter(lambda_.service).run(shift)]
        assert lines[-1].endswith("succeeded")
        printed = [line for line in lambda_.log("hook") if line.startswith("hook got")]
        assert printed == ["hook got ['DeploymentId', 'LifecycleEventHookExecutionId']"] * 2
        assert "did not call PutLifecycleEventHookExecutionStatus" in caplog.text


async def test_what_cannot_be_shifted() -> None:
    async with running(app()) as lambda_:
        for shift in (
            Shift("app", "gone", "2", "AllAtOnce"),
            Shift("app", "live", "9", "AllAtOnce"),
            Shift("none", "live", "2", "AllAtOnce"),
        ):
            with pytest.raises(ServiceError):
                await anext(Shifter(lambda_.service).run(shift))


async def test_a_shift_that_is_stopped_goes_back() -> None:
    async with running(app()) as lambda_:
        shifter = Shifter(lambda_.service)
        progress = shifter.run(Shift("app", "live", "2", "Canary10Percent5Minutes"))
        await anext(progress)
        await anext(progress)
        assert lambda_.service.functions["app"].aliases["live"].routing == ("2", 0.1)
        await progress.aclose()
        assert lambda_.service.functions["app"].aliases["live"].routing is None
