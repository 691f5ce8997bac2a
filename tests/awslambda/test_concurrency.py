import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.awslambda.concurrency import ConcurrencyLimits, RequestRate, throttle_reason

ACCOUNT = "ConcurrentInvocationLimitExceeded"
RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"


@pytest.mark.parametrize(
    ("limits", "in_flight", "reason"),  # this version, on demand, unreserved
    [
        pytest.param(ConcurrencyLimits(None, 10), (9, 9, 9), None, id="room in the account"),
        pytest.param(ConcurrencyLimits(None, 10), (1, 1, 10), ACCOUNT, id="the account is full"),
        pytest.param(ConcurrencyLimits(5, 0), (4, 4, 999), None, id="a reservation is its own"),
        pytest.param(ConcurrencyLimits(5, 0), (1, 5, 0), RESERVED, id="over all versions"),
        pytest.param(
            ConcurrencyLimits(0, 1000), (0, 0, 0), RESERVED, id="zero throttles everything"
        ),
        pytest.param(
            ConcurrencyLimits(None, 0, 2, 2), (1, 0, 0), None, id="provisioned comes first"
        ),
        pytest.param(
            ConcurrencyLimits(None, 0, 2, 2), (2, 0, 0), ACCOUNT, id="then it spills over"
        ),
        pytest.param(ConcurrencyLimits(None, 1, 2, 2), (2, 0, 0), None, id="where there is room"),
        pytest.param(
            ConcurrencyLimits(2, 0, 0, 2), (0, 0, 0), RESERVED, id="reserved is all provisioned"
        ),
        pytest.param(ConcurrencyLimits(3, 0, 2, 2), (2, 0, 0), None, id="one is left on demand"),
    ],
)
def test_throttling(
    limits: ConcurrencyLimits, in_flight: tuple[int, int, int], reason: str | None
) -> None:
    assert throttle_reason(limits, *in_flight) == reason


def test_ten_requests_a_second_for_each_unit() -> None:
    rate = RequestRate(2)
    assert [rate.takes(0.0) for _ in range(21)] == [True] * 20 + [False]
    assert not rate.takes(0.04)
    assert rate.takes(0.1)
    assert [rate.takes(99.0) for _ in range(21)] == [True] * 20 + [False]


@given(st.integers(0, 50), st.lists(st.floats(0, 0.5), max_size=200))
def test_no_second_sees_more_than_twice_its_share(limit: int, gaps: list[float]) -> None:
    rate, now, taken = RequestRate(limit), 0.0, list[float]()
    for gap in gaps:
        now += gap
        if rate.takes(now):
            taken.append(now)
    for begin in taken:
        assert sum(begin <= each < begin + 1 for each in taken) <= 20 * limit
