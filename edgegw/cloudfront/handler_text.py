"""The text of a handler that can name a cookie, a header or a query string. Best effort."""

from __future__ import annotations

import ast
import re
from typing import Final

from edgegw.cloudfront.source_look import reached, without_comments


def handler_text(source: str, language: str, handler: str) -> str:
    """What `handler` (the function's name) of a `python` or `nodejs` source is written with.

    Of Python these are the texts that it and what it calls in the same file hold, one a line; of
    JavaScript the texts, regular expressions and names of properties of the whole file. Empty where
    it cannot be read.
    """
    if language != "python":
        return "\n".join(match[0] for match in _TELLING.finditer(without_comments(source)))
    try:
        nodes = list(reached(ast.parse(source), handler))
    except (SyntaxError, ValueError, RecursionError):
        return ""
    remarks = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    return "\n".join(
        node.value
        for node in nodes
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in remarks
    )


_TELLING: Final = re.compile(
    r"'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|`(?:\\.|[^`\\])*`"
    r"|(?<=[(=,:?&|!])\s*/(?:\\.|[^/\\\n])+/"
    r"|\.\s*[A-Za-z_$][\w$]*"
    r"|\{[\w$\s,:]*\}(?=\s*=)"
)
"""Texts, regular expressions, `.name`, and `{ name } =`: what stands for a key of an object."""

_OF_EVENTS: Final = frozenset(
    {
        *("action", "body", "cf", "clientip", "config", "cookie", "cookies", "custom", "data"),
        *("domainname", "encoding", "eventtype", "headers", "key", "length", "method", "name"),
        *("origin", "path", "port", "protocol", "querystring", "records", "request", "response"),
        *("status", "statusdescription", "text", "type", "uri", "url", "value", "version"),
    }
)
"""Words that stand in nearly every handler, whatever it looks at."""
_SHORTEST: Final = 3


def words_of(text: str) -> frozenset[str]:
    """The words of a handler's text, as they are and in lower case, for `may_look_at`."""
    words = re.findall(r"[\w-]+", text)
    return frozenset([*words, *map(str.lower, words)])


def may_look_at(words: frozenset[str], name: str) -> bool:
    """Whether a handler of these `words` may look at the cookie, header or query string `name`.

    Rather not: of names that are as short as variables, or words of events, nothing follows.
    """
    if len(name) < _SHORTEST or name.lower() in _OF_EVENTS:
        return False
    parts = re.findall(r"[\w-]+", name)
    return bool(parts) and words.issuperset(parts)


def mentions(text: str, name: str, *, any_case: bool = False) -> bool:
    """Whether `name` stands in `text` as a word of its own; `any_case` is for headers."""
    flags = re.IGNORECASE if any_case else 0
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, flags) is not None
