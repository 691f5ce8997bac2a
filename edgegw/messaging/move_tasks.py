"""Message move tasks as values, and what SQS refuses about them.

Source: SQS API Reference, StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask; texts
observed.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, Literal, TypeAlias

from edgegw.messaging.queue import QueueSettings
from edgegw.messaging.queue_errors import QueueError, bad_parameter
from edgegw.values import value

MAX_PER_SECOND: Final = 500
"""Messages that a task moves in a second.

Source: SQS API Reference, StartMessageMoveTask, MaxNumberOfMessagesPerSecond.
"""
MoveStatus: TypeAlias = Literal["RUNNING", "COMPLETED", "CANCELLED", "FAILED"]


@value
class MoveTask:
    """A task as it stands; both queues by ARN, without `destination` each message's own source."""

    task_id: str
    source: str
    destination: str | None
    per_second: int | None
    started: float
    to_move: int
    moved: int = 0
    status: MoveStatus = "RUNNING"
    failure: str = ""

    @property
    def handle(self) -> str:
        """What cancels it."""
        text = json.dumps({"taskId": self.task_id, "sourceArn": self.source})
        return b64encode(text.encode()).decode()

    def at(self, moved: int, status: MoveStatus, failure: str) -> MoveTask:
        """The task when it has come so far."""
        return replace(self, moved=moved, status=status, failure=failure)


def read_task_handle(handle: str) -> tuple[str, str]:
    """The task's id and the ARN of its source. Raises QueueError."""
    try:
        content = json.loads(b64decode(handle, validate=True))
        task_id, source = content["taskId"], content["sourceArn"]
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
        raise bad_parameter("Value for parameter TaskHandle is invalid.") from None
    return str(task_id), str(source)


def check_source(
    arn: str, queue: QueueSettings | None, is_dead_letter_queue: Callable[[str], bool]
) -> None:
    """Raises QueueError where no task can move what is there."""
    if not arn.startswith("arn:"):
        raise bad_parameter(
            "You must use this format to specify the SourceArn: "
            "arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        )
    if queue is None:
        raise no_such_arn("SourceArn")
    if not is_dead_letter_queue(queue.name):
        raise bad_parameter("Source queue must be configured as a Dead Letter Queue.")


def check_no_other(tasks: Iterable[MoveTask]) -> None:
    """Raises QueueError where one of these tasks of a queue is running."""
    if any(task.status == "RUNNING" for task in tasks):
        raise bad_parameter(
            "There is already a task running. Only one active task is allowed for a source queue "
            "arn at a given time."
        )


def no_such_arn(parameter: str) -> QueueError:
    """The parameter names a queue that is not there."""
    text = f"The resource that you specified for the {parameter} parameter doesn't exist."
    return QueueError("ResourceNotFoundException", text)


def no_such_task() -> QueueError:
    """No task with this handle is running."""
    return QueueError("ResourceNotFoundException", "Task does not exist.")
