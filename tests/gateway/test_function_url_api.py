"""boto3 makes, changes, lists and deletes function URLs of a running gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from edgegw.config.resolve import load_dict
from tests.aws_clients import aws_client
from tests.conftest import FUNCTIONS, PYTHON, Serving

APP = {"runtime": PYTHON, "code": ".", "handler": "http_handlers.echo"}
CONFIG: dict[str, Any] = {
    "functions": {
        "app": {**APP, "aliases": {"live": {"version": "1"}}},
        "fixed": {**APP, "url": {"listen": 0, "cors": {"allow_origins": ["*"]}}},
    },
    "gateway": {"lambda_api": 0},
}


class Calls:
    """A boto3 client whose calls run on a thread, and the gateway behind it."""

    def __init__(self, served: Serving) -> None:
        self.served = served
        self._client = aws_client("lambda", served.urls["lambda"])

    def close(self) -> None:
        self._client.close()

    async def __call__(self, operation: str, **given: Any) -> dict[str, Any]:
        answer = await asyncio.to_thread(getattr(self._client, operation), **given)
        status = answer.pop("ResponseMetadata")["HTTPStatusCode"]
        return {"status": status, **answer}

    async def refused(self, operation: str, **given: Any) -> tuple[str, int, str]:
        with pytest.raises(ClientError) as caught:
            await self(operation, **given)
        response = caught.value.response
        error = response["Error"]
        return (
            error["Code"],
            response["ResponseMetadata"]["HTTPStatusCode"],
            error.get("Message") or "",
        )


@pytest.fixture
def calling(serving: Any) -> Any:
    @asynccontextmanager
    async def start(config: dict[str, Any] = CONFIG) -> AsyncIterator[Calls]:
        async with serving(config) as served:
            calls = Calls(served)
            try:
                yield calls
            finally:
                calls.close()

    return start


async def status_of(url: str) -> int:
    async with httpx.AsyncClient() as client:
        return (await client.get(url)).status_code


async def test_a_url_is_made_used_changed_and_deleted(calling: Any) -> None:
    async with calling() as call:
        made = await call(
            "create_function_url_config",
            FunctionName="app",
            AuthType="NONE",
            Cors={"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"], "MaxAge": 60},
        )
        assert made["status"] == 201
        assert made["FunctionArn"] == "arn:aws:lambda:us-east-1:123456789012:function:app"
        assert (made["AuthType"], made["InvokeMode"]) == ("NONE", "BUFFERED")
        assert made["Cors"] == {
            "AllowOrigins": ["https://a.example"],
            "AllowMethods": ["GET"],
            "MaxAge": 60,
        }
        url = made["FunctionUrl"]
        assert url.startswith("http://127.0.0.1:")
        async with httpx.AsyncClient() as client:
            answer = await client.get(url + "x", headers={"Origin": "https://a.example"})
        assert answer.json()["event"]["rawPath"] == "/x"
        assert answer.headers["access-control-allow-origin"] == "https://a.example"

        again = await call("get_function_url_config", FunctionName="app")
        assert again["FunctionUrl"] == url
        assert again["CreationTime"] == made["CreationTime"] == again["LastModifiedTime"]

        changed = await call(
            "update_function_url_config", FunctionName="app", AuthType="AWS_IAM", Cors={}
        )
        assert (changed["FunctionUrl"], changed["AuthType"]) == (url, "AWS_IAM")
        assert "Cors" not in changed
        assert await status_of(url) == 403

        assert (await call("delete_function_url_config", FunctionName="app"))["status"] == 204
        with pytest.raises(httpx.ConnectError):
            await status_of(url)
        assert (await call.refused("get_function_url_config", FunctionName="app"))[:2] == (
            "ResourceNotFoundException",
            404,
        )


async def test_urls_of_aliases_and_lists_of_them(calling: Any) -> None:
    async with calling() as call:
        assert (await call("list_function_url_configs", FunctionName="app"))[
            "FunctionUrlConfigs"
        ] == []
        first = await call(
            "create_function_url_config",
            FunctionName="app",
            AuthType="NONE",
            InvokeMode="RESPONSE_STREAM",
        )
        second = await call(
            "create_function_url_config", FunctionName="app", Qualifier="live", AuthType="NONE"
        )
        assert second["FunctionArn"].endswith(":function:app:live")
        assert first["FunctionUrl"] != second["FunctionUrl"]
        async with httpx.AsyncClient() as client:
            answer = await client.get(second["FunctionUrl"])
        assert answer.json()["arn"].endswith(":function:app:live")
        page = await call("list_function_url_configs", FunctionName="app", MaxItems=1)
        assert [row["FunctionUrl"] for row in page["FunctionUrlConfigs"]] == [first["FunctionUrl"]]
        rest = await call(
            "list_function_url_configs", FunctionName="app", Marker=page["NextMarker"]
        )
        assert [row["FunctionUrl"] for row in rest["FunctionUrlConfigs"]] == [second["FunctionUrl"]]


async def test_urls_of_the_configuration_are_listed_changed_and_deleted_too(calling: Any) -> None:
    async with calling() as call:
        known = await call("get_function_url_config", FunctionName="fixed")
        assert known["FunctionUrl"] == call.served.urls["fixed"] + "/"
        assert known["Cors"] == {"AllowOrigins": ["*"]}
        changed = await call("update_function_url_config", FunctionName="fixed", AuthType="AWS_IAM")
        assert changed["Cors"] == {"AllowOrigins": ["*"]}
        assert await status_of(known["FunctionUrl"]) == 403
        await call("delete_function_url_config", FunctionName="fixed")
        with pytest.raises(httpx.ConnectError):
            await status_of(known["FunctionUrl"])


async def test_a_reload_of_the_configuration_keeps_what_the_api_made(calling: Any) -> None:
    async with calling() as call:
        made = await call("create_function_url_config", FunctionName="app", AuthType="NONE")
        gateway = call.served.gateway
        state = {"gateway": {**CONFIG["gateway"], "state": gateway.config.state}}
        await gateway.apply(load_dict({**CONFIG, **state}, FUNCTIONS))
        assert await status_of(made["FunctionUrl"]) == 200
        only = {"functions": {"fixed": CONFIG["functions"]["fixed"]}, **state}
        await gateway.apply(load_dict(only, FUNCTIONS))
        with pytest.raises(httpx.ConnectError):
            await status_of(made["FunctionUrl"])


EVERYBODY = {"FunctionName": "app", "Principal": "*"}
OPENS = {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"}
INVOKES = {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True}


async def test_a_url_opens_with_two_statements_and_closes_with_one(calling: Any) -> None:
    """Before the first one nobody asks for a policy; after it, it counts as on AWS."""
    async with calling() as call:
        made = await call("create_function_url_config", FunctionName="app", AuthType="NONE")
        url = made["FunctionUrl"]
        assert await status_of(url) == 200
        nothing = await call.refused("get_policy", FunctionName="app")
        assert nothing[:2] == ("ResourceNotFoundException", 404)
        added = await call("add_permission", **EVERYBODY, StatementId="open", **OPENS)
        assert added["status"] == 201
        assert json.loads(added["Statement"])["Sid"] == "open"
        async with httpx.AsyncClient() as client:
            answer = await client.get(url)
        assert answer.status_code == 403
        assert "lambda:InvokeFunction on resource" in answer.headers["x-edgegw-reason"]
        await call("add_permission", **EVERYBODY, StatementId="invoke", **INVOKES)
        assert await status_of(url) == 200
        policy = await call("get_policy", FunctionName="app")
        shown = json.loads(policy["Policy"])["Statement"]
        assert [statement["Sid"] for statement in shown] == ["open", "invoke"]
        removed = await call("remove_permission", FunctionName="app", StatementId="open")
        assert removed["status"] == 204
        assert await status_of(url) == 403
        again = await call.refused("remove_permission", FunctionName="app", StatementId="open")
        assert again[:2] == ("ResourceNotFoundException", 404)
        nobody = await call.refused("get_policy", FunctionName="nobody")
        assert nobody[:2] == ("ResourceNotFoundException", 404)


REFUSED = [
    # operation, parameters, code, status, text
    (
        "get_function_url_config",
        {"FunctionName": "nobody"},
        "ResourceNotFoundException",
        404,
        "Function does not exist",
    ),
    (
        "create_function_url_config",
        {"FunctionName": "nobody", "AuthType": "NONE"},
        "ResourceNotFoundException",
        404,
        "Function does not exist",
    ),
    (
        "create_function_url_config",
        {"FunctionName": "app", "Qualifier": "$LATEST", "AuthType": "NONE"},
        "ValidationException",
        400,
        r"((?!^\d+$)^[0-9a-zA-Z-_]+$)",
    ),
    (
        "get_function_url_config",
        {"FunctionName": "app", "Qualifier": "old"},
        "ResourceNotFoundException",
        404,
        ":app:old",
    ),
    (
        "get_function_url_config",
        {"FunctionName": "app"},
        "ResourceNotFoundException",
        404,
        "does not exist",
    ),
    (
        "delete_function_url_config",
        {"FunctionName": "app"},
        "ResourceNotFoundException",
        404,
        "does not exist",
    ),
    (
        "update_function_url_config",
        {"FunctionName": "app"},
        "ResourceNotFoundException",
        404,
        "does not exist",
    ),
    (
        "get_function_url_config",
        {"FunctionName": "app:1"},
        "ValidationException",
        400,
        "'qualifier'",
    ),
    (
        "create_function_url_config",
        {"FunctionName": "app", "AuthType": "SOME"},
        "ValidationException",
        400,
        "enum value set: [NONE, AWS_IAM]",
    ),
    (
        "create_function_url_config",
        {"FunctionName": "app", "AuthType": "NONE", "InvokeMode": "FAST"},
        "ValidationException",
        400,
        "enum value set: [BUFFERED, RESPONSE_STREAM]",
    ),
    (
        "create_function_url_config",
        {"FunctionName": "app", "AuthType": "NONE", "Cors": {"AllowMethods": ["GET"] * 7}},
        "ValidationException",
        400,
        "cors.allowMethods",
    ),
    (
        "create_function_url_config",
        {"FunctionName": "fixed", "AuthType": "NONE"},
        "ResourceConflictException",
        409,
        "Failed to create function url config for [functionArn = arn:aws:lambda:us-east-1:123456789012:"
        "function:fixed]. Error message:  FunctionUrlConfig exists for this Lambda function",
    ),
]


async def test_refusals_are_awss(calling: Any) -> None:
    async with calling() as call:
        for operation, given, code, status, text in REFUSED:
            answered = await call.refused(operation, **given)
            assert answered[:2] == (code, status), (operation, given, answered)
            assert text in answered[2]
