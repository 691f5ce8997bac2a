"""What has been cleared of a shared cache, as far as one gateway knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Final

from edgegw.cloudfront.cache.clearing import EVERYTHING, Clearing, decode_clearing
from edgegw.cloudfront.cache.entry import StoredResponse
from edgegw.gateway.cache_store import ClearingMark
from edgegw.values import value

CLEARINGS_KEPT: Final = 1000
"""Clearings that Redis keeps; entries older than the oldest of them are as good as absent."""

_MARK: Final = re.compile(rb"([0-9a-f]{32}):([0-9]{1,18})")

NEVER: Final = ClearingMark("", 0)
"""Redis has not been reached yet."""


def encode_mark(mark: ClearingMark) -> bytes:
    return f"{mark.epoch}:{mark.number}".encode()


def decode_mark(raw: bytes | None) -> ClearingMark:
    """What `encode_mark` wrote; NEVER where it is none."""
    match = _MARK.fullmatch(raw or b"")
    return NEVER if match is None else ClearingMark(match[1].decode(), int(match[2]))


@value
class KnownClearings:
    """All clearings up to `mark`, by number."""

    mark: ClearingMark = NEVER
    by_number: Mapping[int, Clearing] = field(default_factory=dict[int, Clearing])

    def lacks(self, present: ClearingMark) -> range:
        """The numbers that are to be fetched to know everything up to `present`."""
        first = max(1, present.number - CLEARINGS_KEPT + 1)
        if present.epoch == self.mark.epoch:
            first = max(first, self.mark.number + 1)
        return range(first, present.number + 1)

    def learned(self, present: ClearingMark, raws: Mapping[int, bytes | None]) -> KnownClearings:
        """With what `lacks` asked for; what is not among `raws` counts as everything."""
        is_same = present.epoch == self.mark.epoch
        if is_same and present.number <= self.mark.number:
            return self
        oldest = present.number - CLEARINGS_KEPT
        kept = self.by_number.items() if is_same else ()
        known = {number: clearing for number, clearing in kept if number > oldest}
        known |= {number: decode_clearing(raws.get(number)) for number in self.lacks(present)}
        return KnownClearings(present, known)

    def since(self, mark: ClearingMark) -> list[Clearing]:
        """What was cleared after `mark`, which is of the same epoch."""
        numbers = range(mark.number + 1, self.mark.number + 1)
        return [self.by_number.get(number, EVERYTHING) for number in numbers]

    def take(self, entry: StoredResponse, mark: ClearingMark) -> bool:
        """Whether `entry`, of this mark, has been cleared since."""
        present = self.mark
        if mark.epoch != present.epoch or mark.number < present.number - CLEARINGS_KEPT:
            return True
        if mark.number >= present.number:
            return False
        return any(clearing.takes(entry) for clearing in self.since(mark))
