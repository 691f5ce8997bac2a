"""What a call of a stream's API says: its members, each checked as the service does.

Source: Kinesis Data Streams API Reference and DynamoDB API Reference, "Request parameters" of
each action; the texts are observed.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Final, cast

from edgegw.messaging.stream import IteratorType, NewRecord
from edgegw.messaging.stream_errors import StreamError, bad_argument, bad_member, missing_member
from edgegw.messaging.stream_quotas import (
    MAX_DATA,
    MAX_PARTITION_KEY,
    MAX_PUT_BYTES,
    MAX_PUT_RECORDS,
    StreamType,
)

_ITERATOR_TYPES: Final = (
    "AT_SEQUENCE_NUMBER",
    "AFTER_SEQUENCE_NUMBER",
    "TRIM_HORIZON",
    "LATEST",
    "AT_TIMESTAMP",
)
_HASH_KEY: Final = re.compile(r"0|[1-9][0-9]{0,38}")
_SEQUENCE_NUMBER: Final = re.compile(r"0|([1-9]\d{0,128})", re.ASCII)
_MAX_HASH_KEY: Final = (1 << 128) - 1


class CallMembers:
    """The members of a call, or of an element in it; everything raises StreamError."""

    def __init__(self, content: Mapping[str, object], place: str = "") -> None:
        self._content = content
        self._place = place

    def has(self, name: str) -> bool:
        """Whether it is there."""
        return self._content.get(name) is not None

    def text(self, name: str, *, most: int = 2048, least: int = 1) -> str:
        """A text that must be there, of `least` to `most` characters."""
        given = self._content.get(name)
        if given is None:
            raise missing_member(self._field(name))
        if not isinstance(given, str):
            raise _wrong_type(name)
        if len(given) < least:
            rule = f"Member must have length greater than or equal to {least}"
            raise bad_member(given, self._field(name), rule)
        if len(given) > most:
            rule = f"Member must have length less than or equal to {most}"
            raise bad_member(given, self._field(name), rule)
        return given

    def optional_text(self, name: str) -> str | None:
        """A text that may be there."""
        return self.text(name) if self.has(name) else None

    def number(self, name: str, bounds: tuple[int, int], default: int | None = None) -> int:
        """A whole number within `bounds`; without `default` it must be there."""
        given = self._content.get(name)
        if given is None and default is not None:
            return default
        if given is None:
            raise missing_member(self._field(name))
        if isinstance(given, bool) or not isinstance(given, int):
            raise _wrong_type(name)
        least, most = bounds
        if given < least:
            rule = f"Member must have value greater than or equal to {least}"
            raise bad_member(given, self._field(name), rule)
        if given > most:
            rule = f"Member must have value less than or equal to {most}"
            raise bad_member(given, self._field(name), rule)
        return given

    def time(self, name: str) -> float:
        """A time, in seconds since 1970."""
        given = self._content.get(name)
        if isinstance(given, bool) or not isinstance(given, (int, float)):
            raise bad_argument(f"{name} must be given, as seconds since 1970")
        return float(given)

    def blob(self, name: str) -> bytes:
        """Bytes, which JSON has as base64."""
        given = self._content.get(name)
        if given is None:
            raise missing_member(self._field(name))
        try:
            return base64.b64decode(str(given), validate=True)
        except binascii.Error:
            raise StreamError("SerializationException", f"{name} is no base64") from None

    def inner(self, name: str) -> CallMembers:
        """An object in it; empty where there is none."""
        given = self._content.get(name)
        return CallMembers(_object(given), f"{self._field(name)}.")

    def elements(self, name: str, most: int) -> list[CallMembers]:
        """A list of objects, of 1 to `most`."""
        given = self._content.get(name)
        if not isinstance(given, list):
            raise missing_member(self._field(name))
        items = cast("Sequence[object]", given)
        if not items:
            rule = "Member must have length greater than or equal to 1"
            raise bad_member("[]", self._field(name), rule)
        if len(items) > most:
            rule = f"Member must have length less than or equal to {most}"
            raise bad_member(f"{len(items)} records", self._field(name), rule)
        parts = list[CallMembers]()
        for at, item in enumerate(items, 1):
            parts.append(CallMembers(_object(item), f"{self._field(name)}.{at}.member."))
        return parts

    def _field(self, name: str) -> str:
        return f"{self._place}{name[:1].lower()}{name[1:]}"


def _object(given: object) -> Mapping[str, object]:
    """An object, empty where it is none."""
    return cast("Mapping[str, object]", given) if isinstance(given, Mapping) else {}


def _wrong_type(name: str) -> StreamError:
    return StreamError("SerializationException", f"{name} has the wrong type")


# Records


def new_record(members: CallMembers) -> NewRecord:
    """A record of PutRecord, or an element of PutRecords."""
    data = members.blob("Data")
    key = members.text("PartitionKey", most=MAX_PARTITION_KEY)
    if len(data) + len(key.encode()) > MAX_DATA:
        rule = f"Member must have length less than or equal to {MAX_DATA}"
        raise bad_member(f"{len(data)} bytes", "data", rule)
    _check_ordering(members)
    explicit = members.optional_text("ExplicitHashKey")
    if explicit is None:
        return NewRecord(data, key)
    if not _HASH_KEY.fullmatch(explicit) or int(explicit) > _MAX_HASH_KEY:
        text = "ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was "
        raise bad_argument(f"Invalid ExplicitHashKey. {text}{explicit}")
    return NewRecord(data, key, int(explicit))


def _check_ordering(members: CallMembers) -> None:
    """Order is that of arrival here, whatever number should lie before; it must be one."""
    given = members.optional_text("SequenceNumberForOrdering")
    if given is not None and not _SEQUENCE_NUMBER.fullmatch(given):
        rule = f"Member must satisfy regular expression pattern: {_SEQUENCE_NUMBER.pattern}"
        raise bad_member(given, "sequenceNumberForOrdering", rule)


def new_records(members: CallMembers) -> list[NewRecord]:
    """The records of PutRecords."""
    records = [new_record(entry) for entry in members.elements("Records", MAX_PUT_RECORDS)]
    size = sum(len(record.data) + len(record.partition_key.encode()) for record in records)
    if size > MAX_PUT_BYTES:
        raise bad_argument(f"Records size exceeds {MAX_PUT_BYTES // 1_048_576} MB limit")
    return records


# Iterators


def iterator_type(members: CallMembers, type_: StreamType) -> IteratorType:
    """The type of the iterator that is asked for; only Kinesis has one for a time."""
    given = members.text("ShardIteratorType")
    if given not in _ITERATOR_TYPES or (type_ == "dynamodb" and given == "AT_TIMESTAMP"):
        types = sorted({*_ITERATOR_TYPES} - ({"AT_TIMESTAMP"} if type_ == "dynamodb" else set()))
        rule = f"Member must satisfy enum value set: [{', '.join(types)}]"
        raise bad_member(given, "shardIteratorType", rule)
    return given
