"""How two answers to one request differ: in status, headers, redirect, cookies, body."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from edgegw.testing.differential.known import (
    ASKED_FOR,
    COOKIE_EXPIRES,
    COOKIE_VALUE,
    ETAG_WEAKNESS,
    KNOWN,
    is_same_verdict,
)
from edgegw.values import value

DifferenceKind: TypeAlias = Literal["status", "header", "redirect", "cookie", "body"]

_EXCERPT: Final = 40
"""Characters of a body that a difference shows."""
_ABSENT: Final = "is not there"
_OTHERWISE: Final = frozenset({"location", "set-cookie", "etag"})
"""Headers that are compared in a way of their own."""


class SeenAnswer(NamedTuple):
    """An answer as one side gave it; names of headers in lower case, the body decoded."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def values(self, name: str) -> list[str]:
        """All values of a header."""
        return [text for key, text in self.headers if key == name]


@value
class AnswerDifference:
    """Something that differs: what both sides have there, in words for people.

    `why` is empty for a difference that counts; else it says why this one means nothing.
    """

    kind: DifferenceKind
    name: str
    gateway: str
    deployed: str
    why: str = ""

    def to_dict(self) -> dict[str, str]:
        """As plain values, fit for JSON."""
        plain = {
            "kind": self.kind,
            "name": self.name,
            "gateway": self.gateway,
            "deployed": self.deployed,
        }
        return plain | ({"why": self.why} if self.why else {})


def differences(
    gateway: SeenAnswer, deployed: SeenAnswer, ignored: frozenset[str] = frozenset()
) -> list[AnswerDifference]:
    """Everything that differs, also what is known to; `ignored` are names of headers."""
    every = [
        *_status(gateway, deployed),
        *_redirect(gateway, deployed),
        *_headers(gateway, deployed),
        *_cookies(gateway, deployed),
        *_body(gateway, deployed),
    ]
    return [_judged(difference, ignored) for difference in every]


def _judged(difference: AnswerDifference, ignored: frozenset[str]) -> AnswerDifference:
    names = {
        "redirect": "location",
        "cookie": "set-cookie",
        "header": difference.name,
    }
    if difference.why or names.get(difference.kind, "") not in ignored:
        return difference
    return AnswerDifference(
        difference.kind, difference.name, difference.gateway, difference.deployed, ASKED_FOR
    )


def _status(gateway: SeenAnswer, deployed: SeenAnswer) -> Iterator[AnswerDifference]:
    if gateway.status != deployed.status:
        yield AnswerDifference("status", "", str(gateway.status), str(deployed.status))


def _redirect(gateway: SeenAnswer, deployed: SeenAnswer) -> Iterator[AnswerDifference]:
    here, there = gateway.values("location"), deployed.values("location")
    if here != there:
        yield AnswerDifference("redirect", "Location", _shown(here), _shown(there))


def _headers(gateway: SeenAnswer, deployed: SeenAnswer) -> Iterator[AnswerDifference]:
    names = dict.fromkeys(name for name, _ in (*gateway.headers, *deployed.headers))
    for name in names:
        here, there = gateway.values(name), deployed.values(name)
        if name == "etag":
            yield from _etag(here, there)
        elif name not in _OTHERWISE and _joined(here) != _joined(there):
            yield _header(name, here, there)


def _header(name: str, here: Sequence[str], there: Sequence[str]) -> AnswerDifference:
    why = KNOWN.get(name, "")
    if name == "x-cache" and not is_same_verdict(_joined(here), _joined(there)):
        why = ""
    return AnswerDifference("header", name, _shown(here), _shown(there), why)


def _etag(here: Sequence[str], there: Sequence[str]) -> Iterator[AnswerDifference]:
    if here == there:
        return
    strong = [[text.removeprefix("W/") for text in side] for side in (here, there)]
    why = ETAG_WEAKNESS if strong[0] == strong[1] else ""
    yield AnswerDifference("header", "etag", _shown(here), _shown(there), why)


def _joined(values: Sequence[str]) -> str:
    """Lines of one header are one list."""
    return ", ".join(text.strip() for text in values)


def _shown(values: Sequence[str]) -> str:
    return _joined(values) if values else _ABSENT


# Cookies


def _cookies(gateway: SeenAnswer, deployed: SeenAnswer) -> Iterator[AnswerDifference]:
    here, there = (dict(map(_cookie, side.values("set-cookie"))) for side in (gateway, deployed))
    for name in dict.fromkeys((*here, *there)):
        if name not in here or name not in there:
            words = ("is set" if name in side else "is not set" for side in (here, there))
            yield AnswerDifference("cookie", name, *words)
        else:
            yield from _cookie_parts(name, here[name], there[name])


def _cookie(line: str) -> tuple[str, dict[str, str]]:
    """The name of a cookie, and its attributes in lower case; its value is the one without name."""
    pair, *attributes = line.split(";")
    name, _, content = pair.partition("=")
    parts = {"": content.strip()}
    for attribute in attributes:
        key, _, text = attribute.partition("=")
        parts[key.strip().lower()] = text.strip()
    return name.strip(), parts


def _cookie_parts(
    name: str, here: dict[str, str], there: dict[str, str]
) -> Iterator[AnswerDifference]:
    if here[""] != there[""]:  # values may be sessions: they are not quoted
        yield AnswerDifference("cookie", name, "a value", "another value", COOKIE_VALUE)
    for part in dict.fromkeys((*here, *there)):
        first, second = here.get(part), there.get(part)
        if not part or first == second:
            continue
        is_same = part == "samesite" and (first or "").lower() == (second or "").lower()
        if not is_same:
            both = first is not None and second is not None
            why = COOKIE_EXPIRES if part == "expires" and both else ""
            yield AnswerDifference(
                "cookie", f"{name}: {part}", _attribute(first), _attribute(second), why
            )


def _attribute(text: str | None) -> str:
    return _ABSENT if text is None else text or "is there"


# Bodies


def _body(gateway: SeenAnswer, deployed: SeenAnswer) -> Iterator[AnswerDifference]:
    here, there = gateway.body, deployed.body
    if here == there:
        return
    at = next(
        (number for number, (a, b) in enumerate(zip(here, there, strict=False)) if a != b),
        min(len(here), len(there)),
    )
    yield AnswerDifference("body", f"from byte {at}", _excerpt(here, at), _excerpt(there, at))


def _excerpt(body: bytes, at: int) -> str:
    text = body[at : at + _EXCERPT].decode("utf-8", "replace")
    return f"{len(body):,} bytes, {text!r}"
