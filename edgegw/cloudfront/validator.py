"""Gathers what is wrong with one result, and decides whether that refuses it."""

from __future__ import annotations

from typing import Final

from edgegw.awslambda.payload import excerpt as payload_excerpt
from edgegw.cloudfront.edge_rule import EdgeRule, Violation
from edgegw.cloudfront.strictness import Strictness
from edgegw.cloudfront.triggers import Trigger

_EXCERPT: Final = 80


class Validator:
    """The violations of one result, in the order in which they were found."""

    __slots__ = ("strictness", "trigger", "violations")

    def __init__(self, trigger: Trigger, strictness: Strictness) -> None:
        self.trigger: Trigger = trigger
        self.strictness = strictness
        self.violations: list[Violation] = []

    def note(self, rule: EdgeRule, path: str, actual: object, expected: str, log: str = "") -> None:
        """Notes that the value `actual` at `path` breaks `rule`.

        `log` is CloudFront's own wording for its validation log, where it is known.
        """
        is_refused = self._refuses(rule)
        effect = "" if is_refused else self._effect(rule)
        self.violations.append(
            Violation(
                rule, path, excerpt(actual), expected, is_refused, log or rule.demands, effect
            )
        )

    def _effect(self, rule: EdgeRule) -> str:
        """What happens in the place of a refusal, where `strict: false` makes the difference."""
        if self.strictness.strict or not rule.page:
            return ""
        if rule.point and getattr(self.strictness, rule.point) != "refuse":
            return ""
        return f"strict is false, so it is {rule.lenient} here where AWS answers 502"

    def _refuses(self, rule: EdgeRule) -> bool:
        if not rule.page:
            return False
        if rule.point and getattr(self.strictness, rule.point) != "refuse":
            return False
        return self.strictness.strict or rule.lenient == "refused"

    @property
    def refuses(self) -> bool:
        """Whether CloudFront refuses the result."""
        if not self.violations:  # the rule: `any` would make a generator first
            return False
        return any(violation.is_refused for violation in self.violations)


class Description(str):
    """A description that stands in a message as it is, not as a JSON string."""

    __slots__ = ()


def excerpt(value: object) -> str:
    """The beginning of `value` as JSON, for messages."""
    if isinstance(value, Description):
        return str(value)
    return payload_excerpt(value, _EXCERPT)


def step_into(path: str, name: str) -> str:
    """The JSON path of `name` below `path`."""
    if name.replace("-", "").replace("_", "").isalnum():
        return f"{path}.{name}" if path else name
    return f"{path}[{excerpt(name)}]"
