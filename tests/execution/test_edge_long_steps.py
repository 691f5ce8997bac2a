"""CloudFront Functions whose single steps would take long: they leave the event loop before those."""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from typing import Any

import pytest

from edgegw.cloudfront.edge_functions.long_texts import CallAround
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
from tests.execution.test_edge_memory import FILL


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine four milliseconds pass over nothing."""
    monkeypatch.setattr("edgegw.execution.edge_context.TENTATIVE", 2000)


EVENT: dict[str, Any] = {
    "version": "1.0",
    "context": {"eventType": "viewer-request"},
    "viewer": {"ip": "192.0.2.1"},
    "request": {"method": "GET", "uri": "/", "querystring": {}, "headers": {}, "cookies": {}},
}
DIGITS = "var s = '1'.repeat(8000); "
DOUBLED = "var s = '1'.repeat(8000); for (var i = 0; i < 4; i++) s += s; "
TEXTS = "var a = []; for (var i = 0; i < 40; i++) a.push('1'.repeat(4000)); "


def _nothing(_source: str, _runtime: str) -> list[SyntaxFinding]:
    return []


@pytest.fixture(autouse=True)
def past_the_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the look at the words refuses may reach the engine all the same, written unusually."""
    monkeypatch.setattr("edgegw.execution.edge_context.syntax_findings", _nothing)


def call(uri: str = "/") -> EdgeCall:
    request = {**EVENT["request"], "uri": uri}
    return EdgeCall("f", json.dumps({**EVENT, "request": request}))


def function(code: str) -> EdgeFunction:
    """One whose handler's body is `code`, unless it has a handler of its own."""
    if "handler" not in code:
        code = f"function handler(event) {{ {code} }}"
    return EdgeFunction("f", code=code)


def in_thread(code: str) -> EdgeOutcome:
    return EdgeContext(function(code)).run(call(), tentative=False)


SELF_MADE = {
    # name: code, and what it returns where it may take its time
    "text read as a number": (DOUBLED + "return +s", None),
    "text repeated and read as a number": ("return Number('1'.repeat(1e6))", None),
    "text compared": ("var s = 'a'.repeat(9000), t = 'a'.repeat(9000); return s < t + 'b'", True),
    "texts of operators compared": ("var s = '\\u0101'.repeat(700), t = '\\u0101'.repeat(700); for (var i = 0; i < 11; i++) { s += s; t += t } return s === t", True),
    "sum in one statement": (DIGITS + "s = s + s; return s.length", 16000),
    "sum of a member": ("var o = {a: '1'.repeat(8000)}; o.a += o.a; return o.a.length", 16000),
    "sum in brackets": (DIGITS + "return (s + s).length", 16000),
    "sum that is returned": ("function f(s) { return s + s } return f('1'.repeat(8000)).length", 16000),
    "sum of an arrow": ("var f = s => s + s; return f('1'.repeat(8000)).length", 16000),
    "template": (DIGITS + "return `${s}${s}`.length", 16000),
    "long key": (DOUBLED + "var o = {}; o[s] = 1; return s in o", True),
    "long key of a literal": (DOUBLED + "return {[s]: 1}[s]", 1),
    "concat": (DIGITS + "return s.concat(s, s).length", 24000),
    "join": (TEXTS + "return a.join('').length", 160000),
    "array as a text": (TEXTS + "return ('' + a).length", 160039),
    "padding": ("return 'a'.padStart(9000).length + 'a'.padEnd(1).length", 9001),
    "replacement": ("return '1'.repeat(4000).replace(/^/, '2'.repeat(4500)).length", 8500),
    "JSON of texts": (TEXTS + "return JSON.stringify(a).length", 160121),
    "text as JSON": (DOUBLED + "return JSON.parse(s)", None),
    "characters of codes": ("return String.fromCharCode.apply(null, Array(9000).fill(65)).length", 9000),
    "encoding": ("return encodeURIComponent('\\u0101'.repeat(3000)).length", 18000),
    "long array": ("return Array(5000).fill(1).map(x => x + 1).length", 5000),
    "long array of bytes": ("return new Uint8Array(9000).fill(1)[8999]", 1),
    "texts read as numbers": (TEXTS + "return Math.max.apply(null, a)", None),
    "texts as bytes": (TEXTS + "return new Uint8Array(a).length", 40),
    "texts sorted": (TEXTS + "return a.sort().length", 40),
    "texts searched": (TEXTS + "return a.indexOf('1'.repeat(3999) + '2')", -1),
    "keys of a text": ("return Object.keys('1'.repeat(5000)).length", 5000),
    "much memory": ("var a = []; for (var i = 0; i < 100; i++) a.push('x'.repeat(8000) + i); return a.length", 100),
    "memory that is missed, caught": ("var a = []; try { for (var i = 0; i < 100; i++) a.push('x'.repeat(8000) + i) } catch (e) { return 'full' } return a.length", 100),
    "memory that is missed, caught without a name": ("var a = []; try { for (var i = 0; i < 100; i++) a.push('x'.repeat(8000) + i) } catch { return 'full' } return a.length", 100),
    "memory that is missed by a promise": ("async function handler() { async function f() { var a = []; for (var i = 0; i < 100; i++) a.push('x'.repeat(8000) + i); return a.length } return await f().catch(() => 'full') }", 100),
    "memory that is missed by a thenable": ("async function handler() { async function f() { var a = []; for (var i = 0; i < 100; i++) a.push('x'.repeat(8000) + i); return a.length } return await f().then(n => n, () => 'full') }", 100),
    "much memory for a result": ("var s = 'x'.repeat(8000), a = []; for (var i = 0; i < 100; i++) a.push(s); return a", ["x" * 8000] * 100),
}  # fmt: skip


@pytest.mark.parametrize("name", SELF_MADE)
def test_a_long_step_is_none_of_the_event_loop(name: str) -> None:
    code, expected = SELF_MADE[name]
    context = EdgeContext(function(code))
    with pytest.raises(GaveUpError):
        context.run(call(), tentative=True)
    came = context.run(call(), tentative=False)
    assert isinstance(came, EdgeReturned), came
    assert came.result == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("var s = '1'.repeat(4000); return (s + s).length", 8000),
        ("var s = 'a'; for (var i = 0; i < 100; i++) s += 'b'; return s.length", 101),
        ("return Array(100).fill('7').map(Number).length", 100),
        ("try { null.x } catch (e) { return e.name }", "TypeError"),
        ("try { throw 1 } catch { return 2 }", 2),
        ("try { ''.repeat(-1) } catch (e) { return e.name }", "RangeError"),
        ("return {catch(e) { return e }}.catch(3)", 3),
        ("return [3, 1, 2].sort().concat([1, 2, 3].sort((a, b) => b - a))", [1, 2, 3, 3, 2, 1]),
        ("return [Math.max(), Math.max('3', 2), Math.min.apply(null, [2, 1])]", [None, 3, 1]),
        ("return Array.from([1, 2], function (x) { return x + this.n }, {n: 1})", [2, 3]),
        ("async function handler() { return await Promise.reject(1).catch(e => e + 1) }", 2),
        ("return Object.assign({}, 'ab', [1])", {"0": 1, "1": "b"}),
        ("const f = uri => `${uri}${uri.length}/`; return f('/a')", "/a2/"),
    ],
)
@pytest.mark.usefixtures("patient")
def test_short_steps_stay_on_the_event_loop(code: str, expected: object) -> None:
    came = EdgeContext(function(code)).run(call(), tentative=True)
    assert isinstance(came, EdgeReturned), came
    assert came.result == expected


@pytest.mark.parametrize(
    ("code", "is_looked_at"),
    [
        ("return 1", False),
        ("return [1, 2].map(Number).length", False),
        ("var a = 1; a * a; a * a; return a", False),
        ("return Array(40).fill(1).map(Number).length", True),
        ("return Array(40).fill(1).some(isNaN)", True),
        ("return Array.from(Array(40).fill(1), Number).length", True),
        ("return Uint8Array.from([1], Number).length", True),
        ("return new Uint8Array(40).map(Math.abs).length", True),
        ("return Array(40).fill(1).sort(Math.max).length", True),
        ("return JSON.stringify([1])", True),
        ("return Math.abs.apply(null, [1])", True),
        (f"var a = 1; {'a * a; ' * 40} return a", True),
        (f"var a = '1'; return {' + '.join(['+a'] * 40)}", True),
        (f"var a = 1; return [{', '.join(['Math.abs(a)'] * 40)}]", True),
        (f"var a = 'b', o = {{}}; {'o[a]; ' * 40} return a", True),
    ],
)
def test_long_straight_code_looks_at_the_clock(
    code: str, is_looked_at: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time is over here from the first moment on; who looks at the clock sees that."""
    context = EdgeContext(function(code))
    monkeypatch.setattr("edgegw.execution.edge_context.TENTATIVE", -1)
    if is_looked_at:
        with pytest.raises(GaveUpError):
            context.run(call(), tentative=True)
    else:
        assert isinstance(context.run(call(), tentative=True), EdgeReturned)


@pytest.mark.parametrize("size", ["20", "21", "28"])
def test_no_text_has_more_than_the_memory(size: str) -> None:
    came = in_thread(f"var s = 'ab'; for (var i = 0; i < {size}; i++) s += s; return s.length")
    if size == "20":
        assert isinstance(came, EdgeReturned)
        assert came.result == 2**21
    else:
        assert isinstance(came, EdgeFailed)
        assert came.message == "RangeError: out of memory"


LONG = "var o = {s: 'a'.repeat(100)}; for (var i = 0; i < 12; i++) o.s += o.s; "


@pytest.mark.parametrize("each", ["o.s", "Object(o.s)", "new String(o.s)"])
def test_a_loop_over_the_characters_of_a_text_counts_them(each: str) -> None:
    """Where the engine itself makes an object of a text for which there is no memory, it crashes."""
    came = in_thread(f"{LONG}for (var k in {each}) break; return 1")
    assert isinstance(came, EdgeFailed)
    assert (came.report.utilization == 100) == (each == "o.s")
    short = in_thread("var n = ''; for (var k in 'abc') n += k; return n")
    assert isinstance(short, EdgeReturned)
    assert short.result == "012"


@pytest.mark.parametrize("value", ["1", "true", "Symbol.iterator", "null", "undefined"])
def test_a_loop_over_what_is_no_object_has_no_turn(value: str) -> None:
    came = in_thread(f"for (var k in {value}) return k; return 'none'")
    assert isinstance(came, EdgeReturned)
    assert came.result == "none"


@pytest.mark.parametrize("code", ["return 1", f"{FILL} null.x"])
def test_the_engine_collects_no_garbage_of_python(code: str) -> None:
    """It would hold Python's lock meanwhile, and so the event loop."""
    collections: list[str] = []

    def note(phase: str, _: object) -> None:
        collections.append(phase)

    gc.disable()
    gc.callbacks.append(note)
    try:
        in_thread(code)
    finally:
        gc.callbacks.remove(note)
        gc.enable()
    assert collections == []


@pytest.mark.usefixtures("patient")
def test_another_context_is_not_made_on_the_event_loop() -> None:
    code = "var p = 'proto' + 'type'; if (event.request.uri === '/change') Array[p].m = 1; return 1"
    context = EdgeContext(function(code))
    assert isinstance(context.run(call(), tentative=True), EdgeReturned)
    with pytest.raises(GaveUpError):
        context.run(call("/change"), tentative=True)
    for tentative in (False, True):
        assert isinstance(context.run(call("/change"), tentative=tentative), EdgeReturned)


def test_code_that_compiles_without_looks_alone_is_kept_from_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "edgegw.cloudfront.edge_functions.metering.calls_around",
        lambda words: [CallAround(0, len(words.words) - 2, "look")],  # pyright: ignore
    )
    context = EdgeContext(function("return 1"))
    assert isinstance(context.run(call(), tentative=False), EdgeReturned)
    with pytest.raises(GaveUpError):
        context.run(call(), tentative=True)


async def test_memory_is_that_of_the_sheet_again_in_the_thread() -> None:
    """A run that left the event loop is done again with all of its memory, and so are the next."""
    code = "var a = []; if (event.request.uri === '/much') for (var i = 0; i < 100; i++) a.push('x'.repeat(8000) + i); return a.length"
    much = function(code)
    engine = EdgeEngine({"f": much}, {})
    try:
        for _ in range(2):
            while engine.run_now(much, call()) is None:  # a busy machine may need some
                await engine.run(much, call())
            assert engine.run_now(much, call("/much")) is None
            came = await engine.run(much, call("/much"))
            assert isinstance(came, EdgeReturned)
            assert came.result == 100
    finally:
        engine.close()


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no niceness of their own there")
async def test_the_event_loop_goes_before_the_threads_of_functions() -> None:
    good = function("return 1")
    engine = EdgeEngine({"f": good}, {})
    try:
        await engine.run(good, call())
        threads = [one for one in threading.enumerate() if one.name == "edge function f"]
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert own < 19
        for thread in threads:
            assert os.getpriority(os.PRIO_PROCESS, thread.native_id or 0) > own
        assert threads
    finally:
        engine.close()


@pytest.mark.usefixtures("patient")
def test_units_do_not_depend_on_where_a_run_is() -> None:
    code = "var s = ''; for (var i = 0; i < 50; i++) s += 'a' + i; return [s].concat([1, 2].map(String)).join()"
    context = EdgeContext(function(code))
    reports = [context.run(call(), tentative=tentative).report for tentative in (True, False)]
    assert reports[0].utilization == reports[1].utilization
