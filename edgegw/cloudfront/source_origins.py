"""A look into the source of a function at the edge: origins of a kind that the event does not have.

`origin` in an event has one key, `s3` or `custom`, as the behavior's origin is; events of viewer
triggers have no `origin` at all. Code that reaches into the other key fails at its first request
behind AWS, and works behind an emulated bucket. Best effort, and rather silent than wrong: where
the code asks which kind there is, in whatever way, or puts that kind there itself, nothing is said.

Source: CloudFront Developer Guide, "Lambda@Edge event structure", origin.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from edgegw.cloudfront.rule_table import ORIGIN_KIND
from edgegw.cloudfront.source_look import SourceFinding, body_of, place, reached, without_comments
from edgegw.cloudfront.triggers import Trigger

OriginKey: TypeAlias = Literal["custom", "s3"]
_KINDS: Final[tuple[OriginKey, ...]] = ("custom", "s3")


class Behind(NamedTuple):
    """Where a function stands: its trigger, and the origin by kind and name."""

    trigger: Trigger
    kind: OriginKey
    origin: str


class _Looks(NamedTuple):
    """What the source does with the kinds of an origin."""

    uses: tuple[tuple[OriginKey, int, int], ...]
    """Kind, line and column of what needs that kind to be there."""
    settled: frozenset[OriginKey]
    """Kinds that the code asks for, or makes, before."""


def origin_findings(
    source: str, language: str, handler: str, places: Iterable[Behind]
) -> list[SourceFinding]:
    """What the `python` or `nodejs` source of `handler` uses that is at none of `places`."""
    look = _python if language == "python" else _javascript
    looks = look(source, handler)
    knows_trigger = "eventType" in source
    findings: list[SourceFinding] = []
    for kind, line, column in looks.uses:
        if kind not in looks.settled:
            texts = _objections(kind, list(places), knows_trigger=knows_trigger)
            findings += [SourceFinding(line, column, ORIGIN_KIND, text) for text in texts]
    return sorted(set(findings))


def _objections(kind: OriginKey, places: list[Behind], *, knows_trigger: bool) -> Iterator[str]:
    for trigger in sorted({behind.trigger for behind in places}):
        if trigger.startswith("viewer"):
            if not knows_trigger:
                yield f"uses origin.{kind}: the event of {trigger} has no origin"
            continue
        others = {behind for behind in places if behind.trigger == trigger and behind.kind != kind}
        if others:
            names = ", ".join(sorted({other.origin for other in others}))
            there = next(iter(others)).kind
            yield (
                f"uses origin.{kind}, which is not there at {trigger}: the event of {names} has "
                f"origin.{there}"
            )


def _kind(text: object) -> OriginKey | None:
    return next((kind for kind in _KINDS if kind == text), None)


# Python

_CAUGHT: Final = frozenset({"KeyError", "LookupError", "TypeError"})


def _python(source: str, handler: str) -> _Looks:
    try:
        nodes = list(reached(ast.parse(source), handler))
    except (SyntaxError, ValueError, RecursionError):
        return _Looks((), frozenset())
    uses: list[tuple[OriginKey, int, int]] = []
    settled: set[OriginKey] = set()
    for node in nodes:
        settled |= _settled_by(node)
        match node:
            case ast.Subscript(value=value, slice=ast.Constant(value=text)) if _is_origin(value):
                kind = _kind(text)
                if kind is not None and isinstance(node.ctx, ast.Load):
                    uses.append((kind, node.lineno, node.col_offset + 1))
            case _:
                pass
    return _Looks(tuple(uses), frozenset(settled))


def _is_origin(node: ast.expr) -> bool:
    match node:
        case ast.Name(id=name):
            return name.lower().endswith("origin")
        case ast.Subscript(slice=ast.Constant(value="origin")):
            return True
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value="origin"), *_]):
            return True
        case _:
            return False


def _settled_by(node: ast.AST) -> set[OriginKey]:
    """The kinds that are no surprise any more once `node` is there."""
    match node:
        case ast.Compare(left=left, comparators=others):
            return _asked([left, *others])
        case ast.Call(func=ast.Attribute(attr="get" | "pop" | "setdefault"), args=[first, *_]):
            return _asked([first])
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            return _asked(elements)
        case ast.MatchValue(value=value):
            return _asked([value])
        case ast.MatchMapping(keys=keys):
            return _asked(keys)
        case ast.Try(handlers=handlers) if any(map(_catches, handlers)):
            return set(_KINDS)
        case ast.Dict(keys=keys):
            return _named([key for key in keys if key is not None])
        case ast.Subscript(slice=key, ctx=ast.Store()):
            return _named([key])
        case _:
            return set()


def _catches(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return False
    named = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    return bool(named & _CAUGHT)


def _asked(nodes: Iterable[ast.expr]) -> set[OriginKey]:
    """Who asks for one kind knows of both."""
    return set(_KINDS) if _named(nodes) else set()


def _named(nodes: Iterable[ast.expr]) -> set[OriginKey]:
    texts = (node.value for node in nodes if isinstance(node, ast.Constant))
    return {kind for text in texts if (kind := _kind(text)) is not None}


# JavaScript and TypeScript

_TEXT: Final = re.compile(
    r"'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|`(?:\\.|[^`\\])*`", re.DOTALL
)
_ORIGIN: Final = (
    r"(?:(?<![\w$])[\w$]*[oO]rigin|\[\s*['\"]origin['\"]\s*\])!?(?:\s+as\s+[\w.]+\s*\))?"
)
_MENTION: Final = re.compile(
    _ORIGIN + r"\s*(?:\??\.\s*(?P<dot>s3|custom)(?![\w$])"
    r"|(?:\?\.)?\[\s*['\"](?P<text>s3|custom)['\"]\s*\])!?"
)
_LOOKED_BACK: Final = 200
"""Characters: what was bundled is one line."""
_DEREFERENCED: Final = re.compile(r"\s*(?:\.\s*[A-Za-z_$]|\[)")
_ASSIGNED: Final = re.compile(r"\s*=(?![=>])")
_ENDED: Final = re.compile(r"[ \t]*(?:[;,]|\r?\n|$)")
_TAKEN_APART: Final = re.compile(r"\}\s*=\s*[\w$.\[\]'\"!?() ]*$")
_ALIASED: Final = re.compile(r"(?<![\w$.])(?P<name>[A-Za-z_$][\w$]*)\s*=\s*[\w$.\[\]'\"!?() ]*$")
_PICKED: Final = re.compile(
    r"\{(?P<names>[^{}]*)\}\s*=\s*[\w$.\[\]'\"!? ]*?" + _ORIGIN + r"[ \t]*(?:[;,]|\r?\n|$)"
)
_PICK: Final = re.compile(r"(?<![\w$])(?P<kind>s3|custom)(?:\s*:\s*(?P<name>[\w$]+))?\s*(?:,|$)")
_QUOTED: Final = re.compile(r"(?P<opened>\[\s*)?['\"](?:s3|custom)['\"]")
_MADE: Final = re.compile(
    r"(?<![\w$.])(?:(?P<dot>s3|custom)|['\"](?P<text>s3|custom)['\"])\s*:\s*[{\[\w$]"
)


def _javascript(source: str, handler: str) -> _Looks:
    code = _without_texts(without_comments(source))
    where = body_of(code, handler)
    uses: list[tuple[OriginKey, int, int]] = []
    is_asked = any(match["opened"] is None for match in _QUOTED.finditer(code, *where))
    settled: set[OriginKey] = set(_KINDS) if is_asked else set()
    aliases = list(_picked(code, where))
    for match in _MENTION.finditer(code, *where):
        kind = _kind_in(match)
        meaning = _meaning(code, match)
        if meaning == "used":
            uses.append((kind, *place(code, match.start())))
        elif meaning == "made":
            settled.add(kind)
        elif meaning == "asked":
            settled |= set(_KINDS)
        elif meaning != "deleted":
            aliases.append((kind, meaning))
    for kind, name in sorted(set(aliases)):
        uses += _alias_uses(code, kind, name, where)
        settled |= _asked_by_alias(code, name, where)
    settled |= {_kind_in(match) for match in _MADE.finditer(_without_picks(code), *where)}
    return _Looks(tuple(uses), frozenset(settled))


def _kind_in(match: re.Match[str]) -> OriginKey:
    return "s3" if "s3" in (match["dot"], match["text"]) else "custom"


def _meaning(code: str, mention: re.Match[str]) -> str:
    """What becomes of `origin.s3`: used, made, asked, deleted, or the name it has from there on."""
    line = code[max(0, mention.start() - _LOOKED_BACK) : mention.start()].rpartition("\n")[2]
    is_whole = _ENDED.match(code, mention.end()) is not None
    alias = _ALIASED.search(line)
    if _DEREFERENCED.match(code, mention.end()) or (is_whole and _TAKEN_APART.search(line)):
        return "used"
    if _ASSIGNED.match(code, mention.end()):
        return "made"
    if re.search(r"\bdelete\s[^;]*$", line):
        return "deleted"
    return alias["name"] if is_whole and alias is not None else "asked"


def _picked(code: str, where: tuple[int, int]) -> Iterator[tuple[OriginKey, str]]:
    """The names of `const { s3: bucket } = request.origin`."""
    for picked in _PICKED.finditer(code, *where):
        for pick in _PICK.finditer(picked["names"]):
            kind: OriginKey = "s3" if pick["kind"] == "s3" else "custom"
            yield kind, pick["name"] or kind


def _without_texts(code: str) -> str:
    """Texts become blanks of the same shape, but for names of keys, and code in templates."""

    def blank(match: re.Match[str]) -> str:
        text = match[0]
        if text[1:-1] in ("origin", *_KINDS):
            return text
        if not text.startswith("`"):
            return re.sub(r"[^\n]", " ", text)
        return re.sub(
            r"\$\{([^{}]*)\}|[^\n]",
            lambda part: f"  {part[1]} " if part[1] is not None else " ",
            text,
        )

    return _TEXT.sub(blank, code)


def _without_picks(code: str) -> str:
    """`{ s3: bucket } = …` takes apart, and makes nothing."""
    return _PICKED.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), code)


def _alias_uses(
    code: str, kind: OriginKey, name: str, where: tuple[int, int]
) -> Iterator[tuple[OriginKey, int, int]]:
    pattern = re.compile(rf"(?<![\w$.]){re.escape(name)}!?\s*(?:\.\s*[A-Za-z_$]|\[)")
    for match in pattern.finditer(code, *where):
        yield (kind, *place(code, match.start()))


def _asked_by_alias(code: str, name: str, where: tuple[int, int]) -> set[OriginKey]:
    """Whether the name stands where something is asked."""
    pattern = re.compile(
        rf"(?:!\s*|[(&|]\s*){re.escape(name)}\s*[)&|]|(?<![\w$.]){re.escape(name)}\s*(?:[?&|]|[!=]=)"
    )
    return set(_KINDS) if pattern.search(code, *where) else set()
