"""Origins and targets by addresses of IPv6: how they are reached, and written down.

Where one address of this machine refuses and the other answers, the failure says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from edgegw.alb.model import HealthCheck, IpTargetGroup, Target
from edgegw.alb.target_connection import probe_request
from edgegw.cloudfront.origin_rules import check_origin
from edgegw.cloudfront.strictness import DEFAULT_STRICTNESS
from edgegw.cloudfront.validator import Validator
from edgegw.config.resolve import load_dict
from edgegw.errors import ConfigError
from edgegw.gateway.fronts import front_at
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.origins.http1_client import Http1Client
from edgegw.gateway.origins.http2_client import Http2Client
from edgegw.gateway.origins.transport import SendError
from edgegw.http.authority import authority_of, bracketed
from tests.conftest import FUNCTIONS, read_head
from tests.gateway.origins.sending import OK, outgoing

GET = b"GET /x HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n"


@pytest.fixture(autouse=True)
def has_ipv6() -> None:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no ::1")


@contextlib.asynccontextmanager
async def listening(address: str = "::1", heads: list[bytes] | None = None) -> AsyncIterator[int]:
    """The port of an origin on `address` alone."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await read_head(reader):
            if heads is not None:
                heads.append(head)
            writer.write(OK)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, address, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def config(host: str, port: int, **behavior: Any) -> dict[str, Any]:
    return {
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"app": {"url": f"http://{host}:{port}"}},
                "default_behavior": {
                    "origin": "app",
                    "cache_policy": "CachingDisabled",
                    **behavior,
                },
            }
        },
        "target_groups": {"t": {"targets": [f"{host}:{port}"], "health_check": {"enabled": False}}},
        "load_balancers": {
            "web": {"listeners": [{"listen": 0, "default_actions": [{"forward": "t"}]}]}
        },
    }


@pytest.mark.parametrize("door", ["site", "web"])
async def test_an_address_of_ipv6_is_reached(serving: Any, door: str) -> None:
    heads: list[bytes] = []
    async with listening(heads=heads) as port, serving(config("[::1]", port)) as front:
        assert (await front.raw(door, GET)).startswith(b"HTTP/1.1 200 ")
    host = b"[::1]" if door == "site" else b"h.test"
    assert b"\r\nhost: " + host in heads[0].lower()


async def test_in_process_too() -> None:
    heads: list[bytes] = []
    async with listening(heads=heads) as port:
        made = load_dict(config("[::1]", port), FUNCTIONS)
        async with Gateway(made) as gateway, gateway.client("site") as client:
            assert (await client.get("/x")).status_code == 200
    assert b"\r\nHost: [::1]\r\n" in heads[0]


async def test_the_host_that_a_function_took_away_comes_back_in_brackets(serving: Any) -> None:
    def hook(event: Any, context: Any) -> Any:
        request = event["Records"][0]["cf"]["request"]
        del request["headers"]["host"]
        request["origin"]["custom"]["path"] = "/changed"
        return request

    heads: list[bytes] = []
    async with listening(heads=heads) as port:
        given = config("[::1]", port, lambda_functions={"origin-request": "hook"})
        given["functions"] = {
            "hook": {"runtime": "python3.11", "code": ".", "handler": "hooks.pass_request"}
        }
        async with serving(given, functions={"hook": hook}) as front:
            assert (await front.raw("site", GET)).startswith(b"HTTP/1.1 200 ")
    assert heads[0].startswith(b"GET /changed/x ")
    assert b"\r\nHost: [::1]\r\n" in heads[0]


@pytest.mark.parametrize("door", ["site", "web"])
async def test_a_failure_names_the_address_in_brackets(
    serving: Any, free_port: Any, door: str
) -> None:
    port = free_port()
    async with serving(config("[::1]", port)) as front:
        await front.raw(door, GET)
        [exchange] = front.gateway.exchanges
        assert f"http://[::1]:{port} refused the connection" in str(exchange.reason)
        configured = front.gateway.door(door)
        [(_, way)] = front_at(front.gateway, configured).ways(configured, {})
    assert f"[::1]:{port}" in way


# The other address of this machine


@pytest.mark.parametrize(
    ("listens", "asked", "hint"),
    [
        ("::1", "127.0.0.1", "[::1]:{port} answers, so write localhost:{port}"),
        ("::1", "127.0.0.2", "[::1]:{port} answers, so write localhost:{port}"),
        ("127.0.0.1", "::1", "127.0.0.1:{port} answers, so write localhost:{port}"),
    ],
)
@pytest.mark.parametrize("version", [1, 2])
async def test_where_the_other_address_answers_the_failure_says_so(
    listens: str, asked: str, hint: str, version: int
) -> None:
    client = Http1Client() if version == 1 else Http2Client()
    async with listening(listens) as port:
        with pytest.raises(SendError) as caught:
            await client.send(outgoing(f"http://{authority_of(asked, port)}"))
    assert caught.value.kind == "refused"
    assert not caught.value.was_connected
    assert str(caught.value).endswith(hint.format(port=port))
    await client.close()


async def test_where_neither_answers_it_says_nothing_more(free_port: Any) -> None:
    client = Http1Client()
    with pytest.raises(SendError) as caught:
        await client.send(outgoing(f"http://127.0.0.1:{free_port()}"))
    assert "answers" not in str(caught.value)


@pytest.mark.parametrize("door", ["site", "web"])
async def test_the_reason_of_a_502_says_so(serving: Any, door: str) -> None:
    async with listening() as port, serving(config("127.0.0.1", port)) as front:
        assert (await front.raw(door, GET)).startswith(b"HTTP/1.1 502 ")
        [exchange] = front.gateway.exchanges
    assert f"[::1]:{port} answers, so write localhost:{port}" in str(exchange.reason)


# As text


def test_hosts_are_written_with_brackets() -> None:
    assert (bracketed("::1"), bracketed("h"), bracketed("127.0.0.1")) == ("[::1]", "h", "127.0.0.1")
    assert (authority_of("::1", 80), authority_of("h", 1)) == ("[::1]:80", "h:1")


@pytest.mark.parametrize(("port", "host"), [(80, b"[::1]"), (81, b"[::1]:81")])
def test_health_checks_name_the_target_in_brackets(port: int, host: bytes) -> None:
    target = Target("::1", port)
    group = IpTargetGroup("g", "arn", (target,), health_check=HealthCheck())
    assert probe_request(group, target).headers.get(b"host") == host


@pytest.mark.parametrize("url", ["http://[::1", "http://::1:3000", "http://h:99999", "http://[]:1"])
def test_an_url_that_is_none_is_a_finding(url: str) -> None:
    given = config("h", 1)
    given["distributions"]["site"]["origins"]["app"]["url"] = url
    with pytest.raises(ConfigError, match=r"cloudfront\.origin"):
        load_dict(given, FUNCTIONS)


@pytest.mark.parametrize(("domain", "is_refused"), [("::1", False), ("::2", True), ("h:1", True)])
def test_a_function_may_keep_the_address_of_its_origin(domain: str, *, is_refused: bool) -> None:
    """As AWS takes the configured name for what it is; another address is none."""
    validator = Validator("origin-request", DEFAULT_STRICTNESS)
    check_origin(validator, {"custom": {"domainName": domain}}, "::1")
    refused = [each.path for each in validator.violations if each.is_refused]
    assert refused == (["origin.custom.domainName"] if is_refused else [])
