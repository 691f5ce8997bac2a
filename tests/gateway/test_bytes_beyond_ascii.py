"""Bytes beyond ASCII in path, query and headers: served, and passed on as they came.

Events show them as UTF-8 where they are, else as ISO-8859-1.
Source: CloudFront Developer Guide, "Restrictions on Lambda@Edge", encoding of URI and query string.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import read_head
from tests.gateway.test_malformed import Witness, answer, config

ENDING = b" HTTP/1.1\r\nHost: h.test\r\nX-Name: J\xc3\xbcrgen\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("target", "uri", "query"),
    [
        pytest.param(b"/caf\xc3\xa9", "/café", "", id="UTF-8 in the path"),
        pytest.param(b"/x?q=\xc3\xa9", "/x", "q=é", id="UTF-8 in the query"),
        pytest.param(b"/caf\xe9?q=\xff", "/café", "q=ÿ", id="bytes that are no UTF-8"),
        pytest.param(b"/caf\xc3\xa9?q=\xe9", "/café", "q=é", id="each by itself"),
    ],
)
@pytest.mark.parametrize("is_changed", [False, True], ids=["unchanged", "edited"])
async def test_an_origin_gets_the_bytes_that_a_function_left_alone(
    serving: Any, raw_origin: Any, target: bytes, uri: str, query: str, is_changed: bool
) -> None:
    events: list[Any] = []

    def hook(event: Any, context: Any) -> Any:
        request = event["Records"][0]["cf"]["request"]
        events.append((request["uri"], request["querystring"]))
        if is_changed:
            request["headers"]["x-new"] = [{"key": "X-New", "value": "1"}]
        return request

    witness = Witness()
    async with raw_origin(witness.script) as origin:
        given = config(origin.url)
        given["functions"] = {
            "hook": {"runtime": "python3.11", "code": ".", "handler": "hooks.pass_request"}
        }
        behavior = given["distributions"]["site"]["default_behavior"]
        behavior["lambda_functions"] = {"viewer-request": "hook"}
        async with serving(given, functions={"hook": hook}) as front:
            received = await answer(front.address("site"), b"GET " + target + ENDING)
    assert received.startswith(b"HTTP/1.1 200 ")
    assert events == [(uri, query)]
    [(head, _)] = witness.requests
    assert head.startswith(b"GET " + target + b" HTTP/1.1\r\n")
    assert b"\r\nX-Name: J\xc3\xbcrgen\r\n" in head


async def test_the_connection_goes_on_behind_them(serving: Any, raw_origin: Any) -> None:
    """At both kinds of front door: such a request is compliant."""
    witness = Witness()
    first = b"GET /\xc3\xa9 HTTP/1.1\r\nHost: h.test\r\n\r\n"
    async with raw_origin(witness.script) as origin, serving(config(origin.url)) as front:
        for door in ("site", "monitor", "defensive", "strictest"):
            witness.requests.clear()
            received = await answer(front.address(door), first + first + b"GET /\xff" + ENDING)
            assert received.count(b"HTTP/1.1 200 ") == 3, door
            assert [head.split(b" ")[1] for head, _ in witness.requests] == [
                b"/\xc3\xa9",
                b"/\xc3\xa9",
                b"/\xff",
            ]


async def test_an_origin_path_stands_in_front_of_them(serving: Any, raw_origin: Any) -> None:
    heads: list[bytes] = []

    async def script(reader: Any, writer: Any) -> None:
        heads.append(await read_head(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with raw_origin(script) as origin:
        given = config(origin.url)
        given["distributions"]["site"]["origins"]["app"]["path"] = "/base"
        async with serving(given) as front:
            await answer(front.address("site"), b"GET /\xe9" + ENDING)
    assert heads[0].startswith(b"GET /base/\xe9 HTTP/1.1\r\n")
