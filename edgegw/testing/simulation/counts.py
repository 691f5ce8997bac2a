"""What is counted at one edge location, and how the counts of several come together.

Everything here is a sum, a union or a list with a bound, so that it does not matter where a part of
it was counted; parts come together in the order of their edge locations.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

BINS: Final = 48
"""Parts of the simulated time that the plots show."""
MOST_EXAMPLES: Final = 3
"""Examples that are kept of a kind of fault."""
MOST_PATHS: Final = 2_000
"""Paths that keys are counted for."""


@dataclass
class VariantCounts:
    """What was counted of one variant: viewers who got it first, and what was asked with it."""

    viewers: int = 0
    requests: int = 0
    looked_up: int = 0
    hits: int = 0

    def merge(self, other: VariantCounts) -> None:
        self.viewers += other.viewers
        self.requests += other.requests
        self.looked_up += other.looked_up
        self.hits += other.hits


@dataclass
class PathTurns:
    """How often a viewer without a sticky cookie, or a variant, got one of a path, or did not."""

    given: int = 0
    missed: int = 0


@dataclass
class TimeBin:
    """What happened in one part of the time."""

    requests: int = 0
    hits: int = 0
    origin: int = 0


def _bins() -> list[TimeBin]:
    return [TimeBin() for _ in range(BINS)]


@dataclass
class SimulationCounts:
    """Everything that was counted; `keys` are digests of cache keys by path.

    `changes` and `examples` go by cause; `stored_cookies` are names of cookies that came out of the
    cache to somebody else, with how often.
    """

    requests: int = 0
    followed: int = 0
    viewers: int = 0
    returned: int = 0
    statuses: Counter[int] = field(default_factory=Counter[int])
    verdicts: Counter[str] = field(default_factory=Counter[str])
    looked_up: int = 0
    hits: int = 0
    refreshed: int = 0
    keys: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict[str, set[bytes]](set))
    origins: Counter[str] = field(default_factory=Counter[str])
    origin_failures: int = 0
    variants: dict[str, VariantCounts] = field(
        default_factory=lambda: defaultdict[str, VariantCounts](VariantCounts)
    )
    changed_viewers: int = 0
    changes: Counter[str] = field(default_factory=Counter[str])
    turns: dict[str, PathTurns] = field(
        default_factory=lambda: defaultdict[str, PathTurns](PathTurns)
    )
    lost_on_redirect: int = 0
    variant_leaks: int = 0
    stored_cookies: Counter[str] = field(default_factory=Counter[str])
    mark_leaks: int = 0
    failures: Counter[str] = field(default_factory=Counter[str])
    findings: dict[str, str] = field(default_factory=dict[str, str])
    examples: dict[str, list[str]] = field(
        default_factory=lambda: defaultdict[str, list[str]](list)
    )
    bins: list[TimeBin] = field(default_factory=_bins)

    def example(self, kind: str, text: str) -> None:
        """Keeps one of the first examples of something."""
        examples = self.examples[kind]
        if len(examples) < MOST_EXAMPLES:
            examples.append(text)

    def merge(self, other: SimulationCounts) -> None:
        """Adds what was counted elsewhere."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in _COUNTERS:
            getattr(self, name).update(getattr(other, name))
        for path, keys in other.keys.items():
            self.keys[path] |= keys
        for variant, counts in other.variants.items():
            self.variants[variant].merge(counts)
        for path, turns in other.turns.items():
            self.turns[path].given += turns.given
            self.turns[path].missed += turns.missed
        for code, text in other.findings.items():
            self.findings.setdefault(code, text)
        for kind, texts in other.examples.items():
            for text in texts:
                self.example(kind, text)
        for mine, added in zip(self.bins, other.bins, strict=True):
            mine.requests += added.requests
            mine.hits += added.hits
            mine.origin += added.origin

    def plain(self) -> SimulationCounts:
        """The same, fit for a pipe between processes."""
        for name in ("keys", "variants", "turns", "examples"):
            setattr(self, name, dict(getattr(self, name)))
        return self


_SUMS: Final = (
    "requests",
    "followed",
    "viewers",
    "returned",
    "looked_up",
    "hits",
    "refreshed",
    "origin_failures",
    "changed_viewers",
    "lost_on_redirect",
    "variant_leaks",
    "mark_leaks",
)
_COUNTERS: Final = ("statuses", "verdicts", "origins", "changes", "stored_cookies", "failures")
