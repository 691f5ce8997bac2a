"""The text of a handler that can name a cookie, a header or a query string. Best effort."""

from __future__ import annotations

import ast
import re

from edgegw.cloudfront.source_look import reached_nodes, without_comments


def handler_text(source: str, language: str, handler: str) -> str:
    """What `handler` (the function's name) of a `python` or `nodejs` source is written with.

    Of Python these are the texts that it and what it calls in the same file hold, one a line; of
    JavaScript the whole file without its comments. Empty where it cannot be read.
    """
    if language != "python":
        return without_comments(source)
    try:
        nodes = list(reached_nodes(ast.parse(source), handler))
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


def mentions(text: str, name: str, *, any_case: bool = False) -> bool:
    """Whether `name` stands in `text` as a word of its own; `any_case` is for headers."""
    flags = re.IGNORECASE if any_case else 0
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, flags) is not None
