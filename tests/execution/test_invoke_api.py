"""boto3 and the AWS CLI against the Lambda API, over real sockets."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.aws_clients import aws_client

RUNTIME = f"python3.{sys.version_info[1]}"
CONFIG: dict[str, Any] = {
    "functions": {
        "echo": {
            "runtime": RUNTIME,
            "code": ".",
            "handler": "api_handlers.echo",
            "environment": {"MINE": "1"},
            "versions": {"1": {}, "2": {"timeout": 9}},
            "aliases": {"live": {"version": "1"}, "both": {"version": "1", "routing": {"2": 1.0}}},
        },
        "raises": {"runtime": RUNTIME, "code": ".", "handler": "hooks.raises"},
        "slow": {"runtime": RUNTIME, "code": ".", "handler": "hooks.sleeps", "timeout": 20},
    },
    "gateway": {"lambda_api": 0},
}
Start = Any


class Api:
    """A boto3 client whose calls run on a thread, so that the gateway's loop goes on."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = aws_client("lambda", url)

    def close(self) -> None:
        self._client.close()

    async def __call__(self, operation: str, **given: Any) -> dict[str, Any]:
        return await asyncio.to_thread(getattr(self._client, operation), **given)

    async def invoke(self, name: str, payload: bytes = b"{}", **given: Any) -> dict[str, Any]:
        answer = await self("invoke", FunctionName=name, Payload=payload, **given)
        answer["Payload"] = await asyncio.to_thread(answer["Payload"].read)
        return answer

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
def api(serving: Start) -> Any:
    @asynccontextmanager
    async def start(**more: Any) -> AsyncIterator[Api]:
        functions = {**CONFIG["functions"], **more.pop("functions", {})}
        gateway = {**CONFIG["gateway"], **more}
        async with serving({"functions": functions, "gateway": gateway}) as served:
            call = Api(served.urls["lambda"])
            try:
                yield call
            finally:
                call.close()

    return start


async def test_invoke_answers_as_lambda_does(api: Any) -> None:
    async with api() as call:
        answer = await call.invoke("echo", b'{"a": [1, "\xc3\xbc"]}')
        assert answer["StatusCode"] == 200
        assert answer["ExecutedVersion"] == "$LATEST"
        assert "FunctionError" not in answer
        found = json.loads(answer["Payload"])
        assert found["event"] == {"a": [1, "ü"]}
        request_id = answer["ResponseMetadata"]["RequestId"]
        assert request_id == found["request_id"]
        assert found["client_context"] is None


async def test_an_empty_body_is_an_empty_object(api: Any) -> None:
    async with api() as call:
        answer = await call("invoke", FunctionName="echo")
        assert json.loads(answer["Payload"].read())["event"] == {}


@pytest.mark.parametrize(
    ("name", "qualifier", "version", "arn"),
    [
        ("echo", None, "$LATEST", "echo"),
        ("echo", "$LATEST", "$LATEST", "echo:$LATEST"),
        ("echo:2", None, "2", "echo:2"),
        ("echo", "live", "1", "echo:live"),
        ("echo", "both", "2", "echo:both"),
        ("123456789012:function:echo:live", None, "1", "echo:live"),
        ("arn:aws:lambda:us-east-1:123456789012:function:echo", "2", "2", "echo:2"),
    ],
)
async def test_qualifiers(
    api: Any, name: str, qualifier: str | None, version: str, arn: str
) -> None:
    async with api() as call:
        more = {} if qualifier is None else {"Qualifier": qualifier}
        answer = await call.invoke(name, **more)
        assert answer["ExecutedVersion"] == version
        found = json.loads(answer["Payload"])
        expected = version if version != "$LATEST" else "$LATEST"
        assert found["version"] == expected
        assert found["arn"].partition(":function:")[2] == arn


async def test_the_tail_of_the_log(api: Any) -> None:
    async with api() as call:
        answer = await call.invoke("echo", LogType="Tail")
        start, printed, end, report = base64.b64decode(answer["LogResult"]).decode().splitlines()
        request_id = answer["ResponseMetadata"]["RequestId"]
        assert start == f"START RequestId: {request_id} Version: $LATEST"
        assert printed == "echoing"
        assert end == f"END RequestId: {request_id}"
        fields = [field.partition(": ")[0] for field in report.rstrip("\t").split("\t")]
        assert fields == [
            "REPORT RequestId",
            "Duration",
            "Billed Duration",
            "Memory Size",
            "Max Memory Used",
            "Init Duration",
        ]
        warm = base64.b64decode((await call.invoke("echo", LogType="Tail"))["LogResult"])
        assert b"Init Duration" not in warm


async def test_the_tail_of_a_log_in_json_has_times(api: Any) -> None:
    function = {"runtime": RUNTIME, "code": ".", "handler": "api_handlers.echo"}
    logged = {**function, "logging": {"format": "JSON"}}
    async with api(functions={"logged": logged}) as call:
        answer = await call.invoke("logged", LogType="Tail")
        lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
        start, *_, report = [json.loads(line) for line in lines if '"platform.' in line]
        assert (start["type"], report["type"]) == ("platform.start", "platform.report")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", start["time"])
        assert start["time"] <= report["time"]


async def test_a_function_error_is_200_with_a_header(api: Any) -> None:
    async with api() as call:
        answer = await call.invoke("raises")
        assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
        assert json.loads(answer["Payload"])["errorType"] == "LookupError"


async def test_client_context_reaches_the_handler(api: Any) -> None:
    async with api() as call:
        context = {"custom": {"k": "v"}, "env": {"e": "1"}, "client": {"app_title": "t"}}
        encoded = base64.b64encode(json.dumps(context).encode()).decode()
        found = json.loads((await call.invoke("echo", ClientContext=encoded))["Payload"])
        assert found["client_context"] == [{"k": "v"}, {"e": "1"}, "t"]
        refused = await call.refused("invoke", FunctionName="echo", ClientContext="!!")
        assert refused[0] == "InvalidRequestContentException"


async def test_dry_run_runs_nothing(api: Any) -> None:
    async with api() as call:
        answer = await call("invoke", FunctionName="raises", InvocationType="DryRun")
        assert answer["StatusCode"] == 204
        assert "ExecutedVersion" not in answer
        code, status, _ = await call.refused(
            "invoke", FunctionName="nothing", InvocationType="DryRun"
        )
        assert (code, status) == ("ResourceNotFoundException", 404)


ARN = "arn:aws:lambda:us-east-1:123456789012:function:"


@pytest.mark.parametrize(
    ("given", "code", "status", "message"),
    [
        ({"FunctionName": "no"}, "ResourceNotFoundException", 404, f"{ARN}no:$LATEST"),
        (
            {"FunctionName": "echo", "Qualifier": "7"},
            "ResourceNotFoundException",
            404,
            f"{ARN}echo:7",
        ),
        (
            {"FunctionName": "echo:1", "Qualifier": "2"},
            "InvalidParameterValueException",
            400,
            "The derived qualifier from the function name does not match the specified qualifier.",
        ),
        (
            {"FunctionName": f"{ARN.replace('us-east-1', 'eu-west-1')}echo"},
            "ResourceNotFoundException",
            404,
            "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
        ),
        ({"FunctionName": "210987654321:function:echo"}, "AccessDeniedException", 403, ""),
        (
            {"FunctionName": "echo", "Payload": b"{no"},
            "InvalidRequestContentException",
            400,
            "Could not parse request body into json: Could not parse payload into json: "
            "Unexpected character ('n' (code 110))",
        ),
        (
            {"FunctionName": "echo", "Payload": b'"' + b"x" * 6291456 + b'"'},
            "RequestTooLargeException",
            413,
            "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
        ),
    ],
)
async def test_refusals(
    api: Any, given: dict[str, Any], code: str, status: int, message: str
) -> None:
    async with api() as call:
        found = await call.refused("invoke", **given)
        assert found[:2] == (code, status)
        assert message in found[2]


async def test_a_throttled_invocation_is_429_with_the_reason(api: Any) -> None:
    async with api() as call:
        put = await call(
            "put_function_concurrency", FunctionName="slow", ReservedConcurrentExecutions=0
        )
        assert put["ReservedConcurrentExecutions"] == 0
        async with httpx.AsyncClient(base_url=call.url) as client:
            answer = await client.post("/2015-03-31/functions/slow/invocations", content=b"{}")
        assert answer.status_code == 429
        assert answer.headers["x-amzn-errortype"] == "TooManyRequestsException"
        assert answer.json() == {
            "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
            "Type": "User",
            "message": "Rate Exceeded.",
        }
        got = await call("get_function_concurrency", FunctionName="slow")
        assert got["ReservedConcurrentExecutions"] == 0
        await call("delete_function_concurrency", FunctionName="slow")
        got = await call("get_function_concurrency", FunctionName="slow")
        assert "ReservedConcurrentExecutions" not in got
        assert (await call.invoke("slow", b'{"seconds": 0}'))["StatusCode"] == 200


async def test_reservations_leave_a_hundred_unreserved(api: Any) -> None:
    async with api() as call:
        code, status, message = await call.refused(
            "put_function_concurrency", FunctionName="echo", ReservedConcurrentExecutions=901
        )
        assert (code, status) == ("InvalidParameterValueException", 400)
        assert message.endswith("below its minimum value of [100].")
        await call("put_function_concurrency", FunctionName="echo", ReservedConcurrentExecutions=5)
        settings = await call("get_account_settings")
        assert settings["AccountLimit"]["ConcurrentExecutions"] == 1000
        assert settings["AccountLimit"]["UnreservedConcurrentExecutions"] == 995
        assert settings["AccountUsage"]["FunctionCount"] == 3


async def test_functions_and_versions_are_described(api: Any) -> None:
    async with api() as call:
        function = await call("get_function", FunctionName="echo")
        configuration = function["Configuration"]
        assert configuration["FunctionArn"] == f"{ARN}echo"
        assert configuration["Runtime"] == RUNTIME
        assert configuration["Environment"] == {"Variables": {"MINE": "1"}}
        assert configuration["Version"] == "$LATEST"
        assert len(base64.b64decode(configuration["CodeSha256"])) == 32
        assert function["Code"]["RepositoryType"] == "S3"
        alias = await call("get_function_configuration", FunctionName="echo", Qualifier="both")
        assert (alias["FunctionArn"], alias["Version"]) == (f"{ARN}echo:both", "1")
        two = await call("get_function_configuration", FunctionName="echo", Qualifier="2")
        assert two["Timeout"] == 9
        listed = await call("list_functions")
        assert [each["FunctionName"] for each in listed["Functions"]] == ["echo", "raises", "slow"]
        every = await call("list_functions", FunctionVersion="ALL", MaxItems=2)
        assert [each["FunctionArn"] for each in every["Functions"]] == [
            f"{ARN}echo:$LATEST",
            f"{ARN}echo:1",
        ]
        rest = await call("list_functions", FunctionVersion="ALL", Marker=every["NextMarker"])
        assert rest["Functions"][0]["FunctionArn"] == f"{ARN}echo:2"
        versions = await call("list_versions_by_function", FunctionName="echo")
        assert [each["Version"] for each in versions["Versions"]] == ["$LATEST", "1", "2"]
        code, status, message = await call.refused("get_function", FunctionName="echo:9")
        assert (code, status) == ("ResourceNotFoundException", 404)
        assert message == f"Function not found: {ARN}echo:9"


async def test_publishing_keeps_the_code_of_the_moment(api: Any, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context): return 'one'\n")
    function = {"runtime": RUNTIME, "code": str(tmp_path), "handler": "app.handler"}
    async with api(functions={"mine": function}) as call:
        same = await call("publish_version", FunctionName="mine")
        assert same["Version"] == "1"
        (tmp_path / "app.py").write_text("def handler(event, context): return 'two'\n")
        code, _, message = await call.refused(
            "publish_version", FunctionName="mine", CodeSha256="wrong"
        )
        assert code == "InvalidParameterValueException"
        assert message.startswith("CodeSHA256 (wrong) is different from current CodeSHA256")
        two = await call("publish_version", FunctionName="mine", Description="second")
        assert (two["Version"], two["FunctionArn"]) == ("2", f"{ARN}mine:2")
        assert two["Description"] == "second"
        (tmp_path / "app.py").write_text("def handler(event, context): return 'three'\n")
        assert (await call.invoke("mine", Qualifier="2"))["Payload"] == b'"two"'
        assert (await call.invoke("mine"))["Payload"] == b'"three"'
        again = await call("publish_version", FunctionName="mine")
        assert again["Version"] == "3"
        assert (await call("publish_version", FunctionName="mine"))["Version"] == "3"


async def test_the_life_of_an_alias(api: Any) -> None:
    async with api() as call:
        created = await call(
            "create_alias", FunctionName="echo", Name="new", FunctionVersion="1", Description="d"
        )
        assert created["AliasArn"] == f"{ARN}echo:new"
        assert "RoutingConfig" not in created
        updated = await call(
            "update_alias",
            FunctionName="echo",
            Name="new",
            RoutingConfig={"AdditionalVersionWeights": {"2": 1.0}},
            RevisionId=created["RevisionId"],
        )
        assert updated["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 1.0}}
        assert updated["Description"] == "d"
        assert (await call.invoke("echo:new"))["ExecutedVersion"] == "2"
        code, status, _ = await call.refused(
            "update_alias", FunctionName="echo", Name="new", RevisionId=created["RevisionId"]
        )
        assert (code, status) == ("PreconditionFailedException", 412)
        await call(
            "update_alias",
            FunctionName="echo",
            Name="new",
            RoutingConfig={"AdditionalVersionWeights": {}},
        )
        got = await call("get_alias", FunctionName="echo", Name="new")
        assert "RoutingConfig" not in got
        listed = await call("list_aliases", FunctionName="echo")
        assert [each["Name"] for each in listed["Aliases"]] == ["both", "live", "new"]
        for _ in range(2):  # idempotent
            await call("delete_alias", FunctionName="echo", Name="new")
        code, status, message = await call.refused("get_alias", FunctionName="echo", Name="new")
        assert (code, status) == ("ResourceNotFoundException", 404)
        assert message == f"Cannot find alias arn: {ARN}echo:new"


@pytest.mark.parametrize(
    ("alias", "code", "message"),
    [
        ({"Name": "live", "FunctionVersion": "1"}, "ResourceConflictException", "already exists"),
        ({"Name": "x", "FunctionVersion": "9"}, "ResourceNotFoundException", f"{ARN}echo:9"),
        ({"Name": "12", "FunctionVersion": "1"}, "ValidationException", "regular expression"),
        (
            {
                "Name": "x",
                "FunctionVersion": "1",
                "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}},
            },
            "InvalidParameterValueException",
            "Function version 1 is already included in routing configuration.",
        ),
        (
            {
                "Name": "x",
                "FunctionVersion": "$LATEST",
                "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}},
            },
            "InvalidParameterValueException",
            "$LATEST is not supported for an alias pointing to more than 1 version",
        ),
    ],
)
async def test_aliases_that_are_refused(
    api: Any, alias: dict[str, Any], code: str, message: str
) -> None:
    async with api() as call:
        found = await call.refused("create_alias", FunctionName="echo", **alias)
        assert found[0] == code
        assert message in found[2]


async def test_provisioned_concurrency_comes_and_goes(api: Any) -> None:
    async with api() as call:
        target = {"FunctionName": "echo", "Qualifier": "live"}
        put = await call(
            "put_provisioned_concurrency_config", ProvisionedConcurrentExecutions=2, **target
        )
        assert put["ResponseMetadata"]["HTTPStatusCode"] == 202
        for _ in range(600):
            got = await call("get_provisioned_concurrency_config", **target)
            if got["Status"] == "READY":
                break
            await asyncio.sleep(0.05)
        assert got["AvailableProvisionedConcurrentExecutions"] == 2
        found = json.loads((await call.invoke("echo:live"))["Payload"])
        assert found["initialization_type"] == "provisioned-concurrency"
        for qualifier, message in (
            ("$LATEST", "cannot be applied to unpublished function versions"),
            ("1", "pointed by a Provisioned Concurrency alias"),
        ):
            refused = await call.refused(
                "put_provisioned_concurrency_config",
                FunctionName="echo",
                Qualifier=qualifier,
                ProvisionedConcurrentExecutions=1,
            )
            assert message in refused[2]
        await call("delete_provisioned_concurrency_config", **target)
        refused = await call.refused("get_provisioned_concurrency_config", **target)
        assert refused[0] == "ProvisionedConcurrencyConfigNotFoundException"
        found = json.loads((await call.invoke("echo:live"))["Payload"])
        assert found["initialization_type"] == "on-demand"


async def test_a_stream_arrives_while_the_function_runs(api: Any, node: str) -> None:
    streams = {"runtime": "nodejs22.x", "code": ".", "handler": "streams.handler"}
    async with api(functions={"streams": streams}) as call:
        answer = await call("invoke_with_response_stream", FunctionName="streams")
        events = await asyncio.to_thread(list, answer["EventStream"])
        *chunks, end = events
        assert b"".join(each["PayloadChunk"]["Payload"] for each in chunks) == b"one\ntwo\n"
        assert len(chunks) == 2
        assert end == {"InvokeComplete": {}}
        assert answer["ResponseStreamContentType"] == "text/plain"
        buffered = await call.invoke("streams")
        assert buffered["Payload"] == b"one\ntwo\n"


async def test_a_stream_that_fails_ends_in_its_error(api: Any, node: str) -> None:
    streams = {"runtime": "nodejs22.x", "code": ".", "handler": "streams.fails"}
    async with api(functions={"streams": streams}) as call:
        answer = await call("invoke_with_response_stream", FunctionName="streams", LogType="Tail")
        first, end = await asyncio.to_thread(list, answer["EventStream"])
        assert first["PayloadChunk"]["Payload"] == b"one\n"
        assert end["InvokeComplete"]["ErrorCode"] == "RangeError"
        assert json.loads(end["InvokeComplete"]["ErrorDetails"])["errorMessage"] == "too late"
        assert b"REPORT" in base64.b64decode(end["InvokeComplete"]["LogResult"])


async def test_a_buffered_answer_as_a_stream(api: Any) -> None:
    async with api() as call:
        answer = await call("invoke_with_response_stream", FunctionName="echo", Payload=b"[1]")
        chunk, end = await asyncio.to_thread(list, answer["EventStream"])
        assert json.loads(chunk["PayloadChunk"]["Payload"])["event"] == [1]
        assert end == {"InvokeComplete": {}}
        refused = await call.refused("invoke_with_response_stream", FunctionName="none")
        assert refused[0] == "ResourceNotFoundException"


async def test_the_aws_cli_invokes(api: Any, tmp_path: Path) -> None:
    aws = shutil.which("aws", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert aws is not None
    out = tmp_path / "out.json"
    async with api() as call:
        process = await asyncio.create_subprocess_exec(
            aws,
            "lambda",
            "invoke",
            "--endpoint-url",
            call.url,
            "--region",
            "us-east-1",
            "--function-name",
            "echo",
            "--log-type",
            "Tail",
            "--payload",
            '{"from": "cli"}',
            str(out),
            env={**os.environ, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        printed, errors = await process.communicate()
        assert process.returncode == 0, errors
        assert json.loads(printed)["ExecutedVersion"] == "$LATEST"
        assert json.loads(out.read_text())["event"] == {"from": "cli"}


class TestGuard:
    """A web page in the user's browser cannot call the API."""

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({}, 200),
            ({"Host": "localhost:9"}, 200),
            ({"Host": "[::1]:9"}, 200),
            ({"Host": "attacker.example:9001"}, 403),
            ({"Origin": "http://attacker.example"}, 403),
            ({"Origin": "null"}, 403),
            ({"Sec-Fetch-Site": "cross-site"}, 403),
            ({"Content-Type": "text/plain"}, 415),
            ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
            ({"Content-Type": "application/json"}, 200),
        ],
    )
    async def test_who_is_let_in(self, api: Any, headers: dict[str, str], status: int) -> None:
        async with api() as call, httpx.AsyncClient(base_url=call.url) as client:
            path = "/2015-03-31/functions/echo/invocations"
            answer = await client.post(path, content=b"{}", headers=headers)
            assert answer.status_code == status
            assert "access-control-allow-origin" not in answer.headers

    async def test_what_is_not_known_is_said_in_awss_shape(self, api: Any) -> None:
        async with api() as call, httpx.AsyncClient(base_url=call.url) as client:
            answer = await client.get("/2015-03-31/event-sink-mappings")
            assert answer.status_code == 404
            assert answer.headers["x-amzn-errortype"] == "UnknownOperationException"
