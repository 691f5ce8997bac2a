"""SQS as an event source: records, what becomes of a batch, how many run at once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from edgegw.awslambda.event_source import BatchRule
from edgegw.awslambda.model import (
    FunctionError,
    FunctionRef,
    InvokeRefusal,
    Outcome,
    Report,
    Returned,
    Throttled,
)
from edgegw.awslambda.source_mapping import EventSourceMapping
from edgegw.awslambda.sqs_source import (
    Pieces,
    growth_of,
    pause_after,
    settle,
    sqs_record,
    trace_header,
)
from edgegw.messaging.queue import MessageAttribute, ReceivedMessage

ARN = "arn:aws:sqs:eu-west-1:123456789012:jobs"


def message(name: str, group: str | None = None, number: int = 0, body: str = "x") -> Any:
    system = {"SentTimestamp": "1", "SenderId": "AID", "ApproximateReceiveCount": "1"}
    if group is not None:
        system |= {"MessageGroupId": group, "SequenceNumber": str(number)}
    return ReceivedMessage(name, f"r-{name}", body, "md5", {}, system)


def mapping(**settings: Any) -> EventSourceMapping:
    given: dict[str, Any] = {"kind": "sqs", "batch_size": 10, **settings}
    return EventSourceMapping(
        uuid="u", source="jobs", arn=ARN, function=FunctionRef("worker"), **given
    )


class TestRecord:
    def test_it_is_the_one_of_the_guide(self) -> None:
        received = ReceivedMessage(
            message_id="2e1424d4",
            receipt_handle="AQEB",
            body="Test message.",
            md5_of_body="e4e68fb7",
            attributes={
                "text": MessageAttribute("String", "v"),
                "raw": MessageAttribute("Binary", b"\x01"),
            },
            system_attributes={
                "SenderId": "AID",
                "SentTimestamp": "1545082650636",
                "ApproximateReceiveCount": "1",
                "ApproximateFirstReceiveTimestamp": "1545082650649",
                "DeadLetterQueueSourceArn": "left out",
            },
        )
        assert sqs_record(received, ARN) == {
            "messageId": "2e1424d4",
            "receiptHandle": "AQEB",
            "body": "Test message.",
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1545082650636",
                "SenderId": "AID",
                "ApproximateFirstReceiveTimestamp": "1545082650649",
            },
            "messageAttributes": {
                "text": {
                    "stringValue": "v",
                    "stringListValues": [],
                    "binaryListValues": [],
                    "dataType": "String",
                },
                "raw": {
                    "binaryValue": "AQ==",
                    "stringListValues": [],
                    "binaryListValues": [],
                    "dataType": "Binary",
                },
            },
            "md5OfBody": "e4e68fb7",
            "eventSource": "aws:sqs",
            "eventSourceARN": ARN,
            "awsRegion": "eu-west-1",
        }

    def test_a_batch_has_the_first_trace_header(self) -> None:
        plain, traced = message("a"), message("b")
        traced = replace(traced, system_attributes={"AWSTraceHeader": "Root=1"})
        assert trace_header([plain]) == ""
        assert trace_header([plain, traced]) == "Root=1"


BATCH = [message("m1"), message("m2"), message("m3")]
REPORT = Report()


def reported(*names: str) -> Returned:
    items = [{"itemIdentifier": name} for name in names]
    return Returned(json.dumps({"batchItemFailures": items}).encode(), REPORT)


SETTLED = [
    # outcome, whether failures are reported, what is deleted, beginning of why the rest is not
    pytest.param(Returned(b"null", REPORT), False, "m1 m2 m3", "", id="success"),
    pytest.param(reported("m2"), False, "m1 m2 m3", "", id="nobody-asks"),
    pytest.param(Returned(b"null", REPORT), True, "m1 m2 m3", "", id="nothing-reported"),
    pytest.param(reported("m2"), True, "m1 m3", "the function reports 1 of 3", id="one"),
    pytest.param(reported("m1", "m2", "m3"), True, "", "the function reports 3 of 3", id="all"),
    pytest.param(reported("m4"), True, "", "the itemIdentifier", id="unknown"),
    pytest.param(Returned(b"{", REPORT), True, "", "the answer is no JSON", id="no-json"),
    pytest.param(FunctionError("E", "text", b"{}", REPORT), True, "", "E: text", id="error"),
    pytest.param(FunctionError("E", "text", b"{}", REPORT), False, "", "E: text", id="error-2"),
    pytest.param(Throttled(), False, "", "throttled: Reserved", id="throttle"),
    pytest.param(InvokeRefusal("Code", "no"), False, "", "Code: no", id="refusal"),
]


class TestSettlement:
    @pytest.mark.parametrize(("outcome", "reports", "deleted", "failure"), SETTLED)
    def test_what_succeeded_is_deleted_and_the_rest_comes_again(
        self, outcome: Outcome, reports: bool, deleted: str, failure: str
    ) -> None:
        settlement = settle(BATCH, outcome, reports_failures=reports)
        assert [one.message_id for one in settlement.deleted] == deleted.split()
        ends = [one.message_id for one in (*settlement.deleted, *settlement.kept)]
        assert sorted(ends) == ["m1", "m2", "m3"]
        assert settlement.failure.startswith(failure)
        assert bool(settlement.failure) is bool(settlement.kept)

    def test_it_says_when_a_fifo_group_is_overtaken_by_its_own_function(self) -> None:
        batch = [message("a1", "a", 1), message("a2", "a", 2), message("b1", "b", 3)]
        failure = settle(batch, reported("a1"), reports_failures=True).failure
        assert "of the group 'a' it does not report a later one" in failure
        assert "group" not in settle(batch, reported("a1", "a2"), reports_failures=True).failure
        assert "group" not in settle(batch, reported("b1"), reports_failures=True).failure


class TestPieces:
    RULE = BatchRule(10, 0, 1_200)
    """Two messages of 100 bytes fit."""

    def run(self, batch: list[Any], failing: set[str]) -> list[str]:
        """The names of each invocation, when an invocation with one of `failing` fails."""
        pieces, ran = Pieces(batch, ARN, self.RULE), list[str]()
        while (piece := pieces.next()) is not None:
            ran.append(" ".join(one.message_id for one in piece.items))
            if any(one.message_id in failing for one in piece.items):
                pieces.fail(piece.items)
        return ran

    def test_a_batch_larger_than_an_invocation_runs_in_pieces_in_order(self) -> None:
        batch = [message(f"a{n}", "a", n, "x" * 100) for n in range(5)]
        assert self.run(batch, set()) == ["a0 a1", "a2 a3", "a4"]

    def test_of_a_group_that_failed_nothing_more_runs(self) -> None:
        batch = [message(f"a{n}", "a", n, "x" * 100) for n in range(5)]
        assert self.run(batch, {"a2"}) == ["a0 a1", "a2 a3"]

    def test_other_groups_go_on(self) -> None:
        groups = "aababb"
        batch = [message(f"{g}{n}", g, n, "x" * 100) for n, g in enumerate(groups)]
        assert self.run(batch, {"a0"}) == ["a0 a1", "b2 b4", "b5"]

    def test_what_did_not_run_is_left_unless_its_group_failed(self) -> None:
        batch = [message(f"{g}{n}", g, n, "x" * 100) for n, g in enumerate("aaab")]
        pieces = Pieces(batch, ARN, self.RULE)
        first = pieces.next()
        assert first is not None
        assert [one.message_id for one in pieces.left] == ["a2", "b3"]
        pieces.fail(first.items)
        assert [one.message_id for one in pieces.left] == ["b3"]


class TestGrowth:
    @pytest.mark.parametrize(
        ("seconds", "limit"),
        [(0, 5), (0.1, 5), (0.2, 6), (1, 10), (60, 305), (248, 1245), (249, 1250), (9999, 1250)],
    )
    def test_five_at_first_then_300_more_a_minute_up_to_1250(
        self, seconds: float, limit: int
    ) -> None:
        assert growth_of(mapping()).limit(seconds) == limit

    @pytest.mark.parametrize(("maximum", "limits"), [(2, [2, 2]), (7, [5, 7]), (1000, [5, 1000])])
    def test_maximum_concurrency_caps_it(self, maximum: int, limits: list[int]) -> None:
        growth = growth_of(mapping(maximum_concurrency=maximum))
        assert [growth.limit(0), growth.limit(9999)] == limits

    def test_provisioned_pollers_run_ten_batches_each(self) -> None:
        growth = growth_of(mapping(minimum_pollers=3, maximum_pollers=200))
        assert [growth.limit(seconds) for seconds in (0, 60, 600)] == [30, 1030, 2000]

    def test_throttles_make_it_wait_longer_and_longer(self) -> None:
        assert [pause_after(count) for count in (0, 1, 2, 3, 7, 100)] == [0, 1, 2, 4, 60, 60]
