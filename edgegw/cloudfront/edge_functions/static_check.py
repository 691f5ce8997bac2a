"""A look at a function's code: which constructs of the table `syntax_rules` stand in it, and where.

The look is one at words, not at a grammar (`tokens`): what is written in a usual way is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from edgegw.cloudfront.edge_functions.awaiting import awaits, waiting
from edgegw.cloudfront.edge_functions.brackets import (
    at_depth,
    enclosing,
    is_member,
    parameter_lists,
)
from edgegw.cloudfront.edge_functions.limits import MAX_CODE
from edgegw.cloudfront.edge_functions.model import EdgeRuntime
from edgegw.cloudfront.edge_functions.named_modules import modules
from edgegw.cloudfront.edge_functions.syntax_rules import (
    ABSENT,
    ABSENT_GLOBALS,
    BIGINT,
    BRACKET,
    CATCH,
    CLASS,
    CONSOLE,
    DEFAULTS,
    DESTRUCTURING,
    DISABLED,
    DISABLED_GLOBALS,
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
    REGEX_FLAG,
    REMOVED,
    REMOVED_MEMBERS,
    RETURN,
    SPREAD,
    STATIC_UNLISTED,
    STICKY,
    UNLISTED,
    UNLISTED_MEMBERS,
    Seen,
    SyntaxFinding,
    SyntaxRule,
)
from edgegw.cloudfront.edge_functions.tokens import Word, Words, words_of


def syntax_findings(source: str, runtime: EdgeRuntime) -> list[SyntaxFinding]:
    """What of `source` the runtime lacks, in the order in which it stands there."""
    words = words_of(source)
    if words.mismatch is not None:
        return [_finding(words, Seen(words.words.index(words.mismatch), BRACKET), is_refused=True)]
    findings: list[SyntaxFinding] = []
    for look in _LOOKS:
        for seen in look(words):
            verdict = seen.rule.verdict(runtime)
            if verdict != "fine":
                findings.append(_finding(words, seen, is_refused=verdict == "refused"))
    return sorted(findings, key=lambda finding: (finding.line, finding.column))


def _finding(words: Words, seen: Seen, *, is_refused: bool) -> SyntaxFinding:
    word = words.words[seen.at]
    stumbled = word if seen.stumbles is None else words.words[seen.stumbles]
    error = seen.rule.error_at(_shown(stumbled), stumbled.line) if is_refused else ""
    return SyntaxFinding(seen.rule, word.line, word.column, _shown(word), is_refused, error)


def _shown(word: Word) -> str:
    """What of a word a finding shows: of a regular expression its flags."""
    return word.text.rpartition("/")[2] if word.kind == "regex" else word.text


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


def _names(words: Words) -> Iterator[tuple[int, str]]:
    for at, word in enumerate(words.words):
        if word.kind == "name" and not is_member(words, at):
            yield at, word.text


def _statements(words: Words) -> Iterator[Seen]:
    for at, text in _names(words):
        if text in ("let", "const"):
            yield Seen(at, LET)
        elif text == "class":
            yield Seen(at, CLASS)
        elif text == "export":
            yield Seen(at, EXPORT)
        elif text == "catch" and words.text(at + 1) == "{":
            yield Seen(at + 1, CATCH)
        elif text == "for":
            yield from _loop(words, at)
        elif text == "import":
            yield from _import(words, at)


def _import(words: Words, at: int) -> Iterator[Seen]:
    yield Seen(at, IMPORT)
    following = words.words[at + 1 : at + 4]
    kinds = [word.kind for word in following]
    if kinds != ["name", "name", "string"] or following[1].text != "from":
        yield Seen(at, IMPORT_FORM)


def _loop(words: Words, at: int) -> Iterator[Seen]:
    opened = at + 2 if words.text(at + 1) == "await" else at + 1
    end = words.partner.get(opened, opened)
    for inner in at_depth(words, opened, end):
        if words.text(inner) == ";":
            return
        if words.text(inner) == "of" and _is_of(words, inner):
            yield Seen(inner, FOR_OF)
            return


def _is_of(words: Words, at: int) -> bool:
    """Whether the name at `at`, in the head of a loop, is not a variable's."""
    is_first = words.text(at - 1) in ("(", ",")
    is_variable = words.text(at + 1) in ("=", ",", "in")
    return not (is_first or is_variable or at in words.keys)


def _signs(words: Words) -> Iterator[Seen]:
    for at, word in enumerate(words.words):
        if word.kind == "number" and word.text.endswith("n"):
            yield Seen(at, BIGINT)
        if word.kind == "number" and "_" in word.text:
            yield Seen(at, NEWER)
        if word.kind == "regex":
            yield from (Seen(at, rule) for rule in _flag_rules(_shown(word)))
        if word.kind != "sign":
            continue
        if word.text == "?.":
            yield Seen(at, OPTIONAL)
        elif word.text == "??":
            yield Seen(at, NULLISH)
        elif word.text in ("&&=", "||=", "??="):
            yield Seen(at, LOGICAL)
        elif word.text == "*" and _is_generator(words, at):
            yield Seen(at, GENERATOR)


def _flag_rules(flags: str) -> list[SyntaxRule]:
    if set(flags) - set("dgimsuvy"):
        return []  # no regular expression, as far as that can be told
    if set(flags) & set("suvd"):
        return [REGEX_FLAG]
    return [STICKY] if "y" in flags else []


def _is_generator(words: Words, at: int) -> bool:
    is_method = words.text(at - 1) in ("{", ",", "async") and words.text(at + 2) == "("
    return words.text(at - 1) == "function" or is_method


def _patterns(words: Words) -> Iterator[Seen]:
    heads = parameter_lists(words)
    for at, text in _names(words):
        if text in ("let", "const", "var") and words.text(at + 1) in ("{", "["):
            is_name = at + 2 < len(words.words) and words.words[at + 2].kind == "name"
            yield Seen(at + 1, DESTRUCTURING, at + 2 if is_name else None)
        elif text == "catch" and words.text(at + 1) == "(" and words.text(at + 2) in ("{", "["):
            yield Seen(at + 2, DESTRUCTURING)
    for opened, end in heads.items():
        arrow = end + 1 if words.text(end + 1) == "=>" else None
        for at in at_depth(words, opened, end):
            if words.text(at) == "=":
                yield Seen(at, DEFAULTS, arrow)
            elif words.text(at) in ("{", "[") and words.text(at - 1) in ("(", ",", "..."):
                yield Seen(at, DESTRUCTURING, arrow)
    for at, end in words.partner.items():
        if end > at and words.text(end + 1) == "=" and words.text(at) in ("{", "["):
            is_value = words.text(at) == "[" and at - 1 in words.values
            is_declared = words.text(at - 1) in ("let", "const", "var")
            in_head = any(opened < at < closed for opened, closed in heads.items())
            if not is_value and not is_declared and not in_head:
                yield Seen(at, DESTRUCTURING)


def _spreads(words: Words) -> Iterator[Seen]:
    heads, around = parameter_lists(words), enclosing(words)
    for at, word in enumerate(words.words):
        if word.text != "..." or around[at] in heads:
            continue
        is_object = words.text(around[at]) == "{"
        yield Seen(at, OBJECT_SPREAD if is_object else SPREAD)


def _returns(words: Words) -> Iterator[Seen]:
    around = enclosing(words)
    for at, text in _names(words):
        if text == "return" and around[at] == -1:
            yield Seen(at, RETURN)


def _globals(words: Words) -> Iterator[Seen]:
    known = _known_names(words)
    for at, text in _names(words):
        following = (words.text(at + 1), words.text(at + 2))
        if text in ABSENT_GLOBALS and text not in known:
            yield Seen(at, ABSENT)
        elif text in DISABLED_GLOBALS and text not in known:
            yield Seen(at, DISABLED)
        elif text in NEW_GLOBALS and text not in known:
            yield Seen(at, NEWER)
        elif following[0] == "." and (text, following[1]) in STATIC_UNLISTED:
            yield Seen(at + 2, UNLISTED)
        elif following[0] == "." and (text, following[1]) in NEW_MEMBERS:
            yield Seen(at + 2, NEWER)


_DECLARED_BY: Final = ("var", "let", "const", "function", "import", "typeof")


def _known_names(words: Words) -> frozenset[str]:
    """Names that the code declares, or asks for with typeof before it uses them."""
    declared = (
        words.text(at)
        for at in range(1, len(words.words))
        if words.text(at - 1) in _DECLARED_BY
        or (words.text(at - 1) == "," and words.text(at + 1) == "=")
    )
    heads = parameter_lists(words).items()
    parameters = (words.text(at) for opened, end in heads for at in at_depth(words, opened, end))
    return frozenset((*declared, *parameters))


def _members(words: Words) -> Iterator[Seen]:
    for at, word in enumerate(words.words):
        if word.text != "." or words.text(at + 2) != "(":
            continue
        name = words.text(at + 1)
        if name in UNLISTED_MEMBERS:
            yield Seen(at + 1, UNLISTED)
        elif name == "replaceAll":
            yield Seen(at + 1, NEWER)
        elif name in REMOVED_MEMBERS:
            yield Seen(at + 1, REMOVED)
        elif words.text(at - 1) == "console":
            end = words.partner.get(at + 2, at + 2)
            has_more = any(words.text(inner) == "," for inner in at_depth(words, at + 2, end))
            if name != "log" or has_more:
                yield Seen(at + 1, CONSOLE)


_LOOKS: Final[tuple[Callable[[Words], Iterator[Seen]], ...]] = (
    *(
        _statements,
        _signs,
        _patterns,
        _spreads,
        waiting,
        awaits,
        _returns,
        _globals,
        _members,
        modules,
    ),
)
