"""What must hold for streams beyond keys and types."""

from __future__ import annotations

from edgegw.config.document import Document, KeyPath
from edgegw.config.events.stream_keys import Stream
from edgegw.config.schema import Config
from edgegw.messaging.stream_names import type_and_region
from edgegw.messaging.stream_quotas import DAY, is_stream_name

_REMOTE = frozenset({"stream_arn", "endpoint_url"})


def check_streams(document: Document, config: Config) -> None:
    """Adds what is wrong with streams to the findings of `document`."""
    for name, stream in config.streams.items():
        path: KeyPath = ("streams", name)
        if name in config.queues:
            text = f"{name!r} is a queue as well: event sources and commands could mean either"
            document.error(path, "kinesis.name", text, key=True)
        if stream.stream_arn is not None:
            _check_remote(document, path, stream)
        else:
            _check_embedded(document, path, name, stream)


def _check_remote(document: Document, path: KeyPath, stream: Stream) -> None:
    if type_and_region(stream.stream_arn or "") is None:
        text = (
            f"{stream.stream_arn!r} is no ARN of a stream: arn:aws:kinesis:REGION:ACCOUNT:"
            "stream/NAME, or arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/LABEL"
        )
        document.error((*path, "stream_arn"), "kinesis.stream", text)
    for key in sorted(stream.model_fields_set - _REMOTE):
        text = f"{key!r} is a setting of the stream at stream_arn: it cannot be made here"
        document.error((*path, key), "kinesis.stream", text, key=True)


def _check_embedded(document: Document, path: KeyPath, name: str, stream: Stream) -> None:
    if not is_stream_name(name, stream.type):
        least, most = (1, 128) if stream.type == "kinesis" else (3, 255)
        text = (
            f"{name!r} is no name of a stream: it has {least} to {most} letters, digits, hyphens, "
            "underscores and periods"
        )
        document.error(path, "kinesis.name", text, key=True)
    if stream.endpoint_url is not None:
        text = "'endpoint_url' needs 'stream_arn', the stream that is there"
        document.error((*path, "endpoint_url"), "kinesis.stream", text, key=True)
    if stream.type == "dynamodb" and stream.retention != DAY:
        text = "a stream of DynamoDB keeps its records for a day, as on AWS"
        document.error((*path, "retention"), "kinesis.stream", text)
