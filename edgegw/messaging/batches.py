"""Batches: what a batch of entries is refused for as a whole, and the answer for each entry.

Source: SQS API Reference, SendMessageBatch, DeleteMessageBatch, ChangeMessageVisibilityBatch;
texts observed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from edgegw.awslambda.payload import Json
from edgegw.messaging.queue_errors import QueueError

MAX_ENTRIES: Final = 10
"""Entries of one batch.

Source: SQS Developer Guide, "Message quotas".
"""
_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,80}")


def check_ids(ids: Sequence[str], kind: str) -> None:
    """Raises QueueError where a batch with entries of these ids is not looked into.

    `kind` is the name of the shape of an entry.
    """
    if not ids:
        text = f"There should be at least one {kind} in the request."
        raise QueueError("EmptyBatchRequest", text)
    if len(ids) > MAX_ENTRIES:
        raise QueueError(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {MAX_ENTRIES}. You have sent {len(ids)}.",
        )
    for at, entry_id in enumerate(ids):
        if not _ID.fullmatch(entry_id):
            raise QueueError(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and "
                "underscores. It can be at most 80 letters long.",
            )
        if entry_id in ids[:at]:
            raise QueueError("BatchEntryIdsNotDistinct", f"Id {entry_id} repeated.")


def batch_answer(
    successful: Sequence[dict[str, Json]], failed: Sequence[tuple[str, QueueError]]
) -> dict[str, Json]:
    """The answer: what was done, and what failed by its entry's id. An empty part is left out."""
    answer: dict[str, Json] = {}
    if successful:
        answer["Successful"] = list(successful)
    if failed:
        answer["Failed"] = [
            {"Id": entry_id, "SenderFault": True, "Code": error.code, "Message": error.text}
            for entry_id, error in failed
        ]
    return answer
