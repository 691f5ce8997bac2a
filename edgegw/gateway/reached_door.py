"""Which front door a described request comes to: by the port of its URL, else by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import SplitResult, urlsplit

from edgegw.cloudfront.hosts import host_table
from edgegw.config.model import Config, Door
from edgegw.errors import UsageError
from edgegw.http.message import Client, Header, Headers, Request
from edgegw.http.target import RequestTarget
from edgegw.values import value

_USUAL_PORTS = {"http": 80, "https": 443}


@value
class DescribedRequest:
    """A request as it is described: `door` names the front door where the URL does not."""

    url: str
    method: str = "GET"
    headers: Sequence[tuple[str, str]] = ()
    load_balancer: str = ""
    distribution: str = ""


def reached(
    config: Config, asked: DescribedRequest, ports: Mapping[int, str]
) -> tuple[Door, Request]:
    """The front door, and the request as it comes there. Raises UsageError.

    `ports` are front doors as `KIND NAME` by the real port.
    """
    parts = _parts(asked.url)
    door = _door(config, asked, parts, ports)
    is_by_name = parts.port is None and door.takes_both_schemes
    scheme = parts.scheme if is_by_name else "https" if door.is_secure else "http"
    return door, _request(asked, parts, scheme)


def _parts(url: str) -> SplitResult:
    """The parts of a URL. Raises UsageError."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise UsageError(f"{url!r} is no URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{url!r} must be http://HOST[:PORT]/PATH or https://…")
    return parts


def _door(
    config: Config, asked: DescribedRequest, parts: SplitResult, ports: Mapping[int, str]
) -> Door:
    doors = _named(config, asked)
    port = parts.port or _USUAL_PORTS[parts.scheme]
    at_port = [door for door in doors if door.port == port]
    there = [door for door in doors if ports.get(port) == _key(door)]
    free = [door for door in there if not door.listen.port] or there
    if not at_port and free:
        at_port = [_with_scheme(free, parts.scheme)]
    at_port = at_port or [door for door in doors if door.is_public_at(port, parts.scheme)]
    if at_port:
        return _by_host(at_port, asked, parts)
    if parts.port is None:
        by_name = [door for door in doors if (parts.hostname or "") in door.hosts]
        names = {_key(door) for door in doors}
        if by_name or len(names) == 1:
            return _with_scheme(by_name or doors, parts.scheme)
    known = ", ".join(f"{door.name}:{door.port}" for door in doors)
    raise UsageError(f"no front door is at port {port} (known: {known})")


def _by_host(doors: Sequence[Door], asked: DescribedRequest, parts: SplitResult) -> Door:
    """Of front doors that share a port, the one that the Host picks; else the first one."""
    first = doors[0]
    place = (first.listen.address, first.listen.port)
    sharing = [door for door in doors if place == (door.listen.address, door.listen.port)]
    if len(sharing) < 2 or not first.listen.port:
        return first
    table = host_table([(door.name, door.hosts) for door in sharing])
    return sharing[table.place(_request(asked, parts, "http")) or 0]


def _named(config: Config, asked: DescribedRequest) -> Sequence[Door]:
    """The front doors that may be meant."""
    doors: Sequence[Door] = config.doors
    if asked.load_balancer:
        doors = [door for door in config.listeners if door.name == asked.load_balancer]
        if not doors:
            raise UsageError(f"there is no load balancer {asked.load_balancer!r}")
    elif asked.distribution:
        doors = [door for door in config.distributions if door.name == asked.distribution]
        if not doors:
            raise UsageError(f"there is no distribution {asked.distribution!r}")
    if not doors:
        raise UsageError("the configuration has no front door")
    return doors


def _key(door: Door) -> str:
    return f"{door.kind} {door.name}"


def _with_scheme(doors: Sequence[Door], scheme: str) -> Door:
    fitting = [door for door in doors if door.is_secure == (scheme == "https")]
    return (fitting or doors)[0]


def _request(asked: DescribedRequest, parts: SplitResult, scheme: str) -> Request:
    """The request that a client sends."""
    lines: list[Header] = [(name.encode(), text.encode()) for name, text in asked.headers]
    headers = Headers(lines)
    if b"host" not in headers:
        headers = Headers([(b"Host", parts.netloc.rpartition("@")[2].encode()), *headers.raw])
    raw = (parts.path or "/").encode() + (b"?" + parts.query.encode() if parts.query else b"")
    target = RequestTarget.parse(raw)
    return Request(asked.method.upper(), target, headers, scheme=scheme, client=Client())
