"""Configurations with mistakes: `check` has findings or none, and what passes can be served.

Valid ones are changed in their text (characters, words, lines, indentation, an end in the middle)
and in their values (other types, other sizes, other places, deep nesting, anchors). What must hold:

- `check` answers with findings that have a place, or with none: no traceback, no hang;
- what passes is served: every front door answers in process and listens on a socket.

Each is judged in a process of its own kind, which is ended when it takes too long.
"""

from __future__ import annotations

import asyncio
import copy
import json
import multiprocessing
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import yaml

from tests.fuzz.campaign import Case, Flaw, without_parts
from tests.fuzz.config_seeds import ALTERNATIVES, SEEDS
from tests.fuzz.config_worker import work

LANES: Final = 2
HANGS: Final = 30.0
"""Seconds after which judging one configuration is a hang, on a busy machine too."""

_WORDS: Final = [
    "null", "~", "true", "yes", "0", "-1", "65536", "1e400", ".inf", "9" * 5_000, "''", "[]", "{}",
    "&a", "*a", "!!python/object:os.system", "|", ">", "- ", ": ", "? ", "#", "${X}", "${X:-}", "${",
    "\t", "\r\n", "\0", "\u2028", "\ud800", "é", "x" * 300, "<<: *a", "---", "...", "%YAML 1.2",
    "http://[::1", "http://h:99999", "http://" + "a" * 300, "file:///x", "127.0.0.1:0", ":8080",
    "[" * 200, "{a: " * 200, "a..b", "*", "**", "/*", "(", "(a+)+$", "[", "\\", "HTTP_301",
]  # fmt: skip
_VALUES: Final[list[Any]] = [
    None, True, False, 0, 1, -1, 65_536, 2**63, 10**30, 1.5, -0.0, 1e308, "", " ", "a", "é", "\0",
    "a\r\nX: b", "a\nb", "\ud83d", "x" * 300, "/", "/*", "*", "?", "http://h:99999", "http://[::1",
    "https://" + "a" * 64 + ".test", "http://h/x", "http://u:p@h", "127.0.0.1:0", "::1", "0", "404",
    [], [[]], [None], {}, {"": None}, {"a": {"b": {"c": {}}}}, ["a", "a"], [{}], "${X}", "(", "(?<x>",
    "\\d+", "#{path}", "#{nothing}", "1", "999", "HTTP_302", "none", "all", "whitelist",
]  # fmt: skip


def _text_changed(text: str, dice: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    at = dice.randrange(len(lines))
    match dice.randrange(10):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, dice.choice(lines))
        case 2:
            lines[at] = " " * dice.choice([1, 2, 4]) + lines[at]
        case 3:
            lines[at] = lines[at].lstrip(" ")
        case 4:  # a value that is not typed yet
            lines[at] = lines[at].partition(":")[0] + ":\n"
        case 5:
            return text[: dice.randrange(len(text) + 1)]
        case 6 | 7:
            words = lines[at].split(" ")
            words[dice.randrange(len(words))] = dice.choice(_WORDS)
            lines[at] = " ".join(words)
        case _:
            line = lines[at]
            place = dice.randrange(len(line) + 1)
            lines[at] = line[:place] + dice.choice([*_WORDS, ""]) + line[place + 1 :]
    return "".join(lines)


def _places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(tree, (dict, list)):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from _places(value, (*path, key))


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def _tree_changed(tree: Any, dice: random.Random) -> Any:
    places = [path for path in _places(tree) if path]
    if not places:
        return copy.deepcopy(dice.choice(_VALUES))
    known = [path for path in places if path[-1] in ALTERNATIVES]
    if known and dice.random() < 0.6:
        path = dice.choice(known)
        _at(tree, path[:-1])[path[-1]] = copy.deepcopy(dice.choice(ALTERNATIVES[path[-1]]))
        return tree
    path = dice.choice(places)
    parent, key = _at(tree, path[:-1]), path[-1]
    match dice.randrange(8):
        case 0:
            del parent[key]
        case 1:  # another part of the same configuration
            parent[key] = json.loads(json.dumps(_at(tree, dice.choice(places))))
        case 2 if isinstance(parent, dict):
            parent[
                dice.choice(["", "x", "listen", "code", "origin", " ", key + "s", key.upper()])
            ] = parent.pop(key)
        case 3:
            for _ in range(dice.choice([1, 2, 90])):
                parent[key] = dice.choice([[parent[key]], {"a": parent[key]}])
        case 4 if isinstance(parent[key], list) and parent[key]:
            parent[key] = parent[key] * dice.choice([2, 2, 50])
        case 5 if isinstance(parent[key], str):
            parent[key] = parent[key] + str(dice.choice(_VALUES))[:300]
        case 6 if isinstance(parent[key], (int, float)):
            parent[key] = dice.choice([-parent[key], parent[key] * 1000, str(parent[key])])
        case _:
            parent[key] = copy.deepcopy(dice.choice(_VALUES))
    return tree


class ConfigurationLane:
    """A process that judges, replaced when it hangs or dies."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._pipe, other = spawning.Pipe()
        self._process = spawning.Process(target=work, args=(other,), daemon=True)
        self._process.start()
        other.close()

    async def attempt(self, case: Case) -> str:
        text = case["text"]
        self._pipe.send(text)
        is_there = await asyncio.to_thread(self._pipe.poll, HANGS)
        if not is_there:
            self._restart()
            raise Flaw(f"nothing said within {HANGS:g} s")
        try:
            is_right, word = self._pipe.recv()
        except EOFError:
            self._restart()
            raise Flaw("the process that judged it is dead") from None
        if not is_right:
            raise Flaw(word)
        return word

    def _restart(self) -> None:
        self.stop()
        self._start()

    def stop(self) -> None:
        """Ends the process: it leaves when nobody asks any more, or else is killed."""
        self._pipe.close()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


class Configurations:
    """The fuzzer of configurations."""

    name = "configurations"

    def generate(self, dice: random.Random) -> Case:
        text = dice.choice(SEEDS)
        if dice.random() < 0.5:
            tree = yaml.safe_load(text)
            for _ in range(dice.choice([1, 1, 1, 1, 2, 3])):
                tree = _tree_changed(tree, dice)
            text = json.dumps(tree, indent=1)
            if dice.random() < 0.8:
                return {"text": text}
        for _ in range(dice.choice([1, 1, 1, 2])):
            text = _text_changed(text, dice) or "\n"
        return {"text": text}

    def shorter(self, case: Case) -> Iterator[Case]:
        lines = case["text"].splitlines(keepends=True)
        for fewer in without_parts(lines):
            yield {"text": "".join(fewer)}

    @asynccontextmanager
    async def lanes(self) -> AsyncIterator[list[ConfigurationLane]]:
        lanes = [ConfigurationLane() for _ in range(LANES)]
        try:
            yield lanes
        finally:
            for lane in lanes:
                lane.stop()
