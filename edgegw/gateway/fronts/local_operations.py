"""What the local API answers about the gateway as a whole: its state, and faults on demand."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias, cast

from edgegw import __version__
from edgegw.config.gateway.faults import set_faults
from edgegw.errors import UsageError
from edgegw.gateway.fronts.local_router import Call, json_answer
from edgegw.http.message import Response

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

FrontDoorUrls: TypeAlias = Callable[[], Mapping[str, str]]
"""Where front doors listen now: URLs by kind and name, such as `load-balancer web`."""


class GatewayOperations:
    """Status and faults."""

    def __init__(self, gateway: Gateway, front_door_urls: FrontDoorUrls) -> None:
        self._gateway = gateway
        self._front_door_urls = front_door_urls

    def status(self, _: Call) -> Response:
        gateway = self._gateway
        return json_answer(
            {
                "version": __version__,
                "pid": os.getpid(),
                "configuration": next(iter(gateway.config.files), None),
                "front_doors": dict(self._front_door_urls()),
                "functions": list(gateway.config.functions),
                "stale": dict(gateway.stale),
                **self._faults(),
            }
        )

    def faults(self, _: Call) -> Response:
        return json_answer(self._faults())

    def set_faults(self, call: Call) -> Response:
        settings = cast("list[object]", call.member("set", list, []))
        if not all(isinstance(setting, str) for setting in settings):
            raise UsageError("'set' must be a list of NAME.KIND=VALUE")
        seed = call.body.get("seed")
        if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool)):
            raise UsageError("'seed' must be a whole number")
        faults, targets = self._gateway.faults, self._gateway.config.fault_targets
        faults.put(set_faults(faults.plans, cast("list[str]", settings), targets), seed)
        return json_answer(self._faults())

    def clear_faults(self, _: Call) -> Response:
        self._gateway.faults.put({})
        return json_answer(self._faults())

    def _faults(self) -> dict[str, object]:
        faults = self._gateway.faults
        plans = {target: plan.to_dict() for target, plan in faults.plans.items()}
        return {"faults": plans, "seed": faults.seed}
