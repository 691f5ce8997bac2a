"""Rules of an event bus: which events go to which functions.

Source: Amazon EventBridge User Guide, "Rules in Amazon EventBridge".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from edgegw.awslambda.bus_events import DEFAULT_BUS, BusEvent
from edgegw.awslambda.event_pattern import Pattern
from edgegw.awslambda.model import FunctionRef
from edgegw.awslambda.names import Account
from edgegw.awslambda.payload import encode_payload
from edgegw.values import value

MAX_TARGETS: Final = 5
"""Targets of a rule.

Source: Amazon EventBridge User Guide, "Amazon EventBridge quotas".
"""
MAX_PATTERN: Final = 4096
"""Characters of an event pattern.

Source: Amazon EventBridge API Reference, PutRule, EventPattern.
"""


@value
class RuleTarget:
    """A function that a rule invokes; `input` is sent in the place of the event, as JSON bytes."""

    id: str
    function: FunctionRef
    input: bytes | None = None


@value
class EventRule:
    """A rule on a bus, with the pattern of the events that it takes."""

    name: str
    pattern: Pattern
    targets: tuple[RuleTarget, ...]
    bus: str = DEFAULT_BUS
    description: str = ""
    is_enabled: bool = True


def targets_of(
    event: BusEvent, rules: Iterable[EventRule], account: Account
) -> Iterator[tuple[EventRule, RuleTarget, bytes]]:
    """The targets that `event` goes to, each with its rule and what it gets, as JSON bytes."""
    rules = [rule for rule in rules if rule.is_enabled and rule.bus == event.bus]
    if not rules:
        return
    envelope = event.envelope(account)
    whole = encode_payload(envelope)
    for rule in rules:
        if rule.pattern.matches(envelope):
            for target in rule.targets:
                yield rule, target, whole if target.input is None else target.input
