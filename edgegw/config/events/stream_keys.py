"""Which keys and types a stream of the configuration has."""

from typing import Annotated, Literal

from pydantic import Field

from edgegw.config.fields import Model, Number, between
from edgegw.messaging.stream_quotas import DAY, MAX_SHARDS, RETENTIONS


class Stream(Model):
    """An embedded stream; with `stream_arn` one of a real service."""

    type: Literal["kinesis", "dynamodb"] = "kinesis"
    shards: Annotated[int, between((1, MAX_SHARDS))] = 1
    retention: Annotated[Number, between(RETENTIONS)] = DAY
    stream_arn: str | None = None
    endpoint_url: Annotated[str | None, Field(pattern=r"^https?://\S+$")] = None
