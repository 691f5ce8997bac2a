"""The ports that front doors really have, where the configuration leaves the choice to the system.

With `listen: 0` the system chooses, when the socket is bound. What shows a port (X-Forwarded-Port,
Location, `customOrigin.port` in events, the announcement of HTTP/3, access logs) gets the chosen
one, put into the values here: once for a start and for each reload, so requests know nothing of it.
In process there is no socket; there it is the port that the protocol has by default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final, TypeVar

from edgegw.cloudfront import model as cloudfront
from edgegw.config.model import Config, DistributionDoor, Door, ListenerDoor

_DEFAULT: Final[Mapping[str, int]] = {"HTTP": 80, "HTTPS": 443}


_D = TypeVar("_D", bound=Door)


def by_key(doors: Sequence[_D]) -> Mapping[object, _D]:
    """The doors by what stays the same when their values change; ports may be 0 more than once.

    Keys are text: looked up with every request, and quick to compare.
    """
    keyed: dict[object, _D] = {}
    for door in doors:
        same = 0
        while (key := f"{type(door).__name__} {door.name} {door.listen!r} {same}") in keyed:
            same += 1
        keyed[key] = door
    return MappingProxyType(keyed)


def with_ports(config: Config, ports: Mapping[object, int]) -> Config:
    """`config` with the port of each front door that listens on 0; `ports` are by its key."""
    if all(door.listen.port for door in config.doors):
        return config
    listeners = tuple(
        _listener(door, ports.get(key)) for key, door in by_key(config.listeners).items()
    )
    seen: dict[str, int] = {}
    for door in listeners:  # distributions reach a load balancer's first listener
        seen.setdefault(door.listener.load_balancer.dns_name, door.listener.port)
    distributions = by_key(config.distributions)
    secure = {
        door.name: ports.get(key, _DEFAULT["HTTPS"])
        for key, door in distributions.items()
        if door.is_secure
    }
    settled = [
        _distribution(door, ports.get(key), seen, secure) for key, door in distributions.items()
    ]
    return replace(config, distributions=tuple(settled), listeners=listeners)


def _listener(door: ListenerDoor, port: int | None) -> ListenerDoor:
    if door.listener.port:
        return door
    apparent = port or _DEFAULT[door.listener.protocol]
    return replace(door, listener=replace(door.listener, port=apparent))


def _distribution(
    door: DistributionDoor,
    port: int | None,
    seen: Mapping[str, int],
    secure: Mapping[str, int],
) -> DistributionDoor:
    given, over_https = door.distribution, door.distribution.over_https
    changed = replace(
        _with_origins(given, seen),
        port=given.port or port or _DEFAULT["HTTPS"],
        https_port=given.https_port or secure.get(door.name),
        over_https=None
        if over_https is None
        else replace(_with_origins(over_https, seen), port=given.port or port or _DEFAULT["HTTPS"]),
    )
    return replace(door, distribution=changed)


def _with_origins(
    given: cloudfront.Distribution, seen: Mapping[str, int]
) -> cloudfront.Distribution:
    return replace(
        given,
        behaviors=tuple(_behavior(behavior, seen) for behavior in given.behaviors),
        default_behavior=_behavior(given.default_behavior, seen),
    )


def _behavior(given: cloudfront.Behavior, seen: Mapping[str, int]) -> cloudfront.Behavior:
    fallback = given.fallback
    if fallback is not None:
        fallback = replace(fallback, origin=_origin(fallback.origin, seen))
    return replace(given, origin=_origin(given.origin, seen), fallback=fallback)


def _origin(given: cloudfront.Origin, seen: Mapping[str, int]) -> cloudfront.Origin:
    """An origin that is a load balancer of this configuration, with that one's port."""
    if isinstance(given, cloudfront.CustomOrigin) and not given.port:
        return replace(given, port=seen[given.domain_name])
    return given
