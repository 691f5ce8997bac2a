"""Records of a table's stream: what somebody sends, what is kept, and what readers get.

A change is sent as the JSON of a record of DynamoDB Streams, or only what stands under `dynamodb`
in it: `{"Keys": …, "NewImage": …, "OldImage": …}`. What the service itself would say (ids, times,
sequence numbers, sizes) is added here; sent along, it counts for nothing.
Source: DynamoDB API Reference, "Record" and "StreamRecord".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from edgegw.awslambda.payload import Json, decode_payload, encode_payload
from edgegw.awslambda.stream_events import item_key
from edgegw.messaging.sharding import sequence_number
from edgegw.messaging.stream import EmbeddedStream, NewRecord, StoredRecord
from edgegw.messaging.stream_errors import bad_argument

_TYPES: Final = ("S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS")
"""The types of values.

Source: DynamoDB API Reference, "AttributeValue".
"""
_EVENT_NAMES: Final = ("INSERT", "MODIFY", "REMOVE")
_VIEWS: Final = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")
_IMAGES: Final = ("Keys", "NewImage", "OldImage")


def new_change(content: bytes) -> NewRecord:
    """The record of a change that is sent as JSON. Raises StreamError."""
    try:
        sent = decode_payload(content)
    except ValueError:
        raise bad_argument("a record of DynamoDB Streams must be JSON") from None
    if not isinstance(sent, Mapping):
        raise bad_argument("a record of DynamoDB Streams must be a JSON object")
    change = sent.get("dynamodb", sent)
    if not isinstance(change, Mapping):
        raise bad_argument("'dynamodb' must be an object with Keys, and NewImage or OldImage")
    for name in _IMAGES:
        _check_image(name, change.get(name))
    kept: dict[str, Json] = {"eventName": _event_name(sent.get("eventName"), change)}
    kept["dynamodb"] = {name: change[name] for name in _IMAGES if name in change} | {
        "SizeBytes": sum(item_size(change.get(name)) for name in _IMAGES),
        "StreamViewType": _view(change),
    }
    identity = sent.get("userIdentity")
    if isinstance(identity, Mapping):  # in the API's spelling; events of functions have another
        kept["userIdentity"] = {name[:1].upper() + name[1:]: identity[name] for name in identity}
    return NewRecord(encode_payload(kept), item_key(change.get("Keys")))


def _check_image(name: str, image: Json) -> None:
    """Raises StreamError where an image is no mapping of names to typed values."""
    if image is None and name != "Keys":
        return
    if not isinstance(image, Mapping) or not image:
        example = '{"Keys": {"id": {"S": "1"}}, "NewImage": {"id": {"S": "1"}}}'
        raise bad_argument(f"{name} is missing or no object; send {example}")
    for attribute, typed in image.items():
        if not isinstance(typed, Mapping) or len(typed) != 1:
            text = f'{name}.{attribute} must be a value with its type, such as {{"S": "text"}}'
            raise bad_argument(text)
        (kind,) = typed
        if kind not in _TYPES:
            text = f"{name}.{attribute} has no type {kind!r}: there are {', '.join(_TYPES)}"
            raise bad_argument(text)


def _event_name(given: Json, change: Mapping[str, Json]) -> str:
    if given is not None:
        if given not in _EVENT_NAMES:
            raise bad_argument(f"eventName must be INSERT, MODIFY or REMOVE, not {given!r}")
        return str(given)
    if change.get("OldImage") is None:
        return "INSERT"
    return "MODIFY" if change.get("NewImage") is not None else "REMOVE"


def _view(change: Mapping[str, Json]) -> str:
    """What the stream shows of items: as sent, else what usual streams show."""
    given = change.get("StreamViewType")
    if given in _VIEWS:
        return str(given)
    has_image = change.get("NewImage") is not None or change.get("OldImage") is not None
    return "NEW_AND_OLD_IMAGES" if has_image else "KEYS_ONLY"


def item_size(image: Json) -> int:
    """About the bytes of an item: its names and its values.

    Source: DynamoDB Developer Guide, "DynamoDB item sizes and formats"; numbers are uncertain.
    """
    if not isinstance(image, Mapping):
        return 0
    return sum(len(str(name).encode()) + _value_size(typed) for name, typed in image.items())


def _value_size(typed: Json) -> int:
    match typed:
        case {"S": str(text)} | {"N": str(text)}:
            return len(text.encode("utf-8", "surrogatepass"))
        case {"B": str(text)}:
            return len(text) * 3 // 4
        case {"BOOL": _} | {"NULL": _}:
            return 1
        case {"M": members}:
            return 3 + item_size(members)
        case {"L": list(items)}:
            return 3 + sum(_value_size(item) for item in items)
        case {"SS": list(items)} | {"NS": list(items)} | {"BS": list(items)}:
            return sum(len(str(item)) for item in items)
        case _:
            return 0


def read_change(
    stream: EmbeddedStream, shard: int, stored: StoredRecord, region: str
) -> dict[str, Json]:
    """A record as GetRecords answers it."""
    kept = decode_payload(stored.data)
    assert isinstance(kept, Mapping)
    change = kept["dynamodb"]
    assert isinstance(change, Mapping)
    number = sequence_number(stream, shard, stored.number)
    identity = hashlib.md5(f"{stream.name} {number}".encode(), usedforsecurity=False).hexdigest()
    return {
        "eventID": identity,
        "eventName": kept["eventName"],
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": region,
        "dynamodb": {
            "ApproximateCreationDateTime": float(int(stored.arrived_at)),
            **change,
            "SequenceNumber": number,
        },
        **({"userIdentity": kept["userIdentity"]} if "userIdentity" in kept else {}),
    }
