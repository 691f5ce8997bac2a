"""ARNs of streams.

Source: Kinesis Data Streams API Reference, "DescribeStream"; DynamoDB API Reference,
"DescribeStream", StreamArn.
"""

from __future__ import annotations

import re
from typing import Final

from edgegw.awslambda.names import Account
from edgegw.messaging.stream_quotas import StreamType

LABEL: Final = "2026-01-01T00:00:00.000"
"""The label of every embedded stream of a table: on AWS when it was switched on. Here the ARN must
be known before there is anything."""
_ARN: Final = re.compile(
    r"arn:aws[a-zA-Z0-9-]*:(?:(?P<kinesis>kinesis)|dynamodb):(?P<region>[a-z0-9-]+):\d{12}:"
    r"(?(kinesis)stream|table)/(?P<name>[a-zA-Z0-9_.-]+)(?(kinesis)|/stream/.+)"
)


def stream_of(text: str) -> str:
    """The name of a stream, from its name or its ARN."""
    match = _ARN.fullmatch(text)
    return text if match is None else match["name"]


def stream_arn(name: str, type_: StreamType, account: Account) -> str:
    """The ARN of an embedded stream."""
    place = f"{account.region}:{account.account_id}"
    if type_ == "kinesis":
        return f"arn:aws:kinesis:{place}:stream/{name}"
    return f"arn:aws:dynamodb:{place}:table/{name}/stream/{LABEL}"


def type_and_region(arn: str) -> tuple[StreamType, str] | None:
    """The type and the Region of the stream with this ARN; None where it is none of a stream."""
    match = _ARN.fullmatch(arn)
    if match is None:
        return None
    return ("kinesis" if match["kinesis"] else "dynamodb"), match["region"]
