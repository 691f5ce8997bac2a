"""Listeners with protocol HTTPS: certificates by name, certificates of clients, the two logs."""

from __future__ import annotations

import asyncio
import datetime
import re
import shlex
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from cryptography import x509
from websockets.asyncio.client import connect

from tests.conftest import AUTHORITY, Serving
from tests.gateway.test_balancer import config, group, lines, sites, states, until
from tests.gateway.test_websockets import origin as websocket_origin
from tests.tls_clients import trusting_anyone


@pytest.fixture(autouse=True)
def without_mkcert(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAROOT", str(tmp_path / "no-mkcert"))


def stored(folder: Path, name: str, certificate: trustme.LeafCert) -> dict[str, str]:
    """A certificate and its key as files."""
    chain, key = folder / f"{name}.pem", folder / f"{name}.key"
    chain.write_bytes(b"".join(each.bytes() for each in certificate.cert_chain_pems))
    key.write_bytes(certificate.private_key_pem.bytes())
    return {"certificate": str(chain), "key": str(key)}


async def served_name(front: Serving, name: str | None) -> str:
    """The common name of the certificate that a client gets who asks for `name`."""
    context = trusting_anyone()
    host, port = front.address("web")
    _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=name or "")
    found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    names = x509.load_der_x509_certificate(found).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    return str(next(iter(names.value)).value)


async def test_certificates_are_picked_by_name(serving, tmp_path: Path) -> None:
    ca = trustme.CA()
    first, second, third = (
        stored(tmp_path, str(at), ca.issue_cert(name))
        for at, name in enumerate(["default.test", "*.shop.test", "www.shop.test"])
    )
    listener = {"protocol": "HTTPS", **first, "certificates": [second, third]}
    async with sites("a") as (a,), serving(config({"web": group(a)}, listener=listener)) as front:
        assert await served_name(front, "default.test") == "default.test"
        assert await served_name(front, "api.shop.test") == "*.shop.test"
        assert await served_name(front, "WWW.shop.test") == "www.shop.test"
        assert await served_name(front, "unknown.test") == "default.test"
        assert await served_name(front, None) == "default.test"


async def test_hosts_of_rules_get_local_certificates(serving, tmp_path: Path) -> None:
    rule = {
        "priority": 1,
        "conditions": [{"host_header": "app.example.test"}],
        "actions": [{"forward": "web"}],
    }
    listener = {"protocol": "HTTPS", "rules": [rule]}
    async with sites("a") as (a,), serving(config({"web": group(a)}, listener=listener)) as front:
        assert await served_name(front, "app.example.test") == "app.example.test"
        assert await served_name(front, "other.test") == "localhost"


async def test_http2_can_be_switched_off(serving, tmp_path: Path) -> None:
    for on, expected in ((True, "h2"), (False, "http/1.1")):
        attributes = {"routing.http2.enabled": on}
        given = config({}, listener={"protocol": "HTTPS"}, attributes=attributes)
        given["load_balancers"]["web"]["listeners"][0]["default_actions"] = [
            {"fixed_response": {"status_code": 200}}
        ]
        async with serving(given) as front:
            context = trusting_anyone("h2", "http/1.1")
            _, writer = await asyncio.open_connection(*front.address("web"), ssl=context)
            assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == expected
            writer.close()


class Clients:
    """Two authorities, one of which the trust store holds, and clients with their certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known, self.unknown = trustme.CA(), trustme.CA()
        self.store = folder / "store.pem"
        self.known.cert_pem.write_to_path(str(self.store))

    def client(
        self, front: Serving, certificate: trustme.LeafCert | None, **options: Any
    ) -> httpx.AsyncClient:
        context = ssl.create_default_context(cafile=str(AUTHORITY))
        if certificate is not None:
            certificate.configure_cert(context)
        url = front.urls["web"].replace("127.0.0.1", "localhost")
        return httpx.AsyncClient(verify=context, base_url=url, trust_env=False, **options)


def mutual(clients: Clients, targets: dict, **more: Any) -> dict:
    asks = {"mode": "verify", "trust_store": str(clients.store), **more.pop("asks", {})}
    listener = {"protocol": "HTTPS", "mutual_authentication": asks}
    return config(targets, listener=listener, **more)


async def test_only_clients_that_the_trust_store_vouches_for_get_in(
    serving, raw_origin, tmp_path: Path
) -> None:
    clients = Clients(tmp_path)
    heads: list[bytes] = []

    async def script(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    async with raw_origin(script) as origin:
        address = f"127.0.0.1:{origin.port}"
        targets = {"web": {"targets": [address], "health_check": {"enabled": False}}}
        log = tmp_path / "connections"
        async with serving(mutual(clients, targets, connection_log=str(log))) as front:
            good = clients.known.issue_cert(common_name="tester", organization_name="Org")
            async with clients.client(front, good) as client:
                assert (await client.get("/")).status_code == 200
            assert b"\r\nx-amzn-mtls-clientcert-subject: CN=tester" in heads[0].replace(
                b"X-Amzn-Mtls-Clientcert-Subject", b"x-amzn-mtls-clientcert-subject"
            )
            assert b"-leaf: -----BEGIN%20CERTIFICATE-----%0A" in heads[0].lower().replace(
                b"begin%20certificate", b"BEGIN%20CERTIFICATE"
            ).replace(b"%0a", b"%0A")
            expired = clients.known.issue_cert(
                common_name="late",
                not_before=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
                not_after=datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC),
            )
            stranger = clients.unknown.issue_cert(common_name="stranger")
            for refused in (stranger, expired, None):
                async with clients.client(front, refused) as client:
                    with pytest.raises(httpx.TransportError):
                        await client.get("/")
            await until(lambda: len(lines(log)) == 4)
        told = [shlex.split(each) for each in lines(log)]
        assert [each[10] for each in told] == [
            "Success",
            "Failed:ClientCertUntrusted",
            "Failed:ClientCertExpired",
            "Failed:ClientCertRejected",
        ]
        assert "CN=tester" in told[0][7]
        assert told[0][4] == "TLSv1.3"
        assert float(told[0][6]) > 0
        assert len(heads) == 1


async def test_expiry_can_be_ignored(serving, tmp_path: Path) -> None:
    clients = Clients(tmp_path)
    asks = {"ignore_client_certificate_expiry": True}
    expired = clients.known.issue_cert(
        common_name="late",
        not_before=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
        not_after=datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC),
    )
    async with sites("a") as (a,), serving(mutual(clients, {"web": group(a)}, asks=asks)) as front:
        async with clients.client(front, expired) as client:
            assert (await client.get("/")).text == "a"


@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
async def test_passthrough_hands_on_what_nobody_checked(
    serving, echo_origin, tmp_path: Path, http2: bool
) -> None:
    clients = Clients(tmp_path)
    log = tmp_path / "connections"
    listener = {"protocol": "HTTPS", "mutual_authentication": {"mode": "passthrough"}}
    async with echo_origin() as origin:
        targets = {
            "web": {
                "targets": [f"127.0.0.1:{origin.port}"],
                "health_check": {"enabled": False},
            }
        }
        given = config(targets, listener=listener, connection_log=str(log))
        async with serving(given) as front:
            stranger = clients.unknown.issue_cert(common_name="stranger")
            async with clients.client(front, stranger, http2=http2) as client:
                body = b"x" * 300_000
                answers = [await client.post("/", content=body) for _ in range(3)]
                assert all(each.content.endswith(b"\r\n\r\n" + body) for each in answers)
                head = answers[0].content[:8000].lower()
                assert head.count(b"x-amzn-mtls-clientcert: -----begin%20certificate") == 1
                assert b"%0a-----end%20certificate-----%0a" in head
            async with clients.client(front, None, http2=http2) as client:
                answer = await client.get("/", headers={"X-Amzn-Mtls-Clientcert": "forged"})
                assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
                assert b"mtls" not in answer.content.lower()
            assert await served_name(front, "localhost") == "localhost"
        told = [shlex.split(each) for each in lines(log)]
        assert "CN=stranger" in told[0][7]
        assert told[0][4] == "TLSv1.3"


async def assert_told_of_tls(front: Serving, name: str) -> bytes:
    """Sends plain HTTP to a port for HTTPS, and gets a page that says so."""
    answer = await front.raw(name, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"The plain HTTP request was sent to HTTPS port" in answer
    return answer


async def test_plain_http_on_an_https_port_is_told_so(serving, tmp_path: Path) -> None:
    logs = {f"{kind}_log": str(tmp_path / kind) for kind in ("access", "connection")}
    async with sites("a") as (a,):
        given = config({"web": group(a)}, listener={"protocol": "HTTPS"}, **logs)
        async with serving(given) as front:
            assert b"Server: awselb/2.0" in await assert_told_of_tls(front, "web")
            # A big request that is still being sent does not cost its client the page.
            sent = (
                b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000
            )
            assert (await front.raw("web", sent)).startswith(b"HTTP/1.1 400 ")
            assert await served_name(front, "localhost") == "localhost"
            await until(lambda: len(lines(tmp_path / "connection")) == 3)
            await until(lambda: len(lines(tmp_path / "access")) == 2)
    told = [shlex.split(each) for each in lines(tmp_path / "connection")]
    assert [each[10] for each in told] == ["Failed:UnmappedConnectionError"] * 2 + ["-"]
    fields = shlex.split(lines(tmp_path / "access")[0])
    assert fields[8] == "400"
    assert re.fullmatch(r"- https://web-\d+\.us-east-1\.elb\.amazonaws\.com:80- -", fields[12])


async def test_no_handshake_is_lost_while_the_loop_is_busy(serving, tmp_path: Path) -> None:
    """What clients send before anybody looked is TLS too."""
    context = trusting_anyone()

    def shake_hands(address: tuple[str, int]) -> str | None:
        with socket.create_connection(address, 5) as sock, context.wrap_socket(sock) as secured:
            return secured.version()

    for asks in ({}, {"mutual_authentication": {"mode": "passthrough"}}):
        async with sites("a") as (a,):
            given = config({"web": group(a)}, listener={"protocol": "HTTPS", **asks})
            async with serving(given) as front:
                address = front.address("web")
                clients = [
                    asyncio.ensure_future(asyncio.to_thread(shake_hands, address)) for _ in range(4)
                ]
                await asyncio.sleep(0)
                time.sleep(0.3)  # the whole loop stands still meanwhile
                assert await asyncio.gather(*clients) == ["TLSv1.3"] * 4


async def test_passthrough_and_a_client_that_speaks_no_tls(serving, tmp_path: Path) -> None:
    log = tmp_path / "connections"
    listener = {"protocol": "HTTPS", "mutual_authentication": {"mode": "passthrough"}}
    async with sites("a") as (a,):
        given = config({"web": group(a)}, listener=listener, connection_log=str(log))
        async with serving(given) as front:
            await assert_told_of_tls(front, "web")
            _, writer = await asyncio.open_connection(*front.address("web"))
            writer.close()
            await until(lambda: len(lines(log)) == 2)
        assert all("Failed:UnmappedConnectionError" in each for each in lines(log))


async def test_the_access_log_knows_tls(serving, tmp_path: Path) -> None:
    log = tmp_path / "access"
    listener = {"protocol": "HTTPS"}
    clients = Clients(tmp_path)
    async with sites("a") as (a,):
        given = config({"web": group(a)}, listener=listener, access_log=str(log))
        async with serving(given) as front:
            await until(lambda: states(front) == ["healthy"])
            async with clients.client(front, None) as client:
                assert (await client.get("/x")).text == "a"
        fields = shlex.split(lines(log)[0])
        assert fields[0] == "https"
        assert fields[14].startswith("TLS_")
        assert fields[15] == "TLSv1.3"
        assert fields[18] == "localhost"
        assert fields[19].startswith("arn:aws:acm:us-east-1:")


@pytest.mark.parametrize("secure", [False, True])
async def test_a_websocket_is_one_line_at_its_end(serving, tmp_path: Path, secure: bool) -> None:
    log = tmp_path / "access"
    listener = {"protocol": "HTTPS"} if secure else {}
    async with websocket_origin() as url:
        targets = {
            "web": {
                "targets": [url.removeprefix("http://")],
                "health_check": {"enabled": False},
            }
        }
        given = config(targets, listener=listener, access_log=str(log))
        async with serving(given) as front:
            context = None
            if secure:
                context = ssl.create_default_context(cafile=str(AUTHORITY))
            address = front.urls["web"].replace("http", "ws", 1).replace("127.0.0.1", "localhost")
            async with connect(f"{address}/echo", ssl=context, proxy=None) as socket:
                await socket.send("hello")
                assert await socket.recv() == "hello"
                assert lines(log) == []
            await until(lambda: len(lines(log)) == 1)
    fields = shlex.split(lines(log)[0])
    assert fields[0] == ("wss" if secure else "ws")
    assert fields[8:10] == ["101", "101"]
    assert int(fields[10]) > 100
    assert int(fields[11]) > 100
