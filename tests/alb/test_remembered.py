"""What hangs on headers that come again says what working it out anew says."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edgegw.alb.event import encode_event
from edgegw.alb.forwarding import forwarded_request
from edgegw.alb.model import Listener
from edgegw.http.message import Client, Header, Headers, NegotiatedTls, Request
from edgegw.http.target import RequestTarget
from tests.alb.balancers import FACTS, FN, listener

NAMES = st.sampled_from(
    [
        *(b"Host", b"Cookie", b"cookie", b"Connection", b"X-Forwarded-For", b"X-Amzn-Trace-Id"),
        *(b"X-A", b"x-a", b"X_B", b"x-amzn-tls-version", b"\xc3\xa4", b"Content-Type"),
    ]
)
VALUES = st.sampled_from([b"", b"1", b"a=1", b"close, x-a", b"Root=1-2;Self=x", b"\xff", b"text/a"])
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=8).map(Headers)
MORE = st.lists(st.tuples(NAMES, VALUES), max_size=2)
CLIENTS = st.sampled_from(
    [Client("192.0.2.1", 5), Client("192.0.2.1", 6), Client("2001:db8::1", 5)]
)
TLS = st.sampled_from(
    [None, NegotiatedTls("TLSv1.3", "A", "full"), NegotiatedTls("TLSv1.2", "B", "full")]
)
LISTENERS = [
    listener(),
    listener(attributes={"xff_client_port": True, "tls_version_and_cipher_suite": True}),
    listener(attributes={"preserve_host_header": True, "drop_invalid_header_fields": True}),
]


def fresh(request: Request) -> Request:
    """The same request, of whose headers nothing is known yet."""
    return replace(request, headers=Headers(request.headers.raw))


WAYS = st.tuples(CLIENTS, TLS, st.sampled_from(["1.1", "2"]), st.booleans(), st.booleans())


@given(HEADERS, st.lists(WAYS, min_size=1, max_size=6), st.sampled_from(LISTENERS))
def test_request_to_a_target_is_that_of_its_own_client(
    headers: Headers,
    ways: list[tuple[Client, NegotiatedTls | None, str, bool, bool]],
    door: Listener,
) -> None:
    """Clients with the same headers share what is the same for them, and nothing else."""
    for client, tls, version, to_ip, is_rewritten in ways:
        came = Request(
            "GET", RequestTarget(b"/"), headers, http_version=version, client=client, tls=tls
        )
        first, again = (
            forwarded_request(
                each, door, b"Example.com:8080", FACTS, to_ip=to_ip, is_rewritten=is_rewritten
            )
            for each in (fresh(came), came)
        )
        assert again == first


@given(HEADERS, MORE, st.booleans())
def test_event_is_the_same_for_headers_that_come_again(
    headers: Headers, more: list[Header], is_multi: bool
) -> None:
    """Also for headers that were added to ones of which an event is known."""
    group = replace(FN, multi_value_headers=is_multi)
    for shown in (headers, headers.added(*more), headers):
        request = Request("POST", RequestTarget(b"/a", b"b=1&a=2&b=0"), shown)
        assert encode_event(request, b"hi", group) == encode_event(fresh(request), b"hi", group)
