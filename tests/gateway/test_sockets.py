"""Front doors on real sockets, byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import ssl
from pathlib import Path

import httpx
import pytest

from edgegw.errors import EnvironmentProblem
from tests.conftest import PYTHON, read_head
from tests.tls_clients import trusting_anyone

ALL = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]


def site(origin: str, **behavior) -> dict:
    return {
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"app": {"url": origin}},
                "default_behavior": {
                    "origin": "app",
                    "cache_policy": "CachingDisabled",
                    "origin_request_policy": "AllViewer",
                    "allowed_methods": ALL,
                    **behavior,
                },
            }
        }
    }


def functions(*names: str) -> dict:
    return {
        name: {"runtime": PYTHON, "code": ".", "handler": f"hooks.{name}", "timeout": 10}
        for name in names
    }


def balancer(function: str | None = None, targets: list[str] | None = None, **group) -> dict:
    config: dict = {
        "target_groups": {
            "t": {"target_type": "lambda", "function": function, **group}
            if function
            else {"targets": targets, **group}
        },
        "load_balancers": {
            "web": {
                "listeners": [
                    {"listen": 0, "public_port": 80, "default_actions": [{"forward": "t"}]}
                ]
            }
        },
    }
    if function:
        config["functions"] = functions(function)
    return config


async def test_wire_spelling_travels_both_ways(serving, raw_origin) -> None:
    heads = []

    async def script(reader, writer):
        heads.append(await read_head(reader))
        writer.write(
            b"HTTP/1.1 299 Quite Fine\r\nX-ODD-case: 1\r\nx-odd-CASE: 2\r\nContent-Length: 2\r\n\r\nok"
        )

    async with raw_origin(script) as origin, serving(site(origin.url)) as front:
        answer = await front.raw(
            "site",
            b"GET //a/../%2F?x HTTP/1.1\r\nhOsT: h\r\nX-MiXed: 1\r\nx-mIxed: 2\r\nConnection: close\r\n\r\n",
        )
    assert heads[0].startswith(
        b"GET //a/../%2F?x HTTP/1.1\r\nhOsT: h\r\nX-MiXed: 1\r\nx-mIxed: 2\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 299 Quite Fine\r\n")
    assert b"\r\nX-ODD-case: 1\r\nx-odd-CASE: 2\r\n" in answer
    assert answer.count(b"\r\nDate: ") == 1
    assert b"X-Cache: Miss from cloudfront\r\n" in answer
    assert answer.endswith(b"\r\n\r\nok")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no Host"),
        pytest.param(b"NONSENSE\r\n\r\n", id="no HTTP"),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 300_000 + b"\r\n\r\n", id="endless headers"
        ),
    ],
)
async def test_malformed_requests_get_the_front_doors_own_page(serving, sent: bytes) -> None:
    config = site("http://127.0.0.1:1") | balancer("target")
    async with serving(config) as front:
        door = await front.raw("web", sent)
        assert door.startswith(b"HTTP/1.1 400 Bad Request\r\nServer: awselb/2.0\r\n")
        assert b"Connection: close\r\n" in door
        assert door.endswith(b"<center><h1>400 Bad Request</h1></center>\r\n</body>\r\n</html>\r\n")
        edge = await front.raw("site", sent)
        status = b"494 " if b"xxxx" in sent else b"400 Bad Request"
        assert edge.startswith(b"HTTP/1.1 " + status + b"\r\nServer: CloudFront\r\n")
        assert b"<H1>%b ERROR</H1>" % status[:3] in edge
        assert b"X-Cache: Error from cloudfront\r\n" in edge


async def test_http10_clients_get_no_chunks_and_need_no_host(serving, raw_origin) -> None:
    async def script(reader, writer):
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")

    async with raw_origin(script) as origin, serving(site(origin.url)) as front:
        answer = await front.raw("site", b"GET / HTTP/1.0\r\n\r\n")
    assert b"chunked" not in answer.lower()
    assert b"Connection: close" in answer
    assert answer.endswith(b"\r\n\r\nabc")


async def test_request_trailers_are_dropped(serving, echo_origin) -> None:
    async with echo_origin() as origin, serving(site(origin.url)) as front:
        answer = await front.raw(
            "site",
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            b"3\r\nabc\r\n0\r\nX-Evil: 1\r\n\r\n",
        )
    assert b"X-Evil" not in answer
    assert answer.endswith(b"abc")


async def test_blanks_behind_a_content_length_do_not_hide_the_body(serving, echo_origin) -> None:
    async with echo_origin() as origin, serving(site(origin.url)) as front:
        answer = await front.raw(
            "site",
            b"POST / HTTP/1.1\r\nHost: h \r\nContent-Length: 3 \t\r\nConnection: close\r\n\r\nabc",
        )
    assert b"Content-Length: 3\r\n" in answer
    assert answer.endswith(b"abc")


async def test_expect_100_continue_is_answered_by_the_front_door(serving, echo_origin) -> None:
    async with echo_origin() as origin, serving(site(origin.url)) as front:
        reader, writer = await asyncio.open_connection(*front.address("site"))
        writer.write(
            b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"
        )
        assert await read_head(reader) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        answer = await reader.read(-1)
        writer.close()
    assert b"expect" not in answer.lower()
    assert answer.endswith(b"abc")


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_bodiless_answers_keep_the_connection(serving, raw_origin, status: bytes) -> None:
    async def script(reader, writer):
        while await read_head(reader):
            writer.write(b"HTTP/1.1 " + status + b"\r\nETag: x\r\n\r\n")

    async with raw_origin(script) as origin, serving(site(origin.url)) as front:
        request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
        closing = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        answer = await front.raw("site", request + closing)
    assert answer.count(b"HTTP/1.1 " + status) == 2
    assert b"chunked" not in answer.lower()


async def test_head_has_the_length_and_no_body(serving, raw_origin) -> None:
    async def script(reader, writer):
        while await read_head(reader):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")

    async with raw_origin(script) as origin, serving(site(origin.url)) as front:
        answer = await front.raw("site", b"HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert b"Content-Length: 500\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


async def test_pipelined_requests_are_answered_in_order(serving, echo_origin) -> None:
    async with echo_origin() as origin, serving(site(origin.url)) as front:
        sent = b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % at for at in range(5))
        answer = await front.raw(
            "site", sent + b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        )
    found = [line.split()[1] for line in answer.split(b"\r\n") if line.startswith(b"GET ")]
    assert found == [b"/0", b"/1", b"/2", b"/3", b"/4", b"/last"]


async def test_an_origin_that_breaks_off_breaks_off_for_the_viewer_too(serving, raw_origin) -> None:
    async def script(reader, writer):
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        await writer.drain()
        await asyncio.sleep(0.1)

    async with raw_origin(script) as origin, serving(site(origin.url)) as front:
        answer = await front.raw("site", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert answer.endswith(b"abc")
        exchange = next(iter(front.gateway.exchanges))
        assert "ends early" in (exchange.reason or "")


@pytest.mark.parametrize("requests", [1, 3])
async def test_a_viewer_that_leaves_ends_the_reading_of_the_origin(
    serving, raw_origin, requests: int
) -> None:
    gone = asyncio.Event()

    async def script(reader, writer):
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await reader.read(-1)
        gone.set()

    async with raw_origin(script) as origin, serving(site(origin.url)) as front:
        reader, writer = await asyncio.open_connection(*front.address("site"))
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * requests)
        await reader.readuntil(b"one\r\n")
        writer.close()
        async with asyncio.timeout(30):
            await gone.wait()


async def test_chunks_arrive_before_the_next_is_made(serving, raw_origin) -> None:
    gate = asyncio.Event()

    async def script(reader, writer):
        await read_head(reader)
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"
        )
        await writer.drain()
        await gate.wait()
        writer.write(b"3\r\ntwo\r\n0\r\n\r\n")

    async with raw_origin(script) as origin, serving(site(origin.url)) as front:
        async with (
            httpx.AsyncClient() as client,
            client.stream("GET", front.urls["site"]) as response,
        ):
            chunks = response.aiter_raw()
            assert await anext(chunks) == b"one"
            gate.set()
            assert await anext(chunks) == b"two"


async def test_large_bodies_stream_both_ways_at_once(serving, raw_origin) -> None:
    """The origin sends back what it gets while it gets it; no side may wait for the other's end."""
    size = 30_000_000

    async def script(reader, writer):
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        left = size
        while left:
            chunk = await reader.read(65536)
            writer.write(chunk)
            await writer.drain()
            left -= len(chunk)

    async with raw_origin(script) as origin, serving(site(origin.url)) as front:
        reader, writer = await asyncio.open_connection(*front.address("site"))
        writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size)

        async def upload() -> None:
            for _ in range(size // 100_000):
                writer.write(b"x" * 100_000)
                await writer.drain()

        uploading = asyncio.ensure_future(upload())
        head = await read_head(reader)
        assert b"Content-Length: %d\r\n" % size in head
        assert len(await reader.readexactly(size)) == size
        await uploading
        writer.close()


async def test_requests_under_way_finish_when_the_gateway_stops(serving, raw_origin) -> None:
    arrived = asyncio.Event()

    async def script(reader, writer):
        await read_head(reader)
        arrived.set()
        await asyncio.sleep(0.3)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with raw_origin(script) as origin:
        async with serving(site(origin.url)) as front:
            asking = asyncio.ensure_future(front.raw("site", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"))
            await arrived.wait()
        assert (await asking).endswith(b"\r\n\r\nok")


async def test_a_stalled_request_does_not_hold_the_stop_up(serving, raw_origin) -> None:
    async def script(reader, writer):
        await reader.read(-1)

    async with raw_origin(script) as origin:
        async with serving(site(origin.url)) as front:
            reader, writer = await asyncio.open_connection(*front.address("site"))
            writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            await asyncio.sleep(0.1)
        assert await reader.read(-1) == b""  # cut off: the test's own time-out guards the rest
        writer.close()


PIECES = [
    b"GET /a?b=c HTTP/1.1\r\nHost: h\r\nCookie: a=1; b\r\n\r\n",
    b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nabc",
    b"HEAD http://abs/p?q HTTP/1.0\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: \xff\r\n\r\n",
]
JUNK = [
    b"\r\n",
    b"\0",
    b"\xff",
    b" ",
    b":",
    b"//",
    b"/../",
    b"#",
    b"Host: x\r\n",
    b"Content-Length: 0\r\n",
]


async def test_mangled_requests_never_bring_a_front_door_down(serving, echo_origin, caplog) -> None:
    dice = random.Random(7)
    async with echo_origin() as origin:
        config = site(origin.url) | balancer(targets=[f"127.0.0.1:{origin.port}"])
        async with serving(config) as front:

            async def attack() -> None:
                sent = bytearray(b"".join(dice.choices(PIECES, k=dice.randint(1, 3))))
                for _ in range(dice.randint(0, 4)):
                    at = dice.randrange(len(sent) + 1)
                    sent[at:at] = dice.choice(JUNK)
                reader, writer = await asyncio.open_connection(
                    *front.address(dice.choice(["site", "web"]))
                )
                writer.write(bytes(sent))
                with contextlib.suppress(TimeoutError, ConnectionError):
                    async with asyncio.timeout(0.05):
                        await reader.read(-1)
                writer.close()

            for _ in range(25):
                await asyncio.gather(*[attack() for _ in range(12)])
            answer = await front.raw(
                "site", b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            )
            assert answer.startswith(b"HTTP/1.1 200 ")
    loud = [each.getMessage() for each in caplog.records if each.levelname in ("ERROR", "CRITICAL")]
    assert not [text for text in loud if "graceful shutdown" not in text]


async def test_a_port_in_use_is_one_plain_sentence(serving) -> None:
    async with serving(balancer("target")) as front:
        port = front.address("web")[1]
        second = balancer("target")
        second["load_balancers"]["web"]["listeners"][0]["listen"] = port
        with pytest.raises(
            EnvironmentProblem, match=f"127.0.0.1:{port} is in use: stop what listens there"
        ):
            async with serving(second):
                pass


class TestLoadBalancer:
    async def test_a_function_sees_what_the_load_balancer_adds(self, serving) -> None:
        async with serving(balancer("target")) as front, httpx.AsyncClient() as client:
            event = (
                await client.get(
                    front.urls["web"] + "/a%2Fb?x=1&x=2", headers={"X-Forwarded-For": "9.9.9.9"}
                )
            ).json()
        assert event["path"] == "/a%2Fb"
        assert event["queryStringParameters"] == {"x": "2"}
        assert event["headers"]["x-forwarded-for"] == "9.9.9.9, 127.0.0.1"
        assert event["headers"]["x-forwarded-port"] == "80"
        assert event["headers"]["connection"] == "keep-alive"

    async def test_binary_bodies_and_repeated_headers_both_ways(self, serving) -> None:
        body = os.urandom(300_000)
        async with (
            serving(balancer("echo", multi_value_headers=True)) as front,
            httpx.AsyncClient() as client,
        ):
            response = await client.post(front.urls["web"], content=body)
        assert response.content == body
        assert response.headers.get_list("x-twice") == ["1", "2"]

    async def test_bodies_above_one_megabyte_get_413(self, serving) -> None:
        async with (
            serving(balancer("echo", multi_value_headers=True)) as front,
            httpx.AsyncClient() as client,
        ):
            assert (await client.post(front.urls["web"], content=b"x" * 700_000)).status_code == 200
            response = await client.post(front.urls["web"], content=b"x" * 1_048_577)
        assert response.status_code == 413
        assert response.headers["server"] == "awselb/2.0"

    async def test_a_413_reaches_a_client_that_is_still_sending(self, serving) -> None:
        config = balancer("echo", multi_value_headers=True)
        async with serving(config) as front:
            reader, writer = await asyncio.open_connection(*front.address("web"))
            writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8000000\r\n\r\n")
            for _ in range(80):
                writer.write(b"x" * 100_000)
                await writer.drain()
            assert (await read_head(reader)).startswith(b"HTTP/1.1 413 ")
            writer.close()

    async def test_a_crashing_function_is_a_502_and_the_gateway_lives(self, serving) -> None:
        async with serving(balancer("exits")) as front, httpx.AsyncClient() as client:
            for _ in range(2):
                response = await client.get(front.urls["web"])
                assert (response.status_code, len(response.content)) == (502, 122)
            exchange = list(front.gateway.exchanges)[-1]
            assert exchange.verdict == "LambdaUnhandled"
            assert "exit status 3" in (exchange.reason or "")

    async def test_ip_targets_take_turns(self, serving, raw_origin) -> None:
        def script_of(name: bytes):
            async def script(reader, writer):
                while await read_head(reader):
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + name)

            return script

        async with raw_origin(script_of(b"a")) as a, raw_origin(script_of(b"b")) as b:
            targets = [f"127.0.0.1:{a.port}", f"localhost:{b.port}"]
            async with serving(balancer(targets=targets)) as front, httpx.AsyncClient() as client:
                describe = front.gateway.target_groups.describe
                async with asyncio.timeout(30):
                    while any(target["state"] == "initial" for target in describe("t")):
                        await asyncio.sleep(0.01)  # until then the first healthy one has all
                found = [(await client.get(front.urls["web"])).text for _ in range(4)]
        assert sorted(found) == ["a", "a", "b", "b"]

    async def test_a_target_that_is_down_gives_502(self, serving, free_port) -> None:
        async with (
            serving(balancer(targets=[f"127.0.0.1:{free_port()}"])) as front,
            httpx.AsyncClient() as client,
        ):
            response = await client.get(front.urls["web"])
        assert (response.status_code, response.headers["server"]) == (502, "awselb/2.0")


class TestTls:
    async def test_more_than_a_thousand_requests_on_one_connection(self, serving) -> None:
        config = balancer()
        config["load_balancers"]["web"]["listeners"][0]["default_actions"] = [
            {"fixed_response": {"status_code": "200"}}
        ]
        config.pop("target_groups")
        async with serving(config) as front:
            reader, writer = await asyncio.open_connection(*front.address("web"))
            for _ in range(1100):
                writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                head = await read_head(reader)
                assert head.startswith(b"HTTP/1.1 200 OK")
            writer.close()

    async def test_tls_speaks_http1_and_http2(self, serving, echo_origin) -> None:
        async with echo_origin() as origin:
            config = site(origin.url)
            config["distributions"]["site"]["listen"] = {"port": 0, "tls": True}
            async with serving(config) as front:
                assert front.urls["site"].startswith("https://")
                async with httpx.AsyncClient(verify=False) as client:
                    response = await client.post(front.urls["site"], content=b"abc")
                    assert response.content.endswith(b"abc")
                context = trusting_anyone("h2")
                _, writer = await asyncio.open_connection(*front.address("site"), ssl=context)
                chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
                assert chosen == "h2"
                writer.close()

    async def test_http2_request_with_a_body(self, serving, echo_origin) -> None:
        curl = __import__("shutil").which("curl")
        if curl is None:
            pytest.skip("curl is not installed")
        async with echo_origin() as origin:
            config = site(origin.url)
            config["distributions"]["site"]["listen"] = {"port": 0, "tls": True}
            async with serving(config) as front:
                process = await asyncio.create_subprocess_exec(
                    curl,
                    "-sk",
                    "--http2",
                    "-w",
                    "%{http_version}",
                    "-d",
                    "abc",
                    front.urls["site"] + "/x?y",
                    stdout=-1,
                )
                out, _ = await process.communicate()
        assert out.endswith(b"abc2")
        assert out.startswith(b"POST /x?y HTTP/1.1\r\n")
        assert b"2.0 " in out

    async def test_own_certificates_by_path(self, serving, tmp_path: Path) -> None:
        import trustme

        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        config = balancer("target")
        listener = config["load_balancers"]["web"]["listeners"][0]
        listener |= {
            "protocol": "HTTPS",
            "certificate": str(tmp_path / "cert.pem"),
            "key": str(tmp_path / "key.pem"),
        }
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        async with serving(config) as front, httpx.AsyncClient(verify=context) as client:
            event = (await client.get(front.urls["web"])).json()
        assert event["headers"]["x-forwarded-proto"] == "https"
