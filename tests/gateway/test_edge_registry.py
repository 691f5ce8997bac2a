"""CloudFront Functions that the API created: kept on disk, by whatever gateway of the folder."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from edgegw.awslambda.model import LogSettings
from edgegw.awslambda.service_errors import ServiceError
from edgegw.gateway.edge_registry import FILE
from edgegw.gateway.fronts.local_edge_functions import edge_rows
from edgegw.gateway.fronts.local_functions import FunctionOperations
from edgegw.gateway.fronts.local_router import Call
from tests.gateway.test_functions_api import CONFIG, FIRST, OTHER, serving

SHORT = "function handler() { return 'ä' }"


async def test_created_functions_outlive_the_gateway(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await api.create("made", SHORT)
        await api.publish("made")
        await api.update("made", OTHER)
        await api.create("gone")
        await api("delete_function", Name="gone", IfMatch=await api.etag("gone"))
        etags = [await api.etag("made", stage) for stage in ("DEVELOPMENT", "LIVE")]
    async with serving(tmp_path) as api:
        assert [await api.etag("made", stage) for stage in ("DEVELOPMENT", "LIVE")] == etags
        got = await api("get_function", Name="made", Stage="LIVE")
        assert got["FunctionCode"].read().decode() == SHORT
        assert (await api.refused("get_function", Name="gone"))[1] == 404


async def test_they_are_listed_though_nobody_asked_the_api_yet(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await api.create("made")
        await api.create("zero")
        await api.publish("zero")
    async with serving(tmp_path) as api:
        rows = [(row["name"], row["versions"]) for row in await edge_rows(api.gateway)]
        both = ["DEVELOPMENT", "LIVE"]
        assert rows == [("made", both[:1]), ("own", both), ("spare", both), ("zero", both)]


@pytest.mark.parametrize("log", ["made", "/aws/cloudfront/function/made"])
async def test_they_have_a_log_in_every_gateway_of_the_folder(tmp_path: Path, log: str) -> None:
    async with serving(tmp_path) as api, serving(tmp_path) as other:
        await api.create("made")
        for gateway in (api.gateway, other.gateway):
            group = gateway.service.logs.group("/aws/cloudfront/function/made")
            group.append(LogSettings(), "2026/11/7/a", "a line")
            answer = await FunctionOperations(gateway).logs(Call({"log": log}, {}, {}))
            assert answer.body.chunks is not None
            [line] = [part async for part in answer.body.chunks]
            assert json.loads(line)["lines"] == ["a line"]
        with pytest.raises(ServiceError):
            await FunctionOperations(api.gateway).logs(Call({"log": f"{log}s"}, {}, {}))


async def test_two_gateways_of_one_folder_have_the_same_functions(tmp_path: Path) -> None:
    async with serving(tmp_path) as one, serving(tmp_path) as other:
        creations = [
            api.create(f"{n}-{at}") for n in range(5) for at, api in enumerate((one, other))
        ]
        await asyncio.gather(*creations)
        for api in (one, other):
            listed = (await api("list_functions", Stage="DEVELOPMENT"))["FunctionList"]["Items"]
            names = [item["Name"] for item in listed]
            assert names == [*(f"{n}-{at}" for n in range(5) for at in (0, 1)), "own", "spare"]

        twice = {"Name": "0-0", "FunctionConfig": CONFIG, "FunctionCode": FIRST}
        assert (await other.refused("create_function", **twice))[0] == "FunctionAlreadyExists"
        known = await one.etag("0-0")
        await other.update("0-0", OTHER)
        changes = {"update_function": twice, "publish_function": {"Name": "0-0"}}
        changes["delete_function"] = {"Name": "0-0"}
        for operation, given in changes.items():
            refused = await one.refused(operation, **given, IfMatch=known)
            assert refused[0] == "PreconditionFailed", operation
        await one.publish("0-0")
        await other("delete_function", Name="0-0", IfMatch=await other.etag("0-0"))
        assert (await one.refused("describe_function", Name="0-0"))[0] == "NoSuchFunctionExists"


async def test_nobody_waits_for_the_disk_but_who_changes_something(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await api.create("made")
        with closing(sqlite3.connect(tmp_path / "state" / FILE, isolation_level=None)) as disk:
            disk.execute("BEGIN IMMEDIATE")  # as a disk, or another gateway, that takes its time
            update = asyncio.ensure_future(api.update("made", OTHER))
            for _ in range(3):
                assert await api.answered() == "one"
            assert not update.done(), "it is acknowledged once it is kept"
            disk.execute("COMMIT")
        assert (await update)["ETag"] == await api.etag("made")


async def test_what_cannot_be_kept_is_not_acknowledged(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / FILE).write_text("no database, but long enough to be one" * 30)
    async with serving(tmp_path) as api:
        given = {"Name": "made", "FunctionConfig": CONFIG, "FunctionCode": FIRST}
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{api.url}/2020-05-31/function/made/describe")
        assert answer.status_code == 503
        assert f"cannot keep state in {tmp_path}" in answer.text
        refused = await api.refused("create_function", **given)
        assert refused[:2] == ("ServiceUnavailable", 503)
        assert await api.answered() == "one", "requests need none of it"


async def test_a_function_that_cannot_be_read_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path) as api:
        await api.create("made")
        await api.create("odd")
        with closing(sqlite3.connect(tmp_path / "state" / FILE, isolation_level=None)) as disk:
            disk.execute("UPDATE edge_function SET record = '{}' WHERE name = 'odd'")
        listed = await api("list_functions", Stage="DEVELOPMENT")
        names = [item["Name"] for item in listed["FunctionList"]["Items"]]
        assert names == ["made", "own", "spare"]
        assert "the function odd cannot be read" in caplog.text
