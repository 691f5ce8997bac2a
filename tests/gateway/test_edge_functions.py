"""CloudFront Functions in front of an origin: what viewers and origins get."""

from __future__ import annotations

import asyncio
import copy
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from edgegw import Gateway
from edgegw.errors import ConfigError, UsageError
from edgegw.gateway.edge_run import EdgeRun

REWRITE = """
function handler(event) {
  var request = event.request;
  if (request.uri === '/old')
    return { statusCode: 302, headers: { location: { value: '/new' } } };
  if (request.uri === '/throw') throw new Error('boom');
  if (request.uri === '/upper') { request.headers['X-A'] = { value: '1' }; return request; }
  console.log('asked for ' + request.uri);
  request.uri = request.uri.replace(/\\/$/, '/index.html');
  request.headers['x-added'] = { value: 'yes' };
  return request;
}
"""
STAMP = """
async function handler(event) {
  const response = event.response;
  response.headers['x-stamp'] = { value: event.request.uri };
  response.cookies.seen = { value: '1', attributes: 'Path=/' };
  if (response.headers['x-throw']) throw new Error('late');
  return response;
}
"""


def site(folder: Path, behavior: dict[str, Any] | None = None, **code: str) -> dict[str, Any]:
    for name, text in code.items():
        (folder / f"{name}.js").write_text(text)
    return {
        "edge_functions": {name: {"code": str(folder / f"{name}.js")} for name in code},
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {
                    "app": {"url": "http://app.example"},
                    "other": {"url": "http://other.example:8080"},
                },
                "default_behavior": {
                    "origin": "app",
                    "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
                    "cache_policy": "CachingDisabled",
                    "origin_request_policy": "AllViewerExceptHostHeader",
                    **copy.deepcopy(behavior or {}),
                },
            }
        },
    }


def origin(request: httpx.Request) -> httpx.Response:
    status = int(request.url.params.get("status", "200"))
    headers = {"x-host": request.headers["host"], "x-seen": request.headers.get("x-added", "no")}
    if "throw" in request.url.params:
        headers["x-throw"] = "1"
    return httpx.Response(status, text=f"{request.method} {request.url}", headers=headers)


@pytest.fixture
def origins() -> Any:
    with respx.mock(assert_all_called=False) as mock:
        mock.route().mock(side_effect=origin)
        yield mock


BOTH = {"edge_functions": {"viewer-request": "rewrite", "viewer-response": "stamp"}}


@pytest.mark.usefixtures("origins")
async def test_both_triggers(tmp_path: Path) -> None:
    gateway = Gateway.from_dict(site(tmp_path, BOTH, rewrite=REWRITE, stamp=STAMP))
    async with gateway.client("site") as client:
        for _ in range(3):  # in the thread, then on the loop
            response = await client.get("/a/?b=1")
            assert response.status_code == 200
            assert response.text == "GET http://app.example/a/index.html?b=1"
            assert response.headers["x-seen"] == "yes"
            assert response.headers["x-stamp"] == "/a/index.html"
            assert response.headers["set-cookie"] == "seen=1; Path=/"
            assert response.headers["x-cache"] == "Miss from cloudfront"
        exchange = gateway.exchange(response)
        run = exchange.run("viewer-request")
        assert isinstance(run, EdgeRun)
        assert run.function == "rewrite"
        assert run.logs == ("asked for /a/",)
        assert run.event["request"]["querystring"] == {"b": {"value": "1"}}
        assert 0 < run.utilization < 100
        assert [row["function"] for row in exchange.to_dict()["functions"]] == ["rewrite", "stamp"]
        assert exchange.to_dict()["functions"][0]["utilization"] == run.utilization
        assert f"viewer-request=rewrite:{run.duration * 1000:.1f}ms {run.utilization}%" in str(
            exchange
        )
        group = gateway.service.logs.group("/aws/cloudfront/function/rewrite")
        lines = [line for entry in group.after(0) for line in entry.lines()][-3:]
        identity = gateway.config.distributions[0].distribution.id
        assert lines == [
            f"{exchange.id} START DistributionID: {identity}",
            f"{exchange.id} asked for /a/",
            f"{exchange.id} END",
        ]


@pytest.mark.usefixtures("origins")
@pytest.mark.parametrize(
    ("path", "status", "cache", "reason"),
    [
        ("/old", 302, "FunctionGeneratedResponse", None),
        ("/throw", 503, "FunctionExecutionError", "edge-function.execution-error: Error: boom"),
        ("/upper", 502, "FunctionValidationError", "edge-function.header-case at headers.X-A"),
        ("/?throw=1", 503, "FunctionExecutionError", "Error: late"),
        ("/?status=404", 404, "Error", None),
    ],
)
async def test_what_viewers_see(
    tmp_path: Path, path: str, status: int, cache: str, reason: str | None
) -> None:
    gateway = Gateway.from_dict(site(tmp_path, BOTH, rewrite=REWRITE, stamp=STAMP))
    async with gateway.client("site") as client:
        response = await client.get(path)
        exchange = gateway.exchange(response)
    assert (response.status_code, response.headers["x-cache"]) == (
        status,
        f"{cache} from cloudfront",
    )
    if reason is not None:
        assert reason in (exchange.reason or "")
        assert "The CloudFront function" in response.text
        assert response.headers["x-edgegw-reason"].startswith("viewer-re")
    if path == "/old":
        assert response.headers["location"] == "/new"
        assert response.headers["server"] == "CloudFront"
    # viewer-response runs neither behind an answer of viewer-request nor behind errors
    runs = [run.trigger for run in exchange.edge_runs]
    assert runs == (
        ["viewer-request", "viewer-response"] if "throw=1" in path else ["viewer-request"]
    )
    if path == "/?status=404":
        assert exchange.idle.keys() == {"viewer-response"}


@pytest.mark.usefixtures("origins")
async def test_code_that_does_not_compile_is_throttled(tmp_path: Path) -> None:
    behavior = {"edge_functions": {"viewer-request": "bad"}}
    gateway = Gateway.from_dict(
        site(tmp_path, behavior, bad="function handler(e) { for (x of e) {} }")
    )
    assert [finding.code for finding in gateway.config.warnings] == ["edge-function.syntax"]
    async with gateway.client("site") as client:
        response = await client.get("/")
        assert response.status_code == 503
        assert response.headers["x-cache"] == "FunctionThrottledError from cloudfront"
        assert 'Token "of" not supported' in (gateway.exchange(response).reason or "")


@pytest.mark.usefixtures("origins")
@pytest.mark.parametrize(
    ("helper", "expected"),
    [
        ("cf.selectRequestOriginById('other')", "GET http://other.example:8080/"),
        ("cf.updateRequestOrigin({domainName: 'third.example'})", "GET http://third.example/"),
        ("cf.updateRequestOrigin({originPath: '/v2', customHeaders: {'x-added': 'h'}})", "GET http://app.example/v2/"),
    ],
)  # fmt: skip
async def test_helpers_lead_to_another_origin(tmp_path: Path, helper: str, expected: str) -> None:
    code = f"import cf from 'cloudfront';\nfunction handler(event) {{ {helper}; return event.request }}"
    gateway = Gateway.from_dict(
        site(tmp_path, {"edge_functions": {"viewer-request": "lead"}}, lead=code)
    )
    async with gateway.client("site") as client:
        response = await client.get("/")
    assert response.text == expected
    if "customHeaders" in helper:
        assert response.headers["x-seen"] == "h"


@pytest.mark.usefixtures("origins")
async def test_a_group_that_a_function_made_fails_over(tmp_path: Path) -> None:
    code = """import cf from 'cloudfront';
    function handler(event) {
      cf.createRequestOriginGroup({originIds: ['app', 'other'], failoverCriteria: {statusCodes: [503]}});
      return event.request
    }"""
    gateway = Gateway.from_dict(
        site(tmp_path, {"edge_functions": {"viewer-request": "group"}}, group=code)
    )
    async with gateway.client("site") as client:
        response = await client.get("/?status=503")
    assert response.text == "GET http://other.example:8080/?status=503"


@pytest.mark.usefixtures("origins")
async def test_an_origin_that_is_none_is_refused(tmp_path: Path) -> None:
    code = "function handler(e) { require('cloudfront').selectRequestOriginById('x'); return e.request }"
    gateway = Gateway.from_dict(
        site(tmp_path, {"edge_functions": {"viewer-request": "lead"}}, lead=code)
    )
    async with gateway.client("site") as client:
        response = await client.get("/")
    assert response.status_code == 502
    assert response.headers["x-cache"] == "FunctionValidationError from cloudfront"
    assert "returned an invalid value for origin rewrite." in response.text


@pytest.mark.usefixtures("origins")
async def test_a_key_value_store_of_the_configuration(tmp_path: Path) -> None:
    code = """async function handler(event) {
      const store = require('cloudfront').kvs();
      event.request.uri = await store.get('path');
      return event.request;
    }"""
    (tmp_path / "flags.json").write_text(json.dumps({"data": [{"key": "path", "value": "/flag"}]}))
    given = site(tmp_path, {"edge_functions": {"viewer-request": "ab"}}, ab=code)
    given["edge_functions"]["ab"]["key_value_store"] = "flags"
    given["key_value_stores"] = {"flags": {"source": str(tmp_path / "flags.json")}}
    gateway = Gateway.from_dict(given)
    async with gateway.client("site") as client:
        assert (await client.get("/")).text == "GET http://app.example/flag"


@pytest.mark.usefixtures("origins")
async def test_a_cached_answer_is_stamped_anew(tmp_path: Path) -> None:
    behavior = {**BOTH, "cache_policy": "CachingOptimized"}
    gateway = Gateway.from_dict(site(tmp_path, behavior, rewrite=REWRITE, stamp=STAMP))
    async with gateway.client("site") as client:
        first, second = await client.get("/a/"), await client.get("/a/")
    assert first.headers["x-cache"] == "Miss from cloudfront"
    assert second.headers["x-cache"] == "Hit from cloudfront"
    assert second.headers["x-stamp"] == "/a/index.html"


@pytest.mark.usefixtures("origins")
async def test_python_callables_in_the_place_of_code(tmp_path: Path) -> None:
    def rewrite(event: Any) -> Any:
        event["request"]["uri"] = "/python"
        return event["request"]

    async def stamp(event: Any) -> Any:
        event["response"]["statusCode"] = 299
        return event["response"]

    given = site(tmp_path, BOTH, rewrite=REWRITE, stamp=STAMP)
    gateway = Gateway.from_dict(given, functions={"rewrite": rewrite, "stamp": stamp})
    async with gateway.client("site") as client:
        response = await client.get("/")
    assert (response.status_code, response.text) == (299, "GET http://app.example/python")
    with pytest.raises(UsageError, match="there is no function 'nobody'"):
        Gateway.from_dict(given, functions={"nobody": rewrite})


@pytest.mark.usefixtures("origins")
async def test_changed_code_takes_over_and_broken_code_does_not(tmp_path: Path) -> None:
    gateway = Gateway.from_dict(site(tmp_path, BOTH, rewrite=REWRITE, stamp=STAMP))
    owner, file = "edge function rewrite", tmp_path / "rewrite.js"
    assert (owner, str(file)) in gateway.config.code
    async with gateway.client("site") as client:
        file.write_text(REWRITE.replace("'yes'", "'anew'"))
        await gateway.reload_code({owner})
        assert (await client.get("/")).headers["x-seen"] == "anew"
        file.write_text("function handler( {")
        await gateway.reload_code({owner})
        response = await client.get("/")
        assert response.headers["x-seen"] == "anew"
        assert "SyntaxError" in gateway.stale[owner]
        assert gateway.exchange(response).stale
        file.write_text(REWRITE)
        await gateway.reload_code({owner})
        assert (await client.get("/")).headers["x-seen"] == "yes"
        assert gateway.stale == {}


@pytest.mark.usefixtures("origins")
async def test_a_changed_configuration_takes_over(tmp_path: Path) -> None:
    from edgegw.config.resolve import load_dict

    given = site(tmp_path, BOTH, rewrite=REWRITE, stamp=STAMP)
    gateway = Gateway.from_dict(given)
    async with gateway.client("site") as client:
        assert "x-stamp" in (await client.get("/")).headers
        del given["distributions"]["site"]["default_behavior"]["edge_functions"]["viewer-response"]
        await gateway.reload(load_dict(given))
        assert "x-stamp" not in (await client.get("/")).headers


@pytest.mark.usefixtures("origins")
async def test_a_changed_configuration_brings_no_broken_code(tmp_path: Path) -> None:
    from edgegw.config.resolve import load_dict

    given = site(tmp_path, BOTH, rewrite=REWRITE, stamp=STAMP)
    gateway = Gateway.from_dict(given)
    owner, file = "edge function rewrite", tmp_path / "rewrite.js"
    async with gateway.client("site") as client:
        file.write_text("function handler( {")
        for comment in ("once", "again"):
            given["edge_functions"]["rewrite"]["comment"] = comment
            await gateway.reload(load_dict(given))
            assert (await client.get("/")).headers["x-seen"] == "yes"
            assert "SyntaxError" in gateway.stale[owner]
            assert gateway.config.edge_functions["rewrite"].comment == comment
        file.write_text(REWRITE.replace("'yes'", "'anew'"))
        await gateway.reload(load_dict(given))
        assert (await client.get("/")).headers["x-seen"] == "anew"
        assert gateway.stale == {}


@pytest.mark.usefixtures("origins")
async def test_many_requests_at_once(tmp_path: Path) -> None:
    gateway = Gateway.from_dict(site(tmp_path, BOTH, rewrite=REWRITE, stamp=STAMP))
    async with gateway.client("site") as client:
        responses = await asyncio.gather(*(client.get(f"/{at}/") for at in range(20)))
        told = [(str(gateway.exchange(each)), dict(each.headers)) for each in responses]
    stamps = [each.headers.get("x-stamp") for each in responses]
    assert stamps == [f"/{at}/index.html" for at in range(20)], told


def test_lambda_at_edge_beside_a_cloudfront_function_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "hook.py").write_text("def handler(event, context): ...")
    behavior = {**BOTH, "lambda_functions": {"viewer-request": "hook"}}
    given = site(tmp_path, behavior, rewrite=REWRITE, stamp=STAMP)
    given["functions"] = {
        "hook": {"runtime": "python3.13", "code": str(tmp_path), "handler": "hook.handler"}
    }
    with pytest.raises(ConfigError) as caught:
        Gateway.from_dict(given)
    codes = [finding.code for finding in caught.value.findings]
    assert codes == ["lambda-edge.two-functions", "lambda-edge.mixed-functions"]
