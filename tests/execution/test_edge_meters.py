"""Code with its meter does what it did without, and nothing of it goes without one.

The engine and Node judge: whether slashes are what they are taken for, and what code answers.
"""

from __future__ import annotations

import importlib
import json
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegw.cloudfront.edge_functions.metering import (
    MeterNames,
    in_other_brackets,
    metered,
)
from edgegw.cloudfront.edge_functions.model import EdgeFailed, EdgeReturned, GaveUpError
from edgegw.cloudfront.edge_functions.value_places import ValuePlaces
from edgegw.execution.edge_context import EdgeContext
from tests.cloudfront.test_value_places import DIVISION, REGEX
from tests.conftest import need
from tests.execution.test_edge_engine import call, function

NAMES = MeterNames("M", "E", "T", "L", "C", "X")


@pytest.fixture(autouse=True)
def past_the_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the look at the words refuses may reach the engine all the same, written unusually."""
    monkeypatch.setattr("edgegw.execution.edge_context.syntax_findings", lambda *_: [])


# What a slash is


@pytest.mark.parametrize("code", [*REGEX, *DIVISION])
def test_the_engine_takes_each_slash_for_the_same(code: str) -> None:
    quickjs: Any = importlib.import_module("quickjs")
    quickjs.Context().eval(in_other_brackets(metered(code, NAMES).judged))


def take_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slashes are taken for what they are not."""
    may_begin = ValuePlaces.may_begin
    other = lambda places, *, is_first: not may_begin(places, is_first=is_first)  # noqa: E731
    monkeypatch.setattr(ValuePlaces, "may_begin", other)


@pytest.mark.parametrize(
    ("code", "is_right"),
    [
        ("x = a / b / c; d /= e", True),
        ("x = /a/g.b", True),
        ("x = a\n/ b / c", False),
        ("x = /a/", False),
        ("x = /a/g\n.b", False),
    ],
)
def test_a_slash_that_is_taken_for_the_other_does_not_compile(
    code: str, is_right: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_right:
        take_the_other(monkeypatch)
    quickjs: Any = importlib.import_module("quickjs")
    context, judged = quickjs.Context(), metered(code, NAMES).judged
    if is_right:
        context.eval(in_other_brackets(judged))
    else:
        with pytest.raises(quickjs.JSException):
            context.eval(in_other_brackets(judged))


@pytest.mark.parametrize("code", ["return /a/g.test('a') + 1", "return event / 2 / 3 || 2"])
def test_code_whose_slashes_are_not_certain_runs_beside_the_event_loop(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_the_other(monkeypatch)
    context = EdgeContext(function(code))
    with pytest.raises(GaveUpError):
        context.run(call(), tentative=True)
    came = context.run(call(), tentative=False)
    assert isinstance(came, EdgeReturned)
    assert came.result == 2


HIDDEN = {
    "behind a block": "{} /'/.x; while (1); /'/.x",
    "behind a declaration": "function f() {} /'/.x; while (1); /'/.x",
    "behind an arrow": "var f = () => {}\n/'/.x; while (1); /'/.x",
    "behind what is declared": "var a\n/'/.x; while (1); /'/.x",
    "in a division behind an object": "var a = {} / 2; while (1); a / 2",
    "in a division behind a function": "var a = function () {} / 2; while (1); a / 2",
    "in a division behind a name": "var of = 1; of / 2; while (1); of / 2",
    "in a division behind a variable await": "var await = 1; await / 2; while (1); await / 2",
    "in a division behind a member": "event.return / 2; while (1); event.in / 2",
    "in a division behind a method": "event.if = f; function f() {} event.if(1) / 2; while (1); 1 / 2",
    "in a division in a template": "`${{} / 2}`; while (1); 1 / `${2}`",
    "in a method with a computed name": "var o = {['f'](n) { return n && o.f(n - 1) + o.f(n - 1) }}; o.f(40)",
    "in a method with a number": "var o = {1(n) { return n && o[1](n - 1) + o[1](n - 1) }}; o[1](40)",
    "in a method called if": "var o = {if(n) { while (1); }}; o.if(1)",
    "in a getter with a computed name": "var o = {get ['f']() { while (1); }}; o.f",
    "in a loop over a member called in": "var o = {in: 1}; for (var i = o.in; i; i++);",
}


@pytest.mark.parametrize("name", HIDDEN)
def test_nothing_is_hidden_from_the_meter(name: str) -> None:
    came = EdgeContext(function(HIDDEN[name])).run(call(), tentative=False)
    assert isinstance(came, EdgeFailed)
    assert came.message == "the function exceeded its compute utilization"


@pytest.mark.parametrize(
    "code",
    [
        "var o = {while(a) { return a }, for(b) { return b }}; return o.while(1) + o.for(2)",
        "var o = {in: 1, n: 0}; for (var i = o.in; i < 3; i++) o.n += i; return o.n",
        "var o = {get class() { return 3 }}; return o.class",
        "try { return 3 } finally { event.a = 1 }",
        "try { throw 1 } catch (e) { try { return e + 2 } finally { e = 0 } } finally { event = 0 }",
        "function f() { try { throw 1 } catch { return 3 } finally { f = 0 } } return f()",
    ],
)
def test_what_looks_like_the_words_of_the_language_runs(code: str) -> None:
    came = EdgeContext(function(code)).run(call(), tentative=True)
    assert isinstance(came, EdgeReturned), came
    assert came.result == 3


# Memory, of which a run has less on an event loop


SWALLOWED = [
    "try { return big() } finally { return 1 }",
    "try { throw 1 } catch (e) { return big() } finally { return 1 }",
    "try { throw 1 } catch { return big() } finally { return 1 }",
    "for (;;) { try { return big() } finally { break } } return 1",
    "a: { try { try { big() } finally { event.x = 1 } } finally { break a } } return 1",
    "function handler() { f(); return 1 } async function f() { big() }",
    "async function handler() { var o = {async f() { big() }}; o.f(); return 1 }",
    "async function handler() { Promise.resolve().then(big); await null; await null; return 1 }",
    "async function handler() { Promise.reject().catch(big); await null; await null; return 1 }",
    "function handler() { f(); return 1 } async function f() { g(); function g() { big() } }",
    "function handler() { (async () => (big(), 1))(); return 1 }",
    "function handler() { new Promise(big); return 1 }",
    "function handler() { new Promise(() => (big(), 1)); return 1 }",
    "function handler() { Promise.resolve({get then() { return big() }}); return 1 }",
    "async function handler() { Promise.resolve({then: big}); await null; await null; return 1 }",
    "function handler() { Promise.all({[Symbol.iterator]: big}); return 1 }",
    "console.log({toJSON: big}); return 1",
    "require('querystring').parse('a', '&', '=', {decodeURIComponent: big}); return 1",
    "throw {name: 'N', get message() { return big() }}",
    "throw {name: 'N', message: 'm', get stack() { return big() }}",
]


@pytest.mark.parametrize("code", SWALLOWED)
def test_nothing_drops_that_an_event_loop_has_less_memory(code: str) -> None:
    big = "function big() { var a = []; for (var i = 0; i < 900; i++) a.push([i, [i], {a: i}, {b: {}}]) }"
    context = EdgeContext(function(f"{big} {code}"))
    with pytest.raises(GaveUpError):
        context.run(call(), tentative=True)
    came = context.run(call(), tentative=False)
    assert isinstance(came, EdgeFailed if code.startswith("throw {") else EdgeReturned)


TWICE = "function f() { return 2 } function f() { return 3 } return f()"


def test_code_that_a_block_does_not_take_runs_beside_the_event_loop() -> None:
    context = EdgeContext(function(f"async function handler() {{ {TWICE} }}"))
    with pytest.raises(GaveUpError):
        context.run(call(), tentative=True)
    came = context.run(call(), tentative=False)
    assert isinstance(came, EdgeReturned)
    assert came.result == 3


def test_what_a_block_takes_and_a_body_does_not_is_refused() -> None:
    for code in ("let event = 1", "try { throw 1 } catch (e) { let e = 2 } finally {}"):
        failure = EdgeContext(function(f"async function handler(event) {{ {code} }}")).failure
        assert "invalid redefinition" in failure


ARROWS = [
    "async e => 3",
    "async (e) =>\n ({a: 3}).a",
    "async e => [4].map(x => y => x - y)[0](1)",
    "async e => (e ? x => 2 in {2: x} ? 3 : 1 : x => x)(1)",
    "async e => { var f = x => x\n++e.a\nreturn f(3) }",
    "async e => { var f = x => `${x}`\nvar g = f, h = x => +x\nreturn h(g(3)) }",
    "async e => { for (var f = x => x === 3; f(3);) return 3 }",
    "async e => { if (0) x => x\nelse return (x => { return x })\n(3) }",
]


@pytest.mark.parametrize("code", ARROWS)
def test_arrows_that_hand_over_what_they_throw_run_on_the_event_loop(code: str) -> None:
    came = EdgeContext(function(f"var handler = {code}")).run(call(), tentative=True)
    assert isinstance(came, EdgeReturned), came
    assert came.result == 3


def test_an_import_ends_with_its_line() -> None:
    code = "import c from 'crypto'\n(function () {})()\nfunction handler() { return typeof c.createHash }"
    came = EdgeContext(function(code)).run(call(), tentative=True)
    assert isinstance(came, EdgeReturned), came
    assert came.result == "function"


# Node


ATOMS = (
    "a",
    "b",
    "1",
    ".5",
    "'/'",
    "of",
    "async",
    "await",
    "/[/`]x/g",
    "/'/.source.length",
    "o.if",
)
VALUES = (
    *("(¤)", "[¤][0]", "({p: ¤}).p", "- ¤", "a++", "b--", "typeof ¤", "`/${¤}/`", "{} / ¤"),
    *("¤ / ¤", "¤\n/ ¤ /g", "¤ + ¤", "a ? {b: ¤} : ¤", "a ? ¤: {} / ¤", "[¤, ¤] / 2 / ¤"),
    "function () { t++; return ¤ }() / ¤",
    "(() => { t++; return ¤ })() / ¤",
    "(x => (t++, ¤))(2) / ¤",
    "(a ? x => (t++, ¤) : x => (t++, ¤))(2) / ¤",
    "(x => x ? y => (t++, ¤) : (t++, ¤))(0) / ¤",
    "{while(x) { t++; return ¤ }}.while(1) / 2",
    "{['k'](x) { t++; return ¤ / x }, async: 1, if: ¤}.k(3)",
    "{get in() { t++; return ¤ }}.in\n/ 3",
)
STATEMENTS = (
    *("out.push(¤);", "out.push(¤)\n", "if (¤) /'/.test('x'); else { § }", "{ § }\n/'/.exec('a');"),
    *("var v@\n/`/.test(v@);", "x = ¤\n", "x = {p: ¤}\n", "{} /[/]/.test(¤);"),
    "var c@ = 0; while (c@++ < 2) { t++; § }",
    "l@: for (var c@ = 0; c@ < 3; c@++) { t++; § if (c@) break l@\n/'/.test('') }",
    "var c@ = 0; do { t++; § } while (c@++ < 1) /'/.test('a');",
    "for (var k@ in {a: ¤, in: 1}) { t++; § }",
    "for (var c@ = o.in; c@ < 3; c@++) t++;",
    "switch (¤) { case ¤ / 2: /'/.test(''); default: § }",
    "function f@(x) { t++; § return ¤ / 2 }\n/'/g.test(f@(1));",
    "x = () => { t++; § }\n/`/g.test(x());",
    "try { § throw ¤ } catch (e@) { § } finally { § }",
    "try { § } finally { out.push(¤) }\n/'/.test('');",
    "out.push((function () { t++; § return\n/'/.test(¤) })());",
)
"""Each `t++` is the one turn or call of something that has a meter."""


def built(kinds: tuple[str, ...], leaves: Any, parts: Callable[[str], list[Any]]) -> Any:
    """Trees: one of `kinds`, with what stands for its `¤` and `§`, or one of `leaves`."""
    inner = st.sampled_from(kinds).flatmap(lambda text: st.tuples(st.just(text), *parts(text)))
    return st.one_of(leaves, inner, inner)


def code_strategy() -> Any:
    atoms = st.sampled_from(ATOMS).map(lambda text: (text,))
    values = statements = atoms
    for _ in range(3):
        below = values
        values = built(VALUES, atoms, lambda text, below=below: [below] * text.count("¤"))
    leaf = values.map(lambda value: ("out.push(¤);", value))
    statements = leaf
    for _ in range(2):
        below = statements
        places = {"¤": values, "§": below}
        statements = built(
            STATEMENTS, leaf, lambda text, places=places: [places[it] for it in text if it in "¤§"]
        )
    return st.lists(statements, min_size=1, max_size=4)


def written(tree: Any, numbers: Iterator[int]) -> str:
    """The code of a tree, in which each `@` of one piece is the same number."""
    text, *below = tree
    parts, own = iter(below), str(next(numbers))
    pieces = (
        written(next(parts), numbers) if it in "¤§" else own if it == "@" else it for it in text
    )
    return "".join(pieces)


DRIVER = """
const vm = require('vm');
const meters = { count: 0 };
const M = () => { meters.count++; return true };
const E = (_, o) => { meters.count += Object.keys(o).length + 1; return o };
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { plain, text, judged } = JSON.parse(line), answer = {};
  try {
    new vm.Script(judged);
    answer.plain = vm.runInThisContext(plain)()();
    meters.count = 0;
    const factory = vm.runInThisContext(text);
    answer.metered = factory(null, null, M, E, (s) => s, () => 0, () => 0)()();
    answer.count = meters.count;
  } catch (error) { answer.error = String(error) }
  console.log(JSON.stringify(answer));
});
"""


@pytest.fixture(scope="module")
def ask_node() -> Iterator[Callable[[dict[str, str]], dict[str, Any]]]:
    """Asks one Node.js for what code answers."""
    node = need("node", "meters are not tested against it")
    pipe = subprocess.PIPE
    with subprocess.Popen([node, "-e", DRIVER], text=True, stdin=pipe, stdout=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        given, answers = process.stdin, process.stdout

        def ask(question: dict[str, str]) -> dict[str, Any]:
            given.write(json.dumps(question) + "\n")
            given.flush()
            return json.loads(answers.readline())

        yield ask
        given.close()


@settings(max_examples=150, deadline=None)
@given(trees=code_strategy())
def test_metered_code_does_what_it_did_and_all_of_it_has_a_meter(
    ask_node: Callable[[dict[str, str]], dict[str, Any]], trees: Any
) -> None:
    numbers = count()
    body = "".join(written(tree, numbers) for tree in trees)
    source = (
        "function handler() { var a = 2, b = 3, g = 1, t = 0, of = 4, async = 5, await = 6, x = 1, "
        f"out = [], o = {{if: 7, in: 1}}; {body} return JSON.stringify([t, out]) }}"
    )
    code = metered(source, NAMES)
    assert code.text.count("M(") + code.text.count("E(") == source.count("t++") + 1
    plain = f'(function () {{"use strict"; {source}\nreturn handler }})'
    answer = ask_node({"plain": plain, **code._asdict()})
    assert "error" not in answer, answer["error"]
    assert answer["metered"] == answer["plain"]
    turns, _ = json.loads(answer["plain"])
    assert answer["count"] > turns
