"""What must hold for schedules, rules of the event bus and notifications of buckets."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path as FilePath
from typing import Final, NoReturn

from edgegw.config.distributions.bucket_rules import bucket_names, is_region
from edgegw.config.distributions.origin_rules import refer
from edgegw.config.document import Document, KeyPath
from edgegw.config.events import keys
from edgegw.config.files import is_folder_there, missing, name_fault
from edgegw.config.functions.rules import check_reference
from edgegw.config.schema import Config
from edgegw.config.spelling import nearest

_NAME: Final = re.compile(r"[0-9A-Za-z_.-]{1,64}")
"""What a rule or a schedule may be called.

Source: Amazon EventBridge API Reference, PutRule, Name.
"""
_BUS: Final = re.compile(r"[0-9A-Za-z_./-]{1,256}")


def check_events(document: Document, config: Config, base: FilePath) -> None:
    """Adds what is wrong with what invokes functions by itself; folders are relative to `base`."""
    for name, schedule in config.schedules.items():
        _check_schedule(document, ("schedules", name), name, schedule, config)
    for name, rule in config.rules.items():
        _check_rule(document, ("rules", name), name, rule, config)
    for name, notification in config.bucket_notifications.items():
        path: KeyPath = ("bucket_notifications", name)
        _check_notification(document, path, notification, config, base)
    if len(config.bucket_notifications) > 1:
        _check_overlaps(document, config, base)


def _check_name(document: Document, path: KeyPath, name: str, code: str) -> None:
    if not _NAME.fullmatch(name):
        text = f"{name!r} is no name: 1 to 64 letters, digits, dots, - and _"
        document.error(path, code, text, key=True)


# ---- schedules ----


def _check_schedule(
    document: Document, path: KeyPath, name: str, schedule: keys.Schedule, config: Config
) -> None:
    from edgegw.awslambda.cron import ScheduleError
    from edgegw.awslambda.schedules import read_timetable

    _check_name(document, path, name, "events.name")
    check_reference(document, (*path, "function"), schedule.function, config)
    try:
        read_timetable(schedule.expression)
    except ScheduleError as error:
        document.error((*path, "expression"), "events.schedule", str(error))
    if schedule.timezone is not None:
        _check_zone(document, (*path, "timezone"), schedule.timezone)
    window = schedule.flexible_time_window
    if window is not None and window.mode != "OFF":
        text = "edgegw has no flexible time windows: a schedule comes when it says; mode: OFF"
        document.error((*path, "flexible_time_window"), "events.window", text, key=True)
    _check_input(document, (*path, "input"), schedule.input)
    rule = config.rules.get(name)
    if rule is not None and rule.bus == "default" and schedule.timezone is None:
        text = f"a rule is called {name!r} already: a schedule is a rule of the default bus"
        document.error(path, "events.name", text, key=True)


def _check_zone(document: Document, path: KeyPath, name: str) -> None:
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # it looks for a file of this name
        known = available_timezones()
        text = f"there is no time zone {name!r}{nearest(name, sorted(known))}"
        if not known:
            text = "this machine has no time zones: pip install tzdata"
        document.error(path, "events.timezone", text)


def _check_input(document: Document, path: KeyPath, given: object) -> None:
    """A text is JSON, as on AWS; of YAML everything is, beside numbers that are none."""
    try:
        if isinstance(given, str):
            json.loads(given, parse_constant=_no_number)
        else:
            json.dumps(given, allow_nan=False)
    except ValueError as error:
        text = f"an input that is a text is JSON, as AWS wants it: {error}; or write a mapping"
        document.error(path, "events.input", text)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


# ---- rules ----


def _check_rule(
    document: Document, path: KeyPath, name: str, rule: keys.EventRule, config: Config
) -> None:
    from edgegw.awslambda.event_rules import MAX_TARGETS

    _check_name(document, path, name, "events.name")
    if not _BUS.fullmatch(rule.bus):
        text = f"{rule.bus!r} is no name of an event bus: letters, digits, dots, /, - and _"
        document.error((*path, "bus"), "events.name", text)
    _check_pattern(document, (*path, "pattern"), pattern_text(rule.pattern))
    if len(rule.targets) > MAX_TARGETS:
        fault = f"a rule has at most {MAX_TARGETS} targets"
        document.error((*path, "targets"), "events.targets", fault, key=True)
    for at, target in enumerate(rule.targets):
        check_reference(document, (*path, "targets", at), target.function, config)
        _check_input(document, (*path, "targets", at, "input"), target.input)


def _check_pattern(document: Document, path: KeyPath, text: str) -> None:
    from edgegw.awslambda.event_pattern import PatternError, compile_pattern
    from edgegw.awslambda.event_rules import MAX_PATTERN
    from edgegw.awslambda.record_fields import EVENT_FIELDS

    try:
        pattern = compile_pattern(text)
    except PatternError as error:
        document.error(path, "events.pattern", error.reason, key=True)
        return
    if len(text) > MAX_PATTERN:
        fault = f"a pattern has at most {MAX_PATTERN} characters as JSON; this one has {len(text)}"
        document.error(path, "events.pattern", fault, key=True)
        return
    for field in sorted(pattern.needed_fields - EVENT_FIELDS):
        fault = f"no event has {field!r} at its top{nearest(field, sorted(EVENT_FIELDS))}"
        document.warning(path, "events.pattern", fault, key=True)


def pattern_text(pattern: object) -> str:
    """The pattern as JSON: YAML's values, or a text that is JSON already."""
    return pattern if isinstance(pattern, str) else json.dumps(pattern, ensure_ascii=False)


# ---- notifications ----


def _check_notification(
    document: Document,
    path: KeyPath,
    notification: keys.BucketNotification,
    config: Config,
    base: FilePath,
) -> None:
    check_reference(document, (*path, "function"), notification.function, config)
    _check_place(document, path, notification, config, base)
    _check_types(document, (*path, "events"), notification.events)
    if notification.region is not None and not is_region(notification.region):
        text = f"{notification.region!r} is no Region, as eu-west-1 is one"
        document.error((*path, "region"), "cloudfront.bucket", text)


def _check_place(
    document: Document,
    path: KeyPath,
    notification: keys.BucketNotification,
    config: Config,
    base: FilePath,
) -> None:
    from edgegw.cloudfront.s3.bucket import is_bucket_name

    bucket, folder = notification.bucket, notification.folder
    if folder is not None:
        fault, absence = name_fault(base / folder), missing(base / folder)
        if fault is not None:
            document.error((*path, "folder"), "config.file", fault)
        elif absence is not None:
            document.warning((*path, "folder"), "config.file", f"{base / folder} {absence}")
        elif not is_folder_there(base / folder):
            document.error((*path, "folder"), "config.file", f"{base / folder} is no folder")
        if bucket is not None and not is_bucket_name(bucket):
            text = f"{bucket!r} is no name of a bucket"
            document.error((*path, "bucket"), "cloudfront.bucket", text)
    elif bucket is None:
        text = "a notification has a bucket (of an origin with s3) or a folder"
        document.error(path, "config.missing-key", text, key=True)
    else:
        refer(document, (*path, "bucket"), bucket, bucket_names(config), "bucket of an origin")


def _check_types(document: Document, path: KeyPath, events: list[str]) -> None:
    from edgegw.awslambda.bucket_notifications import EVENT_TYPES, HAPPENING, is_of_type

    for at, event in enumerate(events):
        if event not in EVENT_TYPES:
            text = f"S3 has no event {event!r}{nearest(event, list(EVENT_TYPES))}"
            document.error((*path, at), "events.bucket-event", text)
        elif not any(is_of_type(happens, event) for happens in HAPPENING):
            text = f"a folder never has {event}: files are put into it or deleted"
            document.warning((*path, at), "events.bucket-event", text)


def _check_overlaps(document: Document, config: Config, base: FilePath) -> None:
    from edgegw.awslambda.bucket_notifications import overlapping
    from edgegw.config.events.make import bucket_notifications

    for one, other in combinations(bucket_notifications(config, base), 2):
        if overlapping(one, other):
            text = (
                f"S3 refuses what overlaps: {one.name!r} may be told of the same objects; "
                "give them prefixes or suffixes that exclude each other"
            )
            path = ("bucket_notifications", other.name)
            document.error(path, "events.bucket-overlap", text, key=True)
