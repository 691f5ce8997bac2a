"""What is declared with `value` behaves as a frozen dataclass does, but for the lock at run time."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import pytest

from edgegw.values import value


@value
class Place:
    line: int
    column: int = 1


@value
class Named(Place):
    """A place with a name."""

    name: str = ""
    seen: int = field(default=0, compare=False, repr=False)


@value
class Nothing:
    pass


@value(eq=False)
class Itself:
    number: int


@value(kw_only=True)
class ByName:
    a: int
    b: int = 2


@dataclass(frozen=True, slots=True)
class Frozen:
    line: int
    column: int = 1


def test_equal_fields_make_equal_values_of_the_same_class() -> None:
    assert Place(1, 2) == Place(1, column=2)
    assert Place(1, 2) != Place(1, 3)
    assert Place(1, 1) != Named(1, 1)
    assert Place(1) != (1, 1)
    assert Nothing() == Nothing()
    assert Named(1, seen=1) == Named(1, seen=2)


def test_equal_values_have_equal_hashes() -> None:
    assert len({Place(1, 2), Place(1, 2), Named(1, 2, seen=1), Named(1, 2), Nothing()}) == 3
    assert hash(Place(1, 2)) == hash(Frozen(1, 2))


def test_without_eq_a_value_equals_itself_only() -> None:
    one = Itself(1)
    assert one == one
    assert one != Itself(1)
    assert len({one, Itself(1)}) == 2


def test_it_shows_its_fields() -> None:
    assert repr(Named(1, 2, "x")) == "Named(line=1, column=2, name='x')"
    assert repr(Nothing()) == "Nothing()"


def test_there_is_no_place_for_other_attributes() -> None:
    assert not hasattr(Named(1), "__dict__")
    with pytest.raises(AttributeError):
        Place(1).other = 1  # type: ignore[attr-defined]


def test_arguments_are_checked() -> None:
    with pytest.raises(TypeError):
        Place()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        ByName(1)  # type: ignore[misc]
    assert (ByName(a=1).a, ByName(a=1).b) == (1, 2)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_are_equal(again: Any) -> None:
    assert again(Named(1, 2, "x")) == Named(1, 2, "x")


def test_the_tools_of_dataclasses_work() -> None:
    assert replace(Named(1), name="y") == Named(1, name="y")
    assert asdict(Place(1)) == {"line": 1, "column": 1}
    match Place(3, 4):
        case Place(line, column):
            assert (line, column) == (3, 4)


def test_own_methods_stay() -> None:
    @value
    class Loud:
        """Equal to everything."""

        number: int

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 7

        def __repr__(self) -> str:
            return "LOUD"

    assert Loud(1) == 2
    assert (hash(Loud(1)), repr(Loud(1))) == (7, "LOUD")


def test_a_class_keeps_its_docstring_and_signature() -> None:
    assert Named.__doc__ == "A place with a name."
    Place(1)  # the first one brings its `__init__`
    assert list(inspect.signature(Place).parameters) == ["line", "column"]
