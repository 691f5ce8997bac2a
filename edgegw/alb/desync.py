"""How a request is classified against HTTP desync attacks (request smuggling).

Source: ELB User Guide for ALB, "Desync mitigation mode" and "Classification reasons"; the public
library http-desync-guardian, whose order of checks this follows: a finding replaces an earlier one
only if its class is strictly higher.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise
from typing import Final

from edgegw.alb.model import DesyncMode
from edgegw.http.grammar import BLANKS, BREAKING, CONTROL, TOKEN, VALUE_CONTROL
from edgegw.http.lenient_head import LenientHead
from edgegw.http.message import Header
from edgegw.values import value


class RiskClass(IntEnum):
    """How far a request strays from RFC 9112; the name is that of the access log."""

    Compliant = 0
    Acceptable = 1
    Ambiguous = 2
    Severe = 3


@value
class Classification:
    """The class of a request and why, in the words of the access log."""

    risk: RiskClass
    reason: str = ""

    def is_refused(self, mode: DesyncMode) -> bool:
        """Whether the client gets 400."""
        if mode == "strictest":
            return self.risk > RiskClass.Compliant
        return mode == "defensive" and self.risk == RiskClass.Severe

    def closes(self, mode: DesyncMode) -> bool:
        """Whether the connections to client and target are closed behind the request."""
        if self.is_refused(mode):
            return True
        return mode == "defensive" and self.risk == RiskClass.Ambiguous

    def worse(self, risk: RiskClass, reason: str) -> Classification:
        """This one, or the other if its class is strictly higher."""
        return Classification(risk, reason) if risk > self.risk else self


COMPLIANT: Final = Classification(RiskClass.Compliant)

_CODINGS: Final = frozenset({b"chunked", b"compress", b"deflate", b"gzip", b"identity"})
"""Transfer codings that are known, though not all are served.

Source: ELB User Guide for ALB, "Desync mitigation mode", classification reasons.
"""
_TE: Final = b"transfer-encoding"
_CL: Final = b"content-length"
_LOOKALIKES: Final = {"\u017f": "s", "\u0131": "i"}
_LETTERS: Final = {b"transferencoding": _TE, b"contentlength": _CL}
_MAX_LENGTH: Final = 2**64


def classify(
    method: bytes, uri: bytes, version: bytes, headers: Iterable[Header]
) -> Classification:
    """The class of an HTTP/1.x request. `version` is as `HTTP/1.1`; empty for HTTP/0.9."""
    risk = COMPLIANT
    codings: list[bytes] = []
    lengths: list[bytes] = []
    for name, given in headers:
        risk = _header(risk, name, given)
        meant = _meant(name)
        if meant == _TE:
            codings.append(given)
        elif meant == _CL:
            lengths.append(given)
        if meant is not None and name.lower() != meant:
            risk = risk.worse(RiskClass.Ambiguous, "SuspiciousHeader")
    if codings or lengths:
        risk = _framing(risk, method, version, codings, lengths)
    if not TOKEN.fullmatch(method):
        risk = risk.worse(RiskClass.Severe, "BadMethod")
    risk = _version(risk, version)
    return _uri(risk, uri)


def _header(risk: Classification, name: bytes, value: bytes) -> Classification:
    if BREAKING.search(name) or BREAKING.search(value):
        risk = risk.worse(RiskClass.Severe, "BadHeader")
    if not TOKEN.fullmatch(name) or VALUE_CONTROL.search(value):
        risk = risk.worse(RiskClass.Acceptable, "NonCompliantHeader")
    bare = name.strip(BLANKS)
    if not bare or bare.startswith(b":"):
        risk = risk.worse(RiskClass.Ambiguous, "EmptyHeader")
    return risk


@lru_cache(maxsize=2048)
def _meant(name: bytes) -> bytes | None:
    """The framing header that `name` is, or that a careless reader may take it for."""
    if len(name) < 13:  # shorter than Content-Length without its hyphen
        return None
    lower = name.lower()
    if lower in (_TE, _CL):
        return lower
    text = name.decode("utf-8", "ignore").lower()
    letters = "".join(_LOOKALIKES.get(each, each) for each in text)
    return _LETTERS.get("".join(filter(_is_letter, letters)).encode("ascii", "ignore"))


def _is_letter(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _framing(
    risk: Classification,
    method: bytes,
    version: bytes,
    codings: list[bytes],
    lengths: list[bytes],
) -> Classification:
    """What Transfer-Encoding and Content-Length together make of the request."""
    ambiguous = RiskClass.Ambiguous
    if codings and version in (b"", b"HTTP/0.9", b"HTTP/1.0"):
        return risk.worse(ambiguous, "UndefinedTransferEncodingSemantics")
    if lengths and version in (b"", b"HTTP/0.9"):
        return risk.worse(ambiguous, "UndefinedContentLengthSemantics")
    risk = _codings(risk, codings)
    risk, numbers = _lengths(risk, lengths)
    if method.upper() in (b"GET", b"HEAD"):
        if codings:
            risk = risk.worse(ambiguous, "UndefinedTransferEncodingSemantics")
        if numbers and not numbers[0]:
            risk = risk.worse(RiskClass.Acceptable, "GetHeadZeroContentLength")
        elif numbers:
            risk = risk.worse(ambiguous, "UndefinedContentLengthSemantics")
    if codings and numbers:
        risk = risk.worse(ambiguous, "BothTeClPresent")
    return risk


def _codings(risk: Classification, codings: list[bytes]) -> Classification:
    items = [
        item.partition(b";")[0].strip(BLANKS).lower()
        for value in codings
        for item in value.split(b",")
    ]
    if any(item not in _CODINGS for item in items):
        risk = risk.worse(RiskClass.Severe, "BadTransferEncoding")
    if (b"chunked", b"chunked") in pairwise(items):
        risk = risk.worse(RiskClass.Severe, "MultipleTransferEncodingChunked")
    return risk


def _lengths(risk: Classification, lengths: list[bytes]) -> tuple[Classification, list[int]]:
    numbers: list[int] = []
    for given in lengths:
        digits = given.strip(BLANKS)
        if digits and (not digits.isdigit() or len(digits) > 20 or int(digits) >= _MAX_LENGTH):
            risk = risk.worse(RiskClass.Severe, "BadContentLength")
        else:
            numbers.append(int(digits or b"0"))
    if len(set(numbers)) > 1:
        risk = risk.worse(RiskClass.Severe, "MultipleContentLength")
    elif len(numbers) > 1:
        risk = risk.worse(RiskClass.Ambiguous, "DuplicateContentLength")
    return risk, numbers


_VERSION: Final = re.compile(rb"[ \t]*HTTP/1\.(\d)[ \t]*")


def _version(risk: Classification, version: bytes) -> Classification:
    if version in (b"", b"HTTP/0.9"):
        return risk.worse(RiskClass.Acceptable, "NonCompliantVersion")
    match = _VERSION.fullmatch(version)
    if match is None:
        return risk.worse(RiskClass.Severe, "BadVersion")
    if match[1] > b"1" or len(version) != len(b"HTTP/1.1"):
        return risk.worse(RiskClass.Acceptable, "NonCompliantVersion")
    return risk


def _uri(risk: Classification, uri: bytes) -> Classification:
    if BREAKING.search(uri):
        risk = risk.worse(RiskClass.Severe, "BadUri")
    if b" " in uri:
        risk = risk.worse(RiskClass.Acceptable, "SpaceInUri")
    if CONTROL.search(uri):
        risk = risk.worse(RiskClass.Ambiguous, "AmbiguousUri")
    return risk


_ODD: Final = {
    "bare-lf": (RiskClass.Acceptable, "BareLf"),
    "folded": (RiskClass.Ambiguous, "FoldedHeader"),
    "no-colon": (RiskClass.Ambiguous, "MissingColon"),
    "no-uri": (RiskClass.Ambiguous, "MissingUri"),
}
"""What only the raw bytes show. AWS lists no reasons for these: the access log has none."""


def classify_lenient(head: LenientHead) -> Classification:
    """The class of a request that a strict parser refuses."""
    risk = classify(head.method, head.uri, head.version, head.headers)
    for oddity in head.oddities:
        risk = risk.worse(*_ODD[oddity])
    return risk


def suspects(headers: Iterable[Header]) -> list[Header]:
    """The lines that frame a message, or that a careless reader may take for such."""
    return [line for line in headers if len(line[0]) >= 13 and _meant(line[0]) is not None]


def classify_parsed(method: str, headers: Iterable[Header], version: str) -> Classification:
    """The class of a request that a strict parser has taken, which leaves little to find.

    `headers` are its `suspects`.
    """
    return classify(method.encode(), b"/", b"HTTP/" + version.encode(), headers)
