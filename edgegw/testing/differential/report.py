"""The outcome of a comparison: values for tools and asserts, lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgegw.testing.differential.differences import AnswerDifference
from edgegw.testing.differential.requests import ComparedRequest
from edgegw.values import value


@value
class RequestComparison:
    """One request, and everything in which the two answers to it differ."""

    request: ComparedRequest
    differences: tuple[AnswerDifference, ...]

    @property
    def counted(self) -> list[AnswerDifference]:
        """The differences that count."""
        return [difference for difference in self.differences if not difference.why]

    @property
    def known(self) -> list[AnswerDifference]:
        """Those that mean nothing."""
        return [difference for difference in self.differences if difference.why]

    def to_dict(self) -> dict[str, Any]:
        """As plain values, fit for JSON."""
        return {
            "method": self.request.method,
            "target": self.request.target,
            "differences": [difference.to_dict() for difference in self.counted],
            "known": [difference.to_dict() for difference in self.known],
        }


@value
class ComparisonReport:
    """All requests, in their order; `against` is where the deployed front door is."""

    against: str
    comparisons: tuple[RequestComparison, ...]

    @property
    def different(self) -> list[RequestComparison]:
        """The requests whose answers differ in something that counts."""
        return [comparison for comparison in self.comparisons if comparison.counted]

    @property
    def known(self) -> dict[str, str]:
        """What differs and means nothing, anywhere, with the reasons."""
        return {
            _known_name(difference): difference.why
            for comparison in self.comparisons
            for difference in comparison.known
        }

    def to_dict(self) -> dict[str, Any]:
        """As plain values, fit for JSON."""
        return {
            "against": self.against,
            "requests": [comparison.to_dict() for comparison in self.comparisons],
            "different": len(self.different),
        }

    def lines(self) -> Iterator[str]:
        """For a terminal: each request, what differs, and what was left out and why."""
        for comparison in self.comparisons:
            yield f"{'✗' if comparison.counted else '✓'} {comparison.request}"
            for difference in comparison.counted:
                name = f" {difference.name}" if difference.name else ""
                yield f"    {difference.kind}{name}"
                yield f"        gateway   {difference.gateway}"
                yield f"        deployed  {difference.deployed}"
        yield ""
        count = len(self.comparisons)
        yield (
            f"{count} {'request' if count == 1 else 'requests'} to the gateway and to "
            f"{self.against}: {count - len(self.different)} alike, {len(self.different)} different"
        )
        if self.known:
            yield "Differs as well, and means nothing:"
        for name, why in sorted(self.known.items()):
            yield f"    {name}: {why}"


def _known_name(difference: AnswerDifference) -> str:
    return f"cookie {difference.name}" if difference.kind == "cookie" else difference.name.lower()
