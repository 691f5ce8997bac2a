"""CreateInvalidation and its like as documents, and lists a page at a time."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.cloudfront.api.errors import ApiError
from edgegw.cloudfront.api.invalidations import (
    AskedInvalidation,
    decode_invalidation,
    encode_invalidation,
    encode_invalidation_list,
)
from edgegw.cloudfront.api.paging import cut_page
from edgegw.cloudfront.api.xml_reader import read_document
from edgegw.cloudfront.cache.invalidation import InvalidationBatch, compile_invalidation

PATHS = "<Paths><Quantity>1</Quantity><Items><Path>/a</Path></Items></Paths>"
REFERENCE = "<CallerReference>r</CallerReference>"


def batch_of(inner: str) -> bytes:
    return f"<InvalidationBatch>{inner}</InvalidationBatch>".encode()


def test_a_batch() -> None:
    indented = f"\n  {PATHS}\n  {REFERENCE}\n".replace("<Path>", "\n<Path>")
    for inner in (PATHS + REFERENCE, REFERENCE + PATHS, indented):
        assert decode_invalidation(batch_of(inner)) == AskedInvalidation(("/a",), 1, "r")


def test_a_batch_without_paths_is_judged_later() -> None:
    none = batch_of("<Paths><Quantity>0</Quantity></Paths>" + REFERENCE)
    assert decode_invalidation(none) == AskedInvalidation((), 0, "r")


@pytest.mark.parametrize(
    ("raw", "code", "text"),
    [
        (b"", "MissingBody", "requires a body"),
        (b"{}", "MalformedXML", "well-formed"),
        (b"<Paths/>", "MalformedXML", "Value null at 'invalidationBatch' failed"),
        (batch_of(PATHS), "MalformedXML", "Value null at 'invalidationBatch.callerReference'"),
        (batch_of(REFERENCE), "MalformedXML", "Value null at 'invalidationBatch.paths' failed"),
        (
            batch_of("<Paths><Items/></Paths>" + REFERENCE),
            "MalformedXML",
            "Value null at 'invalidationBatch.paths.quantity'",
        ),
        (batch_of(PATHS * 2 + REFERENCE), "MalformedInput", "Paths stands twice"),
        (batch_of(PATHS + REFERENCE + "<Tags/>"), "MalformedInput", "Unexpected element Tags"),
        (batch_of("text" + PATHS + REFERENCE), "MalformedInput", "Unexpected text"),
        (
            batch_of(PATHS.replace("Path>", "Item>") + REFERENCE),
            "MalformedInput",
            "Unexpected list element termination",
        ),
        (
            batch_of(PATHS.replace("<Path>/a</Path>", "/a") + REFERENCE),
            "MalformedInput",
            "Unexpected list element termination",
        ),
        (batch_of(PATHS.replace("/a", "<b/>") + REFERENCE), "MalformedInput", "in Path"),
        (batch_of(PATHS.replace(">1<", ">one<") + REFERENCE), "MalformedInput", "'one'"),
        (batch_of(PATHS.replace(">1<", "><") + REFERENCE), "MalformedInput", "no number"),
        (batch_of(PATHS.replace(">1<", f">{'1' * 5000}<") + REFERENCE), "MalformedInput", "no num"),
    ],
)
def test_what_is_no_batch(raw: bytes, code: str, text: str) -> None:
    with pytest.raises(ApiError, match=text) as caught:
        decode_invalidation(raw)
    assert (caught.value.code, caught.value.status) == (code, 400)


TAGS = ["InvalidationBatch", "Paths", "Items", "Quantity", "Path", "CallerReference"]
PIECES = st.sampled_from(
    [
        *(f"<{tag}>" for tag in TAGS),
        *(f"</{tag}>" for tag in TAGS),
        *("/a", "1", "-1", " ", "\u00b2", "&amp;", "<x/>", "]]>", "<!DOCTYPE a>"),
    ]
)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_nothing_is_more_than_an_error_of_the_api(text: str) -> None:
    for raw in (text.encode(), batch_of(text), batch_of(f"<Paths>{text}</Paths>{REFERENCE}")):
        with suppress(ApiError):
            decode_invalidation(raw)


def batch(identity: str = "I1", *, completed: bool = True) -> InvalidationBatch:
    paths = tuple(compile_invalidation(path) for path in ("/a", "/b*"))
    return InvalidationBatch(identity, 1e9, "r", paths, completed)


@pytest.mark.parametrize(("completed", "status"), [(True, "Completed"), (False, "InProgress")])
def test_an_invalidation_as_a_document(completed: bool, status: str) -> None:
    root = read_document(encode_invalidation(batch(completed=completed)))
    members = {child.name: child for child in root.children}
    assert root.name == "Invalidation"
    assert members["Id"].text == "I1"
    assert members["Status"].text == status
    assert members["CreateTime"].text == "2001-09-09T01:46:40.000Z"
    inner = "".join(encode_invalidation(batch()).decode().partition("<InvalidationBatch>")[1:])
    echoed = inner.removesuffix("</Invalidation>").encode()
    assert decode_invalidation(echoed) == AskedInvalidation(("/a", "/b*"), 2, "r")


# Pages


def pages(count: int, max_items: str) -> list[list[str]]:
    items = [str(number) for number in range(count)]
    marker, seen = "", list[list[str]]()
    while True:
        page = cut_page(items, str, marker, max_items)
        seen.append(list(page.items))
        assert page.marker == marker
        if not page.next_marker:
            return seen
        assert page.next_marker == page.items[-1]
        marker = page.next_marker


@pytest.mark.parametrize(
    ("count", "max_items", "sizes"),
    [
        (0, "", [0]),
        (1, "1", [1]),
        (5, "2", [2, 2, 1]),
        (4, "2", [2, 2]),
        (100, "", [100]),
        (101, "", [100, 1]),
        (101, "500", [100, 1]),
    ],
)
def test_pages_go_on_behind_the_marker(count: int, max_items: str, sizes: list[int]) -> None:
    seen = pages(count, max_items)
    assert [len(page) for page in seen] == sizes
    assert [item for page in seen for item in page] == [str(number) for number in range(count)]


@pytest.mark.parametrize(
    ("marker", "max_items"), [("x", ""), ("", "0"), ("", "-1"), ("", "many"), ("", "\u00b2")]
)
def test_what_is_no_page(marker: str, max_items: str) -> None:
    with pytest.raises(ApiError) as caught:
        cut_page(["1"], str, marker, max_items)
    assert caught.value.code == "InvalidArgument"


def test_a_list_as_a_document() -> None:
    batches = [batch("I2"), batch("I1")]
    page = cut_page(batches, lambda each: each.id, "", "1")
    text = encode_invalidation_list(page).decode()
    assert (
        "<NextMarker>I2</NextMarker><MaxItems>1</MaxItems><IsTruncated>true</IsTruncated>" in text
    )
    assert "<Quantity>1</Quantity><Items><InvalidationSummary><Id>I2</Id>" in text
    last = encode_invalidation_list(cut_page(batches, lambda each: each.id, "I2", "1")).decode()
    assert "<Marker>I2</Marker><MaxItems>1</MaxItems><IsTruncated>false</IsTruncated>" in last
