"""What a handler may look at, by the text that it is written with."""

from __future__ import annotations

import pytest

from edgegw.cloudfront.handler_text import handler_text, may_look_at, words_of

PYTHON = '''
"""Not the cookie doc."""
COOKIE = "outer"

def helper(request):
    return request["headers"]["x-helped"]

def handler(event, context):
    """Nor the cookie within."""
    request = event["Records"][0]["cf"]["request"]  # nor this remark
    helper(request)
    return f"bucket={request['uri']}"

def other(event, context):
    return "others"
'''
NODE = r"""
// not the cookie remark
const COOKIE = 'outer';
exports.handler = async (event) => {
  const variable = event.Records[0].cf.request; /* nor inside */
  const { taken, apart: renamed } = cookies;
  const match = /bucket=(\w)/.exec(variable.headers.cookie[0].value);
  const ratio = variable / 2 / count;
  return cookies.dotted || `templated` || match;
};
"""


@pytest.mark.parametrize("name", ["outer", "x-helped", "bucket"])
def test_what_a_python_handler_and_what_it_calls_hold(name: str) -> None:
    assert may_look_at(words_of(handler_text(PYTHON, "python", "handler")), name)


@pytest.mark.parametrize("name", ["doc", "within", "remark", "others", "buck", "helped"])
def test_what_they_do_not_hold(name: str) -> None:
    assert not may_look_at(words_of(handler_text(PYTHON, "python", "handler")), name)


@pytest.mark.parametrize("name", ["outer", "taken", "bucket", "dotted", "templated"])
def test_what_a_node_file_holds(name: str) -> None:
    assert may_look_at(words_of(handler_text(NODE, "nodejs", "handler")), name)


@pytest.mark.parametrize("name", ["remark", "inside", "variable", "count", "COOKIE", "buck"])
def test_what_it_does_not_hold(name: str) -> None:
    assert not may_look_at(words_of(handler_text(NODE, "nodejs", "handler")), name)


@pytest.mark.parametrize("name", ["uri", "value", "v", "id", "key"])
def test_of_short_names_and_words_of_events_nothing_follows(name: str) -> None:
    assert not may_look_at(frozenset({name}), name)


def test_headers_are_known_in_lower_case() -> None:
    words = words_of("X-Bucket\nsite.bucket")
    assert may_look_at(words, "x-bucket")
    assert may_look_at(words, "site.bucket")
    assert not may_look_at(words, "site.other")
    assert not may_look_at(words_of("bucket"), "Bucket")


def test_what_cannot_be_read_has_no_text() -> None:
    assert handler_text("def (", "python", "handler") == ""
