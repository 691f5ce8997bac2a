"""What a failed test shows of gateways: the exchanges since it began, as trees, and verdicts."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from edgegw.gateway.exchange import Exchange
from edgegw.gateway.exchanges import LIVING
from edgegw.testing.exchange_tree import exchange_tree

if TYPE_CHECKING:
    import pytest

_MOST: Final = 20
"""Exchanges of a failed test that are shown, the latest ones."""


class ExchangeMarks:
    """How far all exchanges of this process were when a test began."""

    def __init__(self) -> None:
        self.last: Mapping[int, Exchange | None] = {
            kept.number: kept.latest for kept in list(LIVING)
        }


def _since(last: Mapping[int, Exchange | None]) -> Iterator[Exchange]:
    """The exchanges behind the `last` ones of each gateway."""
    for kept in sorted(LIVING, key=lambda kept: kept.number):
        exchanges = list(kept)
        before = last.get(kept.number)
        at = next((at for at, one in enumerate(exchanges) if one is before), -1)
        yield from exchanges[at + 1 :]


def failure_report(marks: ExchangeMarks | None) -> str:
    """The section of a failed test; empty where it sent nothing. None: no gateway was before it."""
    exchanges = list(_since({} if marks is None else marks.last))
    trees = [exchange_tree(exchange) for exchange in exchanges[-_MOST:]]
    if len(exchanges) > _MOST:
        trees.insert(0, f"… {len(exchanges) - _MOST} exchanges before")
    return "\n\n".join(trees)


def refused_verdicts(failure: pytest.ExceptionInfo[BaseException] | None) -> Iterator[str]:
    """Verdicts of `validate` that stand where the test failed and are no, with all findings.

    pytest's own text of an assert cuts them off in the middle, so that the advice is missing.
    """
    judging = sys.modules.get("edgegw.testing.judging")
    if judging is None or failure is None:
        return
    seen = {
        id(there): there
        for entry in failure.traceback
        for there in entry.frame.f_locals.values()
        if isinstance(there, judging.ResultVerdict) and not there.accepted
    }
    yield from map(repr, seen.values())
