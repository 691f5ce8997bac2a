"""Tags of resources: what ListTagsForResource, TagResource, UntagResource and the creations take.

Source: CloudFront API Reference, TagResource, UntagResource, ListTagsForResource and Tag; Developer
Guide, "Tagging a distribution".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias, get_args

from edgegw.awslambda.names import Account
from edgegw.cloudfront.api.errors import ApiError, missing_member
from edgegw.cloudfront.api.xml_reader import Element, read_document
from edgegw.cloudfront.api.xml_writer import Content, encode_document
from edgegw.values import value

MAX_RESOURCE_TAGS: Final = 50
"""Tags of one resource.

Source: CloudFront Developer Guide, "Tagging a distribution", restrictions on tags.
"""
MAX_TAG_KEY: Final = 128
"""Characters of a key, at least one.

Source: CloudFront API Reference, Tag.
"""
MAX_TAG_VALUE: Final = 256
"""Characters of a value.

Source: CloudFront API Reference, Tag.
"""
_RESERVED: Final = "aws:"
_OTHER_CHARACTERS: Final = frozenset("_.:/=+-@")
_ARN: Final = re.compile(
    r"arn:aws:cloudfront:(?P<region>[^:]*):(?P<account>[^:]*):(?P<resource>.*)",
    re.DOTALL,
)

TaggedKind: TypeAlias = Literal["distribution", "function", "key-value-store"]


@value
class TaggedResource:
    """What an ARN names: a distribution or a store by its id, a function by its name."""

    kind: TaggedKind
    name: str


def resource_in(arn: str, account: Account) -> TaggedResource:
    """The resource that an ARN names; whether it is there, who has them knows. Raises ApiError.

    Source: CloudFront API Reference, TagResource, "Errors"; the text about regions is observed.
    """
    match = _ARN.fullmatch(arn)
    if match is None:
        raise ApiError("InvalidArgument", f"Invalid ARN: {arn[:200]}")
    if match["region"]:
        text = f"Invalid region (received: {match['region'][:80]}, expected empty)"
        raise ApiError("InvalidArgument", text)
    if match["account"] != account.account_id:
        raise ApiError("AccessDenied", "Access denied.")
    kind, _, name = match["resource"].partition("/")
    for known in get_args(TaggedKind):
        if kind == known and name:
            return TaggedResource(known, name)
    raise no_such_resource()


def no_such_resource() -> ApiError:
    """An ARN names nothing that is there.

    Source: CloudFront API Reference, TagResource, "Errors".
    """
    return ApiError("NoSuchResource", "The specified resource does not exist.")


# What is asked


def decode_tags(raw: bytes) -> dict[str, str]:
    """The tags in a body of TagResource. Raises ApiError.

    Source: CloudFront API Reference, TagResource.
    """
    return tags_in(_document(raw, "Tags"))


def decode_tag_keys(raw: bytes) -> list[str]:
    """The keys in a body of UntagResource. Raises ApiError.

    Source: CloudFront API Reference, UntagResource.
    """
    items = _document(raw, "TagKeys").members("Items").get("Items")
    keys = [] if items is None else items.items("Key")
    for key in keys:
        _check_key(key)
    return keys


def tags_in(element: Element | None) -> dict[str, str]:
    """The tags in an element `Tags`, by key; none without the element. Raises ApiError.

    Source: CloudFront API Reference, Tags.
    """
    items = None if element is None else element.members("Items").get("Items")
    tags: dict[str, str] = {}
    for item in () if items is None else items.elements("Tag"):
        members = item.members("Key", "Value")
        if "Key" not in members:
            raise missing_member("tags.items.member.key")
        key, text = members["Key"].text, members["Value"].text if "Value" in members else ""
        _check_key(key)
        _check(text, "value", MAX_TAG_VALUE)
        if key in tags:
            raise _invalid_tagging(f"The key {key} stands twice.")
        tags[key] = text
    check_number(tags)
    return tags


def _document(raw: bytes, root: str) -> Element:
    element = read_document(raw) if raw else None
    if element is None or element.name != root:
        raise missing_member(root[0].lower() + root[1:])
    return element


def _check_key(key: str) -> None:
    if not key:
        raise _invalid_tagging("A key has at least one character.")
    _check(key, "key", MAX_TAG_KEY)
    if key.lower().startswith(_RESERVED):
        raise _invalid_tagging(f"{key} begins with {_RESERVED}, which is reserved.")


def _check(text: str, what: str, most: int) -> None:
    if len(text) > most:
        raise _invalid_tagging(f"A {what} has at most {most} characters.")
    wrong = [character for character in text if not _may_stand_in_tags(character)]
    if wrong:
        raise _invalid_tagging(f"A {what} has no character {wrong[0]!r}.")


def _may_stand_in_tags(character: str) -> bool:
    """Letters, numbers and blanks of all scripts, and a few more.

    Source: CloudFront API Reference, Tag, "Pattern".
    """
    return character in _OTHER_CHARACTERS or unicodedata.category(character)[0] in "LZN"


def check_number(tags: Iterable[str]) -> None:
    """Whether a resource may have as many tags. Raises ApiError.

    Source: CloudFront Developer Guide, "Tagging a distribution", restrictions on tags.
    """
    if len(set(tags)) > MAX_RESOURCE_TAGS:
        raise _invalid_tagging(f"A resource has at most {MAX_RESOURCE_TAGS} tags.")


def _invalid_tagging(reason: str) -> ApiError:
    """Tags that may not be.

    Source: CloudFront API Reference, TagResource, "Errors"; what follows its text is ours.
    """
    return ApiError("InvalidTagging", f"The tagging specified is not valid. {reason}")


# What is answered


def encode_tags(tags: Mapping[str, str]) -> bytes:
    """`Tags`, in the order of keys, with its list also where it is empty.

    Source: CloudFront API Reference, ListTagsForResource.
    """
    items: Sequence[tuple[str, Content]] = [
        ("Tag", [("Key", key), ("Value", text)]) for key, text in sorted(tags.items())
    ]
    return encode_document("Tags", [("Items", items)])
