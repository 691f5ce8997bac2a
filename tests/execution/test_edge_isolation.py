"""What a CloudFront Function cannot do: speak for the engine, set its meter back, share a context."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest

from edgegw.cloudfront.edge_functions.key_values import (
    KeyValues,
    MemoryKeyValues,
    StoresBehindError,
)
from edgegw.cloudfront.edge_functions.limits import FULL
from edgegw.cloudfront.edge_functions.metering import meter_names
from edgegw.cloudfront.edge_functions.model import (
    EdgeCall,
    EdgeFailed,
    EdgeFunction,
    EdgeOutcome,
    EdgeReturned,
    GaveUpError,
)
from edgegw.cloudfront.edge_functions.syntax_rules import SyntaxFinding
from edgegw.execution.edge_context import EdgeContext
from edgegw.execution.edge_js import EdgeEngine


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine four milliseconds pass over nothing."""
    monkeypatch.setattr("edgegw.execution.edge_context.TENTATIVE", 2000)


EVENT: dict[str, Any] = {
    "version": "1.0",
    "context": {"eventType": "viewer-request"},
    "viewer": {"ip": "192.0.2.1"},
    "request": {"method": "GET", "uri": "/", "querystring": {}, "headers": {}, "cookies": {}},
}


def call(uri: str = "/") -> EdgeCall:
    request = {**EVENT["request"], "uri": uri}
    return EdgeCall("f", json.dumps({**EVENT, "request": request}))


def second_run(code: str) -> EdgeOutcome:
    """What becomes of the second run: what the first did to prototypes is still there."""
    context = EdgeContext(EdgeFunction("f", code=code))
    context.run(call(), tentative=False)
    return context.run(call(), tentative=False)


@pytest.mark.parametrize(
    "told", ["undefined", "5", "[1]", "{over: 'x'}", "{units: 'a', logs: 5}", "{asks: 1}", "null"]
)
def test_a_poisoned_prototype_changes_the_result_and_nothing_else(told: str) -> None:
    poison = f"Object.prototype.toJSON = function () {{ return {told} }};"
    came = second_run(f"function handler() {{ {poison} console.log('a'); return {{}} }}")
    assert isinstance(came, EdgeReturned)
    assert came.report.logs == ("a",)


def test_a_poisoned_array_changes_no_log() -> None:
    poison = "Array.prototype.toJSON = function () { return 7 };"
    came = second_run(f"function handler() {{ {poison} console.log('a'); return [] }}")
    assert isinstance(came, EdgeReturned)
    assert (came.result, came.report.logs) == (7, ("a",))


def test_a_poisoned_string_changes_no_custom_data() -> None:
    code = (
        "import cf from 'cloudfront'; function handler() { "
        "String.prototype.replace = function () { return {} }; cf.logCustomData('a'); return {} }"
    )
    assert second_run(code).report.custom_log == "[object Object]"


@pytest.mark.parametrize(
    "given",
    [
        "updateRequestOrigin([])",
        "updateRequestOrigin({toJSON() { return 'x' }})",
        "updateRequestOrigin({toJSON() {}})",
        "createRequestOriginGroup([])",
        "createRequestOriginGroup(new Date())",
    ],
)
def test_helpers_of_origins_take_objects(given: str) -> None:
    code = f"import cf from 'cloudfront'; function handler(e) {{ cf.{given}; return e.request }}"
    came = second_run(code)
    assert isinstance(came, EdgeFailed)
    assert came.message == "TypeError: an object is expected"


def test_an_origin_without_an_id_is_none_of_the_distribution() -> None:
    code = (
        "import cf from 'cloudfront'; function handler(e) { cf.selectRequestOriginById(); "
        "return e.request }"
    )
    came = second_run(code)
    assert isinstance(came, EdgeReturned)
    assert came.origin == {"select": None}


@pytest.mark.parametrize("name", ["constructor", "__proto__", "toString", "text"])
def test_what_every_object_has_is_no_module(name: str) -> None:
    came = second_run(f"function handler() {{ return typeof require('{name}') }}")
    assert isinstance(came, EdgeFailed)
    assert came.message == f'Error: Cannot find module "{name}"'


WORK = f"for (var i = 0; i < {FULL}; i++) {{}} return {{}}"


@pytest.mark.parametrize(
    "code",
    [
        f"var given = arguments; function handler() {{ given[2](-1e12); {WORK} }}",
        f"function handler() {{ \\u0024u(-1e12); {WORK} }}",
        f"function handler() {{ {WORK} }}",
    ],
)
def test_no_code_sets_its_meter_back(code: str) -> None:
    assert isinstance(second_run(code), EdgeFailed)


def test_code_cannot_name_its_meter() -> None:
    code = "function handler() { return 1 }"
    assert meter_names(code) != meter_names(f"{code}{meter_names(code)[0]}")
    assert all(name not in code for name in meter_names(code))


async def test_a_run_that_nobody_waits_for_still_has_its_context() -> None:
    """A viewer who goes ends the waiting, not the run: one context is never used by two threads."""
    slow = "if (event.request.uri === '/slow') /^(a+)+$/.test('a'.repeat(40) + 'b'); return {}"
    function = EdgeFunction("f", code=f"function handler(event) {{ {slow} }}")
    engine = EdgeEngine({"f": function}, {})
    try:
        while engine.run_now(function, call()) is None:  # a busy machine may need some
            await engine.run(function, call())
        left = asyncio.ensure_future(engine.run(function, call("/slow")))
        await asyncio.sleep(0)
        left.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await left
        assert engine.run_now(function, call()) is None
        assert isinstance(await engine.run(function, call()), EdgeReturned)
    finally:
        engine.close()


class BehindOnce(dict[str, KeyValues]):
    """Stores of which the first look on an event loop would take long."""

    def __init__(self) -> None:
        super().__init__({"s": MemoryKeyValues({"a": "1"})})
        self.looks = 0

    def at_once(self, name: str) -> KeyValues | None:
        self.looks += 1
        if self.looks == 1:
            raise StoresBehindError
        return self.get(name)


async def test_a_store_that_has_to_be_read_anew_is_read_in_the_thread() -> None:
    code = (
        "import cf from 'cloudfront'; async function handler() { "
        "return {a: await cf.kvs().get('a')} }"
    )
    function, stores = EdgeFunction("f", code=code, key_value_store="s"), BehindOnce()
    engine = EdgeEngine({"f": function}, stores)
    try:
        while stores.looks == 0:
            if engine.run_now(function, call()) is None:
                came = await engine.run(function, call())
                assert isinstance(came, EdgeReturned)
                assert came.result == {"a": "1"}
        while stores.looks == 1:  # runs are on the event loop again, on a busy machine some later
            came = engine.run_now(function, call()) or await engine.run(function, call())
            assert isinstance(came, EdgeReturned)
        assert stores.looks == 2
    finally:
        engine.close()


@pytest.mark.parametrize(
    "made_of",
    [
        "/(?=a{1,3})b/.test(text)",
        "text.match(/b/)",
        "text.replace(/b/, '')",
        "text.startsWith('b')",
        "text.endsWith(text)",
        "text.localeCompare('b')",
        "text.isWellFormed()",
        "parseFloat(text)",
        "Number.parseInt(text)",
        "encodeURI(text)",
        "JSON.parse(text.length > 8192 ? '1'.repeat(text.length) : '1')",
    ],
)
def test_long_texts_are_worked_on_in_a_thread(made_of: str) -> None:
    """The engine looks at the clock too seldom in there for an event loop."""
    code = f"var text = 'a'.repeat(event.request.uri.length * 4096); {made_of}; return {{}}"
    context = EdgeContext(EdgeFunction("f", code=f"function handler(event) {{ {code} }}"))
    short, long = call("/a"), call("/ab")
    with pytest.raises(GaveUpError):
        context.run(long, tentative=True)
    assert isinstance(context.run(long, tentative=False), EdgeReturned)
    assert isinstance(context.run(short, tentative=False), EdgeReturned)
    assert context.run(short, tentative=True).report.utilization < 100


def test_custom_data_has_800_bytes_once_it_is_encoded() -> None:
    code = (
        "import cf from 'cloudfront'; function handler() { "
        "cf.logCustomData('a'.repeat(799) + 'bc'); return {} }"
    )
    assert second_run(code).report.custom_log == "a" * 799 + "b"


def test_where_it_runs_is_known_at_viewer_request_alone() -> None:
    code = "import cf from 'cloudfront'; function handler() { return cf.edgeLocation }"
    context = EdgeContext(EdgeFunction("f", code=code))
    event = {**EVENT, "context": {"eventType": "viewer-response"}}
    came = context.run(EdgeCall("f", json.dumps(event)), tentative=False)
    assert isinstance(came, EdgeReturned)
    assert came.result == {}
    came = context.run(call(), tentative=False)
    assert isinstance(came, EdgeReturned)
    assert came.result == {"name": "FRA", "serverIp": "192.0.2.1", "region": "eu-central-1"}


def test_the_old_runtime_has_no_raw_query() -> None:
    code = "function handler(event) { return {raw: typeof event.request.rawQueryString} }"
    came = EdgeContext(EdgeFunction("f", "cloudfront-js-1.0", code)).run(call(), tentative=False)
    assert isinstance(came, EdgeReturned)
    assert came.result == {"raw": "undefined"}


@pytest.mark.parametrize("name", ["buffer", "cloudfront"])
def test_the_old_runtime_has_no_such_module(name: str) -> None:
    code = f"function handler() {{ return {{a: typeof require('{name}')}} }}"
    came = EdgeContext(EdgeFunction("f", "cloudfront-js-1.0", code)).run(call(), tentative=False)
    assert isinstance(came, EdgeFailed)
    assert came.message == f'Error: Cannot find module "{name}"'


# What one run leaves for the next


def _nothing(_source: str, _runtime: str) -> list[SyntaxFinding]:
    return []


def _pass_the_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the look at the words refuses may reach the engine all the same, written unusually."""
    monkeypatch.setattr("edgegw.execution.edge_context.syntax_findings", _nothing)


KEPT = [
    "require",
    "console.log",
    "require('crypto').createHash",
    "Object.getPrototypeOf(require('crypto').createHash('md5'))",
    "require('querystring').parse",
    "require('cloudfront').updateRequestOrigin",
    "Object.getPrototypeOf([][Symbol.iterator]())",
    "Object.getPrototypeOf(''[Symbol.iterator]())",
    "Object.getPrototypeOf('a'.matchAll(/a/g))",
    "Object.getPrototypeOf(function* () {})",
    "Object.getPrototypeOf(Object.getPrototypeOf((function* () {})()))",
    "Object.getPrototypeOf(async function () {})",
    "Object.getPrototypeOf(Object.getPrototypeOf((async function* () {})()))",
]


@pytest.mark.parametrize("held", KEPT)
def test_a_run_leaves_nothing_in_what_all_runs_have(
    held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pass_the_look(monkeypatch)
    code = f"""function handler() {{
      var held = {held}, before = held.left;
      try {{ held.left = 1 }} catch (e) {{}}
      return {{before: before === undefined}}
    }}"""
    came = second_run(code)
    assert isinstance(came, EdgeReturned)
    assert came.result == {"before": True}


@pytest.mark.parametrize("name", ["prepareStackTrace", "stackTraceLimit"])
def test_a_run_does_not_say_how_errors_of_the_next_are_written(name: str) -> None:
    came = second_run(f"""function handler() {{
      var before = String(Error.{name});
      try {{ Error.{name} = 7 }} catch (e) {{}}
      return {{before: before}}
    }}""")
    assert isinstance(came, EdgeReturned)
    assert came.result == {"before": "undefined"}


LEAVES_JOBS = """var cf = require('cloudfront');
  function late() { console.log('late'); cf.updateRequestOrigin({domainName: 'late.example.com'}) }
  async function later() { await 0; await 0; late() }
  function handler(event) {
    if (event.request.uri === '/leaves') { Promise.resolve().then(late); later(); return {} }
    return (async function () { for (var i = 0; i < 9; i++) await i; return {} })()
  }"""


def test_what_a_run_left_does_nothing_in_the_next() -> None:
    context = EdgeContext(EdgeFunction("f", code=LEAVES_JOBS))
    context.run(call("/leaves"), tentative=False)
    came = context.run(call(), tentative=True)
    assert isinstance(came, EdgeReturned)
    assert (came.report.logs, came.origin) == ((), None)


def test_what_runs_leave_does_not_pile_up() -> None:
    context = EdgeContext(EdgeFunction("f", code=LEAVES_JOBS))
    for _ in range(1500):
        assert isinstance(context.run(call("/leaves"), tentative=True), EdgeReturned)


def test_jobs_that_never_end_go_with_their_context() -> None:
    code = """function handler(event) {
      var endless = {};
      endless.then = Promise.resolve.bind(Promise, endless);
      if (event.request.uri === '/leaves') Promise.resolve(endless);
      return {}
    }"""
    context = EdgeContext(EdgeFunction("f", code=code))
    context.run(call("/leaves"), tentative=False)
    with pytest.raises(GaveUpError):
        context.run(call(), tentative=True)
    for _ in range(2):
        assert isinstance(context.run(call(), tentative=False), EdgeReturned)
    assert isinstance(context.run(call(), tentative=True), EdgeReturned)


@pytest.mark.parametrize(
    "step",
    [
        "'aa'.repeat(-1e9)",
        "'a'.padStart(-1e9)",
        "'a'.padEnd({valueOf: function () { return -1e9 }})",
        "[].join.call({length: -2e9})",
        "new Uint8Array(-5e8)",
    ],
)
def test_nothing_counts_units_back(step: str) -> None:
    code = f"function handler() {{ for (;;) {{ try {{ {step} }} catch (e) {{}} }} }}"
    came = EdgeContext(EdgeFunction("f", code=code)).run(call(), tentative=False)
    assert isinstance(came, EdgeFailed)
    assert came.message == "the function exceeded its compute utilization"


@pytest.mark.parametrize("closed", ["});})", "}];})"])
def test_no_code_ends_the_function_around_it(closed: str) -> None:
    ends, begins = (
        "var a = {} / 1; " + closed,
        "(function () { return (function () { var b = {} / 1;",
    )
    counts = """(function (n) { return function () { return function () {
      return function handler() { return {n: ++n} } } } })(0)"""
    context = EdgeContext(
        EdgeFunction("f", code=f"{ends}, {counts.replace(chr(10), '')} || {begins}")
    )
    assert "SyntaxError" in context.failure
