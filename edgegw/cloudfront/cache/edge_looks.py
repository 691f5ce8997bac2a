"""Which runs of a CloudFront Function are compared, so that looking costs less than the runs.

A run takes some thirty microseconds, a comparison more than that. So not every request is looked
at, but those that can show something:

    the first request of a key        is kept as it is, and not looked into
    another request has that key      the first one is looked into, then this one
    a request just like one before    shows nothing
    `_MOST_REQUESTS` of a key         have shown what there is to see: no more of that key
    `_MOST_LOOKS` of a behavior       likewise, until its function changes

What is kept of a request are references, for `_MOST_KEYS` keys.
"""

from __future__ import annotations

from typing import Final

from edgegw.cloudfront.edge_functions.event import ShownEdgeEvent
from edgegw.cloudfront.edge_functions.model import EdgeReturned
from edgegw.http.message import Request
from edgegw.values import value

_MOST_LOOKS: Final = 4000
_MOST_KEYS: Final = 200
_MOST_REQUESTS: Final = 256
_MOST_KINDS: Final = 64
"""Requests of a key that differ from each other."""


@value
class ComparedRun:
    """What a function was shown, what it answered, and the request that came of it.

    `request_digest` stands for everything that the request had.
    """

    request_digest: int
    sent: ShownEdgeEvent
    outcome: EdgeReturned
    left: Request


class _KeyLooks:
    """The runs of one key."""

    __slots__ = ("digests", "first", "left")

    def __init__(self, first: ComparedRun) -> None:
        self.first: ComparedRun | None = first
        self.digests = {first.request_digest}
        self.left = _MOST_REQUESTS


class EdgeLooks:
    """Picks the runs that are compared, by the key of the request that came of them."""

    def __init__(self) -> None:
        self._keys: dict[bytes, _KeyLooks] = {}
        self._left = _MOST_LOOKS

    def is_over(self, key: bytes) -> bool:
        """Whether a request of `key` shows nothing more."""
        looks = self._keys.get(key)
        return self._left <= 0 or (looks is not None and looks.left <= 0)

    def end(self) -> None:
        """All is said: no request is looked at any more."""
        self._keys.clear()
        self._left = 0

    def picked(self, key: bytes, run: ComparedRun) -> list[ComparedRun]:
        """The runs of `key` to look into, now that `run` was."""
        looks = self._keys.get(key)
        if looks is None:
            self._keys[key] = _KeyLooks(run)
            if len(self._keys) > _MOST_KEYS:
                del self._keys[next(iter(self._keys))]
            return []
        looks.left -= 1
        if run.request_digest in looks.digests or len(looks.digests) >= _MOST_KINDS:
            return []
        looks.digests.add(run.request_digest)
        self._left -= 1
        first, looks.first = looks.first, None
        return [run] if first is None else [first, run]


def shown_request(sent: ShownEdgeEvent) -> Request:
    """The request as an event showed it: with the CloudFront-* headers that the policies name."""
    request = sent.request
    there = {name.lower().decode("latin-1") for name, _ in request.headers}
    lines = [
        (name.encode("latin-1"), sent.headers[name]["value"].encode("latin-1", "replace"))
        for name in sorted(sent.headers.keys() - there)
    ]
    return request.sent(request.target, request.headers.added(*lines)) if lines else request
