import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.awslambda.scheduling import Demand, environments_to_start


@pytest.mark.parametrize(
    ("demand", "expected"),
    [
        pytest.param(Demand(0, 1, 0, 10, 1.0), 0, id="nobody waits"),
        pytest.param(Demand(5, 1, 0, 10, 1.0), 3, id="nothing finished yet: three times as many"),
        pytest.param(Demand(64, 4, 0, 1000, 1.0), 12, id="nothing finished yet: fourfold"),
        pytest.param(Demand(64, 64, 0, 1000, 1.0), 64, id="any concurrency is reached"),
        pytest.param(Demand(2, 8, 0, 1000, 1.0), 2, id="never more than wait"),
        pytest.param(Demand(20, 8, 2, 1000, 1.0), 0, id="some are starting: wait for them"),
        pytest.param(Demand(9, 8, 0, 9, 1.0), 1, id="never above the limit"),
        pytest.param(Demand(4, 1, 0, 1000, 0.0, 0.001), 0, id="a fast queue is left alone"),
        pytest.param(Demand(28, 4, 0, 1000, 0.01, 0.001), 0, id="a hiccup changes nothing"),
        pytest.param(Demand(28, 4, 0, 1000, 0.06, 0.001), 12, id="a standstill does"),
        pytest.param(Demand(28, 2, 0, 1000, 0.0, 0.1), 2, id="a computing handler gets four"),
        pytest.param(Demand(28, 4, 0, 1000, 0.0, 0.1), 0, id="and no more"),
        pytest.param(Demand(28, 4, 0, 1000, 0.0, 0.1, 0.09), 4, id="a waiting handler grows on"),
        pytest.param(Demand(1, 8, 0, 1000, 0.0, 0.01, 0.01), 0, id="until nobody waits long"),
        pytest.param(Demand(28, 4, 0, 1000, 0.2, 0.1, 0.09), 4, id="slow is no standstill"),
        pytest.param(Demand(28, 4, 0, 1000, 0.4, 0.1, 0.09), 12, id="three times slower is"),
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
