"""EventBridge's envelope and API, without a socket: whatever comes is answered."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edgegw.awslambda import events_api as calls
from edgegw.awslambda.bus_events import BusEvent, rule_arn, whole_second
from edgegw.awslambda.events_api import EntryRefusal, EventsApiError, KnownRules
from edgegw.awslambda.names import Account
from edgegw.awslambda.payload import encode_payload

ACCOUNT = Account("eu-west-1", "210987654321")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def entry(**given: Any) -> dict[str, Any]:
    return {"Source": "shop", "DetailType": "Order", "Detail": "{}", **given}


def test_an_entry_becomes_an_event() -> None:
    event = calls.read_entry(entry(Time=1_767_323_045.9, Resources=["a", "b"]), "id", 5.0)
    assert isinstance(event, BusEvent)
    assert event.envelope(ACCOUNT) == {
        "version": "0",
        "id": "id",
        "detail-type": "Order",
        "source": "shop",
        "account": "210987654321",
        "time": "2026-01-02T03:04:05Z",
        "region": "eu-west-1",
        "resources": ["a", "b"],
        "detail": {},
    }


def test_the_trace_of_an_entry_goes_on_without_its_chain_of_functions() -> None:
    event = calls.read_entry(entry(TraceHeader="Root=1-2-3;Lineage=1:24b3d5c3:3"), "id", 5.0)
    assert isinstance(event, BusEvent)
    assert event.trace_id == "Root=1-2-3"


def test_an_event_without_a_time_happens_now() -> None:
    for given_time in ({}, {"Time": None}, {"Time": -1}, {"Time": 1e300}, {"Time": True}):
        event = calls.read_entry(entry(**given_time), "id", 1000.0)
        assert isinstance(event, BusEvent)
        assert event.time == 1000.0
    assert whole_second(1000.9) == "1970-01-01T00:16:40Z"


def test_the_size_of_a_call_counts_what_aws_counts() -> None:
    def sized(**given_too: Any) -> list[Any]:
        fixed = len("shop") + len("Order") + len('{"a":""}')
        detail = json.dumps({"a": "x" * (calls.MAX_ENTRIES_SIZE - fixed)}, separators=(",", ":"))
        return calls.put_entries({"Entries": [entry(Detail=detail, **given_too)]})

    assert len(sized()) == 1
    for more in ({"Time": 1}, {"Resources": ["a"]}, {"Source": "shops"}):
        with contextlib.suppress(EventsApiError):
            sized(**more)
            raise AssertionError(more)


def test_an_arn_names_a_bus_of_ones_own() -> None:
    arn = "arn:aws:events:eu-west-1:210987654321"
    assert rule_arn(ACCOUNT, "r") == f"{arn}:rule/r"
    assert rule_arn(ACCOUNT, "r", "side") == f"{arn}:rule/side/r"
    assert calls.bus_name(f"{arn}:event-bus/side") == "side"
    assert calls.bus_name(None) == calls.bus_name("") == "default"


@given(st.dictionaries(st.sampled_from(["Entries", "Name", "Rule", "Limit", "NextToken"]), JSON))
def test_any_call_is_answered_or_refused(body: dict[str, Any]) -> None:
    known = KnownRules((), (), ACCOUNT)
    for operation in (calls.list_rules, calls.describe_rule, calls.list_targets, calls.list_buses):
        with contextlib.suppress(EventsApiError):
            encode_payload(operation(known, body))
    with contextlib.suppress(EventsApiError):
        calls.put_entries(body)


@given(
    st.dictionaries(
        st.sampled_from(
            ["Source", "DetailType", "Detail", "Time", "Resources", "EventBusName", "TraceHeader"]
        ),
        JSON | JSON.map(json.dumps),
    )
)
def test_any_entry_is_an_event_or_refused(given_entry: dict[str, Any]) -> None:
    result = calls.read_entry(given_entry, "id", 0.0)
    if isinstance(result, EntryRefusal):
        assert result.code in {
            "InvalidArgument",
            "MalformedDetail",
            "NotAuthorizedForSourceException",
        }
    else:
        encode_payload(result.envelope(ACCOUNT))
