"""The KeyValueStore API (REST-JSON, version 2022-07-26): paths and bodies read, answers made.

Source: CloudFront API Reference, actions of Amazon CloudFront KeyValueStore.
"""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final, cast
from urllib.parse import unquote_to_bytes

from edgegw.awslambda.payload import Json, decode_payload
from edgegw.cloudfront.key_value_stores.state import PairChange, StoreState, refuse_batch
from edgegw.cloudfront.key_value_stores.store_refusals import StoreRefusal, invalid_member
from edgegw.values import value

STORES_PATH: Final = "/key-value-stores/"
"""Where the paths of the API begin.

Source: CloudFront API Reference, DescribeKeyValueStore, "Request Syntax".
"""
DEFAULT_LISTED: Final = 10
"""Keys of a page where the call does not say.

Source: CloudFront API Reference, ListKeys, MaxResults.
"""
MAX_LISTED: Final = 50
"""Keys of a page at most.

Source: CloudFront API Reference, ListKeys, MaxResults.
"""


@value
class StorePath:
    """What a path names: a store by its ARN, its keys where `is_keys`, or one `key` of them."""

    arn: str
    is_keys: bool = False
    key: str | None = None


def decode_path(raw: bytes) -> StorePath | None:
    """What `raw`, as it was sent, names; None for no path of this API. Raises StoreRefusal.

    ARN and key are one segment each, percent-encoded; a client that does not encode the slashes in
    them is understood all the same.
    """
    rest = raw.partition(STORES_PATH.encode())[2]
    segments = [_decoded(segment) for segment in rest.split(b"/")]
    if len(segments) > 1 and segments[0].startswith("arn:") and "/" not in segments[0]:
        segments[:2] = ["/".join(segments[:2])]
    match segments:
        case [""] | []:
            return None
        case [arn]:
            return StorePath(arn)
        case [arn, "keys"]:
            return StorePath(arn, is_keys=True)
        case [arn, "keys", *key]:
            return StorePath(arn, is_keys=True, key="/".join(key))
        case _:
            return None


def _decoded(segment: bytes) -> str:
    try:
        return unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise invalid_member("key", "Member must be UTF-8") from None


# What calls say


def decode_key_put(raw: bytes) -> str:
    """The value of PutKey. Raises StoreRefusal."""
    return _text(_object(raw), "Value", "value")


def decode_key_update(raw: bytes) -> PairChange:
    """What UpdateKeys changes, within its limits. Raises StoreRefusal."""
    body = _object(raw)
    puts = [
        (_text(item, "Key", f"puts.{at}.key"), _text(item, "Value", f"puts.{at}.value"))
        for at, item in enumerate(_objects(body, "Puts"), 1)
    ]
    deletes = [
        _text(item, "Key", f"deletes.{at}.key")
        for at, item in enumerate(_objects(body, "Deletes"), 1)
    ]
    refuse_batch(puts, deletes)
    return PairChange(dict(puts), deletes)


def _object(raw: bytes) -> Mapping[str, object]:
    try:
        content: object = decode_payload(raw) if raw else {}
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise StoreRefusal("ValidationException", "The body must be a JSON object.")
    return cast("dict[str, object]", content)


def _objects(body: Mapping[str, object], name: str) -> Sequence[Mapping[str, object]]:
    items = body.get(name)
    if items is None:
        return ()
    if not isinstance(items, list):
        raise invalid_member(name.lower(), "Member must be a list")
    for item in cast("list[object]", items):
        if not isinstance(item, dict):
            raise invalid_member(name.lower(), "Member must be a structure")
    return cast("list[dict[str, object]]", items)


def _text(members: Mapping[str, object], name: str, path: str) -> str:
    text = members.get(name)
    if text is None:
        raise missing(path)
    if not isinstance(text, str):
        raise invalid_member(path, "Member must be a string")
    return text


def missing(path: str) -> StoreRefusal:
    """A member that must be there is not.

    Source: CloudFront API Reference, "Common Errors"; the text is that of other services
    (uncertain).
    """
    text = f"1 validation error detected: Value null at '{path}' failed to satisfy constraint: "
    return StoreRefusal("ValidationException", text + "Member must not be null")


# What they are answered


def described(state: StoreState, arn: str) -> dict[str, Json]:
    """DescribeKeyValueStore; times in seconds since 1970."""
    return {
        **counted_pairs(state),
        "KvsARN": arn,
        "Created": state.created,
        "LastModified": state.modified,
        "Status": "READY",
    }


def counted_pairs(state: StoreState) -> dict[str, Json]:
    """What each write answers: how much there is."""
    return {"ItemCount": len(state.pairs), "TotalSizeInBytes": state.size}


def listed(
    state: StoreState, order: Sequence[str], token: str | None, max_results: str | None
) -> dict[str, Json]:
    """ListKeys: a page; `order` are the keys, sorted. Raises StoreRefusal.

    A page begins behind the last key of the one before, whatever has changed since (uncertain).
    """
    most = _page_size(max_results)
    first = 0 if not token else bisect_right(order, _last_key(token))
    page = order[first : first + most]
    items: list[Json] = [{"Key": key, "Value": state.pairs[key]} for key in page]
    answer: dict[str, Json] = {"Items": items}
    if page and first + most < len(order):
        answer["NextToken"] = base64.urlsafe_b64encode(page[-1].encode()).decode()
    return answer


def _page_size(text: str | None) -> int:
    if text is None:
        return DEFAULT_LISTED
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise invalid_member("maxResults", "Member must be a number")
    number = int(text)
    if not 1 <= number <= MAX_LISTED:
        bound = ("greater than or equal to 1", f"less than or equal to {MAX_LISTED}")[number > 1]
        raise invalid_member("maxResults", f"Member must have value {bound}")
    return number


def _last_key(token: str) -> str:
    try:
        return base64.b64decode(token.encode("ascii"), b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid_member("nextToken", "Member is no token of ListKeys") from None
