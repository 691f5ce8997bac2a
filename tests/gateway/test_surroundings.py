"""The world around the hooks: viewers, hosts, variables of this machine, names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import respx

from edgegw import ConfigError, Gateway
from edgegw.config.resolve import load_dict
from edgegw.errors import UsageError
from tests.conftest import PYTHON

HOOK = """
import os, json

def eu(event, context):
    request = event["Records"][0]["cf"]["request"]
    request["origin"]["custom"]["domainName"] = "eu.example.com"
    request["origin"]["custom"]["port"] = 443
    request["origin"]["custom"]["protocol"] = "https"
    request["headers"]["host"] = [{"key": "Host", "value": "eu.example.com"}]
    return request

def shows(event, context):
    wanted = ("AWS_ENDPOINT_URL", "ALL", "OWN", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN")
    cf = event["Records"][0]["cf"]
    found = {name: os.environ.get(name) for name in wanted}
    found |= {"ip": cf["request"]["clientIp"], "domain": cf["config"]["distributionDomainName"]}
    return {"status": "200", "body": json.dumps(found)}
"""


def config(
    trigger: str = "viewer-request", handler: str = "shows", **gateway: Any
) -> dict[str, Any]:
    behavior = {
        "origin": "app",
        "cache_policy": "CachingDisabled",
        "origin_request_policy": "AllViewerAndCloudFrontHeaders-2022-06",
        "lambda_functions": {trigger: "f"},
    }
    function = {
        "runtime": PYTHON,
        "code": "hook.py",
        "handler": f"hook.{handler}",
        "local_environment": {"OWN": "mine", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
    }
    site = {
        "listen": 0,
        "domain_name": "D123.cloudfront.net",
        "origins": {"app": {"url": "http://app.test"}},
        "default_behavior": behavior,
    }
    return {"functions": {"f": function}, "distributions": {"site": site}, "gateway": gateway}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hook.py").write_text(HOOK)
    return tmp_path


def seen(route: respx.Route) -> list[httpx.Headers]:
    """The headers of each request that came to `route`."""
    return [cast("httpx.Request", call.request).headers for call in cast("list[Any]", route.calls)]


async def shown(gateway: Gateway, **headers: str) -> dict[str, Any]:
    async with gateway.client("site") as client:
        response = await client.get(
            "/", headers={name.replace("_", "-"): text for name, text in headers.items()}
        )
    assert response.status_code == 200, gateway.exchange(response).reason
    return json.loads(response.text)


async def test_variables_of_this_machine_reach_hooks_at_the_edge(folder: Path) -> None:
    """Strict mode refuses `environment` at the edge; what exists only here is not part of it."""
    found = await shown(Gateway.from_dict(config(local_environment={"ALL": "of us"}), base=folder))
    assert (found["OWN"], found["ALL"]) == ("mine", "of us")
    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"


async def test_hooks_that_sign_have_credentials_that_are_nobodys(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    found = await shown(Gateway.from_dict(config(), base=folder))
    assert found["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert found["AWS_SESSION_TOKEN"]


async def test_real_credentials_are_passed_on_when_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    found = await shown(Gateway.from_dict(config(pass_aws_credentials=True), base=folder))
    assert found["AWS_ACCESS_KEY_ID"] == "AKIAREAL"
    assert found["AWS_SESSION_TOKEN"] is None


async def test_a_viewer_is_where_the_configuration_says(folder: Path) -> None:
    gateway = Gateway.from_dict(config(viewer={"ip": "203.0.113.7"}), base=folder)
    assert (await shown(gateway))["ip"] == "203.0.113.7"


async def test_a_viewer_is_where_the_request_says(folder: Path) -> None:
    gateway = Gateway.from_dict(config(), base=folder)
    assert (await shown(gateway, X_Edgegw_Viewer="ip=2001:db8::7"))["ip"] == "2001:db8::7"


async def test_events_show_the_name_of_the_distribution(folder: Path) -> None:
    assert (await shown(Gateway.from_dict(config(), base=folder)))[
        "domain"
    ] == "d123.cloudfront.net"


@respx.mock
async def test_a_request_tells_origins_of_its_viewer_and_not_by_whom_they_know(
    folder: Path,
) -> None:
    given = config(viewer={"country": "FR", "city": "Paris"})
    del given["distributions"]["site"]["default_behavior"]["lambda_functions"]
    route = respx.get("http://app.test/").respond(200)
    async with Gateway.from_dict(given, base=folder).client("site") as client:
        await client.get("/")
        await client.get("/", headers={"X-Edgegw-Viewer": "country=DE; latitude=52.5"})
        refused = await client.get("/", headers={"X-Edgegw-Viewer": "planet=Mars"})
    usual, own = seen(route)
    assert usual["cloudfront-viewer-country"] == "FR"
    assert usual["cloudfront-viewer-country-name"] == "France"
    assert usual["cloudfront-viewer-city"] == "Paris"
    assert own["cloudfront-viewer-country"] == "DE"
    assert own["cloudfront-viewer-latitude"] == "52.50000"
    assert "cloudfront-viewer-city" not in own
    assert "x-edgegw-viewer" not in own
    assert refused.status_code == 400


@respx.mock
async def test_a_gateway_is_told_where_its_viewers_are(folder: Path) -> None:
    given = config(viewer={"city": "Tacoma"})
    del given["distributions"]["site"]["default_behavior"]["lambda_functions"]
    route = respx.get("http://app.test/").respond(200)
    gateway = Gateway.from_dict(given, base=folder, viewer={"country": "JP"})
    async with gateway.client("site") as client:
        await client.get("/")
        await gateway.reload(load_dict(given, folder))
        await client.get("/")
    assert [headers["cloudfront-viewer-country"] for headers in seen(route)] == ["JP"] * 2
    with pytest.raises(UsageError, match="contry"):
        Gateway.from_dict(given, base=folder, viewer={"contry": "JP"})


@respx.mock
async def test_a_name_that_a_hook_chooses_leads_here(folder: Path) -> None:
    route = respx.get("http://127.0.0.1:3001/a").respond(200, text="from here")
    given = config("origin-request", "eu", hosts={"*.example.com": "http://127.0.0.1:3001"})
    async with Gateway.from_dict(given, base=folder).client("site") as client:
        response = await client.get("/a")
    assert response.text == "from here"
    assert [headers["host"] for headers in seen(route)] == ["eu.example.com"]


@respx.mock
async def test_names_lead_elsewhere_after_a_reload(folder: Path) -> None:
    respx.get("http://127.0.0.1:3001/a").respond(200, text="first")
    respx.get("http://127.0.0.1:3002/a").respond(200, text="second")
    given = config("origin-request", "eu", hosts={"eu.example.com": "http://127.0.0.1:3001"})
    gateway = Gateway.from_dict(given, base=folder)
    async with gateway.client("site") as client:
        assert (await client.get("/a")).text == "first"
        given["gateway"]["hosts"] = {"eu.example.com": "http://127.0.0.1:3002"}
        await gateway.reload(load_dict(given, folder))
        assert (await client.get("/a")).text == "second"


@pytest.mark.parametrize(
    ("gateway", "code"),
    [
        ({"viewer": {"country": "Germany"}}, "config.viewer"),
        ({"viewer": {"planet": "Mars"}}, "config.unknown-key"),
        ({"hosts": {"a b": "http://127.0.0.1"}}, "config.hosts"),
        ({"hosts": {"*": "http://127.0.0.1"}}, "config.hosts"),
        ({"hosts": {"a.test": "127.0.0.1"}}, "config.hosts"),
        ({"hosts": {"a.test": "http://127.0.0.1:99999"}}, "config.hosts"),
        ({"hosts": {"a.test": "http://127.0.0.1/path"}}, "config.hosts"),
        ({"local_environment": {"_HANDLER": "x"}}, "config.local-variable"),
        ({"local_environment": {"A=B": "x"}}, "config.local-variable"),
    ],
)
def test_what_cannot_be_is_found(folder: Path, gateway: dict[str, Any], code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_dict(config(**gateway), folder)
    assert [finding.code for finding in caught.value.findings] == [code]


def test_two_distributions_with_one_name(folder: Path) -> None:
    given = config()
    given["distributions"]["other"] = given["distributions"]["site"]
    with pytest.raises(ConfigError, match="is the name of the distribution 'site' already"):
        load_dict(given, folder)
