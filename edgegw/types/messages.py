"""What event sources, schedules and notifications hand to a function, and what it returns.

Source: Lambda Developer Guide, "Using Lambda with Amazon SQS", "Using Lambda to process records
from Amazon Kinesis Data Streams", "Using AWS Lambda with Amazon DynamoDB", "Process Amazon S3 event
notifications with Lambda"; Amazon EventBridge User Guide, "Events in Amazon EventBridge".
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class SqsMessageAttribute(TypedDict):
    dataType: str
    stringValue: NotRequired[str]
    binaryValue: NotRequired[str]
    stringListValues: list[str]
    binaryListValues: list[str]


class SqsEventRecord(TypedDict):
    messageId: str
    receiptHandle: str
    body: str
    attributes: dict[str, str]
    messageAttributes: dict[str, SqsMessageAttribute]
    md5OfBody: str
    eventSource: str
    eventSourceARN: str
    awsRegion: str


class SqsEvent(TypedDict):
    Records: list[SqsEventRecord]


class KinesisData(TypedDict):
    kinesisSchemaVersion: str
    partitionKey: str
    sequenceNumber: str
    data: str
    approximateArrivalTimestamp: float


class KinesisEventRecord(TypedDict):
    kinesis: KinesisData
    eventSource: str
    eventVersion: str
    eventID: str
    eventName: str
    invokeIdentityArn: str
    awsRegion: str
    eventSourceARN: str


class EventWindow(TypedDict):
    start: str
    end: str


class _TumblingMembers(TypedDict, total=False):
    """What an event has within a tumbling window."""

    window: EventWindow
    state: dict[str, Any]
    shardId: str
    eventSourceARN: str
    isFinalInvokeForWindow: bool
    isWindowTerminatedEarly: bool


class KinesisEvent(_TumblingMembers):
    Records: list[KinesisEventRecord]


class DynamodbChange(TypedDict):
    Keys: dict[str, Any]
    SequenceNumber: str
    SizeBytes: int
    StreamViewType: str
    ApproximateCreationDateTime: NotRequired[float]
    NewImage: NotRequired[dict[str, Any]]
    OldImage: NotRequired[dict[str, Any]]


class DynamodbEventRecord(TypedDict):
    eventID: str
    eventName: Literal["INSERT", "MODIFY", "REMOVE"]
    eventVersion: str
    eventSource: str
    awsRegion: str
    dynamodb: DynamodbChange
    eventSourceARN: str
    userIdentity: NotRequired[dict[str, str]]


class DynamodbEvent(_TumblingMembers):
    Records: list[DynamodbEventRecord]


class BatchItemFailure(TypedDict):
    itemIdentifier: str


class BatchResult(TypedDict, total=False):
    """What a function with ReportBatchItemFailures returns; `state` within a tumbling window."""

    batchItemFailures: list[BatchItemFailure]
    state: dict[str, Any]


EventBridgeEvent = TypedDict(
    "EventBridgeEvent",
    {
        "version": str,
        "id": str,
        "detail-type": str,
        "source": str,
        "account": str,
        "time": str,
        "region": str,
        "resources": list[str],
        "detail": dict[str, Any],
    },
)
"""An event of a bus, and of a schedule."""


class S3Principal(TypedDict):
    principalId: str


class S3NotifiedBucket(TypedDict):
    name: str
    ownerIdentity: S3Principal
    arn: str


class S3NotifiedObject(TypedDict):
    key: str
    size: NotRequired[int]
    eTag: NotRequired[str]
    versionId: NotRequired[str]
    sequencer: str


class S3NotifiedChange(TypedDict):
    s3SchemaVersion: str
    configurationId: str
    bucket: S3NotifiedBucket
    object: S3NotifiedObject


class S3NotificationRecord(TypedDict):
    eventVersion: str
    eventSource: str
    awsRegion: str
    eventTime: str
    eventName: str
    userIdentity: S3Principal
    requestParameters: dict[str, str]
    responseElements: dict[str, str]
    s3: S3NotifiedChange


class S3NotificationEvent(TypedDict):
    Records: list[S3NotificationRecord]
