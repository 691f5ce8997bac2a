"""How many distributions may stand in a row."""

from __future__ import annotations

import pytest

from edgegw.cloudfront.chains import refuse_chain
from edgegw.http.message import Headers

EDGE = "1.1 0123456789abcdef0123456789abcdef.cloudfront.net (CloudFront)"


@pytest.mark.parametrize(
    ("lines", "is_refused"),
    [
        ([], False),
        ([EDGE], False),
        ([f"1.1 vegur, {EDGE}, 1.1 other.test"], False),
        (["1.1 cloudfront.net", "1.1 a.cloudfront.net (other)", EDGE], False),
        ([f"{EDGE}, {EDGE}"], True),
        ([EDGE, f"1.1 vegur,{EDGE}"], True),
        ([f"{EDGE}, {EDGE}, {EDGE}"], True),
    ],
)
def test_the_third_distribution_refuses(lines: list[str], is_refused: bool) -> None:
    refusal = refuse_chain(Headers([(b"Via", line.encode()) for line in lines]))
    assert (refusal is not None) is is_refused
    if refusal is not None:
        assert (refusal.status, refusal.text) == (403, "Bad request.")
