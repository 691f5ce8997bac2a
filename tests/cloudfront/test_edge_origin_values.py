"""Anything that helpers of origins are given leads to an origin, or to findings that say why not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgegw.cloudfront.edge_functions.origin_change import chosen_origin
from edgegw.cloudfront.edge_functions.origin_fields import ORIGIN_FIELDS
from edgegw.cloudfront.model import CustomOrigin, S3Origin
from edgegw.cloudfront.strictness import Strictness
from edgegw.cloudfront.validator import Validator
from tests.cloudfront.test_edge_results import BUCKET, JSON, SITE, led

NAMES: Any = st.sampled_from([*(row[0] for row in ORIGIN_FIELDS), "customHeaders", "other"])
INNER: Any = st.sampled_from(
    ["port", "protocol", "sslProtocols", "enabled", "readTimeout", "ipAddressType", "x-a", "x-b"]
)
LIKELY: Any = st.sampled_from(["http", "https", "ipv4", 443, True])
UPDATES: Any = st.dictionaries(NAMES, JSON | st.dictionaries(INNER, JSON | LIKELY), max_size=4)
OVERRIDDEN: Any = st.fixed_dictionaries(
    {"originId": st.sampled_from(["app", "files"]), "originOverrides": UPDATES | JSON}
)
MEMBERS: Any = st.lists(st.sampled_from(["app", "files", "none"]) | OVERRIDDEN | JSON, max_size=3)
CODES: Any = st.fixed_dictionaries(
    {"statusCodes": st.lists(st.sampled_from([404, 500]) | JSON) | JSON}
)
GROUPS: Any = st.fixed_dictionaries(
    {"originIds": MEMBERS | JSON, "failoverCriteria": CODES | JSON, "selectionCriteria": JSON}
)
SELECTED: Any = st.fixed_dictionaries({"select": st.just("app") | JSON, "options": UPDATES | JSON})
CHANGES: Any = (
    st.fixed_dictionaries({"update": UPDATES}) | SELECTED | st.fixed_dictionaries({"group": GROUPS})
)


@settings(max_examples=100, deadline=None)
@given(CHANGES)
@example({"update": {"originPath": None, "connectionAttempts": None}})
@example({"update": {"customHeaders": {"x-b": "\ud800"}}})
@example({"select": None})
def test_no_choice_of_an_origin_breaks_the_gateway(change: dict[str, object]) -> None:
    validator = Validator("viewer-request", Strictness())
    choice = chosen_origin(validator, change, SITE, SITE.default_behavior, {"x-a"})
    assert isinstance(choice.origin, CustomOrigin | S3Origin)
    assert isinstance(choice.origin.path, str)


@pytest.mark.parametrize("name", [row[0] for row in ORIGIN_FIELDS])
def test_null_is_as_if_it_were_left_out(name: str) -> None:
    choice, violations = led({"update": {name: None}})
    assert violations == []
    assert choice.origin == SITE.default_behavior.origin


def test_a_bucket_without_a_custom_config_stays_one() -> None:
    choice, _ = led({"group": {
        "originIds": [{"originId": "files", "originOverrides": {"customOriginConfig": None}}, "app"],
        "failoverCriteria": {"statusCodes": [500]},
    }})  # fmt: skip
    assert choice.origin == BUCKET


def test_halves_of_characters_in_custom_headers_are_replaced() -> None:
    choice, violations = led({"update": {"customHeaders": {"x-b": "a\ud800"}}})
    assert violations == []
    assert choice.origin.custom_headers == ((b"X-B", b"a?"),)
