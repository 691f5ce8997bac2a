"""What the policies of a behavior leave of a Cookie, a query string and an Accept-Encoding."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from edgegw.http.grammar import BLANKS


def kept_cookies(keeps: Callable[[str], bool], value: bytes) -> bytes:
    """The pairs of `value` that are kept; `$` names and pieces without `=` are left out."""
    pairs: list[tuple[bytes, bytes]] = []
    for piece in value.split(b";"):
        bare = piece.strip()
        name, mark, _ = bare.partition(b"=")
        if mark and name and name[:1] != b"$" and keeps(name.decode("latin-1")):
            pairs.append((name.strip(), bare))
    pairs.sort(key=_first)
    return b"; ".join([piece for _, piece in pairs])


def _first(pair: tuple[bytes, bytes]) -> bytes:
    return pair[0]


def kept_query(keeps: Callable[[str], bool], query: bytes) -> bytes | None:
    """The pieces of `query` that are kept, in order; None when none is."""
    pieces = [
        piece
        for piece in query.split(b"&")
        if piece and keeps(piece.partition(b"=")[0].decode("latin-1"))
    ]
    return b"&".join(pieces) if pieces else None


def normalized_accept_encoding(value: bytes, *, gzip: bool, brotli: bool) -> bytes:
    """The Accept-Encoding that stands for `value` where the cache policy compresses.

    Source: CloudFront Developer Guide, "Cache compressed objects".
    """
    accepted = _accepted_codings(value)
    codings = [
        coding for coding, flag in ((b"br", brotli), (b"gzip", gzip)) if flag and coding in accepted
    ]
    return b",".join(codings) or b"identity"


def _accepted_codings(value: bytes) -> set[bytes]:
    """The codings that `value` names and does not refuse with a weight of 0."""
    accepted: set[bytes] = set()
    for item in value.lower().split(b","):
        coding, *parameters = [part.strip(BLANKS) for part in item.split(b";")]
        if not any(_REFUSED.fullmatch(parameter) for parameter in parameters):
            accepted.add(coding)
    return accepted


_REFUSED: Final = re.compile(rb"q[ \t]*=[ \t]*0+\.?0*")
