"""What mappings share: when a batch is sent, what passes the filters, what an answer means."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.awslambda.event_pattern import PatternError
from edgegw.awslambda.event_source import (
    Batch,
    BatchReply,
    BatchRule,
    RecordFilter,
    read_batch_reply,
    with_parsed,
)

RECORD = b'{"a":1}'


class TestBatch:
    def test_an_empty_batch_waits_for_ever(self) -> None:
        assert Batch[int](BatchRule(10)).waits(1000.0) is None

    def test_without_window_it_is_due_with_its_first_record(self) -> None:
        batch = Batch[int](BatchRule(10))
        batch.add(1, RECORD, 5.0)
        assert batch.waits(5.0) == 0

    @pytest.mark.parametrize(
        ("now", "waits"), [(100.0, 20.0), (119.5, 0.5), (120.0, 0.0), (130.0, 0.0)]
    )
    def test_its_window_begins_with_the_first_record(self, now: float, waits: float) -> None:
        batch = Batch[int](BatchRule(10, 20.0))
        batch.add(1, RECORD, 100.0)
        batch.add(2, RECORD, 118.0)
        assert batch.waits(now) == waits

    def test_it_is_due_when_it_has_as_many_records_as_it_may(self) -> None:
        batch = Batch[int](BatchRule(2, 300.0))
        batch.add(1, RECORD, 0.0)
        assert batch.waits(0.0) == 300
        batch.add(2, RECORD, 0.0)
        assert batch.waits(0.0) == 0
        assert not batch.takes(RECORD)

    def test_what_would_make_the_event_larger_than_6_mb_is_not_taken(self) -> None:
        batch = Batch[int](BatchRule(10_000, 300.0))
        batch.add(1, b"x" * 3_000_000, 0.0)
        left = 6 * 1024 * 1024 - len(batch.event) - 1
        assert batch.takes(b"x" * left)
        assert not batch.takes(b"x" * (left + 1))
        batch.add(2, b"x" * left, 0.0)
        assert len(batch.event) == 6 * 1024 * 1024
        assert batch.waits(0.0) == 0

    def test_one_record_alone_is_never_too_large(self) -> None:
        batch = Batch[int](BatchRule(10))
        assert batch.takes(b"x" * 7_000_000)

    @given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 10), st.integers(20, 200))
    def test_batches_hold_everything_in_order_within_their_limits(
        self, sizes: list[int], size: int, most_bytes: int
    ) -> None:
        rule, batches = BatchRule(size, 0, most_bytes), list[Batch[int]]()
        for at, length in enumerate(sizes):
            record = json.dumps("x" * length).encode()
            if not batches or not batches[-1].takes(record):
                batches.append(Batch[int](rule))
            batches[-1].add(at, record, 0.0)
        assert [item for batch in batches for item in batch.items] == list(range(len(sizes)))
        for batch in batches:
            records = json.loads(batch.event)["Records"]
            assert [len(record) for record in records] == [sizes[item] for item in batch.items]
            assert len(batch) <= size
            assert len(batch) == 1 or len(batch.event) <= most_bytes


def sqs(body: str, **attributes: str) -> dict[str, Any]:
    return {"messageId": "1", "body": body, "attributes": attributes, "eventSource": "aws:sqs"}


FILTERED = [
    # pattern, body, system attributes, passes
    pytest.param({"body": {"kind": ["a"]}}, '{"kind": "a"}', {}, True, id="json-body"),
    pytest.param({"body": {"kind": ["a"]}}, '{"kind": "b"}', {}, False, id="other-value"),
    pytest.param({"body": {"kind": ["a", "b"]}}, '{"kind": "b"}', {}, True, id="one-of-two"),
    pytest.param({"body": {"kind": ["a"]}}, "a", {}, False, id="json-pattern-plain-body"),
    pytest.param({"body": ["a"]}, "a", {}, True, id="plain-pattern-plain-body"),
    pytest.param({"body": ["a"]}, '{"kind": "a"}', {}, False, id="plain-pattern-json-body"),
    pytest.param({"body": [{"prefix": "or"}]}, "order", {}, True, id="prefix"),
    pytest.param({"body": [{"suffix": "er"}]}, "order", {}, True, id="suffix"),
    pytest.param({"body": [{"equals-ignore-case": "ORDER"}]}, "order", {}, True, id="any-case"),
    pytest.param({"body": [{"anything-but": ["order"]}]}, "order", {}, False, id="anything-but"),
    pytest.param({"body": [""]}, "", {}, True, id="empty"),
    pytest.param({"body": {"n": [{"numeric": [">", 5, "<", 9]}]}}, '{"n": 7}', {}, True, id="num"),
    pytest.param({"body": {"n": [{"numeric": [">", 5]}]}}, '{"n": 5}', {}, False, id="num-edge"),
    pytest.param({"body": {"n": [None]}}, '{"n": null}', {}, True, id="null"),
    pytest.param({"body": {"n": [{"exists": True}]}}, '{"m": 1}', {}, False, id="exists"),
    pytest.param({"body": {"n": [{"exists": False}]}}, '{"m": 1}', {}, True, id="exists-not"),
    pytest.param({"body": {"$or": [{"a": ["1"]}, {"b": ["2"]}]}}, '{"b": "2"}', {}, True, id="or"),
    pytest.param({"body": {"tags": ["x"]}}, '{"tags": ["y", "x"]}', {}, True, id="array"),
    pytest.param({"body": {"a": {"b": ["c"]}}}, '{"a": {"b": "c"}}', {}, True, id="nested"),
    pytest.param({"body": {"a": ["1"]}}, '{"a": 1}', {}, False, id="text-is-no-number"),
    pytest.param({"body": {"a": ["b"]}}, '  {"a": "b"}', {}, True, id="blanks-before"),
    pytest.param({"body": {"a": ["b"]}}, '{"a": "b"', {}, False, id="broken-json"),
    pytest.param({"body": ['{"a": ']}, '{"a": ', {}, True, id="broken-json-is-plain"),
    pytest.param({"body": ["5"]}, "5", {}, True, id="a-number-is-plain"),
    pytest.param(
        {"attributes": {"MessageGroupId": ["g1"]}}, "x", {"MessageGroupId": "g1"}, True, id="group"
    ),
    pytest.param(
        {"attributes": {"MessageGroupId": ["g1"]}}, "x", {"MessageGroupId": "g2"}, False, id="other"
    ),
    pytest.param(
        {"body": {"a": ["b"]}, "attributes": {"SenderId": ["me"]}},
        '{"a": "b"}',
        {"SenderId": "you"},
        False,
        id="both-must-match",
    ),
    pytest.param({"eventSource": ["aws:sqs"]}, "anything", {}, True, id="metadata-alone"),
]


class TestFilter:
    @pytest.mark.parametrize(("pattern", "body", "attributes", "passes"), FILTERED)
    def test_a_message_passes_when_its_record_matches(
        self, pattern: dict[str, Any], body: str, attributes: dict[str, str], passes: bool
    ) -> None:
        chosen = RecordFilter([json.dumps(pattern)])
        assert chosen.passes(with_parsed(sqs(body, **attributes), "body")) is passes

    def test_one_of_several_patterns_is_enough(self) -> None:
        chosen = RecordFilter(['{"body":["a"]}', '{"body":["b"]}'])
        assert [chosen.passes(sqs(body)) for body in "abc"] == [True, True, False]

    def test_without_patterns_everything_passes(self) -> None:
        assert not RecordFilter([])
        assert RecordFilter([]).passes(sqs("a"))

    @pytest.mark.parametrize("pattern", ["", "[]", "{}", '{"body": "a"}', '{"body": []}', "nil"])
    def test_what_is_no_pattern_is_refused(self, pattern: str) -> None:
        with pytest.raises(PatternError):
            RecordFilter([pattern])

    def test_the_function_gets_the_text_as_it_was(self) -> None:
        record = sqs('{"a": 1}')
        with_parsed(record, "body")
        assert record["body"] == '{"a": 1}'

    @given(st.text())
    def test_any_text_can_be_filtered(self, body: str) -> None:
        RecordFilter(['{"body":{"a":["b"]}}']).passes(with_parsed(sqs(body), "body"))


def failures(*items: Any) -> bytes:
    return json.dumps({"batchItemFailures": list(items)}).encode()


def item(identifier: Any) -> dict[str, Any]:
    return {"itemIdentifier": identifier}


IDS = ["m1", "m2", "m3"]
REPLIES = [
    # answer, ids that failed, whether there is a problem
    pytest.param(b"", [], False, id="nothing"),
    pytest.param(b"null", [], False, id="null"),
    pytest.param(b'""', [], False, id="empty-text"),
    pytest.param(b"{}", [], False, id="empty-object"),
    pytest.param(b'{"batchItemFailures":null}', [], False, id="null-list"),
    pytest.param(failures(), [], False, id="empty-list"),
    pytest.param(b'{"statusCode":200}', [], False, id="no-list"),
    pytest.param(failures(item("m2")), ["m2"], False, id="one"),
    pytest.param(failures(item("m3"), item("m1")), ["m1", "m3"], False, id="in-their-order"),
    pytest.param(failures(item("m1"), item("m1")), ["m1"], False, id="twice"),
    pytest.param(failures(*map(item, IDS)), IDS, False, id="all"),
    pytest.param(failures(item("")), IDS, True, id="empty-id"),
    pytest.param(failures(item(None)), IDS, True, id="null-id"),
    pytest.param(failures(item(1)), IDS, True, id="number"),
    pytest.param(failures(item("m4")), IDS, True, id="unknown-id"),
    pytest.param(failures(item("m1"), item("m4")), IDS, True, id="one-of-two-unknown"),
    pytest.param(failures({"itemidentifier": "m1"}), IDS, True, id="wrong-key"),
    pytest.param(failures({}), IDS, True, id="no-key"),
    pytest.param(failures("m1"), IDS, True, id="text-for-object"),
    pytest.param(failures(None), IDS, True, id="null-item"),
    pytest.param(b'{"batchItemFailures":"m1"}', IDS, True, id="text-for-list"),
    pytest.param(b'{"batchItemFailures":{}}', IDS, True, id="object-for-list"),
    pytest.param(b'"ok"', IDS, True, id="text"),
    pytest.param(b"[]", IDS, True, id="array"),
    pytest.param(b"true", IDS, True, id="true"),
    pytest.param(b"{", IDS, True, id="no-json"),
    pytest.param(b"\xff", IDS, True, id="no-text"),
]


class TestReply:
    @pytest.mark.parametrize(("answer", "failed", "is_problem"), REPLIES)
    def test_it_says_which_records_failed(
        self, answer: bytes, failed: list[str], is_problem: bool
    ) -> None:
        reply = read_batch_reply(answer, IDS)
        assert list(reply.failed) == failed
        assert bool(reply.problem) is is_problem

    def test_a_problem_says_what_it_is(self) -> None:
        reply = read_batch_reply(failures(item("m4")), IDS)
        assert reply.problem == 'the itemIdentifier "m4" is not in the batch'

    @given(
        st.binary(max_size=40)
        | st.recursive(
            st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(IDS),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["batchItemFailures", "itemIdentifier", "x"]), inner
                )
            ),
        ).map(lambda value: json.dumps(value).encode())
    )
    def test_whatever_comes_some_of_the_batch_failed_or_nothing(self, answer: bytes) -> None:
        reply = read_batch_reply(answer, IDS)
        assert isinstance(reply, BatchReply)
        assert set(reply.failed) <= set(IDS)
        assert not reply.problem or list(reply.failed) == IDS
