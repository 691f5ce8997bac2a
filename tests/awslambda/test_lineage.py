"""How often a function has had its turn in a chain of invocations."""

from __future__ import annotations

import pytest

from edgegw.awslambda.lineage import MAX_TURNS, next_turn, turns_so_far, without_lineage

F = "arn:aws:lambda:us-east-1:123456789012:function:f"
G = "arn:aws:lambda:us-east-1:123456789012:function:g"
ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"


def test_the_first_turn_is_added_to_the_header() -> None:
    turn = next_turn(ROOT, F)
    assert turn.number == 1
    assert turn.trace_id.startswith(ROOT + ";Lineage=1:")
    assert turn.trace_id.endswith(":1")


def test_each_turn_counts() -> None:
    trace_id = ROOT
    for number in range(1, 20):
        turn = next_turn(trace_id, F)
        assert turn.number == number
        assert turn.is_too_many == (number > MAX_TURNS)
        trace_id = turn.trace_id
    assert trace_id.count("Lineage") == 1
    assert turns_so_far(trace_id, F) == 19


def test_functions_are_counted_by_themselves() -> None:
    trace_id = next_turn(next_turn(next_turn(ROOT, F).trace_id, G).trace_id, F).trace_id
    assert (turns_so_far(trace_id, F), turns_so_far(trace_id, G)) == (2, 1)


def test_a_chain_of_many_functions_keeps_its_header_short() -> None:
    trace_id = ROOT
    for number in range(200):
        trace_id = next_turn(trace_id, f"{F}{number}").trace_id
    assert len(trace_id) < 512
    assert turns_so_far(trace_id, f"{F}199") == 1


@pytest.mark.parametrize(
    "header",
    [
        "",
        ROOT,
        "Lineage=",
        "Lineage=1:zz:3",
        "Lineage=||",
        "Lineage=1:24b3d5c3:99999999",
        "Root=1-2-3; Lineage=1:24b3d5c3:3;Self=x",
    ],
)
def test_any_header_has_a_next_turn(header: str) -> None:
    turn = next_turn(header, F)
    assert turn.number == 1
    assert turns_so_far(turn.trace_id, F) == 1


@pytest.mark.parametrize(
    ("header", "left"),
    [
        ("", ""),
        (ROOT, ROOT),
        (f"{ROOT};Lineage=1:24b3d5c3:3|1:00000000:1", ROOT),
        (f"Lineage=1:24b3d5c3:3;{ROOT}", ROOT),
        ("Root=1-2-3; Lineage=1:24b3d5c3:3;Self=x", "Root=1-2-3;Self=x"),
        ("Lineage=1:24b3d5c3:3", ""),
    ],
)
def test_behind_event_bridge_the_trace_goes_on_and_the_chain_does_not(
    header: str, left: str
) -> None:
    assert without_lineage(header) == left


def test_other_parts_of_the_header_stay() -> None:
    turn = next_turn("Root=1-2-3;Lineage=1:24b3d5c3:3;Self=x", F)
    assert turn.trace_id.startswith("Root=1-2-3;Self=x;Lineage=1:24b3d5c3:3|1:")
