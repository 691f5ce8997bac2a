"""The rules of a listener by what they surely need."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from edgegw.alb.conditions import HostHeader, PathPattern, Subject

if TYPE_CHECKING:
    from edgegw.alb.model import Rule

_WILD: Final = frozenset("*?")


class RuleIndex:
    """The rules of a listener by a literal host and a literal first segment of the path.

    Only the few that may hold for a request are looked at, in order of priority; so 100 rules cost
    as much as 10 where they differ in host or first segment.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = [(rule, _hosts(rule), _segments(rule)) for rule in rules]
        self._known_hosts = {host for _, hosts, _ in self._rules for host in hosts or ()}
        self._known_segments = {each for _, _, found in self._rules for each in found or ()}
        self._candidates: dict[tuple[bytes | None, bytes | None], tuple[Rule, ...]] = {}

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that rules name in full."""
        return tuple(sorted(each.decode() for each in self._known_hosts))

    def candidates(self, subject: Subject) -> tuple[Rule, ...]:
        """The rules that may hold for `subject`, in order of priority."""
        host = subject.host.lower()
        segment = _first_segment(subject.path)
        key = (
            host if host in self._known_hosts else None,
            segment if segment in self._known_segments else None,
        )
        found = self._candidates.get(key)
        if found is None:
            found = self._candidates[key] = tuple(
                rule
                for rule, hosts, segments in self._rules
                if (hosts is None or key[0] in hosts) and (segments is None or key[1] in segments)
            )
        return found


def _hosts(rule: Rule) -> frozenset[bytes] | None:
    """The hosts of which one is needed; None where that cannot be said."""
    for condition in rule.conditions:
        if isinstance(condition, HostHeader) and not condition.values.is_regex:
            given = condition.values.given
            if not any(_WILD & set(each) for each in given):
                return frozenset(each.lower().encode() for each in given)
    return None


def _segments(rule: Rule) -> frozenset[bytes] | None:
    """The first segments of the path of which one is needed; None where that cannot be said."""
    for condition in rule.conditions:
        if isinstance(condition, PathPattern) and not condition.values.is_regex:
            found = [_literal_segment(each) for each in condition.values.given]
            if None not in found:
                return frozenset(each for each in found if each is not None)
    return None


def _literal_segment(pattern: str) -> bytes | None:
    segment = pattern[1:].partition("/")[0]
    if not pattern.startswith("/") or _WILD & set(segment):
        return None
    return segment.encode()


def _first_segment(path: bytes) -> bytes:
    end = path.find(b"/", 1)
    return path[1:] if end < 0 else path[1:end]
