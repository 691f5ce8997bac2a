"""HPACK: the examples of RFC 7541, and the usual library at the other end."""

from __future__ import annotations

import hpack as library
import pytest
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hypothesis import given
from hypothesis import strategies as st

from edgegw.wire.hpack import LARGEST, TABLE, HeaderBlockError, Packer, Unpacker
from edgegw.wire.huffman import HuffmanError, decode_huffman

encode_huffman = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode

WORDS = st.sampled_from([b"", b"a", b"x-one", b"content-length", b":path", b"/", b"200", b"gzip"])
LINES = st.lists(
    st.tuples(
        st.one_of(WORDS, st.sampled_from([b":status", b":method", b"set-cookie", b"y" * 300])),
        st.one_of(WORDS, st.binary(max_size=200), st.sampled_from([b"GET", b"z" * 3000])),
    ),
    max_size=12,
)


def as_tuples(lines: list) -> list[tuple[bytes, bytes]]:
    return [(bytes(line[0]), bytes(line[1])) for line in lines]


FIRST = [
    (b":method", b"GET"),
    (b":scheme", b"http"),
    (b":path", b"/"),
    (b":authority", b"www.example.com"),
]
SECOND = [*FIRST, (b"cache-control", b"no-cache")]
THIRD = [
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":path", b"/index.html"),
    (b":authority", b"www.example.com"),
    (b"custom-key", b"custom-value"),
]


@pytest.mark.parametrize(
    "blocks",
    [
        [  # RFC 7541, appendix C.3
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ],
        [  # appendix C.4, with Huffman's code
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ],
    ],
)
def test_the_examples_of_the_rfc(blocks: list[str]) -> None:
    unpacker = Unpacker()
    found = [unpacker.unpack(bytes.fromhex(block)) for block in blocks]
    assert found == [FIRST, SECOND, THIRD]


@given(st.lists(LINES, max_size=8))
def test_the_library_reads_what_is_packed(blocks: list[list[tuple[bytes, bytes]]]) -> None:
    packer, decoder, own = Packer(), library.Decoder(), Unpacker()
    for lines in blocks:
        block = packer.pack(lines)
        assert as_tuples(decoder.decode(block, raw=True)) == lines
        assert own.unpack(block) == lines


@given(st.lists(LINES, max_size=8), st.booleans())
def test_what_the_library_packs_is_read(
    blocks: list[list[tuple[bytes, bytes]]], is_coded: bool
) -> None:
    encoder, unpacker = library.Encoder(), Unpacker()
    for lines in blocks:
        assert unpacker.unpack(encoder.encode(lines, huffman=is_coded)) == lines


@given(st.lists(st.one_of(st.integers(0, 6000), LINES), max_size=10))
def test_tables_that_change_their_size(steps: list) -> None:
    packer, decoder, own = Packer(), library.Decoder(), Unpacker()
    for step in steps:
        if isinstance(step, int):
            packer.resize(step)
        else:
            block = packer.pack(step)
            assert as_tuples(decoder.decode(block, raw=True)) == step
            assert own.unpack(block) == step


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_any_bytes_are_lines_or_an_error(blocks: list[bytes]) -> None:
    """And the same as for the library, where that tells."""
    unpacker, decoder = Unpacker(), library.Decoder()
    for block in blocks:
        try:
            found = unpacker.unpack(block)
        except HeaderBlockError:
            return
        assert as_tuples(decoder.decode(block, raw=True)) == found


@pytest.mark.parametrize(
    "block",
    [
        b"\x80",  # there is no line 0
        b"\xbe",  # nor one that was not seen
        b"\xff",
        b"\xff\xff\xff\xff\xff\xff\xff\x00",
        b"\x40\x05ab",
        b"\x40\x01x\x7f",
        b"\x40\x01x\xff\xff\xff\xff\xff\xff",
        b"\x40\x01x\x81",
        b"\x40\x81\x00\x01x",  # half a letter
        b"\x40\x84\xff\xff\xff\xff\x01x",  # the end of a string within it
        b"\x3f\xe2\x1f",  # a table of 4097 bytes
        b"\x82\x20",  # a table that changes behind a line
    ],
)
def test_blocks_that_are_none(block: bytes) -> None:
    with pytest.raises(HeaderBlockError):
        Unpacker().unpack(block)


def test_a_small_block_that_stands_for_much_is_refused() -> None:
    unpacker = Unpacker()
    entry = b"\x40\x01x\x7f\xa1\x1e" + b"y" * 4_000
    assert unpacker.unpack(entry + b"\xbe" * (LARGEST // (TABLE + 1)))
    with pytest.raises(HeaderBlockError) as caught:
        unpacker.unpack(b"\xbe" * (LARGEST // 4_000 + 1))
    assert caught.value.is_too_large


def test_what_passes_by_pushes_nothing_out() -> None:
    packer = Packer()
    stays = [(b"x-stays", b"1"), (b"server", b"s")]
    packer.pack(stays)
    for number in range(500):
        packer.pack([(b":path", b"/%d" % number), (b"content-length", b"%d" % number)])
    assert len(packer.pack(stays)) == 2


def test_what_comes_twice_in_a_row_stays() -> None:
    packer = Packer()
    line = [(b"content-length", b"1234567")]
    assert [len(packer.pack(line)) for _ in range(3)] == [10, 9, 1]


@given(st.binary(max_size=80))
def test_huffmans_code_as_the_library_writes_it(text: bytes) -> None:
    assert decode_huffman(encode_huffman(text)) == text


@given(st.binary(max_size=12))
def test_huffmans_code_of_any_bytes(data: bytes) -> None:
    """What is read is what was written: there is one way to write each string."""
    try:
        text = decode_huffman(data)
    except HuffmanError:
        return
    assert encode_huffman(text) == data
