"""Kinds of front doors: each is a file here and an entry in `FRONTS`; nothing else asks which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from edgegw.config.model import (
    Config,
    DistributionDoor,
    Door,
    FunctionUrlDoor,
    HttpApiDoor,
    ListenerDoor,
)
from edgegw.gateway.fronts.distribution import DistributionFront
from edgegw.gateway.fronts.front import FrontDoor
from edgegw.gateway.fronts.function_url import FunctionUrlFront
from edgegw.gateway.fronts.http_api import HttpApiFront
from edgegw.gateway.fronts.lambda_api import LambdaApiFront
from edgegw.gateway.fronts.load_balancer import LoadBalancerFront
from edgegw.gateway.fronts.public_keys import PublicKeysFront
from edgegw.gateway.ports import by_key

if TYPE_CHECKING:
    from edgegw.gateway.fronts.served import Served
    from edgegw.gateway.fronts.shared_port import SharedPort
    from edgegw.gateway.gateway import Gateway

FRONTS: Final[dict[type[Door], type[FrontDoor]]] = {
    DistributionDoor: DistributionFront,
    ListenerDoor: LoadBalancerFront,
    HttpApiDoor: HttpApiFront,
    FunctionUrlDoor: FunctionUrlFront,
}


def front_of(gateway: Gateway, key: object, door: Door, *, by_socket: bool = False) -> FrontDoor:
    """The front door of a configured one, for those who come `by_socket` or in process."""
    return FRONTS[type(door)](gateway, key, door, by_socket=by_socket)


def sharing(gateway: Gateway, fronts: Sequence[FrontDoor], first: FrontDoor) -> SharedPort:
    """`fronts` at one place to listen; what nobody else needs is imported here."""
    from edgegw.gateway.fronts.shared_port import SharedPort

    return SharedPort(gateway, fronts, first)


def front_at(gateway: Gateway, door: Door, *, by_socket: bool = False) -> FrontDoor:
    """The front door that is configured as `door` at present."""
    key = next(key for key, present in gateway.doors.items() if present is door)
    return front_of(gateway, key, door, by_socket=by_socket)


def behind_port(gateway: Gateway, door: Door, *, by_socket: bool = False) -> FrontDoor | SharedPort:
    """What answers where `door` listens: the door, and those that share its port by Host."""
    listen = door.listen
    place = (listen.address, listen.port)
    fronts = {
        id(other): front_at(gateway, other, by_socket=by_socket)
        for other in gateway.doors.values()
        if other is door or (listen.port and place == (other.listen.address, other.listen.port))
    }
    first = fronts[id(door)]
    return first if len(fronts) == 1 else sharing(gateway, list(fronts.values()), first)


def served_of(gateway: Gateway, config: Config) -> dict[object, Served]:
    """What `config` has on sockets, by identity."""
    doors = by_key(config.doors)
    fronts = [front_of(gateway, key, door, by_socket=True) for key, door in doors.items()]
    served = by_port(gateway, fronts)
    if config.lambda_api is not None:
        served.append(LambdaApiFront(gateway, config.lambda_api))
    if config.public_keys is not None:
        served.append(PublicKeysFront(gateway, config.public_keys))
    if config.identity_providers:
        from edgegw.gateway.fronts.identity_provider import IdentityProviderFront

        served += [IdentityProviderFront(gateway, door) for door in config.identity_providers]
    return {front.identity: front for front in served}


def by_port(gateway: Gateway, fronts: Iterable[FrontDoor]) -> list[Served]:
    """`fronts` as sockets have them: those at one place are one. Ports of the system's are not."""
    groups: dict[object, list[FrontDoor]] = {}
    for front in fronts:
        listen = front.listen
        place = (listen.address, listen.port) if listen.port else front.key
        groups.setdefault(place, []).append(front)
    return [
        group[0] if len(group) == 1 else sharing(gateway, group, group[0])
        for group in groups.values()
    ]
