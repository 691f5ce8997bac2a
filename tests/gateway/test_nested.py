"""JSON nested a thousand deep and more, wherever somebody else's JSON comes in.

CloudFront and load balancers answer 502 for a result that they cannot use, the Lambda API 400 for
a payload that it cannot read; a function that cannot read its event says so and lives.
"""

from __future__ import annotations

import base64
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgegw.awslambda.model import Function, Runtime
from edgegw.awslambda.payload import as_text, decode_payload, encode_payload
from edgegw.config.resolve import load_dict
from edgegw.gateway.gateway import Gateway
from tests.execution.lambda_service import running

RUNTIME = f"python3.{sys.version_info[1]}"
DEPTHS = (200, 255, 900, 980, 1000, 1020, 1024, 1025, 5_000, 100_000)
RETURNS = (
    "import os\ndef handler(event, context):\n    return open(os.environ['RESULT'], 'rb').read()\n"
)


def nested(depth: int) -> Iterator[bytes]:
    yield b"[" * depth + b"]" * depth
    yield b'{"a":' * depth + b"1" + b"}" * depth


@pytest.fixture(autouse=True)
def no_tracebacks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR], caplog.text


def balancer(folder: Path, *, multi: bool = False) -> dict[str, Any]:
    group = {"target_type": "lambda", "function": "f", "multi_value_headers": multi}
    listeners = [{"listen": 0, "default_actions": [{"forward": "t"}]}]
    return {
        "functions": functions(folder),
        "target_groups": {"t": group},
        "load_balancers": {"front": {"listeners": listeners}},
    }


def distribution(folder: Path, trigger: str) -> dict[str, Any]:
    behavior = {"origin": "o", "lambda_functions": {trigger: "f"}}
    front = {
        "listen": 0,
        "origins": {"o": {"load_balancer": "origin"}},
        "default_behavior": {**behavior, "cache_policy": "CachingDisabled"},
    }
    fixed = {"fixed_response": {"status_code": 200, "message_body": "here"}}
    return {
        "functions": functions(folder),
        "distributions": {"front": front},
        "load_balancers": {"origin": {"listeners": [{"listen": 0, "default_actions": [fixed]}]}},
        "gateway": {"strict": False},  # variables at the edge
    }


def functions(folder: Path) -> dict[str, Any]:
    (folder / "app.py").write_text(RETURNS)
    result = {"RESULT": str(folder / "result")}
    return {"f": {"runtime": RUNTIME, "code": ".", "handler": "app.handler", "environment": result}}


ANYWHERE = [b"%s", b'{"statusCode":200,"status":"200","headers":%s}']
TO_BALANCER = [
    b'{"statusCode":%s}',
    b'{"statusCode":200,"statusDescription":%s}',
    b'{"statusCode":200,"headers":{"a":%s},"multiValueHeaders":{"a":%s}}',
    b'{"statusCode":200,"headers":{},"multiValueHeaders":{"a":[%s]},"isBase64Encoded":%s}',
    b'{"statusCode":200,"body":%s}',
]
GENERATED = [
    b'{"status":%s}',
    b'{"status":"200","statusDescription":%s}',
    b'{"status":"200","headers":{"a":%s}}',
    b'{"status":"200","headers":{"a":[%s]}}',
    b'{"status":"200","headers":{"a":[{"key":%s,"value":"b"}]}}',
    b'{"status":"200","headers":{"a":[{"key":"a","value":%s}]}}',
    b'{"status":"200","body":%s,"bodyEncoding":%s}',
]
CONTINUED = [
    b'{"uri":%s,"method":"GET","querystring":"","headers":{}}',
    b'{"uri":"/","method":"GET","querystring":%s,"headers":{}}',
    b'{"uri":"/","method":"GET","querystring":"","headers":{"a":[{"value":%s}]}}',
    b'{"uri":"/","method":"GET","querystring":"","headers":{},"body":%s}',
    b'{"uri":"/","method":"GET","querystring":"","headers":{},"body":{"action":%s,"data":%s}}',
]
CHANGED_ORIGIN = [
    b'{"uri":"/","method":"GET","querystring":"","headers":{"host":[{"value":"a"}]},"origin":%s}',
    b'{"uri":"/","method":"GET","querystring":"","headers":{},"origin":{"custom":%s}}',
    b'{"uri":"/","method":"GET","querystring":"","headers":{},"origin":{"custom":'
    b'{"domainName":%s,"customHeaders":%s,"path":%s,"port":%s,"protocol":%s,"sslProtocols":[%s]}}}',
]


@pytest.mark.parametrize(
    ("kind", "templates"),
    [
        pytest.param("balancer", TO_BALANCER, id="a load balancer"),
        pytest.param("multi", TO_BALANCER, id="a load balancer with multi-value headers"),
        pytest.param("viewer-request", GENERATED + CONTINUED, id="viewer-request"),
        pytest.param("origin-request", GENERATED + CONTINUED + CHANGED_ORIGIN, id="origin-request"),
        pytest.param("origin-response", GENERATED, id="origin-response"),
        pytest.param("viewer-response", GENERATED, id="viewer-response"),
    ],
)
async def test_a_result_is_502_and_never_500(
    tmp_path: Path, kind: str, templates: list[bytes]
) -> None:
    if kind in ("balancer", "multi"):
        config = balancer(tmp_path, multi=kind == "multi")
    else:
        config = distribution(tmp_path, kind)
    unread = () if kind == "balancer" else (200,)  # it may stand where nobody looks
    gateway = Gateway(load_dict(config, tmp_path))
    async with gateway, gateway.client("front") as client:
        for template in ANYWHERE + templates:
            for depth in (255, 980, 1000, 1024, 100_000):
                for value in nested(depth):
                    (tmp_path / "result").write_bytes(template.replace(b"%s", value))
                    answer = await client.get("/")
                    told = (template, depth, answer.status_code)
                    assert answer.status_code == 502 or answer.status_code in unread, told


async def test_a_payload_that_is_too_deep_for_the_api_is_400(serving: Any) -> None:
    echo = {"runtime": RUNTIME, "code": ".", "handler": "api_handlers.echo"}
    async with serving({"functions": {"echo": echo}, "gateway": {"lambda_api": 0}}) as urls:
        [url] = urls.urls.values()
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as client:
            for depth in DEPTHS:
                for value in nested(depth):
                    path = "/2015-03-31/functions/echo/invocations"
                    answer = await client.post(path, content=value)
                    context = base64.b64encode(b'{"custom":%s}' % value[:2000])
                    head = {"X-Amz-Client-Context": context.decode()}
                    assert answer.status_code == (200 if depth <= 1024 else 400), depth
                    if answer.status_code == 400:
                        assert "Could not parse payload into json" in answer.json()["message"]
                        assert (
                            answer.headers["x-amzn-errortype"] == "InvalidRequestContentException"
                        )
                    answer = await client.post(path, content=b"{}", headers=head)
                    assert answer.status_code in (200, 400)


@pytest.mark.parametrize("depth", [900, 990, 1000, 1020])
async def test_a_function_that_cannot_read_its_event_says_so_and_lives(
    tmp_path: Path, depth: int
) -> None:
    (tmp_path / "app.py").write_text(
        "import os\ndef handler(event, context):\n    return os.getpid()\n"
    )
    runtime = Runtime(RUNTIME, "python", sys.version_info[:2])
    async with running(Function("app", runtime, str(tmp_path), "app.handler", 10.0)) as lambda_:
        pid = await lambda_.result("app", 1)
        for value in nested(depth):
            outcome = await lambda_.invoke("app", value)
            error_type = getattr(outcome, "error_type", "Runtime.UnmarshalError")
            assert error_type == "Runtime.UnmarshalError"
            context = f'{{"custom": {value.decode()}}}'
            outcome = await lambda_.invoke("app", 1, client_context=context)
            kind = "Runtime.LambdaContextUnmarshalError"
            assert getattr(outcome, "error_type", kind) == kind
        assert await lambda_.result("app", 1) == pid


@pytest.mark.parametrize("depth", DEPTHS)
def test_payloads_of_any_depth_are_values_or_a_value_error(depth: int) -> None:
    for raw in nested(depth):
        try:
            value = decode_payload(raw)
        except ValueError:
            continue
        assert as_text(value)
        try:
            assert encode_payload(value) == raw
        except ValueError:
            continue


def test_a_value_without_end() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match=r"nested too deeply|Circular reference"):
        encode_payload(endless)
    assert as_text(endless) == "[…"
