"""The code of CloudFront Functions: its words, what the runtime lacks of it, and its meters."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgegw.cloudfront.edge_functions import syntax_rules
from edgegw.cloudfront.edge_functions.limits import BASE, FULL, utilization
from edgegw.cloudfront.edge_functions.metering import MeterNames, metered
from edgegw.cloudfront.edge_functions.model import EdgeRuntime
from edgegw.cloudfront.edge_functions.static_check import (
    has_handler,
    size_fault,
    syntax_findings,
)
from edgegw.cloudfront.edge_functions.tokens import Words, words_of

OLD: EdgeRuntime = "cloudfront-js-1.0"
NEW: EdgeRuntime = "cloudfront-js-2.0"

ROWS = [
    # code, what 1.0 says, what 2.0 says (r refused, w warned, - nothing), the word
    ("let a = 1", "r", "-", "let"),
    ("const a = 1", "r", "-", "const"),
    ("class A {}", "r", "r", "class"),
    ("for (var a of b) {}", "r", "r", "of"),
    ("var {a} = b", "r", "r", "{"),
    ("var [a] = b", "r", "r", "["),
    ("[a, b] = [b, a]", "r", "r", "["),
    ("({a: b} = c)", "r", "r", "{"),
    ("function f({a}) {}", "r", "r", "{"),
    ("var f = ([a]) => a", "r", "r", "["),
    ("try {} catch ({a}) {}", "r", "r", "{"),
    ("a?.b", "r", "r", "?."),
    ("a ?? b", "w", "w", "??"),
    ("a ||= b", "r", "r", "||="),
    ("a ??= b", "r", "r", "??="),
    ("try {} catch {}", "r", "r", "{"),
    ("var a = {...b}", "r", "r", "..."),
    ("f(...b)", "w", "r", "..."),
    ("[...b]", "w", "r", "..."),
    ("function* f() {}", "r", "r", "*"),
    ("var o = {a: 1, *f() {}}", "r", "r", "*"),
    ("function f(a = 1) {}", "r", "r", "="),
    ("var f = (a, b = 1) => a", "r", "r", "="),
    ("async function f() {}", "r", "-", "async"),
    ("var o = {a: 1, async f() {}}", "r", "-", "async"),
    ("var f = async () => 1", "r", "w", "async"),
    ("var f = async a => 1", "r", "w", "async"),
    ("async function f() { g(await h) }", "rr", "r", "async"),
    ("async function f() { g((await h).a) }", "rr", "r", "async"),
    ("async function f() { g({a: [`${await h}`]}) }", "rr", "r", "async"),
    ("async function f() { g(function () { i() }, await h) }", "rr", "r", "async"),
    ("function f() { var a = await g() }", "r", "r", "await"),
    ("async function f() { g(function () { return await h }) }", "rr", "r", "async"),
    ("await f()", "r", "r", "await"),
    ("/a/u.test(b)", "r", "r", "u"),
    ("/a/gsi.test(b)", "r", "r", "gsi"),
    ("/a/y.test(b)", "r", "-", "y"),
    ("var a = 0x1fn", "r", "r", "0x1fn"),
    ("var s = `${a}${b}`; return 1", "r", "r", "return"),
    ("var s = `${a}${b}`, o = {...c}", "r", "r", "..."),
    ("a.localeCompare(b)", "w", "w", "localeCompare"),
    ("import a from 'crypto'", "r", "-", "import"),
    ("import {a} from 'crypto'", "rr", "r", "import"),
    ("export function f() {}", "r", "r", "export"),
    ("var a = 1n", "r", "r", "1n"),
    ("f(]", "r", "r", "]"),
    ("return 1", "r", "r", "return"),
    ("new Map()", "w", "w", "Map"),
    ("setTimeout(f)", "w", "w", "setTimeout"),
    ("eval(a)", "w", "w", "eval"),
    ("new Function(a)", "w", "w", "Function"),
    ("var fs = require('fs')", "w", "w", "'fs'"),
    ("import fs from 'fs'", "rw", "w", "import"),
    ('var b = require("buffer")', "w", "-", '"buffer"'),
    ("var cf = require('cloudfront')", "w", "-", "'cloudfront'"),
    ("Array.from(a)", "w", "w", "from"),
    ("a.flat()", "w", "w", "flat"),
    ("Buffer.from(a)", "w", "-", "Buffer"),
    ("Promise.all(a)", "w", "-", "all"),
    ("a.replaceAll(b, c)", "w", "-", "replaceAll"),
    ("var a = 1_000", "w", "-", "1_000"),
    ("String.bytesFrom(a)", "-", "w", "bytesFrom"),
    ("console.error(a)", "w", "w", "error"),
    ("console.log(a, b)", "w", "w", "log"),
]  # fmt: skip


def said(code: str, runtime: EdgeRuntime) -> str:
    findings = syntax_findings(code, runtime)
    return "".join("r" if finding.is_refused else "w" for finding in findings) or "-"


@pytest.mark.parametrize(("code", "old", "new", "word"), ROWS, ids=[row[0] for row in ROWS])
def test_what_the_runtimes_lack(code: str, old: str, new: str, word: str) -> None:
    assert said(code, OLD) == old
    assert said(code, NEW) == new
    words = [finding.word for runtime in (OLD, NEW) for finding in syntax_findings(code, runtime)]
    assert words[0] == word


def test_every_rule_of_the_table_has_a_row() -> None:
    shown = {
        finding.rule.construct
        for row in ROWS
        for runtime in (OLD, NEW)
        for finding in syntax_findings(row[0], runtime)
    }
    assert shown == {rule.construct for rule in syntax_rules.SYNTAX_RULES}


@pytest.mark.parametrize(
    "code",
    [
        "var a = b[0]; a[1] = 2; f()[0] = 1; a['x'][y] = 3",
        "var re = /[/]of ...{a} = (/g, half = a / 2 / b",
        "var s = 'class ?. of', t = `a ${b ? `${c}` : '}'} class`",
        "var o = {let: 1, class: 2, of: 3, async: 4}; o.class = o.let",
        "function f(...rest) { return rest }",
        "for (var i = 0, of = 1; i < of; i++) {}",
        "for (var of = 1; of < 2; of++) {}",
        "for (var of in a) {}",
        "for (var a = {of: 1}.of; a < 2; a++) {}",
        "x = {get class() { return 1 }, let: 2, async await() {}}",
        "var f = (a, b) => ({a: a, b: b})",
        "if (a) { x = {b: 1} } else { y = [1] }",
        "// class\n/* for (a of b) */ var x = 1 ?.5 : 2",
        "a = b ? c : d; label: while (x) { break label }",
        "var v = new Uint8Array(2), d = v.length / 2, e = /x/.test('y')",
        "async function handler(e) { var v = await k.get('a'); if (await x()) { return v } return (await y) }",
        "async function f() { g(h(), await i) }",
        "async function f() { g(async function () { await h }); [await i, `${await j}`] }",
        "var o = {async a() { await b }}; async function f() { g(o); await h; this.catch() }",
        "var await = 1, a = await + await; f(await)",
        "if (typeof module !== 'undefined' && module.exports) { module.exports = {handler: handler} }",
        "function f(process, url) { return process.env } var a = 1, fetch = f",
        "var re = /(?<a>b)/gim, s = 'a'.split(/,/y)",
        "p.catch(function (e) {}); var o = {catch: 1, catch() {}}",
    ],
)
def test_nothing_is_said_of_what_both_have(code: str) -> None:
    assert said(code, NEW) == "-"


def test_a_finding_says_where_and_the_error_that_is_to_come() -> None:
    (finding,) = syntax_findings("var a;\n  for (const b of c) {}\n", NEW)
    assert (finding.line, finding.column) == (2, 16)
    assert finding.error == 'SyntaxError: Token "of" not supported in this version in 2'
    assert finding.text.startswith("for…of is not in this runtime")
    (finding,) = syntax_findings("async function f() { g(await h()) }", NEW)
    assert finding.error == "SyntaxError: await in arguments not supported in 1"
    (finding,) = syntax_findings("if (a) {\n  module.exports = 1 }", NEW)
    assert finding.text.startswith("module is not on AWS's list")


@pytest.mark.parametrize(
    ("code", "runtime", "error"),
    [
        ("try {} catch {}", NEW, 'Token "{" not supported in this version'),
        ("const a = 1", OLD, 'Token "const" not supported in this version'),
        ("f(function ([a]) {})", NEW, 'Token "[" not supported in this version'),
        ("f(([a]) => a)", NEW, 'Unexpected token "=>"'),
        ("f((a = 1) => a)", NEW, 'Unexpected token "=>"'),
        ("function f(a = 1) {}", NEW, 'Unexpected token "="'),
        ("var f = async () => 1", OLD, 'Unexpected token "=>"'),
        ("const {a} = b", NEW, 'Token "a" not supported in this version'),
        ("[...a]", NEW, 'Unexpected token "..."'),
        ("a ||= b", NEW, 'Unexpected token "="'),
        ("/a/gu", NEW, 'Invalid RegExp flags "gu"'),
        ("export {a}", NEW, "Illegal export statement"),
        ("function f() { await a }", NEW, "await is only valid in async functions"),
    ],
)
def test_the_error_is_that_of_the_runtime(code: str, runtime: EdgeRuntime, error: str) -> None:
    (finding,) = syntax_findings(code, runtime)
    assert finding.error == f"SyntaxError: {error} in 1"


NAMES = MeterNames("M", "E", "T", "L", "C", "X")


def test_size_counts_bytes() -> None:
    assert size_fault("a" * 10240) is None
    assert size_fault("é" * 5121) == "the code has 10242 bytes, at most 10240"
    assert has_handler("var handler = 1")
    assert not has_handler("'handler'")


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="(){}[]`$/\\'\"\n= abof;.?*+-<>!&|0123.e_#é²", max_size=60))
@example("=>")
@example("a =>")
def test_anything_can_be_read(code: str) -> None:
    words = words_of(code)
    assert "".join(code[word.start : word.end] for word in words.words).replace(" ", "") or True
    syntax_findings(code, NEW)
    if words.mismatch is None:
        metered(code, NAMES)


# Meters


@pytest.mark.parametrize(
    ("code", "with_meters"),
    [
        ("function f(a) { return a }", "function f(a) {M(5); return a }"),
        ("while (a) b()", "while (M(8),a) b()"),
        ("do { a } while (b)", "do { a } while (M(5),b)"),
        ("for (;;) {}", "for (;M(8);) {}"),
        ("for (i = 0; i < 3; i++) {}", "for (i = 0;M(16), i < 3; i++) {}"),
        ("for (k in o) {}", "for (k in E(9, o)) {}"),
        ("x = a => a + 1", "x = a => (M(4),a + 1)"),
        ("x = a => b => { c }\n[1].d", "x = a => (M(3),b => {M(4); c });\n[1].d"),
        ("x = a => b => c => {}\n(d)", "x = a => (M(3),b => (M(3),c => {M(3);}));\n(d)"),
        ("x = a => b => { c }\n/d/.e", "x = a => (M(3),b => {M(4); c });\n/d/.e"),
        ("f(a => b => { c }\n, d)", "f(a => (M(3),b => {M(4); c })\n, d)"),
        ("x = a => typeof\n  b", "x = a => (M(3),typeof\n  b)"),
        ("x = a => --\n  b", "x = a => (M(3),--\n  b)"),
        ("x = a => b\n++c", "x = a => (M(2),b)\n++c"),
        ("x = a => b\n!c", "x = a => (M(2),b)\n!c"),
        ("x = a => b\n{ c }", "x = a => (M(2),b)\n{ c }"),
        ("x = a => b\n  !== c", "x = a => (M(4),b\n  !== c)"),
        ("x = c ? a => b : d", "x = c ? a => (M(2),b) : d"),
        ("x = a => c ? b => d : e", "x = a => (M(7),c ? b => (M(2),d) : e)"),
        ("x = c ? a => d ? e : f : g", "x = c ? a => (M(6),d ? e : f) : g"),
        ("x = {a: b => c ? d : e, f: g}", "x = {a: b => (M(6),c ? d : e), f: g}"),
        ("f(a => b, c)", "f(a => (M(2),b), c)"),
        ("x = a => b => a", "x = a => (M(3),b => (M(2),a))"),
        ("x = a => a\nb()", "x = a => (M(2),a)\nb()"),
        ("x = a =>\n  a\n  .b", "x = a =>\n  (M(4),a\n  .b)"),
        ("x = {f(a) { return 1 }, get g() { return 2 }}", "x = {f(a) {M(5); return 1 }, get g() {M(5); return 2 }}"),
        ("x = `${a.map(b => b)}`", "x = `${a.map(b => (M(2),b))}`"),
        ("if (a) { b }", "if (a) { b }"),
        ("import c from 'crypto'", "const c = require('crypto')"),
        ("while\u3000(a) b()", "while\u3000(M(8),a) b()"),
        ("a <!-- `\nwhile (a) b()", "a <!-- `\nwhile (M(8),a) b()"),
        ("a\n--> `\nwhile (a) b()", "a\n--> `\nwhile (M(8),a) b()"),
        ("a // \u2028while (a) b()", "a // \u2028while (M(8),a) b()"),
        ("x = a =>\n  a\u2028b()", "x = a =>\n  (M(2),a)\u2028b()"),
        ("x = a => `${a}${b}c`", "x = a => (M(6),`${a}${b}c`)"),
    ],
)  # fmt: skip
def test_a_meter_stands_in_every_function_and_loop(code: str, with_meters: str) -> None:
    head, tail = (
        '(function(require,console,M,E,T,L,C){return(function(){"use strict";',
        "\nreturn typeof handler",
    )
    text = metered(code, NAMES).text
    assert text.startswith(head)
    assert text.removeprefix(head).partition(tail)[0] == with_meters


BOTH = "a * a; " * 16  # as much as stands between two looks


@pytest.mark.parametrize(
    ("code", "with_calls"),
    [
        ("s += t", "T(s += t)"),
        ("s += 'a'", "s += 'a'"),
        ("s = t + u", "s = T(t + u)"),
        ("of = of + async", "of = T(of + async)"),
        ("x = await + await;", "x = T(await + await);"),
        ("x = await -a + b", "x = T(await -a + b)"),
        ("s\u0301 += s\u0301", "T(s\u0301 += s\u0301)"),
        ("\\u{73} += s", "T(\\u{73} += s)"),
        ("s = 'a' + t", "s = 'a' + t"),
        ("s = 'a' + t + 1 + u", "s = T('a' + t + 1 + u)"),
        ("o.a[b].c += f(d)", "T(o.a[b].c += f(d))"),
        ("s += c ? t : u", "T(s += c ? t : u)"),
        ("x = c ? s += t : u", "x = c ? T(s += t) : u"),
        ("if (a) s + t; else u", "if (a) T(s + t); else u"),
        ("if (a) +s", "if (a) +s"),
        ("return s + t", "return T(s + t)"),
        ("x = a * b + c", "x = T(a * b + c)"),
        ("x = a < b + c", "x = a < T(b + c)"),
        ("x = -a + typeof b", "x = T(-a + typeof b)"),
        ("x = i++ + j", "x = T(i++ + j)"),
        ("x = a + b\n++c", "x = T(a + b)\n++c"),
        ("x = a + b\nc()", "x = T(a + b)\nc()"),
        ("x = `a${b}` + `c${d}e${f}`", "x = T(`a${b}` + `c${d}e${f}`)"),
        ("x = {a: b + c, d: e}", "x = {a: T(b + c), d: e}"),
        ("x = {a: b}.c + d", "x = T({a: b}.c + d)"),
        ("x = a + function () { b }", "x = T(a + function () {M(4); b })"),
        ("f(a + b, c)", "f(T(a + b), c)"),
        ("x = a => a + b", "x = a => (M(4),T(a + b))"),
        ("for (k in a + b) {}", "for (k in E(11, T(a + b))) {}"),
        ("x = new A(b).c + d", "x = T(new A(b).c + d)"),
        (f"{BOTH}a - b", f"{BOTH}a - (L(), b)"),
        (f"{BOTH}-a", f"{BOTH}-(L(), a)"),
        (f"{BOTH}o[k]", f"{BOTH}o[L(),k]"),
        (f"{BOTH}[k]", f"{BOTH}[k]"),
        (f"{BOTH}a.f(b)[c]", f"{BOTH}(L(), a.f(b)[c])"),
        (f"{BOTH}!f(b)", f"{BOTH}(L(), !f(b))"),
        (f"{BOTH}new A(b)", f"{BOTH}(L(), new A(b))"),
        (f"{BOTH}delete f(b).c", f"{BOTH}(L(), delete f(b).c)"),
        (f"{BOTH}f(b).c = d", f"{BOTH}f(b).c = d"),
        (f"{BOTH}if (a) b", f"{BOTH}if (a) b"),
        (f"{BOTH}a.b++ - c.d++", f"{BOTH}a.b++ - (L(), c.d++)"),
        (f"{BOTH}R++\nf(a)", f"{BOTH}R++\n(L(), f(a))"),
        (f"{BOTH}x = [...a]", f"{BOTH}x = [...(L(), a)]"),
        (f"{BOTH}function f(a, ...b) {{}}", f"{BOTH}function f(a, ...b) {{M(3);}}"),
        ("try {} catch (e) {}", "try {} catch (e) {C(e);}"),
        ("try {} catch {}", "try {} catch(X) {C(X);}"),
        ("try {} finally {}", "try {} catch(X){try{C(X)}finally{throw X}}finally {}"),
        (
            "try {} catch (e) {} finally {}",
            "try {} catch (e) {C(e);try{}catch(X){try{C(X)}finally{throw X}}} finally {}",
        ),
        (
            "try {} catch {} finally {}",
            "try {} catch(X) {C(X);try{}catch(X){try{C(X)}finally{throw X}}} finally {}",
        ),
        ("p.catch(e => {}).finally(() => {})", "p.catch(e => {M(3);}).finally(() => {M(3);})"),
        (
            "async function f() { a }",
            "async function f() {M(4);try{ a }catch(X){try{C(X)}finally{throw X}}}",
        ),
        (
            "async function f() { function g() {} }",
            "async function f() {M(7);try{ function g() {M(3);} }catch(X){try{C(X)}finally{throw X}}}",
        ),
        (
            "f(g); async () => {}; function f() {} function g() {}",
            "f(g); async () => {M(3);try{}catch(X){try{C(X)}finally{throw X}}}; function f() {M(3);} function g() {M(3);try{}catch(X){try{C(X)}finally{throw X}}}",
        ),
        (
            "x = async a => a",
            "x = async a => {try{return(M(2),a);}catch(X){try{C(X)}finally{throw X}}}",
        ),
        ("x = {catch(e) {}}", "x = {catch(e) {M(3);}}"),
    ],
)
def test_calls_for_long_texts(code: str, with_calls: str) -> None:
    text = metered(code, NAMES).text.partition('{"use strict";')[2].partition("\nreturn typeof")[0]
    assert text.replace("(L(),", "(L(), ").replace("  ", " ") == with_calls


@pytest.mark.parametrize(
    "piece", ["a => ", "while (1) ", "a + ", "(function () {", "x = c ? s += ", "a => c ? "]
)
def test_code_is_read_in_proportion_to_its_length(
    piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, looks = Words.text, [0]

    def counted(words: Words, at: int) -> str:
        looks[0] += 1
        return text(words, at)

    monkeypatch.setattr(Words, "text", counted)
    taken: list[int] = []
    for times in (200, 400):
        looks[0] = 0
        closing = "})()" if piece.endswith("{") else ""
        metered(piece * times + "1" + closing * times, NAMES)
        taken.append(looks[0])
    assert taken[1] < 2.2 * taken[0]


def test_lines_stay_where_they_are() -> None:
    code = "function f() {\n  for (;;) {\n    x = () =>\n      1\n  }\n}\nvar handler = f"
    body = metered(code, NAMES).text.partition("\nreturn typeof")[0]
    assert body.count("\n") == code.count("\n")


def test_utilization() -> None:
    assert [utilization(0), utilization(FULL // 2), utilization(FULL), utilization(10 * FULL)] == [
        *(BASE, BASE + (100 - BASE) // 2, 100, 100)
    ]
