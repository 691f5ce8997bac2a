"""The code of a function with a meter in every function and every loop.

How much a run computes must not depend on how busy this machine is, so words are counted that are
executed, not time. Every body of a function and every turn of a loop begins with a call of the
meter, which gets the number of words in it, without those in bodies within:

    function f(a) {METER(9); …}          while (METER(12), a < b) …
    (a) => (METER(4), a + 1)             for (…; METER(12), i < n; i++) …
                                         for (k in METER_EACH(7, o)) …

Nothing moves to another line, so that lines in error messages are those of the source. The whole
becomes the body of one function in strict mode, which answers the handler: called anew for each
run, it gives each run its own variables, as the real runtime does. A function around it has the
meter, so that the `arguments` of the code do not; and its name is one that the code cannot have
(`meter_names`), so that no code sets its own meter back. Called once, it serves all runs of code
that leaves `require` and `console` as they are (`may_replace_globals`).

What words there are depends on what each slash is (`value_places`). The engine has the last word on
that: code is compiled as well with others in their place (`MeteredCode.judged`), and where it does
not compile so, it is kept from the event loop, since something of it may have no meter.

What is not counted, as no word of the source stands for it, is what built-in functions do inside:
those that can do much count themselves (`execution/edge_runtime/guards.js`).
"""

from __future__ import annotations

import hashlib
import re
from typing import Final, NamedTuple

from edgegw.cloudfront.edge_functions.catching import (
    catching,
    handed_over,
    hands_all_over,
)
from edgegw.cloudfront.edge_functions.expressions import closed_at, ends_behind, ends_statement
from edgegw.cloudfront.edge_functions.long_texts import CallAround, calls_around
from edgegw.cloudfront.edge_functions.tokens import Words, words_of


class _MeteredBody(NamedTuple):
    """Words that are executed together: from `first` to `last`, both included."""

    first: int
    last: int
    kind: str
    """`block`, `arrow`, `while`, `for`, `in`: where the meter goes."""
    at: int = 0


class MeterNames(NamedTuple):
    """What the calls are named that go into a source, which cannot name them itself."""

    meter: str
    for_in: str
    """The meter of `for…in`."""
    text: str
    look: str
    """Those of `long_texts`."""
    caught: str
    """What gets all that is caught, so that no code goes on as if there were no more memory."""
    error: str
    """The variable of a `catch` of our own."""


class MeteredCode(NamedTuple):
    """Code with its meter, and the same to be compiled only, which judges how it was read."""

    text: str
    judged: str


def metered(source: str, names: MeterNames, *, is_looked_at: bool = True) -> MeteredCode:
    """`source` as a function of (require, console, `names` of calls) → () → the handler.

    Its brackets must match (`Words.mismatch`); what else is wrong with it the engine says. What an
    event loop needs, the calls of `long_texts` and `catching`, is in it where it `is_looked_at`,
    and then `judged` has none of that, and other slashes.
    """
    words = words_of(source)
    insertions: dict[int, list[str]] = {}
    bodies = sorted(_bodies(words), key=lambda body: (body.first, -body.last))
    counts = _counts(bodies, len(words.words))
    is_over = is_looked_at and hands_all_over(source)
    for body, count in zip(bodies, counts, strict=True):
        _insert(words, body, count, names, insertions, hands_over=is_over)
    imports = _imports(words)
    if not is_looked_at:
        text = _function_of(_with(source, insertions, imports), names)
        return MeteredCode(text, text)
    judged = _with(source, insertions, {**_other_slashes(words), **imports})
    for offset, text in catching(words, names.caught, names.error):
        insertions.setdefault(offset, []).append(text)
    for around in sorted(calls_around(words), key=_outer_first):
        _insert_around(words, around, names, insertions)
    text = _with(source, insertions, imports)
    return MeteredCode(_function_of(text, names), _function_of(judged, names))


def _function_of(text: str, names: MeterNames) -> str:
    head = f"(function(require,console,{','.join(names[:-1])}){{{_OPENED}"
    return f"{head}{text}\nreturn typeof handler==='function'?handler:undefined;{_CLOSED}"


def _other_slashes(words: Words) -> dict[int, tuple[int, str]]:
    """Text in the place of slashes with which code compiles only if they were read rightly.

    That is `%` for a division, which no value begins with, and for a regular expression one that
    says `(?` where a division is meant. So the first slash that was taken for the other one is an
    error to the engine, and there is no code in a regular expression that is none.
    """
    replaced: dict[int, tuple[int, str]] = {}
    for word in words.words:
        if word.kind == "regex":
            replaced[word.start] = (word.end, "/(?:)/")
        elif word.kind == "sign" and word.text in ("/", "/="):
            replaced[word.start] = (word.end, word.text.replace("/", "%"))
    return replaced


_OPENED: Final = 'return(function(){"use strict";'
_CLOSED: Final = "});})"


def in_other_brackets(text: str) -> str:
    """What `metered` answered, in square brackets: only to see whether that compiles as well.

    Code that ends the function around it, and begins another, ends it in one kind of brackets.
    """
    head, _, rest = text.partition(_OPENED)
    opened, closed = _OPENED.replace("(", "[", 1), "}];})"
    return f"{head}{opened}{rest.removesuffix(_CLOSED)}{closed}"


_REPLACES: Final = re.compile(r"\bconsole\b(?!\s*\.)|\brequire\b(?!\s*\()|\\u")


def may_replace_globals(source: str) -> bool:
    """Whether `source` perhaps gives `require` or `console` another value, which a run forgets."""
    return _REPLACES.search(source) is not None


def meter_names(source: str) -> MeterNames:
    """Names of the calls for `source`, which cannot name them: they are a digest of it."""
    digest = hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()[:16]
    return MeterNames(*(f"${letter}{digest}" for letter in "uetlcx"))


def _bodies(words: Words) -> list[_MeteredBody]:
    bodies = [
        _MeteredBody(opened, words.partner[opened], "block")
        for opened in sorted(words.bodies)
        if opened in words.partner
    ]
    expressions, statements = _KnownEnds(), _KnownEnds()
    for at in range(len(words.words) - 1, -1, -1):  # inner ones first: outer ones end with them
        word = words.words[at]
        if word.text == "=>" and word.kind == "sign":
            # without a word behind it the engine says what is missing
            if words.text(at + 1) != "{" and at + 1 < len(words.words):
                end = _end_of_expression(words, at + 1, expressions)
                bodies.append(_MeteredBody(at + 1, end, "arrow"))
        elif _is_loop(words, at):
            bodies.append(_loop(words, at, statements))
    return bodies


class _KnownEnds(dict[int, int]):
    """Where what begins at a word ends, for words that were looked at.

    With it code in which one thing ends many, as in `a=>b=>c=>…`, is read once, not for each.
    """

    def keep(self, passed: list[int], end: int) -> int:
        self.update(dict.fromkeys(passed, end))
        return end


def _is_loop(words: Words, at: int) -> bool:
    is_word = words.words[at].kind == "name" and words.text(at) in ("while", "for")
    return is_word and words.text(at + 1) == "(" and at not in words.keys


def _loop(words: Words, at: int, ends: _KnownEnds) -> _MeteredBody:
    opened, closed = at + 1, words.partner[at + 1]
    last = _end_of_statement(words, closed + 1, ends)
    if words.text(at) == "while":
        return _MeteredBody(at, last, "while", opened)
    inner, semicolons = opened + 1, list[int]()
    while inner < closed:
        text = words.text(inner)
        if text == ";":
            semicolons.append(inner)
        elif text == "in" and not semicolons and inner not in words.keys:
            return _MeteredBody(at, last, "in", inner)
        following = words.partner.get(inner, inner)
        inner = following + 1 if following > inner else inner + 1
    return (
        _MeteredBody(at, last, "for", semicolons[0]) if semicolons else _MeteredBody(at, at, "none")
    )


def _end_of_statement(words: Words, at: int, ends: _KnownEnds) -> int:
    """The last word of the statement that begins at `at`, about: it is only counted."""
    if words.text(at) == "{":
        return words.partner.get(at, at)
    passed: list[int] = []
    while at < len(words.words) - 1 and words.text(at) not in (";", "}"):
        if at in ends:
            return ends.keep(passed, ends[at])
        passed.append(at)
        following = words.partner.get(at, at)
        at = following if following > at else at + 1
        if words.words[at].is_first:
            break
    return ends.keep(passed, at)


def _end_of_expression(words: Words, first: int, ends: _KnownEnds) -> int:
    """The last word of the expression that begins at `first`.

    It ends before a comma, semicolon or closing bracket, before the colon of a condition that is
    around it, and at the end of a line behind which another statement begins.
    """
    at, passed, conditions = first, list[int](), 0
    while True:
        last = ends.get(at)
        if last is None:
            if not conditions:
                passed.append(at)
            last = closed_at(words, at)
            is_end = ends_behind(words, last)
        else:
            is_end = words.text(last + 1) != ":"
        at = last + 1
        if is_end or (words.text(at) == ":" and not conditions):
            return ends.keep(passed, last)
        conditions += (words.text(at) == "?") - (words.text(at) == ":")


def _counts(bodies: list[_MeteredBody], total: int) -> list[int]:
    """How many words each body has of its own; `bodies` are in order, by their first words."""
    counts = [1] * len(bodies)
    around: list[int] = []
    begun = 0
    for at in range(total):
        while begun < len(bodies) and bodies[begun].first <= at:
            around.append(begun)
            begun += 1
        while around and bodies[around[-1]].last < at:
            around.pop()
        if around:  # the last that began has the word: it is the innermost
            counts[around[-1]] += 1
    return counts


def _insert(
    words: Words,
    body: _MeteredBody,
    count: int,
    names: MeterNames,
    insertions: dict[int, list[str]],
    *,
    hands_over: bool,
) -> None:
    def put(offset: int, text: str, *, first: bool = False) -> None:
        texts = insertions.setdefault(offset, [])
        texts.insert(0 if first else len(texts), text)

    match body.kind:
        case "block":
            put(words.words[body.first].end, f"{names.meter}({count});")
        case "arrow":
            begin, close = "", ")"
            if hands_over:
                begin, close = "{try{return", f");}}{handed_over(names.caught, names.error)}}}"
            put(words.words[body.first].start, f"{begin}({names.meter}({count}),")
            end = words.words[body.last].end
            if end not in insertions and ends_statement(words, body.last):
                put(end, ";")
            put(end, close, first=True)
        case "while":
            put(words.words[body.at].end, f"{names.meter}({count}),")
        case "for":
            comma = "" if words.text(body.at + 1) == ";" else ","
            put(words.words[body.at].end, f"{names.meter}({count}){comma}")
        case "in":
            put(words.words[body.at].end, f" {names.for_in}({count},")
            put(words.words[words.partner[body.first + 1]].start, ")", first=True)
        case _:
            pass


def _outer_first(around: CallAround) -> tuple[int, bool, int]:
    return around.first, around.kind != "key", -around.last


def _insert_around(
    words: Words, around: CallAround, names: MeterNames, insertions: dict[int, list[str]]
) -> None:
    """Puts a call in, behind those of the meter at the same place."""
    begin = insertions.setdefault(words.words[around.first].start, [])
    if around.kind == "key":
        begin.append(f"{names.look}(),")
        return
    begin.append(f"{names.text}(" if around.kind == "text" else f"({names.look}(),")
    insertions.setdefault(words.words[around.last].end, []).insert(0, ")")


_LINE_END: Final = re.compile(r"[\n\r\u2028\u2029]")


def _imports(words: Words) -> dict[int, tuple[int, str]]:
    """`import x from 'y'` at the top as a call of require: by offset, its end and the new text."""
    replaced: dict[int, tuple[int, str]] = {}
    for at, word in enumerate(words.words):
        following = words.words[at + 1 : at + 4]
        if word.text != "import" or word.kind != "name" or len(following) < 3:
            continue
        name, mark, module = following
        if (name.kind, mark.text, module.kind) == ("name", "from", "string"):
            lines = "".join(_LINE_END.findall(words.source, word.start, module.end))
            end = ";" if at + 4 < len(words.words) else ""  # else `(` behind it went on with it
            text = f"const {lines}{name.text} = require({module.text}){end}"
            replaced[word.start] = (module.end, text)
    return replaced


def _with(
    source: str, insertions: dict[int, list[str]], replaced: dict[int, tuple[int, str]]
) -> str:
    parts: list[str] = []
    at = 0
    for offset in sorted({*insertions, *replaced}):
        if offset < at:
            continue
        parts += (source[at:offset], *insertions.get(offset, ()))
        at = offset
        if offset in replaced:
            at, text = replaced[offset]
            parts.append(text)
    return "".join([*parts, source[at:]])
