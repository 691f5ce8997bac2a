"""What runs beside requests: made once, told of changes, ended with the gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgegw import Gateway
from edgegw.config.model import Config
from edgegw.gateway import workers
from edgegw.gateway.aws import module_of
from edgegw.gateway.workers import Kind, WorkerContext

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
        assert notes.around.state == tmp_path / ".edgegw"
        await gateway.reload(Gateway.from_dict({"gateway": {"region": "eu-west-1"}}).config)
    assert notes.seen == ["made", "started", "changed to eu-west-1", "closed"]


async def test_what_the_configuration_needs_starts_with_the_gateway(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def is_needed(config: Config, _state: Path) -> bool:
        return config.time_scale == 60

    monkeypatch.setattr(workers, "WORKERS", (Kind(NAME, "Notes", is_needed),))
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
