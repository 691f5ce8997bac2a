"""The judges are judged: they take what is right, and see planted faults."""

from __future__ import annotations

import pytest

from tests.fuzz.answer_oracle import SentAnswer, read_answer
from tests.fuzz.answer_stream import Answer, NoAnswerError, read_answers
from tests.fuzz.answers import judged
from tests.fuzz.campaign import Flaw
from tests.fuzz.raw_answers import Script
from tests.fuzz.request_oracle import read_stream
from tests.fuzz.requests import Judge, Viewer
from tests.fuzz.strict_origin import ReceivedRequest

GET = b"GET /r0 HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /r1 HTTP/1.1\r\nHost: localhost\r\n"
OK = b"HTTP/1.1 200 OK\r\nX-Answer: %d\r\nContent-Length: 8\r\n\r\nanswer %d"
GOT_0 = ReceivedRequest(b"GET", b"/r0", b"")


class TestReadStream:
    """Requests up to where two readers might disagree."""

    def test_bodies_and_chunks_end_where_they_say(self) -> None:
        data = POST + b"Content-Length: 3\r\n\r\nabc"
        data += POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + GET
        reading = read_stream(data)
        assert [wanted.body for wanted in reading.requests] == [b"abc", b"abc", b""]
        assert reading.ending == "end"

    @pytest.mark.parametrize(
        ("lines", "ending"),
        [
            (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "odd"),
            (b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "odd"),
            (b"Content-Length: +3\r\n\r\nabc", "odd"),
            (b"Content-Length : 3\r\n\r\nabc", "odd"),
            (b"Transfer-Encoding: chunked\r\n\r\nz\r\n", "odd"),
            (b"Content-Length: 30\r\n\r\nabc", "unfinished"),
            (b"X-A", "unfinished"),
        ],
    )
    def test_it_stops_where_nobody_can_be_sure(self, lines: bytes, ending: str) -> None:
        reading = read_stream(GET + POST + lines)
        assert len(reading.requests) == 1
        assert reading.ending == ending


def judge(received: bytes, *arrived: ReceivedRequest, sent: bytes = GET, door: str = "site") -> str:
    return Judge(
        door, read_stream(sent), Viewer(received, is_closed=True), dict(enumerate(arrived, 1))
    ).verdict()


class TestJudge:
    """What a viewer and the origin got, held against what was asked for."""

    def test_an_answer_to_each_request_is_right(self) -> None:
        assert judge(OK % (1, 1), GOT_0) == "1 served, 0 refused"

    @pytest.mark.parametrize(
        ("received", "arrived"),
        [
            pytest.param(OK % (1, 1) * 2, [GOT_0], id="an answer too many"),
            pytest.param(OK % (1, 1), [GOT_0, GOT_0], id="a request twice"),
            pytest.param(
                OK % (1, 1), [ReceivedRequest(b"GET", b"/evil", b"")], id="a smuggled one"
            ),
            pytest.param(OK % (1, 1), [ReceivedRequest(b"GET", b"/r0", b"x")], id="another body"),
            pytest.param(OK % (9, 9), [GOT_0], id="another viewer's answer"),
            pytest.param(b"", [GOT_0], id="no answer"),
            pytest.param((OK % (1, 1))[:-2], [GOT_0], id="an answer without its end"),
            pytest.param(
                b"HTTP/1.1 500 O\r\nContent-Length: 0\r\n\r\n", [], id="a fault of our own"
            ),
            pytest.param(
                b"HTTP/1.1 400 O\r\nContent-Length: 0\r\n\r\n", [], id="a plain one refused"
            ),
        ],
    )
    def test_planted_faults_are_seen(self, received: bytes, arrived: list) -> None:
        with pytest.raises(Flaw):
            judge(received, *arrived)

    def test_what_stands_in_a_body_is_no_request(self) -> None:
        sent = POST + b"Content-Length: %d\r\n\r\n" % len(GET) + GET
        whole = ReceivedRequest(b"POST", b"/r1", GET)
        assert judge(OK % (1, 1), whole, sent=sent)
        with pytest.raises(Flaw, match="nobody asked for"):
            judge(
                OK % (1, 1) + OK % (2, 2), ReceivedRequest(b"POST", b"/r1", b""), GOT_0, sent=sent
            )

    @pytest.mark.parametrize("blank", [b" ", b"\t"])
    def test_a_head_request_of_a_lenient_door_has_no_body_behind_its_refusal(
        self, blank: bytes
    ) -> None:
        refused = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 122\r\n\r\n"
        sent = b"HEAD" + blank + b"0 HTTP/e\n\n"
        assert judge(refused, sent=sent, door="strictest") == "0 served, 1 refused, then unfinished"


class TestReadAnswers:
    """What a viewer got, as answers."""

    def test_answers_follow_one_another(self) -> None:
        answers, rest = read_answers(OK % (1, 1) + OK % (2, 2), [b"GET", b"GET"], is_closed=False)
        assert [answer.body for answer in answers] == [b"answer 1", b"answer 2"]
        assert rest == b""

    def test_two_framings_are_none(self) -> None:
        both = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        with pytest.raises(NoAnswerError):
            read_answers(both, [], is_closed=False)


class TestAnswers:
    """What a viewer got, held against what the origin said."""

    @pytest.mark.parametrize(
        ("data", "meaning"),
        [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "whole"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK", "whole"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", "broken"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", "broken"),
            (b"HTTP/1.1 200 OK\r\n\r\nok", "broken"),
            (b"HTTP/1.1 103 E\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "whole"),
            (b"HTTP/1.1 200", "none"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", "unsure"),
        ],
    )
    def test_what_an_origin_said(self, data: bytes, meaning: str) -> None:
        assert read_answer(data, is_head=False, is_closed=False).meaning == meaning

    @pytest.mark.parametrize(
        ("sent", "answer"),
        [
            pytest.param(
                SentAnswer("broken", 200, b"o"), Answer(200, {}, b"o"), id="passes for whole"
            ),
            pytest.param(SentAnswer("none"), Answer(200, {}), id="made of nothing"),
            pytest.param(
                SentAnswer("whole", 200, b"ok"), Answer(200, {}, b"other"), id="other bytes"
            ),
            pytest.param(SentAnswer("whole", 200, b"ok"), Answer(502, {}), id="lost"),
            pytest.param(
                SentAnswer("whole", 200, b"ok", number=b"1"),
                Answer(200, {b"x-number": [b"2"]}, b"ok"),
                id="another one's",
            ),
        ],
    )
    def test_planted_faults_are_seen(self, sent: SentAnswer, answer: Answer) -> None:
        with pytest.raises(Flaw):
            judged(sent, Script([], "keep"), answer)
