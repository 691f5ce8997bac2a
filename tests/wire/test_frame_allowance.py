"""Frames that carry nothing, or next to nothing, have their limit; what carries something has none."""

from __future__ import annotations

from edgegw.wire.frame_allowance import ALLOWANCE, CRUMBS, FrameAllowance


def unspent() -> FrameAllowance:
    """All that a peer may send, at a time that stands still."""
    return FrameAllowance(lambda: 0.0)


def test_frames_of_no_use_are_counted() -> None:
    allowance = unspent()
    assert [allowance.spend() for _ in range(ALLOWANCE + 1)] == [True] * ALLOWANCE + [False]


def test_what_is_done_for_the_peer_fills_the_allowance() -> None:
    allowance = unspent()
    for _ in range(3 * ALLOWANCE):
        assert allowance.spend()
        allowance.earn(1)


def test_parts_of_no_byte_are_frames_of_no_use() -> None:
    allowance = unspent()
    for _ in range(ALLOWANCE):
        assert allowance.weigh(0)
    assert not allowance.weigh(0)


def test_parts_are_weighed_by_the_bytes_they_carry() -> None:
    for size in (1, 4, 7):
        allowance, parts = unspent(), 0
        while allowance.weigh(size):
            parts += 1
        assert parts == CRUMBS // (8 - size), size


def test_heavy_parts_make_up_for_light_ones() -> None:
    allowance = unspent()
    assert all(allowance.weigh(1 if at % 2 else 15) for at in range(10 * CRUMBS))


def test_parts_that_say_something_have_no_limit() -> None:
    allowance = unspent()
    assert all(allowance.weigh(8) for _ in range(10 * CRUMBS))


def test_time_fills_both() -> None:
    now = 0.0
    allowance = FrameAllowance(lambda: now)
    for _ in range(20):
        assert all(allowance.spend() for _ in range(ALLOWANCE))
        assert all(allowance.weigh(1) for _ in range(CRUMBS // 7))
        now += 60.0
