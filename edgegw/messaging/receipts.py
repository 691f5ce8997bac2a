"""Receipt handles: which message they mean, and which time of its being received.

A handle names the queue, the number of the message and how often it had been received then. So it
needs no table, and an older one is known as older.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import Final

from edgegw.messaging.queue_errors import QueueError
from edgegw.values import value

_BEGINNING: Final = "AQEB"
_PARTS: Final = 3


@value
class Receipt:
    """`number` is that of the message, `receives` counts this time."""

    number: int
    receives: int


def receipt_handle(queue: str, receipt: Receipt) -> str:
    """The handle of one message of `queue`."""
    text = f"{receipt.number} {receipt.receives} {queue}"
    return _BEGINNING + b64encode(text.encode()).decode()


def read_handle(queue: str, handle: str) -> Receipt:
    """What `handle` means. Raises QueueError where it is no handle of `queue`."""
    try:
        raw = b64decode(handle.removeprefix(_BEGINNING), validate=True)
        parts = raw.decode("utf-8").split(" ", _PARTS - 1)
        receipt = Receipt(int(parts[0]), int(parts[1]))
    except (ValueError, IndexError, binascii.Error):
        raise _invalid(handle) from None
    if not handle.startswith(_BEGINNING) or parts[2:] != [queue] or not _fits(receipt.number):
        raise _invalid(handle)
    return receipt


def _fits(number: int) -> bool:
    return 0 < number < 1 << 63


def _invalid(handle: str) -> QueueError:
    text = f'The input receipt handle "{handle}" is not a valid receipt handle.'
    return QueueError("ReceiptHandleIsInvalid", text)
