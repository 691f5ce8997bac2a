"""Where `async` and `await` stand that the runtimes do not take.

`await` between the parentheses of a call is refused, however deep; but as the parser only keeps
whether it is in arguments, the end of one call in them is the end of all: `f(g(), await h)` passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from edgegw.cloudfront.edge_functions.brackets import (
    is_call,
    is_member,
    parameter_lists,
)
from edgegw.cloudfront.edge_functions.syntax_rules import (
    ASYNC,
    ASYNC_CLOSURE,
    ASYNC_METHOD,
    AWAIT_ARGUMENT,
    AWAIT_OUTSIDE,
    Seen,
)
from edgegw.cloudfront.edge_functions.tokens import Words


def waiting(words: Words) -> Iterator[Seen]:
    """Functions that are async, by their kind."""
    for at, word in enumerate(words.words):
        if word.kind != "name" or word.text != "async" or is_member(words, at):
            continue
        arrow = _arrow_of(words, at)
        if words.text(at + 1) == "function":
            yield Seen(at, ASYNC)
        elif arrow is not None:
            yield Seen(at, ASYNC_CLOSURE, arrow)
        elif words.text(at - 1) in ("{", ",") and words.text(at + 2) == "(":
            yield Seen(at, ASYNC_METHOD, at + 1)


def _arrow_of(words: Words, at: int) -> int | None:
    """The arrow whose parameters stand behind the word at `at`."""
    end = words.partner[at + 1] if words.text(at + 1) == "(" else at + 1
    return end + 1 if words.text(end + 1) == "=>" else None


_BEHIND_NAMES: Final = frozenset((")", "]", "}", ",", ";", ":", ".", "?", "=", "=>"))
"""Behind these `await` was a name."""


class _FunctionBody(NamedTuple):
    is_async: bool
    in_arguments: bool


def awaits(words: Words) -> Iterator[Seen]:
    """`await` in arguments, and outside of async functions."""
    heads, bodies = parameter_lists(words), words.bodies
    # Bodies as in `async a => await b` have no brackets: with one, nothing is outside for sure.
    is_sure = not any(_begins_expression(words, at) for at in range(len(words.words)))
    scopes = [_FunctionBody(is_async=False, in_arguments=False)]
    for at, word in enumerate(words.words):
        partner = words.partner.get(at, at)
        if at in bodies:
            scopes.append(_FunctionBody(_is_async(words, at), in_arguments=False))
        elif partner in bodies and partner < at:
            scopes.pop()
        elif word.kind == "sign" and word.text in ("(", ")"):
            opened = min(at, partner)
            if opened not in heads and is_call(words, opened):
                scopes[-1] = scopes[-1]._replace(in_arguments=word.text == "(")
        elif word.kind == "name" and word.text == "await" and not is_member(words, at):
            if scopes[-1].in_arguments and words.text(at + 1) not in _BEHIND_NAMES:
                yield Seen(at, AWAIT_ARGUMENT)
            elif is_sure and not scopes[-1].is_async and _waits_for(words, at + 1):
                yield Seen(at, AWAIT_OUTSIDE)


def _begins_expression(words: Words, at: int) -> bool:
    if words.text(at) != "=>" or words.text(at + 1) == "{":
        return False
    return words.text(_head_of_arrow(words, at) - 1) == "async"


def _head_of_arrow(words: Words, arrow: int) -> int:
    """Where the parameters before an arrow begin."""
    return words.partner.get(arrow - 1, arrow - 1)


def _is_async(words: Words, body: int) -> bool:
    """Whether the function with this body is async."""
    if words.text(body - 1) == "=>":
        return words.text(_head_of_arrow(words, body - 1) - 1) == "async"
    opened = words.partner.get(body - 1, body - 1)
    is_named = words.text(opened - 1) != "function"
    is_method = is_named and words.text(opened - 2) != "function"
    return words.text(opened - 2 - (is_named and not is_method)) == "async"


def _waits_for(words: Words, at: int) -> bool:
    """Whether what stands at `at` can be waited for, so that `await` before it is no name."""
    if at >= len(words.words):
        return False
    word = words.words[at]
    return word.kind not in ("sign", "regex") and word.text not in ("in", "of", "instanceof")
