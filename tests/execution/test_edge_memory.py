"""What a run gets to hear that has used up its memory."""

from __future__ import annotations

import pytest

from edgegw.cloudfront.edge_functions.limits import MAX_MEMORY
from edgegw.cloudfront.edge_functions.model import EdgeFailed, EdgeReturned, GaveUpError
from edgegw.execution.edge_context import EdgeContext
from tests.execution.test_edge_engine import call, error, function, outcome, result

OUT = "InternalError: out of memory"
FILL = """const held = [];
  let size = 80000;
  while (size > 0) {
    try { for (;;) held.push('\\u0436'.repeat(size)); } catch (e) { size = size >> 1; }
  }
  """
TO_THE_BRIM = [
    "for (;;) held.push({});",
    "null.x;",
    "throw new Error('of my own');",
    "console.log('x'); return {};",
    "return held;",
    "try { for (;;) held.push({}) } catch (e) { throw e }",
]


@pytest.mark.parametrize("rest", TO_THE_BRIM)
@pytest.mark.parametrize("kind", ["", "async "])
def test_no_room_for_an_error_is_said_to_be_what_it_is(rest: str, kind: str) -> None:
    """The engine throws null then, which says nothing to anybody."""
    context = EdgeContext(function(f"{kind}function handler(event) {{ {FILL} {rest} }}"))
    for _ in range(2):  # the second one, too, has the memory that it should have
        came = context.run(call(), tentative=False)
        assert isinstance(came, EdgeFailed)
        assert (came.kind, came.message) == ("execution", OUT)


def test_it_is_found_out_in_a_thread() -> None:
    for code in (f"{FILL} null.x", "throw null"):
        with pytest.raises(GaveUpError):
            EdgeContext(function(code)).run(call(), tentative=True)


def test_a_null_that_a_function_throws_is_its_own() -> None:
    for code in ("throw null", "const nothing = null; throw nothing"):
        assert error(code) == "null"
    assert error("async function handler() { throw null }") == "null"
    assert error("throw undefined") == "undefined"


def test_a_result_that_memory_cannot_say_is_an_error_of_the_run() -> None:
    came = outcome("const text = '\u0436'.repeat(60000); return Array(20).fill(text)")
    assert isinstance(came, EdgeFailed)
    assert (came.kind, came.message) == ("execution", OUT)
    assert error("return {toJSON() { throw null }}") == "null"


def test_what_a_run_frees_it_may_use_again() -> None:
    code = "let n = 0; for (let i = 0; i < 8; i++) { const text = 'x'.repeat(300000); n += text.length } return n"  # fmt: skip
    assert result(code) == 8 * 300000 > MAX_MEMORY


def test_the_run_behind_one_without_memory_has_all_of_it() -> None:
    code = "if (event.request.uri === '/fill') {{ {} null.x }} const a = []; for (let i = 0; i < 22; i++) a.push('x'.repeat(90000)); return a.length"  # fmt: skip
    context = EdgeContext(function(code.format(FILL)))
    filling = call({"context": {"eventType": "viewer-request"}, "request": {"uri": "/fill"}})
    for _ in range(3):
        assert isinstance(context.run(filling, tentative=False), EdgeFailed)
        came = context.run(call(), tentative=False)
        assert isinstance(came, EdgeReturned)
        assert came.result == 22
