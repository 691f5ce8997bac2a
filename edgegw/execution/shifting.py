"""Walks an alias from one version to another, as CodeDeploy does, and back when a hook fails."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Literal

from edgegw.awslambda.model import FunctionRef, Invocation, Returned
from edgegw.awslambda.payload import encode_payload
from edgegw.awslambda.service_errors import ServiceError
from edgegw.awslambda.shifting import Shift, weights
from edgegw.awslambda.versions import Alias, update_alias
from edgegw.background import Background
from edgegw.execution.service import LambdaService

logger = logging.getLogger(__name__)

HookStatus = Literal["Succeeded", "Failed"]


class Shifter:
    """Runs deployments of one service.

    Hooks report with PutLifecycleEventHookExecutionStatus (`report`). One that returns without a
    report counts as succeeded, with a warning: CodeDeploy would wait an hour for it and fail.
    """

    def __init__(self, service: LambdaService) -> None:
        self._service = service
        self._reported: dict[str, HookStatus | None] = {}
        self._running = Background()

    def report(self, execution_id: str, status: str) -> bool:
        """What a hook says of itself; False when no such hook is running."""
        if execution_id not in self._reported or status not in ("Succeeded", "Failed"):
            return False
        self._reported[execution_id] = status  # type: ignore[assignment]
        return True

    def start(self, shift: Shift) -> None:
        """Runs a deployment in the background; its progress goes to the log."""

        async def run() -> None:
            try:
                async for line in self.run(shift):
                    logger.info("%s", line)
            except ServiceError as error:
                logger.warning("%s:%s is not shifted: %s", shift.function, shift.alias, error)

        self._running.start(run())

    async def run(self, shift: Shift) -> AsyncIterator[str]:
        """The deployment, a line of progress at a time; the last one says how it ended.

        Raises ServiceError when the alias or the version is not there.
        """
        name = f"{shift.function}:{shift.alias}"
        deployment = f"d-{uuid.uuid4().hex[:9].upper()}"
        old = self._alias(shift)
        walk = weights(shift.preset, shift.time_scale)
        yield f"{deployment} {name} {old.version} -> {shift.version} by {shift.preset}"
        if shift.before and not await self._hook(shift.before, deployment):
            yield f"{deployment} failed: BeforeAllowTraffic {shift.before}; nothing was shifted"
            return
        started = asyncio.get_running_loop().time()
        try:
            for at, share in walk:
                wait = started + at - asyncio.get_running_loop().time()
                if wait > 0:
                    await asyncio.sleep(wait)
                self._move(shift, old, share)
                yield f"{deployment} {name} {round(share * 100)} % on version {shift.version}"
        except BaseException:
            self._move(shift, old, 0.0)
            raise
        if shift.after and not await self._hook(shift.after, deployment):
            self._move(shift, old, 0.0)
            back = f"rolled back to {old.version}"
            yield f"{deployment} failed: AfterAllowTraffic {shift.after}; {back}"
            return
        yield f"{deployment} succeeded"

    def _alias(self, shift: Shift) -> Alias:
        account = self._service.account
        deployed = self._service.functions.get(shift.function)
        alias = deployed.aliases.get(shift.alias) if deployed is not None else None
        if deployed is None or alias is None:
            arn = account.arn(shift.function, shift.alias)
            raise ServiceError("ResourceNotFoundException", f"Cannot find alias arn: {arn}")
        update_alias(deployed, replace(alias, version=shift.version, routing=None), account)
        return alias

    def _move(self, shift: Shift, old: Alias, share: float) -> None:
        """Sets the weights of the alias; at 1.0 the new version becomes its own."""
        deployed = self._service.functions[shift.function]
        alias = replace(old, routing=None, revision=str(uuid.uuid4()))
        if share >= 1.0:
            alias = replace(alias, version=shift.version)
        elif share > 0.0 and shift.version != old.version:
            alias = replace(alias, routing=(shift.version, share))
        self._service.change(update_alias(deployed, alias, self._service.account))

    async def _hook(self, name: str, deployment: str) -> bool:
        execution_id = str(uuid.uuid4())
        self._reported[execution_id] = None
        function, _, qualifier = name.partition(":")
        event = {"DeploymentId": deployment, "LifecycleEventHookExecutionId": execution_id}
        try:
            outcome = await self._service.invoke(
                Invocation(FunctionRef(function, qualifier=qualifier), encode_payload(event))
            )
        finally:
            status = self._reported.pop(execution_id)
        if not isinstance(outcome, Returned):
            return False
        if status is None:
            logger.warning(
                "the hook %s did not call PutLifecycleEventHookExecutionStatus: CodeDeploy would "
                "wait for that and then fail; taken as Succeeded",
                name,
            )
        return status != "Failed"

    async def close(self) -> None:
        """Stops every deployment; what was shifted so far goes back."""
        await self._running.cancel()
