"""The members that records and events have at the top, where filters and patterns begin.

A pattern that names another one there takes nothing, which is hardly meant: AWS says nothing of it,
and whoever checks a configuration can.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from edgegw.awslambda.source_mapping import SourceKind

_SQS: Final = frozenset(
    {
        *("messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody"),
        *("md5OfMessageAttributes", "eventSource", "eventSourceARN", "awsRegion"),
    }
)
RECORD_FIELDS: Final[Mapping[SourceKind, frozenset[str]]] = {
    "sqs": _SQS,
    "sqs-fifo": _SQS,
    "kinesis": frozenset(
        {
            *("data", "partitionKey", "sequenceNumber", "kinesisSchemaVersion"),
            *("approximateArrivalTimestamp", "encryptionType", "eventID", "eventName"),
            *("eventVersion", "eventSource", "eventSourceARN", "awsRegion", "invokeIdentityArn"),
        }
    ),
    "dynamodb": frozenset(
        {
            *("dynamodb", "eventID", "eventName", "eventVersion", "eventSource", "eventSourceARN"),
            *("awsRegion", "userIdentity"),
        }
    ),
}
"""What a filter may name of a record, by the kind of its source; of Kinesis what is in `kinesis`.

Source: Lambda Developer Guide, "Using event filtering with an Amazon SQS event source" and its
neighbours about Kinesis and DynamoDB.
"""
EVENT_FIELDS: Final = frozenset(
    {
        *("version", "id", "detail-type", "source", "account", "time", "region", "resources"),
        *("detail", "replay-name"),
    }
)
"""What a rule may name of an event.

Source: Amazon EventBridge User Guide, "AWS service event metadata".
"""
