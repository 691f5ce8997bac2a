"""Checked schedules, rules and notifications → the values that invoke functions.

What few configurations have is imported when one has it.
"""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from edgegw.config import schema
from edgegw.config.distributions.bucket_rules import bucket_names, default_bucket
from edgegw.config.events import keys
from edgegw.config.events.rules import pattern_text
from edgegw.config.functions.make import function_ref

if TYPE_CHECKING:
    from edgegw.awslambda.bucket_notifications import BucketNotification
    from edgegw.awslambda.event_rules import EventRule, RuleTarget
    from edgegw.awslambda.schedules import Schedule


def schedules(config: schema.Config) -> tuple[Schedule, ...]:
    """The schedules, each with its timetable."""
    return tuple(_schedule(name, given) for name, given in config.schedules.items())


def _schedule(name: str, given: keys.Schedule) -> Schedule:
    from zoneinfo import ZoneInfo

    from edgegw.awslambda.schedules import Schedule, read_timetable

    zone = ZoneInfo(given.timezone) if given.timezone is not None else UTC
    timetable = read_timetable(given.expression, zone)
    is_rule = given.timezone is None and not timetable.is_one_time
    return Schedule(
        name,
        timetable,
        function_ref(given.function),
        _input(given.input),
        "rule" if is_rule else "scheduler",
        given.enabled,
    )


def event_rules(config: schema.Config) -> tuple[EventRule, ...]:
    """The rules, with their patterns compiled."""
    return tuple(_rule(name, given) for name, given in config.rules.items())


def _rule(name: str, given: keys.EventRule) -> EventRule:
    from edgegw.awslambda.event_pattern import compile_pattern
    from edgegw.awslambda.event_rules import EventRule

    return EventRule(
        name,
        compile_pattern(pattern_text(given.pattern)),
        tuple(_target(at, target) for at, target in enumerate(given.targets, 1)),
        given.bus,
        given.description,
        given.enabled,
    )


def _target(at: int, given: keys.RuleTarget) -> RuleTarget:
    from edgegw.awslambda.event_rules import RuleTarget

    ref = function_ref(given.function)
    return RuleTarget(f"{ref.name}-{at}", ref, _input(given.input))


def _input(given: object) -> bytes | None:
    """What is sent in the place of an event, as JSON."""
    from edgegw.awslambda.payload import encode_payload

    if given is None:
        return None
    if isinstance(given, str):
        return given.encode("utf-8", "surrogatepass")
    return encode_payload(given)


def bucket_notifications(config: schema.Config, base: Path) -> tuple[BucketNotification, ...]:
    """The notifications, each with the name and the folder of its bucket."""
    return tuple(
        notification
        for name, given in config.bucket_notifications.items()
        if (notification := _notification(name, given, config, base)) is not None
    )


def _notification(
    name: str, given: keys.BucketNotification, config: schema.Config, base: Path
) -> BucketNotification | None:
    from edgegw.awslambda.bucket_notifications import BucketNotification

    known = bucket_names(config).get(given.bucket or "")
    folder = given.folder or (known and known[1])
    if folder is None:
        return None
    return BucketNotification(
        name,
        given.bucket or default_bucket("", name),
        given.region or (known[0] if known else config.gateway.region),
        str(base / folder),
        function_ref(given.function),
        tuple(given.events),
        given.prefix,
        given.suffix,
    )
