"""Builders of what a mapping reads of a stream, and of what functions answer."""

from __future__ import annotations

import json

from edgegw.awslambda.model import FunctionError, Report, Returned, Throttled
from edgegw.awslambda.stream_source import ShardBatch, StreamRecord

REPORT = Report(request_id="r", version="$LATEST")


def record(number: int, at: float = 0.0, key: str = "k", size: int = 100) -> StreamRecord:
    return StreamRecord(str(number), key, at, {"n": number}, size)


def batch(*numbers: int, failures: int = 0) -> ShardBatch:
    return ShardBatch(tuple(record(number) for number in numbers), failures)


def numbers(part: ShardBatch | None) -> list[int]:
    return [] if part is None else [each.number for each in part.records]


def returned(answer: object = None) -> Returned:
    return Returned(json.dumps(answer).encode(), REPORT)


def reported(*failed: object) -> Returned:
    return returned({"batchItemFailures": [{"itemIdentifier": each} for each in failed]})


ERROR = FunctionError("Unhandled", "bad record", b'{"errorMessage":"bad record"}', REPORT)
THROTTLED = Throttled()
