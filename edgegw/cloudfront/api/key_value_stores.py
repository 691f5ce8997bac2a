"""CreateKeyValueStore and its like: what they take, what they answer.

Source: CloudFront API Reference, CreateKeyValueStore, DescribeKeyValueStore, ListKeyValueStores,
UpdateKeyValueStore, DeleteKeyValueStore.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Final

from edgegw.cloudfront.api.errors import (
    ApiError,
    invalid_version,
    missing_member,
    outdated_resource,
)
from edgegw.cloudfront.api.paging import ListPage
from edgegw.cloudfront.api.tagging import tags_in
from edgegw.cloudfront.api.xml_reader import Element, read_document
from edgegw.cloudfront.api.xml_writer import Content, counted, encode_document, timestamp
from edgegw.cloudfront.key_value_stores.state import STORE_NAME, StoreState
from edgegw.values import value

MAX_STORE_COMMENT: Final = 128
"""Characters of a comment.

Source: CloudFront API Reference, CreateKeyValueStore, Comment.
"""
_OBJECT: Final = re.compile(r"arn:aws:s3:::(?P<bucket>[^/]+)/(?P<key>.+)", re.DOTALL)


@value
class ImportSource:
    """The object of a bucket that a store begins with."""

    bucket: str
    key: str


@value
class AskedStore:
    """What CreateKeyValueStore says."""

    name: str
    comment: str = ""
    source: ImportSource | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


def decode_new_store(raw: bytes) -> AskedStore:
    """A `CreateKeyValueStoreRequest`. Raises ApiError."""
    members = _members(raw, "CreateKeyValueStoreRequest", "Name", "Comment", "ImportSource", "Tags")
    if "Name" not in members:
        raise missing_member("name")
    name = members["Name"].text
    if not STORE_NAME.fullmatch(name):
        raise invalid_argument(
            "The name of a key value store has 1 to 64 letters, digits, - and _."
        )
    comment = _comment(members["Comment"].text) if "Comment" in members else ""
    source = members.get("ImportSource")
    tags = tags_in(members.get("Tags"))
    return AskedStore(name, comment, None if source is None else _source(source), tags)


def decode_store_comment(raw: bytes) -> str:
    """The comment of an `UpdateKeyValueStoreRequest`. Raises ApiError."""
    members = _members(raw, "UpdateKeyValueStoreRequest", "Comment")
    if "Comment" not in members:
        raise missing_member("comment")
    return _comment(members["Comment"].text)


def _members(raw: bytes, root: str, *names: str) -> dict[str, Element]:
    if not raw:
        raise ApiError("MalformedXML", f"The body must be a {root}.")
    document = read_document(raw)
    if document.name != root:
        raise ApiError("MalformedXML", f"The body must be a {root}, not a {document.name}.")
    return document.members(*names)


def _comment(text: str) -> str:
    if len(text) > MAX_STORE_COMMENT:
        raise invalid_argument(f"The comment has more than {MAX_STORE_COMMENT} characters.")
    return text


def _source(element: Element) -> ImportSource:
    members = element.members("SourceType", "SourceARN")
    for name, path in (("SourceType", "sourceType"), ("SourceARN", "sourceARN")):
        if name not in members:
            raise missing_member(f"importSource.{path}")
    if members["SourceType"].text != "S3":
        raise invalid_argument("The only SourceType is S3.")
    match = _OBJECT.fullmatch(members["SourceARN"].text)
    if match is None:
        raise invalid_argument("The SourceARN is not arn:aws:s3:::BUCKET/KEY.")
    return ImportSource(match["bucket"], match["key"])


def encode_store(state: StoreState, arn: str) -> bytes:
    """`KeyValueStore`."""
    return encode_document("KeyValueStore", store_members(state, arn))


def encode_store_list(page: ListPage[StoreState], arns: dict[str, str]) -> bytes:
    """`KeyValueStoreList`; `arns` by name."""
    items: list[Content] = [store_members(state, arns[state.name]) for state in page.items]
    following = [("NextMarker", page.next_marker)] if page.next_marker else []
    content: Content = [
        *following,
        ("MaxItems", page.max_items),
        *counted("KeyValueStore", items),
    ]
    return encode_document("KeyValueStoreList", content)


def store_members(state: StoreState, arn: str) -> list[tuple[str, Content]]:
    """What is said of one store."""
    return [
        ("Name", state.name),
        ("Id", state.id),
        ("Comment", state.comment),
        ("ARN", arn),
        ("Status", "READY"),
        ("LastModifiedTime", timestamp(state.described)),
    ]


# Refusals; the texts of those without a source are those of the reference (uncertain)


def invalid_argument(text: str) -> ApiError:
    """A parameter has a value that it may not have.

    Source: CloudFront API Reference, CreateKeyValueStore, "Errors".
    """
    return ApiError("InvalidArgument", text)


def no_such_store_name() -> ApiError:
    """No store has the name in the path.

    Source: CloudFront API Reference, DescribeKeyValueStore, "Errors".
    """
    return ApiError("EntityNotFound", "The key value store entity was not found.")


def store_name_taken() -> ApiError:
    """A store with this name is there.

    Source: CloudFront API Reference, CreateKeyValueStore, "Errors".
    """
    text = "The key value store entity already exists. You must provide a unique key value store "
    return ApiError("EntityAlreadyExists", text + "entity.")


def too_many_stores() -> ApiError:
    """The account has as many stores as it may.

    Source: CloudFront API Reference, CreateKeyValueStore, "Errors".
    """
    return ApiError("EntityLimitExceeded", "The key value store entity limit has been exceeded.")


def import_too_large() -> ApiError:
    """The import file is too large.

    Source: CloudFront API Reference, CreateKeyValueStore, "Errors".
    """
    text = "The key value store entity size limit was exceeded."
    return ApiError("EntitySizeLimitExceeded", text)


def store_in_use(reason: str = "") -> ApiError:
    """The store cannot go, as something uses it.

    Source: CloudFront API Reference, DeleteKeyValueStore, "Errors".
    """
    text = "The key value store entity cannot be deleted while it is in use."
    return ApiError("CannotDeleteEntityWhileInUse", f"{text} {reason}".rstrip())


def check_store_version(if_match: str | None, etag: str) -> None:
    """Raises ApiError where `If-Match` is missing, or another version's.

    Source: CloudFront API Reference, UpdateKeyValueStore, "Errors"; texts observed.
    """
    if not if_match:
        raise invalid_version()
    if if_match != etag:
        raise outdated_resource()
