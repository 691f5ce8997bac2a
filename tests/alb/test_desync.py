"""The classification of requests, one row a finding of AWS; what each mode does with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.alb.desync import (
    COMPLIANT,
    Classification,
    RiskClass,
    classify,
    classify_lenient,
    classify_parsed,
)
from edgegw.http.lenient_head import LenientHead, head_end, parse_leniently

TE, CL = b"Transfer-Encoding", b"Content-Length"
ACCEPTABLE, AMBIGUOUS, SEVERE = RiskClass.Acceptable, RiskClass.Ambiguous, RiskClass.Severe

ROWS = [
    (b"GET", b"/", b"HTTP/1.1", [], RiskClass.Compliant, ""),
    (b"POST", b"/", b"HTTP/1.1", [(CL, b"5")], RiskClass.Compliant, ""),
    (b"POST", b"/", b"HTTP/1.1", [(TE, b"chunked")], RiskClass.Compliant, ""),
    (b"POST", b"/", b"HTTP/1.1", [(TE, b"gzip;q=1, chunked")], RiskClass.Compliant, ""),
    (b"POST", b"/", b"HTTP/1.1", [(TE, b"compress, chunked")], RiskClass.Compliant, ""),
    (b"POST", b"/", b"HTTP/1.1", [(TE, b"deflate, chunked")], RiskClass.Compliant, ""),
    (b"POST", b"/", b"HTTP/1.1", [(TE, b"identity")], RiskClass.Compliant, ""),
    (b"POST", b"/", b"HTTP/1.1", [(TE, b"br, chunked")], SEVERE, "BadTransferEncoding"),
    (b"GET", b"/", b"HTTP/1.1", [(b"a", b"\xc3\xbc")], RiskClass.Compliant, ""),
    # headers
    (b"GET", b"/", b"HTTP/1.1", [(b"a", b"b\rc")], SEVERE, "BadHeader"),
    (b"GET", b"/", b"HTTP/1.1", [(b"a\0", b"b")], SEVERE, "BadHeader"),
    (b"GET", b"/", b"HTTP/1.1", [(b"a", b"\0")], SEVERE, "BadHeader"),
    (b"GET", b"/", b"HTTP/1.1", [(b"a b", b"c")], ACCEPTABLE, "NonCompliantHeader"),
    (b"GET", b"/", b"HTTP/1.1", [(b"\xfc", b"c")], ACCEPTABLE, "NonCompliantHeader"),
    (b"GET", b"/", b"HTTP/1.1", [(b"a", b"\x01")], ACCEPTABLE, "NonCompliantHeader"),
    (b"GET", b"/", b"HTTP/1.1", [(b"a", b"\x7f")], ACCEPTABLE, "NonCompliantHeader"),
    (b"GET", b"/", b"HTTP/1.1", [(b"a", b"b\tc")], RiskClass.Compliant, ""),
    (b"GET", b"/", b"HTTP/1.1", [(b"", b"c")], AMBIGUOUS, "EmptyHeader"),
    (b"GET", b"/", b"HTTP/1.1", [(b" \t", b"c")], AMBIGUOUS, "EmptyHeader"),
    (b"POST", b"/", b"HTTP/1.1", [(b"Transfer_Encoding", b"x")], SEVERE, "BadTransferEncoding"),
    (
        b"POST",
        b"/",
        b"HTTP/1.1",
        [(b"Transfer Encoding", b"chunked")],
        AMBIGUOUS,
        "SuspiciousHeader",
    ),
    (b"POST", b"/", b"HTTP/1.1", [(b"content.length", b"1")], AMBIGUOUS, "SuspiciousHeader"),
    (
        b"POST",
        b"/",
        b"HTTP/1.1",
        [("tran\u017ffer-encoding".encode(), b"chunked")],
        AMBIGUOUS,
        "SuspiciousHeader",
    ),
    (
        b"POST",
        b"/",
        b"HTTP/1.1",
        [("transfer-encod\u0131ng".encode(), b"chunked")],
        AMBIGUOUS,
        "SuspiciousHeader",
    ),
    (b"POST", b"/", b"HTTP/1.1", [(b"x-content-length", b"1")], RiskClass.Compliant, ""),
    # framing
    (
        b"POST",
        b"/",
        b"HTTP/1.0",
        [(TE, b"chunked")],
        AMBIGUOUS,
        "UndefinedTransferEncodingSemantics",
    ),
    (
        b"POST",
        b"/",
        b"HTTP/1.0",
        [(TE, b"nonsense")],
        AMBIGUOUS,
        "UndefinedTransferEncodingSemantics",
    ),
    (b"POST", b"/", b"", [(CL, b"1")], AMBIGUOUS, "UndefinedContentLengthSemantics"),
    (b"POST", b"/", b"HTTP/1.1", [(TE, b"xchunked")], SEVERE, "BadTransferEncoding"),
    (b"POST", b"/", b"HTTP/1.1", [(TE, b"")], SEVERE, "BadTransferEncoding"),
    (
        b"POST",
        b"/",
        b"HTTP/1.1",
        [(TE, b"chunked, chunked")],
        SEVERE,
        "MultipleTransferEncodingChunked",
    ),
    (
        b"POST",
        b"/",
        b"HTTP/1.1",
        [(TE, b"chunked"), (TE, b"chunked")],
        SEVERE,
        "MultipleTransferEncodingChunked",
    ),
    (b"POST", b"/", b"HTTP/1.1", [(CL, b"+1")], SEVERE, "BadContentLength"),
    (b"POST", b"/", b"HTTP/1.1", [(CL, b"1000,1000")], SEVERE, "BadContentLength"),
    (b"POST", b"/", b"HTTP/1.1", [(CL, b"0x10")], SEVERE, "BadContentLength"),
    (b"POST", b"/", b"HTTP/1.1", [(CL, b"18446744073709551616")], SEVERE, "BadContentLength"),
    (b"POST", b"/", b"HTTP/1.1", [(CL, b" 7\t")], RiskClass.Compliant, ""),
    (b"POST", b"/", b"HTTP/1.1", [(CL, b"")], RiskClass.Compliant, ""),
    (b"POST", b"/", b"HTTP/1.1", [(CL, b"1"), (CL, b"2")], SEVERE, "MultipleContentLength"),
    (b"POST", b"/", b"HTTP/1.1", [(CL, b"1"), (CL, b"1")], AMBIGUOUS, "DuplicateContentLength"),
    (
        b"GET",
        b"/",
        b"HTTP/1.1",
        [(TE, b"chunked")],
        AMBIGUOUS,
        "UndefinedTransferEncodingSemantics",
    ),
    (
        b"HEAD",
        b"/",
        b"HTTP/1.1",
        [(TE, b"chunked")],
        AMBIGUOUS,
        "UndefinedTransferEncodingSemantics",
    ),
    (b"GET", b"/", b"HTTP/1.1", [(CL, b"0")], ACCEPTABLE, "GetHeadZeroContentLength"),
    (b"GET", b"/", b"HTTP/1.1", [(CL, b"5")], AMBIGUOUS, "UndefinedContentLengthSemantics"),
    (b"POST", b"/", b"HTTP/1.1", [(TE, b"chunked"), (CL, b"5")], AMBIGUOUS, "BothTeClPresent"),
    # method, version, URI
    (b"G@T", b"/", b"HTTP/1.1", [], SEVERE, "BadMethod"),
    (b"GET", b"/", b"", [], ACCEPTABLE, "NonCompliantVersion"),
    (b"GET", b"/", b"HTTP/0.9", [], ACCEPTABLE, "NonCompliantVersion"),
    (b"GET", b"/", b"HTTP/2.0", [], SEVERE, "BadVersion"),
    (b"GET", b"/", b"HTTP/1.10", [], SEVERE, "BadVersion"),
    (b"GET", b"/", b"HTTP/1.2", [], ACCEPTABLE, "NonCompliantVersion"),
    (b"GET", b"/", b"HTTP/1.1 ", [], ACCEPTABLE, "NonCompliantVersion"),
    (b"GET", b"/", b"http/1.1", [], SEVERE, "BadVersion"),
    (b"GET", b"/\0", b"HTTP/1.1", [], SEVERE, "BadUri"),
    (b"GET", b"/a b", b"HTTP/1.1", [], ACCEPTABLE, "SpaceInUri"),
    (b"GET", b"/\x01", b"HTTP/1.1", [], AMBIGUOUS, "AmbiguousUri"),
    (b"GET", b"/\x7f", b"HTTP/1.1", [], AMBIGUOUS, "AmbiguousUri"),
    (b"GET", b"/\xff", b"HTTP/1.1", [], RiskClass.Compliant, ""),
    # only a strictly higher class replaces an earlier finding
    (b"GET", b"/a b", b"HTTP/1.1", [(b"a b", b"c")], ACCEPTABLE, "NonCompliantHeader"),
    (b"GET", b"/\0", b"HTTP/1.1", [(b"a b", b"c"), (CL, b"5")], SEVERE, "BadUri"),
]


@pytest.mark.parametrize(
    ("method", "uri", "version", "headers", "risk", "reason"),
    ROWS,
    ids=[f"{row[5] or 'Compliant'}-{at}" for at, row in enumerate(ROWS)],
)
def test_classification(method, uri, version, headers, risk, reason) -> None:
    assert classify(method, uri, version, headers) == Classification(risk, reason)


@pytest.mark.parametrize(
    ("risk", "mode", "refused", "closes"),
    [
        (risk, mode, refused, closes)
        for mode, rows in {
            "monitor": [(0, 0), (0, 0), (0, 0), (0, 0)],
            "defensive": [(0, 0), (0, 0), (0, 1), (1, 1)],
            "strictest": [(0, 0), (1, 1), (1, 1), (1, 1)],
        }.items()
        for risk, (refused, closes) in zip(RiskClass, rows, strict=True)
    ],
)
def test_modes(risk: RiskClass, mode, refused: int, closes: int) -> None:
    found = Classification(risk, "x")
    assert (found.is_refused(mode), found.closes(mode)) == (bool(refused), bool(closes))


NAMES = st.sampled_from(
    [TE, CL, b"content-length", b"Transfer_Encoding", b"Content.Length", b"Host"]
)
VALUES = st.sampled_from([b"0", b"5", b"5, 5", b"chunked", b"gzip, chunked", b"x"])


@given(
    st.sampled_from(["GET", "HEAD", "POST"]),
    st.lists(st.tuples(NAMES, VALUES), max_size=4),
    st.sampled_from(["1.0", "1.1"]),
)
def test_the_short_way_for_parsed_requests_finds_the_same(method, headers, version) -> None:
    whole = classify(method.encode(), b"/", b"HTTP/" + version.encode(), headers)
    assert classify_parsed(method, headers, version) == whole
    if not any(name != b"Host" for name, _ in headers):
        assert classify_parsed(method, headers, version) is COMPLIANT


# Heads that a strict parser refuses


@pytest.mark.parametrize(
    ("head", "expected", "risk"),
    [
        pytest.param(
            b"GET / HTTP/1.1\nHost: a\n\n",
            LenientHead(b"GET", b"/", b"HTTP/1.1", ((b"Host", b"a"),), ("bare-lf",)),
            ACCEPTABLE,
            id="bare LF",
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\na: b\r\n c\r\n\r\n",
            LenientHead(b"GET", b"/", b"HTTP/1.1", ((b"a", b"b"), (b" c", b"")), ("folded",)),
            AMBIGUOUS,
            id="folded line",
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\nabc\r\n\r\n",
            LenientHead(b"GET", b"/", b"HTTP/1.1", ((b"abc", b""),), ("no-colon",)),
            AMBIGUOUS,
            id="header without colon",
        ),
        pytest.param(
            b"GET HTTP/1.1\r\n\r\n",
            LenientHead(b"GET", b"", b"HTTP/1.1", (), ("no-uri",)),
            AMBIGUOUS,
            id="missing URI",
        ),
        pytest.param(
            b"GET  HTTP/1.1\r\n\r\n",
            LenientHead(b"GET", b"", b"HTTP/1.1", (), ("no-uri",)),
            AMBIGUOUS,
            id="missing URI behind two blanks",
        ),
        pytest.param(
            b"GET \tHTTP/1.1 \r\n\r\n",
            LenientHead(b"GET", b"", b"HTTP/1.1", (), ("no-uri",)),
            AMBIGUOUS,
            id="missing URI between blanks",
        ),
        pytest.param(
            b"GET /a b HTTP/1.1\r\n\r\n",
            LenientHead(b"GET", b"/a b", b"HTTP/1.1", ()),
            ACCEPTABLE,
            id="space in URI",
        ),
        pytest.param(
            b"GET /\r\n\r\n", LenientHead(b"GET", b"/", b"", ()), ACCEPTABLE, id="HTTP/0.9"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            LenientHead(b"POST", b"/", b"HTTP/1.1", ((CL, b"3"), (TE, b"chunked")), (), "chunked"),
            AMBIGUOUS,
            id="TE goes before CL",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
            LenientHead(b"POST", b"/", b"HTTP/1.1", ((CL, b"3"), (CL, b"4")), (), None),
            SEVERE,
            id="two lengths cannot be framed",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
            LenientHead(b"POST", b"/", b"HTTP/1.1", ((CL, b"3"), (CL, b"3")), (), 3),
            AMBIGUOUS,
            id="one length twice",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
            LenientHead(b"POST", b"/", b"HTTP/1.1", ((TE, b"chunked, identity"),), (), None),
            RiskClass.Compliant,
            id="chunked that is not the last coding",
        ),
        pytest.param(
            b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            LenientHead(b"POST", b"/", b"HTTP/1.0", ((TE, b"chunked"),), (), None),
            AMBIGUOUS,
            id="chunked in HTTP/1.0",
        ),
    ],
)
def test_loose_heads(head: bytes, expected: LenientHead, risk: RiskClass) -> None:
    found = parse_leniently(head)
    assert found == expected
    assert classify_lenient(found).risk == risk


def test_only_lines_that_can_be_written_again_are_sent_on() -> None:
    found = parse_leniently(
        b"GET / HTTP/1.1\r\nA: 1\r\nB C: 2\r\n: 3\r\n fold\r\nD: \x00\r\nE_: 4\r\n\r\n"
    )
    assert found is not None
    assert found.fit_to_send() == [(b"A", b"1"), (b"E_", b"4")]


@given(st.binary(max_size=200))
def test_no_bytes_break_the_loose_parser(data: bytes) -> None:
    found = parse_leniently(data)
    if found is not None:
        classify_lenient(found)
    end = head_end(data)
    assert end is None or data[:end].endswith(b"\n")
