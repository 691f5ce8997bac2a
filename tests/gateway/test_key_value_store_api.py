"""boto3 and whoever else calls the KeyValueStore API, and the requests that see what they did."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import httpx
import pytest
from botocore.exceptions import ClientError

from edgegw import Gateway
from edgegw.errors import UsageError
from edgegw.execution.key_value_file import STORES_FILE
from edgegw.gateway.edge_stores import stores_of
from tests.aws_clients import aws_client
from tests.conftest import Serving, serving_in

CODE = """async function handler(event) {
  const store = require('cloudfront').kvs();
  const key = event.request.uri.slice(1);
  let body = 'none';
  if (await store.exists(key)) body = await store.get(key);
  const facts = await store.meta();
  return { statusCode: 200, body: JSON.stringify([body, facts.keyCount]) };
}"""
HOSTILE = ["a/b", "..a", "a%2Fb", "é 😀", "\0", "\n", "?x=1#y", "+", "constructor", "{}", "k" * 512]


class Stores:
    """Clients of both APIs, and a site whose function answers what its store has for a path."""

    def __init__(self, served: Serving) -> None:
        self.served = served
        self.url = served.urls["lambda"]
        self.clients = {
            # A name before the address takes up the account's number, which SDKs put there.
            "data": aws_client(
                "cloudfront-keyvaluestore",
                self.url.replace("://", "://kvs@"),
                signature_version="v4",
            ),
            "control": aws_client("cloudfront", self.url),
        }
        self.arn = served.gateway.key_values.arn(served.gateway.key_values.states()["flags"])

    async def data(self, operation: str, **given: Any) -> dict[str, Any]:
        return await self.call("data", operation, **{"KvsARN": self.arn, **given})

    async def control(self, operation: str, **given: Any) -> dict[str, Any]:
        return await self.call("control", operation, **given)

    async def call(self, client: str, operation: str, **given: Any) -> dict[str, Any]:
        answer = await asyncio.to_thread(getattr(self.clients[client], operation), **given)
        assert answer["ResponseMetadata"]["RequestId"]
        return answer

    async def etag(self) -> str:
        return (await self.data("describe_key_value_store"))["ETag"]

    async def seen(self, key: str) -> list[Any]:
        """What a request sees: the value, and how many keys there are."""
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.get(f"{self.served.urls['site']}/{key}")
            assert response.status_code == 200, response.text
            return response.json()


async def refused(calling: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        await calling
    response = caught.value.response
    assert response["Error"]["Message"]
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def configuration(folder: Path) -> dict[str, Any]:
    bucket = folder / "bucket"
    bucket.mkdir(exist_ok=True)
    (folder / "store.js").write_text(CODE)
    return {
        "edge_functions": {"ab": {"code": str(folder / "store.js"), "key_value_store": "flags"}},
        "key_value_stores": {"flags": {"comment": "ours", "source": str(folder / "flags.json")}},
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"files": {"s3": str(bucket), "bucket": "imports"}},
                "default_behavior": {"origin": "files", "edge_functions": {"viewer-request": "ab"}},
            }
        },
        "gateway": {"lambda_api": 0},
    }


@pytest.fixture
def stores(tmp_path: Path) -> Any:
    (tmp_path / "flags.json").write_text(json.dumps({"data": [{"key": "a", "value": "1"}]}))

    @asynccontextmanager
    async def start() -> AsyncIterator[Stores]:
        async with serving_in(tmp_path, configuration(tmp_path)) as served:
            api = Stores(served)
            try:
                yield api
            finally:
                for client in api.clients.values():
                    client.close()

    return start


async def test_every_operation_on_keys_and_what_requests_see(stores: Any) -> None:
    async with stores() as api:
        described = await api.data("describe_key_value_store")
        assert (described["ItemCount"], described["TotalSizeInBytes"]) == (1, 2)
        assert (described["KvsARN"], described["Status"]) == (api.arn, "READY")
        assert described["LastModified"] == described["Created"]
        got = await api.data("get_key", Key="a")
        assert (got["Key"], got["Value"], got["ItemCount"], got["TotalSizeInBytes"]) == (
            *("a", "1", 1, 2),
        )
        assert await api.seen("a") == ["1", 1]

        put = await api.data("put_key", Key="b", Value="22", IfMatch=described["ETag"])
        assert (put["ItemCount"], put["TotalSizeInBytes"]) == (2, 5)
        assert put["ETag"] == await api.etag() != described["ETag"]
        assert await api.seen("b") == ["22", 2]

        updated = await api.data(
            "update_keys",
            IfMatch=put["ETag"],
            Puts=[{"Key": key, "Value": f"v{at}"} for at, key in enumerate(HOSTILE)],
            Deletes=[{"Key": "b"}, {"Key": "not there"}],
        )
        assert updated["ItemCount"] == 1 + len(HOSTILE)
        assert await api.seen("b") == ["none", 1 + len(HOSTILE)]
        for at, key in enumerate(HOSTILE):
            assert (await api.data("get_key", Key=key))["Value"] == f"v{at}", key

        paginator = api.clients["data"].get_paginator("list_keys")
        pages = await asyncio.to_thread(
            lambda: list(paginator.paginate(KvsARN=api.arn, PaginationConfig={"PageSize": 5}))
        )
        listed = [item["Key"] for page in pages for item in page["Items"]]
        assert listed == sorted(["a", *HOSTILE])
        assert len(pages) == 3

        deleted = await api.data("delete_key", Key="a/b", IfMatch=updated["ETag"])
        assert deleted["ItemCount"] == len(HOSTILE)
        assert deleted["ETag"] == await api.etag()
        by_name = api.arn.rpartition("/")[0] + "/flags"
        assert (await api.data("get_key", KvsARN=by_name, Key="a"))["Value"] == "1"


NO_STORE = "arn:aws:cloudfront::123456789012:key-value-store/no"
PUT = {"Key": "k", "Value": "v", "IfMatch": "now"}


@pytest.mark.parametrize(
    ("operation", "given", "error"),
    [
        ("get_key", {"Key": "no"}, ("ResourceNotFoundException", 404)),
        ("get_key", {"Key": "a", "KvsARN": NO_STORE}, ("ResourceNotFoundException", 404)),
        ("describe_key_value_store", {"KvsARN": NO_STORE}, ("ResourceNotFoundException", 404)),
        ("put_key", {**PUT, "KvsARN": NO_STORE}, ("ResourceNotFoundException", 404)),
        ("put_key", {**PUT, "IfMatch": "other"}, ("ConflictException", 409)),
        ("put_key", {**PUT, "Key": "k" * 513}, ("ServiceQuotaExceededException", 402)),
        ("put_key", {**PUT, "Value": "v" * 1025}, ("ServiceQuotaExceededException", 402)),
        ("delete_key", {"Key": "no", "IfMatch": "now"}, ("ResourceNotFoundException", 404)),
        ("delete_key", {"Key": "a", "IfMatch": "other"}, ("ConflictException", 409)),
        ("update_keys", {"IfMatch": "now"}, ("ValidationException", 400)),
        ("list_keys", {"NextToken": "!"}, ("ValidationException", 400)),
    ],
)
async def test_what_is_refused_changes_nothing(
    stores: Any, operation: str, given: dict[str, Any], error: tuple[str, int]
) -> None:
    async with stores() as api:
        etag = await api.etag()
        if given.get("IfMatch") == "now":
            given = {**given, "IfMatch": etag}
        assert await refused(api.data(operation, **given)) == error
        assert await api.etag() == etag
        assert await api.seen("a") == ["1", 1]


async def test_stores_that_the_api_makes(stores: Any, tmp_path: Path) -> None:
    async with stores() as api:
        listed = (await api.control("list_key_value_stores"))["KeyValueStoreList"]
        assert [store["Name"] for store in listed["Items"]] == ["flags"]
        ours = await api.control("describe_key_value_store", Name="flags")
        assert ours["KeyValueStore"]["ARN"] == api.arn
        assert ours["KeyValueStore"]["Comment"] == "ours"
        assert ours["ETag"] != await api.etag()
        for operation, given, error in [
            ("describe_key_value_store", {"Name": "no"}, ("EntityNotFound", 404)),
            ("create_key_value_store", {"Name": "flags"}, ("EntityAlreadyExists", 409)),
            ("create_key_value_store", {"Name": "a b"}, ("InvalidArgument", 400)),
            (
                "delete_key_value_store",
                {"Name": "flags", "IfMatch": ours["ETag"]},
                ("CannotDeleteEntityWhileInUse", 409),
            ),
            (
                "update_key_value_store",
                {"Name": "flags", "Comment": "", "IfMatch": "x"},
                ("PreconditionFailed", 412),
            ),
            (
                "create_key_value_store",
                {
                    "Name": "x",
                    "ImportSource": {"SourceType": "S3", "SourceARN": "arn:aws:s3:::no/x"},
                },
                ("InvalidArgument", 400),
            ),
        ]:
            assert await refused(api.control(operation, **given)) == error

        (tmp_path / "bucket" / "more.json").write_text('{"data": [{"key": "k", "value": "v"}]}')
        source = {"SourceType": "S3", "SourceARN": "arn:aws:s3:::imports/more.json"}
        made = await api.control(
            "create_key_value_store", Name="made", Comment="é", ImportSource=source
        )
        assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
        assert made["Location"] == f"{api.url}/2020-05-31/key-value-store/made"
        arn = made["KeyValueStore"]["ARN"]
        assert arn.endswith(made["KeyValueStore"]["Id"])
        assert (made["KeyValueStore"]["Status"], made["KeyValueStore"]["Comment"]) == ("READY", "é")
        assert (await api.data("get_key", KvsARN=arn, Key="k"))["Value"] == "v"
        etag = (await api.data("describe_key_value_store", KvsARN=arn))["ETag"]
        await api.data("put_key", KvsARN=arn, Key="k", Value="w", IfMatch=etag)
        again = await api.control("describe_key_value_store", Name="made")
        assert again["ETag"] == made["ETag"], "the store is another thing than its pairs"
        changed = await api.control(
            "update_key_value_store", Name="made", Comment="new", IfMatch=again["ETag"]
        )
        assert changed["KeyValueStore"]["Comment"] == "new"
        assert changed["ETag"] != again["ETag"]

    async with stores() as api:  # another gateway, in the same state folder
        page = (await api.control("list_key_value_stores", MaxItems="1"))["KeyValueStoreList"]
        assert ([store["Name"] for store in page["Items"]], page["NextMarker"]) == (
            *(["flags"], "flags"),
        )
        page = (await api.control("list_key_value_stores", Marker="flags"))["KeyValueStoreList"]
        (store,) = page["Items"]
        assert (store["ARN"], store["Comment"]) == (arn, "new")
        assert (await api.data("get_key", KvsARN=arn, Key="k"))["Value"] == "w"
        await api.control("delete_key_value_store", Name="made", IfMatch=changed["ETag"])
        assert await refused(api.data("get_key", KvsARN=arn, Key="k")) == (
            *("ResourceNotFoundException", 404),
        )


async def test_what_was_written_lasts_until_the_import_file_changes(
    stores: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with stores() as api:
        await api.data("put_key", Key="b", Value="2", IfMatch=await api.etag())
    async with stores() as api:
        assert await api.seen("b") == ["2", 2]
        (tmp_path / "flags.json").write_text(json.dumps({"data": [{"key": "c", "value": "3"}]}))
        assert "imported" not in caplog.text
        await api.served.gateway.reload(api.served.gateway.config)
        assert await api.seen("b") == ["none", 1]
        assert await api.seen("c") == ["3", 1]
        assert "flags: imported again from flags.json" in caplog.text
        assert "what was changed by commands and the API is gone" in caplog.text
        caplog.clear()
        await api.data("put_key", Key="b", Value="2", IfMatch=await api.etag())
        await api.served.gateway.reload(api.served.gateway.config)
        assert await api.seen("b") == ["2", 2]
        assert not caplog.text


SIGV4A = {
    "X-Amz-Date": "20261127T055134Z",
    "X-Amz-Region-Set": "*",
    "Authorization": "AWS4-ECDSA-P256-SHA256 Credential=x/20261127/cloudfront-keyvaluestore/"
    "aws4_request, SignedHeaders=host;x-amz-date;x-amz-region-set, Signature=3044",
}


async def test_who_may_call(stores: Any) -> None:
    async with stores() as api, httpx.AsyncClient(trust_env=False) as client:
        url = f"{api.url}/key-value-stores/{quote(api.arn, safe='')}/keys"
        port = api.url.rpartition(":")[2]
        for headers, status in [
            ({}, 200),
            (SIGV4A, 200),
            ({"Host": f"123456789012.localhost:{port}"}, 200),
            ({"Host": f"123456789012.rebound.test:{port}"}, 403),
            ({"Origin": "http://page.test"}, 403),
        ]:
            response = await client.get(url, headers=headers)
            assert response.status_code == status, headers
        assert response.json()["Message"]
        assert response.headers["x-amzn-errortype"] == "AccessDeniedException"
        unversioned = await client.put(f"{url}/k", json={"Value": "v"})
        assert (unversioned.status_code, unversioned.headers["x-amzn-errortype"]) == (
            *(400, "ValidationException"),
        )
        unknown = await client.post(f"{url}/k")
        assert unknown.headers["x-amzn-errortype"] == "UnknownOperationException"


# In process, and without a gateway


async def test_a_test_has_stores_of_its_own(stores: Any, tmp_path: Path) -> None:
    async with stores() as api:
        await api.data("put_key", Key="b", Value="served", IfMatch=await api.etag())
    config = configuration(tmp_path)
    gateway = Gateway.from_dict(config, base=tmp_path)
    async with gateway.client("site") as client:
        assert (await client.get("/b")).json() == ["none", 1]
        gateway.key_values.put("flags", {"b": "2", "c": "3"})
        for pairs in ({"b": 5}, {5: "b"}, {"b": None}):
            with pytest.raises(UsageError, match="keys and values of a store are text"):
                gateway.key_values.put("flags", cast("Any", pairs))
        gateway.key_values.delete("flags", "c", "not there")
        assert (await client.get("/b")).json() == ["2", 2]
    with gateway, gateway.sync_client("site") as blocking:
        assert blocking.get("/b").json() == ["2", 2], "every event loop has the same stores"
        gateway.reset()
        assert blocking.get("/b").json() == ["none", 1]
    assert "b" not in Gateway.from_dict(config, base=tmp_path).key_values
    assert not (tmp_path / ".edgegw").exists()


async def test_commands_that_run_functions_have_what_was_kept(stores: Any, tmp_path: Path) -> None:
    async with stores() as api:
        await api.data("put_key", Key="b", Value="2", IfMatch=await api.etag())
        await api.control("create_key_value_store", Name="made")
        config = api.served.gateway.config
        present = stores_of(config)
        assert present["flags"].get("b") == "2"
        assert present["made"].count() == 0
        (tmp_path / "flags.json").write_text('{"data": [{"key": "c", "value": "3"}]}')
        assert stores_of(config)["flags"].get("b") is None
        assert stores_of(config)["flags"].get("c") == "3"
        assert api.served.gateway.key_values["flags"].get("b") == "2", "nothing is written"
    elsewhere = replace(config, state=str(tmp_path / "elsewhere"))
    assert stores_of(elsewhere)["flags"].get("c") == "3"
    assert not (tmp_path / "elsewhere").exists()


async def test_a_reload_goes_on_when_the_disk_does_not(
    stores: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with stores() as api:
        (tmp_path / "flags.json").write_text('{"data": [{"key": "c", "value": "3"}]}')
        other = sqlite3.connect(tmp_path / "state" / STORES_FILE, isolation_level=None)
        with contextlib.closing(other):
            other.execute("DROP TABLE pair")
        await api.served.gateway.reload(api.served.gateway.config)
        assert "key value stores are not imported: cannot keep state in" in caplog.text
        assert await api.seen("a") == ["1", 1]
        error = await refused(api.data("put_key", Key="b", Value="2", IfMatch=await api.etag()))
        assert error == ("InternalServerException", 500)


def test_a_gateway_without_stores_imports_and_writes_nothing_of_them(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from edgegw import Gateway\n"
        "async def main():\n"
        "    async with Gateway.from_dict({'gateway': {'state': 'kept'}}, base='.'): pass\n"
        "asyncio.run(main())\n"
        "print([name for name in sys.modules if 'key_value_' in name or name == 'sqlite3'])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == ("[]\n", "")
    assert not (tmp_path / "kept").exists()
