"""The id of a distribution: made from its name, or the one that it has on AWS."""

from __future__ import annotations

from typing import Any

import pytest

from edgegw.config.resolve import load_dict
from edgegw.errors import ConfigError


def sites(*ids: str | None) -> dict[str, Any]:
    return {
        "distributions": {
            f"site{number}": {
                "listen": 0,
                **({} if identity is None else {"id": identity}),
                "origins": {"app": {"url": "http://origin.test"}},
                "default_behavior": {"origin": "app"},
            }
            for number, identity in enumerate(ids)
        }
    }


def ids(*given: str | None) -> list[str]:
    return [door.distribution.id for door in load_dict(sites(*given)).distributions]


def test_an_id_is_what_is_said_or_made_of_the_name() -> None:
    own, made, other = ids("E2EXAMPLE1ABCD", None, None)
    assert own == "E2EXAMPLE1ABCD"
    assert made != other
    assert [made, other] == ids(None, None, None)[1:]
    assert made.startswith("E")
    assert (len(made), made.isalnum(), made.upper()) == (14, True, made)


@pytest.mark.parametrize(
    ("given", "place", "text"),
    [
        (["e2example"], "site0", "'e2example' is no id of a distribution"),
        ([""], "site0", "'' is no id"),
        (["D123"], "site0", "'D123' is no id"),
        (["E" * 40], "site0", "is no id"),
        (["E1A", "E1A"], "site1", "E1A is the id of the distribution 'site0' already"),
    ],
)
def test_an_id_that_cannot_be(given: list[str], place: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_dict(sites(*given))
    (finding,) = caught.value.findings
    assert finding.code == "config.distribution-id"
    assert finding.text.startswith(f"distributions.{place}.id: ")
    assert text in finding.text
