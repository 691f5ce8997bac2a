"""The same requests to the gateway and to a deployed front door, and where the answers differ.

    requests     what is sent: of a file or a HAR file
    asking       sends it to both sides
    differences  how two answers differ
    known        what may differ, and why
    report       the outcome, as values and as lines

Nothing of it is imported before it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgegw.testing.differential.asking import compare
    from edgegw.testing.differential.report import ComparisonReport

__all__ = ["ComparisonReport", "compare"]

_HOMES = {"ComparisonReport": "report", "compare": "asking"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
