"""Which keys say what becomes of asynchronous invocations."""

from typing import Annotated

from edgegw.awslambda.async_invocation import AGE_RANGE, RETRIES_RANGE
from edgegw.config.fields import Model, between


class EventInvoke(Model):
    """EventInvokeConfig of a version or alias; age in seconds, destinations as `KIND:NAME`."""

    maximum_retry_attempts: Annotated[int, between(RETRIES_RANGE)] | None = None
    maximum_event_age: Annotated[int, between(AGE_RANGE)] | None = None
    on_success: str | None = None
    on_failure: str | None = None


class FunctionEventInvoke(EventInvoke):
    """EventInvokeConfig of a function itself, and the dead-letter queue that all versions have."""

    dead_letter: str | None = None
