"""What a load balancer does to the headers of a request before a target sees it.

Source: ELB User Guide for ALB, "HTTP headers and Application Load Balancers", "Host header
preservation", "X-Forwarded headers", "Request tracing", "Header modification".
"""

from __future__ import annotations

import re
from typing import Final

from edgegw.alb.certificates import client_certificate_headers
from edgegw.alb.model import Attributes, Listener
from edgegw.alb.rules import port_of, without_port
from edgegw.http.message import (
    HOP_BY_HOP,
    Client,
    Header,
    Headers,
    NegotiatedTls,
    Request,
    named_by_connection,
)
from edgegw.values import value


@value
class BalancerFacts:
    """What a request needs beside itself: the time, the dice, ids. All made by the driver.

    `date` is the value of a Date header, `now` seconds since the epoch, `entropy` at least 24
    lower-case hex digits, `draw` in [0, 1).
    """

    date: bytes
    now: float
    entropy: str
    draw: float


_REPLACED: Final = frozenset(
    {
        b"host",
        b"x-forwarded-for",
        b"x-forwarded-port",
        b"x-forwarded-proto",
        b"x-amzn-trace-id",
        b"expect",
        b"transfer-encoding",
    }
)
"""Headers of the client that do not go on as they are: written anew, or done with here.

Source: ELB User Guide for ALB, "X-Forwarded headers", "HTTP headers and Application Load
Balancers".
"""
_TLS_HEADERS: Final = (b"x-amzn-tls-version", b"x-amzn-tls-cipher-suite")
"""Headers that tell targets how the client's TLS was agreed on.

Source: ELB User Guide for ALB, "Load balancer attributes",
routing.http.x_amzn_tls_version_and_cipher_suite.enabled.
"""
_VALID_NAME: Final = re.compile(rb"[-A-Za-z0-9]+")
"""Header names that `drop_invalid_header_fields` keeps.

Source: ELB User Guide for ALB, "Load balancer attributes",
routing.http.drop_invalid_header_fields.enabled.
"""
_TRACE_LIMIT: Final = 7 * 1024
"""Bytes of all request headers above which a trace id is made anew, not extended.

Source: ELB User Guide for ALB, "Request tracing", limitations.
"""


@value
class Kept:
    """What goes on of the lines that a client sent, and the values that more is made of."""

    lines: tuple[Header, ...]
    hosts: tuple[bytes, ...]
    forwarded_for: tuple[bytes, ...]


def _kept(headers: Headers, *, to_ip: bool) -> Kept:
    """What goes on of `headers`; an ip target gets none that belong to one connection."""
    dropped = _REPLACED
    if to_ip:
        dropped |= HOP_BY_HOP | named_by_connection(headers)
    return Kept(
        tuple(line for line in headers.raw if line[0].lower() not in dropped),
        tuple(headers.get_all(b"host")),
        tuple(headers.get_all(b"x-forwarded-for")),
    )


def _incoming_trace(headers: Headers) -> bytes:
    """The trace id that came; empty for none, or where the headers are too many to extend it."""
    trace = headers.get(b"x-amzn-trace-id") or b""
    return b"" if trace and headers.size() > _TRACE_LIMIT else trace


def forwarded_request(
    request: Request,
    listener: Listener,
    host: bytes,
    facts: BalancerFacts,
    *,
    to_ip: bool = False,
    is_rewritten: bool = False,
) -> Request:
    """`request` as targets see it: host, X-Forwarded-* and trace id written anew.

    `host` is as the client sent it, or as a transform made it (`is_rewritten`). HTTP/2's split
    `cookie` fields are joined with `; ` as RFC 9113 section 8.2.3 asks. An ip target sees the host
    in lower case, unless it is preserved; recorded Lambda events show it as the client wrote it.
    """
    headers, client, tls = request.headers, request.client, request.tls
    is_http2 = request.http_version >= "2"
    remembered = headers.derived(listener, _nothing_rewritten)
    # Of clients with the same headers the port counts where it is shown, their TLS always.
    shows_port = listener.load_balancer.attributes.xff_client_port
    port = client.port if shows_port else 0
    key = host, client.address, port, client.certificates, tls, is_http2, to_ip, is_rewritten
    lines = remembered.get(key)
    if lines is None:
        way = _ForwardedWay(host, client, tls, is_http2, to_ip, is_rewritten)
        lines = Headers(_rewritten(headers, listener, way))
        if len(remembered) >= _REMEMBERED:
            remembered.clear()
        remembered[key] = lines
    traced = trace_id(headers.derived(_incoming_trace, _incoming_trace), facts)
    return request.sent(request.target, lines.added((b"X-Amzn-Trace-Id", traced)))


_REMEMBERED: Final = 16
"""Ways of the same headers through a listener that are remembered."""


def _nothing_rewritten(_headers: Headers) -> dict[object, Headers]:
    """Room for what a listener made of headers: the lines but for the trace id."""
    return {}


@value
class _ForwardedWay:
    """What the lines of a request to a target depend on beside those that came."""

    host: bytes
    client: Client
    tls: NegotiatedTls | None
    is_http2: bool
    to_ip: bool
    is_rewritten: bool


def _rewritten(headers: Headers, listener: Listener, way: _ForwardedWay) -> list[Header]:
    """The lines but for the trace id."""
    host, client, to_ip, is_rewritten = way.host, way.client, way.to_ip, way.is_rewritten
    attributes = listener.load_balancer.attributes
    found = _kept(headers, to_ip=to_ip)
    shown = forwarded_host(host, listener)
    if to_ip and not (is_rewritten or attributes.preserve_host_header):
        shown = shown.lower()
    lines: list[Header] = [(b"Host", shown)]
    if to_ip and attributes.preserve_host_header and not is_rewritten:
        lines += [(b"Host", each) for each in found.hosts[1:]]
    lines += found.lines
    if attributes.drop_invalid_header_fields:
        lines = [line for line in lines if _VALID_NAME.fullmatch(line[0])]
    if way.is_http2:
        lines = _joined_cookies(lines)
    told = _about_tls(way.tls, client, listener)
    if told:
        names = {name.lower() for name, _ in told}
        lines = [line for line in lines if line[0].lower() not in names]
        lines += [line for line in told if line[1]]
    forwarded_for = _forwarded_for(client, found.forwarded_for, attributes)
    if forwarded_for is not None:
        lines.append((b"X-Forwarded-For", forwarded_for))
    lines += [
        (b"X-Forwarded-Proto", listener.protocol.lower().encode()),
        (b"X-Forwarded-Port", str(listener.port).encode()),
    ]
    return lines


def _joined_cookies(lines: list[Header]) -> list[Header]:
    cookies = [value for name, value in lines if name.lower() == b"cookie"]
    if len(cookies) < 2:
        return lines
    rest = [line for line in lines if line[0].lower() != b"cookie"]
    return [*rest, (b"cookie", b"; ".join(cookies))]


def _forwarded_for(
    client: Client, earlier: tuple[bytes, ...], attributes: Attributes
) -> bytes | None:
    """The value of X-Forwarded-For behind the `earlier` ones; None where there is none."""
    if attributes.xff_mode == "remove":
        return None
    if attributes.xff_mode == "append":
        with_port = attributes.xff_client_port
        earlier += (_shown(client, with_port=with_port, is_only=not earlier),)
    return b", ".join(earlier) if earlier else None


def _shown(client: Client, *, with_port: bool, is_only: bool) -> bytes:
    """The client's address: IPv6 in brackets behind others, and before a port."""
    address = client.address.encode()
    if b":" in address and (with_port or not is_only):
        address = b"[" + address + b"]"
    return address + b":%d" % client.port if with_port else address


def _about_tls(tls: NegotiatedTls | None, client: Client, listener: Listener) -> list[Header]:
    """What the load balancer tells about TLS and the client's certificate.

    A header without value only takes the place of one that the client sent.
    """
    told: list[Header] = []
    if listener.load_balancer.attributes.tls_version_and_cipher_suite:
        names = ("", "") if tls is None else (tls.protocol, tls.cipher)
        told += zip(_TLS_HEADERS, (name.encode() for name in names), strict=True)
    if listener.mutual_tls != "off":
        told += client_certificate_headers(listener.mutual_tls, client.certificates)
    if listener.renamed:
        usual = listener.renamed
        told = [(usual.get(n.decode().lower(), n.decode()).encode(), v) for n, v in told]
    return told


def forwarded_host(host: bytes, listener: Listener) -> bytes:
    """The host that targets see.

    As it came with `preserve_host_header`; else without port on 80 and 443, with the listener's
    port elsewhere.
    """
    if listener.load_balancer.attributes.preserve_host_header:
        return host
    bare = without_port(host)
    if listener.port in (80, 443):
        return bare
    return bare + b":" + (port_of(host) or str(listener.port).encode())


def trace_of(request: Request, facts: BalancerFacts) -> bytes:
    """The X-Amzn-Trace-Id that `request` goes on with; a fresh one if its headers are many."""
    return trace_id(request.headers.derived(_incoming_trace, _incoming_trace), facts)


def trace_id(incoming: bytes, facts: BalancerFacts) -> bytes:
    """The X-Amzn-Trace-Id to pass on, given the one that came (empty: none).

    A new `Root`, or a new `Self` in front of a kept one.
    """
    fresh = f"1-{int(facts.now):08x}-{facts.entropy[:24]}".encode()
    if not incoming:
        return b"Root=" + fresh
    fields = [field for field in incoming.split(b";") if field]
    kept = [field for field in fields if not field.startswith(b"Self=")]
    if any(field.startswith(b"Root=") for field in kept):
        return b";".join([b"Self=" + fresh, *kept])
    return b";".join([b"Root=" + fresh, *kept])
