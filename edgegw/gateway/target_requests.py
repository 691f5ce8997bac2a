"""Requests of a load balancer to its targets, each of which has a lease of its target.

A lease ends exactly once: with the answer where that is complete, with its body where that streams.
Where its target is deregistered and the deregistration delay is over, it cancels the task. That is
told apart from a viewer that left by `is_cut`, and by `uncancel`, which says whether another
cancellation came on top; then that one counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Final, Literal, Protocol

from edgegw.alb.target_steps import ForwardTo, TargetFailure
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.faults import Faults, injected_fault
from edgegw.gateway.target_groups import Lease, TargetGroups
from edgegw.http.message import Body, CutOffError, Response

_DRAINED: Final = "the target was deregistered and its deregistration delay is over"


class TargetTransport(Protocol):
    """Whoever sends requests to targets."""

    async def fetch_target(self, step: ForwardTo) -> Response | TargetFailure: ...


class TargetRequests:
    """Sends requests to leased targets, with faults on demand."""

    def __init__(self, groups: TargetGroups, origins: TargetTransport, faults: Faults) -> None:
        self._groups = groups
        self._origins = origins
        self._faults = faults

    async def fetch(self, step: ForwardTo, exchange: Exchange) -> Response | TargetFailure:
        lease = self._groups.take(step.group, step.target)
        try:
            if self._faults.plans:
                reply = await self._sent_with_faults(step, exchange)
            else:
                reply = await self._origins.fetch_target(step)
        except asyncio.CancelledError:
            if lease is None or not _is_drained(lease):
                raise
            reply = TargetFailure(_DRAINED)
        except BaseException:
            if lease is not None:
                lease.end()
            raise
        if isinstance(reply, TargetFailure):
            self._groups.on_trouble(step.group.name, step.target)
        if lease is None:
            return reply
        if isinstance(reply, Response) and (reply.body.chunks is not None or reply.upgraded):
            return replace(reply, body=_leased(reply.body, lease))
        lease.end()
        return reply

    async def _sent_with_faults(
        self, step: ForwardTo, exchange: Exchange
    ) -> Response | TargetFailure:
        injected = injected_fault(self._faults, f"target_group:{step.group.name}", exchange)
        if injected is not None:
            send = partial(self._origins.fetch_target, step)
            return await injected.fetch(send, step.idle_timeout, _target_failure)
        return await self._origins.fetch_target(step)


def _is_drained(lease: Lease) -> bool:
    """Whether the task of `lease` was cancelled for its target alone; then it goes on."""
    return lease.is_cut and lease.task is not None and not lease.task.uncancel()


def _leased(body: Body, lease: Lease) -> Body:
    """`body`, whose end is the end of the lease."""

    def release() -> None:
        lease.end()
        if body.release is not None:
            body.release()

    if body.chunks is None:
        return replace(body, release=release)
    return Body(None, _until_cut(body.chunks, lease), body.length, release, body.trailers)


async def _until_cut(chunks: AsyncIterable[bytes], lease: Lease) -> AsyncIterator[bytes]:
    try:
        async for chunk in chunks:
            yield chunk
    except asyncio.CancelledError:
        if not _is_drained(lease):
            raise
        raise CutOffError(_DRAINED) from None
    finally:
        lease.end()


def _target_failure(kind: Literal["closed", "timeout"], detail: str) -> TargetFailure:
    return TargetFailure(detail, timed_out=kind == "timeout")
