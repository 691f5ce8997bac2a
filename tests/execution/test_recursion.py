"""Invocations in their chain: which turn is the last, and what `Allow` changes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from edgegw.awslambda.lineage import next_turn
from edgegw.awslambda.model import FunctionRef, Invocation, InvokeRefusal
from edgegw.awslambda.names import Account
from edgegw.execution.recursion import in_chain

ACCOUNT = Account()
ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793"


def chain_of(turns: int) -> str:
    trace_id = ROOT
    for _ in range(turns):
        trace_id = next_turn(trace_id, ACCOUNT.arn("f")).trace_id
    return trace_id


@pytest.mark.parametrize(
    ("turns", "loop", "is_stopped"),
    [(0, "Terminate", False), (15, "Terminate", False), (16, "Terminate", True),
     (16, "Allow", False), (100, "Allow", False)],
)  # fmt: skip
def test_the_seventeenth_turn_is_refused_unless_loops_are_allowed(
    turns: int, loop: str, is_stopped: bool
) -> None:
    service: Any = SimpleNamespace(
        account=ACCOUNT, functions={"f": SimpleNamespace(recursive_loop=loop)}
    )
    function = FunctionRef("f", qualifier="live")
    counted = in_chain(service, Invocation(function, b"{}", chain_of(turns)))
    if is_stopped:
        assert isinstance(counted, InvokeRefusal)
        assert counted.code == "RecursiveInvocationException"
    else:
        assert counted == Invocation(function, b"{}", chain_of(turns + 1))


def test_without_a_trace_no_chain_begins() -> None:
    invocation = Invocation(FunctionRef("f"), b"{}", "")
    service: Any = SimpleNamespace(account=ACCOUNT, functions={})
    assert in_chain(service, invocation) == invocation
