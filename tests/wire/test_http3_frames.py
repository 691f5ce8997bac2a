"""Frames of HTTP/3, without sockets."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.wire.frame_allowance import ALLOWANCE, CRUMBS
from tests.conftest import IN_CI
from tests.wire.test_frame_allowance import unspent

try:
    from edgegw.wire import http3_frames as frames
    from edgegw.wire.http3_frames import (
        ClientStreams,
        HeaderBlocks,
        Http3Error,
        RequestError,
        RequestFrames,
    )
except ImportError as error:
    if IN_CI:
        raise
    pytest.skip(f"HTTP/3 is not tested: {error}", allow_module_level=True)

GET = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"h"), (b":path", b"/x")]


@given(st.integers(0, 2**62 - 1), st.binary(max_size=3))
def test_an_integer_is_read_as_it_was_written(value: int, rest: bytes) -> None:
    data = frames.integer(value)
    assert frames.read_integer(data + rest, 0) == (value, len(data))
    assert all(frames.read_integer(data[:end], 0) is None for end in range(len(data)))


@pytest.mark.parametrize(
    ("value", "data"),  # RFC 9000 appendix A.1
    [
        (37, "25"),
        (15293, "7bbd"),
        (494878333, "9d7f3e7d"),
        (151288809941952652, "c2197c5eff14e88c"),
        (63, "3f"),
        (64, "4040"),
        (16383, "7fff"),
        (16384, "80004000"),
        (2**30, "c000000040000000"),
    ],
)
def test_an_integer_takes_as_few_bytes_as_it_can(value: int, data: str) -> None:
    assert frames.integer(value).hex() == data


def fed(cuts: set[int]) -> list[tuple[int, bytes]]:
    """What a whole request says, cut there; parts of one DATA frame are joined."""
    unknown = frames.frame(0x21, b"unknown")
    data = b"".join(
        [
            unknown,
            frames.frame(frames.HEADERS, b"head" * 20),
            frames.frame(frames.DATA, b"body" * 30),
            frames.frame(frames.DATA, b""),
            unknown,
            frames.frame(frames.HEADERS, b"trailers"),
            unknown,
        ]
    )
    reader, said = RequestFrames(unspent()), list[tuple[int, bytes]]()
    at = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    for start, stop in pairwise(at):
        for kind, payload in reader.feed(data[start:stop]):
            if kind == frames.DATA and said[-1][0] == frames.DATA:
                payload = said.pop()[1] + payload
            said.append((kind, payload))
    reader.end()
    return said


@given(st.sets(st.integers(0, 10_000)))
def test_however_a_request_is_cut_it_says_the_same(cuts: set[int]) -> None:
    assert fed(cuts) == [
        (frames.HEADERS, b"head" * 20),
        (frames.DATA, b"body" * 30),
        (frames.HEADERS, b"trailers"),
    ]


def test_a_head_that_is_announced_too_large_is_not_waited_for() -> None:
    with pytest.raises(RequestError) as raised:
        list(RequestFrames(unspent()).feed(frames.integer(frames.HEADERS) + frames.integer(10**9)))
    assert raised.value.why == "too-large"


def test_what_is_skipped_is_not_kept() -> None:
    reader = RequestFrames(unspent())
    assert not list(reader.feed(frames.integer(0x21) + frames.integer(10**9)))
    for _ in range(100):
        assert not list(reader.feed(b"x" * 10_000))
    assert not reader._buffer


@given(st.lists(st.binary(max_size=20), max_size=10), st.booleans())
def test_nothing_but_a_fault_comes_of_any_bytes(pieces: list[bytes], ended: bool) -> None:
    reader, blocks = RequestFrames(unspent()), HeaderBlocks()
    ways = ClientStreams(blocks, unspent())
    for stream_id, piece in enumerate(pieces):
        try:
            for kind, payload in reader.feed(piece):
                if kind == frames.HEADERS:
                    blocks.read(0, payload)
            ways.receive(stream_id % 3, piece, ended=ended)
        except Http3Error:
            return


def test_a_way_may_begin_byte_by_byte() -> None:
    ways = ClientStreams(HeaderBlocks(), unspent())
    for byte in b"\x40\x00\x04\x03\x06\x40\x40":
        ways.receive(2, bytes((byte,)), ended=False)
    with pytest.raises(Http3Error, match="another stream"):
        ways.receive(6, b"\x00", ended=False)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x00\x07\x01\x00", 0x10A),
        (b"\x00\x04\x01\x06", 0x106),
        (b"\x00\x04\x04\x06\x01\x06\x01", 0x109),
        (b"\x00\x04\x02\x02\x01", 0x109),
        (b"\x00\x04" + frames.integer(100_000), 0x107),
    ],
)
def test_settings_that_are_none_end_the_connection(data: bytes, code: int) -> None:
    with pytest.raises(Http3Error) as raised:
        ClientStreams(HeaderBlocks(), unspent()).receive(2, data, ended=False)
    assert raised.value.code == code


def test_what_we_say_first_is_settings() -> None:
    opening = frames.opening()
    assert opening[:2] == b"\x00\x04"
    ClientStreams(HeaderBlocks(), unspent()).receive(3, opening, ended=False)


def test_lines_are_read_as_they_were_written() -> None:
    blocks = HeaderBlocks()
    ((kind, block),) = RequestFrames(unspent()).feed(blocks.written(0, GET))
    assert kind == frames.HEADERS
    assert blocks.read(0, block) == GET


UNKNOWN = frames.frame(0x21, b"")


@pytest.mark.parametrize(
    ("flood", "most"),
    [
        (frames.frame(frames.DATA, b""), ALLOWANCE),
        (UNKNOWN, ALLOWANCE),
        (frames.frame(0x21, b"passed over" * 9), ALLOWANCE),
        (frames.frame(frames.DATA, b"a"), CRUMBS // 7),
    ],
    ids=["empty DATA", "empty frames of an unknown kind", "unknown kind", "DATA of a byte"],
)
def test_frames_that_carry_nothing_have_their_limit(flood: bytes, most: int) -> None:
    reader = RequestFrames(unspent())
    list(reader.feed(frames.frame(frames.HEADERS, b"head")))
    list(reader.feed(flood * most))
    with pytest.raises(Http3Error) as caught:
        list(reader.feed(flood * 2))
    assert caught.value.code is frames.Http3Code.EXCESSIVE_LOAD
    assert not isinstance(caught.value, RequestError), "the whole connection ends"


def test_the_limit_is_that_of_all_streams_together() -> None:
    allowance = unspent()
    opening = frames.integer(0) + frames.frame(frames.SETTINGS, b"")
    ways = ClientStreams(HeaderBlocks(), allowance)
    ways.receive(2, opening + UNKNOWN * (ALLOWANCE // 2), ended=False)
    list(RequestFrames(allowance).feed(UNKNOWN * (ALLOWANCE // 2)))
    with pytest.raises(Http3Error, match="no use"):
        ways.receive(2, UNKNOWN, ended=False)
