"""Headers of answers that stand where the load balancer does not look, and what is no answer."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from edgegw.alb.event import BalancerRefusal, decode_response
from edgegw.alb.lost_headers import lost_headers
from tests.alb.test_event import DATE, MULTI, SINGLE


@pytest.mark.parametrize(
    ("answer", "is_multi", "lost"),
    [
        ({"multiValueHeaders": {"Content-Type": ["a"]}}, False, "lost: Content-Type, which only"),
        ({"headers": {"Content-Type": "a"}}, True, "lost: Content-Type, which only headers has"),
        (
            {"headers": {"A": "b"}, "multiValueHeaders": {"Set-Cookie": ["c"], "a": ["b"]}},
            False,
            "lost: Set-Cookie, which only multiValueHeaders has",
        ),
        ({"headers": {"A": "b", "C": "d"}, "multiValueHeaders": {"a": ["b"]}}, True, "lost: C, "),
        ({"headers": {}, "cookies": ["a=1"]}, False, "lost: cookies, a key of API Gateway's"),
        ({"cookies": ["a=1"]}, True, 'return multiValueHeaders: {"Set-Cookie": ["a=1"'),
        ({"headers": {"A": "b"}, "multiValueHeaders": {"a": ["c"]}}, False, None),
        ({"headers": {"Set-Cookie": "a=1"}, "cookies": ["a=1"]}, False, None),
        ({"headers": {"A": "b"}, "multiValueHeaders": {}}, False, None),
        ({"headers": {"A": "b"}, "multiValueHeaders": None, "cookies": []}, False, None),
        ({"headers": {"A": "b"}, "body": '"multiValueHeaders" "cookies"'}, False, None),
    ],
    ids=[
        *("single, all in the other", "multi, all in the other", "one of several"),
        *("one of several, multi", "cookies of payload 2.0", "cookies, multi"),
        *("both have it", "cookies twice", "an empty map", "nothing in it", "words in the body"),
    ],
)
def test_what_the_used_map_lacks_is_warned_of(
    answer: dict[str, Any], is_multi: bool, lost: str | None
) -> None:
    group = MULTI if is_multi else SINGLE
    warning = lost_headers(json.dumps({"statusCode": 200, **answer}).encode(), group)
    assert (warning is None) if lost is None else (lost in str(warning)), warning


def test_a_key_may_be_spelled_in_any_way_that_json_has() -> None:
    payload = b'{"statusCode": 200, "multi\\u0056alueHeaders": {"A": ["b"]}}'
    assert "lost: A" in str(lost_headers(payload, SINGLE))


STREAMED = b'{"statusCode":200,"headers":{}}' + b"\0" * 8 + b"<html>"


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        (STREAMED, "the answer is streamed"),
        (b"<html>\x00\xff", 'the answer is no JSON, it begins with "<html>'),
        (b"", "the answer is empty"),
        (b"null", "must be a JSON object, not null: return one; in Node.js make the"),
        (b'"{\\"statusCode\\": 200}"', "return the object itself"),
        (b"[1]", "must be a JSON object, not an array ([1])"),
        (b'{"statusCode": true}', "found a boolean (true)"),
        (b'{"statusCode": null}', "found null"),
        (b'{"statusCode": 200, "isBase64Encoded": "true"}', 'found a string ("true")'),
        (b'{"statusCode": 200, "headers": {"a b": "c"}}', 'headers: "a b" is no valid header name'),
    ],
    ids=repr,
)
def test_an_answer_that_is_none_is_named_as_what_it_is(payload: bytes, named: str) -> None:
    refusal = decode_response(payload, SINGLE, date=DATE)
    assert isinstance(refusal, BalancerRefusal)
    assert named in refusal.detail
    assert not re.search(r"\b(True|False|None)\b|b'|orjson|line 1 column", refusal.detail)
