"""A look into the source of a function at the edge: headers it names that it may not touch.

Best effort: what is written out literally is seen, what is computed is not. Never an error.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias, cast

from edgegw.awslambda.variables import RESERVED
from edgegw.cloudfront.edge_rule import EdgeRule
from edgegw.cloudfront.header_rules import READ_ONLY, is_disallowed
from edgegw.cloudfront.rule_table import LITERAL_HEADER, READS_VARIABLE
from edgegw.cloudfront.triggers import Trigger

_PRESENT: Final = RESERVED | {"PATH", "LANG", "TZ", "TMPDIR", "HOME", "NODE_PATH", "PWD"}


SourceTouch: TypeAlias = tuple[int, int, str, str]
"""Line, column, `sets`, `deletes` or `reads`, and the name."""


class SourceFinding(NamedTuple):
    """Something in the source, with its place; lines and columns count from 1."""

    line: int
    column: int
    rule: EdgeRule
    text: str


def source_findings(
    source: str, language: str, handler: str, trigger: Trigger
) -> list[SourceFinding]:
    """What the `python` or `nodejs` source of `handler` (the function's name) does at `trigger`."""
    said = [
        remark
        for line, column, what, name in touches(source, language, handler)
        if (remark := _judge(line, column, what, name, trigger))
    ]
    return sorted(set(said))


def touches(source: str, language: str, handler: str) -> Iterator[SourceTouch]:
    """Headers that `handler` sets and deletes, and variables that it reads, with their places."""
    return _python(source, handler) if language == "python" else _javascript(source, handler)


def _judge(line: int, column: int, what: str, name: str, trigger: Trigger) -> SourceFinding | None:
    lower = name.lower()
    if what == "reads":
        if name in _PRESENT or name.startswith("AWS_LAMBDA_"):
            return None
        text = f"reads the environment variable {name}, which is not there at the edge"
        return SourceFinding(line, column, READS_VARIABLE, text)
    if lower in READ_ONLY[trigger]:
        text = f"{what} {lower}, which is read-only at {trigger}"
    elif what == "sets" and is_disallowed(lower):
        text = f"{what} {lower}, which functions must not add"
    elif what == "sets" and lower == "cloudfront-viewer-country" and trigger == "viewer-request":
        text = f"{what} {lower}, which viewer-request must not add"
    else:
        return None
    return SourceFinding(line, column, LITERAL_HEADER, text)


# Python


def _python(source: str, handler: str) -> Iterator[SourceTouch]:
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in reached(module, handler):
        yield from _python_node(node)


def reached(module: ast.Module, handler: str) -> Iterator[ast.AST]:
    """The nodes of the module's own statements, the handler, and the functions it calls."""
    functions = {
        node.name: node
        for node in module.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    for statement in module.body:
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield from ast.walk(statement)
    waiting, seen = [handler], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in functions:
            continue
        seen.add(name)
        for node in ast.walk(functions[name]):
            yield node
            if isinstance(node, ast.Name):
                waiting.append(node.id)


def _python_node(node: ast.AST) -> Iterator[SourceTouch]:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _assigned(target, value)
        case ast.Delete(targets=targets):
            for target in targets:
                if (name := _header_item(target)) is not None:
                    yield (target.lineno, target.col_offset + 1, "deletes", name)
        case ast.Call(func=ast.Attribute(value=inner, attr="pop"), args=[first, *_]):
            if is_headers(inner) and (name := literal_text(first)) is not None:
                yield (node.lineno, node.col_offset + 1, "deletes", name)
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if (
                    key is not None
                    and literal_text(key) == "headers"
                    and isinstance(value, ast.Dict)
                ):
                    yield from _named(value)
        case _:
            yield from _read_variable(node)


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[SourceTouch]:
    """`headers["x"] = […]` and `headers["x"][0]["value"] = …`."""
    name = _header_item(target) if isinstance(value, ast.List) else None
    if name is None and isinstance(target, ast.Subscript):
        inner = target.value
        if isinstance(inner, ast.Subscript) and literal_text(target.slice) in ("value", "key"):
            name = _header_item(inner.value)
    if name is not None:
        yield (target.lineno, target.col_offset + 1, "sets", name)


def _named(headers: ast.Dict) -> Iterator[SourceTouch]:
    for key, value in zip(headers.keys, headers.values, strict=True):
        name = None if key is None else literal_text(key)
        if key is not None and name is not None and isinstance(value, ast.List):
            yield (key.lineno, key.col_offset + 1, "sets", name)


def _header_item(node: ast.expr) -> str | None:
    """The name in `….headers["name"]`."""
    if isinstance(node, ast.Subscript) and is_headers(node.value):
        return literal_text(node.slice)
    return None


def is_headers(node: ast.expr) -> bool:
    """Whether Python names the headers of a request or response so."""
    match node:
        case ast.Name(id=name):
            return name.endswith("headers")
        case ast.Subscript(slice=ast.Constant(value="headers")):
            return True
        case _:
            return False


def literal_text(node: ast.expr) -> str | None:
    """The text that stands there literally."""
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) else None


def _read_variable(node: ast.AST) -> Iterator[SourceTouch]:
    match node:
        case (
            ast.Subscript(value=ast.Attribute(attr="environ"), slice=key, ctx=ast.Load())
            | ast.Call(func=ast.Attribute(attr="getenv"), args=[key, *_])
            | ast.Call(
                func=ast.Attribute(value=ast.Attribute(attr="environ"), attr="get"), args=[key, *_]
            )
        ):
            name = literal_text(key)
        case _:
            return
    if name is not None:
        at = cast("ast.expr", node)
        yield (at.lineno, at.col_offset + 1, "reads", name)


# JavaScript

_COMMENT_OR_TEXT: Final = re.compile(
    r"//[^\n]*|/\*.*?\*/|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|`(?:\\.|[^`\\])*`", re.DOTALL
)
_NAME: Final = r"(?:\.(?P<dot>[A-Za-z]\w*)|\[\s*(?P<quote>['\"])(?P<text>[^'\"]+)(?P=quote)\s*\])"
_SETS: Final = re.compile(r"[hH]eaders\s*" + _NAME + r"\s*=\s*\[")
_EDITS: Final = re.compile(
    r"[hH]eaders\s*" + _NAME + r"\s*\[\s*\d+\s*\]\s*\.(?:value|key)\s*=(?!=)"
)
_DELETES: Final = re.compile(r"\bdelete\s+[\w.\[\]'\"]*[hH]eaders\s*" + _NAME)
_HEADERS_OBJECT: Final = re.compile(r"\bheaders\s*[:=]\s*\{")
_ENTRY: Final = re.compile(r"(?:(?P<dot>[A-Za-z]\w*)|(['\"])(?P<text>[^'\"]+)\2)\s*:\s*\[")
_READS: Final = re.compile(
    r"\bprocess\.env(?:\.(?P<dot>\w+)|\[\s*(['\"])(?P<text>\w+)\2\s*\])(?!\s*=[^=])"
)


def _javascript(source: str, handler: str) -> Iterator[SourceTouch]:
    code = without_comments(source)
    start, end = body_of(code, handler)
    for pattern, what in ((_SETS, "sets"), (_EDITS, "sets"), (_DELETES, "deletes")):
        for match in pattern.finditer(code, start, end):
            yield (*place(code, match.start()), what, match["dot"] or match["text"])
    for match in _HEADERS_OBJECT.finditer(code, start, end):
        closed = _closing(code, match.end() - 1)
        for entry in _ENTRY.finditer(code, match.end(), closed):
            yield (*place(code, entry.start()), "sets", entry["dot"] or entry["text"])
    for match in _READS.finditer(code):
        yield (*place(code, match.start()), "reads", match["dot"] or match["text"])


def without_comments(source: str) -> str:
    """Comments become blanks of the same shape, so that places stay."""
    return _COMMENT_OR_TEXT.sub(_without_comment, source)


def _without_comment(match: re.Match[str]) -> str:
    text = match[0]
    return re.sub(r"[^\n]", " ", text) if text.startswith("/") else text


def body_of(code: str, handler: str) -> tuple[int, int]:
    """From where to where the function `handler` reaches; everything, where it is not found.

    Other handlers in one file are for other triggers, so they are not looked at.
    """
    name = re.escape(handler)
    pattern = rf"\bexports\.{name}\s*=|\bfunction\s+{name}\s*\(|\b(?:const|let|var)\s+{name}\s*="
    match = re.search(pattern, code)
    if match is None or len(re.findall(r"\bexports\.\w+\s*=|\bexport\s+", code)) <= 1:
        return 0, len(code)
    opening = code.find("{", match.end())
    arrow = code.find("=>", match.end())
    if arrow >= 0:  # what stands before the arrow are parameters, maybe taken apart with braces
        opening = max(opening, code.find("{", arrow)) if opening < arrow else opening
    return (match.start(), _closing(code, opening)) if opening >= 0 else (0, len(code))


def _closing(code: str, opening: int) -> int:
    """Behind the brace that closes the one at `opening`; strings are short enough to ignore."""
    depth = 0
    for at in range(opening, len(code)):
        depth += {"{": 1, "}": -1}.get(code[at], 0)
        if depth == 0:
            return at + 1
    return len(code)


def place(code: str, at: int) -> tuple[int, int]:
    """Line and column of what stands at `at`, from 1."""
    line = code.count("\n", 0, at) + 1
    return line, at - (code.rfind("\n", 0, at) + 1) + 1
