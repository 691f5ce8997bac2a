"""The words of event patterns: what one alternative of a field asks of a value.

A plain value asks for itself, an object with one key for more: `{"prefix": "eu-"}`. Each word is a
function below that reads what stands behind it and answers a test; `WORDS` lists them.

Words about text hold for strings only, `numeric` for numbers only, and no `true` is a 1.
`anything-but` takes every other value, whatever its type. A string that is an IP address equals
every way of writing the same address.

Source: Amazon EventBridge User Guide, "Comparison operators for use in event patterns in Amazon
EventBridge"; texts of mistakes as in AWS's published engine, Event Ruler.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, TypeAlias, TypeGuard, cast

Test: TypeAlias = Callable[[object], bool]
_TextTest: TypeAlias = Callable[[str], bool]

RESERVED_WORDS: Final = frozenset(
    {
        *("exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists"),
        *("wildcard", "numeric", "cidr", "=", "<", "<=", ">", ">=", "regex", "not-wildcard"),
        *("not-equals-ignore-case", "date-after", "date-on-or-after", "date-before"),
        *("date-on-or-before", "in-date-range", "ip-address-in-range"),
        "ip-address-not-in-range",
    }
)
"""Names that no field within `$or` may have: they are words, or may become some."""


class WrongPattern(Exception):  # noqa: N818 - `PatternError` is what callers get
    """The reason why something is no pattern."""


def read_alternative(written: object) -> Test | None:
    """The test that one member of a field's list is; None for `{"exists": false}`.

    Raises:
        WrongPattern: It is none.
    """
    if isinstance(written, dict):
        return _read_word(cast("dict[str, object]", written))
    if isinstance(written, str):
        return _on_text(_equals(written))
    if _is_number(written):
        return _equals_number(written)
    if written is None or isinstance(written, bool):
        return lambda held: held is written
    raise WrongPattern("Match value must be String, number, true, false, or null")


def _read_word(written: dict[str, object]) -> Test | None:
    if not written:
        raise WrongPattern("Match expression name not found")
    word, operand = next(iter(written.items()))
    if word not in WORDS:
        raise WrongPattern(f"Unrecognized match type {word}")
    test = WORDS[word](operand)
    if len(written) > 1:
        raise WrongPattern(_TOO_MANY if word in {"numeric", "anything-but"} else _ONE_KEY)
    return test


_ONE_KEY: Final = "Only one key allowed in match expression"
_TOO_MANY: Final = "Too many elements in numeric expression"


def _is_number(held: object) -> TypeGuard[int | float]:
    return isinstance(held, (int, float)) and not isinstance(held, bool)


def _on_text(test: _TextTest) -> Test:
    return lambda held: isinstance(held, str) and test(held)


def _text(operand: object, message: str) -> str:
    if not isinstance(operand, str):
        raise WrongPattern(message)
    return operand


# ---- words about text ----


def _equals(text: str) -> _TextTest:
    address = _address(text)
    if address is None:
        return lambda held: held == text
    return lambda held: _address(held) == address


def _equals_ignoring_case(text: str) -> _TextTest:
    lowered = text.lower()
    return lambda held: held.lower() == lowered


def _starts(text: str) -> _TextTest:
    return lambda held: held.startswith(text)


def _ends(text: str) -> _TextTest:
    return lambda held: held.endswith(text)


def _wildcard(text: str) -> _TextTest:
    r"""`*` is any run of characters, `\*` and `\\` are themselves. Takes linear time."""
    first, *rest = _literals(text)
    if not rest:
        return lambda held: held == first
    *middle, last = rest

    def matches(held: str) -> bool:
        end = len(held) - len(last)
        if not held.startswith(first) or not held.endswith(last):
            return False
        position = len(first)
        for literal in middle:
            start = held.find(literal, position, end)
            if start < 0:
                return False
            position = start + len(literal)
        return position <= end

    return matches


def _literals(text: str) -> list[str]:
    """The literal texts between the wildcards of `text`. Positions count UTF-8 from a quote on."""
    literals = [""]
    characters = re.finditer(r"\\[*\\]|.", text, re.DOTALL)
    for character in characters:
        part = character[0]
        position = 1 + len(text[: character.start()].encode(errors="surrogatepass"))
        if part == "*":
            if text.startswith("**", character.start()):
                raise WrongPattern(f"Consecutive wildcard characters at pos {position}")
            literals.append("")
        elif part == "\\":
            raise WrongPattern(f"Invalid escape character at pos {position}")
        else:
            literals[-1] += part[-1]
    return literals


def _exactly(operand: object) -> Test:
    return _on_text(_equals(_text(operand, "exact match pattern must be a string")))


def _equals_ignore_case(operand: object) -> Test:
    text = _text(operand, "equals-ignore-case match pattern must be a string")
    return _on_text(_equals_ignoring_case(text))


def _wildcard_word(operand: object) -> Test:
    return _on_text(_wildcard(_text(operand, "wildcard match pattern must be a string")))


def _edge_word(word: str, test: Callable[[str], _TextTest]) -> Callable[[object], Test]:
    """`prefix` and `suffix`: a text, or `{"equals-ignore-case": text}`."""

    def read(operand: object) -> Test:
        if not isinstance(operand, dict):
            return _on_text(test(_text(operand, f"{word} match pattern must be a string")))
        inner = cast("dict[str, object]", operand)
        if not inner:
            raise WrongPattern(f"{word.capitalize()} expression name not found")
        name, text = next(iter(inner.items()))
        if name != "equals-ignore-case":
            raise WrongPattern(f"Unsupported {word} pattern: {name}")
        lowered = _text(text, "equals-ignore-case match pattern must be a string").lower()
        if len(inner) > 1:
            raise WrongPattern(_ONE_KEY)
        on_lowered = test(lowered)
        return _on_text(lambda held: on_lowered(held.lower()))

    return read


# ---- anything-but ----


def _anything_but(operand: object) -> Test:
    if isinstance(operand, dict):
        return _anything_but_word(cast("dict[str, object]", operand))
    if isinstance(operand, list):
        return _none_of(_same_type(cast("list[object]", operand)))
    if not isinstance(operand, str) and not _is_number(operand):
        raise WrongPattern("Value of anything-but must be an array or single string/number value.")
    return _none_of([operand])


def _same_type(operands: list[object]) -> list[object]:
    if not all(isinstance(operand, str) or _is_number(operand) for operand in operands):
        raise WrongPattern("Inside anything but list, start|null|boolean is not supported.")
    if len({isinstance(operand, str) for operand in operands}) != 1:
        raise WrongPattern(
            "Inside anything but list, either all values are number or string, "
            "mixed type is not supported"
        )
    return operands


def _none_of(operands: list[object]) -> Test:
    excluded = frozenset(operands)  # a number equals itself whether it is written 1 or 1.0
    return lambda held: isinstance(held, bool) or held not in excluded


def _anything_but_word(operand: dict[str, object]) -> Test:
    if not operand:
        raise WrongPattern("Anything-But expression name not found")
    word, texts = next(iter(operand.items()))
    if word not in _AVOIDABLE:
        raise WrongPattern(f"Unsupported anything-but pattern: {word}")
    if not isinstance(texts, (list, str)) and not _is_number(texts):
        raise WrongPattern("Value of anything-but must be an array or single string/number value.")
    test, message = _AVOIDABLE[word]
    listed = cast("list[object]", texts) if isinstance(texts, list) else [texts]
    tests = [test(_avoided(word, text, message)) for text in listed]
    if len(operand) > 1:
        raise WrongPattern(_TOO_MANY)
    return lambda held: not isinstance(held, str) or not any(test(held) for test in tests)


def _avoided(word: str, text: object, message: str) -> str:
    if text == "" and word in {"prefix", "suffix"}:
        raise WrongPattern("Null prefix/suffix not allowed")
    return _text(text, message)


_AVOIDABLE: Final[dict[str, tuple[Callable[[str], _TextTest], str]]] = {
    "equals-ignore-case": (
        _equals_ignoring_case,
        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
    ),
    "prefix": (_starts, "prefix/suffix match pattern must be a string"),
    "suffix": (_ends, "prefix/suffix match pattern must be a string"),
    "wildcard": (_wildcard, "wildcard match pattern must be a string"),
}
"""The words that may stand in `anything-but`: their test, and what they say to what is no text."""


# ---- numbers, addresses, existence ----

_COMPARISONS: Final = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _equals_number(number: float) -> Test:
    return lambda held: _is_number(held) and held == number


def _numeric(operand: object) -> Test:
    """`["=", 5]`, `["<", 5]` and the like, or a range: `[">", 0, "<=", 5]`."""
    if not isinstance(operand, list):
        raise WrongPattern("Value of numeric must be an array.")
    members = cast("list[object]", operand)
    sign = members[0] if members else None
    if not isinstance(sign, str):
        raise WrongPattern(
            f"Invalid member in numeric match: {json.dumps(sign) if members else ']'}"
        )
    if sign not in _COMPARISONS:
        raise WrongPattern(f"Unrecognized numeric range operator: {sign}")
    bound = _bound(members, 1, "equals" if sign == "=" else sign)
    compare = _COMPARISONS[sign]
    if len(members) == 2:
        return lambda held: _is_number(held) and compare(held, bound)
    if sign not in {">", ">="}:
        raise WrongPattern(_TOO_MANY)
    top, below = _upper_bound(members, bound)
    return lambda held: _is_number(held) and compare(held, bound) and below(held, top)


def _upper_bound(
    members: list[object], bottom: float
) -> tuple[float, Callable[[float, float], bool]]:
    sign = members[2]
    if not isinstance(sign, str):
        raise WrongPattern(f"Bad value in numeric range: {json.dumps(sign)}")
    if sign not in {"<", "<="}:
        raise WrongPattern(f"Bad numeric range operator: {sign}")
    top = _bound(members, 3, sign)
    if len(members) > 4:
        raise WrongPattern("Too many terms in numeric range expression")
    if bottom >= top:
        raise WrongPattern("Bottom must be less than top")
    return top, _COMPARISONS[sign]


def _bound(members: list[object], position: int, sign: str) -> int | float:
    number = members[position] if position < len(members) else None
    if not _is_number(number):
        raise WrongPattern(f"Value of {sign} must be numeric")
    if not _is_double(number):
        raise WrongPattern(f"Cannot compare number : {number}")
    return number


def _is_double(number: float) -> bool:
    """Whether IEEE 754 `binary64` can hold it."""
    try:
        return float(number) == number and abs(float(number)) != float("inf")
    except OverflowError:
        return False


_ADDRESS: Final = re.compile(r"[0-9]+(\.[0-9]+){3}|[0-9a-fA-F:]*:[0-9a-fA-F:]*")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    if not _ADDRESS.fullmatch(text):
        return None
    try:
        return ip_address(text)
    except ValueError:
        return None


def _cidr(operand: object) -> Test:
    text = _text(operand, "prefix match pattern must be a string")
    start, slash, bits = text.partition("/")
    if not slash or not bits or "/" in bits:
        raise WrongPattern("Malformed CIDR, one '/' required")
    if not re.fullmatch(r"[+-]?[0-9]+", bits, re.ASCII):
        raise WrongPattern("Malformed CIDR, mask bits must be an integer")
    if bits.startswith("-"):
        raise WrongPattern("Malformed CIDR, mask bits must not be negative")
    address = _address(start)
    if address is None:
        raise WrongPattern(f"Nonstandard IP address: {start}")
    if int(bits) >= address.max_prefixlen:
        raise WrongPattern(f"IPv{address.version} mask bits must be < {address.max_prefixlen}")
    network = ip_network((address, int(bits)), strict=False)

    def lies_within(held: str) -> bool:
        address = _address(held)
        return address is not None and address in network

    return _on_text(lies_within)


def _exists(operand: object) -> Test | None:
    if not isinstance(operand, bool):
        raise WrongPattern("exists match pattern must be either true or false.")
    return _anything if operand else None


def _anything(_held: object) -> bool:
    return True


WORDS: Final[dict[str, Callable[[object], Test | None]]] = {
    "exactly": _exactly,
    "prefix": _edge_word("prefix", _starts),
    "suffix": _edge_word("suffix", _ends),
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard_word,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "cidr": _cidr,
    "exists": _exists,
}
