"""What the local API answers about load balancers: targets and weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from edgegw.alb.quotas import MAX_WEIGHT
from edgegw.errors import UsageError
from edgegw.gateway.balancer_control import (
    deregister,
    describe_targets,
    register,
    with_weights,
)
from edgegw.gateway.fronts.local_router import Call, json_answer
from edgegw.http.message import Response

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway


class BalancerOperations:
    """Lists and changes what load balancers do."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

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
