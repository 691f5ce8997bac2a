"""Numbers and names that a stream is held to, wherever it comes from."""

from __future__ import annotations

import re
from typing import Final

from edgegw.awslambda.source_mapping import StreamType

DAY: Final = 86_400
RETENTIONS: Final = (DAY, 365 * DAY)
"""Seconds for which a stream of Kinesis keeps its records.

Source: Kinesis Data Streams Developer Guide, "Change the data retention period".
"""
MAX_DATA: Final = 1_048_576
"""Bytes of a record's data, with its partition key.

Source: Kinesis Data Streams Developer Guide, "Quotas and limits"; larger records are possible since
2025, where a stream is set so.
"""
MAX_PARTITION_KEY: Final = 256
"""Characters of a partition key.

Source: Kinesis Data Streams API Reference, "PutRecord", PartitionKey.
"""
MAX_PUT_RECORDS: Final = 500
"""Records of one PutRecords.

Source: Kinesis Data Streams API Reference, "PutRecords".
"""
MAX_PUT_BYTES: Final = 5 * 1_048_576
"""Bytes of one PutRecords, partition keys included.

Source: Kinesis Data Streams API Reference, "PutRecords".
"""
MAX_READ: Final[dict[StreamType, int]] = {"kinesis": 10_000, "dynamodb": 1_000}
"""Records of one GetRecords.

Source: Kinesis Data Streams API Reference and DynamoDB API Reference, "GetRecords", Limit.
"""
MAX_READ_BYTES: Final[dict[StreamType, int]] = {"kinesis": 10 * 1_048_576, "dynamodb": 1_048_576}
"""Bytes of one GetRecords.

Source: Kinesis Data Streams API Reference and DynamoDB API Reference, "GetRecords".
"""
MAX_SHARDS: Final = 10_000
"""Shards of a stream here; AWS gives an account 200 to 20,000, by Region.

Source: Kinesis Data Streams Developer Guide, "Quotas and limits"; a bound of ours.
"""
_NAMES: Final[dict[StreamType, re.Pattern[str]]] = {
    "kinesis": re.compile(r"[a-zA-Z0-9_.-]{1,128}"),
    "dynamodb": re.compile(r"[a-zA-Z0-9_.-]{3,255}"),
}


def is_stream_name(name: str, type_: StreamType) -> bool:
    """Whether a stream, or the table that it is of, may be called so.

    Source: Kinesis Data Streams API Reference, "CreateStream", StreamName; DynamoDB Streams API
    Reference, "Stream", TableName.
    """
    return _NAMES[type_].fullmatch(name) is not None
