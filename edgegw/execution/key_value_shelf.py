"""Where key value stores are kept: a protocol, and the shelf that keeps them in memory.

A shelf is used from any thread. What it answers are states that never change (`StoreState`), so a
reader holds nothing and waits for nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from edgegw.cloudfront.key_value_stores.state import PairChange, StoreState
from edgegw.values import value

StoreStates: TypeAlias = Mapping[str, StoreState]
"""Stores by name."""


@value
class ShelfChange:
    """What a store is from now on, None for no more; `pairs` is what differs of its pairs."""

    name: str
    state: StoreState | None
    pairs: PairChange = PairChange()


Decide: TypeAlias = Callable[[StoreStates], ShelfChange | None]
"""Answers what to change of the stores as they are, None for nothing; what it raises is raised."""


class Shelf(Protocol):
    """Keeps stores."""

    def look(self) -> StoreStates:
        """The stores as they are now, whoever wrote them."""
        ...

    def look_at_once(self) -> StoreStates | None:
        """The stores as they are now; None where that takes longer than an event loop waits."""
        ...

    def change(self, decide: Decide) -> StoreStates:
        """Does what `decide` answers while nobody else writes; it is kept when this returns.

        Answers the stores as they are then. Raises StateProblem, and then nothing has changed.
        """
        ...

    def close(self) -> None:
        """Lets go of files; they are opened again when somebody asks."""
        ...


class MemoryShelf:
    """Stores that end with the process."""

    def __init__(self) -> None:
        self._states: StoreStates = {}
        self._writing = threading.Lock()

    def look(self) -> StoreStates:
        return self._states

    def look_at_once(self) -> StoreStates:
        return self._states

    def change(self, decide: Decide) -> StoreStates:
        with self._writing:
            change = decide(self._states)
            if change is not None:
                self._states = after(self._states, change)
            return self._states

    def close(self) -> None:
        """Nothing to let go of."""


def after(states: StoreStates, change: ShelfChange) -> StoreStates:
    """`states` once `change` is done."""
    others = {name: state for name, state in states.items() if name != change.name}
    return others if change.state is None else {**others, change.name: change.state}
