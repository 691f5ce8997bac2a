"""An event as the values of a frame, and its edits, say what JSON says."""

from __future__ import annotations

import importlib
import json
import tracemalloc
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.edge_functions import sections
from edgegw.cloudfront.edge_functions.event import ShownEdgeEvent, encode_request, encode_response
from edgegw.cloudfront.edge_functions.frames import EventFrame, frame_code
from edgegw.cloudfront.edge_functions.model import (
    EdgeAnswer,
    EdgeCall,
    EdgeEdited,
    EdgeFailed,
    EdgeFunction,
    EdgeOutcome,
)
from edgegw.cloudfront.edge_functions.results import decode_edge_request, decode_edge_response
from edgegw.cloudfront.edge_functions.sections import ANY, NO_SECTION, section_of, shape_of
from edgegw.cloudfront.trigger_result import (
    ContinuedRequest,
    ContinuedResponse,
    GeneratedResponse,
    InvalidResult,
)
from edgegw.execution.edge_context import EdgeContext
from edgegw.execution.edge_frames import EdgeFrames
from edgegw.gateway.example_distribution import example_distribution
from edgegw.http.message import Body, Headers, Request, Response
from edgegw.http.target import RequestTarget


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine four milliseconds pass over nothing."""
    monkeypatch.setattr("edgegw.execution.edge_context.TENTATIVE", 2000)


SITE = example_distribution()
FACTS = DistributionFacts("id==", "0" * 32, b"now")
COMMON = ((b"Host", b"www.example.com"), (b"Accept", b"*/*"), (b"X-A", b"1"), (b"Via", b"1.1 me"))
COOKIES = ((b"Cookie", b"a=1; b=2"),)


def request(*lines: tuple[bytes, bytes], target: bytes = b"/a?x=1&y") -> Request:
    return Request("GET", RequestTarget.parse(target), Headers([*COMMON, *lines]))


def response(*lines: tuple[bytes, bytes]) -> Response:
    usual = [(b"Content-Type", b"text/html"), (b"Content-Length", b"3"), (b"Server", b"me")]
    via = (b"Via", b"1.1 edge")
    return Response(200, b"OK", Headers([*usual, *lines]).added(via), Body.of(b"abc"))


def shown_request(asked: Request) -> ShownEdgeEvent:
    return encode_request(SITE, SITE.default_behavior.forwarding, FACTS, asked)


def shown_response(answered: Response) -> ShownEdgeEvent:
    return encode_response(SITE, FACTS, request(*COOKIES), answered)


def both_ways(code: str, shown: ShownEdgeEvent) -> tuple[EdgeOutcome, EdgeOutcome]:
    """What becomes of `code` where the event came as JSON, and as the values of a frame."""
    context = EdgeContext(EdgeFunction("f", code=code))
    call = EdgeCall("f", shown, "x=1&y")
    json_way = context.run(call, tentative=False)  # the first of its frame
    return json_way, context.run(call, tentative=False)


def body(statements: str, returned: str, trigger: str) -> str:
    what = "request" if trigger == "viewer-request" else "response"
    return f"""function handler(event) {{
      var {what} = event.{what}, it = {what}, headers = it.headers;
      {statements}
      return {returned.replace("IT", what)};
    }}"""


def decoded(outcome: EdgeOutcome, shown: ShownEdgeEvent) -> Any:
    """All that follows from an outcome."""
    if isinstance(outcome, EdgeFailed):
        return outcome.kind, outcome.message
    decode: Any = decode_edge_request if shown.trigger == "viewer-request" else decode_edge_response
    return plain(decode(outcome, shown)), outcome.origin, outcome.report.logs


def plain(
    answer: ContinuedRequest | ContinuedResponse | GeneratedResponse | InvalidResult,
) -> Any:
    match answer:
        case ContinuedRequest(request=went, warnings=warnings):
            return went.method, went.target, went.headers.raw, list(map(str, warnings))
        case ContinuedResponse(response=went, warnings=warnings):
            return went.status, went.reason, went.headers.raw, went.body, list(map(str, warnings))
        case InvalidResult(violations=violations):
            return list(map(str, violations))
        case GeneratedResponse():
            return answer.status, answer.headers.raw, answer.content


HEADERS = [
    "headers['x-new'] = {value: 'b'}",
    "headers['x-new'] = {value: 'b', more: 1}",
    "headers['x-new'] = {value: ''}",
    "headers['x-new'] = {value: 'a\\nb'}",
    "headers['x-new'] = {value: 'a\\0b'}",
    "headers['x-new'] = {value: '\\ud800'}",
    "headers['x-new'] = {value: 'é☺'}",
    "headers['x-new'] = {value: 5}",
    "headers['x-new'] = {multiValue: [{value: 'a'}, {value: 'b'}]}",
    "headers['x-new'] = 'text'",
    "headers['x-new'] = undefined",
    "headers['x-new'] = null",
    "headers['x-new'] = [{key: 'X-New', value: 'a'}]",
    "headers['X-New'] = {value: 'a'}",
    "headers['7'] = {value: 'a'}",
    "headers['x\\ny'] = {value: 'a'}",
    "headers[''] = {value: 'a'}",
    "headers['x-z'] = {value: '1'}; headers['x-y'] = {value: 2 + ''}; headers['x-w'] = {value: '3', multiValue: []}",
    "headers.cookie = {value: 'a=1'}",
    "headers.toJSON = {value: 'a'}",
    "headers.toJSON = function () { return {} }",
    "for (var name in headers) headers[name].value += '!'",
    "for (var name in headers) headers[name] = {value: headers[name].value}",
    "for (var name in headers) headers[name].multiValue = [{value: '1'}, {value: '2'}]",
    "for (var name in headers) delete headers[name]",
    "for (var name in headers) headers[name] = undefined",
    "for (var name in headers) { var e = headers[name]; delete headers[name]; headers[name] = e }",
    "var e = headers.via; delete headers.via; headers.via = e",
    "delete headers.via",
    "delete headers['x-a']; delete headers.server",
    "headers.via.value = 'other'",
    "headers.via = {value: headers.via.value}",
    "it.headers = {}",
    "it.headers = []",
    "it.headers = null",
    "it.headers = 'text'",
    "it.headers = Object.assign({}, headers)",
    "it.headers = Object.create(headers)",
    "it.headers = new Proxy(headers, {})",
    "delete it.headers",
    "Object.freeze(headers)",
    "Object.defineProperty(headers, 'x-got', {get: function () { return {value: 'a'} }, enumerable: true})",
    "Object.defineProperty(headers, 'x-bad', {get: function () { throw new Error('no') }, enumerable: true})",
    "headers.self = headers",
    "headers['x-1'] = {value: '1\\n\\n\\n\\0'}; headers['x-2'] = {value: '2'}",
    "headers['x-1'] = {value: '1\\n+x-got\\n3\\n\\0'}; headers['x-2'] = {value: '2'}",
    "headers['x-1'] = {value: '1\\ncookies\\n{\\n\\0'}; headers['x-2'] = {value: '2'}",
    "headers.via.more = 1",
    "headers['x-a'].more = 1",
]  # fmt: skip
COMMON_EDITS = [
    *HEADERS,
    "it.more = 1",
    "it.toJSON = function () { return {statusCode: 204} }",
    "it.cookies.a = {value: 'new'}",
    "it.cookies.c = {value: '3', attributes: 'Secure'}",
    "it.cookies = null",
    "it.cookies = undefined",
    "it.cookies = 5",
    "it.cookies = {}",
    "it.cookies = {z: {value: 'z;'}}",
    "delete it.cookies",
    "delete it.cookies; it.cookies = {}",
    "delete it.cookies; it.cookies = {z: {value: '1'}}",
    "delete it.querystring; it.querystring = {}",
    "['querystring', 'headers', 'cookies'].forEach(function (k) { delete it[k]; it[k] = {} })",
    "it.cookies = Object.getPrototypeOf(it)",
    "JSON.stringify(event)",
    "console.log('a\\nb', it.headers)",
]
REQUEST_EDITS = [
    *COMMON_EDITS,
    "it.uri = '/new'",
    "it.uri = '/new\\nline'",
    "it.uri = 'new'",
    "it.uri = 5",
    "it.uri += '/index.html'",
    "it.method = 'POST'",
    "it.querystring = 'q=1'",
    "it.querystring = {}",
    "it.querystring = null",
    "it.querystring = Object.getPrototypeOf(it)",
    "it.querystring = 7",
    "it.querystring = undefined",
    "delete it.querystring",
    "it.querystring.x.value = '2'",
    "it.querystring.x.multiValue = [{value: '3'}, {value: '4'}]",
    "it.querystring.z = {value: 'q'}",
    "delete it.querystring.y",
    "it.querystring.x.value = it.querystring.x.value",
    "delete it.cookies.a",
    "it.cookies.b.value = it.cookies.b.value",
    "it.cookies.b.attributes = 5",
    "it.statusCode = 302",
    "require('cloudfront').updateRequestOrigin({domainName: 'b.example.com'})",
    "event.request = {uri: '/other'}",
    "if (it.rawQueryString() !== 'x=1&y') throw new Error(it.rawQueryString())",
    "if (Object.keys(it).join() !== 'method,uri,querystring,headers,cookies') throw new Error('keys')",
    "for (var k in it) if (!it.hasOwnProperty(k)) throw new Error(k)",
]
RESPONSE_EDITS = [
    *COMMON_EDITS,
    "it.statusCode = 404",
    "it.statusCode = '200'",
    "it.statusDescription = 'Fine'",
    "delete it.statusDescription",
    "it.body = 'new'",
    "it.cookies.n = {value: 'v', attributes: 'Path=/'}",
    "headers['content-length'] = {value: '9'}",
    "if (event.request.uri !== '/a' || event.request.cookies.b.value !== '2') throw new Error('x')",
    "event.request.headers.host = {value: 'no matter'}",
    "event.request = null",
]
RETURNS = [
    "IT",
    "event.IT",
    "Object.assign({}, IT)",
    "Object.assign({headers: {}}, IT)",
    "Object.assign(Object.create(IT), IT)",
    "new Proxy(IT, {})",
    "Promise.resolve(IT)",
    "event",
    "[IT]",
    "JSON.parse(JSON.stringify(IT))",
]


def assert_alike(statements: str, returned: str, shown: ShownEdgeEvent) -> None:
    by_json, by_frame = both_ways(body(statements, returned, shown.trigger), shown)
    assert decoded(by_frame, shown) == decoded(by_json, shown)
    assert by_frame.report.utilization == by_json.report.utilization
    if isinstance(by_frame, EdgeEdited) and "more" not in statements:
        expected = by_json.result if not isinstance(by_json, EdgeFailed) else None
        assert json.loads(json.dumps(by_frame.result)) == expected


@pytest.mark.parametrize("statements", REQUEST_EDITS)
def test_edits_of_a_request(statements: str) -> None:
    assert_alike(statements, "IT", shown_request(request(*COOKIES)))


@pytest.mark.parametrize("statements", RESPONSE_EDITS)
def test_edits_of_a_response(statements: str) -> None:
    assert_alike(statements, "IT", shown_response(response()))


@pytest.mark.parametrize("returned", RETURNS)
def test_what_is_returned(returned: str) -> None:
    assert_alike("", returned, shown_request(request(*COOKIES)))
    assert_alike("", returned, shown_response(response()))


SETS = response((b"Set-Cookie", b"s=1; Secure"), (b"Set-Cookie", b"t=2"))
UNUSUAL = [
    shown_request(request((b"X-A", b"2"), (b"Accept", b"text/html"))),
    shown_request(request((b"Cookie", b"a=1; a=2; b=3"))),
    shown_request(request(*COOKIES, target=b"/a?x=1&x=2&y&__proto__=3")),
    shown_request(request((b"__proto__", b"1"), (b"7", b"seven"), *COOKIES)),
    shown_request(request((b"X-Odd", b"a\nb"), *COOKIES)),
    shown_request(request((b"X-Odd", b"\xff\xe9"), *COOKIES, target=b"/%20\xc3\xa9?x=\xff&y")),
    shown_request(request(*COOKIES, target=b"/a\n?x=1&y=2")),
    shown_request(request(*[(b"X-%d" % number, b"1") for number in range(150)], *COOKIES)),
    shown_response(SETS),
    shown_response(response((b"Via", b"1.0 other"), (b"Vary", b"a"), (b"Vary", b"b"))),
]


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_several_edits_at_once(data: st.DataObject) -> None:
    usual = [shown_request(request(*COOKIES)), shown_response(response())]
    shown = data.draw(st.sampled_from([*usual, *usual, *UNUSUAL]))
    pool = REQUEST_EDITS if shown.trigger == "viewer-request" else RESPONSE_EDITS
    picked = data.draw(st.lists(st.sampled_from(pool), max_size=4))
    statements = "\n".join(f"try {{ {statement} }} catch (e) {{}}" for statement in picked)
    assert_alike(statements, data.draw(st.sampled_from(RETURNS)), shown)


@pytest.mark.parametrize("number", range(len(UNUSUAL)))
def test_an_unusual_event_is_the_same_both_ways(number: int) -> None:
    shown = UNUSUAL[number]
    code = "function handler(event) { return {statusCode: 200, body: JSON.stringify(event)} }"
    bodies: list[object] = []
    for outcome in both_ways(code, shown):
        result: Any = None if isinstance(outcome, EdgeFailed) else outcome.result
        bodies.append(json.loads(result["body"]))
    assert bodies == [json.loads(shown.text), json.loads(shown.text)]


# Frames


def answer_of(context: EdgeContext, shown: ShownEdgeEvent) -> EdgeAnswer:
    came = context.run(EdgeCall("f", shown), tentative=True)
    assert not isinstance(came, EdgeFailed)
    return came


def test_a_frame_is_compiled_when_it_comes_again() -> None:
    context = EdgeContext(EdgeFunction("f", code=body("", "IT", "viewer-request")))
    kinds = [type(answer_of(context, shown_request(request(*COOKIES)))) for _ in range(3)]
    assert [kind is EdgeEdited for kind in kinds] == [False, True, True]
    other = shown_request(request(*COOKIES, target=b"/b?x=%20&y=2"))
    assert isinstance(answer_of(context, other), EdgeEdited)
    assert not isinstance(answer_of(context, shown_request(request())), EdgeEdited)


def test_frames_are_bounded_and_take_no_memory_of_the_function() -> None:
    quickjs: Any = importlib.import_module("quickjs")
    engine = quickjs.Context()
    frames = EdgeFrames(engine)
    sizes: list[int] = []
    counts: list[int] = []
    for number in range(200):
        shape = shape_of((f"x-{number}", *(f"y-{one}" for one in range(20))))
        frame = ('{"context":{"requestId":', NO_SECTION.shape, shape, NO_SECTION.shape, None)
        assert frames.met(frame) is None
        assert frames.met(frame) is not None
        assert frames.compiled[frame] is not None
        sizes.append(frames.size)
        counts.append(len(frames.compiled))
    assert max(counts) == counts[63] == 64
    assert max(sizes) < sizes[63] + 1000  # a frame has more; allocations differ by some bytes
    assert sizes[63] > 64 * 1000
    assert engine.memory()["malloc_size"] < 3 * max(sizes)


def test_frames_that_come_once_drop_none_that_comes_again() -> None:
    quickjs: Any = importlib.import_module("quickjs")
    frames = EdgeFrames(quickjs.Context())

    def frame(name: str) -> EventFrame:
        shapes = NO_SECTION.shape, shape_of((name,)), NO_SECTION.shape
        return '{"context":{"requestId":', *shapes, None

    assert (frames.met(frame("hot")), frames.met(frame("hot")) is not None) == (None, True)
    for number in range(2000):
        assert frames.met(frame(f"once-{number}")) is None
    assert list(frames.compiled) == [frame("hot")]


def test_names_in_frames_are_bounded_in_their_length_too() -> None:
    quickjs: Any = importlib.import_module("quickjs")
    frames = EdgeFrames(quickjs.Context())
    most = 1 << 18

    def frame(number: int) -> EventFrame:
        names = tuple(f"{number}-{one}".ljust(40, "x") for one in range(100))
        shapes = NO_SECTION.shape, shape_of(names), NO_SECTION.shape
        return '{"context":{"requestId":', *shapes, None

    def length(kept: Iterable[EventFrame]) -> int:
        return sum(len(name) for _, _, shape, *_ in kept for name in shape.names)

    for number in range(200):
        assert frames.met(frame(number)) is None
        assert length(frames._met) <= most + 4100
    for number in range(1000, 1100):
        assert frames.met(frame(number)) is None
        assert frames.met(frame(number)) is not None
        assert length(frames.compiled) <= most + 4100
    assert length(frames._met) <= most + 4100


def test_long_names_are_no_shape() -> None:
    short, long = ("x" * 96, "y" * 4000), ("x" * 97, "y" * 4000)
    assert section_of(short, "12").shape.names == short
    assert section_of(long, "12").shape is ANY
    assert section_of(long, "12").entries == {long[0]: {"value": "1"}, long[1]: {"value": "2"}}
    assert section_of(short, "12").joined(section_of("z", "3")).shape is ANY


def test_known_shapes_are_bounded_in_their_length_too() -> None:
    shapes = sections._shapes
    for number in range(600):
        shape_of((f"{number}".ljust(4000, "x"),))
        assert sum(len(name) for names in shapes for name in names) == shapes.length <= 1 << 20


def test_a_frame_holds_names_alone() -> None:
    frame = shown_request(request(*COOKIES)).frame
    assert frame is not None
    code = frame_code(frame)
    assert '"x-a":{value:v[' in code
    assert "www.example.com" not in code


def test_a_result_is_its_readers_own() -> None:
    context = EdgeContext(EdgeFunction("f", code=body("", "IT", "viewer-request")))
    shown = shown_request(request(*COOKIES))
    _, answer = answer_of(context, shown), answer_of(context, shown)
    before: Any = answer.result
    before["headers"].clear()
    before["cookies"]["a"]["value"] = "other"
    after: Any = answer.result
    assert after["cookies"]["a"] == {"value": "1"}
    assert "accept" in after["headers"]


def test_a_handler_that_changes_built_ins_has_no_frames() -> None:
    code = "Object.prototype.x = 1; " + body("", "IT", "viewer-request")
    context = EdgeContext(EdgeFunction("f", code=code))
    kinds = [type(answer_of(context, shown_request(request()))) for _ in range(3)]
    assert EdgeEdited not in kinds


@pytest.mark.parametrize("name", ["console", "require"])
def test_a_run_forgets_another_console(name: str) -> None:
    code = f"""{name} = (function (before) {{
        return {{before: typeof before}};
      }})({name});
      function handler(event) {{ return {{statusCode: 200, body: {name}.before}} }}"""
    context = EdgeContext(EdgeFunction("f", code=code))
    results = [answer_of(context, shown_request(request())).result for _ in range(3)]
    kind = "object" if name == "console" else "function"
    assert results == [{"statusCode": 200, "body": kind}] * 3


def test_long_texts_that_functions_add_are_not_kept() -> None:
    add = "headers['x-new'] = {value: event.context.requestId + 'a'.repeat(100000)}"
    context = EdgeContext(EdgeFunction("f", code=body(add, "IT", "viewer-response")))
    sizes: list[int] = []
    tracemalloc.start()
    try:
        for number in range(40):
            facts = DistributionFacts(f"{number}==", "0" * 32, b"now")
            shown = encode_response(SITE, facts, request(), response())
            outcome = context.run(EdgeCall("f", shown), tentative=False)
            assert not isinstance(outcome, EdgeFailed)
            assert isinstance(decode_edge_response(outcome, shown), ContinuedResponse)
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[-1] - sizes[9] < 1_000_000


# Sections


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.text(alphabet="xy\n☺", max_size=3)), max_size=4)
)
def test_a_section_has_its_entries(pairs: list[tuple[str, str]]) -> None:
    section = section_of([name for name, _ in pairs], [held for _, held in pairs])
    expected: dict[str, list[str]] = {}
    for name, held in pairs:
        expected.setdefault(name, []).append(held)
    assert list(section.entries) == list(expected)
    for name, held in expected.items():
        entry = section.entries[name]
        assert entry["value"] == held[0]
        assert [one["value"] for one in entry.get("multiValue", [entry])] == held
        assert section.entry(name) == entry
    assert section.entry("other") is None
    assert json.loads(section.text) == section.entries
    is_flat = len(expected) == len(pairs) and not any("\n" in held for _, held in pairs)
    assert (section.shape is not ANY) is is_flat


def test_sections_are_joined() -> None:
    first, second = section_of(["a", "b"], ["1", "2"]), section_of(["c"], ["3"])
    assert first.joined(second).flat == "\n1\n2\n3"
    assert first.joined(second).shape is shape_of(("a", "b", "c"))
    again = first.joined(section_of(["b"], ["4"]))
    assert again.entries == {"a": {"value": "1"}, "b": {"value": "4"}}
    assert again.shape is ANY
