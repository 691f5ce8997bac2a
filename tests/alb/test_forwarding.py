"""What attributes of load balancer and listener do to requests."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edgegw.alb.flow import BalancerStep, ChooseTarget, ReadBody, start
from edgegw.alb.model import Forward
from edgegw.http.message import Client, Headers, NegotiatedTls, Request
from tests.alb.balancers import FACTS, FN, WEB, listener, request


def sent(step: BalancerStep) -> Headers:
    assert isinstance(step, (ChooseTarget, ReadBody))
    return step.request.headers


def forwarded(given: Request, group=FN, *, port: int = 80, **more) -> Headers:
    return sent(start(listener(default=Forward(((group, 1),)), port=port, **more), given, FACTS))


XFF = "X-Forwarded-For"


@pytest.mark.parametrize("name", ["Expect", "Transfer-Encoding", "X-Forwarded-Port"])
def test_headers_of_the_client_that_no_target_sees_as_they_were(name: str) -> None:
    """ELB User Guide for ALB, "X-Forwarded headers"; a function gets the whole body, dechunked."""
    values = forwarded(request(headers=[(name, "identity")])).get_all(name.lower().encode())
    assert b"identity" not in values


@pytest.mark.parametrize(
    ("mode", "incoming", "expected"),
    [
        ("append", [], [b"1.2.3.4"]),
        ("append", ["a"], [b"a, 1.2.3.4"]),
        ("append", ["a, b"], [b"a, b, 1.2.3.4"]),
        ("append", ["a", "b"], [b"a, b, 1.2.3.4"]),
        ("preserve", [], []),
        ("preserve", ["a"], [b"a"]),
        ("preserve", ["a, b"], [b"a, b"]),
        ("remove", [], []),
        ("remove", ["a"], []),
        ("remove", ["a, b"], []),
    ],
)
def test_x_forwarded_for_modes(mode: str, incoming: list[str], expected: list[bytes]) -> None:
    given = request(headers=[(XFF, each) for each in incoming])
    assert forwarded(given, attributes={"xff_mode": mode}).get_all(b"x-forwarded-for") == expected


@pytest.mark.parametrize(
    ("address", "incoming", "with_port", "expected"),
    [
        ("1.2.3.4", [], True, b"1.2.3.4:5"),
        ("1.2.3.4", ["a"], True, b"a, 1.2.3.4:5"),
        ("::1", [], True, b"[::1]:5"),
        ("::1", [], False, b"::1"),
        ("::1", ["a"], False, b"a, [::1]"),
    ],
    ids=["IPv4", "behind another", "IPv6", "IPv6 alone stays bare", "IPv6 appended in brackets"],
)
def test_client_port(address: str, incoming: list[str], with_port: bool, expected: bytes) -> None:
    given = request(headers=[(XFF, each) for each in incoming], client=Client(address, 5))
    found = forwarded(given, attributes={"xff_client_port": with_port})
    assert found.get(b"x-forwarded-for") == expected


@pytest.mark.parametrize("mode", ["preserve", "remove"])
def test_client_port_counts_in_mode_append_only(mode: str) -> None:
    attributes = {"xff_client_port": True, "xff_mode": mode}
    assert forwarded(request(), attributes=attributes).get(b"x-forwarded-for") is None


@pytest.mark.parametrize(
    ("port", "host", "off", "on"),
    [
        (80, "example.com", b"example.com", b"example.com"),
        (80, "example.com:80", b"example.com", b"example.com:80"),
        (443, "example.com:1", b"example.com", b"example.com:1"),
        (8080, "example.com", b"example.com:8080", b"example.com"),
        (8080, "example.com:8080", b"example.com:8080", b"example.com:8080"),
        (80, "Example.COM", b"example.com", b"Example.COM"),
    ],
)
def test_preserve_host_header(port: int, host: str, off: bytes, on: bytes) -> None:
    given = request(host=host)
    assert forwarded(given, WEB, port=port).get(b"host") == off
    kept = forwarded(given, WEB, port=port, attributes={"preserve_host_header": True})
    assert kept.get(b"host") == on


def test_several_host_headers_reach_an_ip_target_only_if_preserved() -> None:
    given = request(host="a.test", headers=[("Host", "B.test")])
    assert forwarded(given, WEB).get_all(b"host") == [b"a.test"]
    kept = forwarded(given, WEB, attributes={"preserve_host_header": True})
    assert kept.get_all(b"host") == [b"a.test", b"B.test"]


def test_what_a_client_ties_to_its_connection_is_its_own_only() -> None:
    given = request(
        headers=[("Connection", "x-mine, X-Forwarded-For, X-Amzn-Trace-Id, close"), ("X-Mine", "1")]
    )
    found = forwarded(given, WEB)
    assert b"x-mine" not in found
    assert b"connection" not in found
    assert found.get(b"x-forwarded-for") == b"1.2.3.4"
    assert b"x-amzn-trace-id" in found


def test_absolute_form_and_preserve_host_header() -> None:
    given = request(b"http://dns.name/x")
    assert forwarded(given).get(b"host") == b"dns.name"
    kept = forwarded(given, attributes={"preserve_host_header": True})
    assert kept.get(b"host") == b"example.com"


def test_drop_invalid_header_fields() -> None:
    given = request(headers=[("x_foo", "1"), ("x.bar", "1"), ("x-good", "1")])
    names = {name.lower() for name, _ in forwarded(given)}
    assert {b"x_foo", b"x.bar", b"x-good"} <= names
    found = forwarded(given, attributes={"drop_invalid_header_fields": True})
    assert {name.lower() for name, _ in found} & {b"x_foo", b"x.bar", b"x-good"} == {b"x-good"}


def test_incoming_port_and_protocol_are_overwritten() -> None:
    given = request(headers=[("X-Forwarded-Port", "1"), ("X-Forwarded-Proto", "gopher")])
    found = forwarded(given, port=443, protocol="HTTPS")
    assert found.get_all(b"x-forwarded-port") == [b"443"]
    assert found.get_all(b"x-forwarded-proto") == [b"https"]


def test_tls_version_and_cipher_suite() -> None:
    tls = NegotiatedTls("TLSv1.3", "TLS_AES_128_GCM_SHA256", "full")
    given = request(headers=[("x-amzn-tls-version", "forged")], tls=tls)
    assert forwarded(given).get(b"x-amzn-tls-version") == b"forged"
    found = forwarded(given, attributes={"tls_version_and_cipher_suite": True})
    assert found.get_all(b"x-amzn-tls-version") == [b"TLSv1.3"]
    assert found.get_all(b"x-amzn-tls-cipher-suite") == [b"TLS_AES_128_GCM_SHA256"]
    renamed = {"x-amzn-tls-version": "x-version"}
    found = forwarded(given, attributes={"tls_version_and_cipher_suite": True}, renamed=renamed)
    assert found.get(b"x-version") == b"TLSv1.3"


def test_a_trace_id_of_the_client_is_extended() -> None:
    trace = ("X-Amzn-Trace-Id", "Root=1-a-b")
    assert forwarded(request(headers=[trace])).get(b"x-amzn-trace-id") == (
        b"Self=1-5dbafc0f-a4ac9c9046b152c44e90ca34;Root=1-a-b"
    )


@pytest.mark.parametrize(("size", "is_kept"), [(7 * 1024, True), (7 * 1024 + 1, False)])
def test_headers_above_7_kb_get_a_fresh_root(size: int, is_kept: bool) -> None:
    """ELB User Guide for ALB, "Request tracing", limitations."""
    trace = ("X-Amzn-Trace-Id", "Root=1-a-b")
    rest = size - request(headers=[trace, ("x", "")]).headers.size()
    sent = request(headers=[trace, ("x", "v" * rest)])
    assert sent.headers.size() == size
    value = forwarded(sent).get(b"x-amzn-trace-id") or b""
    assert value.endswith(b"Root=1-a-b") is is_kept


# Certificates of clients


def certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example, Inc."),
            x509.NameAttribute(NameOID.COMMON_NAME, "client"),
        ]
    )
    start = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(0x3A5B1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.DER)


CERTIFICATE = certificate()


def test_verified_client_certificate_in_headers() -> None:
    client = Client("1.2.3.4", 5, certificates=(CERTIFICATE,))
    forged = [("X-Amzn-Mtls-Clientcert-Subject", "CN=root"), ("x-amzn-mtls-clientcert", "x")]
    found = forwarded(request(headers=forged, client=client), mutual_tls="verify")
    prefix = b"x-amzn-mtls-clientcert-"
    assert found.get_all(prefix + b"serial-number") == [b"03A5B1"]
    assert found.get_all(prefix + b"subject") == [b"CN=client,O=Example\\, Inc.,C=US"]
    assert found.get_all(prefix + b"issuer") == [b"CN=client,O=Example\\, Inc.,C=US"]
    assert found.get_all(prefix + b"validity") == [
        b"NotBefore=2026-01-02T03:04:05Z;NotAfter=2027-01-02T03:04:05Z"
    ]
    leaf = found.get(prefix + b"leaf")
    assert leaf is not None
    assert leaf.startswith(b"-----BEGIN%20CERTIFICATE-----%0A")
    assert found.get(b"x-amzn-mtls-clientcert") is None


def test_passed_through_client_certificates_in_one_header() -> None:
    client = Client("1.2.3.4", 5, certificates=(CERTIFICATE, CERTIFICATE))
    found = forwarded(request(client=client), mutual_tls="passthrough")
    chain = found.get(b"x-amzn-mtls-clientcert")
    assert chain is not None
    assert chain.count(b"BEGIN%20CERTIFICATE") == 2
    assert not {b"%2B", b"%2F", b"%3D"} & {chain[at : at + 3] for at in range(len(chain))}


def test_without_mutual_tls_nothing_is_told_or_stripped() -> None:
    given = request(headers=[("X-Amzn-Mtls-Clientcert", "x")])
    assert forwarded(given).get(b"x-amzn-mtls-clientcert") == b"x"
