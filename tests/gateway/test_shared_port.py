"""Several distributions on one port: the Host picks, as it does on AWS."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgegw import ConfigError, Gateway
from edgegw.config.resolve import load_dict
from edgegw.errors import UsageError
from edgegw.gateway.explaining import explained
from edgegw.gateway.reached_door import DescribedRequest
from tests.conftest import AUTHORITY, FUNCTIONS, PYTHON, need
from tests.gateway.test_reload import serving as reloading
from tests.gateway.test_tls import http3, served_names

OWN = "d111.cloudfront.net"


def config(listen: Any, **more: Any) -> dict[str, Any]:
    """Three distributions at `listen`, each with a hook that answers its name; `more` for them."""

    def distribution(hook: str, *aliases: str, **rest: Any) -> dict[str, Any]:
        behavior = {
            "origin": "app",
            "cache_policy": "CachingDisabled",
            "lambda_functions": {"viewer-request": hook},
        }
        return {
            "listen": listen,
            "aliases": list(aliases),
            "origins": {"app": {"url": "http://127.0.0.1:9"}},
            "default_behavior": behavior,
            **more,
            **rest,
        }

    return {
        "functions": {
            name: {"runtime": "python3.11", "code": str(FUNCTIONS), "handler": "behaves.handler"}
            for name in ("site", "shop", "deep")
        },
        "distributions": {
            "site": distribution("site", "www.site.test", domain_name=OWN),
            "shop": distribution("shop", "*.shop.test", "Shop.Test"),
            "deep": distribution("deep", "*.deep.shop.test"),
        },
        "gateway": {"accept_any_host": False},
    }


def hooks() -> dict[str, Any]:
    """Hooks that answer 200 with the name of their distribution."""

    def hook(name: str) -> Any:
        def handler(event: Any, context: Any) -> dict[str, str]:
            return {"status": "200", "body": name}

        return handler

    return {name: hook(name) for name in ("site", "shop", "deep")}


def head(host: str, target: str = "/") -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()


PICKED = [
    ("www.site.test", "site"),
    (OWN, "site"),
    ("WWW.SITE.TEST:8081", "site"),
    ("shop.test", "shop"),
    ("a.shop.test", "shop"),
    ("a.b.shop.test:80", "shop"),
    ("deep.shop.test", "shop"),  # the apex is not below itself
    ("a.deep.shop.test", "deep"),  # the most specific wildcard wins
    ("localhost", "site"),  # the first one's
    ("127.0.0.1:8081", "site"),
    ("[::1]", "site"),
    ("other.localhost", "site"),
    ("site.localhost", "site"),
    ("shop.localhost:8081", "shop"),
    ("DEEP.localhost", "deep"),
]


class TestTheHostPicks:
    @pytest.mark.parametrize(("host", "name"), PICKED)
    async def test_over_http1(self, serving: Any, free_port: Any, host: str, name: str) -> None:
        async with serving(config(free_port()), functions=hooks()) as front:
            answer = await front.raw("site", head(host))
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert answer.endswith(name.encode())
            assert [exchange.front_door for exchange in front.gateway.exchanges] == [name]

    async def test_each_request_of_a_connection_for_itself(
        self, serving: Any, free_port: Any
    ) -> None:
        async with serving(config(free_port()), functions=hooks()) as front:
            kept = b"".join(
                head(host).replace(b"Connection: close\r\n", b"")
                for host in ("shop.test", "www.site.test", "shop.test")
            )
            answer = await front.raw("site", kept + head("localhost"))
            bodies = [part[:4] for part in answer.split(b"\r\n\r\n")[1:]]
            assert bodies == [b"shop", b"site", b"shop", b"site"]

    async def test_an_absolute_target_names_it(self, serving: Any, free_port: Any) -> None:
        async with serving(config(free_port()), functions=hooks()) as front:
            answer = await front.raw("site", head("shop.test", "http://shop.test/"))
            assert answer.endswith(b"shop")
            mixed = await front.raw("site", head("shop.test", "http://www.site.test/"))
            assert mixed.startswith(b"HTTP/1.1 403 ")

    @pytest.mark.parametrize("host", ["unknown.test", "site.test", "d222.cloudfront.net", ""])
    async def test_nobodys_name_gets_403(self, serving: Any, free_port: Any, host: str) -> None:
        async with serving(config(free_port()), functions=hooks()) as front:
            answer = await front.raw("site", head(host))
            assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\nServer: CloudFront\r\n")

    async def test_with_any_host_let_in_the_first_takes_it(
        self, serving: Any, free_port: Any
    ) -> None:
        described = config(free_port())
        described["gateway"]["accept_any_host"] = True
        async with serving(described, functions=hooks()) as front:
            assert (await front.raw("site", head("unknown.test"))).endswith(b"site")
            assert (await front.raw("site", head("shop.test"))).endswith(b"shop")

    async def test_what_is_no_request_gets_a_page(self, serving: Any, free_port: Any) -> None:
        async with serving(config(free_port()), functions=hooks()) as front:
            answer = await front.raw("site", b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\nServer: CloudFront\r\n")

    async def test_said_once_and_announced_by_name(
        self, serving: Any, free_port: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        port = free_port()
        with caplog.at_level(logging.INFO):
            async with serving(config(port), functions=hooks()) as front:
                assert front.urls == {
                    "site": f"http://127.0.0.1:{port}",
                    "shop": f"http://shop.localhost:{port}",
                    "deep": f"http://deep.localhost:{port}",
                }
        shared = [text for text in caplog.messages if "is shared by site and shop" in text]
        assert len(shared) == 1
        assert "localhost and addresses reach site, shop.localhost reaches shop" in shared[0]


class TestWithTls:
    @pytest.mark.parametrize("version", ["--http1.1", "--http2"])
    async def test_each_version_and_the_certificate_by_name(
        self, serving: Any, free_port: Any, version: str
    ) -> None:
        curl = need("curl", "TLS is not tested with it")
        port = free_port()
        described = config({"address": "127.0.0.1", "port": port, "tls": True})
        async with serving(described, functions=hooks()):
            for host, name in [
                ("www.site.test", "site"),
                ("a.shop.test", "shop"),
                ("a.deep.shop.test", "deep"),
                ("localhost", "site"),
                ("shop.localhost", "shop"),
            ]:
                words = ["-sS", version, "--cacert", str(AUTHORITY)]
                words += ["--resolve", f"{host}:{port}:127.0.0.1", f"https://{host}:{port}/"]
                process = await asyncio.create_subprocess_exec(curl, *words, stdout=-1, stderr=-2)
                assert (await process.communicate())[0] == name.encode()

    async def test_who_asks_for_an_alias_gets_that_ones_certificate(
        self, serving: Any, free_port: Any
    ) -> None:
        port = free_port()
        described = config({"address": "127.0.0.1", "port": port, "tls": True})
        async with serving(described, functions=hooks()):
            address = ("127.0.0.1", port)
            assert await served_names(address, AUTHORITY, "a.shop.test") == {"*.shop.test"}
            assert await served_names(address, AUTHORITY, "www.site.test") == {"www.site.test"}
            local = await served_names(address, AUTHORITY, "unknown.test")
            assert {"localhost", "shop.localhost", OWN} <= local
            assert await served_names(address, AUTHORITY, OWN) == local

    async def test_each_keeps_its_versions_of_http(self, serving: Any, free_port: Any) -> None:
        port = free_port()
        described = config({"address": "127.0.0.1", "port": port, "tls": True})
        described["distributions"]["shop"]["http_version"] = "http1.1"
        async with serving(described, functions=hooks()):
            context = ssl.create_default_context(cafile=str(AUTHORITY))
            context.check_hostname = False
            context.set_alpn_protocols(["h2", "http/1.1"])
            agreed: list[str | None] = []
            for name in ("www.site.test", "a.shop.test"):
                _, writer = await asyncio.open_connection(
                    "127.0.0.1", port, ssl=context, server_hostname=name
                )
                agreed.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
                writer.close()
            assert agreed == ["h2", "http/1.1"]

    async def test_over_http3(self, serving: Any, free_port: Any) -> None:
        port = free_port()
        described = config({"address": "127.0.0.1", "port": port, "tls": True})
        for distribution in described["distributions"].values():
            distribution["http_version"] = "http2and3"
        async with serving(described, functions=hooks()):
            for host, name in [("www.site.test", "site"), ("x.shop.test", "shop")]:
                async with http3(port, AUTHORITY, host) as client:
                    assert (await client.get("/"))[1] == name.encode()


class TestInProcess:
    async def test_a_client_of_one_reaches_others_by_their_names(self) -> None:
        gateway = Gateway.from_dict(config(8081), functions=hooks())
        async with gateway.client("shop") as client:
            assert (await client.get("/")).text == "shop"  # named, whatever the Host
            assert (await client.get("http://anything.example/")).text == "shop"
            assert (await client.get("http://www.site.test/")).text == "site"
            response = await client.get("/", headers={"Host": "a.deep.shop.test"})
            assert response.text == "deep"
            assert gateway.exchange(response).front_door == "deep"

    def test_a_blocking_one_too(self) -> None:
        gateway = Gateway.from_dict(config(8081), functions=hooks())
        with gateway.sync_client("site") as client:
            assert client.get("http://a.shop.test/").text == "shop"

    async def test_an_application_under_a_server(self) -> None:
        gateway = Gateway.from_dict(config(8081), functions=hooks())
        transport = httpx.ASGITransport(gateway.app("site"))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            assert (await client.get("/")).text == "site"
            assert (await client.get("/", headers={"Host": "shop.test"})).text == "shop"
            assert (await client.get("/", headers={"Host": "unknown.test"})).status_code == 403


class TestReload:
    async def test_names_and_neighbours_change_while_it_runs(
        self, serving: Any, free_port: Any
    ) -> None:
        described = config(free_port())
        async with serving(described, functions=hooks()) as front:
            assert (await front.raw("site", head("new.test"))).startswith(b"HTTP/1.1 403 ")
            described["distributions"]["deep"]["aliases"] = ["new.test"]
            state = {"state": front.gateway.config.state}
            described["gateway"].update(state)
            await front.gateway.reload(load_dict(described, FUNCTIONS))
            assert (await front.raw("site", head("new.test"))).endswith(b"deep")
            assert (await front.raw("site", head("a.deep.shop.test"))).endswith(b"shop")

    @pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
    async def test_one_joins_and_one_leaves(
        self, tmp_path: Path, free_port: Any, address: str
    ) -> None:
        place = f"{address}:{free_port()}"
        described = config(place)
        (tmp_path / "hook.py").write_text(
            "def handler(event, context):\n    return {'status': '200'}\n"
        )
        for function in described["functions"].values():
            function.update(runtime=PYTHON, code=str(tmp_path), handler="hook.handler")
        distributions = described["distributions"]
        shop, _ = distributions.pop("shop"), distributions.pop("deep")
        async with reloading(tmp_path, described) as served:

            async def until(host: str, status: int, name: str) -> None:
                headers = {"Host": host, "Connection": "close"}
                async with asyncio.timeout(30):
                    while True:
                        with contextlib.suppress(httpx.RemoteProtocolError):  # one server ends
                            answer = await served.client.get(f"http://{place}/", headers=headers)
                            if answer.status_code == status:
                                break
                        await asyncio.sleep(0.01)
                assert served.gateway.exchange(answer).front_door == name

            await until("shop.test", 403, "site")
            distributions["shop"] = shop
            served.configure(described)
            await until("shop.test", 200, "shop")
            await until("www.site.test", 200, "site")
            await until("localhost", 200, "shop")  # the first one of the file now
            del distributions["site"]
            served.configure(described)
            await until("www.site.test", 403, "shop")


def codes(described: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_dict(described)
    return [f"{finding.code} {finding.text}" for finding in caught.value.findings]


class TestFindings:
    def test_one_port_is_no_fault(self) -> None:
        assert load_dict(config(8081)).warnings == ()

    def test_a_load_balancer_shares_no_port(self) -> None:
        described = config(8081)
        action = {"fixed_response": {"status_code": 200}}
        balancer = {"listeners": [{"listen": 8081, "default_actions": [action]}]}
        described["load_balancers"] = {"web": balancer}
        (text,) = codes(described)
        assert text.startswith("config.duplicate-listener ")
        assert "127.0.0.1:8081 is taken by distributions" in text

    def test_one_with_tls_and_one_without(self) -> None:
        described = config(8081)
        described["distributions"]["shop"]["listen"] = {"port": 8081, "tls": True}
        texts = codes(described)
        assert "share a port with tls at all of them, or at none" in texts[0]

    @pytest.mark.parametrize("alias", ["www.site.test", "WWW.Site.Test", "www.site.test.", OWN])
    @pytest.mark.parametrize("port", [8081, 8082])
    def test_a_name_belongs_to_one(self, alias: str, port: int) -> None:
        described = config(8081)
        described["distributions"]["shop"].update(aliases=[alias], listen=port)
        (text,) = codes(described)
        assert text.startswith("cloudfront.alias-taken ")
        assert f"{alias!r} is a name of the distribution 'site'" in text

    def test_a_wildcard_beside_a_name_below_it_is_none(self) -> None:
        assert load_dict(config(8081)).warnings == ()


class TestExplain:
    @pytest.mark.parametrize(
        ("url", "host", "name"),
        [
            ("http://a.shop.test:8081/", "", "shop"),
            ("http://localhost:8081/", "", "site"),
            ("http://deep.localhost:8081/", "", "deep"),
            ("http://localhost:8081/", "shop.test", "shop"),
        ],
    )
    def test_the_same_one(self, url: str, host: str, name: str) -> None:
        headers = [("Host", host)] if host else []
        explanation = explained(load_dict(config(8081)), DescribedRequest(url, headers=headers))
        assert explanation["distribution"] == name

    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize("is_free", [False, True])
    def test_the_place_to_listen_that_the_url_names(self, scheme: str, is_free: bool) -> None:
        listen = [0, {"port": 0, "tls": True}] if is_free else [8083, {"port": 8084, "tls": True}]
        given = config(8081)
        given["distributions"] = {"both": {**given["distributions"]["site"], "listen": listen}}
        given["distributions"]["both"]["default_behavior"] = {
            **given["distributions"]["both"]["default_behavior"],
            "viewer_protocol_policy": "redirect-to-https",
        }
        port = 8083 if scheme == "http" else 8084
        served = {8083: "distribution both", 8084: "distribution both"}
        asked = DescribedRequest(f"{scheme}://localhost:{port}/")
        explanation = explained(load_dict(given), asked, ports=served)
        assert (explanation["refusal"] is None) == (scheme == "https")

    def test_another_port(self) -> None:
        with pytest.raises(UsageError):
            explained(load_dict(config(8081)), DescribedRequest("http://shop.test:8099/"))
