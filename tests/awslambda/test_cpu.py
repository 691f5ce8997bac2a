from edgegw.awslambda.cpu import CpuAllowance, vcpu_share


def test_the_share_of_a_memory_size() -> None:
    assert vcpu_share(1769) == 1.0
    assert round(vcpu_share(128), 3) == 0.072


def test_on_average_no_more_than_the_share() -> None:
    allowance, used, now = CpuAllowance(0.25, 0.0, 0.0), 0.0, 0.0
    running = True
    for _ in range(4000):
        now += 0.05
        used += 0.05 if running else 0.0
        action = allowance.look(now, used)
        running = action == "continue" or (running and action is None)
    assert 0.24 < used / now < 0.26


def test_what_is_saved_up_is_bounded() -> None:
    allowance = CpuAllowance(1.0, 0.0, 0.0)
    assert allowance.look(1000.0, 0.0) is None
    assert allowance.look(1000.05, 0.2) == "stop"
