"""A look at a function's code: which constructs of the table `syntax_rules` stand in it, and where.

The look is one at words, not at a grammar (`tokens`): what is written in a usual way is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from edgegw.cloudfront.edge_functions.limits import MAX_CODE
from edgegw.cloudfront.edge_functions.model import EdgeRuntime
from edgegw.cloudfront.edge_functions.syntax_rules import (
    ABSENT,
    ABSENT_GLOBALS,
    ASYNC,
    ASYNC_CLOSURE,
    AWAIT_ARGUMENT,
    BIGINT,
    BRACKET,
    CLASS,
    CONSOLE,
    DEFAULTS,
    DESTRUCTURING,
    EXPORT,
    FOR_OF,
    GENERATOR,
    IMPORT,
    IMPORT_FORM,
    LET,
    LOGICAL,
    NEW_GLOBALS,
    NEW_MEMBERS,
    NEWER,
    NULLISH,
    OBJECT_SPREAD,
    OPTIONAL,
    REMOVED,
    REMOVED_MEMBERS,
    RETURN,
    SPREAD,
    STATIC_UNLISTED,
    UNLISTED,
    UNLISTED_MEMBERS,
    SyntaxFinding,
    SyntaxRule,
)
from edgegw.cloudfront.edge_functions.tokens import Words, words_of

_HEADS: Final = frozenset(("if", "while", "for", "switch", "catch", "with", "return", "typeof"))
_HEADS_TOO: Final = frozenset(
    ("await", "void", "throw", "in", "of", "case", "delete", "else", "do")
)

Seen: TypeAlias = "tuple[int, SyntaxRule]"
"""A word by its index, and the rule that speaks of it."""


def syntax_findings(source: str, runtime: EdgeRuntime) -> list[SyntaxFinding]:
    """What of `source` the runtime lacks, in the order in which it stands there."""
    words = words_of(source)
    if words.mismatch is not None:
        word = words.mismatch
        return [SyntaxFinding(BRACKET, word.line, word.column, word.text, is_refused=True)]
    findings: list[SyntaxFinding] = []
    for look in _LOOKS:
        for at, rule in look(words):
            verdict, word = rule.verdict(runtime), words.words[at]
            if verdict != "fine":
                is_refused = verdict == "refused"
                findings.append(SyntaxFinding(rule, word.line, word.column, word.text, is_refused))
    return sorted(findings, key=lambda finding: (finding.line, finding.column))


def size_of(source: str) -> int:
    """Bytes of the code, as AWS counts them."""
    return len(source.encode("utf-8", "replace"))


def size_fault(source: str) -> str | None:
    """Why AWS refuses the code for its size, or None."""
    size = size_of(source)
    return f"the code has {size} bytes, at most {MAX_CODE}" if size > MAX_CODE else None


def has_handler(source: str) -> bool:
    """Whether something in `source` is named handler."""
    return any(word.kind == "name" and word.text == "handler" for word in words_of(source).words)


# Looks, one for each kind of construct


def is_member(words: Words, at: int) -> bool:
    """Whether the name at `at` is behind a dot, or a key of an object."""
    return at in words.keys


def _names(words: Words) -> Iterator[tuple[int, str]]:
    for at, word in enumerate(words.words):
        if word.kind == "name" and not is_member(words, at):
            yield at, word.text


def _statements(words: Words) -> Iterator[Seen]:
    for at, text in _names(words):
        if text in ("let", "const"):
            yield at, LET
        elif text == "class":
            yield at, CLASS
        elif text == "export":
            yield at, EXPORT
        elif text == "function" and words.text(at + 1) == "*":
            yield at + 1, GENERATOR
        elif text == "for":
            yield from _loop(words, at)
        elif text == "import":
            yield from _import(words, at)


def _import(words: Words, at: int) -> Iterator[Seen]:
    yield at, IMPORT
    following = words.words[at + 1 : at + 4]
    kinds = [word.kind for word in following]
    if kinds != ["name", "name", "string"] or following[1].text != "from":
        yield at, IMPORT_FORM


def _loop(words: Words, at: int) -> Iterator[Seen]:
    opened = at + 2 if words.text(at + 1) == "await" else at + 1
    end = words.partner.get(opened, opened)
    for inner in _at_depth(words, opened, end):
        if words.text(inner) == ";":
            return
        if words.text(inner) == "of" and _is_of(words, inner):
            yield inner, FOR_OF
            return


def _is_of(words: Words, at: int) -> bool:
    """Whether the name at `at`, in the head of a loop, is not a variable's."""
    is_first = words.text(at - 1) in ("(", ",")
    is_variable = words.text(at + 1) in ("=", ",", "in")
    return not (is_first or is_variable or at in words.keys)


def _at_depth(words: Words, opened: int, end: int) -> Iterator[int]:
    """The words within a bracket, without those in brackets within."""
    at = opened + 1
    while at < end:
        yield at
        inner = words.partner.get(at, at)
        at = inner if inner > at else at + 1


def _signs(words: Words) -> Iterator[Seen]:
    for at, word in enumerate(words.words):
        if word.kind == "number" and word.text.endswith("n") and not word.text.startswith("0x"):
            yield at, BIGINT
        if word.kind == "number" and "_" in word.text:
            yield at, NEWER
        if word.kind != "sign":
            continue
        if word.text == "?.":
            yield at, OPTIONAL
        elif word.text in ("??", "??="):
            yield at, NULLISH
        elif word.text in ("&&=", "||="):
            yield at, LOGICAL


def _enclosing(words: Words) -> list[int]:
    """The index of the bracket around each word; -1 for those around which none is."""
    around: list[int] = []
    opened: list[int] = []
    for at in range(len(words.words)):
        if words.partner.get(at, at) < at and opened:
            opened.pop()
        around.append(opened[-1] if opened else -1)
        if words.partner.get(at, at) > at:
            opened.append(at)
    return around


def parameter_lists(words: Words) -> dict[int, int]:
    """The parentheses of parameters by where they open, with where they close."""
    heads: dict[int, int] = {}
    for at, end in words.partner.items():
        if end < at or words.words[at].text != "(":
            continue
        before = words.text(at - 1)
        is_named = before == "function" or words.text(at - 2) in ("function", "*")
        is_method = (
            words.text(end + 1) == "{"
            and words.words[at - 1].kind in ("name", "string")
            and (before not in _HEADS or words.text(at - 2) == ".")
            if at
            else False
        )
        if is_named or words.text(end + 1) == "=>" or is_method:
            heads[at] = end
    return heads


def _patterns(words: Words) -> Iterator[Seen]:
    heads = parameter_lists(words)
    for at, text in _names(words):
        if text in ("let", "const", "var") and words.text(at + 1) in ("{", "["):
            yield at + 1, DESTRUCTURING
        elif text == "catch" and words.text(at + 1) == "(" and words.text(at + 2) in ("{", "["):
            yield at + 2, DESTRUCTURING
    for opened, end in heads.items():
        for at in _at_depth(words, opened, end):
            if words.text(at) == "=":
                yield at, DEFAULTS
            elif words.text(at) in ("{", "[") and words.text(at - 1) in ("(", ",", "..."):
                yield at, DESTRUCTURING
    for at, end in words.partner.items():
        if end > at and words.text(end + 1) == "=" and words.text(at) in ("{", "["):
            is_value = words.text(at) == "[" and _ends_value(words, at - 1)
            is_declared = words.text(at - 1) in ("let", "const", "var")
            in_head = any(opened < at < closed for opened, closed in heads.items())
            if not is_value and not is_declared and not in_head:
                yield at, DESTRUCTURING


def _ends_value(words: Words, at: int) -> bool:
    """Whether a value may end with the word at `at`, so that `[` behind it reads a member."""
    if at < 0:
        return False
    word = words.words[at]
    if word.kind == "name":
        return word.text not in _HEADS_TOO | _HEADS or words.text(at - 1) == "."
    if word.kind == "sign":
        return word.text in (")", "]", "}")
    return True


def _spreads(words: Words) -> Iterator[Seen]:
    heads, around = parameter_lists(words), _enclosing(words)
    for at, word in enumerate(words.words):
        if word.text != "..." or around[at] in heads:
            continue
        is_object = words.text(around[at]) == "{"
        yield at, OBJECT_SPREAD if is_object else SPREAD


def _waiting(words: Words) -> Iterator[Seen]:
    around = _enclosing(words)
    for at, text in _names(words):
        if text == "async" and words.text(at + 1) == "function":
            yield at, ASYNC
        elif text == "async" and (
            words.text(at + 2) == "=>"
            or (words.text(at + 1) == "(" and words.text(words.partner[at + 1] + 1) == "=>")
        ):
            yield at, ASYNC_CLOSURE
        elif text == "await" and _is_call(words, around[at]):
            yield at, AWAIT_ARGUMENT


def _is_call(words: Words, opened: int) -> bool:
    """Whether the bracket at `opened` holds the arguments of a call."""
    if opened < 1 or words.text(opened) != "(":
        return False
    return _ends_value(words, opened - 1) and words.text(opened - 1) != "}"


def _returns(words: Words) -> Iterator[Seen]:
    around = _enclosing(words)
    for at, text in _names(words):
        if text == "return" and around[at] == -1:
            yield at, RETURN


def _globals(words: Words) -> Iterator[Seen]:
    declared = {
        words.text(at + 1)
        for at, word in enumerate(words.words)
        if word.text in ("var", "let", "const", "function", "import")
    }
    for at, text in _names(words):
        following = (words.text(at + 1), words.text(at + 2))
        if text in ABSENT_GLOBALS and text not in declared:
            yield at, ABSENT
        elif text in NEW_GLOBALS and text not in declared:
            yield at, NEWER
        elif following[0] == "." and (text, following[1]) in STATIC_UNLISTED:
            yield at + 2, UNLISTED
        elif following[0] == "." and (text, following[1]) in NEW_MEMBERS:
            yield at + 2, NEWER


def _members(words: Words) -> Iterator[Seen]:
    for at, word in enumerate(words.words):
        if word.text != "." or words.text(at + 2) != "(":
            continue
        name = words.text(at + 1)
        if name in UNLISTED_MEMBERS:
            yield at + 1, UNLISTED
        elif name == "replaceAll":
            yield at + 1, NEWER
        elif name in REMOVED_MEMBERS:
            yield at + 1, REMOVED
        elif words.text(at - 1) == "console":
            end = words.partner.get(at + 2, at + 2)
            has_more = any(words.text(inner) == "," for inner in _at_depth(words, at + 2, end))
            if name != "log" or has_more:
                yield at + 1, CONSOLE


_LOOKS: Final[tuple[Callable[[Words], Iterator[Seen]], ...]] = (
    *(_statements, _signs, _patterns, _spreads, _waiting, _returns, _globals, _members),
)
