"""A key value store at one moment, and what becomes of it by a change.

A state never changes: a write makes another one, with another ETag, or is refused as a whole. So
whoever reads has one state for as long as they look at it, and needs no lock.

Source: CloudFront Developer Guide, "Work with key value data", and "Quotas", quotas on key value
stores.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import field, replace
from typing import Final, Literal

from edgegw.awslambda.names import Account
from edgegw.cloudfront.edge_functions.key_values import (
    MAX_BATCH_KEYS,
    MAX_BATCH_SIZE,
    MAX_STORE_KEY,
    MAX_STORE_SIZE,
    MAX_STORE_VALUE,
    StoreMeta,
)
from edgegw.cloudfront.key_value_stores.store_refusals import (
    StoreRefusal,
    beyond,
    invalid_member,
    no_such_pair,
    outdated_version,
)
from edgegw.values import value

STORE_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""Names of stores.

Source: CloudFront API Reference, CreateKeyValueStore, Name.
"""
_ARN: Final = re.compile(r"arn:aws:cloudfront::(\d{12}):key-value-store/(.+)", re.DOTALL)
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ETAG_LENGTH: Final = 13


@value(kw_only=True)
class StoreState:
    """A store and what it holds; times in seconds since 1970.

    `etag` is another one with each change of the pairs, `resource_etag` with each change of the
    comment; that a change of the tags is none of both is uncertain. `source` tells which content of
    a file was imported last, and `is_edited` whether pairs were changed since; `is_made` is a store
    that the API made.
    """

    name: str
    id: str
    etag: str
    resource_etag: str
    created: float
    modified: float
    described: float
    comment: str = ""
    source: str = ""
    is_edited: bool = False
    is_made: bool = False
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    pairs: Mapping[str, str] = field(default_factory=dict[str, str])
    size: int = 0

    # As functions read it

    def get(self, key: str) -> str | None:
        """The value of `key`, or None."""
        return self.pairs.get(key)

    def exists(self, key: str) -> bool:
        return key in self.pairs

    def count(self) -> int:
        return len(self.pairs)

    def meta(self) -> StoreMeta:
        """What `meta()` says: creation, and the last change of the pairs."""
        from edgegw.cloudfront.api.xml_writer import timestamp  # for those who ask

        return StoreMeta(timestamp(self.created), timestamp(self.modified), len(self.pairs))


@value
class PairChange:
    """Pairs to put and keys to delete; with `is_whole` the puts are all that is left.

    `must_exist` says that a key which is to be deleted has to be there.
    """

    puts: Mapping[str, str] = field(default_factory=dict[str, str])
    deletes: Collection[str] = ()
    is_whole: bool = False
    must_exist: bool = False


@value
class WriteStamp:
    """When a write is, and the ETag that it makes."""

    now: float
    etag: str


def changed(
    state: StoreState, change: PairChange, if_match: str | None, stamp: WriteStamp
) -> StoreState:
    """`state` after `change`; `if_match` is the ETag that the store must have, None any.

    Raises StoreRefusal, and then nothing of the change counts.
    """
    if if_match is not None and if_match != state.etag:
        raise outdated_version()
    for key, text in change.puts.items():
        refuse_pair(key, text)
    pairs = {} if change.is_whole else dict(state.pairs)
    for key in change.deletes:
        if pairs.pop(key, None) is None and change.must_exist:
            raise no_such_pair(key)
    pairs.update(change.puts)
    size = size_of_pairs(pairs) if change.is_whole else _new_size(state, change)
    if size > MAX_STORE_SIZE:
        raise beyond("Maximum size of an individual key value store", size, MAX_STORE_SIZE)
    return replace(
        state, pairs=pairs, size=size, etag=stamp.etag, modified=stamp.now, is_edited=True
    )


def _new_size(state: StoreState, change: PairChange) -> int:
    """The size after `change`, reckoned by what it touches."""
    touched = {*change.puts, *change.deletes} & state.pairs.keys()
    gone = size_of_pairs({key: state.pairs[key] for key in touched})
    return state.size - gone + size_of_pairs(change.puts)


def size_of_pairs(pairs: Mapping[str, str]) -> int:
    """Bytes of keys and values in UTF-8."""
    return sum(len(key.encode()) + len(text.encode()) for key, text in pairs.items())


def refuse_pair(key: str, text: str) -> None:
    """Raises StoreRefusal for what cannot be a pair of a store.

    Source: CloudFront Developer Guide, "Quotas", quotas on key value stores; texts observed for the
    value and the number of keys, the others follow them (uncertain).
    """
    if not key:
        raise invalid_member("key", "Member must have length greater than or equal to 1")
    for member, part in (("key", key), ("value", text)):
        if not is_unicode(part):
            raise invalid_member(member, "Member must be UTF-8")
    if (size := len(key.encode())) > MAX_STORE_KEY:
        raise beyond("Maximum size of the key in a key value pair", size, MAX_STORE_KEY)
    if (size := len(text.encode())) > MAX_STORE_VALUE:
        raise beyond("Maximum size of the value in a key value pair", size, MAX_STORE_VALUE)


def refuse_batch(puts: list[tuple[str, str]], deletes: list[str]) -> None:
    """Raises StoreRefusal for what UpdateKeys does not take at once.

    Source: CloudFront Developer Guide, "Quotas", quotas on key value stores; the text for the
    number of keys is observed; that a key may stand there once only is uncertain.
    """
    keys = [*(key for key, _ in puts), *deletes]
    if not keys:
        raise StoreRefusal("ValidationException", "Puts and Deletes are both empty.")
    if len(keys) > MAX_BATCH_KEYS:
        quota = "Maximum key values pairs that you can update in a single API request"
        raise beyond(quota, len(keys), MAX_BATCH_KEYS, "keys")
    parts = [*keys, *(text for _, text in puts)]
    size = sum(len(part.encode("utf-8", "replace")) for part in parts)
    if size > MAX_BATCH_SIZE:
        raise beyond("Maximum size of the update in a single API request", size, MAX_BATCH_SIZE)
    if len(set(keys)) < len(keys):
        raise StoreRefusal("ValidationException", "A key stands in Puts and Deletes twice.")


def is_unicode(text: str) -> bool:
    """Whether `text` can be written as UTF-8: half a surrogate pair cannot."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


# Names


def store_arn(account: Account, state: StoreState) -> str:
    """The ARN of a store.

    Source: CloudFront API Reference, KeyValueStoreAssociation, KeyValueStoreARN.
    """
    return f"arn:aws:cloudfront::{account.account_id}:key-value-store/{state.id}"


def store_in_arn(arn: str) -> str | None:
    """The id (or name) of the store in `arn`, None for what is no ARN of a store."""
    match = _ARN.fullmatch(arn)
    return None if match is None else match[2]


def new_etag(kind: Literal["KV", "E"], token: Callable[[int], bytes]) -> str:
    """An ETag: `KV` and 13 letters or digits for pairs, `E` and 13 for the store itself.

    Source: CloudFront API Reference, DescribeKeyValueStore, and examples of the AWS CLI.
    """
    number = int.from_bytes(token(10))
    characters: list[str] = []
    for _ in range(_ETAG_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        characters.append(_DIGITS[digit])
    return kind + "".join(characters)
