"""JavaScript in words: enough to find constructs and loops, without a grammar.

Three things make that hard, and each has its place here:

- A slash is a division or begins a regular expression: what stands before it decides
  (`value_places`).
- A template holds code, which may hold templates: a stack knows which `}` ends which.
- A line end may end a statement: a word knows whether one stands before it.

Nothing is judged here. What is no JavaScript gives words all the same, but brackets that do not
match have a place in `Words.mismatch`.
"""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Final, Literal, NamedTuple, TypeAlias

from edgegw.cloudfront.edge_functions.value_places import ValuePlaces
from edgegw.values import value

WordKind: TypeAlias = Literal["name", "number", "string", "template", "regex", "sign"]


class Word(NamedTuple):
    """A word of the source; `line` and `column` count from 1. `is_first` follows a line end."""

    kind: WordKind
    text: str
    start: int
    line: int
    column: int
    is_first: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@value
class Words:
    """The words of a source. `partner` has the other bracket by the index of one.

    `bodies` are the braces that open the body of a function, `async_bodies` those of async ones,
    `keys` the names that are members, behind a dot or in an object, `values` the words with which a
    value ends. `mismatch` is the first word whose bracket has no partner.
    """

    source: str
    words: tuple[Word, ...]
    partner: dict[int, int]
    mismatch: Word | None = None
    bodies: Set[int] = frozenset()
    async_bodies: Set[int] = frozenset()
    keys: Set[int] = frozenset()
    values: Set[int] = frozenset()

    def text(self, at: int) -> str:
        """The word at `at`; empty beyond the ends, and for what is no sign or name."""
        if not 0 <= at < len(self.words):
            return ""
        word = self.words[at]
        return word.text if word.kind in ("name", "sign") else ""


_SPACES: Final = r"\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_LINE_ENDS: Final = re.compile(r"[\n\r\u2028\u2029]")
_BLANK: Final = re.compile(
    rf"(?:[ \t\v\f\r\n{_SPACES}]|(?://|<!--)[^\r\n\u2028\u2029]*|/\*.*?(?:\*/|\Z))+", re.S
)
_CLOSED_COMMENT: Final = re.compile(r"-->[^\r\n\u2028\u2029]*")
"""Where a line begins so, the engine passes over it, as over what follows `<!--`."""
_NAME: Final = re.compile(rf"#?(?:\\u\{{[0-9a-fA-F]+\}}|[\w$\\]|[^\x00-\x9f{_SPACES}])+")
_NUMBER: Final = re.compile(
    r"0[xXoObB][\w]+|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?n?"
)
_STRING: Final = re.compile(r""""(?:[^"\\\r\n]|\\[\s\S])*"?|'(?:[^'\\\r\n]|\\[\s\S])*'?""")
_REGEX: Final = re.compile(r"/(?:[^/\\\[\r\n]|\\[^\r\n]|\[(?:[^\]\\\r\n]|\\[^\r\n])*\])+/[\w$]*")
_CHUNK: Final = re.compile(r"(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{|\Z)")
_SIGN: Final = re.compile(
    r">>>=|\.\.\.|===|!==|\*\*=|<<=|>>=|>>>|&&=|\|\|=|\?\?=|=>|==|!=|<=|>=|&&|\|\||\?\?"
    r"|\?\.(?!\d)|\+\+|--|\+=|-=|\*=|/=|%=|&=|\|=|\^=|<<|>>|\*\*|[\s\S]"
)
_CLOSED_BY: Final = {"(": ")", "[": "]", "{": "}"}


class _WordReader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.words: list[Word] = []
        self.partner: dict[int, int] = {}
        self.open: list[int] = []
        self.mismatch: Word | None = None
        self.places = ValuePlaces()
        self.values: set[int] = set()
        self._at = self._line = 0
        self._line_start = 0

    def read(self) -> Words:
        is_first = False
        while self._at < len(self.source):
            blank = _BLANK.match(self.source, self._at)
            if blank is None and is_first:
                blank = _CLOSED_COMMENT.match(self.source, self._at)
            if blank is not None:
                is_first = self._pass(blank[0]) or is_first
                continue
            self._word(is_first=is_first)
            is_first = False
        if self.open and self.mismatch is None:
            self.mismatch = self.words[self.open[-1]]
        return Words(
            self.source,
            tuple(self.words),
            self.partner,
            self.mismatch,
            frozenset(self.places.bodies),
            frozenset(self.places.async_bodies),
            self.places.keys,
            self.values,
        )

    def _pass(self, text: str) -> bool:
        """Goes on behind `text`; whether a line ended in it."""
        self._at += len(text)
        lines = text.count("\n")
        if lines:
            self._line += lines
            self._line_start = self._at - len(text) + text.rindex("\n") + 1
        return _LINE_ENDS.search(text) is not None

    def _word(self, *, is_first: bool) -> None:
        source, at = self.source, self._at
        char = source[at]
        if char in "\"'":
            self._value("string", _matched(_STRING, source, at), is_first=is_first)
        elif char == "`":
            self._template("`", is_first=is_first)
        elif _NUMBER.match(source, at):
            self._value("number", _matched(_NUMBER, source, at), is_first=is_first)
        elif char.isalpha() or char in "_$\\#" or char > "\x9f":
            text = _matched(_NAME, source, at) or char
            self.places.read_name(len(self.words), text, is_first=is_first)
            self._add("name", text, is_first=is_first)
        elif char == "/" and self.places.may_begin(is_first=is_first) and _REGEX.match(source, at):
            self._value("regex", _matched(_REGEX, source, at), is_first=is_first)
        elif char == "}" and self.open and self.words[self.open[-1]].kind == "template":
            opened = self.open.pop()
            self.partner[opened] = len(self.words)
            self.partner[len(self.words)] = opened
            self._template("}", is_first=is_first)
        else:
            text = _matched(_SIGN, source, at)
            self.places.read_sign(len(self.words), text, is_first=is_first)
            self._add("sign", text, is_first=is_first)
            self._bracket(char)

    def _value(self, kind: WordKind, text: str, *, is_first: bool) -> None:
        self.places.read_value()
        self._add(kind, text, is_first=is_first)

    def _template(self, begin: str, *, is_first: bool) -> None:
        chunk = _matched(_CHUNK, self.source, self._at + 1)
        goes_on = chunk.endswith("${")
        self.places.read_template(is_begun=begin == "`", goes_on=goes_on)
        self._add("template", begin + chunk, is_first=is_first)
        if goes_on:
            self.open.append(len(self.words) - 1)

    def _add(self, kind: WordKind, text: str, *, is_first: bool) -> None:
        if self.places.ends_value:
            self.values.add(len(self.words))
        column = self._at - self._line_start + 1
        self.words.append(Word(kind, text, self._at, self._line + 1, column, is_first))
        self._pass(text)

    def _bracket(self, char: str) -> None:
        at = len(self.words) - 1
        if char in _CLOSED_BY:
            self.open.append(at)
        elif char in ")]}":
            opened = self.open.pop() if self.open else None
            if opened is None or _CLOSED_BY.get(self.words[opened].text) != char:
                self.mismatch = self.mismatch or self.words[at]
                return
            self.partner[opened], self.partner[at] = at, opened


def _matched(pattern: re.Pattern[str], source: str, at: int) -> str:
    match = pattern.match(source, at)
    return match[0] if match is not None else ""


def words_of(source: str) -> Words:
    """The words of `source`."""
    return _WordReader(source).read()
