"""Bytes from an origin → answers, without a socket."""

from __future__ import annotations

from typing import NamedTuple

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.gateway.origins.response_reader import ResponseReader

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Answer(NamedTuple):
    """What was read: `end` is the state in which it ended."""

    end: str
    status: int = 0
    reason: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content: bytes = b""
    reusable: bool = False
    rest: bytes = b""


def read(
    data: bytes, *, size: int | None = None, method: str = "GET", switch: bool = False
) -> Answer:
    """The answer in `data`, which comes in parts of `size` bytes and is all that comes."""
    reader = ResponseReader()
    reader.expect(method, switch=switch)
    size = size or len(data) or 1
    for at in range(0, len(data), size):
        reader.feed(data[at : at + size])
    reader.end(is_clean=True)
    return answer_of(reader)


def answer_of(reader: ResponseReader) -> Answer:
    head, state, reusable = reader.head, reader.state, reader.is_reusable
    if reader.whole is not None:
        content = reader.whole
    else:
        content = b"".join(reader.take() for _ in range(len(reader.parts)))
    assert reader.buffered == 0
    if head is None:
        return Answer(state, content=content, rest=reader.rest)
    lines = head.headers.raw
    return Answer(state, head.status, head.reason, lines, content, reusable, reader.rest)


ANSWERS = [
    pytest.param(
        HEAD + b"Content-Length: 2\r\n\r\nok",
        Answer("done", 200, b"OK", ((b"Content-Length", b"2"),), b"ok", reusable=True),
        id="a length",
    ),
    pytest.param(
        HEAD + b"Content-Length: 0\r\n\r\n",
        Answer("done", 200, b"OK", ((b"Content-Length", b"0"),), b"", reusable=True),
        id="no body",
    ),
    pytest.param(
        CHUNKED + b'2\r\nok\r\n00a ;x="y"\r\n0123456789\r\n0\r\n\r\n',
        Answer(
            "done",
            200,
            b"OK",
            ((b"Transfer-Encoding", b"chunked"),),
            b"ok0123456789",
            reusable=True,
        ),
        id="chunks",
    ),
    pytest.param(
        CHUNKED + b"2\r\nok\r\n0\r\nA: b\r\nC: d\r\n\r\n",
        Answer("done", 200, b"OK", ((b"Transfer-Encoding", b"chunked"),), b"ok", reusable=True),
        id="chunks with trailers",
    ),
    pytest.param(HEAD + b"\r\nok", Answer("done", 200, b"OK", (), b"ok"), id="until the end"),
    pytest.param(
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        Answer("done", 200, b"OK", ((b"Content-Length", b"2"),), b"ok"),
        id="HTTP/1.0",
    ),
    pytest.param(
        b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n",
        Answer(
            "done",
            200,
            b"OK",
            ((b"Connection", b"Keep-Alive"), (b"Content-Length", b"0")),
            reusable=True,
        ),
        id="HTTP/1.0 that stays",
    ),
    pytest.param(
        b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n',
        Answer("done", 304, b"Not Modified", ((b"ETag", b'"1"'),), reusable=True),
        id="a 304, which needs no length",
    ),
    pytest.param(
        b"HTTP/1.1 204 No Content\r\n\r\n",
        Answer("done", 204, b"No Content", (), reusable=True),
        id="a 204, which has no length",
    ),
    pytest.param(
        HEAD + b"Connection: x, Close\r\nContent-Length: 0\r\n\r\n",
        Answer("done", 200, b"OK", ((b"Connection", b"x, Close"), (b"Content-Length", b"0"))),
        id="it closes",
    ),
    pytest.param(
        b"HTTP/1.1 599\r\nContent-Length: 0\r\n\r\n",
        Answer("done", 599, b"", ((b"Content-Length", b"0"),), reusable=True),
        id="no reason",
    ),
    pytest.param(
        b"HTTP/1.1 200 \xc3\xbc \t!\r\nContent-Length: 0\r\n\r\n",
        Answer("done", 200, b"\xc3\xbc \t!", ((b"Content-Length", b"0"),), reusable=True),
        id="a reason beyond ASCII",
    ),
    pytest.param(
        HEAD + b"A:b\r\nB: \t c d \t\r\nC:\r\nD: \r\ncontent-length:0\r\n\r\n",
        Answer(
            "done",
            200,
            b"OK",
            ((b"A", b"b"), (b"B", b"c d"), (b"C", b""), (b"D", b""), (b"content-length", b"0")),
            reusable=True,
        ),
        id="blanks around values",
    ),
    pytest.param(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 x\r\nA: b\r\n\r\n"
        b"HTTP/1.1 204 No Content\r\n\r\n",
        Answer("done", 204, b"No Content", reusable=True),
        id="204 behind interim answers, without a length",
    ),
    pytest.param(
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        Answer("done", 304, b"Not Modified", ((b"Content-Length", b"9"),), reusable=True),
        id="304",
    ),
]


@pytest.mark.parametrize("size", [None, 1, 2, 3, 7])
@pytest.mark.parametrize(("data", "answer"), ANSWERS)
def test_an_answer_is_the_same_however_it_comes(
    data: bytes, answer: Answer, size: int | None
) -> None:
    assert read(data, size=size) == answer


def test_a_head_ends_the_answer_to_head() -> None:
    answer = read(HEAD + b"Content-Length: 9\r\n\r\n", method="HEAD")
    assert (answer.end, answer.content, answer.reusable) == ("done", b"", True)


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize(
    ("data", "content"),
    [
        pytest.param(HEAD + b"Content-Length: 2\r\n\r\nokay", b"ok", id="a longer body"),
        pytest.param(HEAD + b"Content-Length: 0\r\n\r\nx", b"", id="a body that is none"),
        pytest.param(b"HTTP/1.1 204 x\r\n\r\nx", b"", id="204 with a body"),
        pytest.param(b"HTTP/1.1 204 x\r\nContent-Length: 1\r\n\r\n", b"", id="204 that has one"),
        pytest.param(b"HTTP/1.1 304 x\r\n\r\nx", b"", id="304 with a body"),
        pytest.param(CHUNKED + b"0\r\n\r\nx", b"", id="more than chunks"),
        pytest.param(CHUNKED + b"0\r\nA: b\r\n\r\nx", b"", id="more than trailers"),
    ],
)
def test_bytes_behind_an_answer_spoil_the_connection_alone(
    data: bytes, content: bytes, size: int | None
) -> None:
    answer = read(data, size=size)
    assert (answer.end, answer.content, answer.reusable) == ("done", content, False)


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize(
    "data",
    [
        b"nonsense",
        b"HTTP/1.1 99 x\r\n\r\n",
        b"HTTP/1.1 099 x\r\n\r\n",
        b"HTTP/1.1 1000 x\r\n\r\n",
        b"HTTP/1.1  200 x\r\n\r\n",
        b"HTTP/1.2 200 x\r\n\r\n",
        b"HTTP/1.1 200x\r\n\r\n",
        b"HTTP/1.1 200 \0\r\n\r\n",
        b"HTTP/1.1 101 x\r\n\r\n",
        HEAD + b" A: b\r\n\r\n",
        HEAD + b"A b: c\r\n\r\n",
        HEAD + b"A: b\n\r\n",
        HEAD + b"A: b\r\n\n\r\n",
        HEAD + b"A: \x7f\r\n\r\n",
        HEAD + b"\xc3\xbc: a\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        HEAD + b"Content-Length: 0x1\r\n\r\nx",
        HEAD + b"Content-Length: \xb2\r\n\r\nx",
        HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\nx",
        HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: \xa0chunked\r\n\r\n0\r\n\r\n",
        CHUNKED + b"\r\n",
        CHUNKED + b"g\r\n",
        CHUNKED + b"+1\r\nx\r\n0\r\n\r\n",
        CHUNKED + b"0x1\r\nx\r\n0\r\n\r\n",
        CHUNKED + b" 1\r\nx\r\n0\r\n\r\n",
        CHUNKED + b"1\nx\n0\n\n",
        CHUNKED + b"1\r\nxy\r\n0\r\n\r\n",
        CHUNKED + b"2\r\nx\r\n0\r\n\r\n",
        CHUNKED + b"1;\0\r\nx\r\n0\r\n\r\n",
        CHUNKED + b"0\r\nno trailer\r\n\r\n",
        CHUNKED + b"0\r\nA: b\n\n",
        CHUNKED + b"1000000000000000\r\n",
    ],
)
def test_what_is_no_answer_is_broken_off(data: bytes, size: int | None) -> None:
    reader = ResponseReader()
    reader.expect("GET")
    for at in range(0, len(data), size or len(data)):
        reader.feed(data[at : at + (size or len(data))])
    assert reader.state == "broken"
    assert reader.failure is not None
    assert reader.failure.kind == "invalid"
    assert not reader.is_reusable


@pytest.mark.parametrize(
    "data", [b"", b"HTTP/1.1 2", HEAD + b"Content-Length: 2\r\n\r\no", CHUNKED + b"2\r\nok\r\n"]
)
def test_an_answer_that_ends_early_is_closed(data: bytes) -> None:
    reader = ResponseReader()
    reader.expect("GET")
    reader.feed(data)
    reader.end(is_clean=True)
    assert reader.failure is not None
    assert reader.failure.kind == "closed"


def test_a_reset_is_no_end_of_a_body() -> None:
    reader = ResponseReader()
    reader.expect("GET")
    reader.feed(HEAD + b"\r\nok")
    reader.end(is_clean=False)
    assert reader.state == "broken"


@pytest.mark.parametrize("size", [None, 1])
def test_bytes_behind_a_switch_are_anothers(size: int | None) -> None:
    data = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
    answer = read(data, size=size, switch=True)
    assert (answer.end, answer.rest) == ("switched", b"HTTP/1.1 200 OK\r\n\r\n")


def test_a_connection_reads_one_answer_after_the_other() -> None:
    reader = ResponseReader()
    same = HEAD + b"Content-Length: 1\r\n\r\n"
    for data, content in [
        (same + b"a", b"a"),
        (same + b"b", b"b"),
        (CHUNKED + b"1\r\nc\r\n0\r\n\r\n", b"c"),
        (CHUNKED + b"0\r\nA: b\r\n\r\n", b""),
        (CHUNKED + b"1\r\nd\r\n0\r\n\r\n", b"d"),
        (same + b"e", b"e"),
        (HEAD + b"Content-Length: 12\r\n\r\n" + b"f" * 12, b"f" * 12),
    ]:
        for size in (len(data), 1):
            reader.expect("GET")
            for at in range(0, len(data), size):
                reader.feed(data[at : at + size])
            answer = answer_of(reader)
            assert (answer.end, answer.content, answer.reusable) == ("done", content, True)
            reader.idle()


def test_a_known_head_is_not_parsed_again() -> None:
    reader = ResponseReader()
    heads = []
    for content in (b"a", b"b"):
        reader.expect("GET")
        reader.feed(HEAD + b"Content-Length: 1\r\n\r\n" + content)
        heads.append(reader.head)
    assert heads[0] is heads[1]


# h11 as an outside judge


def by_h11(data: bytes) -> Answer | None:
    """What h11 reads; None where it refuses."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    connection.receive_data(b"")
    status, reason, lines, content = 0, b"", (), b""
    try:
        while True:
            event = connection.next_event()
            match event:
                case h11.Response():
                    status, reason = event.status_code, event.reason
                    lines = tuple(event.headers.raw_items())
                case h11.Data():
                    content += bytes(event.data)
                case h11.EndOfMessage():
                    return Answer("done", status, bytes(reason), lines, content)
                case h11.InformationalResponse():
                    pass
                case _:
                    return None
    except h11.RemoteProtocolError:
        return None


PIECES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 204 No\r\n",
        b"HTTP/1.1 103 Early\r\n",
        b"Content-Length: 2\r\n",
        b"Content-Length: 0\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"A: b\r\n",
        b"\r\n",
        b"\n",
        b"ok",
        b"2\r\nok\r\n",
        b"0\r\n\r\n",
        b"0\r\n",
        b"A:\tb \r\n",
        b" c\r\n",
        b"\0",
    ]
)


@given(st.lists(PIECES, max_size=12), st.integers(1, 9))
def test_what_we_take_h11_takes_alike(pieces: list[bytes], size: int) -> None:
    """We are stricter; what both take means the same, however it comes."""
    data = b"".join(pieces)
    ours = read(data, size=size)
    assert ours.end == read(data).end
    if ours.end == "done":
        assert ours._replace(reusable=False) == read(data)._replace(reusable=False)
        theirs = by_h11(data)
        assert theirs is not None
        assert ours._replace(reusable=False) == theirs


@given(st.binary(max_size=300), st.integers(1, 50))
def test_nothing_raises(data: bytes, size: int) -> None:
    for beginning in (b"", HEAD, CHUNKED, HEAD + b"Content-Length: 20\r\n\r\n"):
        whole, in_parts = read(beginning + data), read(beginning + data, size=size)
        assert whole.end == in_parts.end
        if whole.end == "done":
            assert whole[:5] == in_parts[:5]


def test_chunks_of_a_byte_are_one_part() -> None:
    reader = ResponseReader()
    reader.expect("GET")
    reader.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(100):
        reader.feed(b"1\r\na\r\n" * 10)
    assert reader.buffered == 1_000
    assert list(reader.parts) == [b"a" * 1_000]
