"""What edits of an event mean (`frames`): as `results` judges the whole, with less work.

Functions mostly do the same to the same headers; so what followed from edits is remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from edgegw.cloudfront.edge_functions.changed_parts import (
    changed_target,
    of_same_length,
    setting_cookies,
    with_cookies,
)
from edgegw.cloudfront.edge_functions.entries import edited_headers
from edgegw.cloudfront.edge_functions.event import ShownEdgeEvent
from edgegw.cloudfront.edge_functions.model import EdgeEdited
from edgegw.cloudfront.edge_functions.sections import ANY, Section, SectionShape
from edgegw.cloudfront.response_headers import before_via, in_order, stand_anywhere
from edgegw.cloudfront.trigger_result import ContinuedRequest, ContinuedResponse, InvalidResult
from edgegw.cloudfront.trigger_rules import URL_TOO_LONG
from edgegw.cloudfront.validator import Validator
from edgegw.http.message import Header, Headers, Response
from edgegw.http.target import to_text
from edgegw.values import value


def known_request(outcome: EdgeEdited, sent: ShownEdgeEvent) -> ContinuedRequest | None:
    """The request, where the same edits of the same headers were judged before."""
    request, lines = sent.request, outcome.lines
    target = request.target
    if target.authority is not None or target.size >= URL_TOO_LONG:
        return None
    if not lines:
        return ContinuedRequest(request)
    for earlier in request.headers.derived(_no_edits, _no_edits):
        if earlier.lines == lines and earlier.shown is sent.headers:
            return ContinuedRequest(request.sent(target, earlier.result))
    return None


@value
class _KnownEdit:
    """What a function was shown, its edits, and what they made of the headers."""

    shown: Section
    lines: str
    result: Headers


def _no_edits(_headers: Headers) -> list[_KnownEdit]:
    """Room for what a function made of headers last; only what broke no rule stays here."""
    return []


_LONGEST_KNOWN: Final = 4096
"""Characters of edits that are remembered."""
_OF_TARGET: Final = ("uri", "querystring")
"""The edits that change where a request goes."""


def edited_request(outcome: EdgeEdited, sent: ShownEdgeEvent) -> ContinuedRequest | InvalidResult:
    validator = Validator(sent.trigger, sent.strictness)
    request, edits = sent.request, outcome.edits
    target = request.target
    is_same = edits.keys().isdisjoint(_OF_TARGET)
    if not is_same or target.authority is not None or target.size >= URL_TOO_LONG:
        uri = edits.get("uri", to_text(target.path))
        query = edits.get("querystring", sent.query.entries)
        target = changed_target(validator, uri, {} if query is None else query, sent)
    headers = _edited_before(validator, edits, sent)
    if validator.refuses:
        return InvalidResult(tuple(validator.violations))
    if is_same and not validator.violations and len(outcome.lines) <= _LONGEST_KNOWN:
        known = request.headers.derived(_no_edits, _no_edits)
        known[:] = [_KnownEdit(sent.headers, outcome.lines, headers)]
    return ContinuedRequest(request.sent(target, headers), warnings=tuple(validator.violations))


def _edited_before(validator: Validator, edits: Mapping[str, Any], sent: ShownEdgeEvent) -> Headers:
    """The request's headers with `edits`."""
    headers = sent.request.headers
    put, gone = edits.get("headers", {}), edits.get("gone", ())
    if put or gone:
        headers = edited_headers(validator, put, gone, sent.headers, headers, "request")
    if "cookies" in edits:
        headers = with_cookies(validator, headers, edits["cookies"], sent)
    return headers


def known_response(outcome: EdgeEdited, sent: ShownEdgeEvent) -> ContinuedResponse | None:
    """The response, where the same headers were added to the same ones before."""
    response, lines = cast("Response", sent.response), outcome.lines
    if not lines:
        return ContinuedResponse(response)
    added = _additions.get((lines, sent.headers.shape))
    if added is None:
        return None
    headers = before_via(response.headers, added)
    if headers is None:
        headers = in_order(response.headers.added(*added))
    return ContinuedResponse(Response(response.status, response.reason, headers, response.body))


_MOST_ADDITIONS: Final = 500
_additions: Final[dict[tuple[str, SectionShape], tuple[Header, ...]]] = {}
"""Lines that a function's edits added, by these and the names of the headers that were there.

Only what broke no rule, changed nothing else, and stands anywhere among headers.
"""


def edited_response(outcome: EdgeEdited, sent: ShownEdgeEvent) -> ContinuedResponse | InvalidResult:
    validator = Validator(sent.trigger, sent.strictness)
    original, edits = cast("Response", sent.response), outcome.edits
    headers = original.headers
    put, gone = edits.get("headers", {}), edits.get("gone", ())
    if put or gone:
        headers = edited_headers(validator, put, gone, sent.headers, headers, "response")
    if "cookies" in edits:
        headers = setting_cookies(validator, headers, edits["cookies"], sent)
    if validator.refuses:
        return InvalidResult(tuple(validator.violations))
    whole = of_same_length(headers, original.headers)
    is_added = not gone and put.keys().isdisjoint(sent.headers.shape.names)
    is_added = is_added and "cookies" not in edits  # shapes say nothing of cookies
    if is_added and whole.base is original.headers and not validator.violations:
        _remember_additions(outcome.lines, sent.headers.shape, whole)
    if whole is not original.headers:
        whole = in_order(whole)
    response = Response(original.status, original.reason, whole, original.body)
    return ContinuedResponse(response, tuple(validator.violations))


def _remember_additions(lines: str, shape: SectionShape, headers: Headers) -> None:
    if shape is ANY or len(lines) > _LONGEST_KNOWN:
        return  # many have that shape
    added = headers.raw[-headers.more :]
    if not stand_anywhere(added):
        return
    if len(_additions) >= _MOST_ADDITIONS:
        _additions.clear()
    _additions[lines, shape] = added
