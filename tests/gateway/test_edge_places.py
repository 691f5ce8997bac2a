"""When CloudFront Functions run and when not, and what else happens to their answers."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from edgegw import Gateway
from edgegw.config.resolve import load_dict
from edgegw.errors import ConfigError

REQUEST = """import cf from 'cloudfront';
function handler(event) {
  const request = event.request;
  cf.logCustomData('a b');
  cf.logCustomData('ü'.repeat(300));
  if (request.uri === '/made') return { statusCode: 200, body: 'made', headers: {} };
  if (request.uri === '/made404') return { statusCode: 404, body: 'made' };
  if (request.uri === '/throw') throw new Error('no');
  if (request.uri === '/log') console.log('here');
  return request;
}"""
RESPONSE = """import cf from 'cloudfront';
function handler(event) {
  const response = event.response;
  cf.logCustomData('late');
  if (event.request.uri === '/body')
    response.body = { encoding: 'base64', data: 'aGk=' };
  if (event.request.uri === '/empty') response.body = '';
  if (event.request.uri === '/length') response.headers['content-length'] = { value: '1' };
  if (event.request.uri === '/place') response.statusDescription = Object.keys(cf.edgeLocation).join('') + '.';
  response.headers['x-stamp'] = { value: '1' };
  return response;
}"""
STAMPED = "viewer-response"


def config(folder: Path, behavior: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    (folder / "request.js").write_text(REQUEST)
    (folder / "response.js").write_text(RESPONSE)
    return {
        "edge_functions": {
            name: {"code": str(folder / f"{name}.js")} for name in ("request", "response")
        },
        "response_headers_policies": {
            "own": {"custom_headers": [{"header": "X-Policy", "value": "1", "override": True}]}
        },
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {
                    "app": {"url": "http://app.example"},
                    "spare": {"url": "http://spare.example"},
                },
                "origin_groups": {
                    "both": {"members": ["app", "spare"], "failover_status_codes": [503]}
                },
                "default_behavior": {
                    "origin": "app",
                    "edge_functions": {"viewer-request": "request", "viewer-response": "response"},
                    **(behavior or {}),
                },
                **more,
            }
        },
    }


def origin(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/down" and request.url.host == "app.example":
        return httpx.Response(503)
    status = 404 if request.url.path == "/gone" else 200
    return httpx.Response(status, text=request.url.host, headers={"cache-control": "max-age=60"})


@pytest.fixture(autouse=True)
def origins() -> Any:
    with respx.mock(assert_all_called=False) as mock:
        mock.route().mock(side_effect=origin)
        yield mock


def ran(gateway: Gateway, response: httpx.Response) -> list[str]:
    return [run.trigger for run in gateway.exchange(response).edge_runs]


async def test_a_function_is_not_run_again_for_the_second_origin(tmp_path: Path) -> None:
    gateway = Gateway.from_dict(config(tmp_path, {"origin": "both"}))
    async with gateway.client("site") as client:
        response = await client.get("/down")
    assert response.text == "spare.example"
    assert ran(gateway, response) == ["viewer-request", "viewer-response"]


async def test_a_custom_error_page_skips_viewer_response_even_with_200(tmp_path: Path) -> None:
    page = {"error_code": 404, "response_page_path": "/page", "response_code": 200}
    gateway = Gateway.from_dict(config(tmp_path, custom_error_responses=[page]))
    async with gateway.client("site") as client:
        response = await client.get("/gone")
        assert (response.status_code, response.text) == (200, "app.example")
        assert "x-stamp" not in response.headers
        made = await client.get("/made404")
        assert (made.status_code, made.text) == (404, "made")  # no error page for what it answers


async def test_the_redirect_to_https_comes_before_and_hits_run_both(tmp_path: Path) -> None:
    behavior = {"viewer_protocol_policy": "redirect-to-https"}
    gateway = Gateway.from_dict(config(tmp_path, behavior))
    async with gateway.client("site", base_url="http://site.test") as client:
        response = await client.get("/made")
        assert response.status_code in (301, 307)
        assert ran(gateway, response) == []
    gateway = Gateway.from_dict(config(tmp_path))
    async with gateway.client("site") as client:
        await client.get("/a")
        response = await client.get("/a")
        assert response.headers["x-cache"] == "Hit from cloudfront"
        assert ran(gateway, response) == ["viewer-request", "viewer-response"]


async def test_a_generated_response(tmp_path: Path) -> None:
    behavior = {"response_headers_policy": "own"}
    gateway = Gateway.from_dict(config(tmp_path, behavior))
    async with gateway.client("site") as client:
        first, second = await client.get("/made"), await client.get("/made")
        failed = await client.get("/throw")
    for response in (first, second):  # neither stored nor shown to viewer-response
        assert response.text == "made"
        assert ran(gateway, response) == ["viewer-request"]
        assert response.headers["x-cache"] == "FunctionGeneratedResponse from cloudfront"
        assert response.headers["server"] == "CloudFront"
        assert response.headers["content-length"] == "4"
        assert response.headers["x-policy"] == "1"
        assert {"date", "via", "x-amz-cf-pop", "x-amz-cf-id"} <= response.headers.keys()
    assert failed.status_code == 503
    assert failed.headers["x-policy"] == "1"
    assert failed.headers["content-type"].startswith("text/html")
    text = "The CloudFront function associated with the CloudFront distribution is invalid or"
    assert text in failed.text


async def test_what_viewer_response_may_do_to_the_body(tmp_path: Path) -> None:
    gateway = Gateway.from_dict(config(tmp_path))
    async with gateway.client("site") as client:
        answers = {
            path: await client.get(path) for path in ("/body", "/empty", "/length", "/place")
        }
    assert answers["/body"].text == "hi"
    assert answers["/body"].headers["content-length"] == "2"
    assert answers["/empty"].content == b""
    # content-length may be written, unlike at Lambda@Edge; what is sent is the body's
    assert answers["/length"].status_code == 200
    assert answers["/length"].headers["content-length"] == str(len("app.example"))
    assert answers["/place"].reason_phrase == "."


async def test_custom_data_in_the_access_log(tmp_path: Path) -> None:
    fields = ["x-edge-result-type", "viewer-request-log-data", "viewer-response-log-data"]
    log = {"file": str(tmp_path / "access.log"), "fields": fields}
    gateway = Gateway.from_dict(config(tmp_path, access_log=log))
    async with gateway.client("site") as client:
        for path in ("/a", "/made", "/throw"):
            await client.get(path)
    text = (tmp_path / "access.log").read_text()
    lines = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    # 800 bytes once encoded, the last call's, no letter cut in two
    last = "%C3%BC" * 133
    assert len(last) == 798
    assert lines == [
        ["Miss", last, "late"],
        ["FunctionGeneratedResponse", last, "-"],
        ["FunctionExecutionError", "-", "-"],
    ]


async def test_the_log_of_a_function(tmp_path: Path) -> None:
    gateway = Gateway.from_dict(config(tmp_path), clock=lambda: 1_793_000_000.0)
    async with gateway.client("site") as client:
        await client.get("/a")
        await client.get("/log")
        entries = gateway.service.logs.group("/aws/cloudfront/function/request").after(0)
    assert len(entries) == 3  # of the one that printed alone
    assert len({entry.stream for entry in entries}) == 1
    date, _, identity = entries[0].stream.rpartition("/")
    assert re.fullmatch(r"\d{4}/\d{1,2}/\d{1,2}", date)
    assert str(uuid.UUID(identity)) == identity


@pytest.mark.parametrize(
    ("functions", "distributions", "quotas"),
    [(98, 100, []), (99, 1, ["edge-function.quota"]), (0, 101, ["edge-function.quota"] * 2)],
)
def test_quotas_of_an_account_are_pointed_out(
    tmp_path: Path, functions: int, distributions: int, quotas: list[str]
) -> None:
    given = config(tmp_path)
    for number in range(functions):
        given["edge_functions"][f"f{number}"] = given["edge_functions"]["request"]
    site = given["distributions"]["site"]
    given["distributions"] = {
        f"s{number}": {**site, "aliases": [f"s{number}.test"]} for number in range(distributions)
    }
    found = [finding.code for finding in load_dict(given).warnings if "quota" in finding.code]
    assert found == quotas


def test_triggers_of_origins_are_none_of_cloudfront_functions(tmp_path: Path) -> None:
    given = config(tmp_path, {"edge_functions": {"origin-request": "request"}})
    with pytest.raises(ConfigError, match="origin-request"):
        load_dict(given)
