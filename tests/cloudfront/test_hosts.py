"""Which Hosts a distribution answers to: its own names, and those of this machine."""

from __future__ import annotations

import pytest

from edgegw.cloudfront.hosts import accepted_hosts
from edgegw.http.hosts import host_name
from edgegw.http.message import Headers

HOSTS = accepted_hosts(("d111.cloudfront.net", "www.Example.test", "*.shop.test"))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8081",
        "localhost.",
        "app.localhost:8081",
        "127.0.0.1",
        "127.0.0.1:8081",
        "192.168.1.20:8081",
        "[::1]:8081",
        "[fe80::1]",
        "d111.cloudfront.net",
        "D111.cloudfront.net:443",
        "www.example.test",
        "WWW.EXAMPLE.TEST:8081",
        "a.shop.test",
        "a.b.shop.test:8081",
    ],
)
def test_accepted(host: str) -> None:
    assert HOSTS.refused(Headers([(b"Host", host.encode())])) is None


@pytest.mark.parametrize(
    "host",
    [
        "attacker.example",
        "attacker.example:8081",
        "example.test",
        "www.example.test.attacker.example",
        "shop.test",
        "ashop.test",
        "*.shop.test.attacker.example",
        "localhost.attacker.example",
        "notlocalhost",
        "127.0.0.1.attacker.example",
        "d222.cloudfront.net",
        "[attacker.example]:8081",
        "attacker.example@localhost",
        "caf\u00e9.test",
        "x" * 300,
        "",
        ":8081",
    ],
)
def test_refused(host: str) -> None:
    headers = Headers([(b"Host", host.encode("latin-1"))])
    assert HOSTS.refused(headers) == host_name(host)[:255]


def test_a_request_that_names_no_host_is_refused_as_well() -> None:
    assert HOSTS.refused(Headers([])) == ""


def test_without_names_this_machine_is_left() -> None:
    nameless = accepted_hosts(())
    assert nameless.refused_name(b"localhost") is None
    assert nameless.refused_name(b"a.test") == "a.test"
