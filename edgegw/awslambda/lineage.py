"""Recursion: how often a function has had its turn in one chain of invocations, and when it ends.

A trace header carries the chain: `Lineage=1:24b3d5c3:3` says that the function whose ARN has this
digest has had three turns. Several functions stand side by side, with `|` between them. A service
that invokes a function counts it before it does.

Lambda, SQS, SNS and S3 hand the chain on with what they bring. EventBridge, Kinesis and DynamoDB do
not (`without_lineage`): a loop that leads through one of these goes on, as on AWS.
Source: Lambda Developer Guide, "Use Lambda recursive loop detection to prevent infinite loops".
"""

from __future__ import annotations

import re
import zlib
from typing import Final, Literal, TypeAlias

from edgegw.values import value

RecursiveLoop: TypeAlias = Literal["Terminate", "Allow"]
"""What is done about a loop.

Source: Lambda API Reference, "PutFunctionRecursionConfig", parameter RecursiveLoop.
"""
MAX_TURNS: Final = 16
"""Turns of one function in one chain; the next one is dropped.

Source: Lambda Developer Guide, "Use Lambda recursive loop detection to prevent infinite loops".
"""
LOOP_STOPPED: Final = "Lambda stopped the invocation: the function was invoked in a recursive loop."
"""What is said of an invocation that was dropped; AWS's own text is not known."""
MOST_FUNCTIONS: Final = 16
"""Functions that a chain remembers, those that had the last turns: a header has an end."""
_LINEAGE: Final = re.compile(r";?\s*Lineage=([0-9a-f:|]*)")
_TURN: Final = re.compile(r"\d+:([0-9a-f]{8}):(\d{1,6})")


@value
class Turn:
    """A function's turn in a chain: the trace header to hand on, and the how manieth it is."""

    trace_id: str
    number: int

    @property
    def is_too_many(self) -> bool:
        return self.number > MAX_TURNS


def next_turn(trace_id: str, arn: str) -> Turn:
    """One more turn of the function `arn` (without qualifier) in the chain of a trace header."""
    match = _LINEAGE.search(trace_id)
    turns = _turns(match[1]) if match is not None else {}
    digest = f"{zlib.crc32(arn.encode()):08x}"
    number = turns.pop(digest, 0) + 1
    chain = [*turns.items(), (digest, number)][-MOST_FUNCTIONS:]
    lineage = "Lineage=" + "|".join(f"1:{each}:{count}" for each, count in chain)
    plain = trace_id if match is None else trace_id[: match.start()] + trace_id[match.end() :]
    return Turn(f"{plain};{lineage}" if plain else lineage, number)


def first_lineage(arn: str) -> str:
    """The part of a trace header that says that a chain begins at the function `arn` (observed)."""
    return f"Lineage=1:{zlib.crc32(arn.encode()):08x}:0"


def without_lineage(trace_id: str) -> str:
    """A trace header as it is behind a service that hands on traces, and no chains.

    Source: Lambda Developer Guide, "Use Lambda recursive loop detection to prevent infinite loops",
    supported services.
    """
    return _LINEAGE.sub("", trace_id).removeprefix(";")


def turns_so_far(trace_id: str, arn: str) -> int:
    """How many turns the function `arn` has had in the chain of a trace header."""
    match = _LINEAGE.search(trace_id)
    turns = _turns(match[1]) if match is not None else {}
    return turns.get(f"{zlib.crc32(arn.encode()):08x}", 0)


def _turns(lineage: str) -> dict[str, int]:
    return {turn[1]: int(turn[2]) for turn in map(_TURN.fullmatch, lineage.split("|")) if turn}
