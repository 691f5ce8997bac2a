"""What the local API answers about functions: the table of them, logs, shifts of aliases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING

from edgegw.awslambda.model import EDGE_PREFIX
from edgegw.awslambda.payload import encode_payload
from edgegw.awslambda.service_errors import ServiceError
from edgegw.awslambda.shifting import Shift, preset_name
from edgegw.errors import UsageError
from edgegw.execution.log_store import Entry, LogGroup, any_changed
from edgegw.gateway.fronts.local_edge_functions import (
    created_log_group,
    edge_log_group,
    edge_rows,
)
from edgegw.gateway.fronts.local_router import Call, json_answer, stream_answer
from edgegw.http.message import Body, Response

if TYPE_CHECKING:
    from edgegw.execution.control import ControlPlane
    from edgegw.gateway.gateway import Gateway

_PART = 64 * 1024
"""Bytes of log lines that go out together, about."""
_GATHERED = 0.02
"""Seconds after a new line in which others may join it."""
_EDGE_LOG = "LambdaEdge/"


class FunctionOperations:
    """Functions of the gateway's Lambda service, whether or not the Lambda API is served."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._is_ending = False

    async def table(self, _: Call) -> Response:
        """A row per function, in the order of their names; `sources` are what leads to it."""
        rows = self._control().table()
        functions = [{**row, "sources": self._sources(row)} for row in rows]
        return json_answer({"functions": [*functions, *await edge_rows(self._gateway)]})

    def _sources(self, row: Mapping[str, object]) -> list[dict[str, str]]:
        """Its event source mappings, where there are any."""
        from edgegw.gateway.workers.event_sources import EventSources

        sources = self._gateway.workers.running(EventSources)
        runs = sources.runs if sources is not None else ()
        return [run.row for run in runs if run.mapping.function.name == row["name"]]

    def _control(self) -> ControlPlane:
        """The control plane, imported by the first call that needs it."""
        from edgegw.execution.control import ControlPlane

        return ControlPlane(self._gateway.service)

    # Logs

    async def logs(self, call: Call) -> Response:
        """The entries of a log, a line of JSON each: `{"time": …, "stream": …, "lines": […]}`.

        The path names a function, its replicas (`us-east-1.NAME`), a CloudFront Function or a
        distribution's own log (`LambdaEdge/NAME`). With the query `follow=1` new ones go on coming.
        """
        names = await self._groups(call.path["log"])
        groups = [self._gateway.service.logs.group(name) for name in names]
        lines = self._log_lines(groups, follows=call.query.get("follow") == "1")
        return stream_answer(Body.streaming(lines), b"application/x-ndjson")

    async def _groups(self, log: str) -> list[str]:
        """The log groups that `log` may mean, those with entries first.

        A function may run at the edge only, where its replicas have a log of their own. Raises
        ServiceError when there is no such function.
        """
        _, mark, distribution = log.rpartition(_EDGE_LOG)
        if mark:
            return [f"/aws/cloudfront/{_EDGE_LOG}{self._distribution_id(distribution)}"]
        if (group := edge_log_group(self._gateway, log)) is not None:
            return [group]
        try:
            return self._lambda_groups(log)
        except ServiceError:
            created = await created_log_group(self._gateway, log)
            if created is None:
                raise
            return [created]

    def _lambda_groups(self, log: str) -> list[str]:
        """Those of a Lambda function. Raises ServiceError when there is no such function."""
        log = log.removeprefix("/aws/lambda/").removeprefix("aws/lambda/")
        ref = self._gateway.service.account.function_ref(log.removeprefix(EDGE_PREFIX))
        self._control().deployed(ref)
        return [log] if log.startswith(EDGE_PREFIX) else [log, f"{EDGE_PREFIX}{log}"]

    def _distribution_id(self, name: str) -> str:
        """The id of a distribution, which may be given itself. Raises UsageError."""
        doors = self._gateway.config.distributions
        for door in doors:
            if name in (door.name, door.distribution.id):
                return door.distribution.id
        known = ", ".join(door.name for door in doors) or "none"
        raise UsageError(f"there is no distribution {name!r} (known: {known})")

    async def _log_lines(
        self, groups: Sequence[LogGroup], *, follows: bool
    ) -> AsyncIterator[bytes]:
        """The entries of the first of `groups` that has any; with `follows` that gets any."""
        number = 0
        while True:
            group = next((group for group in groups if group.count), None)
            part = bytearray()
            for entry in group.after(number) if group is not None else ():
                number = entry.number
                part += _log_line(entry)
                if len(part) >= _PART:
                    yield bytes(part)
                    part.clear()
            if part:
                yield bytes(part)
            if not follows or self._is_ending:
                return
            if group is not None:
                groups = (group,)
            await any_changed(groups)
            await asyncio.sleep(_GATHERED)

    def end_following(self) -> None:
        """The gateway ends: whoever follows a log gets its last lines and the end."""
        self._is_ending = True
        if self._gateway.is_running:
            self._gateway.service.logs.wake_followers()

    # Shifts

    async def shift(self, call: Call) -> Response:
        """Walks an alias to a version; progress as lines of text, the last says how it ended.

        `{"function", "alias", "version", "preset"?, "time_scale"?, "before"?, "after"?}`. A caller
        who leaves before the end takes the alias back to where it was.
        """
        progress = self._gateway.shifter.run(_shift(call))
        first = await anext(progress)
        return stream_answer(Body.streaming(_shift_lines(first, progress)), b"text/plain")


def _log_line(entry: Entry) -> bytes:
    lines = {"time": entry.time, "stream": entry.stream, "lines": entry.lines()}
    return encode_payload(lines) + b"\n"


def _shift(call: Call) -> Shift:
    preset = preset_name(call.member("preset", str, "AllAtOnce"))
    if preset is None:
        raise UsageError(f"there is no preset {call.body['preset']!r}")
    scale = call.body.get("time_scale", 1.0)
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 < scale <= 1:
        raise UsageError("time_scale is a number above 0, at most 1")
    return Shift(
        function=call.member("function", str),
        alias=call.member("alias", str),
        version=call.member("version", str),
        preset=preset,
        time_scale=float(scale),
        before=call.member("before", str, ""),
        after=call.member("after", str, ""),
    )


async def _shift_lines(first: str, progress: AsyncIterator[str]) -> AsyncIterator[bytes]:
    yield f"{first}\n".encode()
    try:
        async for line in progress:
            yield f"{line}\n".encode()
    except ServiceError as error:  # such as an alias that was deleted on the way
        yield f"{first.split()[0]} failed: {error.message or error.code}\n".encode()
