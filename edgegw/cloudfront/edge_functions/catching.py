"""What code catches is handed over, so that it does not go on as if there were no more memory.

On an event loop a run has less memory than it may have (`execution/edge_js.py`), and one that needs
more is done again in a thread: so what code makes of an error of memory must not count.

    catch (e) {…}                    catch (e) {CAUGHT(e);…}
    catch {…}                        catch (E) {CAUGHT(E);…}
    try {…} finally {…}              try {…} HANDED finally {…}
    catch (e) {…} finally {…}        catch (e) {CAUGHT(e);try{…}HANDED} finally {…}
    async function f() {…}           async function f() {try{…}HANDED}
    a => b                           a => {try{return b}HANDED}

HANDED is `catch(E){try{CAUGHT(E)}finally{throw E}}`: there may be no stack left for the call.

A `finally` that returns, or leaves a loop, drops what is thrown. So do promises that nobody waits
for, of async functions and of others, and what ends an iterator: where code has any of these, its
functions hand over what they throw. Those do not that are only called by their names, as a rule:
to throw anew takes time, which adds up in a recursion.

A block does not take all that the body of a function does, as the same name twice. So code may not
compile with this that does without: it is kept from the event loop (`metering`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from edgegw.cloudfront.edge_functions.tokens import Words

_DROPPERS: Final = re.compile(r"async|Promise|Symbol|globalThis|kvs|\\u")
"""Without one of these nothing in code drops an error but `catch` and `finally`."""


def hands_all_over(source: str) -> bool:
    """Whether each function of `source` has to hand over what it throws."""
    return _DROPPERS.search(source) is not None


def catching(words: Words, caught: str, error: str) -> Iterator[tuple[int, str]]:
    """What goes into the source, by offset: calls of `caught`; `error` is a free name."""
    if hands_all_over(words.source):
        for opened in _thrown_from(words):
            closed = words.partner.get(opened, opened)
            yield words.words[opened].end, "try{"
            yield words.words[closed].start, f"}}{handed_over(caught, error)}"
    for at, word in enumerate(words.words):
        if word.kind != "name" or at in words.keys or words.text(at - 1) != "}":
            continue
        if word.text == "catch":
            yield from _caught(words, at, caught, error)
        elif word.text == "finally":
            yield from _before_finally(words, at, caught, error)


def _thrown_from(words: Words) -> Iterator[int]:
    """The bodies of functions that are async, or that something else than their code may call."""
    values = {
        word.text
        for at, word in enumerate(words.words)
        if word.kind == "name" and at not in words.keys and words.text(at + 1) != "("
    }
    may_hide = "\\u" in words.source
    for opened in words.bodies:
        head = words.partner.get(opened - 1, opened)
        is_declared = words.text(head - 2) == "function" and (
            words.partner.get(opened, opened) not in words.values
        )
        is_value = not is_declared or words.text(head - 1) in values
        if is_value or may_hide or opened in words.async_bodies:
            yield opened


def _caught(words: Words, at: int, caught: str, error: str) -> Iterator[tuple[int, str]]:
    if words.text(at + 1) == "{":
        yield words.words[at].end, f"({error})"
        opened, name = at + 1, error
    else:
        opened, name = words.partner.get(at + 1, at) + 1, words.text(at + 2)
    if words.text(opened) != "{" or not name or name in ("{", "["):
        return
    yield words.words[opened].end, f"{caught}({name});"
    closed = words.partner.get(opened, opened)
    if words.text(closed + 1) == "finally":
        yield words.words[opened].end, "try{"
        yield words.words[closed].start, f"}}{handed_over(caught, error)}"


def _before_finally(words: Words, at: int, caught: str, error: str) -> Iterator[tuple[int, str]]:
    opened = words.partner.get(at - 1, at)
    if words.text(opened - 1) == "try":
        yield words.words[at].start, handed_over(caught, error)


def handed_over(caught: str, error: str) -> str:
    """The `catch` of our own, behind a block."""
    return f"catch({error}){{try{{{caught}({error})}}finally{{throw {error}}}}}"
