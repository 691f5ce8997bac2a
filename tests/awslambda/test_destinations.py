"""Records of asynchronous invocations, and what each kind of target gets."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.awslambda.async_invocation import (
    AsyncEvent,
    EndCondition,
    Ended,
    EventInvokeConfig,
    EventSettings,
    LastTry,
)
from edgegw.awslambda.destinations import (
    destination_messages,
    invocation_record,
    parse_target,
    target_arn,
)
from edgegw.awslambda.model import FunctionRef
from edgegw.awslambda.names import Account

ACCOUNT = Account()
NOW = 1_767_323_045.678
FAILED = LastTry(200, "no", "$LATEST", b'{"errorMessage": "no", "errorType": "ValueError"}')
EVENT = AsyncEvent(
    request_id="c1d2",
    function=FunctionRef("f"),
    payload=b'{"n": 1}',
    trace_id="",
    accepted=NOW,
    invokes=3,
    last=FAILED,
)
FUNCTION_ARN = "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST"


def record(condition: EndCondition, event: AsyncEvent = EVENT) -> Any:
    return json.loads(invocation_record(Ended(event, condition), ACCOUNT, NOW))


class TestRecord:
    def test_of_a_failure(self) -> None:
        assert record("RetriesExhausted") == {
            "version": "1.0",
            "timestamp": "2026-01-02T03:04:05.678Z",
            "requestContext": {
                "requestId": "c1d2",
                "functionArn": FUNCTION_ARN,
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 3,
            },
            "requestPayload": {"n": 1},
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": "Unhandled",
            },
            "responsePayload": {"errorMessage": "no", "errorType": "ValueError"},
        }

    def test_of_a_success(self) -> None:
        event = replace(EVENT, invokes=1, last=LastTry(200, "", "3", b'"done"'))
        written = record("Success", event)
        assert written["responseContext"] == {"statusCode": 200, "executedVersion": "3"}
        assert written["responsePayload"] == "done"

    def test_of_what_never_ran(self) -> None:
        event = replace(EVENT, invokes=0, last=LastTry(429, "Rate Exceeded."))
        written = record("ZeroReservedConcurrency", event)
        assert not written.keys() & {"responseContext", "responsePayload"}
        assert written["requestContext"]["approximateInvokeCount"] == 0

    def test_the_qualifier_stands_in_the_arn(self) -> None:
        event = replace(EVENT, function=FunctionRef("f", qualifier="live"))
        arn = record("Success", event)["requestContext"]["functionArn"]
        assert arn == "arn:aws:lambda:us-east-1:123456789012:function:f:live"

    @pytest.mark.parametrize(
        ("payload", "value"),
        [
            (b'{\n "a":\r\n 1.0}', {"a": 1.0}),
            (b"no json", "no json"),
            (b"", None),
            (b"12345678901234567890", 12345678901234567890),
        ],
    )
    def test_is_one_line_whatever_the_payload(self, payload: bytes, value: object) -> None:
        line = invocation_record(
            Ended(replace(EVENT, last=LastTry(200, "", "1", payload)), "Success"), ACCOUNT, NOW
        )
        assert b"\n" not in line
        assert json.loads(line)["responsePayload"] == value

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ),
        st.sampled_from([None, 2]),
    )
    def test_payloads_come_through_as_they_are(self, payload: object, indent: int | None) -> None:
        raw = json.dumps(payload, indent=indent).encode()
        line = invocation_record(Ended(replace(EVENT, payload=raw), "Success"), ACCOUNT, NOW)
        assert json.loads(line)["requestPayload"] == payload


class TestMessages:
    @staticmethod
    def sent(condition: EndCondition, **config: Any) -> list[Any]:
        dead_letter = config.pop("dead_letter", "")
        settings = EventSettings(config=EventInvokeConfig(**config), dead_letter=dead_letter)
        return destination_messages(Ended(EVENT, condition), settings, ACCOUNT, NOW)

    def test_without_destinations_nothing_is_sent(self) -> None:
        assert not self.sent("Success")
        assert not self.sent("RetriesExhausted")

    def test_each_end_has_its_own(self) -> None:
        both = {
            "on_success": "file:/s.jsonl",
            "on_failure": "file:/f.jsonl",
            "dead_letter": "sqs:dead",
        }
        assert [message.target for message in self.sent("Success", **both)] == ["file:/s.jsonl"]
        assert [message.target for message in self.sent("EventAgeExceeded", **both)] == [
            "sqs:dead",
            "file:/f.jsonl",
        ]

    def test_a_dead_letter_is_the_event_itself(self) -> None:
        (message,) = self.sent("RetriesExhausted", dead_letter="sqs:dead")
        assert message.body == b'{"n": 1}'
        assert message.attributes == {
            "RequestID": ("String", "c1d2"),
            "ErrorCode": ("Number", "200"),
            "ErrorMessage": ("String", "no"),
        }

    def test_an_event_bus_gets_the_record_as_detail(self) -> None:
        (message,) = self.sent("RetriesExhausted", on_failure="events:default")
        entry = json.loads(message.body)
        detail = json.loads(entry.pop("Detail"))
        assert entry == {
            "Source": "lambda",
            "DetailType": "Lambda Function Invocation Result - Failure",
            "Resources": ["arn:aws:events:us-east-1:123456789012:event-bus/default", FUNCTION_ARN],
        }
        assert detail["requestContext"]["condition"] == "RetriesExhausted"

    def test_every_message_has_the_trace_of_its_event_and_buses_no_chain(self) -> None:
        root = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0"
        event = replace(EVENT, trace_id=f"{root};Lineage=1:24b3d5c3:3")
        settings = EventSettings(
            config=EventInvokeConfig(on_failure="events:default"), dead_letter="sqs:dead"
        )
        ended = Ended(event, "RetriesExhausted")
        dead, entry = destination_messages(ended, settings, ACCOUNT, NOW)
        assert dead.trace_id == entry.trace_id == event.trace_id
        assert json.loads(entry.body)["TraceHeader"] == root

    @pytest.mark.parametrize(
        "target", ["s3:bucket/there", "s3:bucket/there/", "arn:aws:s3:::bucket/there"]
    )
    def test_a_bucket_gets_an_object(self, target: str) -> None:
        (message,) = self.sent("RetriesExhausted", on_failure=target)
        assert (
            message.target
            == "s3:bucket/there/aws/lambda/async/f/2026/01/02/2026-01-02T03.04.05-c1d2"
        )


@pytest.mark.parametrize(
    ("text", "kind", "local_name"),
    [
        ("function:report", "function", "report"),
        ("function:report:live", "function", "report:live"),
        ("arn:aws:lambda:us-east-1:123456789012:function:report:live", "function", "report:live"),
        ("file:./done.jsonl", "file", "./done.jsonl"),
        ("sqs:jobs", "sqs", "jobs"),
        ("sqs:http://127.0.0.1:9324/000/jobs", "sqs", "http://127.0.0.1:9324/000/jobs"),
        ("arn:aws:sqs:us-east-1:123456789012:jobs", "sqs", "jobs"),
        ("arn:aws:sns:us-east-1:123456789012:news", "sns", ""),
        ("events:default", "events", "default"),
        ("arn:aws:events:us-east-1:123456789012:event-bus/own", "events", "own"),
        ("s3:bucket/prefix", "s3", "bucket/prefix"),
        ("arn:aws:s3:::bucket", "s3", "bucket"),
    ],
)
def test_every_form_of_a_target(text: str, kind: str, local_name: str) -> None:
    target = parse_target(text)
    assert target is not None
    assert (target.kind, target.local_name) == (kind, local_name)


@pytest.mark.parametrize(
    "text",
    ["", "jobs", "sqs:", "sns:news", "lambda:f", "kafka://x", "arn:aws:iam::123456789012:role/x"],
)
def test_what_is_no_target(text: str) -> None:
    assert parse_target(text) is None


@pytest.mark.parametrize(
    ("text", "arn"),
    [
        ("function:report", "arn:aws:lambda:us-east-1:123456789012:function:report"),
        ("sqs:jobs", "arn:aws:sqs:us-east-1:123456789012:jobs"),
        ("events:own", "arn:aws:events:us-east-1:123456789012:event-bus/own"),
        ("s3:bucket", "arn:aws:s3:::bucket"),
        ("file:/done.jsonl", "file:/done.jsonl"),
        ("sqs:http://127.0.0.1:9324/000/jobs", "sqs:http://127.0.0.1:9324/000/jobs"),
    ],
)
def test_the_arn_that_the_api_shows(text: str, arn: str) -> None:
    assert target_arn(text, ACCOUNT) == arn
