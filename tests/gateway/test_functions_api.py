"""CreateFunction and its siblings, as boto3 and the AWS CLI call them, over real sockets."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from edgegw.config.resolve import load_dict
from tests.aws_clients import aws_client
from tests.conftest import Serving, need, serving_in
from tests.gateway.cached_site import Origin

FIRST = (
    "function handler(event) { return { statusCode: 201, headers: { 'x-a': { value: 'one' } } } }"
)
OTHER = FIRST.replace("one", "two")
CONFIG = {"Comment": "c", "Runtime": "cloudfront-js-2.0"}
REQUEST = {
    "version": "1.0",
    "context": {"eventType": "viewer-request"},
    "viewer": {"ip": "192.0.2.1"},
    "request": {"method": "GET", "uri": "/a", "querystring": {}, "headers": {}, "cookies": {}},
}
PAGE = (
    "The CloudFront function associated with the CloudFront distribution is invalid or could "
    "not run."
)


class Api:
    """A boto3 client whose calls run on a thread."""

    def __init__(self, served: Serving) -> None:
        self.gateway = served.gateway
        self.url, self.site = served.urls["lambda"], served.urls["site"]
        self._client = aws_client("cloudfront", self.url)

    async def __call__(self, operation: str, **given: Any) -> dict[str, Any]:
        return await asyncio.to_thread(getattr(self._client, operation), **given)

    def close(self) -> None:
        self._client.close()

    async def refused(self, operation: str, **given: Any) -> tuple[str, int, str]:
        with pytest.raises(ClientError) as caught:
            await self(operation, **given)
        answer = caught.value.response
        error = answer["Error"]
        return error["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], error["Message"]

    async def etag(self, name: str, stage: str = "DEVELOPMENT") -> str:
        return (await self("describe_function", Name=name, Stage=stage))["ETag"]

    async def create(self, name: str, code: str = FIRST, **config: Any) -> dict[str, Any]:
        given = {"Name": name, "FunctionConfig": {**CONFIG, **config}, "FunctionCode": code}
        return await self("create_function", **given)

    async def update(self, name: str, code: str, **config: Any) -> dict[str, Any]:
        return await self(
            "update_function",
            Name=name,
            IfMatch=await self.etag(name),
            FunctionConfig={**CONFIG, **config},
            FunctionCode=code,
        )

    async def publish(self, name: str) -> dict[str, Any]:
        return await self("publish_function", Name=name, IfMatch=await self.etag(name))

    async def test(self, name: str, event: object = REQUEST, stage: str = "") -> dict[str, Any]:
        given: dict[str, Any] = {"Stage": stage} if stage else {}
        etag = await self.etag(name, stage or "DEVELOPMENT")
        content = event if isinstance(event, bytes) else json.dumps(event).encode()
        answer = await self("test_function", Name=name, IfMatch=etag, EventObject=content, **given)
        return answer["TestResult"]

    async def answered(self) -> str:
        """The header that the function of the site writes."""
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(self.site)).headers.get("x-a", "-")


def config(folder: Path, code: str = FIRST) -> dict[str, Any]:
    (folder / "own.js").write_text(code)
    (folder / "flags.json").write_text('{"data": [{"key": "k", "value": "v"}]}')
    return {
        "edge_functions": {
            "own": {"code": str(folder / "own.js"), "comment": "mine"},
            "spare": {"code": str(folder / "own.js"), "runtime": "cloudfront-js-1.0"},
        },
        "key_value_stores": {"flags": {"source": str(folder / "flags.json")}},
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"app": {"url": "http://origin.test"}},
                "default_behavior": {
                    "origin": "app",
                    "edge_functions": {"viewer-request": "own"},
                },
            }
        },
        "gateway": {"lambda_api": 0},
    }


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Api]:
    async with serving_in(folder, config(folder), transport=lambda _: Origin()) as served:
        api = Api(served)
        try:
            yield api
        finally:
            api.close()


async def test_a_function_from_its_creation_to_its_end(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        created = await api.create("made", Comment="first")
        assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
        assert created["Location"] == f"{api.url}/2020-05-31/function/made"
        summary = created["FunctionSummary"]
        assert (summary["Name"], summary["Status"]) == ("made", "UNPUBLISHED")
        assert summary["FunctionConfig"] == {
            "Comment": "first",
            "Runtime": "cloudfront-js-2.0",
            "KeyValueStoreAssociations": {"Quantity": 0},
        }
        arn = f"arn:aws:cloudfront::{api.gateway.config.account.account_id}:function/made"
        assert summary["FunctionMetadata"]["FunctionARN"] == arn
        assert summary["FunctionMetadata"]["Stage"] == "DEVELOPMENT"
        described = await api("describe_function", Name="made")
        assert (described["FunctionSummary"], described["ETag"]) == (summary, created["ETag"])
        live = await api.refused("describe_function", Name="made", Stage="LIVE")
        assert live[:2] == ("NoSuchFunctionExists", 404)

        published = await api.publish("made")
        metadata = published["FunctionSummary"]["FunctionMetadata"]
        assert metadata["Stage"] == "LIVE"
        assert published["FunctionSummary"]["Status"] == "UNASSOCIATED"
        updated = await api.update("made", OTHER)
        assert updated["ETag"] == await api.etag("made") != created["ETag"]
        assert updated["FunctionSummary"]["FunctionConfig"]["Comment"] == "c"
        for stage, code in (("DEVELOPMENT", OTHER), ("LIVE", FIRST)):
            got = await api("get_function", Name="made", Stage=stage)
            assert got["FunctionCode"].read().decode() == code
            assert got["ETag"] == await api.etag("made", stage)
            trial = await api.test("made", stage=stage)
            header = json.loads(trial["FunctionOutput"])["response"]["headers"]["x-a"]["value"]
            assert header == ("two" if code is OTHER else "one")

        await api("delete_function", Name="made", IfMatch=await api.etag("made"))
        gone = await api.refused("get_function", Name="made")
        assert gone == ("NoSuchFunctionExists", 404, "The specified function does not exist.")


async def test_what_is_published_runs_until_the_file_is_loaded_again(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        before = await api("describe_function", Name="own", Stage="LIVE")
        assert before["FunctionSummary"]["Status"] == "ASSOCIATED"
        assert before["FunctionSummary"]["FunctionConfig"]["Comment"] == "mine"
        await api.update("own", OTHER)
        assert await api.answered() == "one"  # DEVELOPMENT runs for tests alone
        await api.publish("own")
        assert await api.answered() == "two"
        assert await api.etag("own", "LIVE") != before["ETag"]
        got = await api("get_function", Name="own", Stage="LIVE")
        assert got["FunctionCode"].read().decode() == OTHER

        (tmp_path / "own.js").write_text(FIRST.replace("one", "three"))
        await api.gateway.reload_code({"edge function own"})
        assert await api.answered() == "three"
        for stage in ("DEVELOPMENT", "LIVE"):
            got = await api("get_function", Name="own", Stage=stage)
            assert b"three" in got["FunctionCode"].read()

        await api.update("own", OTHER)
        await api.publish("own")
        given = config(tmp_path)
        given["gateway"] |= {"state": str(tmp_path / "state"), "accept_any_host": True}
        await api.gateway.reload(load_dict(given))
        assert await api.answered() == "one"


async def test_lists(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await api.create("made")

        async def listed(**given: Any) -> list[tuple[str, str]]:
            page = (await api("list_functions", **given))["FunctionList"]
            assert page["Quantity"] == len(page.get("Items", []))
            return [
                (item["Name"], item["FunctionMetadata"]["Stage"]) for item in page.get("Items", [])
            ]

        both = [("own", "DEVELOPMENT"), ("own", "LIVE")]
        spare = [("spare", "DEVELOPMENT"), ("spare", "LIVE")]
        assert await listed() == [("made", "DEVELOPMENT"), *both, *spare]
        assert await listed(Stage="LIVE") == [both[1], spare[1]]
        first = (await api("list_functions", MaxItems="2"))["FunctionList"]
        assert (first["MaxItems"], first["Quantity"]) == (2, 2)
        rest = await listed(Marker=first["NextMarker"])
        assert rest == [both[1], *spare]
        assert (await api.refused("list_functions", Stage="TEST"))[:2] == ("InvalidArgument", 400)


async def test_a_key_value_store_is_associated_by_its_arn(tmp_path: Path) -> None:
    code = """async function handler(event) {
      const store = require('cloudfront').kvs();
      return { statusCode: 200, statusDescription: await store.get('k') };
    }"""
    async with serving(tmp_path) as api:
        arn = api.gateway.edge_registry.store_arn("flags")
        stores = {"Quantity": 1, "Items": [{"KeyValueStoreARN": arn}]}
        created = await api.create("kv", code, KeyValueStoreAssociations=stores)
        config = created["FunctionSummary"]["FunctionConfig"]
        assert config["KeyValueStoreAssociations"] == stores
        output = json.loads((await api.test("kv"))["FunctionOutput"])
        assert output["response"]["statusDescription"] == "v"
        # what UpdateFunction is not given is gone
        updated = await api.update("kv", code)
        config = updated["FunctionSummary"]["FunctionConfig"]
        assert config["KeyValueStoreAssociations"] == {"Quantity": 0}
        assert "no key value store" in (await api.test("kv"))["FunctionErrorMessage"]
        for wrong, runtime in ((arn[:-1] + "g", "2.0"), (arn, "1.0")):
            refused = await api.refused(
                "create_function",
                Name="x",
                FunctionCode=code,
                FunctionConfig={
                    "Comment": "",
                    "Runtime": f"cloudfront-js-{runtime}",
                    "KeyValueStoreAssociations": {
                        "Quantity": 1,
                        "Items": [{"KeyValueStoreARN": wrong}],
                    },
                },
            )
            assert refused[:2] == ("InvalidArgument", 400)


async def test_what_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        await api.create("made")
        etag = await api.etag("made")
        config = {"FunctionConfig": CONFIG, "FunctionCode": FIRST}
        event = {"EventObject": json.dumps(REQUEST)}
        version = "The If-Match version is missing or not valid for the resource."
        stale = (
            "The request failed because it didn't meet the preconditions in one or more "
            "request-header fields."
        )
        made: dict[str, Any] = {"Name": "made"}
        cases: list[tuple[str, dict[str, Any], tuple[str, int], str]] = [
            ("create_function", {**made, **config}, ("FunctionAlreadyExists", 409), "exists"),
            ("create_function", {"Name": "own", **config}, ("FunctionAlreadyExists", 409), ""),
            ("create_function", {"Name": "a b", **config}, ("InvalidArgument", 400), "name"),
            ("create_function", {"Name": "n", **config, "FunctionCode": "a" * 10241}, ("FunctionSizeLimitExceeded", 413), ""),
            ("create_function", {"Name": "n", **config, "FunctionCode": b"\xff"}, ("InvalidArgument", 400), "UTF-8"),
            ("create_function", {"Name": "n", **config, "FunctionConfig": {**CONFIG, "Runtime": "njs"}}, ("InvalidArgument", 400), "runtime"),
            ("update_function", {**made, **config, "IfMatch": "?"}, ("InvalidIfMatchVersion", 400), version),
            ("update_function", {**made, **config, "IfMatch": "E0123456789AB"}, ("PreconditionFailed", 412), stale),
            ("update_function", {**made, **config, "IfMatch": etag, "FunctionCode": "a" * 10241}, ("FunctionSizeLimitExceeded", 413), ""),
            ("publish_function", {**made, "IfMatch": "E0123456789AB"}, ("PreconditionFailed", 412), stale),
            ("delete_function", {**made, "IfMatch": "E0123456789AB"}, ("PreconditionFailed", 412), stale),
            ("delete_function", {"Name": "own", "IfMatch": await api.etag("own")}, ("FunctionInUse", 409), "behaviors"),
            ("delete_function", {"Name": "spare", "IfMatch": await api.etag("spare")}, ("UnsupportedOperation", 400), "configuration"),
            ("test_function", {**made, **event, "IfMatch": "E0123456789AB"}, ("InvalidIfMatchVersion", 400), version),
            ("test_function", {**made, **event, "IfMatch": etag, "Stage": "LIVE"}, ("NoSuchFunctionExists", 404), ""),
            ("test_function", {**made, "IfMatch": etag, "EventObject": b"{"}, ("InvalidArgument", 400), "no JSON"),
            ("test_function", {**made, "IfMatch": etag, "EventObject": b"{}"}, ("InvalidArgument", 400), "context"),
            *[
                (operation, {"Name": "none", **more}, ("NoSuchFunctionExists", 404), "does not exist")
                for operation, more in (
                    ("describe_function", {}),
                    ("get_function", {}),
                    ("update_function", {**config, "IfMatch": etag}),
                    ("publish_function", {"IfMatch": etag}),
                    ("delete_function", {"IfMatch": etag}),
                    ("test_function", {**event, "IfMatch": etag}),
                )
            ],
        ]  # fmt: skip
        for operation, given, expected, text in cases:
            code, status, message = await api.refused(operation, **given)
            assert (code, status) == expected, (operation, given)
            assert text in message
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.put(f"{api.url}/2020-05-31/function/made", content=b"<a/>")
            assert answer.status_code == 400
            answer = await client.post(f"{api.url}/2020-05-31/function/made/publish")
            assert b"<Code>InvalidIfMatchVersion</Code>" in answer.content
        for number in range(97):
            await api.create(f"f{number}")
        refused = await api.refused("create_function", Name="last", **config)
        assert refused[:2] == ("TooManyFunctions", 400)


async def test_what_test_function_answers(tmp_path: Path) -> None:
    code = """function handler(event) {
      console.log('asked for ' + event.request.uri);
      if (event.request.uri === '/throw') return event.none.value;
      if (event.request.uri === '/null') return null;
      if (event.response) { event.response.headers['X-Upper'] = { value: '1' }; return event.response }
      event.request.headers.via = { value: event.request.rawQueryString() };
      return event.request;
    }"""
    async with serving(tmp_path) as api:
        await api.create("f", code)

        async def tested(uri: str, **more: Any) -> dict[str, Any]:
            query = {"a": {"value": "1"}, "b": {"value": ""}}
            return await api.test(
                "f",
                {**REQUEST, **more, "request": {**REQUEST["request"], "uri": uri, "querystring": query}},  # type: ignore[dict-item]
            )  # fmt: skip

        good = await tested("/a")
        assert good["FunctionSummary"] == (await api("describe_function", Name="f"))["FunctionSummary"]  # fmt: skip
        assert isinstance(good["ComputeUtilization"], str)
        assert 0 < int(good["ComputeUtilization"]) < 100
        assert good["FunctionExecutionLogs"] == ["asked for /a"]
        assert good["FunctionErrorMessage"] == ""
        output = json.loads(good["FunctionOutput"])
        # read-only headers, as all that CloudFront says of results, are a matter of requests
        assert output["request"]["headers"] == {"via": {"value": "a=1&b"}}

        failed = await tested("/throw")
        assert failed["FunctionErrorMessage"] == (
            f'{PAGE} TypeError: cannot get property "value" of undefined'
        )
        assert failed["FunctionOutput"] == ""
        assert "an object" in (await tested("/null"))["FunctionErrorMessage"]
        response = {"statusCode": 200, "headers": {}, "cookies": {}}
        late = await tested("/a", context={"eventType": "viewer-response"}, response=response)
        assert json.loads(late["FunctionOutput"])["response"]["headers"] == {
            "x-upper".title(): {"value": "1"}
        }

        await api.update("f", "function handler(event) { return { statusCode: 302 } }")
        output = json.loads((await api.test("f"))["FunctionOutput"])
        assert output == {"response": {"headers": {}, "cookies": {}, "statusCode": 302}}
        await api.update("f", "function handler(event) { for (const a of []) {} }")
        error = (await api.test("f"))["FunctionErrorMessage"]
        assert error == f'{PAGE} SyntaxError: Token "of" not supported in this version in 1'
        await api.update("f", "function handler(event) { for (;;); }")
        endless = await api.test("f")
        assert endless["ComputeUtilization"] == "100"
        assert "exceeded its compute utilization" in endless["FunctionErrorMessage"]


async def test_the_aws_cli(tmp_path: Path) -> None:
    aws = str(Path(sys.executable).parent / "aws")
    if not Path(aws).exists():
        aws = need("aws", "the command line is not tried")
    async with serving(tmp_path) as api:
        (tmp_path / "event.json").write_text(json.dumps(REQUEST))
        environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "y",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        words = ["test-function", "--name", "own", "--if-match", await api.etag("own")]
        words += ["--event-object", f"fileb://{tmp_path / 'event.json'}"]
        process = await asyncio.to_thread(
            subprocess.run,
            [aws, "--endpoint-url", api.url, "cloudfront", *words],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        output = json.loads(process.stdout)["TestResult"]["FunctionOutput"]
        assert json.loads(output)["response"]["statusCode"] == 201


def test_the_blob_of_a_body_may_be_broken_into_lines() -> None:
    from edgegw.cloudfront.api.functions import decode_test

    text = base64.encodebytes(b"a" * 100).decode()
    body = f"<TestFunctionRequest><EventObject>{text}</EventObject></TestFunctionRequest>"
    assert decode_test(body.encode()) == ("DEVELOPMENT", b"a" * 100)
