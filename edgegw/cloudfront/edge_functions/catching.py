"""What code catches is handed over, so that it does not go on as if there were no more memory.

On an event loop a run has less memory than it may have (`execution/edge_js.py`), and one that needs
more is done again in a thread: so what code makes of an error of memory must not count.

    catch (e) {…}                    catch (e) {CAUGHT(e);…}
    catch {…}                        catch (E) {CAUGHT(E);…}
    try {…} finally {…}              try {…} catch(E) {CAUGHT(E);throw E;} finally {…}
    catch (e) {…} finally {…}        catch (e) {CAUGHT(e);try{…}catch(E) {…}} finally {…}
    function f() {…}                 function f() {try{…}catch(E) {CAUGHT(E);throw E;}}
    a => b                           a => {try{return b}catch(E) {CAUGHT(E);throw E;}}

A `finally` that returns, or leaves a loop, drops what is thrown. So do promises that nobody waits
for, of async functions and of others, and what ends an iterator: where code has any of these, all
of its functions hand over what they throw.

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
        for opened in words.bodies:
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
    return f"catch({error}){{{caught}({error});throw {error};}}"
