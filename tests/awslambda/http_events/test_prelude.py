"""The metadata in front of a streamed body, whatever pieces it comes in."""

from __future__ import annotations

import pytest

from edgegw.awslambda.http_events.prelude import MARK, MAX_PRELUDE, PreludeReader

STREAM = b'{"statusCode":200}' + MARK + b"\0body"


@pytest.mark.parametrize("cut", range(1, len(STREAM)))
def test_the_mark_is_found_wherever_it_is_cut(cut: int) -> None:
    reader, rest = PreludeReader(), b""
    both = reader.feed(STREAM[:cut])
    if both is None:
        both = reader.feed(STREAM[cut:])
    else:
        rest = STREAM[cut:]
    assert both is not None
    assert (both[0], both[1] + rest) == (b'{"statusCode":200}', b"\0body")


def test_a_stream_without_a_mark_is_none() -> None:
    reader = PreludeReader()
    assert reader.feed(b"x" * MAX_PRELUDE) is None
    with pytest.raises(ValueError, match="16384 bytes"):
        reader.feed(b"x" * 9)
