r"""What a handler surely does with cookies and headers: seen where it is written out literally.

Best effort, and rather blind than wrong: only the forms below count.

    Python       cookies["name"], cookies.get("name"), "name" in cookies, "name=a" in line,
                 re.search(r"name=(\w)", line), COOKIE = "name=a"; headers["name"],
                 headers.get("name")
    JavaScript   cookies.name, cookies['name'], cookies.get('name'), line.includes('name=a'),
                 /name=(\w)/.exec(line), const cookie = 'name=a'; headers.name, headers['name']
    both         headers["set-cookie"] = […], and what is appended to it

CloudFront Functions have objects by name: cookies.name, and headers.name = … or headers.name.value
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias, cast

from edgegw.cloudfront.handler_text import handler_text, mentions
from edgegw.cloudfront.source_look import (
    body_of,
    is_headers,
    literal_text,
    place,
    reached,
    touches,
    without_comments,
)
from edgegw.values import value

UseKind: TypeAlias = Literal["reads-cookie", "reads-header", "sets-header"]


@value
class HandlerUse:
    """Something that a handler does, with its place; names of headers are in lower case."""

    line: int
    column: int
    kind: UseKind
    name: str


def handler_uses(source: str, language: str, handler: str) -> list[HandlerUse]:
    """What `handler` (the function's name) of a `python` or `nodejs` source surely does.

    A header that it sets itself does not count as read: it may be its own that it looks at.
    """
    uses = [
        HandlerUse(line, column, "sets-header", name.lower())
        for line, column, what, name in touches(source, language, handler)
        if what == "sets"
    ]
    more = _python(source, handler) if language == "python" else _javascript(source, handler)
    lines = source.splitlines()
    uses += [use for use in more if not _is_of_a_query(use, lines)]
    if not mentions(handler_text(source, language, handler), "cookie", any_case=True):
        uses = [use for use in uses if use.kind != "reads-cookie"]
    own = {use.name for use in uses if use.kind == "sets-header"}
    return [use for use in uses if use.kind != "reads-header" or use.name not in own]


def edge_function_uses(source: str) -> list[HandlerUse]:
    """The cookies that a CloudFront Function surely reads, and the headers that it sets."""
    code = without_comments(source)
    uses: list[HandlerUse] = []
    patterns: tuple[tuple[re.Pattern[str], UseKind], ...] = (
        (_OF_COOKIES, "reads-cookie"),
        (_ASSIGNED, "sets-header"),
    )
    for pattern, kind in patterns:
        for match in pattern.finditer(code):
            name = match["dot"] or match["text"]
            if name not in _METHODS and not _is_deleted(code, match.start()):
                uses.append(HandlerUse(*place(code, match.start()), kind, name))
    return uses


def _is_of_a_query(use: HandlerUse, lines: list[str]) -> bool:
    """Whether it rather takes a query string apart, which has names and values as well."""
    return use.kind == "reads-cookie" and "query" in lines[use.line - 1].lower()


# Python

_LOOKING: Final = ("search", "match", "findall", "finditer", "compile", "find", "startswith")
_PAIR: Final = re.compile(r"^\W*?([A-Za-z_][\w.-]*)=")
"""What a text or a regular expression begins with that looks for `name=…`."""
_ONE_PAIR: Final = re.compile(r"([A-Za-z_][\w.-]*)=[\w.-]*$")
"""What `COOKIE_A = "name=a"` is named after; a Set-Cookie would have more than that."""


_ATTRIBUTES: Final = frozenset({"path", "domain", "expires", "max-age", "samesite", "charset"})
"""What stands before `=` without being a cookie."""


def _python(source: str, handler: str) -> Iterator[HandlerUse]:
    try:
        nodes = list(reached(ast.parse(source), handler))
    except (SyntaxError, ValueError, RecursionError):
        return
    written = {
        id(node.value)
        for node in nodes
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load)
    }
    for node in nodes:
        if id(node) in written:
            continue
        for kind, name in _python_uses(node):
            at = cast("ast.expr", node)
            yield HandlerUse(at.lineno, at.col_offset + 1, kind, name)


def _python_uses(node: ast.AST) -> Iterator[tuple[UseKind, str]]:
    match node:
        case ast.Subscript(value=inner, slice=key, ctx=ast.Load()):
            yield from _named(inner, key)
        case ast.Call(func=ast.Attribute(value=inner, attr="get"), args=[key, *_]):
            yield from _named(inner, key)
        case ast.Call(func=ast.Attribute(value=inner, attr="setdefault"), args=[key, *_]):
            yield from _set(inner, key)
        case ast.Call(
            func=ast.Attribute(
                value=ast.Subscript(value=inner, slice=key), attr="append" | "extend" | "insert"
            )
        ):
            yield from _set(inner, key)
        case ast.Call(func=ast.Attribute(attr=attr), args=[key, *_]) if attr in _LOOKING:
            yield from _pair(key)
        case ast.Compare(left=key, ops=[ast.In() | ast.NotIn()], comparators=[inner]):
            yield from _named(inner, key)
            yield from _pair(key)
        case ast.Assign(targets=[ast.Name(id=variable)], value=key) if _is_cookie(variable):
            if (match := _ONE_PAIR.match(literal_text(key) or "")) is not None:
                yield "reads-cookie", match[1]
        case _:
            pass


def _is_cookie(variable: str) -> bool:
    return "cookie" in variable.lower()


def _named(inner: ast.expr, key: ast.expr) -> Iterator[tuple[UseKind, str]]:
    name = literal_text(key)
    if name is None:
        return
    if is_headers(inner):
        yield "reads-header", name.lower()
    elif _is_cookies(inner):
        yield "reads-cookie", name


def _set(inner: ast.expr, key: ast.expr) -> Iterator[tuple[UseKind, str]]:
    name = literal_text(key)
    if name is not None and is_headers(inner):
        yield "sets-header", name.lower()


def _pair(key: ast.expr) -> Iterator[tuple[UseKind, str]]:
    match = _PAIR.match(literal_text(key) or "")
    if match is not None and match[1].lower() not in _ATTRIBUTES:
        yield "reads-cookie", match[1]


def _is_cookies(node: ast.expr) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.lower().endswith(("cookie", "cookies", "jar"))
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name.lower().endswith(("cookie", "cookies"))
        case _:
            return False


# JavaScript

_NAME: Final = r"(?:\??\.(?P<dot>[A-Za-z_$][\w$]*)|(?:\?\.)?\[\s*(['\"])(?P<text>[^'\"]+)\2\s*\])"
_NO_MORE: Final = r"(?![\w$])"
_OF_COOKIES: Final = re.compile(
    r"(?:[cC]ookies|[cC]ookieJar)\s*" + _NAME + _NO_MORE + r"(?!\s*(?:\(|=(?!=)))"
)
_GOT: Final = re.compile(r"(?:[cC]ookies|[cC]ookieJar)\.(?:get|has)\(\s*(['\"])(?P<text>[^'\"]+)\1")
_LOOKED_FOR: Final = re.compile(
    r"\.(?:includes|indexOf|startsWith|match|search|split)\(\s*[/'\"`]\W*?(?P<text>[A-Za-z_][\w.-]*)="
)
_EXPRESSION: Final = re.compile(
    r"/(?:\(\?:[^)]*\))?\W*?(?P<text>[A-Za-z_][\w.-]*)=[^/\n]*/\w*\.(?:exec|test)\("
)
_KEPT_PAIR: Final = re.compile(
    r"\b\w*[cC](?:ookie|OOKIE)\w*\s*=\s*(['\"])(?P<text>[A-Za-z_][\w.-]*)=[\w.-]*\1"
)
_OF_HEADERS: Final = re.compile(
    r"[hH]eaders\s*"
    + _NAME
    + _NO_MORE
    + r"(?!\s*(?:=(?!=)|\[\s*\d+\s*\]\s*\.\s*(?:value|key)\s*=(?!=)))"
)
_ASSIGNED: Final = re.compile(r"[hH]eaders\s*" + _NAME + r"(?:\s*\.\s*value)?\s*=(?!=)")
_PUSHED: Final = re.compile(r"[hH]eaders\s*" + _NAME + r"\s*\.(?:push|unshift)\(")
_METHODS: Final = frozenset(
    {"length", "get", "has", "map", "filter", "find", "forEach", "reduce", "some", "push", "join"}
)


def _javascript(source: str, handler: str) -> Iterator[HandlerUse]:
    code = without_comments(source)
    start, end = body_of(code, handler)
    for pattern, kind in _PATTERNS:
        for match in pattern.finditer(code, start, end):
            groups = match.groupdict()
            name = groups.get("dot") or groups["text"]
            if name in _METHODS or name.lower() in _ATTRIBUTES or _is_deleted(code, match.start()):
                continue
            yield HandlerUse(
                *place(code, match.start()), kind, name if kind == "reads-cookie" else name.lower()
            )


_PATTERNS: Final[tuple[tuple[re.Pattern[str], UseKind], ...]] = (
    (_OF_COOKIES, "reads-cookie"),
    (_GOT, "reads-cookie"),
    (_LOOKED_FOR, "reads-cookie"),
    (_EXPRESSION, "reads-cookie"),
    (_KEPT_PAIR, "reads-cookie"),
    (_OF_HEADERS, "reads-header"),
    (_PUSHED, "sets-header"),
)


def _is_deleted(code: str, at: int) -> bool:
    return re.search(r"\bdelete\s+[\w.]*$", code[max(0, at - 80) : at]) is not None
