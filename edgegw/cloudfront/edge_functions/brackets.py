"""What the brackets of a code are: parameters, arguments of calls, bodies of functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edgegw.cloudfront.edge_functions.tokens import Words

_BEHIND_KEYS: Final = frozenset((":", "(", ",", "}"))
_HEADS: Final = frozenset(("if", "while", "for", "switch", "catch", "with", "return", "typeof"))


def is_member(words: Words, at: int) -> bool:
    """Whether the name at `at` is behind a dot, or a key of an object and no word before one."""
    if words.text(at - 1) in (".", "?."):
        return True
    return at in words.keys and words.text(at + 1) in _BEHIND_KEYS


def at_depth(words: Words, opened: int, end: int) -> Iterator[int]:
    """The words within a bracket, without those in brackets within."""
    at = opened + 1
    while at < end:
        yield at
        inner = words.partner.get(at, at)
        at = inner if inner > at else at + 1


def enclosing(words: Words) -> list[int]:
    """The index of the bracket around each word; -1 for those around which none is."""
    around: list[int] = []
    opened: list[int] = []
    for at, word in enumerate(words.words):
        goes_on = word.kind == "template" and word.text[0] == "}"  # …}text${…: it closes and opens
        if (goes_on or words.partner.get(at, at) < at) and opened:
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


def is_call(words: Words, opened: int) -> bool:
    """Whether the bracket at `opened` holds the arguments of a call."""
    if opened < 1 or words.text(opened) != "(":
        return False
    return opened - 1 in words.values and words.text(opened - 1) != "}"
