"""A name that `gateway.hosts` leads to a server with TLS: which name the handshake asks for."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from edgegw.gateway.origins import httpx_transport
from edgegw.gateway.origins.http1_client import Http1Client

NAMES = ("eu.example.com", "us.example.com")


@pytest.mark.parametrize(
    "transport", [lambda unverified: Http1Client(unverified=unverified), httpx_transport]
)
async def test_the_handshake_asks_for_the_chosen_name_and_takes_any_certificate(
    serving: Any, transport: Any, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)  # nobody here trusts this one
    asked: list[str | None] = []

    def note(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        asked.append(name)

    context.sni_callback = note  # pyright: ignore[reportAttributeAccessIssue]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            while (await reader.readline()).strip():
                pass
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    origins = {name[:2]: {"url": f"https://{name}"} for name in NAMES}
    site = {
        "listen": 0,
        "origins": origins,
        "default_behavior": {"origin": "eu", "cache_policy": "CachingDisabled"},
        "behaviors": [
            {"path_pattern": "/us", "origin": "us", "cache_policy": "CachingDisabled"},
        ],
    }
    hosts = {"*.example.com": f"https://localhost:{port}"}
    described = {"distributions": {"site": site}, "gateway": {"hosts": hosts}}
    async with serving(described, transport=transport) as front:
        for path in ("/", "/us", "/", "/us"):
            head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
            assert (await front.raw("site", head)).startswith(b"HTTP/1.1 200 ")
    server.close()
    assert asked == list(NAMES)  # a connection is used again for the same name alone
