"""Zygotes that no gateway uses now: the next gateway of this process takes one over.

A zygote takes a tenth of a second to start, and tests make a gateway each. So a gateway that ends
gives its zygotes back, with nothing left of what came from them, and whoever needs one takes it
into its own event loop, which may be another one, in another thread. A zygote belongs to one
gateway at a time. What is idle ends with this process; one that was forked from it has none.
"""

from __future__ import annotations

import atexit
import os
from collections import defaultdict
from typing import Final, TypeAlias

from edgegw.execution.zygote import Zygote

ZygoteKind: TypeAlias = tuple[int, str, str]
"""The process that started it, the interpreter, and its search path of libraries."""

_MOST: Final = 4
"""Idle zygotes of a kind that are kept."""
_idle: Final[defaultdict[ZygoteKind, list[Zygote]]] = defaultdict(list)


def take_zygote(executable: str) -> Zygote | None:
    """An idle zygote of `executable`, in the running event loop; None where there is none."""
    idle = _idle[_key(executable)]
    while idle:
        zygote = idle.pop()
        if zygote.adopt():
            return zygote
        zygote.end()
    return None


async def give_back(zygote: Zygote) -> None:
    """The gateway that had `zygote` has ended: it waits for the next one, or ends."""
    idle = _idle[_key(zygote.executable)]
    if len(idle) < _MOST and await zygote.clear():
        idle.append(zygote)
    else:
        await zygote.close()


def _key(executable: str) -> ZygoteKind:
    return os.getpid(), executable, os.environ.get("LD_LIBRARY_PATH", "")


@atexit.register
def end_idle_zygotes() -> None:
    """Ends those of this process."""
    for (pid, _, _), zygotes in _idle.items():
        while zygotes and pid == os.getpid():
            zygotes.pop().end()
