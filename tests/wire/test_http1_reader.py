"""What bytes of HTTP/1 say, told without a socket: heads by all three ways, bodies, the states."""

from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass, field
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.http.limits import Limits
from edgegw.http.message import Headers
from edgegw.wire import http1_reader
from edgegw.wire.http1_events import End, Head, Part, Raw, ReaderEvent, Unreadable
from edgegw.wire.http1_reader import MAX_BLANK, MAX_HEAD, Http1Reader
from edgegw.wire.http1_states import TRANSITIONS, RequestState
from edgegw.wire.remembered_heads import Fields, RememberedHeads, is_one_block
from tests.gateway.test_malformed import ROWS

STRICT, LENIENT = Limits(), Limits(is_lenient=True)
GET = b"GET /a?b HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass
class Story:
    """What a reader told, in the order of its telling."""

    heads: list[Head] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    ends: int = 0
    raw: bytes = b""
    refused: Unreadable | None = None

    def add(self, event: ReaderEvent) -> None:
        match event:
            case Head():
                self.heads.append(event)
                self.bodies.append(b"")
            case Part():
                assert self.heads, "a body before its head"
                self.bodies[-1] += event.data
            case End():
                self.ends += 1
            case Raw():
                self.raw += event.data
            case Unreadable():
                assert self.refused is None, "refused twice"
                self.refused = event


def read(*blocks: bytes, limits: Limits = STRICT) -> Story:
    reader, story = Http1Reader(limits), Story()
    for block in blocks:
        before = reader.state
        for event in reader.feed(block):
            story.add(event)
        if before is RequestState.ENDED:
            assert reader.state is RequestState.ENDED
    return story


def told(story: Story) -> object:
    heads = [(h.method, h.target, h.version, h.fields.headers.raw, h.lenient) for h in story.heads]
    return heads, story.bodies, story.ends, story.raw, story.refused and story.refused.why


# Heads


def test_a_head_is_read_as_it_stands() -> None:
    [head] = read(GET).heads
    assert (head.method, head.target, head.version) == ("GET", b"/a?b", "1.1")
    assert head.fields.headers.raw == ((b"Host", b"h"), (b"X-A", b"1"))
    assert head.fields.keep_alive
    assert not head.fields.has_body


def test_a_remembered_head_tells_the_same_and_shares_its_lines() -> None:
    [first], [second] = read(GET).heads, read(GET).heads
    assert second.fields is first.fields
    assert second.target == first.target


def test_a_head_in_pieces_is_one_head() -> None:
    for at in range(1, len(GET)):
        [head] = read(GET[:at], GET[at:]).heads
        assert head.target == b"/a?b"


def test_a_pipeline_is_told_in_order() -> None:
    story = read(GET + CHUNKED + b"2\r\nab\r\n0\r\n\r\n" + GET)
    assert [head.method for head in story.heads] == ["GET", "POST", "GET"]
    assert story.bodies == [b"", b"ab", b""]
    assert story.ends == 1


def test_behind_a_connection_that_closes_nothing_is_read() -> None:
    closing = GET.replace(b"X-A: 1", b"Connection: close")
    for _ in range(2):  # the second time it is remembered
        story = read(closing, GET)
        assert len(story.heads) == 1
        assert story.refused is None


def test_blanks_behind_a_value_are_no_part_of_it() -> None:
    [head] = read(b"GET / HTTP/1.1\r\nHost: h \t\r\nA:  b\t\r\n\r\n").heads
    assert head.fields.headers.raw == ((b"Host", b"h"), (b"A", b"b"))


@pytest.mark.parametrize(
    ("lines", "version", "keeps"),
    [
        (b"", b"1.1", True),
        (b"Connection: close\r\n", b"1.1", False),
        (b"", b"1.0", False),
        (b"Connection: keep-alive\r\n", b"1.0", False),
    ],
)
def test_a_strict_door_keeps_connections_of_http11(lines: bytes, version: bytes, keeps: bool):
    [head] = read(b"GET / HTTP/%b\r\nHost: h\r\n%b\r\n" % (version, lines)).heads
    assert head.fields.keep_alive is keeps


def test_a_lenient_door_keeps_http10_where_it_is_asked_to() -> None:
    asked = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    assert read(asked, limits=LENIENT).heads[0].fields.keep_alive
    assert not read(b"GET / HTTP/1.0\r\n\r\n", limits=LENIENT).heads[0].fields.keep_alive


def test_hosts_are_counted() -> None:
    none, two = b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"
    assert read(none).refused == Unreadable("0 Host headers")
    assert read(two).refused == Unreadable("2 Host headers")
    assert read(two, limits=LENIENT).heads[0].fields.hosts == 2
    assert read(b"GET / HTTP/1.0\r\n\r\n").heads


def test_a_head_without_end_is_too_large() -> None:
    line = b"A: " + b"x" * 1000 + b"\r\n"
    for limits in (STRICT, LENIENT):
        story = read(b"GET / HTTP/1.1\r\n", *[line] * 300, limits=limits)
        assert story.refused is not None
        assert story.refused.why == "too-large"
        assert not story.heads


# Bodies


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_body_is_told_as_it_comes(size: int) -> None:
    sent = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" + GET
    story = read(*[sent[at : at + size] for at in range(0, len(sent), size)])
    assert story.bodies == [b"hello", b""]
    assert (story.heads[0].fields.has_body, story.heads[0].fields.length) == (True, 5)


def test_trailers_are_told_apart_from_headers() -> None:
    reader = Http1Reader(STRICT)
    events = reader.feed(CHUNKED + b"2\r\nab\r\n0\r\nX-Sum: 7 \r\n\r\n")
    assert events[-1] == End(((b"X-Sum", b"7"),))
    head = events[0]
    assert isinstance(head, Head)
    assert b"x-sum" not in head.fields.headers


def test_chunks_have_no_length() -> None:
    [head] = read(CHUNKED).heads
    assert (head.fields.has_body, head.fields.length) == (True, None)


def test_a_broken_chunk_is_refused_behind_what_came() -> None:
    story = read(CHUNKED + b"2\r\nab\r\n", b"zz\r\n")
    assert story.bodies == [b"ab"]
    assert story.ends == 0
    assert story.refused is not None


# Other protocols


BLOCK = 64 * 1024


@pytest.mark.parametrize(
    "flood",
    [b"a: b\r\n" * (BLOCK // 6), b"a" * BLOCK, b"a: " + b"b" * BLOCK],
    ids=["lines", "a name without end", "a value without end"],
)
def test_trailers_have_a_limit(flood: bytes) -> None:
    reader, refused = Http1Reader(STRICT), 0
    reader.feed(CHUNKED + b"1\r\na\r\n0\r\n")
    for block in range(1, 20):
        for event in reader.feed(flood):
            assert isinstance(event, Unreadable)
            assert event.why == "too-large"
            refused = block
        if refused:
            break
    assert 0 < refused * len(flood) < MAX_HEAD + 2 * BLOCK


def test_trailers_that_come_at_once_have_a_limit() -> None:
    lines = b"a: b\r\n" * MAX_HEAD
    refused = read(CHUNKED + b"0\r\n" + lines + b"\r\n").refused
    assert refused is not None
    assert refused.why == "too-large"


def test_trailers_below_the_limit_are_told() -> None:
    lines = b"a: b\r\n" * (MAX_HEAD // 8)
    reader = Http1Reader(STRICT)
    *_, end = reader.feed(CHUNKED + b"0\r\n" + lines + b"\r\n")
    assert isinstance(end, End)
    assert len(end.trailers) == MAX_HEAD // 8


def test_an_extension_of_a_chunk_has_a_limit() -> None:
    story = read(CHUNKED + b"1;", *[b"a" * BLOCK] * 6)
    assert story.refused is not None
    assert story.refused.why == "too-large"


def test_a_body_may_have_any_size_and_number_of_chunks() -> None:
    crumbs = b"1\r\na\r\n" * 10_000
    story = read(CHUNKED, *[crumbs] * 20, b"0\r\n\r\n", GET)
    assert story.refused is None
    assert story.bodies == [b"a" * 200_000, b""]


def test_chunks_that_come_at_once_are_one_part() -> None:
    reader = Http1Reader(STRICT)
    events = reader.feed(CHUNKED + b"1\r\na\r\n" * 10_000 + b"0\r\n\r\n" + GET)
    assert [type(event) for event in events] == [Head, Part, End, Head]
    assert events[1] == Part(b"a" * 10_000)


# Blank lines


@pytest.mark.parametrize("limits", [STRICT, LENIENT], ids=["strict", "lenient"])
@pytest.mark.parametrize("lines", [b"\r\n", b"\n", b"\r\n\r\n"])
def test_blank_lines_before_a_head_are_passed_over(lines: bytes, limits: Limits) -> None:
    for blocks in ([lines + GET], [lines, GET], [GET + lines, GET], [GET, lines + GET]):
        story = read(*blocks, limits=limits)
        assert story.refused is None
        assert {head.target for head in story.heads} == {b"/a?b"}


@pytest.mark.parametrize("limits", [STRICT, LENIENT], ids=["strict", "lenient"])
@pytest.mark.parametrize("before", [b"", GET], ids=["first", "behind a request"])
@pytest.mark.parametrize("size", [2, 1000])
def test_blank_lines_without_end_are_refused(size: int, before: bytes, limits: Limits) -> None:
    reader, given = Http1Reader(limits), 0
    reader.feed(before)
    while not (events := reader.feed(b"\r\n" * (size // 2))):
        assert reader.is_idle, "they are the beginning of nothing"
        given += size
        assert given <= MAX_BLANK
    assert isinstance(events[0], Unreadable)
    assert not reader.feed(GET)


def test_blank_lines_are_counted_anew_behind_each_request() -> None:
    story = read(*[b"\r\n" * 10 + GET, b"\r\n", GET] * 20)
    assert story.refused is None
    assert len(story.heads) == 40


# Ends


@pytest.mark.parametrize(
    "block",
    [GET, GET[:9], CHUNKED + b"3\r\nabc", b"GET / HTTP/1.1\nHost: h\n\n"],
    ids=["rests", "within a head", "within a body", "lenient"],
)
def test_behind_its_end_a_reader_is_freed_at_once(block: bytes) -> None:
    gc.disable()
    try:
        reader = Http1Reader(LENIENT)
        reader.feed(block)
        gone = weakref.ref(reader)
        reader.end()
        assert not reader.feed(block)
        del reader
        assert gone() is None, "it waits for the garbage collector"
    finally:
        gc.enable()


def test_what_comes_behind_a_switch_is_raw() -> None:
    asks = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n"
    story = read(asks + b"\x81\x00", b"more")
    assert story.heads[0].fields.upgrade == b"websocket"
    assert story.raw == b"\x81\x00more"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_body_beside_a_switch_makes_an_ordinary_request(size: int) -> None:
    sent = (
        b"POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
        b"Content-Length: 5\r\n\r\nhello" + GET
    )
    story = read(*[sent[at : at + size] for at in range(0, len(sent), size)])
    assert story.bodies == [b"hello"]
    assert (story.ends, story.raw) == (1, b"")
    assert story.heads[0].fields.upgrade == b""


@pytest.mark.parametrize("coding", [b"gzip", b"chunked, gzip", b"xchunked"])
@pytest.mark.parametrize("limits", [STRICT, LENIENT], ids=["strict", "lenient"])
def test_a_switch_beside_a_coding_that_does_not_end_is_no_fault(coding: bytes, limits: Limits):
    story = read(
        b"POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Transfer-Encoding: %b\r\n\r\nabc" % coding,
        limits=limits,
    )
    assert story.refused is not None or story.heads[0].lenient is not None


# Bytes beyond ASCII

RAW_TARGETS = [b"/caf\xc3\xa9", b"/?\xff=\xfe&~", b"/~\xc3~\xa9", b"http://h/\xe9"]


@pytest.mark.parametrize("target", RAW_TARGETS)
@pytest.mark.parametrize("limits", [STRICT, LENIENT], ids=["strict", "lenient"])
def test_bytes_beyond_ascii_in_a_target_are_told_as_they_stand(
    target: bytes, limits: Limits
) -> None:
    """Wherever the blocks are cut; behind it the connection goes on."""
    sent = b"\r\nGET  " + target + b" HTTP/1.1\r\nHost: h\r\nX: \xff\r\n\r\n"
    for at in range(len(sent)):
        story = read(sent[:at], sent[at:] + GET, limits=limits)
        assert story.refused is None, at
        assert [head.target for head in story.heads] == [target, b"/a?b"], at
        assert story.heads[0].lenient is None, at
        assert story.heads[0].fields.headers.get(b"x") == b"\xff"


def test_a_pipeline_with_bytes_beyond_ascii_is_told_in_order() -> None:
    first = b"GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n"
    targets = [head.target for head in read(GET + first + GET + first).heads]
    assert targets == [b"/a?b", b"/\xc3\xa9", b"/a?b", b"/\xc3\xa9"]


RAW = b"GET /caf\xc3\xa9 HTTP/1.1\r\nHost: h\r\nX: \xff\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: "
BODIES = {
    "no body": (GET, b""),
    "a body": (POST + b"2\r\n\r\nab", b"ab"),
    "no bytes of a body": (POST + b"0\r\n\r\n", b""),
    "a body beyond ASCII": (POST + b"3\r\n\r\n\xff\n\xfe", b"\xff\n\xfe"),
    "a body like a request": (POST + b"%d\r\n\r\n" % len(RAW) + RAW, RAW),
    "chunks": (CHUNKED + b"2\r\nab\r\n0\r\n\r\n", b"ab"),
    "chunks beyond ASCII": (CHUNKED + b"3\r\n\xff\r\n\r\n1\r\n\n\r\n0\r\n\r\n", b"\xff\r\n\n"),
    "empty lines in chunks": (CHUNKED + b"5\r\n\r\n\r\n\xff\r\n0\r\n\r\n", b"\r\n\r\n\xff"),
    "chunks like a request": (
        CHUNKED + b"%x\r\n" % len(RAW) + RAW + b"\r\n0\r\n\r\n",
        RAW,
    ),
    "trailers": (CHUNKED + b"1\r\n\xff\r\n0\r\nX-T: \xfe\r\nX-U: 1\r\n\r\n", b"\xff"),
}
"""Requests that a raw target may stand behind, each with its body."""


@pytest.mark.parametrize("first", BODIES)
@pytest.mark.parametrize("limits", [STRICT, LENIENT], ids=["strict", "lenient"])
def test_a_target_beyond_ascii_behind_any_request_is_as_any_other(
    first: str, limits: Limits
) -> None:
    """In one block, and wherever two blocks or three are cut."""
    request, body = BODIES[first]
    sent = request + RAW + request + RAW
    cuts = [(at, at + more) for at in range(len(sent)) for more in (0, 1, 30)]
    for start, end in cuts:
        story = read(sent[:start], sent[start:end], sent[end:], limits=limits)
        assert story.refused is None, (start, end, story.refused)
        assert [head.target for head in story.heads][1::2] == [b"/caf\xc3\xa9"] * 2, (start, end)
        assert story.bodies == [body, b"", body, b""], (start, end)
        assert story.heads[1].fields.headers.get(b"x") == b"\xff", (start, end)


def test_a_target_beyond_ascii_behind_the_like_of_it() -> None:
    """What came of the target stands in an earlier request line as well."""
    earlier = b"GET /caf HTTP/1.1\r\nHost: h\r\n\r\n"
    for first in (earlier, earlier[:-2] + b"Content-Length: 1\r\n\r\n\n"):
        story = read(first + RAW[:8], RAW[8:])
        assert [head.target for head in story.heads] == [b"/caf", b"/caf\xc3\xa9"]


def test_a_header_line_that_is_cut_keeps_its_bytes_behind_other_requests() -> None:
    line = b"X: GET /a\xc3\xa9"
    head = b"GET /a HTTP/1.1\r\n" + line + b"\r\nHost: h\r\n\r\n"
    for at in range(len(head)):
        story = read(GET + head[:at], head[at:])
        assert story.heads[-1].fields.headers.get(b"x") == b"GET /a\xc3\xa9", at
        story = read(GET + RAW[:at], RAW[at:])
        assert [head.target for head in story.heads] == [b"/a?b", b"/caf\xc3\xa9"], at


def test_a_body_behind_a_body_beyond_ascii_is_bounded_as_any_other() -> None:
    around = b"1;" + b"x" * (MAX_HEAD + 1)
    story = read(POST + b"1\r\n\r\n\xff" + CHUNKED + around)
    assert story.refused is not None
    assert story.refused.why == "too-large"
    story = read(POST + b"1\r\n\r\n\xff" + b"GET /\xff HTTP/1.1\r\nX: " + b"x" * MAX_HEAD)
    assert story.refused is not None
    assert story.refused.why == "too-large"


def test_what_was_read_is_not_kept_while_heads_are_cut() -> None:
    reader = Http1Reader(STRICT)
    reader.feed(GET + GET[:5])
    for _ in range(100):
        reader.feed(GET[5:] + GET[:5])
    pieces = cast("list[list[object]]", [x for x in vars(reader).values() if isinstance(x, list)])
    assert max(map(len, pieces)) <= 2


def test_a_body_behind_bytes_beyond_ascii_is_told_as_it_stands() -> None:
    head = b"POST /\xc3\xa9 HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n"
    story = read(head + b"\xff\nGET ")
    assert (story.heads[0].target, story.bodies, story.ends) == (b"/\xc3\xa9", [b"\xff\nGET "], 1)


def test_what_comes_behind_a_switch_with_bytes_beyond_ascii_is_raw() -> None:
    head = b"GET /\xe9 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    story = read(head + b"\x81\xff\n\x81")
    assert (story.heads[0].target, story.raw) == (b"/\xe9", b"\x81\xff\n\x81")


@pytest.mark.parametrize("method", [b"G\xc3T", b"\xff"])
def test_only_a_target_may_have_bytes_beyond_ascii(method: bytes) -> None:
    assert read(method + b" / HTTP/1.1\r\nHost: h\r\n\r\n").refused is not None
    assert read(b"GET / HTTP/1.\xb1\r\nHost: h\r\n\r\n").refused is not None


# The lenient way


def test_a_lenient_door_gets_what_the_strict_parser_refuses() -> None:
    odd = b"GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n"
    assert read(odd).refused is not None
    [head] = read(odd, limits=LENIENT).heads
    assert head.lenient is not None
    assert "no-colon" in head.lenient.oddities
    assert not head.fields.keep_alive


def test_behind_a_lenient_head_nothing_is_a_request() -> None:
    odd = b"GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n"
    assert len(read(odd + GET, GET, limits=LENIENT).heads) == 1


def test_a_body_behind_a_lenient_head_is_framed_once() -> None:
    odd = (
        b"POST / HTTP/1.1\r\nHost: h\r\nA: b\n c\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n"
    )
    story = read(odd + b"abc" + GET, limits=LENIENT)
    assert story.bodies == [b"abc"]
    assert story.ends == 1
    lengths = story.heads[0].fields.headers.get_all(b"content-length")
    assert lengths == [b"3"]


def test_a_single_line_is_http09_at_a_lenient_door() -> None:
    assert read(b"GET /x\r\n", limits=LENIENT).heads[0].version == "0.9"
    assert read(b"GET /x\r\n\r\n").refused is not None


# Whatever comes

PIECES = [
    GET,
    CHUNKED,
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
    b"0\r\nT: 1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody",
    b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"Connection: Upgrade\r\nUpgrade: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
    b"GET /x\r\n",
    b"GET /\xc3\xa9?\xff HTTP/1.1\r\nHost: h\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\r\n",
    b"\n",
    b"\0",
    b" ",
    b"A: b\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
]


class Watched(Http1Reader):
    """A reader whose steps from state to state are written down."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "state":
            before = getattr(self, "state", None)
            if before is not None and before is not value:
                self.__dict__.setdefault("steps", []).append((before, value))
        super().__setattr__(name, value)


bytes_sent = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=6)), max_size=8)


@given(bytes_sent, st.booleans(), st.integers(1, 400))
def test_nothing_raises_and_states_follow_their_table(
    pieces: list[bytes], lenient: bool, size: int
) -> None:
    reader, story = Watched(Limits(is_lenient=lenient)), Story()
    sent = b"".join(pieces)
    for at in range(0, len(sent), size):
        for event in reader.feed(sent[at : at + size]):
            story.add(event)
    for before, after in reader.__dict__.get("steps", []):
        assert after is RequestState.ENDED or after in TRANSITIONS[before], (before, after)
    if story.refused is not None:
        assert reader.state is RequestState.ENDED


@given(bytes_sent, st.booleans(), st.data())
def test_how_bytes_are_cut_into_blocks_changes_nothing(
    pieces: list[bytes], lenient: bool, data: st.DataObject
) -> None:
    """Where only the lenient way can read a head, it must begin with a block (see `_is_first`)."""
    sent = b"".join(pieces)
    limits = Limits(is_lenient=False)
    at = data.draw(st.integers(0, len(sent)))
    whole, parted = read(sent, limits=limits), read(sent[:at], sent[at:], limits=limits)
    assert told(parted) == told(whole)


# The corpus of malformed requests


def judge(sent: bytes, limits: Limits) -> str:
    story = read(sent, limits=limits)
    assert len(story.heads) <= 1, "a smuggled request"
    if story.heads and story.heads[0].lenient is not None:
        return "lenient"
    return "refused" if story.refused is not None else "read" if story.heads else "waits"


@pytest.mark.parametrize("name", ROWS)
def test_malformed_requests_without_a_socket(name: str) -> None:
    """What `serve` answers to the same rows stands in `tests/gateway/test_malformed.py`."""
    sent, distribution, *_ = ROWS[name]
    strict = judge(sent, STRICT)
    if distribution in ("200", "403", "414"):
        assert strict == "read"
    else:
        assert strict in ("refused", "waits") or sent.endswith(b"\xa1\x03\x03")
    judge(sent, LENIENT)


# Remembering


@given(st.lists(st.integers(0, 400), max_size=600))
def test_the_oldest_blocks_make_room(numbers: list[int]) -> None:
    heads, fields = RememberedHeads(), Fields(Headers(), keep_alive=True)
    for number in numbers:
        heads.learn(b"A: %d\r\n\r\n" % number, fields)
    latest = list(dict.fromkeys(reversed(numbers)))
    for number in latest[:1]:
        assert heads.get(b"A: %d\r\n\r\n" % number) is fields
    assert sum(heads.get(b"A: %d\r\n\r\n" % number) is not None for number in latest) <= 256


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"\r\n",
        b"a\r\n",
        b"A: b\r\n",
        b"A: b\r\n\r\nmore",
        b"A: b\r\n\r\nGET / HTTP/1.1\r\nA: b\r\n\r\n",
        b"A: " + b"b" * 4096 + b"\r\n\r\n",
    ],
    ids=repr,
)
def test_only_one_whole_small_block_is_worth_learning(block: bytes) -> None:
    assert not is_one_block(block)


@pytest.mark.parametrize(
    "lines",
    [
        b"Host: h\r\nExpect: 100-continue\r\n\r\n",
        b"Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"Host: h\r\nContent-Length: 0\r\n\r\n",
        b"Host: h\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"Host: h\r\nHost: h\r\n\r\n",
    ],
)
def test_lines_that_ask_for_more_are_not_remembered(
    lines: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = RememberedHeads()
    monkeypatch.setattr(http1_reader, "_heads", heads)
    read(b"GET / HTTP/1.1\r\n" + lines, limits=LENIENT)
    assert heads.get(lines) is None
