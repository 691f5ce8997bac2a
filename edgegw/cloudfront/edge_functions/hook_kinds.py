"""Whether code is a CloudFront Function or a Lambda@Edge function, for who takes one for the other.

Both run at a viewer's triggers and look alike. Lambda@Edge's code exports its handler, which gets
`event.Records[0].cf`; a CloudFront Function is a plain `function handler(event)`, which gets
`event.request` itself. The look is one at words, and answers only where the code gives itself away.
Code may do both: `if (typeof module !== 'undefined') module.exports = { handler }` behind a
CloudFront Function is there for its tests, and does nothing at the edge.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgegw.cloudfront.edge_functions.tokens import Words, words_of
from edgegw.values import value


@value
class KindSign:
    """The word that gives code away, by line and column from 1, and what it shows."""

    line: int
    column: int
    text: str


def lambda_sign(source: str) -> KindSign | None:
    """What shows that `source` is a Lambda@Edge function."""
    words = words_of(source)
    is_declared = _declaration(words) is not None
    for at, word in enumerate(words.words):
        if word.kind != "name":
            continue
        if word.text == "Records" and _is_member(words, at) and words.text(at + 1) == "[":
            return _sign(words, at, "it reads event.Records")
        if not is_declared and _is_export(words, at):
            return _sign(words, at, "it exports its handler")
    return None


def edge_function_sign(source: str) -> KindSign | None:
    """What shows that `source` is a CloudFront Function."""
    words = words_of(source)
    declared = _declaration(words)
    if declared is None or lambda_sign(source) is not None:
        return None
    if any(_is_export(words, at) for at in _names(words)) and not _is_guarded(words):
        return None
    return _sign(words, declared, "it declares function handler(event), which gets event.request")


def _declaration(words: Words) -> int | None:
    """The word `handler` of `function handler(event)` outside of all brackets, with one parameter.

    A second one is the context that Lambda hands over.
    """
    depth = 0
    for at, word in enumerate(words.words):
        if word.kind == "name" and word.text == "handler" and depth == 0:
            end = words.partner.get(at + 1, at)
            has_one = words.text(at + 1) == "(" and end - at <= 3
            if words.text(at - 1) == "function" and has_one:
                return at
        partner = words.partner.get(at, at)
        depth += (partner > at) - (partner < at)
    return None


def _names(words: Words) -> Iterator[int]:
    return (at for at, word in enumerate(words.words) if word.kind == "name")


def _is_export(words: Words, at: int) -> bool:
    """Whether the word at `at` begins an export: `exports.x =`, `module.exports =`, `export`."""
    text = words.text(at)
    if text == "export":
        return words.words[at].is_first or at == 0 or words.text(at - 1) in (";", "}")
    if text == "module":
        return words.text(at + 1) == "." and words.text(at + 2) == "exports"
    return text == "exports" and not _is_member(words, at) and words.text(at + 1) in (".", "[", "=")


def _is_guarded(words: Words) -> bool:
    """Whether the code asks `typeof module` or `typeof exports` before it exports."""
    return any(
        words.text(at) == "typeof" and words.text(at + 1) in ("module", "exports")
        for at in _names(words)
    )


def _is_member(words: Words, at: int) -> bool:
    return words.text(at - 1) in (".", "?.")


def _sign(words: Words, at: int, text: str) -> KindSign:
    word = words.words[at]
    return KindSign(word.line, word.column, text)
