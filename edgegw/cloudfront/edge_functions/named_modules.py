"""Modules that code asks for by a name written in it, and that the runtimes do not have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edgegw.cloudfront.edge_functions.brackets import is_member
from edgegw.cloudfront.edge_functions.syntax_rules import MODULE, NEWER, Seen
from edgegw.cloudfront.edge_functions.tokens import Words

_MODULES: Final = frozenset(("crypto", "querystring"))
"""What both runtimes have.

Source: CloudFront Developer Guide, "JavaScript runtime 1.0 features for CloudFront Functions" and
"JavaScript runtime 2.0 features for CloudFront Functions", built-in modules.
"""
_NEW_MODULES: Final = frozenset(("buffer", "cloudfront"))


def modules(words: Words) -> Iterator[Seen]:
    """Names of modules in `require('x')` and `import y from 'x'`."""
    for at, word in enumerate(words.words):
        if word.kind != "string" or not _is_asked_for(words, at):
            continue
        name = word.text[1:-1]
        if name in _NEW_MODULES:
            yield Seen(at, NEWER)
        elif name not in _MODULES:
            yield Seen(at, MODULE)


def _is_asked_for(words: Words, at: int) -> bool:
    if words.text(at - 1) == "from":
        return words.text(at - 3) == "import"
    is_called = words.text(at - 1) == "(" and words.text(at + 1) == ")"
    return is_called and words.text(at - 2) == "require" and not is_member(words, at - 2)
