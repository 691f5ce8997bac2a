"""Which front door a request of `edgegw explain` comes to, and what that would do with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.explain import explain as explain_distribution
from edgegw.cloudfront.hosts import host_table
from edgegw.cloudfront.idle import why_idle
from edgegw.config.model import (
    Config,
    DistributionDoor,
    Door,
    FunctionUrlDoor,
    HttpApiDoor,
    ListenerDoor,
)
from edgegw.errors import UsageError
from edgegw.gateway.balancer_control import explain_listener
from edgegw.gateway.cache_explaining import explained_cache
from edgegw.gateway.cache_store import NoStore, PeekedStore
from edgegw.gateway.target_groups import TargetGroups
from edgegw.gateway.world import REAL, World
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


def explained(
    config: Config,
    asked: DescribedRequest,
    groups: TargetGroups | None = None,
    ports: Mapping[int, str] | None = None,
    store: PeekedStore | None = None,
    world: World = REAL,
) -> dict[str, Any]:
    """What becomes of the request, as plain values, with the `kind` of its front door.

    Without `groups` all targets count as healthy. `ports` are front doors as `KIND NAME` by the
    real port where the configuration does not say, `store` is what the caches keep. Raises
    UsageError.
    """
    parts = _parts(asked.url)
    door = find_door(config, asked, parts, ports or {})
    is_by_name = parts.port is None and isinstance(door, DistributionDoor)
    scheme = parts.scheme if is_by_name else "https" if _is_secure(door) else "http"
    request = _request(asked, parts, scheme)
    if isinstance(door, ListenerDoor):
        explanation = explain_listener(door.listener, request, groups, world).to_dict()
        return {"kind": "load-balancer", **explanation}
    if not isinstance(door, DistributionDoor):
        return {"kind": door.kind, **_http_explained(door, request, world)}
    distribution = door.distribution
    facts = DistributionFacts("", world.via_host(), world.date(), viewer=distribution.viewer)
    explanation = explain_distribution(distribution, request, facts).to_dict()
    cache = explained_cache(distribution, request, facts, store or NoStore(), world.now())
    return {
        "kind": "distribution",
        **explanation,
        "functions": _with_idle(explanation, cache),
        "cache": cache,
    }


def _http_explained(
    door: FunctionUrlDoor | HttpApiDoor, request: Request, world: World
) -> dict[str, Any]:
    from edgegw.awslambda.http_events.context import HttpFacts
    from edgegw.awslambda.http_events.explain import explain_api, explain_url

    facts = HttpFacts(request_id="", date=world.date(), now=world.now(), entropy=world.entropy())
    if isinstance(door, HttpApiDoor):
        return explain_api(door.api, request, facts)
    return explain_url(door.url, request, facts)


def _with_idle(explanation: Mapping[str, Any], cache: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The functions, and why one does not run now; None for one that does."""
    stored, is_refused = cache["stored"], explanation["refusal"] is not None
    is_error = stored is not None and stored["is_error"] and cache["state"] in ("hit", "stale")
    return [
        {
            **run,
            "idle": "CloudFront answers itself"
            if is_refused
            else why_idle(run["trigger"], cache["state"], is_error=is_error),
        }
        for run in explanation["functions"]
    ]


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


def find_door(
    config: Config, asked: DescribedRequest, parts: SplitResult, ports: Mapping[int, str]
) -> Door:
    """The front door that the URL reaches: by its port, else by its name. Raises UsageError."""
    doors = _named(config, asked)
    port = parts.port or _USUAL_PORTS[parts.scheme]
    at_port = [door for door in doors if _port(door) == port]
    there = [door for door in doors if ports.get(port) == _key(door)]
    free = [door for door in there if not door.listen.port] or there
    if not at_port and free:
        at_port = [_with_scheme(free, parts.scheme)]
    at_port = at_port or [door for door in doors if _is_public(door, port, parts.scheme)]
    if at_port:
        return _by_host(at_port, asked, parts)
    if parts.port is None:
        by_name = [door for door in doors if (parts.hostname or "") in door.hosts]
        names = {_key(door) for door in doors}
        if by_name or len(names) == 1:
            return _with_scheme(by_name or doors, parts.scheme)
    known = ", ".join(f"{door.name}:{_port(door)}" for door in doors)
    raise UsageError(f"no front door is at port {port} (known: {known})")


def _by_host(doors: Sequence[Door], asked: DescribedRequest, parts: SplitResult) -> Door:
    """Of distributions that share a port, the one that the Host picks; else the first door."""
    first = doors[0]
    place = (first.listen.address, first.listen.port)
    sharing = [
        door
        for door in doors
        if isinstance(door, DistributionDoor) and (door.listen.address, door.listen.port) == place
    ]
    if len(sharing) < 2:
        return first
    table = host_table([(door.name, door.hosts) for door in sharing])
    request = _request(asked, parts, "http")
    return sharing[table.place(request) or 0]


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


def _port(door: Door) -> int:
    if isinstance(door, ListenerDoor):
        return door.listen.port or door.listener.port
    return door.listen.port


def _is_public(door: Door, port: int, scheme: str) -> bool:
    """Whether clients see a listener at this port, whatever it has here."""
    if not isinstance(door, ListenerDoor):
        return False
    return (door.listener.port, door.listener.protocol.lower()) == (port, scheme)


def _is_secure(door: Door) -> bool:
    if isinstance(door, ListenerDoor):
        return door.listener.protocol == "HTTPS"
    return door.listen.tls


def _with_scheme(doors: Sequence[Door], scheme: str) -> Door:
    fitting = [door for door in doors if _is_secure(door) == (scheme == "https")]
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
