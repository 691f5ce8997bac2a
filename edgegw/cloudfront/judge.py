"""Gathers what is wrong with one result, and decides whether that refuses it."""

from __future__ import annotations

from typing import Final

from edgegw.awslambda.payload import encode_payload
from edgegw.cloudfront.rule_table import Breach, Rule
from edgegw.cloudfront.stance import Stance
from edgegw.cloudfront.triggers import Trigger

_GLIMPSE: Final = 80


class Judge:
    """The breaches of one result, in the order in which they were found."""

    __slots__ = ("breaches", "stance", "trigger")

    def __init__(self, trigger: Trigger, stance: Stance) -> None:
        self.trigger: Trigger = trigger
        self.stance = stance
        self.breaches: list[Breach] = []

    def note(self, rule: Rule, path: str, found: object, expected: str, log: str = "") -> None:
        """Notes that the value `found` at `path` breaks `rule`.

        `log` is CloudFront's own wording for its validation log, where it is known.
        """
        self.breaches.append(
            Breach(rule, path, glimpse(found), expected, self._refuses(rule), log or rule.demands)
        )

    def _refuses(self, rule: Rule) -> bool:
        if not rule.page:
            return False
        if rule.point and getattr(self.stance, rule.point) != "refuse":
            return False
        return self.stance.strict or rule.lenient == "refused"

    @property
    def refuses(self) -> bool:
        """Whether CloudFront refuses the result."""
        return any(breach.is_refused for breach in self.breaches)


class Found(str):
    """A description that stands in a message as it is, not as a JSON string."""

    __slots__ = ()


def glimpse(value: object) -> str:
    """The beginning of `value` as JSON, for messages."""
    if isinstance(value, Found):
        return str(value)
    raw = encode_payload(value)
    return raw[:_GLIMPSE].decode("utf-8", "replace") + ("…" if len(raw) > _GLIMPSE else "")


def step_into(path: str, name: str) -> str:
    """The JSON path of `name` below `path`."""
    if name.replace("-", "").replace("_", "").isalnum():
        return f"{path}.{name}" if path else name
    return f"{path}[{glimpse(name)}]"
