"""Event notifications of S3: which changes of a bucket go to whom, and the record of each.

Source: Amazon S3 User Guide, "Amazon S3 Event Notifications", "Event message structure" and
"Configuring event notifications using object key name filtering".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote_plus

from edgegw.awslambda.model import FunctionRef
from edgegw.awslambda.payload import Json
from edgegw.values import value

HAPPENING: Final = (
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectRemoved:Delete",
)
"""The events that a folder can have: files come in one piece or in parts, and go."""
EVENT_TYPES: Final = (
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectRemoved:*",
    "s3:ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
    "s3:ObjectRestore:*",
    "s3:ObjectRestore:Post",
    "s3:ObjectRestore:Completed",
    "s3:ObjectRestore:Delete",
    "s3:ReducedRedundancyLostObject",
    "s3:Replication:*",
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationReplicatedAfterThreshold",
    "s3:Replication:OperationNotTracked",
    "s3:LifecycleTransition",
    "s3:LifecycleExpiration:*",
    "s3:LifecycleExpiration:Delete",
    "s3:LifecycleExpiration:DeleteMarkerCreated",
    "s3:IntelligentTiering",
    "s3:ObjectTagging:*",
    "s3:ObjectTagging:Put",
    "s3:ObjectTagging:Delete",
    "s3:ObjectAcl:Put",
    "s3:ObjectAnnotation:*",
    "s3:TestEvent",
)
"""The names of all events.

Source: Amazon S3 User Guide, "Supported event types for SQS, SNS, and Lambda".
"""
EVENT_VERSION: Final = "2.1"
"""The version of a record.

Source: Amazon S3 User Guide, "Event message structure".
"""


@value
class BucketNotification:
    """Changes of a bucket that go to a function; `name` is the configuration's id."""

    name: str
    bucket: str
    region: str
    folder: str
    function: FunctionRef
    events: tuple[str, ...] = ("s3:ObjectCreated:*",)
    prefix: str = ""
    suffix: str = ""

    def takes(self, event: str, key: str) -> bool:
        """Whether it is told of this event (`s3:ObjectCreated:Put`) of an object."""
        return (
            key.startswith(self.prefix)
            and key.endswith(self.suffix)
            and any(is_of_type(event, known) for known in self.events)
        )


def is_of_type(event: str, known: str) -> bool:
    """Whether `event` is `known`, or one of those that a star stands for."""
    return event == known or (known.endswith(":*") and event.startswith(known[:-1]))


def overlapping(one: BucketNotification, other: BucketNotification) -> bool:
    """Whether an object can exist of which both would be told the same: S3 refuses that.

    Source: Amazon S3 User Guide, "Configuring event notifications using object key name
    filtering", examples of invalid configurations.
    """
    return (
        one.bucket == other.bucket
        and _one_begins(one.prefix, other.prefix)
        and _one_begins(one.suffix[::-1], other.suffix[::-1])
        and any(is_of_type(a, b) or is_of_type(b, a) for a in one.events for b in other.events)
    )


def _one_begins(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


@value(kw_only=True)
class ObjectChange:
    """What happened to an object, at an instant in seconds since 1970.

    `etag` is without quotes; a removed object has neither size nor tag. `number` goes up with
    every change.
    """

    event: str
    key: str
    time: float
    number: int
    size: int | None = None
    etag: str = ""


@value
class WriterIds:
    """What an answer of S3 to the writer would have had."""

    request_id: str
    host_id: str


def notified(
    change: ObjectChange, notifications: Iterable[BucketNotification]
) -> Iterator[BucketNotification]:
    """Those of `notifications` that are told of `change`."""
    return (each for each in notifications if each.takes(change.event, change.key))


def notification_event(
    change: ObjectChange, notification: BucketNotification, ids: WriterIds
) -> dict[str, Json]:
    """The event for a function: one record, as S3 sends them."""
    record: dict[str, Json] = {
        "eventVersion": EVENT_VERSION,
        "eventSource": "aws:s3",
        "awsRegion": notification.region,
        "eventTime": _millisecond(change.time),
        "eventName": change.event.removeprefix("s3:"),
        "userIdentity": {"principalId": "AWS:AIDAEDGEGWEDGEGWEDGEG"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": ids.request_id, "x-amz-id-2": ids.host_id},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": notification.name,
            "bucket": {
                "name": notification.bucket,
                "ownerIdentity": {"principalId": "AEDGEGWEDGEGW1"},
                "arn": f"arn:aws:s3:::{notification.bucket}",
            },
            "object": _object(change),
        },
    }
    return {"Records": [record]}


def _object(change: ObjectChange) -> dict[str, Json]:
    facts: dict[str, Json] = {"key": encoded_key(change.key)}
    if change.size is not None:
        facts |= {"size": change.size, "eTag": change.etag}
    return facts | {"sequencer": f"{change.number:018X}"}


def encoded_key(key: str) -> str:
    """A key as notifications write it: UTF-8, blanks as plus, slashes as they are.

    Source: Amazon S3 User Guide, "Event message structure"; that slashes stay is observed.
    """
    return quote_plus(key, safe="/", errors="surrogateescape")


def _millisecond(instant: float) -> str:
    text = datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
