"""Who is given which messages, and what becomes of those that were given out too often.

A message is received, hidden for its visibility timeout, and then either deleted or visible again.
A queue with a dead letter queue gives it out `max_receive_count` times; whoever would be the next
to receive it finds it gone.

A standard queue gives whatever is visible. A FIFO queue keeps order within each message group by
one rule, which holds in every mix of deletions, failures and extended timeouts: what is given of a
group is a beginning of what the queue still has of it. The first message that is hidden, delayed
or not wanted ends the group for this time; whatever stands behind it waits, so nothing overtakes.
A message that goes to the dead letter queue holds nobody up: the group goes on behind it.

    group A:  1 deleted   2 visible   3 in flight   4 visible     →  2
    group B:  1 in flight 2 visible                               →  nothing
    group C:  1 received too often    2 visible                   →  1 moves, 2 is given

Source: SQS Developer Guide, "FIFO queue delivery logic", "Visibility timeout", "Dead-letter
queues"; how one extended timeout holds up the rest of its group is observed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from edgegw.messaging.queue import QueueSettings
from edgegw.messaging.queue_errors import bad_value
from edgegw.messaging.receipts import Receipt
from edgegw.values import value

MAX_VISIBILITY: Final = 43_200
"""Seconds that a message can stay with one receiver: 12 hours.

Source: SQS Developer Guide, "Visibility timeout".
"""
MAX_LOOKED_AT: Final = 120_000
"""Messages at the head of a FIFO queue among which groups are looked for.

Source: SQS Developer Guide, "FIFO queue and message group ID quotas".
"""


@value
class StoredMessage:
    """What is known of a message where it waits; times are seconds since 1970.

    `group` is the message group that order is kept in, None in a standard queue; `received` is
    when it was received last.
    """

    number: int
    group: str | None
    visible_at: float
    receives: int
    sent: float
    received: float = 0.0


@value
class ReceivePlan:
    """Numbers of messages: those to give out, those to move away, those that are too old.

    `hidden_until` are the instants at which hidden messages that were met can be seen again.
    """

    given: list[int]
    dead: list[int]
    expired: list[int]
    hidden_until: list[float]


def plan_receive(
    messages: Iterable[StoredMessage], queue: QueueSettings, now: float, limit: int, oldest: float
) -> ReceivePlan:
    """What a receiver gets who comes `now` and wants up to `limit`.

    `messages` come in the order in which they are to be given, as many as are looked at; what was
    sent at `oldest` or before is kept no longer.
    """
    plan = ReceivePlan([], [], [], [])
    held_up: set[str] = set()
    most = queue.redrive.max_receive_count if queue.redrive is not None else None
    for message in messages:
        if message.sent <= oldest:
            plan.expired.append(message.number)
        elif message.group is not None and message.group in held_up:
            continue
        elif message.visible_at > now:
            plan.hidden_until.append(message.visible_at)
            if message.group is not None:
                held_up.add(message.group)
        elif most is not None and message.receives >= most:
            plan.dead.append(message.number)
        else:
            plan.given.append(message.number)
            if len(plan.given) >= limit:
                break
    return plan


def may_delete(
    message: StoredMessage | None, receipt: Receipt, handle: str, queue: QueueSettings, now: float
) -> bool:
    """Whether the message goes. Raises QueueError where a FIFO queue says that it is too late.

    A standard queue is content with every handle that it gave out, and acts on the newest only.

    Source: SQS API Reference, DeleteMessage; a FIFO queue's refusal is observed.
    """
    if message is None:
        return False
    is_newest = message.receives == receipt.receives
    if queue.is_fifo and not (is_newest and message.visible_at > now):
        raise bad_value(handle, "ReceiptHandle", "The receipt handle has expired.")
    return is_newest


def may_change_visibility(
    message: StoredMessage | None, receipt: Receipt, handle: str, queue: QueueSettings, now: float
) -> bool:
    """Whether a message is hidden anew. Raises QueueError where there is none to hide.

    In a standard queue every handle of a message in flight counts, and it is no error to come too
    late.

    Source: observed.
    """
    is_newest = message is not None and message.receives == receipt.receives
    in_flight = message is not None and message.visible_at > now
    if message is None or (queue.is_fifo and not (is_newest and in_flight)):
        reason = "Message does not exist or is not available for visibility timeout change."
        raise bad_value(handle, "ReceiptHandle", reason)
    return in_flight


def check_visibility(seconds: float, already: float = 0.0) -> None:
    """Raises QueueError where a message cannot be hidden for so long.

    `already` are the seconds since it was received.

    Source: SQS API Reference, ChangeMessageVisibility.
    """
    if not 0 <= seconds <= MAX_VISIBILITY:
        reason = f"Must be between 0 and {MAX_VISIBILITY}, if provided."
        raise bad_value(_plain(seconds), "VisibilityTimeout", reason)
    if int(already) + seconds > MAX_VISIBILITY:
        reason = (
            f"Total VisibilityTimeout for the message is beyond the limit [{MAX_VISIBILITY} "
            "seconds]"
        )
        raise bad_value(_plain(seconds), "VisibilityTimeout", reason)


def _plain(seconds: float) -> str:
    return f"{seconds:g}" if seconds % 1 else str(int(seconds))
