"""The modules crypto, querystring and buffer say what those of Node.js say.

One Node.js runs the whole table, the engine the same lines; what either throws counts by its name.
"""

from __future__ import annotations

import json
import subprocess
from functools import cache

import pytest

from edgegw.cloudfront.edge_functions.model import EdgeCall, EdgeFunction, EdgeReturned
from edgegw.execution import edge_context
from edgegw.execution.edge_context import EdgeContext

TEXTS = ["", "a", "abc", "é€😀", "x" * 55, "x" * 56, "x" * 63, "x" * 64, "x" * 65, "y" * 200]
HASHES = [
    f"crypto.createHash('{name}').update({json.dumps(text)}).digest({encoding})"
    for name in ("md5", "sha1", "sha256")
    for text in TEXTS
    for encoding in ("'hex'", "'base64'", "'base64url'")
]
HMACS = [
    f"crypto.createHmac('{name}', {json.dumps(key)}).update({json.dumps(text)}).digest('hex')"
    for name in ("md5", "sha1", "sha256")
    for key in ("", "key", "k" * 64, "k" * 65, "é")
    for text in ("", "message", "m" * 100)
]
CRYPTO = [
    "crypto.createHash('sha256').update('a').update('b').digest('hex')",
    "crypto.createHash('sha256').update(Buffer.from([0, 255, 128])).digest('hex')",
    "crypto.createHash('sha256').update(new Uint8Array([1, 2, 3])).digest('hex')",
    "crypto.createHash('md5').update('a').digest().toString('hex')",
    "crypto.createHash('sha1').update('6162', 'hex').digest('hex')",
    "crypto.createHmac('sha256', Buffer.from([1, 2])).update('a').digest('base64')",
    "(function () { var h = crypto.createHash('md5'); h.digest(); return h.digest() })()",
    "(function () { var h = crypto.createHash('md5'); h.digest(); return h.update('a') })()",
    "crypto.createHash('md5').update(1)",
]
QUERIES = [
    *("", "a", "a=", "=a", "=", "&", "a=1&b=2", "a=1&a=2&a=3", "a=b=c", "a&a&a", "&&a=1&&"),
    *(
        "a+b=c+d",
        "%41=%42",
        "%c3%a9=%e2%82%ac",
        "a=%",
        "a=%4",
        "a=%zz",
        "a=%ff",
        "a=%c3",
        "a=%ed%a0%80",
    ),
    *("é=€", "constructor=1", "__proto__=1", "a%3Db=1", "a[]=1&a[]=2", "a=1;b=2"),
]
OBJECTS = [
    *(
        "{}",
        "{a: 1}",
        "{a: 'b c'}",
        "{a: [1, 2]}",
        "{a: true, b: false}",
        "{a: null, b: undefined}",
    ),
    *(
        "{a: NaN, b: Infinity, c: 1.5}",
        "{'é ': '€&='}",
        "{a: []}",
        "{a: {}}",
        "null",
        "'text'",
        "{a: ''}",
    ),
    '{a: "!\'()*~-_."}',
]
QUERYSTRING = [
    *(f"querystring.parse({json.dumps(query)})" for query in QUERIES),
    *(f"querystring.stringify({given})" for given in OBJECTS),
    *(f"querystring.{name}" for name in ("escape('a b&é')", "unescape('a%20b%zz%ff')", "escape('')")),
    "querystring.parse('a:1;b:2', ';', ':')",
    "querystring.stringify({a: 1, b: [2, 3]}, ';', ':')",
    "querystring.parse('a=1&b=2&c=3', null, null, {maxKeys: 2})",
    "Object.keys(querystring.parse('a&'.repeat(1).concat(Array.from({length: 1200}, (_, i) => 'k' + i).join('&')))).length",
    "Object.keys(querystring.parse(Array.from({length: 1200}, (_, i) => 'k' + i).join('&'), '&', '=', {maxKeys: 0})).length",
    "querystring.parse('a=%41', '&', '=', {decodeURIComponent: (t) => t + '!'})",
    "querystring.stringify({a: 'b'}, '&', '=', {encodeURIComponent: (t) => '<' + t + '>'})",
    "querystring.decode('a=1').a + querystring.encode({a: 1})",
]  # fmt: skip
NUMBERS = [
    f"Buffer.from([{', '.join(map(str, row))}]).read{kind}{bits}{order}(0)"
    for row in ([1, 2, 3, 4, 5, 6, 7, 8], [255, 254, 253, 252, 251, 250, 249, 248], [0, 128, 0, 0, 0, 0, 0, 1])
    for kind in ("Int", "UInt")
    for bits, order in (("8", ""), *((size, end) for size in ("16", "32") for end in ("LE", "BE")))
]  # fmt: skip
WRITTEN = [
    f"(function () {{ var b = Buffer.alloc(8); var n = b.write{name}; return [n, b] }})()"
    for name in (
        *("Int8(-1, 2)", "UInt8(255, 0)", "Int16LE(-2, 1)", "Int16BE(300, 1)", "UInt32LE(4294967295, 4)"),
        *("UInt32BE(1, 0)", "IntLE(-5, 1, 3)", "IntBE(-5, 1, 6)", "UIntLE(123456789, 0, 5)", "UIntBE(9, 2, 1)"),
        *("FloatLE(1.5, 0)", "FloatBE(-0.1, 4)", "DoubleLE(Math.PI, 0)", "DoubleBE(NaN, 0)"),
        *("Int8(200, 0)", "UInt8(-1, 0)", "Int16LE(1, 7)", "UInt8(1, 8)", "UIntLE(1, 0, 7)", "Int8(1, 0.5)"),
    )
]  # fmt: skip
BUFFER = [
    *NUMBERS,
    *WRITTEN,
    *(f"Buffer.from({json.dumps(text)}, '{name}')" for text in ("", "aGk=", "aGk", "a-_b", "a+/b", "zz", "6869", "686", "6x", "é😀", "a b\nc=d") for name in ("utf8", "hex", "base64", "base64url")),
    *(f"Buffer.from([0, 1, 250, 255, 104]).toString({name})" for name in ("", "'hex'", "'base64'", "'base64url'", "'utf8'", "'hex', 1, 3", "'hex', -1, 99", "'hex', 3, 1")),
    *(f"Buffer.from([{data}]).toString()" for data in ("0xc3", "0xe2, 0x82", "0xf0, 0x9f, 0x98", "0xff, 0x41", "0xed, 0xa0, 0x80", "0xc0, 0x80", "0xf5, 0x80")),
    "Buffer.alloc(3)", "Buffer.alloc(3, 1)", "Buffer.alloc(5, 'ab')", "Buffer.alloc(4, '6162', 'hex')", "Buffer.alloc(-1)", "Buffer.alloc('1')",
    "Buffer.allocUnsafe(2).length", "Buffer.byteLength('é')", "Buffer.byteLength('aGk=', 'base64')", "Buffer.byteLength(Buffer.alloc(3))",
    "Buffer.compare(Buffer.from('a'), Buffer.from('b'))", "Buffer.compare(Buffer.from('ab'), Buffer.from('a'))", "Buffer.compare('a', 'b')",
    "Buffer.concat([Buffer.from('a'), Buffer.from('bc')])", "Buffer.concat([Buffer.from('abc')], 2)", "Buffer.concat([Buffer.from('a')], 3)", "Buffer.concat('a')", "Buffer.concat([])",
    "Buffer.isBuffer(Buffer.alloc(1))", "Buffer.isBuffer(new Uint8Array(1))", "Buffer.isBuffer('a')",
    *(f"Buffer.isEncoding({name})" for name in ("'utf8'", "'HEX'", "'base64'", "'base64url'", "'x'", "1", "''")),
    "Buffer.from(Buffer.from('abc'))", "Buffer.from([256, -1, 1.9, '7', 'x'])", "Buffer.from({length: 2, 0: 5, 1: 6})", "Buffer.from(new Uint8Array([1, 2]).buffer, 1)", "Buffer.from(JSON.parse(JSON.stringify(Buffer.from('hi'))))",
    "Buffer.from(1)", "Buffer.from(null)", "Buffer.from(new String('ab'))", "Buffer.from('a', 'nope')",
    *(f"Buffer.from('abcdef').slice({given})" for given in ("", "2", "-2", "1, 3", "1, -1", "4, 2", "99")),
    *(f"Buffer.from('abcdef').subarray({given})" for given in ("2", "-3, -1", "0, 99")),
    "(function () { var b = Buffer.from('abc'); b.slice(1)[0] = 120; return b.toString() })()",
    *(f"Buffer.from('abcabc').indexOf({given})" for given in ("'b'", "'b', 2", "'b', -2", "'z'", "98", "Buffer.from('ca')", "''", "'', 9", "'YmM=', 0, 'base64'", "'b', 'utf8'")),
    *(f"Buffer.from('abcabc').lastIndexOf({given})" for given in ("'b'", "'b', 3", "'b', -3", "'z'", "'abc'", "99")),
    "Buffer.from('abc').includes('bc')", "Buffer.from('abc').includes('x')", "Buffer.from('abc').indexOf(null)",
    "Buffer.from('abc').equals(Buffer.from('abc'))", "Buffer.from('abc').equals(new Uint8Array([97]))", "Buffer.from('abc').equals('abc')",
    "Buffer.from('abcd').compare(Buffer.from('xbcx'), 1, 3, 1, 3)",
    "(function () { var t = Buffer.alloc(4); return [Buffer.from('abc').copy(t, 2), t] })()", "(function () { var t = Buffer.alloc(4); return [Buffer.from('abc').copy(t, 0, 1, 2), t] })()",
    *(f"Buffer.alloc(5).fill({given})" for given in ("1", "'ab'", "'ab', 1", "'ab', 1, 3", "'6162', 'hex'", "Buffer.from([1, 2])", "257", "''", "'ab', 9")),
    "(function () { var b = Buffer.alloc(4); return [b.write('é€'), b] })()", "(function () { var b = Buffer.alloc(4); return [b.write('abc', 2), b] })()", "(function () { var b = Buffer.alloc(4); return [b.write('6162', 1, 'hex'), b] })()", "(function () { var b = Buffer.alloc(4); return [b.write('abc', 0, 1), b] })()",
    *(f"Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]).swap{bits}()" for bits in (16, 32, 64)), "Buffer.alloc(3).swap16()",
    "JSON.stringify(Buffer.from('hi'))", "Buffer.from('hi').toJSON()", "Buffer.from('hi') instanceof Uint8Array", "Buffer.alloc(2).readInt8(2)", "Buffer.alloc(2).readInt16LE(1)",
]  # fmt: skip
LINES = [*HASHES, *HMACS, *CRYPTO, *QUERYSTRING, *BUFFER]

SHOWN = """function shown(run) {
  try {
    var value = run();
    return JSON.stringify(value === undefined ? 'undefined' : value);
  } catch (error) { return 'throws ' + (error.name === 'Error' ? 'Error' : error.name) }
}"""


@cache
def by_node() -> list[str]:
    runs = ",\n".join(f"() => {line}" for line in LINES)
    script = (
        "const crypto = require('crypto'), querystring = require('querystring');\n"
        f"{SHOWN}\nconsole.log(JSON.stringify([{runs}].map(shown)))"
    )
    ran = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    answers: list[str] = json.loads(ran.stdout)
    return answers


@cache
def by_engine() -> list[str]:
    """What the engine answers, without its limits: the table does much at once."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(edge_context, "FULL", 10**9)
        patched.setattr(edge_context, "LONGEST_RUN", 10_000)
        return _by_engine()


def _by_engine() -> list[str]:
    answers: list[str] = []
    for at in range(0, len(LINES), 40):
        runs = ",\n".join(f"() => {line}" for line in LINES[at : at + 40])
        code = (
            "const crypto = require('crypto'), querystring = require('querystring');\n"
            f"{SHOWN}\nfunction handler() {{ return [{runs}].map(shown) }}"
        )
        context = EdgeContext(EdgeFunction("f", code=code))
        came = context.run(EdgeCall("f", "{}"), tentative=False)
        assert isinstance(came, EdgeReturned), came
        answers += came.result  # type: ignore[operator]
    return answers


@pytest.mark.parametrize("at", range(0, len(LINES), 20))
def test_the_modules_say_what_those_of_node_say(at: int) -> None:
    part = slice(at, at + 20)
    pairs = zip(LINES[part], by_engine()[part], by_node()[part], strict=True)
    assert [(line, here, there) for line, here, there in pairs if here != there] == []
