"""What runs beside requests: made once, told of changes, ended with the gateway."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from edgegw import Gateway
from edgegw.config.model import Config
from edgegw.config.resolve import load_dict
from edgegw.errors import StateProblem
from edgegw.gateway import workers
from edgegw.gateway.aws import module_of
from edgegw.gateway.workers import WorkerContext, WorkerKind

NAME = "tests.gateway.test_workers"


class Notes:
    """A worker that notes what happens to it."""

    seen: list[str]

    def __init__(self, around: WorkerContext) -> None:
        self.seen = ["made"]
        self.around = around

    async def start(self) -> None:
        self.seen.append("started")

    async def change(self, config: Config) -> None:
        self.seen.append(f"changed to {config.account.region}")

    async def close(self) -> None:
        self.seen.append("closed")


async def test_a_worker_is_made_by_the_first_who_asks(tmp_path: Path) -> None:
    gateway = Gateway.from_dict({}, base=tmp_path)
    async with gateway:
        assert gateway.workers.running(Notes) is None
        notes = await gateway.workers.of(Notes)
        assert await gateway.workers.of(Notes) is notes is gateway.workers.running(Notes)
        assert not notes.around.state.is_relative_to(tmp_path), "it ends with the gateway"
        assert notes.around.state.is_dir()
        await gateway.reload(Gateway.from_dict({"gateway": {"region": "eu-west-1"}}).config)
    assert notes.seen == ["made", "started", "changed to eu-west-1", "closed"]
    assert not notes.around.state.exists()


@pytest.mark.parametrize(
    ("given", "lasting"), [({"gateway": {"state": "kept"}}, False), ({}, True)]
)
async def test_what_lasts_is_in_the_folder_that_was_named(
    tmp_path: Path, given: dict[str, Any], lasting: bool
) -> None:
    async with Gateway(load_dict(given, tmp_path), lasting=lasting) as gateway:
        folder = (await gateway.workers.of(Notes)).around.state
    assert folder == tmp_path / ("kept" if given else ".edgegw")


class Slow(Notes):
    """A worker that takes a moment to start, and needs itself meanwhile."""

    async def start(self) -> None:
        assert await self.around.workers.of(Slow) is self
        await asyncio.sleep(0.01)
        await super().start()


async def test_whoever_comes_while_a_worker_starts_waits_for_it() -> None:
    async with Gateway.from_dict({}) as gateway:
        first, second = await asyncio.gather(*[gateway.workers.of(Slow) for _ in range(2)])
        assert first is second
        assert first.seen == ["made", "started"]


class Failing(Notes):
    """A worker that cannot start the first time."""

    attempts = 0

    async def start(self) -> None:
        type(self).attempts += 1
        if self.attempts == 1:
            raise StateProblem("there", "the disk is full")


async def test_a_worker_that_could_not_start_is_tried_again() -> None:
    async with Gateway.from_dict({}) as gateway:
        answers = await asyncio.gather(
            *[gateway.workers.of(Failing) for _ in range(2)], return_exceptions=True
        )
    assert [type(answer) for answer in answers] == [StateProblem, Failing]


async def test_what_the_configuration_needs_starts_with_the_gateway(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def is_needed(config: Config, _state: Path) -> bool:
        return config.time_scale == 60

    monkeypatch.setattr(workers, "WORKERS", (WorkerKind(NAME, "Notes", is_needed),))
    async with Gateway.from_dict({}) as gateway:
        assert gateway.workers.running(Notes) is None
        await gateway.reload(Gateway.from_dict({"gateway": {"time_scale": 60}}).config)
        assert gateway.workers.running(Notes) is not None
        assert gateway.workers.around.clock.scale == 60
    async with Gateway.from_dict({"gateway": {"time_scale": 60}}) as gateway:
        assert gateway.workers.running(Notes) is not None


def test_an_api_is_known_by_its_path_else_it_is_lambdas() -> None:
    assert module_of("/2020-05-31/distribution", []).endswith("cloudfront_api")
    assert module_of("/2015-03-31/functions", []).endswith("lambda_api")
    assert module_of("/", [(b"x-amz-target", b"Nobody.Does")]).endswith("lambda_api")
