"""Signed URLs through a distribution, made by `edgegw sign`; countries; protocols of origins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from edgegw import Gateway
from edgegw.cli.main import main
from edgegw.config.resolve import load_dict
from edgegw.errors import ConfigError

URL = "http://localhost:8081/film.txt"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def folder(tmp_path: Path, key: rsa.RSAPrivateKey) -> Path:
    """A key pair, and a folder with an object."""
    (tmp_path / "private.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    (tmp_path / "public.pem").write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "film.txt").write_text("film")
    (tmp_path / "public" / "sorry.html").write_text("sorry")
    (tmp_path / "hook.py").write_text("")
    return tmp_path


def config(**more: Any) -> dict[str, Any]:
    behavior: dict[str, Any] = {
        "origin": "films",
        "cache_policy": "CachingDisabled",
        "origin_request_policy": "AllViewerExceptHostHeader",
        "trusted_key_groups": ["viewers"],
        "lambda_functions": {"viewer-request": "hook"},
    }
    site = {
        "listen": 8081,
        "origins": {"films": {"s3": "public"}},
        "default_behavior": behavior,
        **more,
    }
    return {
        "functions": {
            "hook": {"runtime": "python3.11", "code": "hook.py", "handler": "hook.handler"}
        },
        "key_groups": {"viewers": [{"id": "K1", "public_key": "public.pem"}]},
        "distributions": {"site": site},
    }


def sign(folder: Path, *words: str) -> str:
    options = ["--key-pair-id", "K1", "--key", str(folder / "private.pem")]
    result = CliRunner().invoke(main, ["sign", URL, *options, *words])
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


async def test_functions_see_nothing_of_the_signature(folder: Path) -> None:
    seen: list[dict[str, Any]] = []

    def hook(event: Any, _: Any) -> Any:
        seen.append(event["Records"][0]["cf"]["request"])
        return seen[-1]

    running = Gateway.from_dict(config(), base=folder, functions={"hook": hook})
    async with running.client("site") as client:
        assert (await client.get(sign(folder))).text == "film"
        by_cookie = await client.get(URL, headers={"Cookie": f"a=1; {sign(folder, '--cookie')}"})
        assert by_cookie.text == "film"
    assert [request["querystring"] for request in seen] == ["", ""]
    assert seen[1]["headers"]["cookie"][0]["value"] == "a=1"


async def test_an_unsigned_request_gets_xml_before_any_function(folder: Path) -> None:
    def hook(event: Any, _: Any) -> Any:
        raise AssertionError

    running = Gateway.from_dict(config(), base=folder, functions={"hook": hook})
    async with running.client("site") as client:
        response = await client.get(URL)
        late = await client.get(sign(folder, "--expires", "1"))
        exchange = running.exchange(late)
    assert response.status_code == 403
    assert response.headers["content-type"] == "text/xml"
    assert response.headers["server"] == "CloudFront"
    assert response.headers["x-cache"] == "Error from cloudfront"
    assert response.text == (
        '<?xml version="1.0" encoding="UTF-8"?><Error><Code>MissingKey</Code>'
        "<Message>Missing Key-Pair-Id query parameter or cookie value</Message></Error>"
    )
    assert "<Code>AccessDenied</Code><Message>Access denied</Message>" in late.text
    assert "it expired at 1" in str(exchange.reason)


async def test_a_custom_error_page_stands_for_it(folder: Path) -> None:
    page = {"error_code": 403, "response_page_path": "/sorry.html", "response_code": 403}
    running = Gateway.from_dict(config(custom_error_responses=[page]), base=folder)
    async with running.client("site") as client:
        assert (await client.get(URL)).text == "sorry"


async def test_neither_key_nor_origin_has_the_signature(folder: Path) -> None:
    """Whoever signs, and whenever: one object, asked for once, without a word of it."""
    asked: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, headers={"Cache-Control": "max-age=60"})

    given = config(origins={"films": {"url": "http://films.test"}})
    behavior = given["distributions"]["site"]["default_behavior"]
    behavior.update(cache_policy="all", lambda_functions={})
    del behavior["origin_request_policy"]
    everything = {"query_strings": {"behavior": "all"}, "cookies": {"behavior": "all"}}
    given["cache_policies"] = {"all": everything}
    mock = httpx.MockTransport(reply)
    running = Gateway(load_dict(given, folder), transport=lambda _: mock)
    async with running.client("site") as client:
        verdicts = [
            (await client.get(url, headers=headers)).headers["x-cache"]
            for url, headers in [
                (sign(folder), {}),
                (sign(folder, "--expires", "3h"), {}),
                (sign(folder, "--ip", "127.0.0.1"), {}),
                (URL, {"Cookie": sign(folder, "--cookie")}),
            ]
        ]
    assert verdicts == ["Miss from cloudfront", *["Hit from cloudfront"] * 3]
    (request,) = asked
    assert request.url.query == b""
    assert "cookie" not in request.headers


async def test_a_preflight_brings_no_cookies_and_is_refused(folder: Path) -> None:
    given = config()
    given["distributions"]["site"]["default_behavior"]["allowed_methods"] = [
        *("GET", "HEAD", "OPTIONS"),
    ]
    running = Gateway.from_dict(given, base=folder, functions={"hook": lambda event, _: event})
    async with running.client("site") as client:
        headers = {"Origin": "https://a.test", "Access-Control-Request-Method": "GET"}
        response = await client.options(URL, headers=headers)
    assert (response.status_code, "<Code>MissingKey</Code>" in response.text) == (403, True)


@pytest.mark.parametrize(
    ("country", "signs", "status", "detail"),
    [("DE", True, "403", "ClientGeoBlocked"), ("US", False, "403", "Error")],
)
async def test_the_log_says_what_kept_a_viewer_out(
    folder: Path, country: str, signs: bool, status: str, detail: str
) -> None:
    log = {"file": "a.log", "fields": ["sc-status", "x-edge-detailed-result-type"]}
    blocked = {"type": "blacklist", "locations": ["DE"]}
    given = config(geo_restriction=blocked, access_log=log)
    running = Gateway.from_dict(given, base=folder, functions={"hook": lambda event, _: event})
    async with running.client("site") as client:
        url = sign(folder) if signs else URL
        await client.get(url, headers={"X-Edgegw-Viewer": f"country={country}"})
    written = (folder / "a.log").read_text().splitlines()
    assert written[-1] == f"{status}\t{detail}"


async def test_a_page_of_ones_own_stands_for_a_blocked_country(folder: Path) -> None:
    page = {"error_code": 403, "response_page_path": "/sorry.html", "response_code": 200}
    given = config(
        geo_restriction={"type": "whitelist", "locations": ["DE"]}, custom_error_responses=[page]
    )
    running = Gateway.from_dict(given, base=folder, functions={"hook": lambda event, _: event})
    async with running.client("site") as client:
        response = await client.get(URL, headers={"X-Edgegw-Viewer": "country=US"})
    assert (response.status_code, response.text) == (200, "sorry")
    assert response.headers["x-cache"] == "Error from cloudfront"


async def test_countries_are_kept_out(folder: Path) -> None:
    given = config(geo_restriction={"type": "blacklist", "locations": ["DE"]})
    del given["distributions"]["site"]["default_behavior"]["trusted_key_groups"]
    hook = {"hook": lambda event, _: event["Records"][0]["cf"]["request"]}
    running = Gateway.from_dict(given, base=folder, functions=hook)
    async with running.client("site") as client:
        assert (await client.get(URL)).text == "film"
        refused = await client.get(URL, headers={"X-Edgegw-Viewer": "country=DE"})
    assert refused.status_code == 403
    assert "is configured to block access from your country." in refused.text


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["/film"], "is no URL with a path"),
        (["http://h"], "is no URL with a path"),
        ([URL, "--expires", "soon"], "is no date"),
        ([URL, "--not-before", "2h", "--expires", "1h"], "the URL would never be valid"),
        ([URL, "--ip", "2001:db8::1"], "is no IPv4 address"),
        ([URL, "--key", "public.pem"], "is no private key"),
        ([URL, "--key", "nowhere.pem"], "cannot be read"),
    ],
)
def test_sign_says_what_is_wrong(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], text: str
) -> None:
    monkeypatch.chdir(folder)
    options = ["--key-pair-id", "K1", "--key", "private.pem"]
    result = CliRunner().invoke(main, ["sign", *options, *words])
    assert result.exit_code == 2
    assert text in result.output


def test_sign_says_when_what_it_signs_is_over_already(folder: Path) -> None:
    options = ["--key-pair-id", "K1", "--key", str(folder / "private.pem")]
    result = CliRunner().invoke(main, ["sign", URL, *options, "--expires", "2020-01-01"])
    assert result.exit_code == 0
    assert "--expires 2020-01-01 is over: CloudFront answers 403" in result.stderr
    assert result.stdout.startswith(URL)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"key_groups": {"viewers": [{"id": "K1", "public_key": "none.pem"}]}}, "cannot be read"),
        (
            {"key_groups": {"viewers": [{"id": "K1", "public_key": "private.pem"}]}},
            "is no public key",
        ),
        ({"key_groups": {}}, "there is no key group 'viewers'"),
        ({"key_groups": {"viewers": []}}, "a list of 1 to 5 entries"),
    ],
)
def test_key_groups_are_checked(folder: Path, change: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        load_dict({**config(), **change}, folder)


@pytest.mark.parametrize(
    ("keys", "scheme", "address"),
    [
        ({}, "http", "http://app.test:3000"),
        ({}, "https", "http://app.test:3000"),
        ({"protocol_policy": "match-viewer"}, "http", "http://app.test:3000"),
        ({"protocol_policy": "match-viewer"}, "https", "https://app.test:443"),
        ({"protocol_policy": "match-viewer", "https_port": 3443}, "https", "https://app.test:3443"),
        ({"protocol_policy": "https-only", "https_port": 3443}, "http", "https://app.test:3443"),
        ({"protocol_policy": "http-only", "http_port": 3080}, "https", "http://app.test:3080"),
    ],
)
async def test_the_protocol_of_an_origin(keys: dict[str, Any], scheme: str, address: str) -> None:
    asked: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200)

    site = {
        "listen": 0,
        "origins": {"app": {"url": "http://app.test:3000", **keys}},
        "default_behavior": {"origin": "app", "cache_policy": "CachingDisabled"},
    }
    mock = httpx.MockTransport(reply)
    running = Gateway(load_dict({"distributions": {"site": site}}), transport=lambda _: mock)
    async with running.client("site", base_url=f"{scheme}://site.test") as client:
        assert (await client.get("/")).status_code == 200
    url = asked[0].url
    assert (
        f"{url.scheme}://{url.host}:{url.port or {'http': 80, 'https': 443}[url.scheme]}" == address
    )
