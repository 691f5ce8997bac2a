"""What is remembered of edits changes no outcome, whatever was answered before."""

from __future__ import annotations

from typing import Any

from edgegw.cloudfront.edge_functions.model import EdgeCall, EdgeEdited, EdgeFunction
from edgegw.execution.edge_context import EdgeContext
from edgegw.http.message import Response
from tests.execution.test_edge_frames import body, decoded, response, shown_response

CODE = body(
    "headers['x-new'] = {value: 'b'}; it.cookies = {a: {value: '1'}}", "IT", "viewer-response"
)


def outcome_of(context: EdgeContext, answered: Response, *, is_framed: bool) -> Any:
    """The status, reason and headers behind a run."""
    shown = shown_response(answered)
    outcome = context.run(EdgeCall("f", shown, "x=1&y"), tentative=False)
    assert isinstance(outcome, EdgeEdited) == is_framed
    return decoded(outcome, shown)[0][:3]


def test_cookies_are_set_also_behind_an_answer_that_had_them() -> None:
    context = EdgeContext(EdgeFunction("f", code=CODE))
    expected = outcome_of(context, response(), is_framed=False)
    assert (b"Set-Cookie", b"a=1") in expected[2]
    for is_framed in (False, True):
        outcome_of(context, response((b"Set-Cookie", b"a=1")), is_framed=is_framed)
    assert outcome_of(context, response(), is_framed=True) == expected
