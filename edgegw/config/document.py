"""YAML or JSON with the place of every value, `${NAME}` and `${NAME:-default}` filled in.

Scalars follow YAML 1.2: `yes` is text, `22:22` is text, `010` is ten. Duplicate keys are findings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import yaml

from edgegw.errors import ConfigError, Finding

KeyPath = tuple[str | int, ...]
"""The way to a value: keys and list positions from the top."""

Position = tuple[int, int]
"""Line and column, both counted from 1."""

_BaseLoader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass
class Document:
    """A configuration file as plain values, with places."""

    file: str
    value: Any = None
    values: dict[KeyPath, Position] = field(default_factory=dict[KeyPath, Position])
    keys: dict[KeyPath, Position] = field(default_factory=dict[KeyPath, Position])
    findings: list[Finding] = field(default_factory=list[Finding])

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
        self.findings.append(Finding(self.file, *self.place(path, key=key), "error", code, text))

    def warning(self, path: KeyPath, code: str, text: str, *, key: bool = False) -> None:
        """Notes a warning at `path`."""
        self.findings.append(Finding(self.file, *self.place(path, key=key), "warning", code, text))


def read_document(text: str, file: str, environment: Mapping[str, str]) -> Document:
    """Parses `text`. Raises ConfigError when it is no YAML at all."""
    document = Document(file)
    try:
        node = yaml.compose(text, Loader=_BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = error.problem or "this is no YAML"
        finding = Finding(file, line, column, "error", "config.syntax", problem)
        raise ConfigError([finding]) from None
    except yaml.YAMLError as error:
        raise ConfigError([Finding(file, 1, 1, "error", "config.syntax", str(error))]) from None
    reader = _Reader(document, environment)
    document.value = {} if node is None else reader.value(node, ())
    return document


def document_of(value: Mapping[str, Any], name: str = "<dict>") -> Document:
    """A document made of values at hand; everything stands at line 1."""
    return Document(name, dict(value))


_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class _Reader:
    def __init__(self, document: Document, environment: Mapping[str, str]) -> None:
        self._document = document
        self._environment = environment
        self._open: set[int] = set()

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self._document.values[path] = _place(node)
        if id(node) in self._open:
            self._document.error(path, "config.syntax", "an anchor must not contain itself")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                items = cast("list[yaml.Node]", node.value)
                return [self.value(item, (*path, at)) for at, item in enumerate(items)]
            return self._scalar(cast("yaml.ScalarNode", node), path)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            if not isinstance(key_node, yaml.ScalarNode):
                line, column = _place(key_node)
                text = "a key must be plain text"
                self._document.findings.append(
                    Finding(self._document.file, line, column, "error", "config.key", text)
                )
                continue
            key = str(key_node.value)
            if key == "<<":
                is_list = isinstance(value_node, yaml.SequenceNode)
                merged += cast("list[yaml.Node]", value_node.value) if is_list else [value_node]
                continue
            inner = (*path, key)
            if key in result:
                line, column = _place(key_node)
                first, _ = self._document.keys[inner]
                text = f"the key {key!r} stands here twice, first in line {first}"
                self._document.findings.append(
                    Finding(
                        self._document.file, line, column, "error", "config.duplicate-key", text
                    )
                )
                continue
            self._document.keys[inner] = _place(key_node)
            result[key] = self.value(value_node, inner)
        for each in merged:
            inherited = self.value(each, path)
            if isinstance(inherited, dict):
                result = {**cast("dict[str, Any]", inherited), **result}
        self._document.values[path] = _place(node)
        return result

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        text = _VARIABLE.sub(self._substitute(path), str(node.value))
        if node.style:  # quoted or block: text as it stands
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        return text

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


def _place(node: yaml.Node) -> Position:
    mark = node.start_mark
    return (mark.line + 1, mark.column + 1)
