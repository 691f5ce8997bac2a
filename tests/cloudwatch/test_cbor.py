"""CBOR: botocore's own writer and reader are the other side; and nothing else gets through."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from botocore.parsers import RpcV2CBORParser
from hypothesis import given
from hypothesis import strategies as st

from edgegw.cloudwatch.cbor import CborError, EpochTime, decode_cbor, encode_cbor

ITEMS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(ITEMS)
def test_what_is_written_is_read(item: Any) -> None:
    assert decode_cbor(encode_cbor(item)) == item


def has_none(item: Any) -> bool:
    if isinstance(item, dict):
        return any(map(has_none, item.values()))
    return item is None or (isinstance(item, list) and any(map(has_none, item)))


@given(ITEMS.filter(lambda item: not has_none(item)))  # botocore leaves None out
def test_botocore_reads_what_is_written(item: Any) -> None:
    import io

    parser = RpcV2CBORParser()
    stream = io.BufferedReader(io.BytesIO(encode_cbor(item)))
    assert parser.parse_data_item(stream) == item


@given(st.binary(max_size=40))
def test_any_bytes_are_an_item_or_none(content: bytes) -> None:
    with contextlib.suppress(CborError):
        decode_cbor(content)


@pytest.mark.parametrize(
    ("written", "item"),
    [
        ("00", 0),
        ("1864", 100),
        ("3863", -100),
        ("f97c00", float("inf")),
        ("fa47c35000", 100000.0),
        ("fb3ff199999999999a", 1.1),
        ("c11a514b67b0", 1363896240),
        ("c1fb41d452d9ec200000", 1363896240.5),
        ("5f42010243030405ff", b"\x01\x02\x03\x04\x05"),
        ("7f657374726561646d696e67ff", "streaming"),
        ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
        ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
        ("f7", None),
    ],
)
def test_examples_of_the_rfc(written: str, item: Any) -> None:
    assert decode_cbor(bytes.fromhex(written)) == item


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ff",
        "0000",
        "1c",
        "82",
        "8201",
        "9f01",
        "a1",
        "a16161",
        "a161ff",
        "81ff",
        "9bffffffffffffffff",
    ],
)
def test_what_is_no_item(written: str) -> None:
    with pytest.raises(CborError):
        decode_cbor(bytes.fromhex(written))


def test_nesting_has_an_end() -> None:
    with pytest.raises(CborError, match="too deeply"):
        decode_cbor(b"\x81" * 100_000 + b"\x00")


def test_times_are_tagged() -> None:
    assert encode_cbor(EpochTime(1363896240.5)).hex() == "c1fb41d452d9ec200000"
