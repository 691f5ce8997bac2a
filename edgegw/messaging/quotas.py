"""Numbers and names that a queue is held to, wherever it comes from."""

from __future__ import annotations

import re
from typing import Final

MAX_MESSAGE: Final = 1024 * 1024
"""Bytes of a message, its attributes included; also of all messages of a batch together.

Source: SQS Developer Guide, "Message quotas".
"""
MAX_NAME: Final = 80
"""Characters of a queue's name, `.fifo` included.

Source: SQS Developer Guide, "Standard queue quotas".
"""
FIFO_SUFFIX: Final = ".fifo"
"""How the name of a FIFO queue ends, and no other.

Source: SQS API Reference, CreateQueue, QueueName.
"""
RANGES: Final = {
    "VisibilityTimeout": (0, 43_200),
    "DelaySeconds": (0, 900),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "MaximumMessageSize": (1024, MAX_MESSAGE),
}
"""The least and the most of every attribute of a queue that is a number.

Source: SQS API Reference, SetQueueAttributes.
"""
MAX_RECEIVE_COUNTS: Final = (1, 1000)
"""How often a message may be received before it is a dead letter.

Source: SQS Developer Guide, "Dead-letter queues".
"""
_STANDARD_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,80}")
_FIFO_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,75}\.fifo")


def is_queue_name(name: str) -> bool:
    """Whether a queue may be called so.

    Source: SQS API Reference, CreateQueue, QueueName.
    """
    pattern = _FIFO_NAME if name.endswith(FIFO_SUFFIX) else _STANDARD_NAME
    return pattern.fullmatch(name) is not None
