"""Invocations in the chain that leads to them: counted, and stopped where they go in a circle."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edgegw.awslambda.lineage import LOOP_STOPPED, next_turn
from edgegw.awslambda.model import Invocation, InvokeRefusal, Outcome

if TYPE_CHECKING:
    from edgegw.execution.service import LambdaService


def in_chain(service: LambdaService, invocation: Invocation) -> Invocation | InvokeRefusal:
    """`invocation` with the function's turn in its trace header, or why there is no more turn.

    One that comes without a header begins no chain: what its function sends will.
    """
    if "Root=" not in invocation.trace_id:
        return invocation
    name = invocation.function.name
    turn = next_turn(invocation.trace_id, service.account.arn(name))
    deployed = service.functions.get(name)
    if turn.is_too_many and deployed is not None and deployed.recursive_loop == "Terminate":
        return InvokeRefusal("RecursiveInvocationException", LOOP_STOPPED)
    return replace(invocation, trace_id=turn.trace_id)


async def invoke_in_chain(service: LambdaService, invocation: Invocation) -> Outcome:
    """Invokes and waits, as `service.invoke` does, unless a loop is to be stopped."""
    counted = in_chain(service, invocation)
    return counted if isinstance(counted, InvokeRefusal) else await service.invoke(counted)
