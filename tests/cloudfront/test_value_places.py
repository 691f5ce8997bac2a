"""What a slash is: a table of what stands before it. `tests/execution/test_edge_meters.py` asks Node."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegw.cloudfront.edge_functions.tokens import words_of

REGEX = [
    "if (a) /b/.c",
    "if (a) b; else /b/.c",
    "while (a) /b/.c",
    "for (;;) /b/.c",
    "for (k in o) /b/.c",
    "do /b/.c; while (a)",
    "do a(); while (b) /b/.c",
    "{} /b/.c",
    "{ a }\n/b/.c",
    "if (a) {} /b/.c",
    "if (a) { b } else { c } /b/.c",
    "try {} catch (e) {} /b/.c",
    "try {} catch {} /b/.c",
    "try {} finally {} /b/.c",
    "switch (a) {} /b/.c",
    "switch (a) { case /b/: }",
    "switch (a) { case 1: /b/.c }",
    "switch (a) { case b ? c : d: /b/.c }",
    "switch (a) { default: /b/.c }",
    "label: /b/.c",
    "function f() {} /b/.c",
    "async function f() {} /b/.c",
    "a\nfunction f() {}\n/b/.c",
    "if (a) { function f() {} /b/.c }",
    "function f(a, b = function () {}) { } /b/.c",
    "x = () => {}\n/b/.c",
    "x = () => /b/",
    "var a\n/b/.c",
    "let a, b\n/b/.c",
    "var a = 1, b\n/b/.c",
    "function f() { return /b/ }",
    "function f() { return\n{ a }\n/b/.c }",
    "function* f() { yield /b/ }",
    "while (a) { break\n/b/.c }",
    "a: while (b) { continue a\n/b/.c }",
    "debugger\n/b/.c",
    "throw /b/",
    "typeof /b/",
    "a in /b/",
    "a instanceof /b/",
    "new /b/.c",
    "async function f() { await /b/ }",
    "x = {async f() { await /b/ }}",
    "x = {async [f]() { await /b/ }}",
    "async function f() { if (a) { await /b/ } }",
    "x = async () => { await /b/ }",
    "x = async a => { await /b/ }",
    "x = async () => await /b/",
    "x = async a => await /b/",
    "x = async a => c ? d : await /b/",
    "async function f() { x = c ? d => e : await /b/ }",
    "async function f() { x = [d => e, await /b/] }",
    "async function f() { x = d => e; await /b/ }",
    "async function f() { x = d => e\nawait /b/ }",
    "x = async a => [await /b/]",
    "x = a ? /b/ : c",
    "x = a ? {b: c} : /b/",
    "x = {a: /b/}",
    "x = {[/b/]: 1}",
    "x = [/b/]",
    "f(/b/)",
    "f(a, /b/)",
    "!/b/.c",
    "x = /b/",
    "x += /b/",
    "a\n++/b/.c",
    "`${/b/}`",
    "`a${`${/b/}`}`",
    "a; /b/.c",
    "a, /b/.c",
    "a / /b/",
    "a = {}; /b/.c",
    "x = a\n{ b }\n/b/.c",
    "/b/.c",
]
DIVISION = [
    "a /b/ c",
    "a\n/b/ c",
    "1 /b/ c",
    ".5 /b/ c",
    "'' /b/ c",
    "/a/g /b/ c",
    "`a` /b/ c",
    "`${a}` /b/ c",
    "(a) /b/ c",
    "f(a) /b/ c",
    "if (a) f(b) /b/ c",
    "a.if(b) /b/ c",
    "a.while(b)\n/b/ c",
    "a[0] /b/ c",
    "[a] /b/ c",
    "x = {} /b/ c",
    "x = {a: {}} /b/ c",
    "({}) /b/ c",
    "f({} /b/ c)",
    "[{} /b/ c]",
    "function f() { return {} /b/ c }",
    "throw {} /b/ c",
    "a ? {} /b/ c : d",
    "a ? b : {} /b/ c",
    "switch (a) { case {} /b/ c: }",
    "`${{} /b/ c}`",
    "x = function () {} /b/ c",
    "x = async function () {} /b/ c",
    "(function () {} /b/ c)",
    "x = function () {}\n/b/ c",
    "a++ /b/ c",
    "a--\n/b/ c",
    "(a)++ /b/ c",
    "a.return /b/ c",
    "a.in /b/ c",
    "a\n.typeof /b/ c",
    "x = {return: a /b/ c}",
    "x = {get if() { return a /b/ c }}",
    "x = {a() {}, b: 1 /b/ c}",
    "x = {a, b} /b/ c",
    "this /b/ c",
    "null /b/ c",
    "of /b/ c",
    "async /b/ c",
    "get /b/ c",
    "await /b/ c",
    "async function f() { function g() { await /b/ c } }",
    "async function f() { x = () => { await /b/ c } }",
    "async function f() { x = () => await /b/ c }",
    "async function f() { x = () => [await /b/ c] }",
    "x = async(await /b/ c)",
    "x = async () => d => await /b/ c",
    "x = [async a => d, await /b/ c]",
    "x = c ? async a => d : await /b/ c",
    "x = async a => d\nawait /b/ c",
    "x = {async, f() { await /b/ c }}",
    "x = {async: 1, f() { await /b/ c }}",
    "x = {async() { await /b/ c }}",
    "new a /b/ c",
    "function f() { new.target /b/ c }",
    "var a = b\n/b/ c",
    "var a = 1, b = 2\n/b/ c",
    "for (var a = 1, b = 2; a /b/ c;) {}",
    "for (var a = 1; f(), await /b/ c;) {}",
    "a => b /b/ c",
    "x = a\nb /b/ c",
    "a /= b /b/ c",
]


@pytest.mark.parametrize("code", REGEX)
def test_a_regular_expression(code: str) -> None:
    assert [word.text for word in words_of(code).words if word.kind == "regex"] == ["/b/"]


@pytest.mark.parametrize("code", DIVISION)
def test_a_division(code: str) -> None:
    words = words_of(code).words
    assert [word.text for word in words if word.kind == "regex"] in ([], ["/a/g"])
    assert [word.text for word in words if word.text == "/"] == ["/", "/"]


@pytest.mark.parametrize(
    ("code", "bodies"),
    [
        ("function f() { b }", 1),
        ("x = function () { b }", 1),
        ("function f({a}) { b }", 1),
        ("function f(a = {}, g = () => { b }) { b }", 2),
        ("x = {while(a) { b }, get if() { b }, [c]() { b }, 1() { b }, 'd'() { b }}", 5),
        ("x = {async f() { b }, async [g]() { b }, *h() { b }, async *i() { b }}", 4),
        ("x = () => { b }", 1),
        ("x = a => ({b})", 0),
        ("if (a) { b } else { b } while (a) { b } do { b } while (a)", 0),
        ("switch (a) { case 1: { b } } try { b } catch (e) { b } finally { b }", 0),
        ("a: { b } { b }", 0),
    ],
)
def test_what_braces_open_a_function(code: str, bodies: int) -> None:
    assert len(words_of(code).bodies) == bodies


@pytest.mark.parametrize(
    ("code", "keys"),
    [
        ("a.while(b)?.for", {"while", "for"}),
        ("x = {if: a, get class() { b }, c, d: e, f() {}}", {"if", "class", "d", "f"}),
        ("x = {async f() {}, async [g]() {}, set 'a'(b) {}, get: 1, async}", {"f", "get"}),
        ("x = {a, b}", set()),
        ("x = a ? b : c; d: e", set()),
        ("x = {a: b ? c : d, e: f}", {"a", "e"}),
    ],
)
def test_names_that_are_members(code: str, keys: set[str]) -> None:
    words = words_of(code)
    assert {words.words[at].text for at in words.keys} == keys


PIECES = (
    "if (",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "`${",
    "`",
    "=>",
    "async function",
    "await ",
    "/",
    "\n",
)
PIECES += ("x", ":", ",", "?", "++", "var ", "return ", "case ", ".", "'a'", "1", ";", "*", "get ")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_any_words_can_be_read(code: str) -> None:
    words = words_of(code)
    assert all(words.words[at].text == "{" for at in words.bodies)
    assert all(words.words[at].kind == "name" for at in words.keys)
