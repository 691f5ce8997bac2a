"""Files of metadata: what they may say."""

from __future__ import annotations

import json

import pytest

from edgegw.cloudfront.s3.metadata import MAX_USER_METADATA, MetadataError, parse_metadata


def test_names_are_spelled_as_s3_does() -> None:
    text = b'{"cache-control": "no-store", "X-Amz-Meta-Owner": "ada", "CONTENT-TYPE": "a/b"}'
    assert parse_metadata(text) == (
        (b"Cache-Control", b"no-store"),
        (b"x-amz-meta-owner", b"ada"),
        (b"Content-Type", b"a/b"),
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"{", "is no JSON"),
        (b"[]", "is no object"),
        (b"[" * 100_000, "is no JSON"),
        (b"\xff", "is no JSON"),
        (b'{"Set-Cookie": "a"}', "has 'Set-Cookie', which no object has"),
        (b'{"x-amz-meta-": "a"}', "which no object has"),
        (b'{"x-amz-meta-a b": "a"}', "which no object has"),
        (b'{"Expires": 5}', "what is no text of a header"),
        (b'{"Expires": "a\\r\\nb: c"}', "what is no text of a header"),
        (json.dumps({"x-amz-meta-a": "b" * MAX_USER_METADATA}).encode(), "at most 2048"),
    ],
)
def test_what_cannot_be_used_says_why(text: bytes, why: str) -> None:
    with pytest.raises(MetadataError, match=why):
        parse_metadata(text)


def test_as_much_metadata_as_may_be() -> None:
    text = json.dumps({"x-amz-meta-a": "b" * (MAX_USER_METADATA - 1)}).encode()
    assert len(parse_metadata(text)) == 1
