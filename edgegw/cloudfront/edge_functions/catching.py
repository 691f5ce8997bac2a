"""What code catches is handed over, so that it does not go on as if there were no more memory.

On an event loop a run has less memory than it may have (`execution/edge_js.py`), and one that needs
more is done again in a thread: so what code makes of an error of memory must not count.

    catch (e) {…}                    catch (e) {CAUGHT(e);…}
    catch {…}                        catch (E) {CAUGHT(E);…}
    try {…} finally {…}              try {…} catch(E) {CAUGHT(E);throw E;} finally {…}
    catch (e) {…} finally {…}        catch (e) {CAUGHT(e);try{…}catch(E) {…}} finally {…}
    async function f() {…}           async function f() {try{…}catch(E) {…}}

A `finally` that returns, or leaves a loop, drops what is thrown; and what an async function throws
nobody sees who does not wait for it. One that declares functions stays as it is, since a block does
not take all that the body of a function does.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgegw.cloudfront.edge_functions.tokens import Words


def catching(words: Words, caught: str, error: str) -> Iterator[tuple[int, str]]:
    """What goes into the source, by offset: calls of `caught`; `error` is a free name."""
    for opened in words.async_bodies:
        yield from _around_body(words, opened, caught, error)
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
        yield words.words[closed].start, f"}}{_handed_over(caught, error)}"


def _before_finally(words: Words, at: int, caught: str, error: str) -> Iterator[tuple[int, str]]:
    opened = words.partner.get(at - 1, at)
    if words.text(opened - 1) == "try":
        yield words.words[at].start, _handed_over(caught, error)


def _around_body(words: Words, opened: int, caught: str, error: str) -> Iterator[tuple[int, str]]:
    closed = words.partner.get(opened, opened)
    inner = opened + 1
    while inner < closed:
        if words.text(inner) == "function":
            return
        inner = max(inner, words.partner.get(inner, inner)) + 1
    yield words.words[opened].end, "try{"
    yield words.words[closed].start, f"}}{_handed_over(caught, error)}"


def _handed_over(caught: str, error: str) -> str:
    return f"catch({error}){{{caught}({error});throw {error};}}"
