"""The API of EventBridge: what is checked of each call, and what it answers.

A call of PutEvents is refused as a whole for what its shape is, and entry by entry for what an
entry says: one that is refused does not stop the others.

Source: Amazon EventBridge API Reference, PutEvents, ListRules, DescribeRule, ListTargetsByRule,
TestEventPattern; the texts are observed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final, cast

from edgegw.awslambda.bus_events import DEFAULT_BUS, BusEvent, bus_arn, rule_arn, schedule_arn
from edgegw.awslambda.event_pattern import PatternError, compile_pattern
from edgegw.awslambda.event_rules import EventRule
from edgegw.awslambda.lineage import without_lineage
from edgegw.awslambda.model import FunctionRef
from edgegw.awslambda.names import Account
from edgegw.awslambda.payload import Json
from edgegw.awslambda.schedules import Schedule
from edgegw.values import value

MAX_ENTRIES: Final = 10
"""Entries of one call.

Source: Amazon EventBridge API Reference, PutEvents, Entries.
"""
MAX_ENTRIES_SIZE: Final = 1024 * 1024
"""Bytes that all entries of a call have together.

Source: Amazon EventBridge User Guide, "Calculating Amazon EventBridge PutEvents event entry size",
with the limit of January 2026.
"""
_TIME_SIZE: Final = 14
_PAGE: Final = 100
_YEAR_10000: Final = 253_402_300_800
_IN_AN_EVENT: Final = ("id", "account", "source", "time", "region", "resources", "detail-type")


class EventsApiError(Exception):
    """EventBridge refuses a call, with this code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@value
class EntryRefusal:
    """EventBridge refuses one entry, with this code."""

    code: str
    message: str


NOT_KEPT: Final = EntryRefusal("InternalFailure", "The event could not be kept.")
"""The refusal of an event that nothing is wrong with.

Source: Amazon EventBridge API Reference, PutEventsResultEntry, ErrorCode.
"""

CallBody = Mapping[str, Json]
"""The body of a call."""


# ---- PutEvents ----


def put_entries(body: CallBody) -> list[CallBody]:
    """The entries of a call that is right as a whole. Raises EventsApiError."""
    entries = body.get("Entries")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise EventsApiError("SerializationException", "Entries is a list of structures")
    if not 1 <= len(entries) <= MAX_ENTRIES:
        rule = (
            "greater than or equal to 1" if not entries else f"less than or equal to {MAX_ENTRIES}"
        )
        raise _constraint("[PutEventsRequestEntry]", "entries", f"Member must have length {rule}")
    known = cast("list[CallBody]", entries)
    if sum(map(_size, known)) > MAX_ENTRIES_SIZE:
        text = "Total size of the entries in the request is over the limit."
        raise EventsApiError("ValidationException", text)
    return known


def read_entry(entry: CallBody, event_id: str, now: float) -> BusEvent | EntryRefusal:
    """The event that an entry asks for, or why it is refused."""
    for name in ("Source", "DetailType", "Detail"):
        if not isinstance(entry.get(name), str) or not entry[name]:
            reason = f"Parameter {name} is not valid. Reason: {name} is a required argument."
            return EntryRefusal("InvalidArgument", reason)
    source = str(entry["Source"])
    if source.startswith("aws."):
        return EntryRefusal("NotAuthorizedForSourceException", "Not authorized for the source.")
    detail = _detail(str(entry["Detail"]))
    if detail is None:
        return EntryRefusal("MalformedDetail", "Detail is malformed.")
    return BusEvent(
        id=event_id,
        source=source,
        detail_type=str(entry["DetailType"]),
        time=_time(entry.get("Time"), now),
        detail=detail,
        resources=tuple(str(each) for each in _texts(entry.get("Resources"))),
        trace_id=without_lineage(str(entry.get("TraceHeader") or "")),
        bus=bus_name(entry.get("EventBusName")),
    )


def put_answer(results: Iterable[BusEvent | EntryRefusal]) -> dict[str, Json]:
    """What PutEvents answers, entry by entry."""
    known = list(results)
    return {
        "FailedEntryCount": sum(isinstance(result, EntryRefusal) for result in known),
        "Entries": [_entry_answer(result) for result in known],
    }


def _entry_answer(result: BusEvent | EntryRefusal) -> dict[str, Json]:
    if isinstance(result, EntryRefusal):
        return {"ErrorCode": result.code, "ErrorMessage": result.message}
    return {"EventId": result.id}


def _size(entry: CallBody) -> int:
    """The bytes that count of an entry.

    Source: Amazon EventBridge User Guide, "Calculating Amazon EventBridge PutEvents event entry
    size".
    """
    texts = [entry.get(name) for name in ("Source", "DetailType", "Detail")]
    texts += _texts(entry.get("Resources"))
    size = sum(len(text.encode("utf-8", "replace")) for text in texts if isinstance(text, str))
    return size + (_TIME_SIZE if entry.get("Time") is not None else 0)


def _texts(given: Json) -> list[Json]:
    return list(given) if isinstance(given, list) else []


def _detail(text: str) -> dict[str, Json] | None:
    try:
        detail: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Json]", detail) if isinstance(detail, dict) else None


def _time(given: Json, now: float) -> float:
    """Seconds since 1970; the present where nothing is given."""
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        return now
    return float(given) if 0 <= given < _YEAR_10000 else now


def bus_name(given: Json) -> str:
    """The bus that a name or an ARN means."""
    return str(given or DEFAULT_BUS).rpartition("event-bus/")[2] or DEFAULT_BUS


# ---- rules ----


@value
class KnownRules:
    """What there is: rules with patterns, and schedules, which are rules of the default bus."""

    rules: tuple[EventRule, ...]
    schedules: tuple[Schedule, ...]
    account: Account

    def descriptions(self, bus: str) -> dict[str, dict[str, Json]]:
        """The rules of a bus as ListRules and DescribeRule show them, by name, in its order."""
        shown = {rule.name: self._rule(rule) for rule in self.rules if rule.bus == bus}
        if bus == DEFAULT_BUS:
            shown |= {
                schedule.name: self._schedule(schedule)
                for schedule in self.schedules
                if schedule.service == "rule"
            }
        return dict(sorted(shown.items()))

    def _rule(self, rule: EventRule) -> dict[str, Json]:
        shown: dict[str, Json] = {
            "Name": rule.name,
            "Arn": rule_arn(self.account, rule.name, rule.bus),
            "EventPattern": rule.pattern.text,
            "State": _state(is_enabled=rule.is_enabled),
            "EventBusName": rule.bus,
        }
        return shown | ({"Description": rule.description} if rule.description else {})

    def _schedule(self, schedule: Schedule) -> dict[str, Json]:
        return {
            "Name": schedule.name,
            "Arn": schedule_arn(self.account, schedule),
            "ScheduleExpression": schedule.timetable.text,
            "State": _state(is_enabled=schedule.is_enabled),
            "EventBusName": DEFAULT_BUS,
        }

    def targets(self, bus: str, name: str) -> list[dict[str, Json]]:
        """The targets of a rule as ListTargetsByRule shows them."""
        for rule in self.rules:
            if (rule.bus, rule.name) == (bus, name):
                return [
                    self._target(target.id, target.function, target.input)
                    for target in rule.targets
                ]
        return [
            self._target(schedule.function.name, schedule.function, schedule.input)
            for schedule in self.schedules
            if schedule.name == name and schedule.service == "rule" and bus == DEFAULT_BUS
        ]

    def _target(self, identity: str, ref: FunctionRef, given: bytes | None) -> dict[str, Json]:
        shown: dict[str, Json] = {"Id": identity, "Arn": self.account.arn(ref.name, ref.qualifier)}
        return shown | ({} if given is None else {"Input": given.decode()})

    def buses(self) -> list[str]:
        """The buses that there are."""
        return [DEFAULT_BUS, *sorted({rule.bus for rule in self.rules} - {DEFAULT_BUS})]


def _state(*, is_enabled: bool) -> str:
    return "ENABLED" if is_enabled else "DISABLED"


def list_rules(known: KnownRules, body: CallBody) -> dict[str, Json]:
    """The answer of ListRules. Raises EventsApiError."""
    bus = _known_bus(known, body)
    prefix = str(body.get("NamePrefix") or "")
    rules = [rule for name, rule in known.descriptions(bus).items() if name.startswith(prefix)]
    return _page("Rules", rules, body)


def describe_rule(known: KnownRules, body: CallBody) -> dict[str, Json]:
    """The answer of DescribeRule. Raises EventsApiError."""
    bus = _known_bus(known, body)
    rule = _rule_named(known, bus, _needed(body, "Name"))
    return {**rule, "CreatedBy": known.account.account_id}


def list_targets(known: KnownRules, body: CallBody) -> dict[str, Json]:
    """The answer of ListTargetsByRule. Raises EventsApiError."""
    bus = _known_bus(known, body)
    rule = _rule_named(known, bus, _needed(body, "Rule"))
    return _page("Targets", known.targets(bus, str(rule["Name"])), body)


def list_buses(known: KnownRules, body: CallBody) -> dict[str, Json]:
    """The answer of ListEventBuses. Raises EventsApiError."""
    prefix = str(body.get("NamePrefix") or "")
    buses: list[dict[str, Json]] = [
        {"Name": bus, "Arn": bus_arn(known.account, bus)}
        for bus in known.buses()
        if bus.startswith(prefix)
    ]
    return _page("EventBuses", buses, body)


def try_pattern(body: CallBody) -> dict[str, Json]:
    """The answer of TestEventPattern. Raises EventsApiError."""
    try:
        pattern = compile_pattern(str(_needed(body, "EventPattern")))
    except PatternError as wrong:
        raise EventsApiError("InvalidEventPatternException", str(wrong)) from None
    event = _detail(str(_needed(body, "Event")))
    if event is None:
        raise EventsApiError("ValidationException", "Parameter Event is not valid.")
    for name in _IN_AN_EVENT:
        if name not in event:
            text = f"Parameter Event is not valid. Reason: The event must contain {name}."
            raise EventsApiError("ValidationException", text)
    return {"Result": pattern.matches(event)}


def _known_bus(known: KnownRules, body: CallBody) -> str:
    bus = bus_name(body.get("EventBusName"))
    if bus not in known.buses():
        raise EventsApiError("ResourceNotFoundException", f"Event bus {bus} does not exist.")
    return bus


def _rule_named(known: KnownRules, bus: str, name: Json) -> dict[str, Json]:
    rule = known.descriptions(bus).get(str(name))
    if rule is None:
        text = f"Rule {name} does not exist on EventBus {bus}."
        raise EventsApiError("ResourceNotFoundException", text)
    return rule


def _page(key: str, items: list[dict[str, Json]], body: CallBody) -> dict[str, Json]:
    """So many of `items` as are asked for, with a token for the rest."""
    limit, token = body.get("Limit"), str(body.get("NextToken") or "0")
    if isinstance(limit, int) and not 1 <= limit <= _PAGE:
        end = "greater than or equal to 1" if limit < 1 else f"less than or equal to {_PAGE}"
        raise _constraint(str(limit), "limit", f"Member must have value {end}")
    size = limit if isinstance(limit, int) else _PAGE
    if not token.isascii() or not token.isdigit():
        raise EventsApiError("ValidationException", "Parameter NextToken is not valid.")
    start = int(token[:9])
    answer: dict[str, Json] = {key: items[start : start + size]}
    return answer | ({"NextToken": str(start + size)} if start + size < len(items) else {})


def _needed(body: CallBody, name: str) -> Json:
    """The member `name`, which must be there."""
    given = body.get(name)
    if given is None:
        field = name[:1].lower() + name[1:]
        text = f"1 validation error detected: Value null at '{field}' failed to satisfy"
        raise EventsApiError("ValidationException", f"{text} constraint: Member must not be null")
    return given


def _constraint(value: str, field: str, rule: str) -> EventsApiError:
    text = f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy"
    return EventsApiError("ValidationException", f"{text} constraint: {rule}")
