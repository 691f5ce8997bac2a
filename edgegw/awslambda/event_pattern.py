"""Event patterns of EventBridge: which events a rule or a filter of an event source takes.

A pattern has the shape of the events that it takes. Its leaves are lists of alternatives, its
fields must all match, and what it does not name may be anything. The words that an alternative may
be written with are in `pattern_words.py`; this file is about shape, and two things make it less
simple than it looks:

- **Arrays vanish.** An event's array of values matches when one of them does, and an array of
  objects is entered as if each were the value of the field. All fields of a pattern that lie within
  one array must match within the same element: `{"cars": {"make": ["A"], "color": ["red"]}}` takes
  no event in which one car is an A and another one is red.
- **Absence.** `{"exists": false}` matches where the event has no value (an object is none), and is
  asked of every element of an array, unless another field has matched within one of them: then only
  that element counts. So a match has three outcomes here: no, yes, and "absent" for what matches
  only because nothing is there; an array is absent when all of its elements are.

`$or` holds several patterns at its place, one of which must match; as it is judged where it stands,
it keeps to the same element of an array as its neighbours do.

Source: Amazon EventBridge User Guide, "Comparison operators for use in event patterns in Amazon
EventBridge"; the order of checks and their texts as in AWS's published engine, Event Ruler.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import field
from enum import IntEnum
from typing import Final, NoReturn, TypeAlias, cast

from edgegw.awslambda.pattern_words import RESERVED_WORDS, Test, WrongPattern, read_alternative
from edgegw.values import value

OR: Final = "$or"
_DEEPEST: Final = 100
"""How many objects may stand within each other. AWS names no number; Python needs one."""


class PatternError(ValueError):
    """What is wrong with a pattern: `reason` alone, `str()` as EventBridge says it.

    Source: observed: InvalidEventPatternException.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"Event pattern is not valid. Reason: {reason}")


class _Match(IntEnum):
    NO = 0
    ABSENT = 1
    YES = 2


@value
class _Alternatives:
    """A leaf: `tests` of which one has to hold for a value; `absent` allows that there is none."""

    tests: tuple[Test, ...]
    absent: bool


@value
class _ObjectShape:
    """An object: all fields must match, and of each group of `either` one member."""

    fields: tuple[tuple[str, _Shape], ...]
    either: tuple[tuple[_ObjectShape, ...], ...]


_Shape: TypeAlias = _ObjectShape | _Alternatives


@value
class Pattern:
    """A compiled pattern; `text` is how it was written, by which patterns are compared."""

    text: str
    shape: _ObjectShape = field(compare=False, repr=False)

    def matches(self, event: object) -> bool:
        """Whether the pattern takes `event`, a value as `json.loads` makes it.

        What is no object is taken by no pattern.
        """
        if not isinstance(event, dict):
            return False
        return _match_fields(self.shape, cast("object", event)) is not _Match.NO

    @property
    def needed_fields(self) -> frozenset[str]:
        """The members that an event must have at its top, those of alternatives included."""
        return frozenset(_needed_fields(self.shape))

    def __reduce__(self) -> tuple[Callable[[str], Pattern], tuple[str]]:
        """It is written down as its text: what it tests are functions."""
        return compile_pattern, (self.text,)


def compile_pattern(text: str) -> Pattern:
    """The pattern that `text`, a JSON object, writes down.

    Of a field that is written twice in one object the last one counts.

    Raises:
        PatternError: It is no JSON object, or no pattern.
    """
    try:
        written: object = json.loads(text, parse_constant=_no_constant)
        if not isinstance(written, dict):
            raise WrongPattern("Filter is not an object")
        return Pattern(text, _read_fields(cast("dict[str, object]", written), 1))
    except WrongPattern as wrong:
        raise PatternError(str(wrong)) from None
    except json.JSONDecodeError as wrong:
        raise PatternError(f"{wrong.msg}: line: {wrong.lineno}, column: {wrong.colno}") from None
    except ValueError as wrong:  # a number of thousands of digits
        raise PatternError(str(wrong)) from None
    except RecursionError:
        raise PatternError("Objects are nested too deeply") from None


def _no_constant(name: str) -> NoReturn:
    raise WrongPattern(f"Unrecognized token '{name}'")


def _needed_fields(shape: _ObjectShape) -> Iterator[str]:
    for name, part in shape.fields:
        if not (isinstance(part, _Alternatives) and part.absent):
            yield name
    for group in shape.either:
        for member in group:
            yield from _needed_fields(member)


# ---- from the text to the tree ----


def _read_fields(
    written: dict[str, object], depth: int, *, within_or: bool = False
) -> _ObjectShape:
    if depth > _DEEPEST:
        raise WrongPattern("Objects are nested too deeply")
    if not written:
        raise WrongPattern("Empty objects are not allowed")
    fields: list[tuple[str, _Shape]] = []
    either: list[tuple[_ObjectShape, ...]] = []
    for name, part in written.items():
        if name == OR:
            either.append(_read_or(part, depth))
        elif within_or and name in RESERVED_WORDS:
            raise WrongPattern(
                f"{name} is Ruler reserved fieldName which cannot be used inside {OR}."
            )
        else:
            fields.append((name, _read_part(name, part, depth, within_or=within_or)))
    return _ObjectShape(tuple(fields), tuple(either))


def _read_part(name: str, part: object, depth: int, *, within_or: bool) -> _Shape:
    if isinstance(part, dict):
        return _read_fields(cast("dict[str, object]", part), depth + 1, within_or=within_or)
    if isinstance(part, list):
        return _read_alternatives(cast("list[object]", part))
    raise WrongPattern(f'"{name}" must be an object or an array')


def _read_or(part: object, depth: int) -> tuple[_ObjectShape, ...]:
    if not isinstance(part, list):
        raise WrongPattern(f"It must be an Array followed with {OR}.")
    members = cast("list[object]", part)
    if not all(isinstance(member, dict) for member in members):
        raise WrongPattern(f"Only JSON object is allowed in array of {OR} relationship.")
    if len(members) < 2:
        raise WrongPattern(f"There must have at least 2 Objects in {OR} relationship.")
    return tuple(
        _read_fields(cast("dict[str, object]", member), depth + 1, within_or=True)
        for member in members
    )


def _read_alternatives(written: list[object]) -> _Alternatives:
    if not written:
        raise WrongPattern("Empty arrays are not allowed")
    tests = [read_alternative(alternative) for alternative in written]
    return _Alternatives(tuple(test for test in tests if test is not None), None in tests)


# ---- from an event to the outcome ----


def _match_fields(shape: _ObjectShape, held: object) -> _Match:
    """The outcome for an object, or for what stands where the pattern has one."""
    inner = cast("dict[str, object]", held) if isinstance(held, dict) else {}
    outcome = _Match.ABSENT
    for name, part in shape.fields:
        match = _match_part(part, inner.get(name, _NOTHING))
        if match is _Match.NO:
            return match
        outcome = max(outcome, match)
    for members in shape.either:
        match = max(_match_fields(member, inner) for member in members)
        if match is _Match.NO:
            return match
        outcome = max(outcome, match)
    return outcome


_NOTHING: Final[list[object]] = []
"""Stands for a field that is not there: an empty array is not there either."""


def _match_part(part: _Shape, held: object) -> _Match:
    if isinstance(part, _Alternatives):
        return _match_alternatives(part, held)
    if not isinstance(held, list):
        return _match_fields(part, held)
    outcomes = {_match_fields(part, element) for element in _elements(cast("list[object]", held))}
    if _Match.YES in outcomes:
        return _Match.YES
    if outcomes:
        return min(outcomes)
    return _match_fields(part, None)


def _match_alternatives(part: _Alternatives, held: object) -> _Match:
    values = [element for element in _elements([held]) if not isinstance(element, dict)]
    if any(test(element) for element in values for test in part.tests):
        return _Match.YES
    return _Match.ABSENT if part.absent and not values else _Match.NO


def _elements(array: list[object]) -> Iterator[object]:
    """The members of an array, and those of arrays within it, in order."""
    waiting = [iter(array)]
    while waiting:
        for element in waiting[-1]:
            if isinstance(element, list):
                waiting.append(iter(cast("list[object]", element)))
                break
            yield element
        else:
            waiting.pop()
