"""The CloudFront Functions of a gateway with their stages, as the CloudFront API changes them.

Of a function of the configuration LIVE is what its file says. The API may edit and publish it all
the same: then requests run what was published, until the file or the configuration is loaded again,
which ends what the API made of it. Functions that the API creates are kept in the state folder,
which other gateways may share: whether a change may be is decided where nobody else writes.

What is awaited here is on disk when it answers. `all`, `find` and the names of stores read the
disk: an event loop asks them `aside`, in the one thread that does all this, in the order of calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from edgegw.cloudfront.api.errors import ApiError
from edgegw.cloudfront.api.functions import (
    check_version,
    function_arn,
    function_exists,
    function_in_use,
    no_such_function,
    too_many_functions,
)
from edgegw.cloudfront.edge_functions.model import EdgeFunction, EdgeOutcome
from edgegw.cloudfront.edge_functions.stages import (
    MAX_EDGE_FUNCTIONS,
    StagedCode,
    StagedFunction,
    configured_function,
    created_function,
)
from edgegw.cloudfront.edge_functions.trial import TrialEvent
from edgegw.execution.edge_function_rows import (
    FUNCTION_SCHEMA,
    drop_function,
    keep_function,
    kept_function,
    kept_functions,
)
from edgegw.execution.shared_file import SharedFile
from edgegw.execution.tag_rows import TAG_SCHEMA, drop_all_tags, keep_tags
from edgegw.gateway.key_value_stores import lasting_id

if TYPE_CHECKING:
    from edgegw.config.model import Config
    from edgegw.gateway.gateway import Gateway

P = ParamSpec("P")
T = TypeVar("T")

FILE: Final = "cloudfront.sqlite"
"""In the state folder: functions that the API created, and tags of resources."""


class EdgeRegistry:
    """The functions by name. Changes are refused as the API refuses them, with ApiError."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._since = gateway.world.now()
        self.kept = kept_in(Path(gateway.config.state) if gateway.lasts else None)
        self._edited: dict[str, StagedFunction] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cloudfront-api")

    async def aside(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """What `work` answers, in the thread of this registry."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(work, *given, **named))

    def all(self) -> list[StagedFunction]:
        """Every function, in the order of names. Raises EnvironmentProblem."""
        functions = self.kept.read(kept_functions)
        for name in self._gateway.config.edge_functions:
            configured = self._find_configured(name)
            if configured is not None:
                functions[name] = configured
        return [functions[name] for name in sorted(functions)]

    def find(self, name: str) -> StagedFunction | None:
        """The function `name`; one of the configuration before one that was created.

        Raises EnvironmentProblem.
        """
        configured = self._find_configured(name)
        return configured or self.kept.read(lambda connection: kept_function(connection, name))

    def _find_configured(self, name: str) -> StagedFunction | None:
        configured = self._gateway.config.edge_functions.get(name)
        if configured is None:
            return None
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

    async def create(
        self, function: EdgeFunction, tags: Mapping[str, str] | None = None
    ) -> StagedFunction:
        """A new function, in DEVELOPMENT. Raises ApiError and EnvironmentProblem."""
        created = created_function(function, self._gateway.world.now())
        configured = set(self._gateway.config.edge_functions)

        def create(connection: Connection) -> StagedFunction:
            names = configured | kept_functions(connection).keys()
            if function.name in names:
                raise function_exists()
            if len(names) >= MAX_EDGE_FUNCTIONS:
                raise too_many_functions(MAX_EDGE_FUNCTIONS)
            keep_function(connection, created)
            keep_tags(connection, self._arn(function.name), tags or {})
            return created

        return await self.aside(self.kept.write, create)

    async def update(self, function: EdgeFunction, if_match: str | None) -> StagedFunction:
        """The function of this name with another DEVELOPMENT.

        Raises ApiError and EnvironmentProblem.
        """
        now = self._gateway.world.now()

        def update(before: StagedFunction) -> StagedFunction:
            path = before.development.function.path
            return before.updated(replace(function, path=path), now)

        return await self._change(function.name, if_match, update)

    async def publish(self, name: str, if_match: str | None) -> StagedFunction:
        """`name` with its DEVELOPMENT as LIVE, which requests run from now on.

        Raises ApiError and EnvironmentProblem.
        """
        now, is_configured = self._gateway.world.now(), self.is_configured(name)
        after = await self._change(name, if_match, lambda before: before.published(now))
        if is_configured:
            self._gateway.put_edge_function(after.development.function)
        return after

    async def delete(self, name: str, if_match: str | None) -> None:
        """Forgets a function that was created. Raises ApiError and EnvironmentProblem."""
        configured = self._find_configured(name)
        if configured is not None:
            check_version(if_match, configured.development.etag)
            if self.is_associated(name):
                raise function_in_use()
            text = "The configuration of the gateway has this function: remove it there."
            raise ApiError("UnsupportedOperation", text)

        def delete(connection: Connection) -> None:
            _checked(kept_function(connection, name), if_match)
            drop_function(connection, name)
            drop_all_tags(connection, self._arn(name))

        await self.aside(self.kept.write, delete)

    async def _change(
        self,
        name: str,
        if_match: str | None,
        change: Callable[[StagedFunction], StagedFunction],
    ) -> StagedFunction:
        configured = self._find_configured(name)
        if configured is not None:
            after = self._edited[name] = change(_checked(configured, if_match))
            return after

        def keep(connection: Connection) -> StagedFunction:
            after = change(_checked(kept_function(connection, name), if_match))
            keep_function(connection, after)
            return after

        return await self.aside(self.kept.write, keep)

    def _arn(self, name: str) -> str:
        return function_arn(self._gateway.config.account, name)

    async def run(self, one: StagedCode, event: TrialEvent) -> EdgeOutcome:
        """What becomes of an event, beside what requests run."""
        return await self._gateway.driver().edge.run_alone(
            one.function, event.call(one.function.name)
        )


def kept_in(folder: Path | None) -> SharedFile:
    """What the CloudFront API made, kept in a state folder or, without one, in memory."""
    return SharedFile(None if folder is None else folder / FILE, FUNCTION_SCHEMA + TAG_SCHEMA)


def _checked(function: StagedFunction | None, if_match: str | None) -> StagedFunction:
    """The function, which is there and as `if_match` says. Raises ApiError."""
    if function is None:
        raise no_such_function()
    check_version(if_match, function.development.etag)
    return function


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
