"""Where code may make long texts, or spend long on them, with no call and no turn of a loop.

The engine makes `a + b` in no time and no memory, however long the two are: it remembers both. So
twenty additions make a text of a billion characters, and to compare two of these takes half a
second in which the engine looks at no clock. And on a text of some thousand characters, a thousand
operators that read it as a number take as long. The meter, which counts words, does not see either.
So more calls go into the code (`metering`):

    s += t            TEXT(s += t)                a sum of more than one thing that is no literal
    a * b             a * (LOOK(), b)             every so often where an operator may be slow
    o[k]              o[LOOK(), k]
    f(x).y            (LOOK(), f(x).y)

TEXT stops where its text is too long, LOOK where the time is over; else they do nothing. Where one
goes is found without a grammar (`expressions`); where that is not certain none goes in. What does
not compile with them is compiled without, and kept from the event loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from edgegw.cloudfront.edge_functions.brackets import parameter_lists
from edgegw.cloudfront.edge_functions.expressions import (
    SUM_SIGNS,
    assignment_end,
    closed_at,
    ends_value,
    is_prefix,
    member_start,
    operand_end,
    operand_start,
    sum_start,
)
from edgegw.cloudfront.edge_functions.tokens import Words

_WEIGHT: Final = {
    **dict.fromkeys(("-", "*", "/", "%", "**", "&", "|", "^", "~", "<<", ">>", ">>>"), 4),
    **dict.fromkeys(("-=", "*=", "/=", "%=", "**=", "&=", "|=", "^=", "<<=", ">>=", ">>>="), 4),
    **dict.fromkeys(("<", ">", "<=", ">=", "==", "!=", "+"), 4),
    **dict.fromkeys(("===", "!=="), 1),
    "...": 32,
}
"""4 for what may read a text as a number or call something, less for what is quicker."""
_OF_A_KEY: Final = 2
_OF_A_CALL: Final = 4
_BETWEEN_LOOKS: Final = 64


class CallAround(NamedTuple):
    """A call to be put around the words from `first` to `last`, both included.

    `text` and `look` go around them, `key` before the first of them, in a bracket.
    """

    first: int
    last: int
    kind: Literal["text", "look", "key"]


def calls_around(words: Words) -> list[CallAround]:
    """The calls that go into the code."""
    return [*_texts(words), *_looks(words)]


def _texts(words: Words) -> Iterator[CallAround]:
    seen = set[int]()
    for at, word in enumerate(words.words):
        if word.kind != "sign" or word.text not in ("+", "+=") or at in seen:
            continue
        if word.text == "+=":
            around = _appended(words, at, seen)
        else:
            around = _sum(words, at, seen) if ends_value(words, at - 1) else None
        if around is not None:
            yield around


def _appended(words: Words, at: int, seen: set[int]) -> CallAround | None:
    first, last = member_start(words, at - 1), assignment_end(words, at)
    if first is None or _is_literal(words, at + 1, last):
        return None
    inner = at + 1
    while inner <= last:
        seen.add(inner)
        inner = closed_at(words, inner) + 1
    return CallAround(first, last, "text")


def _sum(words: Words, at: int, seen: set[int]) -> CallAround | None:
    first, last, sign = sum_start(words, at - 1), None, at
    if first is None:
        return None
    variables = int(not _is_literal(words, first, at - 1))
    while words.text(sign) in SUM_SIGNS:
        seen.add(sign)
        end = operand_end(words, sign + 1)
        if end is None:  # what stands before this is a sum of its own, unless it is a factor
            last = last if words.text(sign) in ("+", "-") else None
            break
        variables += not _is_literal(words, sign + 1, end)
        last, sign = end, end + 1
    return CallAround(first, last, "text") if last is not None and variables > 1 else None


def _is_literal(words: Words, first: int, last: int) -> bool:
    return first == last and words.words[first].kind in ("string", "number", "template")


def _looks(words: Words) -> Iterator[CallAround]:
    heads, weight = parameter_lists(words), 0
    for at, word in enumerate(words.words):
        if word.kind != "sign" or at in heads:
            continue
        gained, around = _slow_place(words, at, is_due=weight >= _BETWEEN_LOOKS)
        weight += gained
        if around is not None:
            weight = 0
            yield around


def _slow_place(words: Words, at: int, *, is_due: bool) -> tuple[int, CallAround | None]:
    """What the sign at `at` weighs, and if one `is_due`, where a look goes there."""
    text = words.text(at)
    if text in ("[", "(") and not ends_value(words, at - 1):
        return 0, None
    if text == "[":
        return _OF_A_KEY, CallAround(at + 1, at + 1, "key") if is_due else None
    if text == "(":
        return _OF_A_CALL, _around_call(words, at) if is_due else None
    is_operator = text == "..." or is_prefix(words, at) or ends_value(words, at - 1)
    if text not in _WEIGHT or not is_operator:
        return 0, None
    last = operand_end(words, at + 1) if is_due else None
    if text == "..." and last is not None and words.text(last + 2) in ("{", "=>"):
        return 0, None  # of parameters
    return _WEIGHT[text], None if last is None else CallAround(at + 1, last, "look")


def _around_call(words: Words, opened: int) -> CallAround | None:
    """A look around the call whose arguments open at `opened`."""
    first = operand_start(words, opened - 1)
    last = operand_end(words, first) if first is not None else None
    if first is None or last is None:
        return None
    follows = words.text(last + 1)
    is_target = follows.endswith("=") and follows not in ("==", "===", "!=", "!==", "<=", ">=")
    return None if is_target or follows in ("{", "in") else CallAround(first, last, "look")
