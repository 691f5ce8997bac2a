"""An entry is written down and read again as it was."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.cloudfront.cache.entry import (
    BytesBody,
    StoredPlace,
    StoredResponse,
)
from edgegw.cloudfront.cache.entry_codec import (
    UnreadableEntryError,
    decode_entry,
    encode_entry,
)
from edgegw.cloudfront.cache.freshness import Freshness
from edgegw.cloudfront.cache.ranges import Span
from edgegw.http.message import Headers
from tests.cloudfront.cache.messages import NOW, answered, entry

RAW = st.binary(max_size=12)
LINES = RAW.filter(lambda line: not {*line} & {*b"\r\n\0"})
TIMES = st.floats(0, 1e10, allow_nan=False)
ENTRIES = st.builds(
    StoredResponse,
    RAW,
    st.builds(StoredPlace, st.text(), st.text(), RAW, st.one_of(st.none(), RAW)),
    st.integers(200, 599),
    LINES,
    st.lists(st.tuples(LINES, LINES), max_size=4).map(Headers),
    TIMES,
    st.builds(
        Freshness,
        TIMES,
        st.sampled_from(["max-age", "default-ttl"]),
        st.sampled_from(["", "min-ttl"]),
        st.booleans(),
        st.booleans(),
        TIMES,
        TIMES,
    ),
    st.integers(200, 599),
    st.one_of(st.none(), st.integers(0)),
    st.one_of(st.none(), st.builds(Span, st.integers(0), st.integers(0))),
    st.one_of(st.none(), st.integers(0)),
    st.booleans(),
    st.booleans(),
    st.frozensets(RAW, max_size=3),
    TIMES,
    st.sampled_from([None, "br", "gzip"]),
)


@given(ENTRIES)
def test_what_is_written_is_read(stored: StoredResponse) -> None:
    assert decode_entry(encode_entry(stored)) == stored


def changed(**fields: object) -> bytes:
    """An entry as it is written, with other content of some fields."""
    return json.dumps({**json.loads(encode_entry(entry())), **fields}).encode()


def test_every_field_is_written() -> None:
    written = set(json.loads(encode_entry(entry())))
    assert written == {"format", *StoredResponse.__slots__}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"7",
        b"\xff",
        b"{",
        encode_entry(entry())[:-1],
        encode_entry(entry()).replace(b'"format":2', b'"format":1'),
        encode_entry(entry()).replace(b'"place"', b'"palace"'),
        *(
            changed(**{name: content})
            for name, content in {
                "key": 7,
                "place": ["a", "*", None, None],
                "status": "200",
                "reason": "OK\r\nX: y",
                "headers": [["x", "a\r\n\r\n<script>"]],
                "stored_at": 1e400,
                "freshness": ["60", "max-age", "", True, True, 0, 0],
                "length": -1,
                "part": [0],
                "total": True,
                "is_head": 1,
                "tags": [["a"]],
                "retry_at": 10**400,
                "coding": "zip",
            }.items()
        ),
        b'{"format":2,"headers":' + b"[" * 100_000,
    ],
)
def test_what_is_no_entry_says_so(raw: bytes) -> None:
    with pytest.raises(UnreadableEntryError):
        decode_entry(raw)


@given(st.binary(max_size=80))
def test_nothing_else_breaks_the_reader(raw: bytes) -> None:
    with pytest.raises(UnreadableEntryError):
        decode_entry(raw)


def test_times_of_an_entry() -> None:
    stored = entry(
        answered(cache_control="max-age=60, stale-if-error=30, stale-while-revalidate=90")
    )
    assert (stored.expires_at, stored.useless_at) == (NOW + 60, NOW + 150)
    assert (stored.is_fresh(NOW + 59.9), stored.is_fresh(NOW + 60)) == (True, False)
    assert stored.age(NOW + 59.9) == 59


def test_an_error_page_is_an_error_whatever_its_status() -> None:
    assert not entry().is_error
    assert replace(entry(), origin_status=404).is_error


def test_last_modified_that_is_no_date_is_none() -> None:
    assert entry(answered(last_modified="once")).last_modified is None


def test_a_body_at_hand_is_the_same_each_time() -> None:
    body = BytesBody.of(b"0123456789")
    assert body.whole() is body.whole()
    assert (body.length, body.part(Span(2, 4)).content) == (10, b"234")


def test_size_grows_with_what_is_kept() -> None:
    assert entry(answered(x="y" * 1000)).size > entry().size + 1000
