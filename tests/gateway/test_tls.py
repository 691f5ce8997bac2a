"""TLS at front doors: a local authority, certificates by name, HTTP/1.1, HTTP/2 and HTTP/3."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import stat
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import trustme
from cryptography import x509
from websockets.asyncio.client import connect

from edgegw.wire.certificates import LIFETIME, Certificates, DoorTls
from tests.conftest import AUTHORITY, need
from tests.gateway.test_reload import serving as reloading
from tests.gateway.test_websockets import origin as websocket_origin
from tests.tls_clients import trusting_anyone

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def tls_site(url: str, **more: Any) -> dict[str, Any]:
    return {
        "distributions": {
            "site": {
                "listen": {"port": more.pop("port", 0), "tls": more.pop("tls", True)},
                "origins": {"app": {"url": url}},
                "default_behavior": {
                    "origin": "app",
                    "cache_policy": "CachingDisabled",
                    "origin_request_policy": "AllViewerAndCloudFrontHeaders-2022-06",
                    "allowed_methods": [
                        *("GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"),
                    ],
                },
                **more,
            }
        }
    }


def trusting(file: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(file))


async def curl(*words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        need("curl", "TLS is not tested with it"), "-sS", *words, stdout=-1, stderr=-2
    )
    out, _ = await process.communicate()
    return out.decode("latin-1")


# Certificates


class TestCertificates:
    def test_one_is_kept_until_it_is_about_to_expire(self, tmp_path: Path) -> None:
        today = NOW
        certificates = Certificates(tmp_path, lambda: today)
        first = certificates.file(("a.test",)).read_bytes()
        assert stat.S_IMODE(certificates.file(("a.test",)).stat().st_mode) == 0o600
        today = NOW + LIFETIME - timedelta(days=40)
        assert certificates.file(("a.test",)).read_bytes() == first
        today = NOW + LIFETIME - timedelta(days=20)
        second = certificates.file(("a.test",)).read_bytes()
        assert second != first
        assert x509.load_pem_x509_certificate(second).not_valid_after_utc > today + timedelta(300)

    def test_other_names_and_another_authority_make_a_new_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        certificates = Certificates(tmp_path, lambda: NOW)
        first = certificates.file(("a.test",)).read_bytes()
        assert certificates.file(("a.test", "b.test")).read_bytes() != first
        assert certificates.file(("a.test",)).read_bytes() == first
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "another"))
        assert Certificates(tmp_path, lambda: NOW).file(("a.test",)).read_bytes() != first

    @pytest.mark.parametrize(
        ("names", "others"),
        [
            (("localhost", "127.0.0.1"), ("localhost", "127.0.0.1", "a.test")),
            (("localhost",), ("localhost", "127.0.0.1")),
            (("bäcker.test",), ("böcker.test",)),
        ],
        ids=["one more", "one less", "not ASCII"],
    )
    def test_sets_of_names_that_look_alike_have_a_file_each(
        self, names: tuple[str, ...], others: tuple[str, ...], tmp_path: Path
    ) -> None:
        certificates = Certificates(tmp_path, lambda: NOW)
        first, second = certificates.file(names), certificates.file(others)
        contents = first.read_bytes(), second.read_bytes()
        assert (certificates.file(names), certificates.file(others)) == (first, second)
        assert (first.read_bytes(), second.read_bytes()) == contents

    @pytest.mark.parametrize(
        "name",
        ["WWW.A.test", "bäcker.test", "*.Bäcker.test", "0:0:0:0:0:0:0:2", f"{'x' * 60}.test"],
    )
    def test_a_name_in_another_spelling_is_not_certified_again(
        self, name: str, tmp_path: Path
    ) -> None:
        certificates = Certificates(tmp_path, lambda: NOW)
        first = certificates.file((name,)).read_bytes()
        assert certificates.file((name,)).read_bytes() == first

    def test_a_name_may_be_as_long_as_dns_has_it(self, tmp_path: Path) -> None:
        name = ".".join([*["x" * 61] * 4, "test"])
        assert Certificates(tmp_path, lambda: NOW).file((name,)).exists()

    def test_a_door_makes_a_new_one_while_it_runs(self, tmp_path: Path) -> None:
        today = NOW
        aliases = ["www.a.test", "*.b.test"]
        door = DoorTls(Certificates(tmp_path, lambda: today), lambda: aliases, ["http/1.1"])
        first = door.file("www.a.test").read_bytes()
        today = NOW + LIFETIME
        assert door.file("WWW.a.test").read_bytes() != first
        assert door.file("x.b.test") == door.file("y.b.test") != door.file("b.test")
        local = door.file(None)
        assert door.file("unknown.test") == local == door.file("x.y.b.test")
        aliases.append("unknown.test")
        assert door.file("unknown.test") != local


# Front doors


async def served_names(address: tuple[str, int], file: Path, name: str) -> set[str]:
    """The names in the certificate that a client gets who asks for `name`."""
    context = trusting(file)
    context.check_hostname = False
    _, writer = await asyncio.open_connection(*address, ssl=context, server_hostname=name)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    found = x509.load_der_x509_certificate(der)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(each.value) for each in names}


async def test_curl_gets_the_same_answer_over_both_versions(
    serving: Any, echo_origin: Any, tmp_path: Path
) -> None:
    async with echo_origin() as origin, serving(tls_site(origin.url)) as front:
        port = front.address("site")[1]
        url = f"https://localhost:{port}/a?b"
        trusted = ("--cacert", str(AUTHORITY), "-d", "body")
        one = await curl(*trusted, "--http1.1", "-w", "%{http_version}", url)
        two = await curl(*trusted, "--http2", "-w", "%{http_version}", url)
        assert one.startswith("POST /a?b HTTP/1.1\r\n")
        assert one.endswith("body1.1")
        assert two.endswith("body2")
        assert "CloudFront-Viewer-HTTP-Version: 1.1\r\n".lower() in one.lower()
        assert "CloudFront-Viewer-HTTP-Version: 2.0\r\n".lower() in two.lower()
        for answer in (one, two):
            assert "cloudfront-viewer-tls: tlsv1.3:tls_aes_256_gcm_sha384:fullhandshake" in (
                answer.lower()
            )
            assert "cloudfront-forwarded-proto: https" in answer.lower()


async def test_the_handshake_is_told_for_each_request(
    serving: Any, echo_origin: Any, tmp_path: Path
) -> None:
    async with echo_origin() as origin, serving(tls_site(origin.url)) as front:
        url = front.urls["site"].replace("127.0.0.1", "localhost")
        context = trusting(AUTHORITY)
        async with httpx.AsyncClient(verify=context) as client:
            first, second = (await client.get(url)).text, (await client.get(url)).text
            assert ":fullHandshake" in first
            assert ":connectionReused" in second
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        async with httpx.AsyncClient(verify=context) as client:
            assert (
                "TLSv1.2:ECDHE-ECDSA-AES256-GCM-SHA384:fullHandshake"
                in (await client.get(url)).text
            )


async def test_http1_over_tls_keeps_the_spelling_of_headers(
    serving: Any, echo_origin: Any, tmp_path: Path
) -> None:
    async with echo_origin() as origin, serving(tls_site(origin.url)) as front:
        context = trusting(AUTHORITY)
        reader, writer = await asyncio.open_connection(
            *front.address("site"), ssl=context, server_hostname="localhost"
        )
        writer.write(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nX-MixED: 1\r\nConnection: close\r\n\r\n"
        )
        answer = await reader.read(-1)
        assert b"X-MixED: 1\r\n" in answer
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        writer.close()


async def test_each_alias_has_a_certificate_of_its_own(
    serving: Any, echo_origin: Any, tmp_path: Path
) -> None:
    aliases = ["www.example.test", "*.shop.test"]
    async with echo_origin() as origin, serving(tls_site(origin.url, aliases=aliases)) as front:
        address, file = front.address("site"), AUTHORITY
        assert await served_names(address, file, "www.example.test") == {"www.example.test"}
        assert await served_names(address, file, "de.shop.test") == {"*.shop.test"}
        for name in ("localhost", "127.0.0.1", "other.test"):
            assert {"localhost", "127.0.0.1", "::1"} < await served_names(address, file, name)


@pytest.mark.parametrize("name", ["my_web", "-web", "web-", "a..b", "x" * 64, "a b", ""])
async def test_a_name_that_no_certificate_can_have_costs_only_itself(
    serving: Any, tmp_path: Path, name: str
) -> None:
    """A load balancer's DNS name is made of its own name, which may have underscores here."""
    certificates = Certificates(tmp_path / "state")
    file = certificates.file(["good.test", name])
    assert b"BEGIN CERTIFICATE" in file.read_bytes()
    assert certificates.file([name]).exists()
    fixed = {"fixed_response": {"status_code": 200, "message_body": "here"}}
    listener = {"listen": 0, "protocol": "HTTPS", "default_actions": [fixed]}
    async with serving({"load_balancers": {name or "_": {"listeners": [listener]}}}) as front:
        assert "localhost" in await served_names(front.address(name or "_"), AUTHORITY, "localhost")


async def test_front_doors_on_ports_of_their_own_keep_their_certificates(
    serving: Any, tmp_path: Path
) -> None:
    """Their local certificates begin with the same names, and end with their own domain's."""
    config = tls_site("http://127.0.0.1:9")
    site = config["distributions"]["site"]
    config["distributions"] = {"one": site, "two": site}
    config["gateway"] = {"state": str(tmp_path)}
    async with serving(config) as front:
        addresses = [front.address("one"), front.address("two")]
        names = [await served_names(address, AUTHORITY, "localhost") for address in addresses]
        files = {file: file.stat().st_mtime_ns for file in (tmp_path / "certificates").iterdir()}
        again = [await served_names(address, AUTHORITY, "localhost") for address in addresses]
    assert names[0] != names[1]
    assert again == names
    assert len(files) == 2
    assert {file: file.stat().st_mtime_ns for file in files} == files


async def test_a_changed_alias_makes_a_new_certificate(tmp_path: Path) -> None:
    config = tls_site("http://127.0.0.1:9", aliases=["old.test"])
    async with reloading(tmp_path, config) as served:
        host, _, port = served.urls["site"].rpartition("//")[2].rpartition(":")
        file = AUTHORITY
        assert await served_names((host, int(port)), file, "old.test") == {"old.test"}
        config["distributions"]["site"]["aliases"] = ["new.test"]
        served.configure(config)
        async with asyncio.timeout(30):
            while await served_names((host, int(port)), file, "new.test") != {"new.test"}:
                await asyncio.sleep(0.01)
        assert "localhost" in await served_names((host, int(port)), file, "old.test")


async def test_an_own_certificate_is_read_anew_when_it_changes(tmp_path: Path) -> None:
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")

    def issue(name: str) -> None:
        leaf = made.issue_cert(name)
        leaf.private_key_pem.write_to_path(tmp_path / "key.pem")
        leaf.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")

    issue("one.test")
    paths = {"certificate": "certificate.pem", "key": "key.pem"}
    config = tls_site("http://127.0.0.1:9", tls=paths)
    async with reloading(tmp_path, config) as served:
        host, _, port = served.urls["site"].rpartition("//")[2].rpartition(":")
        address = (host, int(port))
        assert await served_names(address, tmp_path / "ca.pem", "one.test") == {"one.test"}
        issue("two.test")
        assert await served_names(address, tmp_path / "ca.pem", "two.test") == {"two.test"}


async def test_websockets_over_tls(serving: Any, tmp_path: Path) -> None:
    async with websocket_origin() as url, serving(tls_site(url)) as front:
        context = trusting(AUTHORITY)
        to = f"wss://localhost:{front.address('site')[1]}/"
        async with connect(to, ssl=context, max_size=None) as viewer:
            for message in ("text", b"\x00" * 300_000):
                await viewer.send(message)
                assert await viewer.recv() == message
        assert viewer.close_code == 1000


async def test_a_websocket_over_tls_ends_when_the_origin_ends(serving: Any, tmp_path: Path) -> None:
    async def bye(connection: Any) -> None:
        await connection.recv()
        await connection.close(4001, "enough")

    async with websocket_origin(bye) as url, serving(tls_site(url)) as front:
        context = trusting(AUTHORITY)
        async with connect(f"wss://localhost:{front.address('site')[1]}/", ssl=context) as viewer:
            await viewer.send("x")
            await viewer.wait_closed()
            assert (viewer.close_code, viewer.close_reason) == (4001, "enough")


async def test_a_load_balancer_speaks_http2(serving: Any, tmp_path: Path) -> None:
    answer = [{"fixed_response": {"status_code": 200, "message_body": "hello"}}]
    listener = {"listen": 0, "protocol": "HTTPS", "default_actions": answer}
    async with serving({"load_balancers": {"web": {"listeners": [listener]}}}) as front:
        url = front.urls["web"].replace("127.0.0.1", "localhost")
        trusted = ("--cacert", str(AUTHORITY))
        assert await curl(*trusted, "-w", " %{http_version}", url) == "hello 2"


async def test_http_version_1_1_offers_no_other(
    serving: Any, echo_origin: Any, tmp_path: Path
) -> None:
    async with (
        echo_origin() as origin,
        serving(tls_site(origin.url, http_version="http1.1")) as front,
    ):
        url = front.urls["site"].replace("127.0.0.1", "localhost")
        trusted = ("--cacert", str(AUTHORITY), "--http2")
        assert (await curl(*trusted, "-o", os.devnull, "-w", "%{http_version}", url)) == "1.1"


async def test_stopping_ends_connections_of_every_version(
    serving: Any, echo_origin: Any, tmp_path: Path
) -> None:
    context = trusting_anyone("h2", "http/1.1")
    open_ones: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    async with echo_origin() as origin, serving(tls_site(origin.url)) as front:
        for _ in range(3):
            reader, writer = await asyncio.open_connection(*front.address("site"), ssl=context)
            writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
            open_ones.append((reader, writer))
        await asyncio.sleep(0.1)
    for reader, writer in open_ones:
        async with asyncio.timeout(30):
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                while await reader.read(65536):
                    pass
        writer.transport.abort()


# HTTP/3


@contextlib.asynccontextmanager
async def http3(port: int, file: Path, name: str = "localhost") -> AsyncGenerator[Any]:
    """A client on HTTP/3 of the host `name`: `await get(path)` answers headers and body."""
    from aioquic.asyncio import QuicConnectionProtocol
    from aioquic.asyncio import connect as quic_connect
    from aioquic.h3.connection import H3_ALPN, H3Connection
    from aioquic.h3.events import DataReceived, HeadersReceived
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.events import StreamReset

    class Client(QuicConnectionProtocol):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.http = H3Connection(self._quic)
            self.answers: dict[int, tuple[asyncio.Future[None], list[Any], bytearray]] = {}

        async def get(self, path: str, body: bytes = b"") -> tuple[dict[bytes, bytes], bytes]:
            stream = self._quic.get_next_available_stream_id()
            done = asyncio.get_running_loop().create_future()
            self.answers[stream] = (done, [], bytearray())
            method = b"POST" if body else b"GET"
            head = [
                (b":method", method),
                (b":scheme", b"https"),
                (b":authority", f"{name}:{port}".encode()),
                (b":path", path.encode()),
            ]
            self.http.send_headers(stream, head, end_stream=not body)
            if body:
                self.http.send_data(stream, body, end_stream=True)
            self.transmit()
            async with asyncio.timeout(30):
                await done
            _, headers, content = self.answers.pop(stream)
            return dict(headers), bytes(content)

        def quic_event_received(self, event: Any) -> None:
            if isinstance(event, StreamReset):
                self.answers[event.stream_id][0].set_exception(ConnectionResetError())
            for each in self.http.handle_event(event):
                done, headers, content = self.answers[cast("Any", each).stream_id]
                if isinstance(each, HeadersReceived):
                    headers.extend(each.headers)
                elif isinstance(each, DataReceived):
                    content.extend(each.data)
                if cast("Any", each).stream_ended and not done.done():
                    done.set_result(None)

    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, is_client=True)
    configuration.load_verify_locations(str(file))
    configuration.server_name = name
    async with quic_connect(
        "127.0.0.1", port, configuration=configuration, create_protocol=Client
    ) as client:
        yield client


@pytest.mark.parametrize("version", ["http3", "http2and3"])
async def test_http3_gets_the_same_answer(
    serving: Any, echo_origin: Any, tmp_path: Path, free_port: Any, version: str
) -> None:
    port = free_port()
    config_of = {"http_version": version, "port": port, "aliases": ["www.example.test"]}
    async with echo_origin() as origin, serving(tls_site(origin.url, **config_of)) as front:
        assert front.address("site")[1] == port
        file = AUTHORITY
        url = f"https://localhost:{port}/a?b"
        async with httpx.AsyncClient(verify=trusting(file)) as client:
            one = await client.post(url, content=b"body")
        async with http3(port, file) as client:
            headers, content = await client.get("/a?b", b"body")
            again, _ = await client.get("/again")
            again_told = origin.heads[-1].lower()
        assert headers[b":status"] == again[b":status"] == b"200"
        assert content.startswith(b"POST /a?b HTTP/1.1\r\n")
        assert content.endswith(b"body")
        assert b"http-version: 3.0\r\n" in content.lower()
        assert b"cloudfront-viewer-tls: tlsv1.3:tls_aes_" in content.lower()
        assert b":fullhandshake" in content.lower()
        assert b":connectionreused" in again_told
        expected = f'h3=":{port}"; ma=86400'
        assert one.headers["alt-svc"] == headers[b"alt-svc"].decode() == expected
        two = await curl(
            "--cacert", str(file), "--http2", "-o", os.devnull, "-w", "%{http_version}", url
        )
        assert two == ("2" if version == "http2and3" else "1.1")


async def test_an_answer_that_breaks_off_is_cut_over_every_version(
    serving: Any,
    raw_origin: Any,
    tmp_path: Path,
    free_port: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    port = free_port()
    config_of = {"http_version": "http2and3", "port": port}
    async with (
        raw_origin(script) as origin,
        serving(tls_site(origin.url, **config_of)) as front,
    ):
        file = AUTHORITY
        for is_http2 in (False, True):
            async with httpx.AsyncClient(verify=trusting(file), http2=is_http2) as client:
                with pytest.raises(httpx.RemoteProtocolError):
                    await client.get(f"https://localhost:{port}/")
        async with http3(port, file) as client:
            with pytest.raises(ConnectionResetError):
                await client.get("/")
        assert all("ends early" in each.reason for each in front.gateway.exchanges)
        assert len(front.gateway.exchanges) == 3
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


async def test_without_http3_nothing_announces_it(
    serving: Any, echo_origin: Any, tmp_path: Path
) -> None:
    async with echo_origin() as origin, serving(tls_site(origin.url)) as front:
        context = trusting(AUTHORITY)
        async with httpx.AsyncClient(verify=context) as client:
            url = front.urls["site"].replace("127.0.0.1", "localhost")
            assert "alt-svc" not in (await client.get(url)).headers


# The browser


async def test_chromium_that_trusts_the_authority_shows_no_warning(
    serving: Any, tmp_path: Path, chromium: str
) -> None:
    certutil = need("certutil", "a browser is not told to trust the authority")
    database = tmp_path / "home" / ".pki" / "nssdb"
    database.mkdir(parents=True)
    answer = [{"fixed_response": {"status_code": 200, "message_body": "hello"}}]
    listener = {"listen": 0, "protocol": "HTTPS", "default_actions": answer}
    async with serving({"load_balancers": {"web": {"listeners": [listener]}}}) as front:
        file = AUTHORITY
        for words in (
            ("-N", "--empty-password"),
            ("-A", "-t", "C,,", "-n", "edgegw", "-i", str(file)),
        ):
            process = await asyncio.create_subprocess_exec(
                certutil, "-d", f"sql:{database}", *words
            )
            assert await process.wait() == 0
        url = front.urls["web"].replace("127.0.0.1", "localhost")
        from playwright.async_api import async_playwright

        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch_persistent_context(
                str(tmp_path / "profile"),
                executable_path=chromium,
                args=["--no-sandbox", "--disable-gpu", "--no-first-run"],
                env={**os.environ, "HOME": str(tmp_path / "home")},
            )
            page = await browser.new_page()
            found = await page.goto(url)  # raises for a certificate that is not trusted
            assert found is not None
            assert await found.text() == "hello"
            details = await found.security_details()
            assert details is not None
            assert details["subjectName"] == "localhost"
            assert details["protocol"] == "TLS 1.3"
            await browser.close()


async def test_a_changed_http_version_is_spoken_and_announced(tmp_path: Path) -> None:
    config = tls_site("http://127.0.0.1:9")
    async with reloading(tmp_path, config) as served:
        file = AUTHORITY
        port = int(served.urls["site"].rpartition(":")[2])
        config["distributions"]["site"]["listen"]["port"] = port
        for version in ("http3", "http2and3", "http1.1"):
            served.urls.clear()
            config["distributions"]["site"]["http_version"] = version
            served.configure(config)
            async with asyncio.timeout(30):
                while "site" not in served.urls:
                    await asyncio.sleep(0.01)
            url = f"https://localhost:{port}/"
            async with httpx.AsyncClient(verify=trusting(file)) as client:
                answer = await client.get(url)
            assert ("alt-svc" in answer.headers) == ("3" in version)
            if "3" in version:
                async with http3(port, file) as client:
                    headers, _ = await client.get("/")
                assert headers[b":status"] == b"502"
            chosen = await curl("-k", "--http2", "-o", os.devnull, "-w", "%{http_version}", url)
            assert chosen == ("2" if "2" in version else "1.1")
