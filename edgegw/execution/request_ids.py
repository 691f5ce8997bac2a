"""Ids of invocations. They are no secrets and cost no system call; none comes twice."""

from __future__ import annotations

import itertools
import random
import re
from typing import Final

from edgegw.awslambda.xray import passed_on

_WHOLE: Final = re.compile(r"Root=[^;]+;Parent=[^;]+;Sampled=[01](?:;|\Z)")
"""A trace header that lacks nothing: it goes on as it is."""
_END: Final = 1 << 48


class RequestIds:
    """Makes request ids and trace headers.

    What tells two ids apart is a counter with a random beginning, and what tells two makers apart
    is random: only the first digits of an id are made anew for each.
    """

    __slots__ = ("_count", "_middle", "_parent", "_root", "_second")

    def __init__(self) -> None:
        self._count = itertools.count(random.getrandbits(47))
        version, variant = random.getrandbits(12), 0x8000 | random.getrandbits(14)
        self._middle = f"-{random.getrandbits(16):04x}-4{version:03x}-{variant:04x}-"
        self._second = -1
        self._root = ""
        self._parent = f";Parent={random.getrandbits(32):08x}"

    def request_id(self) -> str:
        """A UUID of version 4."""
        return f"{random.getrandbits(32):08x}{self._middle}{next(self._count) % _END:012x}"

    def trace_id(self, request_id: str, now: float) -> str:
        """A trace header for an invocation that came without: Lambda makes one, not sampled.

        Its digits are those of the request id; `now` are seconds since the epoch.
        """
        if int(now) != self._second:
            self._second = int(now)
            self._root = f"Root=1-{self._second:08x}-{random.getrandbits(48):012x}"
        return f"{self._root}{request_id[24:]}{self._parent}{request_id[:8]};Sampled=0"

    def passed_on(self, trace_id: str, request_id: str, now: float) -> str:
        """A caller's trace header as a function that is not traced sees it."""
        if _WHOLE.match(trace_id):
            return trace_id
        return passed_on(trace_id, self.trace_id(request_id, now))


new_request_id: Final = RequestIds().request_id
"""A UUID of version 4, for whatever needs one beside invocations."""
