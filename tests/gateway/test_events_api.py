"""boto3's `events` client against a running gateway: put events go to the targets of rules."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.aws_clients import aws_client
from tests.conftest import serving_in
from tests.gateway.noted_events import Noted, function

CONFIG: dict[str, Any] = {
    "functions": {"orders": function(), "all": function(), "other": function()},
    "rules": {
        "paid-orders": {
            "pattern": {"source": ["shop"], "detail": {"state": ["paid"]}},
            "targets": ["orders"],
            "description": "Orders that are paid",
        },
        "everything": {
            "pattern": '{"source": [{"prefix": ""}]}',
            "targets": ["all", {"function": "other", "input": {"fixed": True}}],
        },
        "off": {"pattern": {"source": ["shop"]}, "targets": ["other"], "enabled": False},
        "elsewhere": {"pattern": {"source": ["shop"]}, "targets": ["orders"], "bus": "side"},
    },
    "schedules": {
        "nightly": {"expression": "cron(0 3 * * ? *)", "function": "orders", "input": {"a": 1}},
        "local": {
            "expression": "cron(0 3 * * ? *)",
            "function": "orders",
            "timezone": "Europe/Berlin",
        },
    },
    "gateway": {"lambda_api": 0},
}


class Events:
    """A boto3 client whose calls run on a thread, and what the functions got."""

    def __init__(self, url: str, noted: Noted) -> None:
        self.url = url
        self.noted = noted
        self.client: Any = aws_client("events", url)

    async def call(self, operation: str, **given: Any) -> dict[str, Any]:
        answer = await asyncio.to_thread(getattr(self.client, operation), **given)
        answer.pop("ResponseMetadata")
        return answer

    async def put(self, *entries: dict[str, Any]) -> dict[str, Any]:
        return await self.call("put_events", Entries=list(entries))

    async def refused(self, operation: str, **given: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            await self.call(operation, **given)
        response: dict[str, Any] = caught.value.response
        assert response["ResponseMetadata"]["RequestId"]
        return response["Error"]["Code"], response["Error"]["Message"]


@pytest.fixture
async def events(tmp_path: Path) -> AsyncIterator[Events]:
    noted = Noted()
    functions = noted.handlers("orders", "all", "other")
    async with serving_in(tmp_path, CONFIG, functions=functions) as served:
        events = Events(served.urls["lambda"], noted)
        yield events
        events.client.close()


def entry(**given: Any) -> dict[str, Any]:
    return {"Source": "shop", "DetailType": "Order", "Detail": '{"state": "paid"}', **given}


async def test_an_event_goes_to_all_targets_of_all_rules_that_match(events: Events) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    answer = await events.put(entry(Time=at, Resources=["arn:aws:s3:::orders"]))
    assert answer["FailedEntryCount"] == 0
    (result,) = answer["Entries"]
    await events.noted.count(3)
    got = dict(events.noted.events)
    assert got.keys() == {"orders", "all", "other"}
    assert (
        got["orders"]
        == got["all"]
        == {
            "version": "0",
            "id": result["EventId"],
            "detail-type": "Order",
            "source": "shop",
            "account": "123456789012",
            "time": "2026-01-02T03:04:05Z",
            "region": "us-east-1",
            "resources": ["arn:aws:s3:::orders"],
            "detail": {"state": "paid"},
        }
    )
    assert got["other"] == {"fixed": True}


async def test_rules_keep_to_their_bus_and_their_pattern(events: Events) -> None:
    side = "arn:aws:events:us-east-1:123456789012:event-bus/side"
    await events.put(entry(Detail='{"state": "open"}'), entry(EventBusName=side))
    await events.noted.count(3)
    await asyncio.sleep(0.1)
    assert sorted(events.noted.names) == ["all", "orders", "other"]


async def test_a_bus_that_is_not_there_swallows_events(events: Events) -> None:
    answer = await events.put(entry(EventBusName="nowhere"))
    assert answer["FailedEntryCount"] == 0
    assert events.noted.events == []


async def test_an_event_that_cannot_be_kept_is_said_to_have_failed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    noted, gateway = Noted(), {"lambda_api": 0, "state": str(tmp_path / "file" / "state")}
    functions = noted.handlers("orders", "all", "other")
    config = {**CONFIG, "gateway": gateway}
    async with serving_in(tmp_path, config, functions=functions) as served:
        events = Events(served.urls["lambda"], noted)
        answer = await events.put(entry(), entry(EventBusName="nowhere"))
        events.client.close()
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == "InternalFailure"
    assert answer["Entries"][1]["EventId"]
    assert noted.events == []


REFUSED = [
    ({"Source": ""}, "InvalidArgument", "Source is a required argument"),
    ({"DetailType": ""}, "InvalidArgument", "DetailType is a required argument"),
    ({"Detail": ""}, "InvalidArgument", "Detail is a required argument"),
    ({"Detail": "{"}, "MalformedDetail", "Detail is malformed."),
    ({"Detail": "[]"}, "MalformedDetail", "Detail is malformed."),
    ({"Detail": '"text"'}, "MalformedDetail", "Detail is malformed."),
    ({"Source": "aws.s3"}, "NotAuthorizedForSourceException", "Not authorized for the source."),
]


async def test_an_entry_is_refused_alone(events: Events) -> None:
    answer = await events.put(*(entry(**wrong) for wrong, _, _ in REFUSED), entry())
    *refused, taken = answer["Entries"]
    assert answer["FailedEntryCount"] == len(REFUSED)
    for result, (_, code, text) in zip(refused, REFUSED, strict=True):
        assert result["ErrorCode"] == code
        assert text in result["ErrorMessage"]
        assert "EventId" not in result
    assert taken["EventId"]
    assert len(await events.noted.count(3)) == 3


async def test_a_call_is_refused_as_a_whole(events: Events) -> None:
    code, text = await events.refused("put_events", Entries=[entry()] * 11)
    assert code == "ValidationException"
    assert "less than or equal to 10" in text
    half = entry(Detail=json.dumps({"a": "x" * 600_000}))
    code, text = await events.refused("put_events", Entries=[half, half])
    assert (code, text) == (
        "ValidationException",
        "Total size of the entries in the request is over the limit.",
    )
    assert (await events.put(half))["FailedEntryCount"] == 0


async def test_rules_are_listed_and_described(events: Events) -> None:
    rules = (await events.call("list_rules"))["Rules"]
    assert [rule["Name"] for rule in rules] == ["everything", "nightly", "off", "paid-orders"]
    assert [rule["State"] for rule in rules] == ["ENABLED", "ENABLED", "DISABLED", "ENABLED"]
    assert rules[1] == {
        "Name": "nightly",
        "Arn": "arn:aws:events:us-east-1:123456789012:rule/nightly",
        "ScheduleExpression": "cron(0 3 * * ? *)",
        "State": "ENABLED",
        "EventBusName": "default",
    }
    described = await events.call("describe_rule", Name="paid-orders")
    assert json.loads(described.pop("EventPattern")) == CONFIG["rules"]["paid-orders"]["pattern"]
    assert described == {
        "Name": "paid-orders",
        "Arn": "arn:aws:events:us-east-1:123456789012:rule/paid-orders",
        "State": "ENABLED",
        "Description": "Orders that are paid",
        "EventBusName": "default",
        "CreatedBy": "123456789012",
    }
    elsewhere = await events.call("describe_rule", Name="elsewhere", EventBusName="side")
    assert elsewhere["Arn"].endswith(":rule/side/elsewhere")
    first = await events.call("list_rules", Limit=3)
    rest = await events.call("list_rules", NextToken=first["NextToken"])
    assert [len(first["Rules"]), len(rest["Rules"])] == [3, 1]
    named = await events.call("list_rules", NamePrefix="pa")
    assert [rule["Name"] for rule in named["Rules"]] == ["paid-orders"]


async def test_targets_and_buses_are_listed(events: Events) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function"
    targets = (await events.call("list_targets_by_rule", Rule="everything"))["Targets"]
    assert targets == [
        {"Id": "all-1", "Arn": f"{arn}:all"},
        {"Id": "other-2", "Arn": f"{arn}:other", "Input": '{"fixed":true}'},
    ]
    targets = (await events.call("list_targets_by_rule", Rule="nightly"))["Targets"]
    assert targets == [{"Id": "orders", "Arn": f"{arn}:orders", "Input": '{"a":1}'}]
    buses = (await events.call("list_event_buses"))["EventBuses"]
    assert [bus["Name"] for bus in buses] == ["default", "side"]


async def test_what_is_not_there_is_a_404_of_its_kind(events: Events) -> None:
    code, text = await events.refused("describe_rule", Name="no-such")
    assert (code, text) == (
        "ResourceNotFoundException",
        "Rule no-such does not exist on EventBus default.",
    )
    code, text = await events.refused("list_rules", EventBusName="nowhere")
    assert (code, text) == ("ResourceNotFoundException", "Event bus nowhere does not exist.")
    code, _ = await events.refused("list_rules", Limit=101)
    assert code == "ValidationException"
    code, _ = await events.refused("put_rule", Name="new", ScheduleExpression="rate(1 day)")
    assert code == "UnknownOperationException"


async def test_a_pattern_is_tried(events: Events) -> None:
    known: dict[str, Any] = dict.fromkeys(
        ("id", "account", "source", "time", "region", "detail-type"), "x"
    ) | {"resources": []}

    async def tried(pattern: str, event: dict[str, Any]) -> bool:
        given = {"EventPattern": pattern, "Event": json.dumps(event)}
        return (await events.call("test_event_pattern", **given))["Result"]

    assert await tried('{"source": ["x"]}', known)
    assert not await tried('{"source": ["y"]}', known)
    code, text = await events.refused(
        "test_event_pattern", EventPattern='{"source": "x"}', Event=json.dumps(known)
    )
    assert code == "InvalidEventPatternException"
    assert text.startswith("Event pattern is not valid. Reason: ")
    code, _ = await events.refused(
        "test_event_pattern", EventPattern='{"source": ["x"]}', Event="{}"
    )
    assert code == "ValidationException"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"Entries": 1}', b'{"Entries": [1]}', b"\xff"]
)
async def test_a_body_that_is_none_is_a_400(events: Events, body: bytes) -> None:
    headers = {"X-Amz-Target": "AWSEvents.PutEvents", "Content-Type": "application/x-amz-json-1.1"}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(events.url, content=body, headers=headers)
        page = await client.post(
            events.url, content=body, headers={**headers, "Origin": "http://evil.test"}
        )
    assert answer.status_code == 400
    assert answer.json()["__type"] == "SerializationException"
    assert page.status_code == 403
    assert page.json()["__type"] == "AccessDeniedException"
