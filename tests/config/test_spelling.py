"""What is offered in the place of a name that nobody knows."""

from __future__ import annotations

import pytest

from edgegw.config.spelling import nearest

BEHAVIOR = ["path_pattern", "origin", "cache_policy", "origin_request_policy", "edge_functions"]


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("orgin", "; did you mean 'origin'?"),
        ("path", "; did you mean 'path_pattern'?"),
        ("pattern", "; did you mean 'path_pattern'?"),
        ("pa", "; there are: " + ", ".join(BEHAVIOR)),
    ],
)
def test_the_nearest_name_or_what_there_is(name: str, offered: str) -> None:
    assert nearest(name, BEHAVIOR) == offered


def test_of_two_longer_names_none_is_guessed() -> None:
    known = ["port_of_the_first_one", "port_of_another_one"]
    assert nearest("port", known) == "; there are: port_of_the_first_one, port_of_another_one"


def test_of_many_names_only_a_near_one_is_offered() -> None:
    assert nearest("zzz", [f"name_{number}" for number in range(13)]) == ""
