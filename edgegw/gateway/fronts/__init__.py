"""Kinds of front doors: each is a file here and an entry in `FRONTS`; nothing else asks which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from edgegw.config.model import DistributionDoor, Door, ListenerDoor
from edgegw.gateway.fronts.distribution import DistributionFront
from edgegw.gateway.fronts.front import FrontDoor
from edgegw.gateway.fronts.load_balancer import LoadBalancerFront

if TYPE_CHECKING:
    from edgegw.gateway.fronts.served import Served
    from edgegw.gateway.fronts.shared_port import SharedPort
    from edgegw.gateway.gateway import Gateway

FRONTS: Final[dict[type[Door], type[FrontDoor]]] = {
    DistributionDoor: DistributionFront,
    ListenerDoor: LoadBalancerFront,
}


def front_of(gateway: Gateway, key: object, door: Door, *, by_socket: bool = False) -> FrontDoor:
    """The front door of a configured one, for those who come `by_socket` or in process."""
    return FRONTS[type(door)](gateway, key, door, by_socket=by_socket)


def sharing(gateway: Gateway, fronts: Sequence[FrontDoor], first: FrontDoor) -> SharedPort:
    """`fronts` at one place to listen; what nobody else needs is imported here."""
    from edgegw.gateway.fronts.shared_port import SharedPort

    return SharedPort(gateway, fronts, first)


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
