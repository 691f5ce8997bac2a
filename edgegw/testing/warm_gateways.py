"""Gateways that tests share, one after the other: each finds its own as new, and warm.

A gateway is made once for each configuration and folder. What a test gets was reset before it, not
after it, so that whoever looks at a failed test finds what it left.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, cast

from edgegw.config.model import Door
from edgegw.config.remembered import load_again
from edgegw.config.resolve import load_dict
from edgegw.errors import UsageError
from edgegw.gateway.clock import Clock
from edgegw.gateway.gateway import Gateway
from edgegw.testing.arguments import GatewayArguments

_MOST: Final = 16
"""Gateways that are warm at the same time; the one that was used least lately goes."""


class WarmGateways:
    """The gateways of one scope, by configuration."""

    def __init__(self) -> None:
        self._warm: dict[tuple[str, ...], tuple[Gateway, ExitStack]] = {}

    def gateway(self, arguments: GatewayArguments, folder: Path, usual: Path | None) -> Gateway:
        """The gateway that a test in `folder` wants, as new; `usual` is the file of the option.

        Raises UsageError, and ConfigError for what the configuration has wrong.
        """
        config = usual if arguments.config is None else arguments.config
        if config is None:
            raise UsageError(
                "the fixture `gateway` needs a configuration: mark the test with "
                '@pytest.mark.edgegw("path.yaml"), or set edgegw_config in the ini file'
            )
        key = _key(config, folder)
        warm = self._warm.pop(key, None) or self._begun(config, folder)
        self._warm[key] = warm  # the last one is the one that was used last
        self._make_room()
        gateway = warm[0]
        gateway.reset(
            functions=arguments.functions,
            clock=arguments.clock,
            seed=arguments.seed,
            viewer=arguments.viewer.place,
        )
        return gateway

    def _begun(self, config: Any, folder: Path) -> tuple[Gateway, ExitStack]:
        if isinstance(config, Mapping):
            loaded = load_dict(cast("Mapping[str, Any]", config), folder)
        else:
            loaded = load_again(folder / config)
        gateway = Gateway(loaded, clock=Clock())
        running = ExitStack()
        running.enter_context(gateway.kept_warm())
        return gateway, running

    def _make_room(self) -> None:
        while len(self._warm) > _MOST:
            _, running = self._warm.pop(next(iter(self._warm)))
            running.close()

    def close(self) -> None:
        """Ends them all."""
        while self._warm:
            _, running = self._warm.popitem()[1]
            running.close()


def _key(config: Any, folder: Path) -> tuple[str, ...]:
    """What tells gateways apart: a file as it was read last, or a mapping with its folder."""
    if isinstance(config, Mapping):
        return str(folder), json.dumps(config, sort_keys=True, default=str)
    return ("file", str(id(load_again(folder / config))))


def door_of(gateway: Gateway, name: str | None) -> Door:
    """The front door that clients of a test talk to. Raises UsageError where it is not clear."""
    if name is not None:
        return gateway.door(name)
    doors = list(gateway.doors.values())
    distributions = gateway.config.distributions
    if len(doors) == 1 or len(distributions) == 1:
        return distributions[0] if distributions else doors[0]
    names = ", ".join(door.name for door in doors) or "none"
    raise UsageError(
        f"there are several front doors ({names}): mark the test with "
        "@pytest.mark.edgegw(door=...), or use gateway.client(name)"
    )
