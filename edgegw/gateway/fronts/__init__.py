"""Kinds of front doors: each is a file here and an entry in `FRONTS`; nothing else asks which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edgegw.config.model import DistributionDoor, Door, ListenerDoor
from edgegw.gateway.fronts.distribution import DistributionFront
from edgegw.gateway.fronts.front import FrontDoor
from edgegw.gateway.fronts.load_balancer import LoadBalancerFront

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

FRONTS: Final[dict[type[Door], type[FrontDoor]]] = {
    DistributionDoor: DistributionFront,
    ListenerDoor: LoadBalancerFront,
}


def front_of(gateway: Gateway, key: object, door: Door, *, by_socket: bool = False) -> FrontDoor:
    """The front door of a configured one, for those who come `by_socket` or in process."""
    return FRONTS[type(door)](gateway, key, door, by_socket=by_socket)
