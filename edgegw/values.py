"""`value`: how this package declares what it passes around.

A value is made often, read often, and never changed. `dataclass(frozen=True, slots=True)` says so,
at a price: making one takes four times as long, because each field is set around the lock, and
declaring one runs the compiler for eight methods (half a millisecond a class, a tenth of a second
of every start). `value` leaves the lock to the type checker, which reports every assignment, and
compiles `__init__` alone, when the first one is made: a start declares three times as many kinds as
it makes. Comparing, hashing and showing are plain functions over the fields.

    @value
    class Place:
        line: int
        column: int = 1

Everything of `dataclasses` works with it: `field`, `replace`, `asdict`, `__post_init__`, `match`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import MISSING, Field, dataclass, field, fields
from operator import attrgetter
from typing import Any, Final, TypeVar, dataclass_transform, overload

_T = TypeVar("_T")
_NEW: Final = object()
"""Stands for a field that its factory makes."""


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
    made: Any = dataclass(cls, init=False, repr=False, eq=False, slots=True, kw_only=kw_only)
    if "__init__" not in own:
        made.__init__ = _late_init(made)
    if "__repr__" not in own:
        made.__repr__ = _shown
    if eq and "__eq__" not in own:
        key = _key(made)
        made.__eq__ = _equality(key)
        if "__hash__" not in own:
            made.__hash__ = _hashing(key)
    return made


def _late_init(cls: type[Any]) -> Callable[..., None]:
    """An `__init__` that puts the compiled one in its own place when it is first called."""

    def __init__(self: object, *args: object, **kwargs: object) -> None:  # noqa: N807
        cls.__init__ = init = _compiled_init(cls)
        init(self, *args, **kwargs)

    return __init__


def _compiled_init(cls: type[Any]) -> Callable[..., None]:
    """What `dataclass` would write: a parameter for each field, in its order, keywords last."""
    members = fields(cls)
    names: dict[str, object] = {"NEW": _NEW}
    plain = [_parameter(member, names) for member in members if member.init and not member.kw_only]
    named = [_parameter(member, names) for member in members if member.init and member.kw_only]
    parameters = ["self", *plain, *(["*", *named] if named else [])]
    lines = [
        f" self.{member.name} = {_given(member, names)}" for member in members if _is_set(member)
    ]
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    source = f"def __init__({', '.join(parameters)}):\n" + "\n".join(lines or [" pass"])
    exec(source, names)  # noqa: S102 - names of fields, as dataclasses do
    init: Any = names["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _parameter(member: Field[Any], names: dict[str, object]) -> str:
    if member.default is not MISSING:
        names[f"default_{member.name}"] = member.default
        return f"{member.name}=default_{member.name}"
    return member.name if member.default_factory is MISSING else f"{member.name}=NEW"


def _is_set(member: Field[Any]) -> bool:
    return member.init or member.default is not MISSING or member.default_factory is not MISSING


def _given(member: Field[Any], names: dict[str, object]) -> str:
    if member.default_factory is not MISSING:
        names[f"new_{member.name}"] = member.default_factory
        new = f"new_{member.name}()"
        return f"{new} if {member.name} is NEW else {member.name}" if member.init else new
    if member.init:
        return member.name
    names[f"default_{member.name}"] = member.default
    return f"default_{member.name}"


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
