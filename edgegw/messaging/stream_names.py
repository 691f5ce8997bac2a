"""Names and ARNs of streams.

Source: Kinesis Data Streams API Reference, "CreateStream", StreamName; DynamoDB Streams API
Reference, "DescribeStream", StreamArn.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from edgegw.awslambda.names import Account
from edgegw.messaging.stream import EmbeddedStream

STREAM_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{1,128}")
"""What a stream may be called; the table of a DynamoDB stream has 3 to 255 of these characters."""
_ARN: Final = re.compile(
    r"arn:aws[a-zA-Z0-9-]*:(?:kinesis:[^:]*:\d{12}:stream|dynamodb:[^:]*:\d{12}:table)"
    r"/(?P<name>[^/]+)(?:/stream/.+)?"
)


def stream_of(text: str) -> str:
    """The name of a stream, from its name or its ARN."""
    match = _ARN.fullmatch(text)
    return text if match is None else match["name"]


def stream_arn(stream: EmbeddedStream, account: Account) -> str:
    """The ARN of a stream; that of DynamoDB is the table's, with the stream's label."""
    place = f"{account.region}:{account.account_id}"
    if stream.definition.type == "kinesis":
        return f"arn:aws:kinesis:{place}:stream/{stream.name}"
    return f"arn:aws:dynamodb:{place}:table/{stream.name}/stream/{stream_label(stream)}"


def stream_label(stream: EmbeddedStream) -> str:
    """When a table's stream was made, as its ARN says it: `2015-05-11T21:21:33.291`."""
    made = datetime.fromtimestamp(stream.created_at, UTC).isoformat(timespec="milliseconds")
    return made.removesuffix("+00:00")
