"""What counts as a status in the result of a function at the edge."""

from __future__ import annotations

import pytest

from edgegw.cloudfront.trigger_rules import status_number

STATUSES = ["200", "204", "404", "599", 200, 302, 200.0]
NO_STATUSES = [
    "+200",
    "-200",
    " 200",
    "200 ",
    "200\n",
    "2_00",
    "0200",
    "200.0",
    "2e2",
    "0xC8",
    "\u0662\u0660\u0660",
    "\uff12\uff10\uff10",
    "199",
    "600",
    "1000",
    "OK",
    "",
    199,
    600,
    200.5,
    float("nan"),
    float("inf"),
    True,
    None,
    [200],
]


@pytest.mark.parametrize("status", STATUSES)
def test_three_digits_or_a_number_from_200_to_599(status: object) -> None:
    """CloudFront Developer Guide, "Generate HTTP responses in request triggers"."""
    assert status_number(status) == int(str(status).removesuffix(".0"))


@pytest.mark.parametrize("status", NO_STATUSES, ids=repr)
def test_whatever_else_is_none(status: object) -> None:
    assert status_number(status) is None
