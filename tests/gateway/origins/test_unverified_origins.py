"""`verify: false` of an origin counts for that origin alone, whatever others share with it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trustme

from edgegw.cloudfront.model import CustomOrigin
from edgegw.cloudfront.trigger_result import decode_origin
from edgegw.config.resolve import load_dict
from edgegw.gateway.gateway import Gateway
from tests.conftest import FUNCTIONS, PYTHON, read_head
from tests.gateway.origins.sending import OK


@contextlib.asynccontextmanager
async def self_signed() -> AsyncIterator[int]:
    """The port of an origin whose certificate no system trusts."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while await read_head(reader):
                writer.write(OK)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def site(lax: int, strict: int, **more: Any) -> dict[str, Any]:
    """`/lax/*` leads to an origin with `verify: false`, the rest to one that has none."""
    return {
        "functions": {
            "hook": {"runtime": PYTHON, "code": ".", "handler": "hooks.pass_request"},
        },
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {
                    "lax": {"url": f"https://localhost:{lax}", "verify": False},
                    "strict": {"url": f"https://localhost:{strict}"},
                },
                "default_behavior": {"origin": "strict", "cache_policy": "CachingDisabled"},
                "behaviors": [
                    {
                        "path_pattern": "/lax/*",
                        "origin": "lax",
                        "cache_policy": "CachingDisabled",
                        **more,
                    }
                ],
            }
        },
    }


@pytest.mark.parametrize("in_process", [True, False], ids=["httpx", "sockets"])
@pytest.mark.parametrize("same_port", [True, False], ids=["same address", "other port"])
async def test_another_origin_of_that_host_is_verified(
    serving: Any, in_process: bool, same_port: bool
) -> None:
    """Before and behind a request to the first one, whose connection is kept."""
    async with self_signed() as lax, self_signed() as other:
        config = site(lax, lax if same_port else other)
        statuses: list[int] = []
        if in_process:
            async with (
                Gateway(load_dict(config, FUNCTIONS)) as gateway,
                gateway.client("site") as c,
            ):
                statuses = [(await c.get(path)).status_code for path in ("/", "/lax/", "/")]
        else:
            async with serving(config) as front:
                for path in (b"/", b"/lax/", b"/"):
                    sent = b"GET %b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" % path
                    statuses.append(int((await front.raw("site", sent))[9:12]))
    assert statuses == [502, 200, 502]


async def test_an_origin_that_a_function_chose_is_verified(serving: Any) -> None:
    """Its certificate is none of the configured origin's, though its host is the same."""
    async with self_signed() as lax, self_signed() as other:

        def hook(event: Any, context: Any) -> Any:
            request = event["Records"][0]["cf"]["request"]
            if request["uri"] == "/lax/other":
                request["origin"]["custom"]["port"] = other
            request["origin"]["custom"]["readTimeout"] = 9
            return request

        config = site(lax, lax, lambda_functions={"origin-request": "hook"})
        async with serving(config, functions={"hook": hook}) as front:
            for path, status in ((b"/lax/same", b"200"), (b"/lax/other", b"502")):
                sent = b"GET %b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" % path
                assert (await front.raw("site", sent))[9:12] == status, path


@pytest.mark.parametrize(
    ("changes", "verifies"),
    [({}, False), ({"path": "/x"}, False), ({"port": 81}, True), ({"domainName": "b"}, True)],
)
def test_what_a_function_keeps_of_an_unverified_origin(
    changes: dict[str, Any], verifies: bool
) -> None:
    configured = CustomOrigin("a", 80, "https", verify=False)
    fields = {"domainName": "a", "port": 80, "protocol": "https", **changes}
    origin = decode_origin({"custom": fields}, configured, [])
    assert origin.verify is verifies


def test_each_origin_is_its_own_in_the_configuration() -> None:
    door = load_dict(site(1443, 1443), FUNCTIONS).distributions[0].distribution
    assert (door.behaviors[0].origin.verify, door.default_behavior.origin.verify) == (False, True)
