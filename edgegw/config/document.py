"""YAML or JSON with the place of every value, `${NAME}` and `${NAME:-default}` filled in.

Scalars follow YAML 1.2: `yes` is text, `22:22` is text, `010` is ten. Numbers that no key can mean
(of 19 digits and more, beyond a float) stay text. Duplicate keys are findings, and so is what is
left empty: `key:` is a line that somebody is still writing, `key: null` is meant.

A short text can stand for a document of any size: aliases are expanded where they stand, and
aliases of aliases double with every line. So values are counted while they are read, and nesting
has a depth.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NoReturn, TypeAlias, cast

import yaml

from edgegw.config.source import check_characters
from edgegw.errors import ConfigError, Finding

KeyPath = tuple[str | int, ...]
"""The way to a value: keys and list positions from the top."""

Position = tuple[int, int]
"""Line and column, both counted from 1."""

Severity = Literal["error", "warning"]

MAX_DEPTH: Final = 64
"""Mappings and lists inside each other; the schema has 12."""
MAX_VALUES: Final = 100_000
"""Values of a configuration, those of aliases counted wherever they stand."""
_LONGEST: Final = 1000
"""Characters of what a finding says; long values in it are cut."""

JudgingStage: TypeAlias = Literal["start", "deployment"]
"""A start of the gateway, or a deployment to AWS."""

_LETTER: Final = "q"


class PythonLoader(yaml.BaseLoader):
    """PyYAML's own parser, where libyaml is missing; it takes what that takes.

    By itself it ends a text within {…} and […] at any `?`, which YAML and libyaml do not:
    `{expression: cron(0 3 * * ? *)}`.
    """

    _is_in_text = False

    def scan_plain(self) -> Any:
        """A text without quotes."""
        self._is_in_text = True
        try:
            return super().scan_plain()
        finally:
            self._is_in_text = False

    def peek(self, index: int = 0) -> Any:
        """The character so far ahead, as what decides where a text ends sees it."""
        character = cast("Any", super()).peek(index)
        return _LETTER if character == "?" and self._is_in_text else character


_BaseLoader: Any = getattr(yaml, "CBaseLoader", PythonLoader)


class _Loader(_BaseLoader):
    """Nodes without tags: what a scalar means is decided here, so nothing is resolved."""

    def descend_resolver(self, *_: object) -> None:
        """Nothing: no tag depends on where a node stands."""

    def ascend_resolver(self) -> None:
        """Nothing, likewise."""

    def resolve(self, *_: object) -> str:
        """The same tag for every node."""
        return ""


@dataclass
class Document:
    """A configuration file as plain values, with places."""

    file: str
    value: Any = None
    values: dict[KeyPath, Position] = field(default_factory=dict[KeyPath, Position])
    keys: dict[KeyPath, Position] = field(default_factory=dict[KeyPath, Position])
    findings: list[Finding] = field(default_factory=list[Finding])
    empty: set[KeyPath] = field(default_factory=set[KeyPath])
    """What was left empty, which is noted already."""
    is_placed: bool = True
    """Whether values have places: those of a `dict` have none."""
    stage: JudgingStage = "start"
    """What the configuration is judged for, which decides how bad some findings are."""

    def stands(self, path: KeyPath) -> bool:
        """Whether there is a value at `path`."""
        if self.is_placed:
            return path in self.values or path in self.keys
        value: Any = self.value
        for part in path:
            if isinstance(value, dict) and part in value:
                value = cast("dict[object, Any]", value)[part]
            elif isinstance(value, list) and isinstance(part, int):
                items = cast("list[Any]", value)
                if part >= len(items):
                    return False
                value = items[part]
            else:
                return False
        return True

    def place(self, path: KeyPath, *, key: bool = False) -> Position:
        """Where `path` stands (its key, if asked for), or the nearest part of it that stands."""
        first, second = (self.keys, self.values) if key else (self.values, self.keys)
        for length in range(len(path), 0, -1):
            found = first.get(path[:length]) or second.get(path[:length])
            if found is not None:
                return found
        return 1, 1

    def error(self, path: KeyPath, code: str, text: str, *, key: bool = False) -> None:
        """Notes an error at `path`."""
        self._note("error", self.place(path, key=key), code, self._named(path, text))

    def warning(self, path: KeyPath, code: str, text: str, *, key: bool = False) -> None:
        """Notes a warning at `path`."""
        self._note("warning", self.place(path, key=key), code, self._named(path, text))

    def _named(self, path: KeyPath, text: str) -> str:
        """What is said of `path`: where nothing has a place, the way to the key is named."""
        return text if self.is_placed or not path else f"{'.'.join(map(str, path))}: {text}"

    def is_left_empty_below(self, path: KeyPath) -> bool:
        """Whether something at `path` or below was left empty."""
        return any(each[: len(path)] == path for each in self.empty)

    def error_at(self, place: Position, code: str, text: str) -> None:
        """Notes an error at a place that belongs to no value."""
        self._note("error", place, code, text)

    def _note(self, severity: Severity, place: Position, code: str, text: str) -> None:
        if len(text) > _LONGEST:
            text = f"{text[: _LONGEST - 1]}…"
        self.findings.append(Finding(self.file, *place, severity, code, text))


def read_document(text: str, file: str, environment: Mapping[str, str]) -> Document:
    """Parses `text`. Raises ConfigError when it is no YAML at all."""
    document = Document(file)
    node = _composed(text, file)
    if node is None:
        document.error((), "config.nothing", "the configuration is empty")
        document.value = {}
        return document
    document.value = _Reader(document, environment).value(node, ())
    return document


def _composed(text: str, file: str) -> yaml.Node | None:
    check_characters(text, file)
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        finding = Finding(file, line, column, "error", "config.syntax", _problem(error, text))
        raise ConfigError([finding]) from None
    except yaml.YAMLError as error:
        raise ConfigError([Finding(file, 1, 1, "error", "config.syntax", str(error))]) from None
    except RecursionError:  # of the parser in Python; the one in C has a limit of its own
        raise ConfigError([Finding(file, 1, 1, "error", "config.depth", _TOO_DEEP)]) from None


_TOO_DEEP: Final = f"mappings and lists stand at most {MAX_DEPTH} deep inside each other"


def _problem(error: yaml.MarkedYAMLError, text: str) -> str:
    """What the parser says, or why a tab may not stand there, which it does not say."""
    mark = error.problem_mark
    if mark is not None and text.splitlines()[mark.line : mark.line + 1]:
        line = text.splitlines()[mark.line]
        if line[mark.column : mark.column + 1] == "\t":
            return "a tab cannot stand here: YAML is indented with blanks"
    return error.problem or "this is no YAML"


def document_of(value: Mapping[str, Any], name: str = "<dict>") -> Document:
    """A document made of values at hand; everything stands at line 1."""
    return Document(name, dict(value), is_placed=False)


_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BEGINS_NUMBERS: Final = frozenset("+-.0123456789")
_DIGITS: Final = 18
_WORDS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class _Reader:
    """Nodes → plain values. Raises ConfigError where there are too many, or too deep."""

    def __init__(self, document: Document, environment: Mapping[str, str]) -> None:
        self._document = document
        self._environment = environment
        self._open: set[int] = set()
        self._count = 0

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self._document.values[path] = _place(node)
        self._count += 1
        if self._count > MAX_VALUES:
            self._refuse(node, "config.size", f"there are more than {MAX_VALUES} values")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            self._document.error(path, "config.syntax", "an anchor must not contain itself")
            return None
        if len(self._open) >= MAX_DEPTH:
            self._refuse(node, "config.depth", _TOO_DEEP)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            return self._sequence(node, path)
        finally:
            self._open.discard(id(node))

    def _refuse(self, node: yaml.Node, code: str, text: str) -> NoReturn:
        raise ConfigError([Finding(self._document.file, *_place(node), "error", code, text)])

    def _sequence(self, node: yaml.Node, path: KeyPath) -> list[Any]:
        items = cast("list[yaml.Node]", node.value)
        for at, item in enumerate(items):
            if _is_left_empty(item):
                self._note_empty(item, (*path, at), "this entry")
        return [self.value(item, (*path, at)) for at, item in enumerate(items)]

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        seen: dict[str, Position] = {}
        for key_node, value_node in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            if not isinstance(key_node, yaml.ScalarNode):
                text = "a key must be plain text"
                self._document.error_at(_place(key_node), "config.key", text)
                continue
            key = str(key_node.value)
            if key == "<<":
                is_list = isinstance(value_node, yaml.SequenceNode)
                merged += cast("list[yaml.Node]", value_node.value) if is_list else [value_node]
                continue
            if key in seen:
                text = f"the key {key!r} stands here twice, first in line {seen[key][0]}"
                self._document.error_at(_place(key_node), "config.duplicate-key", text)
                continue
            inner = (*path, key)
            self._document.keys[inner] = seen[key] = _place(key_node)
            if not value_node.value and _is_left_empty(value_node):
                self._note_empty(key_node, inner, f"the key {key!r}")
            else:
                result[key] = self.value(value_node, inner)
        for source in merged:
            result = {**self._inherited(source, path), **result}
            self._document.values[path] = _place(node)
        return result

    def _inherited(self, node: yaml.Node, path: KeyPath) -> dict[str, Any]:
        """The keys that `<<` brings."""
        if not isinstance(node, yaml.MappingNode):
            text = "'<<' takes a mapping, or a list of mappings"
            self._document.error_at(_place(node), "config.key", text)
            return {}
        return self.value(node, path) or {}

    def _note_empty(self, node: yaml.Node, path: KeyPath, what: str) -> None:
        text = f"{what} is left empty: give it a value, or take it out"
        self._document.error_at(_place(node), "config.empty", text)
        self._document.empty.add(path)

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        text = str(node.value)
        if "${" in text:
            text = _VARIABLE.sub(self._substitute(path), text)
        if node.style:  # quoted or block: text as it stands
            return text
        if text in _WORDS:
            return _WORDS[text]
        return _number(text)

    def _substitute(self, path: KeyPath) -> Callable[[re.Match[str]], str]:
        def replace(match: re.Match[str]) -> str:
            name, default = match[1], match[2]
            found = self._environment.get(name)
            if found:
                return found
            if default is None:
                text = f"the environment variable {name} is not set; give a default: ${{{name}:-…}}"
                self._document.error(path, "config.variable", text)
                return ""
            return default

        return replace


def _number(text: str) -> float | str:
    """The number that `text` means, or `text` where it means none that fits."""
    if text[0] not in _BEGINS_NUMBERS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) <= _DIGITS else text
    if len(text) <= _DIGITS * 2 and _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


def _is_left_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value == "" and not node.style


def _place(node: yaml.Node) -> Position:
    mark = node.start_mark
    return (mark.line + 1, mark.column + 1)
