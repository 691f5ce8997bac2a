"""EventBridge's events: their envelope, and what a schedule that names no input sends.

Source: Amazon EventBridge User Guide, "Events in Amazon EventBridge" and "Creating a rule that runs
on a schedule".
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from edgegw.awslambda.names import Account
from edgegw.awslambda.payload import Json
from edgegw.awslambda.schedules import Schedule
from edgegw.values import value

DEFAULT_BUS: Final = "default"
"""The bus that every account has."""
SCHEDULE_GROUP: Final = "default"
"""The group of EventBridge Scheduler that every account has."""
_ATTEMPT: Final = "1"


@value(kw_only=True)
class BusEvent:
    """One event on a bus; `time` is in seconds since 1970, `detail` a JSON object."""

    id: str
    source: str
    detail_type: str
    time: float
    detail: Json
    resources: tuple[str, ...] = ()
    trace_id: str = ""
    bus: str = DEFAULT_BUS

    def envelope(self, account: Account) -> dict[str, Json]:
        """The event as rules match it and targets get it."""
        return {
            "version": "0",
            "id": self.id,
            "detail-type": self.detail_type,
            "source": self.source,
            "account": account.account_id,
            "time": whole_second(self.time),
            "region": account.region,
            "resources": list(self.resources),
            "detail": self.detail,
        }


def whole_second(instant: float) -> str:
    """`2026-01-31T08:00:00Z` for seconds since 1970."""
    return datetime.fromtimestamp(int(instant), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rule_arn(account: Account, name: str, bus: str = DEFAULT_BUS) -> str:
    """The ARN of a rule; the default bus does not stand in it."""
    path = name if bus == DEFAULT_BUS else f"{bus}/{name}"
    return f"arn:aws:events:{account.region}:{account.account_id}:rule/{path}"


def bus_arn(account: Account, bus: str) -> str:
    """The ARN of an event bus."""
    return f"arn:aws:events:{account.region}:{account.account_id}:event-bus/{bus}"


def schedule_arn(account: Account, schedule: Schedule) -> str:
    """The ARN of what a schedule stands for: a rule, or a schedule of EventBridge Scheduler."""
    if schedule.service == "rule":
        return rule_arn(account, schedule.name)
    place = f"{account.region}:{account.account_id}"
    return f"arn:aws:scheduler:{place}:schedule/{SCHEDULE_GROUP}/{schedule.name}"


def scheduled_event(
    schedule: Schedule, instant: float, event_id: str, account: Account
) -> dict[str, Json]:
    """The event of a schedule without an input, due at `instant`.

    A rule's comes from `aws.events` with an empty detail, one of EventBridge Scheduler from
    `aws.scheduler` with a detail that is the text `{}`.
    Source: Amazon EventBridge User Guide, "Creating a rule that runs on a schedule"; the form of
    EventBridge Scheduler is observed.
    """
    is_rule = schedule.service == "rule"
    event = BusEvent(
        id=event_id,
        source="aws.events" if is_rule else "aws.scheduler",
        detail_type="Scheduled Event",
        time=instant,
        detail={} if is_rule else "{}",
        resources=(schedule_arn(account, schedule),),
    )
    return event.envelope(account)


def scheduled_input(
    schedule: Schedule, written: bytes, instant: float, event_id: str, account: Account
) -> bytes:
    """The input of a schedule as its target gets it.

    EventBridge Scheduler puts in what stands for the time, the ARN, the id and the attempt.
    Source: Amazon EventBridge Scheduler User Guide, "Adding context attributes".
    """
    if schedule.service == "rule" or b"<aws.scheduler." not in written:
        return written
    for attribute, text in (
        ("schedule-arn", schedule_arn(account, schedule)),
        ("scheduled-time", whole_second(instant)),
        ("execution-id", event_id),
        ("attempt-number", _ATTEMPT),
    ):
        written = written.replace(f"<aws.scheduler.{attribute}>".encode(), text.encode())
    return written
