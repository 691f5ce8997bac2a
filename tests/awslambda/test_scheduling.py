import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.awslambda.scheduling import Demand, environments_to_start, is_throttled


@pytest.mark.parametrize(
    ("demand", "expected"),
    [
        pytest.param(Demand(0, 1, 0, 10, 1.0), 0, id="nobody waits"),
        pytest.param(Demand(5, 1, 0, 10, 1.0), 3, id="stalled: three times as many"),
        pytest.param(Demand(64, 4, 0, 1000, 1.0), 12, id="stalled: fourfold"),
        pytest.param(Demand(64, 64, 0, 1000, 1.0), 64, id="stalled: reaches any concurrency"),
        pytest.param(Demand(2, 8, 0, 1000, 1.0), 2, id="never more than wait"),
        pytest.param(Demand(20, 8, 2, 1000, 1.0), 0, id="some are starting: wait for them"),
        pytest.param(Demand(9, 8, 0, 9, 1.0), 1, id="never above the limit"),
        pytest.param(Demand(28, 4, 0, 1000, 0.0, 0.001), 0, id="a fast queue is left alone"),
        pytest.param(Demand(28, 4, 0, 1000, 0.0, 0.1), 4, id="a slow queue grows though it moves"),
        pytest.param(Demand(28, 4, 0, 1000, 0.0, None), 4, id="nothing known yet: grows"),
    ],
)
def test_growth(demand: Demand, expected: int) -> None:
    assert environments_to_start(demand) == expected


@given(
    st.integers(0, 100),
    st.integers(0, 100),
    st.integers(0, 100),
    st.integers(1, 100),
    st.floats(0, 10),
)
def test_growth_stays_within_the_limit_and_the_need(
    waiting: int, environments: int, starting: int, limit: int, since: float
) -> None:
    started = environments_to_start(Demand(waiting, environments, starting, limit, since))
    assert started >= 0
    assert started <= waiting
    assert started == 0 or environments + started <= limit


def test_throttling() -> None:
    assert is_throttled(10, 10)
    assert is_throttled(0, 0)
    assert not is_throttled(9, 10)
