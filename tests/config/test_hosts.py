"""Where names lead here."""

from __future__ import annotations

import pytest

from edgegw.config.gateway.hosts import parsed_hosts

HOSTS = parsed_hosts(
    {
        "eu.example.com": "http://127.0.0.1:3001",
        "*.example.com": "https://localhost:8443",
        "*.s3.amazonaws.com": "http://127.0.0.1",
        "*.eu.s3.amazonaws.com": "https://127.0.0.1",
    }
)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("eu.example.com", ("http", "127.0.0.1", 3001)),
        ("EU.Example.com.", ("http", "127.0.0.1", 3001)),
        ("us.example.com", ("https", "localhost", 8443)),
        ("a.b.example.com", ("https", "localhost", 8443)),
        ("example.com", None),
        ("notexample.com", None),
        ("b.s3.amazonaws.com", ("http", "127.0.0.1", 80)),
        ("b.eu.s3.amazonaws.com", ("https", "127.0.0.1", 443)),
        ("eu.s3.amazonaws.com", ("http", "127.0.0.1", 80)),
    ],
)
def test_where_a_name_leads(name: str, place: tuple[str, str, int] | None) -> None:
    assert HOSTS.lookup(name) == place


def test_nothing_is_said_of_no_names() -> None:
    assert not parsed_hosts({})
