"""Where in its code a CloudFront Function failed, as far as the engine knows."""

from __future__ import annotations

import pytest

from edgegw.cloudfront.edge_functions.model import EdgeFailed
from edgegw.cloudfront.error_causes import failed_edge_function
from edgegw.execution.edge_context import EdgeContext
from edgegw.execution.edge_sources import LINES_BEFORE
from tests.execution.test_edge_engine import call, function

LINES = {
    "a missing member": ("\n  return event.nothing.value", 2),
    "what is no function": ("var a = 1\n\n\nreturn event.map(a)", 4),
    "a function that is called": ("return f(event)\nfunction f(e) {\n  return e.a.b\n}", 3),
    "a callback of a built-in": ("return [1].map(function (n) {\n  return n.a.b\n})", 2),
    "a built-in": ("var a\na = 1\nreturn JSON.parse('{')", 3),
    "a guarded built-in": ("\nreturn 'a'.repeat(-1)", 2),
    "a regular expression": ("\nreturn new RegExp('(')", 2),
    "a module": ("\n\nreturn require('fs')", 3),
    "an error of its own": ("\nthrow new Error('no')", 2),
    "units": ("var a = 1\nwhile (a) a++", 2),
    "recursion": ("return f()\nfunction f() {\n  return f() + 1\n}", 2),
    "an async function": ("\nreturn f()\nasync function f() {\n  return event.a.b\n}", 4),
    "recursion of a value": ("var f = async () => 1, f = function () {\n  f()\n  return 1\n}; f()", 1),
    "behind an import": ("import c from 'crypto'; function handler(event) {\n return event.a.b }", 2),
    "behind an import of lines": ("import c\nfrom\n 'crypto'\nfunction handler(event) {\n return event.a.b }", 5),
    "a text": ("\nthrow 'no'", 0),
    "nothing": ("\nthrow null", 0),
    "an error whose stack fails": (
        "var e = new Error('no')\nObject.defineProperty(e, 'stack', {get: function () { throw 1 }})\nthrow e",
        0,
    ),
    "an error with another stack": ("var e = new Error('no')\ne.stack = '(<input>:99999:1)'\nthrow e", 0),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_the_line_of_an_error_is_known(name: str) -> None:
    code, line = LINES[name]
    failed = EdgeContext(function(code)).run(call(), tentative=False)
    assert isinstance(failed, EdgeFailed)
    assert failed.line == line


def test_code_has_fewer_lines_than_stand_before_ours() -> None:
    failed = EdgeContext(function("\n" * 10_000 + "throw new Error('no')")).run(
        call(), tentative=False
    )
    assert isinstance(failed, EdgeFailed)
    assert failed.line == 10_001 < LINES_BEFORE


def test_the_reason_of_an_error_page_says_it() -> None:
    failed = EdgeContext(function("\nreturn event.a.b")).run(call(), tentative=False)
    cause = failed_edge_function("viewer-request", "f", failed, None)
    assert 'cannot get property "b" of undefined, in line 2 (' in cause.detail
