"""The conditions of a listener rule, compiled once.

Each condition knows whether it `holds` for a request, what it wants (`wanted`) and what it looked
at (`observed`), so that routing and explaining ask the same thing.
Source: ELB User Guide for ALB, "Condition types for listener rules".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote_to_bytes

from edgegw.alb.expressions import compile_expression
from edgegw.http.message import Headers
from edgegw.http.target import query_pairs
from edgegw.http.wildcard import compile_wildcard
from edgegw.values import value

Network: TypeAlias = IPv4Network | IPv6Network


@value
class Subject:
    """What conditions look at: the request as the client sent it.

    `host` comes without its port, `path` without dot segments and `path_as_sent` with them;
    `client` is the TCP peer.
    """

    method: str
    host: bytes
    port: bytes
    path: bytes
    path_as_sent: bytes
    query: bytes | None
    headers: Headers
    client: str


class Observed(NamedTuple):
    """What a condition looked at, for people: never None, but it may be nothing."""

    what: str
    value: str | None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


@value
class Values:
    """The alternatives of a condition: wildcards as one pattern, or regular expressions."""

    given: tuple[str, ...]
    patterns: tuple[re.Pattern[bytes], ...]
    is_regex: bool = False

    def fit(self, value: bytes) -> bool:
        """Whether one alternative fits: wildcards the whole value, expressions any part of it."""
        if self.is_regex:
            return any(pattern.search(value) for pattern in self.patterns)
        return self.patterns[0].fullmatch(value) is not None

    def __str__(self) -> str:
        return " or ".join(f"/{each}/" if self.is_regex else each for each in self.given)


def wildcards(given: Sequence[str], *, ignore_case: bool, escapes: bool = False) -> Values:
    """Values with `*` and `?`; with `escapes` a backslash takes their meaning from them."""
    patterns = [compile_wildcard(each, ignore_case=False, escapes=escapes) for each in given]
    joined = b"|".join(b"(?:" + each.pattern + b")" for each in patterns)
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return Values(tuple(given), (re.compile(joined, flags),))


def expressions(given: Sequence[str], *, ignore_case: bool) -> Values:
    """Regular expressions. Raises ValueError for what AWS's engine does not know."""
    compiled = [compile_expression(each, ignore_case=ignore_case) for each in given]
    return Values(tuple(given), tuple(compiled), is_regex=True)


@value
class HostHeader:
    """The host; case does not count. An expression may also see the host with its port."""

    values: Values
    key = "host-header"

    def holds(self, subject: Subject) -> bool:
        if self.values.fit(subject.host):
            return True
        if self.values.is_regex and subject.port:
            return self.values.fit(subject.host + b":" + subject.port)
        return False

    @property
    def wanted(self) -> str:
        return str(self.values)

    def observed(self, subject: Subject) -> Observed:
        return Observed("the host", _text(subject.host))


@value
class PathPattern:
    """The path without its dot segments; case counts, percent-encoding is not decoded."""

    values: Values
    key = "path-pattern"

    def holds(self, subject: Subject) -> bool:
        return self.values.fit(subject.path)

    @property
    def wanted(self) -> str:
        return str(self.values)

    def observed(self, subject: Subject) -> Observed:
        return Observed("the path", _text(subject.path))


@value
class HttpHeader:
    """One value of the named header; neither the case of the name nor of the value counts."""

    name: str
    values: Values
    key = "http-header"

    def holds(self, subject: Subject) -> bool:
        lower = self.name.lower().encode()
        return any(self.values.fit(value) for value in subject.headers.get_all(lower))

    @property
    def wanted(self) -> str:
        return f"{self.name}: {self.values}"

    def observed(self, subject: Subject) -> Observed:
        given = subject.headers.get_all(self.name.lower().encode())
        return Observed(f"the header {self.name}", _text(b", ".join(given)) if given else None)


@value
class HttpRequestMethod:
    """The method, letter by letter."""

    methods: tuple[str, ...]
    key = "http-request-method"

    def holds(self, subject: Subject) -> bool:
        return subject.method in self.methods

    @property
    def wanted(self) -> str:
        return " or ".join(self.methods)

    def observed(self, subject: Subject) -> Observed:
        return Observed("the method", subject.method)


@value
class QueryPair:
    """A wanted pair: with a `name` that key's value, without one any value."""

    name: Values | None
    value: Values

    def __str__(self) -> str:
        return str(self.value) if self.name is None else f"{self.name}={self.value}"

    def fits(self, key: bytes, value: bytes) -> bool:
        return (self.name is None or self.name.fit(key)) and self.value.fit(value)


@value
class QueryString:
    """A `key=value` pair of the query; case does not count, raw or decoded."""

    pairs: tuple[QueryPair, ...]
    key = "query-string"

    def holds(self, subject: Subject) -> bool:
        if not subject.query:
            return False
        query = subject.query.partition(b"#")[0]
        for name, given in query_pairs(query):
            if any(pair.fits(name, given) for pair in self.pairs):
                return True
            if b"%" in name or b"%" in given:
                decoded = unquote_to_bytes(name), unquote_to_bytes(given)
                if any(pair.fits(*decoded) for pair in self.pairs):
                    return True
        return False

    @property
    def wanted(self) -> str:
        return " or ".join(map(str, self.pairs))

    def observed(self, subject: Subject) -> Observed:
        return Observed("the query", None if subject.query is None else _text(subject.query))


@lru_cache(maxsize=4096)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address of a TCP peer; an IPv4 one in IPv6 clothes counts as IPv4."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


@value
class SourceIp:
    """The TCP peer, whatever X-Forwarded-For says."""

    networks: tuple[Network, ...]
    key = "source-ip"

    def holds(self, subject: Subject) -> bool:
        address = _address(subject.client)
        return address is not None and any(address in network for network in self.networks)

    @property
    def wanted(self) -> str:
        return " or ".join(map(str, self.networks))

    def observed(self, subject: Subject) -> Observed:
        return Observed("the client's address", subject.client)


Condition: TypeAlias = (
    HostHeader | PathPattern | HttpHeader | HttpRequestMethod | QueryString | SourceIp
)


def host_header(values: Sequence[str]) -> HostHeader:
    return HostHeader(wildcards(values, ignore_case=True))


def host_header_regex(values: Sequence[str]) -> HostHeader:
    return HostHeader(expressions(values, ignore_case=True))


def path_pattern(values: Sequence[str]) -> PathPattern:
    return PathPattern(wildcards(values, ignore_case=False))


def path_pattern_regex(values: Sequence[str]) -> PathPattern:
    return PathPattern(expressions(values, ignore_case=False))


def http_header(name: str, values: Sequence[str]) -> HttpHeader:
    return HttpHeader(name, wildcards(values, ignore_case=True))


def http_header_regex(name: str, values: Sequence[str]) -> HttpHeader:
    return HttpHeader(name, expressions(values, ignore_case=True))


def http_request_method(methods: Sequence[str]) -> HttpRequestMethod:
    return HttpRequestMethod(tuple(methods))


def query_string(pairs: Sequence[tuple[str | None, str]]) -> QueryString:
    """Pairs of key (None: any) and value, both with wildcards that a backslash can escape."""

    def values(text: str) -> Values:
        return wildcards((text,), ignore_case=True, escapes=True)

    found = [QueryPair(None if key is None else values(key), values(value)) for key, value in pairs]
    return QueryString(tuple(found))


def source_ip(values: Sequence[str]) -> SourceIp:
    """Ranges of addresses, of which the client's is one. Raises ValueError for no CIDR block."""
    return SourceIp(tuple(ip_network(each, strict=False) for each in values))
