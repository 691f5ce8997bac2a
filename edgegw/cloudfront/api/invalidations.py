"""CreateInvalidation, GetInvalidation, ListInvalidations: what they take, what they answer.

Source: CloudFront API Reference, CreateInvalidation, GetInvalidation and ListInvalidations.
"""

from __future__ import annotations

from edgegw.cloudfront.api.errors import ApiError, missing_body, missing_member
from edgegw.cloudfront.api.paging import ListPage
from edgegw.cloudfront.api.xml_reader import Element, read_document
from edgegw.cloudfront.api.xml_writer import Content, counted, encode_document, timestamp
from edgegw.cloudfront.cache.invalidation import InvalidationBatch
from edgegw.values import value

_ROOT = "InvalidationBatch"


@value
class AskedInvalidation:
    """What a body of CreateInvalidation says, unjudged."""

    items: tuple[str, ...]
    quantity: int
    caller_reference: str


def decode_invalidation(raw: bytes) -> AskedInvalidation:
    """The `InvalidationBatch` of a body. Raises ApiError.

    Source: CloudFront API Reference, InvalidationBatch and Paths; error texts observed.
    """
    if not raw:
        raise missing_body()
    root = read_document(raw)
    if root.name != _ROOT:
        raise missing_member("invalidationBatch")
    batch = root.members("Paths", "CallerReference")
    paths = _member(batch, "Paths", "invalidationBatch.paths").members("Quantity", "Items")
    reference = _member(batch, "CallerReference", "invalidationBatch.callerReference").text
    quantity = _member(paths, "Quantity", "invalidationBatch.paths.quantity").text
    items = paths["Items"].items("Path") if "Items" in paths else []
    return AskedInvalidation(tuple(items), _whole_number(quantity), reference)


def _member(members: dict[str, Element], name: str, path: str) -> Element:
    if name not in members:
        raise missing_member(path)
    return members[name]


def _whole_number(text: str) -> int:
    digits = text.strip().removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise ApiError("MalformedInput", f"Quantity is {text[:20]!r}, which is no number.")
    return int(text)


def encode_invalidation(batch: InvalidationBatch) -> bytes:
    """`Invalidation`."""
    paths = counted("Path", [path.text for path in batch.paths])
    content: Content = [
        *_summary(batch),
        (_ROOT, [("Paths", paths), ("CallerReference", batch.caller_reference)]),
    ]
    return encode_document("Invalidation", content)


def encode_invalidation_list(page: ListPage[InvalidationBatch]) -> bytes:
    """`InvalidationList`."""
    return encode_document("InvalidationList", page.encoded("InvalidationSummary", _summary))


def _summary(batch: InvalidationBatch) -> list[tuple[str, Content]]:
    return [
        ("Id", batch.id),
        ("Status", "Completed" if batch.is_completed else "InProgress"),
        ("CreateTime", timestamp(batch.created_at)),
    ]
