"""`value`: how this package declares what it passes around.

A value is made often, read often, and never changed. `dataclass(frozen=True, slots=True)` says so,
at a price: making one takes four times as long, because each field is set around the lock, and
declaring one runs the compiler for eight methods (half a millisecond a class, a tenth of a second
of every start). `value` compiles `__init__` alone and leaves the lock to the type checker, which
reports every assignment; comparing, hashing and showing are plain functions over the fields.

    @value
    class Place:
        line: int
        column: int = 1

Everything of `dataclasses` works with it: `field`, `replace`, `asdict`, `__post_init__`, `match`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform, overload

_T = TypeVar("_T")


@overload
def value(cls: type[_T], /) -> type[_T]: ...
@overload
def value(*, eq: bool = True, kw_only: bool = False) -> Callable[[type[_T]], type[_T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(
    cls: type[Any] | None = None, /, *, eq: bool = True, kw_only: bool = False
) -> type[Any] | Callable[[type[Any]], type[Any]]:
    """A slotted dataclass: frozen for the type checker, compared and hashed by its fields.

    Without `eq` it equals itself only, as a connection does or a rule with a thousand parts.
    """

    def decorate(cls: type[Any]) -> type[Any]:
        return _declare(cls, eq=eq, kw_only=kw_only)

    return decorate if cls is None else decorate(cls)


def _declare(cls: type[Any], *, eq: bool, kw_only: bool) -> type[Any]:
    own = set(vars(cls))
    if not cls.__doc__:
        cls.__doc__ = cls.__name__  # else dataclass writes one, which takes longer than the rest
    made: Any = dataclass(cls, repr=False, eq=False, slots=True, kw_only=kw_only)
    if "__repr__" not in own:
        made.__repr__ = _shown
    if eq and "__eq__" not in own:
        key = _key(made)
        made.__eq__ = _equality(key)
        if "__hash__" not in own:
            made.__hash__ = _hashing(key)
    return made


def _key(cls: type[Any]) -> Callable[[object], Hashable]:
    """What tells two values of a class apart."""
    names = [each.name for each in fields(cls) if each.compare]
    return attrgetter(*names) if names else _nothing


def _nothing(_value: object) -> Hashable:
    return ()


def _equality(key: Callable[[object], Hashable]) -> Callable[[object, object], bool]:
    def __eq__(self: object, other: object) -> bool:  # noqa: N807 - it becomes the method
        if other.__class__ is not self.__class__:
            return NotImplemented
        return key(self) == key(other)

    return __eq__


def _hashing(key: Callable[[object], Hashable]) -> Callable[[object], int]:
    def __hash__(self: object) -> int:  # noqa: N807 - it becomes the method
        return hash(key(self))

    return __hash__


def _shown(self: Any) -> str:
    shown = ", ".join(
        f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr
    )
    return f"{self.__class__.__qualname__}({shown})"
