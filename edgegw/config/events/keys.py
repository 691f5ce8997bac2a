"""Which keys schedules, rules of the event bus and notifications of buckets have."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from edgegw.config.fields import Anything, Model, Texts


class FlexibleTimeWindow(Model):
    """How much later than it says a schedule may come; edgegw takes no window but OFF."""

    mode: Literal["OFF", "FLEXIBLE"] = "OFF"
    maximum_window_in_minutes: int | None = None


class Schedule(Model):
    """A function that is invoked at times."""

    expression: str
    function: str
    input: Anything = None
    timezone: str | None = None
    enabled: bool = True
    flexible_time_window: FlexibleTimeWindow | None = None


def _rule_target(value: object) -> object:
    return {"function": value} if isinstance(value, str) else value


class RuleTarget(Model):
    """A function that a rule invokes, with what it gets in the place of the event."""

    function: str
    input: Anything = None


class EventRule(Model):
    """A rule of an event bus: events that match the pattern go to its targets."""

    pattern: Anything
    targets: Annotated[
        list[Annotated[RuleTarget, BeforeValidator(_rule_target)]], Field(min_length=1)
    ]
    bus: str = "default"
    description: str = ""
    enabled: bool = True


class BucketNotification(Model):
    """Changes of a bucket that go to a function: of an origin's `bucket`, or of a `folder`."""

    function: str
    bucket: str | None = None
    folder: str | None = None
    region: str | None = None
    events: Annotated[Texts, Field(min_length=1)] = ["s3:ObjectCreated:*"]
    prefix: str = ""
    suffix: str = ""
