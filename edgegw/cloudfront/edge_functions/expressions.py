"""Where values, operands and expressions begin and end, found by going along the words from one.

There is no grammar: from a sign one goes to both sides, over brackets as wholes. An answer is None
or False where it is not certain, as behind a `}`, which ends a block or an object. A line end may
end a statement: it does before a word that cannot go on with what stands before.
"""

from __future__ import annotations

from typing import Final

from edgegw.cloudfront.edge_functions.tokens import Words

_PREFIX_NAMES: Final = frozenset(("typeof", "void", "delete", "await", "new"))
_BEGIN_ANEW: Final = frozenset(("{", "!", "~", "++", "--"))
"""Signs that go on with no value that stands on the line before."""
_CLOSERS: Final = frozenset((",", ";", ")", "]", "}"))
SUM_SIGNS: Final = frozenset(("+", "-", "*", "/", "%", "**"))
"""Operators that bind at least as closely as `+` does."""


def ends_behind(words: Words, last: int) -> bool:
    """Whether an expression ends with the word at `last`."""
    if last + 1 >= len(words.words):
        return True
    word = words.words[last + 1]
    if word.kind == "template" and word.text.startswith("}"):
        return True
    if word.kind == "sign" and word.text in _CLOSERS:
        return True
    if ends_statement(words, last):
        return True
    goes_on = word.kind == "sign" and word.text not in _BEGIN_ANEW
    return word.is_first and not goes_on and _may_end(words, last)


def ends_statement(words: Words, last: int) -> bool:
    """Whether a statement ends with the line and the braces of an arrow function at `last`.

    Nothing goes on behind these, but it would behind parentheses around them.
    """
    is_arrow = words.partner.get(last, last) in words.bodies and last not in words.values
    if not is_arrow or last + 1 >= len(words.words):
        return False
    word = words.words[last + 1]
    return word.is_first and (word.kind != "sign" or word.text not in _CLOSERS)


def _may_end(words: Words, at: int) -> bool:
    """Whether a statement may end with the word at `at`, at the end of a line."""
    if words.text(at + 1) in ("in", "instanceof"):
        return False
    return at in words.values or words.text(at) == "}"


def assignment_end(words: Words, at: int) -> int:
    """The last word of the value that is assigned by the sign at `at`."""
    conditions = 0
    while not ends_behind(words, at):
        following = words.words[at + 1]
        if following.is_first and words.text(at + 1) in ("++", "--"):
            break
        if words.text(at + 1) == ":":
            if conditions == 0:
                break
            conditions -= 1
        conditions += words.text(at + 1) == "?"
        at = closed_at(words, at + 1)
    return at


def ends_value(words: Words, at: int) -> bool:
    """Whether a value ends with the word at `at`."""
    return at in words.values


def is_prefix(words: Words, at: int) -> bool:
    """Whether the word at `at` is an operator of one operand, which stands behind it."""
    text = words.text(at)
    if text in ("+", "-"):
        return not ends_value(words, at - 1)
    if text in ("++", "--"):
        return words.words[at].is_first or not ends_value(words, at - 1)
    if text == "await" and ends_value(words, at):
        return False  # a variable
    return text in ("!", "~") or (text in _PREFIX_NAMES and at not in words.keys)


def sum_start(words: Words, at: int) -> int | None:
    """The first word of the sum, product or operand that ends at `at`."""
    while True:
        first = operand_start(words, at)
        if first is None:
            return None
        if words.text(first - 1) not in SUM_SIGNS or not ends_value(words, first - 2):
            return first
        at = first - 2


def operand_start(words: Words, at: int) -> int | None:
    """The first word of the operand that ends at `at`, its prefixes included."""
    if words.text(at) in ("++", "--"):
        at -= 1
    first = member_start(words, at)
    while first is not None and is_prefix(words, first - 1):
        first -= 1
    return first


def member_start(words: Words, at: int) -> int | None:
    """The first word of what ends at `at` and is like `a.b(c)[d]`."""
    while ends_value(words, at):
        word = words.words[at]
        first = at if word.kind == "name" else min(words.partner.get(at, at), at)
        opened = words.words[first]
        if (opened.kind == "template" and opened.text.startswith("}")) or first in words.bodies:
            return None
        if word.kind == "name" and words.text(first - 1) == ".":
            at = first - 2
        elif (opened.kind == "template" or words.text(first) in ("(", "[")) and ends_value(
            words, first - 1
        ):
            at = first - 1
        else:
            return first if _is_whole(words, first) else None
    return None


def _is_whole(words: Words, first: int) -> bool:
    """Whether a value may begin at `first`, with no call of something before it."""
    is_empty = words.text(first) == "(" and words.partner.get(first, first) == first + 1
    return words.text(first - 1) not in ("function", ".", "}") and not is_empty


def operand_end(words: Words, at: int) -> int | None:
    """The last word of the operand that begins at `at`, its prefixes included."""
    while is_prefix(words, at):
        at += 1
    end = _primary_end(words, at)
    while end is not None and end + 1 < len(words.words):
        at, following = end, words.words[end + 1]
        if words.text(at + 1) == ".":
            end = at + 2 if at + 2 < len(words.words) else None
        elif words.text(at + 1) in ("(", "["):
            end = words.partner.get(at + 1)
        elif following.kind == "template" and following.text.startswith("`"):
            end = closed_at(words, at + 1)
        elif words.text(at + 1) in ("++", "--") and not following.is_first:
            end = at + 1
        else:
            return None if words.text(at + 1) == "=>" else at
    return end


def _primary_end(words: Words, at: int) -> int | None:
    if at >= len(words.words):
        return None
    word = words.words[at]
    if word.kind == "sign":
        return words.partner.get(at) if word.text in ("(", "[", "{") else None
    if word.kind == "template":
        return closed_at(words, at) if word.text.startswith("`") else None
    is_async = words.text(at) == "async" and words.text(at + 1) == "function"
    if is_async or words.text(at) == "function":
        return _function_end(words, at)
    return at if word.kind != "name" or ends_value(words, at) else None


def _function_end(words: Words, at: int) -> int | None:
    at += words.text(at) == "async"
    opened = next((next_ for next_ in range(at, at + 4) if words.text(next_) == "("), None)
    if words.text(at) != "function" or opened is None or opened not in words.partner:
        return None
    body = words.partner[opened] + 1
    return words.partner.get(body) if words.text(body) == "{" else None


def closed_at(words: Words, at: int) -> int:
    """The last word of the bracket or the template that opens at `at`; `at` where none does."""
    while (following := words.partner.get(at, at)) > at:
        at = following
        if words.words[at].kind != "template":
            break
    return at
