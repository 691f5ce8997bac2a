"""CloudFront Functions in the engine: what they find there, their limits, hostile ones."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import pytest

from edgegw.cloudfront.edge_functions.key_values import MemoryKeyValues, pairs_of
from edgegw.cloudfront.edge_functions.model import (
    EdgeCall,
    EdgeFailed,
    EdgeFunction,
    EdgeOutcome,
    EdgeReturned,
    EdgeRuntime,
    GaveUpError,
)
from edgegw.execution.edge_context import EdgeContext
from edgegw.execution.edge_js import EdgeEngine

STORE = MemoryKeyValues(
    {"a": "1", "j": '{"z": [1]}', "bad": "{", "empty": "", "null": "null", "é/ 😀": "é"},
    "2026-01-01T00:00:00.000Z",
)
EVENT = {
    "version": "1.0",
    "context": {"eventType": "viewer-request", "requestId": "id"},
    "viewer": {"ip": "192.0.2.1"},
    "request": {"method": "GET", "uri": "/a", "querystring": {}, "headers": {}, "cookies": {}},
}
OLD: EdgeRuntime = "cloudfront-js-1.0"
NEW: EdgeRuntime = "cloudfront-js-2.0"


def function(code: str, runtime: EdgeRuntime = NEW, store: str = "") -> EdgeFunction:
    """One whose handler's body is `code`, unless it has a handler of its own."""
    if "handler" not in code:
        code = f"function handler(event) {{ {code} }}"
    return EdgeFunction("f", runtime, code, store)


def call(event: dict[str, Any] = EVENT, query: str | None = None) -> EdgeCall:
    return EdgeCall("f", json.dumps(event), query)


def outcome(code: str, runtime: EdgeRuntime = NEW, *, query: str | None = None) -> EdgeOutcome:
    context = EdgeContext(function(code, runtime, "s"), lambda: STORE)
    return context.run(call(query=query), tentative=False)


def result(code: str, runtime: EdgeRuntime = NEW) -> Any:
    came = outcome(code, runtime)
    assert isinstance(came, EdgeReturned), came
    return came.result


def error(code: str, runtime: EdgeRuntime = NEW) -> str:
    came = outcome(code, runtime)
    assert isinstance(came, EdgeFailed), came
    return came.message


# What they find


async_handler = "async function handler(event) {{ const s = require('cloudfront').kvs(); {} }}"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("return await s.get('a')", "1"),
        ("const v = await s.get('j', {format: 'json'}); return v.z", [1]),
        ("const v = await s.get('a', {format: 'bytes'}); return v.toString('hex')", "31"),
        ("return [await s.exists('a'), await s.exists('b')]", [True, False]),
        ("return await s.meta()", {"creationDateTime": "2026-01-01T00:00:00.000Z", "lastUpdatedDateTime": "2026-01-01T00:00:00.000Z", "keyCount": 6}),
        ("try { await s.get('none') } catch (e) { return e.message }", "Key not found: none"),
        ("try { await s.get('bad', {format: 'json'}) } catch (e) { return e.name }", "SyntaxError"),
        ("try { await s.get('a', {format: 'xml'}) } catch (e) { return e.name }", "TypeError"),
        ("return await Promise.all([s.get('a'), s.exists('a')])", ["1", True]),
        ("return typeof s.count", "undefined"),
        ("return Object.keys(s).sort()", ["exists", "get", "meta"]),
        ("return await require('cloudfront').kvs('an-id').get('a')", "1"),
        ("return [await s.get('empty'), await s.exists('empty'), await s.exists('')]", ["", True, False]),
        ("return await s.get('null', {format: 'json'})", None),
        ("return (await s.get('é/ 😀', {format: 'bytes'})).toString('hex')", "c3a9"),
        ("return [await s.get('é/ 😀'), await s.get('a', {}), await s.get('a', undefined)]", ["é", "1", "1"]),
        ("const n = [], all = ['__proto__', 'constructor', 'toString', '\\ud800', '\\0', undefined]; for (let i = 0; i < all.length; i++) { const v = await s.exists(all[i]); n.push(v); } return n", [False] * 6),
        ("try { await s.get('\\ud800') } catch (e) { return e.message.length }", 16),
    ],
)  # fmt: skip
def test_a_key_value_store(code: str, expected: object) -> None:
    assert result(async_handler.format(code)) == expected


def test_a_run_has_one_state_of_the_store_and_the_next_run_the_next() -> None:
    states = iter([MemoryKeyValues({"a": "1"}), MemoryKeyValues({"a": "2"}), None])
    code = async_handler.format("await s.exists('a'); return await s.get('a')")
    context = EdgeContext(function(code, store="s"), lambda: next(states))
    came = [context.run(call(), tentative=False) for _ in range(3)]
    assert [each.result for each in came if isinstance(each, EdgeReturned)] == ["1", "2"]
    assert isinstance(came[2], EdgeFailed)
    assert "the key value store is not there" in came[2].message


def test_a_function_without_a_store_gets_none() -> None:
    context = EdgeContext(function("require('cloudfront').kvs()"))
    came = context.run(call(), tentative=False)
    assert isinstance(came, EdgeFailed)
    assert came.message.startswith("Error: KVSNamespaceNotFound: no key value store")


def test_a_store_is_named_by_its_id_not_its_arn() -> None:
    arn = "arn:aws:cloudfront::123456789012:key-value-store/an-id"
    code = f"try {{ require('cloudfront').kvs('{arn}') }} catch (e) {{ return e.message }}"
    assert result(code).startswith("KVSNamespaceNotFound: the id of a store")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("return typeof this", "undefined"),
        ("return [typeof Map, typeof Proxy, typeof BigInt, typeof setTimeout, typeof process, typeof fetch, typeof URL, typeof [].toSorted]", ["undefined"] * 8),
        ("return [Date.now() === new Date().getTime(), new Date(0).toISOString(), new Date(2020, 0).getFullYear(), new Date() instanceof Date]", [True, "1970-01-01T00:00:00.000Z", 2020, True]),
        ("var n = Date.now(); for (var i = 0; i < 500; i++); return Date.now() - n", 0),
        ("try { eval('1') } catch (e) { return e.name }", "TypeError"),
        ("try { new Function('1') } catch (e) { return e.name }", "TypeError"),
        ("try { (function () {}).constructor('1') } catch (e) { return e.name }", "TypeError"),
        ("try { (async function () {}).constructor('1') } catch (e) { return e.name }", "TypeError"),
        ("try { undeclared = 1 } catch (e) { return e.name }", "ReferenceError"),
        ("try { require('fs') } catch (e) { return e.message }", 'Cannot find module "fs"'),
        ("return [btoa('a'), atob('YQ==')]", ["YQ==", "a"]),
        ("return new TextDecoder().decode(new TextEncoder().encode('é😀'))", "é😀"),
        ("var o = {}; o.toString = function () { return 'x' }; return '' + o", "x"),
        ("var e = new Error('a'); e.name = 'B'; e.message = 'c'; return String(e)", "B: c"),
        ("return Object.keys(require('cloudfront').edgeLocation)", ["name", "serverIp", "region"]),
        ("return [typeof MemoryError, typeof Promise.try, typeof DisposableStack, typeof Float16Array]", ["undefined"] * 4),
        ("return [EvalError, InternalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map(e => e.name).join()", "EvalError,InternalError,RangeError,ReferenceError,SyntaxError,TypeError,URIError"),
        ("try { return require('cloudfront').distributionTenant.id } catch (e) { return String(e) }", "TypeError: distributionTenant module is not available"),
        ("try { return require('cloudfront').distributionTenant.parameters.get('a') } catch (e) { return [e.name, e instanceof TypeError].join() }", "TypeError,true"),
        ("const cf = require('cloudfront'); console.log(cf); return ['distributionTenant' in cf, Object.keys(cf).includes('distributionTenant')].join()", "true,true"),
        ("return Object.getOwnPropertyNames(require('crypto')).sort()", ["createHash", "createHmac"]),
        ("try { require('crypto').createHash('sha512') } catch (e) { return e.message }", 'not supported algorithm: "sha512"'),
        ("try { require('crypto').createHash('md5').digest('latin1') } catch (e) { return e.message }", 'Unknown digest encoding: "latin1"'),
        ("return Buffer.isBuffer(require('crypto').createHash('md5').digest())", True),
        ("return 1_000 + [1, 2].join('').length", 1002),
    ],
)  # fmt: skip
def test_the_runtime(code: str, expected: object) -> None:
    assert result(code) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("return [typeof Buffer, typeof atob, typeof TextEncoder, typeof Promise.all]", ["undefined"] * 4),
        ("return String.bytesFrom([0x61, 0xff]).length", 2),
        ("return String.bytesFrom('w6k=', 'base64').fromUTF8()", "é"),
        ("return 'é'.toUTF8().length", 2),
        ("return ['é'.toBytes(), '€'.toBytes()]", ["é", None]),
        ("return require('crypto').createHash('md5').update('a').digest().length", 16),
        ("try { require('cloudfront') } catch (e) { return e.name }", "Error"),
        ("try { throw new MemoryError('full') } catch (e) { return [e instanceof Error, String(e)] }", [True, "MemoryError: full"]),
        ("return [typeof Promise, typeof String.prototype.replaceAll, typeof Symbol.for, typeof DataView]", ["function", "undefined", "undefined", "undefined"]),
        ("return `a${1 + 1}` + (function (a, ...b) { return b.length })(1, 2, 3) + [2].map(x => x ** 3)[0] + /(?<n>a)/.exec('a').groups.n", "a228a"),
    ],
)  # fmt: skip
def test_the_old_runtime(code: str, expected: object) -> None:
    assert result(code, OLD) == expected


def test_the_raw_query() -> None:
    code = "return String(event.request.rawQueryString())"
    for query, expected in (("a=1&b", "a=1&b"), ("", ""), (None, "undefined")):
        came = outcome(code, query=query)
        assert isinstance(came, EdgeReturned)
        assert came.result == expected


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("return event.nothing.value", 'TypeError: cannot get property "value" of undefined'),
        ("return URL", 'ReferenceError: "URL" is not defined'),
        ("throw new RangeError('far')", "RangeError: far"),
        ("throw 'text'", "text"),
        ("throw {a: 1}", "[object Object]"),
        ("throw null", "null"),
        ("throw {get message() { throw 1 }}", "Error"),
        ("var handler = 1", 'ReferenceError: "handler" is not defined'),
        ("async function handler() { await new Promise(function () {}) }", "Error: the handler never settles"),
        ("async function handler() { throw new Error('no') }", "Error: no"),
    ],
)  # fmt: skip
def test_errors_in_the_words_of_the_real_runtime(code: str, message: str) -> None:
    assert error(code) == message


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("function handler() { for (const a of []) {} }", 'SyntaxError: Token "of" not supported in this version in 1'),
        ("function handler() {}\nvar a = ;", 'SyntaxError: Unexpected token ";" in 2'),
        ("}); escaped(function handler() {", 'SyntaxError: Unexpected token "}" in 1'),
    ],
)  # fmt: skip
def test_code_that_does_not_compile(code: str, message: str) -> None:
    came = outcome(code)
    assert isinstance(came, EdgeFailed)
    assert (came.kind, came.message) == ("throttled", message)


def test_console_and_custom_data() -> None:
    came = outcome(
        "console.log('a'); console.log({b: 1}); console.log(new Error('c'));"
        "require('cloudfront').logCustomData('d e'); console.log('x'.repeat(20000))"
    )
    assert came.report.logs[:3] == ("a", '{"b":1}', "Error: c")
    assert sum(map(len, came.report.logs)) == 10240
    assert came.report.custom_log == "d%20e"


def test_the_last_helper_call_counts() -> None:
    came = outcome(
        "var cf = require('cloudfront'); cf.updateRequestOrigin({domainName: 'a.example'});"
        "cf.selectRequestOriginById('b'); return event.request"
    )
    assert isinstance(came, EdgeReturned)
    assert came.origin == {"select": "b"}


def test_helpers_of_origins_are_for_requests() -> None:
    context = EdgeContext(function("require('cloudfront').selectRequestOriginById('a')"))
    event = {**EVENT, "context": {"eventType": "viewer-response"}}
    came = context.run(call(event), tentative=False)
    assert isinstance(came, EdgeFailed)
    assert "only available in viewer-request" in came.message


def test_what_works_here_and_may_not_there_is_said_once() -> None:
    context = EdgeContext(function("return Array.from([1])"))
    first, second = (context.run(call(), tentative=False) for _ in range(2))
    assert first.report.remarks == (
        "from is not on AWS's list for it: it may be missing on AWS (from, line 1)",
    )
    assert second.report.remarks == ()


# Nothing stays


@pytest.mark.parametrize(
    "code",
    [
        "var n = 0; function handler() { n++; return n }",
        "function handler() { Array.prototype.n = (Array.prototype.n || 0) + 1; return 1 }",
        "function handler() { var a = Array, p = 'proto' + 'type'; a[p].m = 1; return [].m }",
        "var r = /a/g; function handler() { r.test('a'); return r.lastIndex }",
    ],
)
def test_runs_leave_nothing_to_each_other(code: str) -> None:
    context = EdgeContext(function(code))
    results = [context.run(call(), tentative=False) for _ in range(3)]
    assert [getattr(came, "result", came) for came in results] == [1, 1, 1]


# Limits


HOSTILE = {
    "endless loop": "for (;;);",
    "endless loop that catches": "while (true) { try { for (;;); } catch (e) {} }",
    "endless recursion": "(function f() { return f() + 1 })()",
    "endless promises": "async function handler() { for (;;) await null }",
    "chain of thens": "function handler() { function f() { return Promise.resolve().then(f) } return f() }",
    "exponential regex": "/^(a+)+$/.test('a'.repeat(40) + 'b')",
    "array without end": "var a = []; for (;;) a.push('x'.repeat(1000) + a.length)",
    "string without end": "var s = 'ab'; for (;;) s += s",
    "large buffer": "return new Uint8Array(3e6).length",
    "many large strings": "for (var i = 0; i < 1e4; i++) 'a'.repeat(900000)",
    "long search": "return 'a'.repeat(9e5).indexOf('a'.repeat(4e5) + 'b')",
    "long replacement": "return 'a'.repeat(9e5).split('a'.repeat(4e5) + 'b').length",
    "long normalization": "return '\\u0301\\u0316'.repeat(1e5).normalize('NFD').length",
    "sparse array": "var a = []; a.length = 4294967295; return a.join()",
    "sparse array as text": "var a = []; a.length = 4294967295; return '' + a",
    "sparse array as a result": "var a = []; a.length = 4294967295; return a",
    "array-like without end": "return [].reverse.call({length: 9007199254740991})",
    "concat of what says it is long": "return [].concat.call([], {length: 9007199254740991, [Symbol.isConcatSpreadable]: true})",
    "sort of much": "for (;;) new Uint8Array(1500000).sort()",
    "large pattern": "return new RegExp('[\\\\p{L}\\\\p{N}]'.repeat(2000), 'u').test('q')",
    "getter without end": "return {get a() { for (;;); }}",
    "toJSON without end": "return {toJSON: function () { for (;;); }}",
    "deep result": "var a = {}; for (;;) a = {a: a}",
    "iterator without end": "return Array.from({[Symbol.iterator]: function () { return {next: function () { return {} }} }})",
    "built-ins replaced": "JSON.stringify = Array.prototype.push = Promise.prototype.then = function () { for (;;); }; return event.request",
    "prototypes poisoned": "Object.prototype.toJSON = Array.prototype.map = Object.prototype.value = function () { for (;;); }; return {a: {}}",
    "getter that tells nothing": "Object.defineProperty(event.request.headers, 'a', {enumerable: true, get: function () { for (;;); }}); return event.request",
    "getter that throws": "return {get headers() { throw new Error('trap') }}",
    "proxy": "return new Proxy(event.request, {get: function () { for (;;); }})",
    "module of the host": "return require('fs').readFileSync('/etc/passwd')",
    "import of the host": "async function handler() { return await import('os') }",
    "process of the host": "return globalThis.constructor.constructor('return process')()",
    "constructor of what waits": "return (async function () {}).constructor('for (;;);')()",
    "handler that is a getter": "Object.defineProperty(event, 'request', {get: function () { return event.request }}); return event.request",
    "escape to the host": "return (function () {}).constructor.constructor('return this')()",
    "thrown trap": "throw {get name() { for (;;); }, toString: function () { for (;;); }}",
}  # fmt: skip
CANNOT_HARM = {"built-ins replaced"}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_functions_end_and_the_loop_goes_on(name: str) -> None:
    """The loop looks every millisecond whether it was held up; no times are asserted.

    What is asserted is how a run ends: on the event loop within its tentative limit or given up
    there, and in the thread by a limit of the sheet.
    """
    hostile, good = function(HOSTILE[name]), function("return 1")
    engine = EdgeEngine({"bad": hostile}, {})
    try:
        for _ in range(2):
            came = engine.run_now(hostile, call()) or await engine.run(hostile, call())
            if name not in CANNOT_HARM:
                assert isinstance(came, EdgeFailed), came
        served = await engine.run(good, call())
        assert isinstance(served, EdgeReturned)
        assert served.result == 1
    finally:
        engine.close()


def test_a_long_run_is_given_up_on_the_event_loop() -> None:
    context = EdgeContext(function("return /^(a+)+$/.test('a'.repeat(40) + 'b')"))
    with pytest.raises(GaveUpError):
        context.run(call(), tentative=True)
    came = context.run(call(), tentative=False)
    assert isinstance(came, EdgeFailed)
    assert came.message == "the function ran for longer than 100 ms"


async def test_a_function_comes_to_the_loop_once_it_was_quick_and_leaves_it_when_it_is_not() -> (
    None
):
    code = "if (event.request.uri === '/slow') /^(a+)+$/.test('a'.repeat(40) + 'b'); return 1"
    tried = function(code)
    slow = {**EVENT, "request": {**EVENT["request"], "uri": "/slow"}}  # type: ignore[dict-item]
    engine = EdgeEngine({"f": tried}, {})
    try:
        assert engine.run_now(tried, call()) is None
        while engine.run_now(tried, call()) is None:  # a busy machine may need some
            await engine.run(tried, call())
        assert engine.run_now(tried, call(slow)) is None
        assert engine.run_now(tried, call()) is None
    finally:
        engine.close()


async def test_a_thread_holds_up_nobody() -> None:
    endless = function("return /^(a+)+$/.test('a'.repeat(40) + 'b')")
    engine = EdgeEngine({"f": endless}, {})
    turns = 0
    running = asyncio.ensure_future(engine.run(endless, call()))
    while not running.done():
        await asyncio.sleep(0)
        turns += 1
    engine.close()
    assert turns > 50  # with the loop held up there would be one


async def test_a_built_in_that_never_ends_costs_its_thread_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = threading.Event()

    def never(*_: object, **__: object) -> EdgeOutcome:
        released.wait()
        raise AssertionError

    monkeypatch.setattr(EdgeContext, "run", never)
    monkeypatch.setattr("edgegw.execution.edge_js._HUNG", 0.05)
    engine, hung = EdgeEngine({}, {}), function("return 1")
    try:
        for _ in range(2):
            came = await engine.run(hung, call())
            assert isinstance(came, EdgeFailed)
    finally:
        released.set()
        engine.close()


def test_memory_is_flat_over_many_runs() -> None:
    context = EdgeContext(
        function("var a = []; for (var i = 0; i < 20; i++) a.push({a: a}); return event.request")
    )
    engine: Any = context
    sizes: list[int] = []
    for _ in range(3):
        for _ in range(1500):
            context.run(call(), tentative=False)
        engine._context.gc()
        sizes.append(engine._context.memory()["malloc_size"])
    assert sizes[2] <= sizes[0] + 4096


def test_utilization_does_not_depend_on_the_machine() -> None:
    code = "var n = 0; for (var i = 0; i < 1000; i++) n += i; return n"
    first = outcome(code).report.utilization
    started = time.thread_time()
    again = {outcome(code).report.utilization for _ in range(3)}
    assert time.thread_time() > started
    assert again == {first}
    assert 10 < first < 100


def test_a_run_has_two_megabytes() -> None:
    code = "var a = []; for (var i = 0; i < {}; i++) a.push('x'.repeat(90000)); return a.length"
    assert result(code.format(22)) == 22
    assert error(code.format(28)) == "InternalError: out of memory"


def test_over_the_limit() -> None:
    came = outcome("for (var i = 0; i < 100000; i++);")
    assert isinstance(came, EdgeFailed)
    assert came.message == "the function exceeded its compute utilization"
    assert came.report.utilization == 100


# Python callables


async def test_a_callable_in_the_place_of_code() -> None:
    async def later(event: Any) -> Any:
        return {"uri": event["request"]["uri"]}

    def fails(_: Any) -> Any:
        raise ValueError("no")

    handlers = {
        "now": lambda event: event["request"],
        "later": later,
        "fails": fails,
        "odd": lambda _: {1},
    }
    engine = EdgeEngine({}, {}, handlers)
    functions = {name: EdgeFunction(name) for name in handlers}
    came = engine.run_now(functions["now"], call())
    assert isinstance(came, EdgeReturned)
    assert came.result == EVENT["request"]
    assert engine.run_now(functions["later"], call()) is None
    came = await engine.run(functions["later"], call())
    assert isinstance(came, EdgeReturned)
    assert came.result == {"uri": "/a"}
    for name, kind in (("fails", "execution"), ("odd", "unreadable")):
        came = engine.run_now(functions[name], call())
        assert isinstance(came, EdgeFailed)
        assert came.kind == kind


# Import files


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"data": {}}', '{"data": [1]}', '{"data": [{"key": "a"}]}'),
        '{"data": [{"key": "", "value": ""}]}',
        '{"data": [{"key": "a", "value": ""}, {"key": "a", "value": ""}]}',
        json.dumps({"data": [{"key": "a" * 513, "value": ""}]}),
        json.dumps({"data": [{"key": "a", "value": "a" * 1025}]}),
    ],
)
def test_what_is_no_import_file(text: str) -> None:
    with pytest.raises(ValueError):
        pairs_of(text)


def test_an_import_file() -> None:
    pairs = {"a" * 512: "b" * 1024, "é": ""}
    data = [{"key": key, "value": value} for key, value in pairs.items()]
    assert pairs_of(json.dumps({"data": data})) == pairs
