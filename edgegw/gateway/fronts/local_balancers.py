"""What the local API answers about load balancers: explanations, targets, weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from edgegw.errors import UsageError
from edgegw.gateway.balancer_control import (
    MAX_WEIGHT,
    deregister,
    describe_targets,
    explained,
    register,
    with_weights,
)
from edgegw.gateway.distribution_explain import door_of_url, explained_distribution
from edgegw.gateway.fronts.local_operations import FrontDoorUrls
from edgegw.gateway.fronts.local_router import Call, json_answer
from edgegw.http.message import Response

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway


class BalancerOperations:
    """Explains, lists and changes what load balancers do."""

    def __init__(self, gateway: Gateway, front_door_urls: FrontDoorUrls) -> None:
        self._gateway = gateway
        self._front_door_urls = front_door_urls

    def explain(self, call: Call) -> Response:
        """`{"url": …, "method"?, "headers"?: [[NAME, VALUE], …], "load_balancer"?}`."""
        headers = cast("list[object]", call.member("headers", list, []))
        url, method = call.member("url", str), call.member("method", str, "GET")
        lines, name = [_header(line) for line in headers], call.member("load_balancer", str, "")
        gateway = self._gateway
        door = None if name else door_of_url(gateway.config, url, self._ports("distribution"))
        if door is not None:
            store = gateway.caching.store
            answer = explained_distribution(
                door.distribution, url, method, lines, store, gateway.world
            )
            return json_answer(answer)
        ports = self._ports("load-balancer")
        explanation = explained(
            gateway.config, gateway.target_groups, url, method, lines, name or None, ports
        )
        return json_answer(explanation.to_dict())

    def _ports(self, wanted: str) -> dict[int, str]:
        """The names of front doors of the `wanted` kind by their real ports."""
        ports: dict[int, str] = {}
        for front_door, url in self._front_door_urls().items():
            kind, _, name = front_door.partition(" ")
            if kind == wanted:
                ports[int(url.rpartition(":")[2])] = name
        return ports

    def targets(self, call: Call) -> Response:
        """`{"group"?, "action"?: "register" | "deregister" | "health", "targets"?: […]}`."""
        name, action = call.member("group", str, ""), call.member("action", str, "health")
        targets = [str(target) for target in cast("list[object]", call.member("targets", list, []))]
        if action not in ("register", "deregister", "health"):
            raise UsageError("the action is register, deregister or health")
        if action != "health":
            self._change_targets(action, name, targets)
        config, groups = self._gateway.config, self._gateway.target_groups
        names = [name] if name else list(config.target_groups)
        rows = {group: describe_targets(config, groups, group) for group in names}
        return json_answer({"targets": rows})

    def _change_targets(self, action: str, name: str, targets: list[str]) -> None:
        change = register if action == "register" else deregister
        config = self._gateway.config
        changed = change(config, self._gateway.target_groups, name, targets)
        if changed is not config:
            self._gateway.route(changed)

    def weights(self, call: Call) -> Response:
        """`{"rule": …, "weights"?: {GROUP: NUMBER}}`; without weights they stay as they are."""
        weights = cast("dict[str, object]", call.member("weights", dict, {}))
        numbers = {name: _weight(name, weight) for name, weight in weights.items()}
        rule = call.member("rule", str)
        changed, standing = with_weights(self._gateway.config, rule, numbers)
        if numbers:
            self._gateway.route(changed)
        return json_answer({"rule": rule, "weights": standing})


def _weight(name: str, weight: object) -> int:
    if isinstance(weight, int) and not isinstance(weight, bool) and 0 <= weight <= MAX_WEIGHT:
        return weight
    raise UsageError(f"the weight of {name} is a number from 0 to {MAX_WEIGHT}")


def _header(line: object) -> tuple[str, str]:
    match line:
        case [str(name), str(value)]:
            return name, value
        case _:
            raise UsageError("'headers' must be a list of [NAME, VALUE]")
