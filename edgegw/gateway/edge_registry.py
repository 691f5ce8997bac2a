"""The CloudFront Functions of a gateway with their stages, as the CloudFront API changes them.

Of a function of the configuration LIVE is what its file says. The API may edit and publish it all
the same: then requests run what was published, until the file or the configuration is loaded again,
which ends what the API made of it. Functions that the API creates are kept in the state folder.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edgegw.cloudfront.edge_functions.model import EdgeFunction, EdgeOutcome
from edgegw.cloudfront.edge_functions.stages import (
    StagedCode,
    StagedFunction,
    configured_function,
    created_function,
)
from edgegw.cloudfront.edge_functions.trial import TrialEvent
from edgegw.errors import EnvironmentProblem
from edgegw.gateway.key_value_stores import lasting_id
from edgegw.wire.state_folder import state_folder, write_private

if TYPE_CHECKING:
    from edgegw.config.model import Config
    from edgegw.gateway.gateway import Gateway

FILE: Final = "edge-functions.json"

logger = logging.getLogger(__name__)


class EdgeRegistry:
    """The functions by name. Whoever changes one checks before that he may."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._since = gateway.world.now()
        self._file = Path(gateway.config.state) / FILE if gateway.lasts else None
        self._created = {} if self._file is None else read_created(self._file)
        self._edited: dict[str, StagedFunction] = {}

    @property
    def _configured(self) -> dict[str, EdgeFunction]:
        return dict(self._gateway.config.edge_functions)

    def all(self) -> list[StagedFunction]:
        """Every function, in the order of names."""
        configured = self._configured
        names = sorted({*configured, *self._created})
        return [function for name in names if (function := self.find(name)) is not None]

    def find(self, name: str) -> StagedFunction | None:
        """The function `name`; one of the configuration before one that was created."""
        configured = self._configured.get(name)
        if configured is None:
            return self._created.get(name)
        edited = self._edited.get(name)
        if edited is not None and edited.live is not None and edited.live.function == configured:
            return edited
        return configured_function(configured, self._since)

    def is_configured(self, name: str) -> bool:
        return name in self._gateway.config.edge_functions

    def is_associated(self, name: str) -> bool:
        """Whether a behavior has the function."""
        return is_associated(self._gateway.config, name)

    # Key value stores, by the ARNs that the API has for them

    def store_arn(self, name: str) -> str:
        """The ARN of the store `name`."""
        state = self._gateway.key_values.find(name)
        return store_arn(self._gateway.config, name, "" if state is None else state.id)

    def store_name(self, arn: str) -> str | None:
        """The name of the store whose ARN it is; None without one."""
        state = self._gateway.key_values.find(arn)
        return None if state is None else state.name

    # Changes

    def create(self, function: EdgeFunction) -> StagedFunction:
        """A new function, in DEVELOPMENT. Raises EnvironmentProblem."""
        return self._keep(created_function(function, self._gateway.world.now()))

    def update(self, before: StagedFunction, function: EdgeFunction) -> StagedFunction:
        """`before` with another DEVELOPMENT. Raises EnvironmentProblem."""
        function = replace(function, path=before.development.function.path)
        return self._keep(before.updated(function, self._gateway.world.now()))

    def publish(self, before: StagedFunction) -> StagedFunction:
        """`before` with its DEVELOPMENT as LIVE, which requests run from now on."""
        after = before.published(self._gateway.world.now())
        if self.is_configured(after.name):
            self._gateway.put_edge_function(after.development.function)
        return self._keep(after)

    def delete(self, function: StagedFunction) -> None:
        """Forgets a function that was created. Raises EnvironmentProblem."""
        left = {name: one for name, one in self._created.items() if name != function.name}
        self._save(left)

    async def run(self, one: StagedCode, event: TrialEvent) -> EdgeOutcome:
        """What becomes of an event, beside what requests run."""
        return await self._gateway.driver().edge.run_alone(
            one.function, event.call(one.function.name)
        )

    def _keep(self, function: StagedFunction) -> StagedFunction:
        if self.is_configured(function.name):
            self._edited[function.name] = function
        else:
            self._save({**self._created, function.name: function})
        return function

    def _save(self, created: dict[str, StagedFunction]) -> None:
        if self._file is not None:
            state_folder(self._file.parent)
            content = json.dumps([asdict(function) for function in created.values()])
            try:
                write_private(self._file, content.encode())
            except OSError as error:
                text = f"{self._file} cannot be written: {error.strerror or error}"
                raise EnvironmentProblem(text) from None
        self._created = created


def is_associated(config: Config, name: str) -> bool:
    """Whether a behavior of `config` has the function `name`."""
    return any(
        name in behavior.edge_functions.values()
        for door in config.distributions
        for behavior in (*door.distribution.behaviors, door.distribution.default_behavior)
    )


def store_arn(config: Config, name: str, identity: str = "") -> str:
    """The ARN of the key value store `name`, by default of one of the configuration."""
    resource = f"key-value-store/{identity or lasting_id(name)}"
    return f"arn:aws:cloudfront::{config.account.account_id}:{resource}"


def read_created(file: Path) -> dict[str, StagedFunction]:
    """The functions that are kept in `file`, by name; what cannot be read is left out."""
    try:
        records: list[dict[str, Any]] = json.loads(file.read_bytes())
        functions = [_decoded(record) for record in records]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("%s cannot be read, its functions are left out: %r", file, error)
        return {}
    return {function.name: function for function in functions}


def _decoded(record: dict[str, Any]) -> StagedFunction:
    live = record["live"]
    return StagedFunction(
        float(record["created"]),
        _decoded_stage(record["development"]),
        None if live is None else _decoded_stage(live),
    )


def _decoded_stage(record: dict[str, Any]) -> StagedCode:
    return StagedCode(
        function=EdgeFunction(**record["function"]),
        stage=record["stage"],
        modified=float(record["modified"]),
        revision=int(record["revision"]),
    )
