"""Plots as inline SVG: shares with their intervals, traffic over time, bars.

Colours are classes of the page's style sheet, so that light and dark both work; every shape has a
title, which browsers show as a tooltip and read out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from edgegw.testing.simulation.counts import TimeBin
from edgegw.testing.simulation.report import VariantRow

_WIDTH = 720
_LABEL = 150
_BAR = 26
_GAP = 14


def split_plot(rows: Sequence[VariantRow]) -> str:
    """A bar for the share of each variant, its interval as a whisker, a mark at the intended."""
    ends = [end for row in rows for end in (row.interval.high, row.intended or 0.0)]
    most = min(1.0, max(ends) * 1.1)
    room = _WIDTH - _LABEL - 70
    parts: list[str] = []
    for number, row in enumerate(rows):
        y = _GAP + number * (_BAR + _GAP)
        middle = y + _BAR / 2
        end, low, high = (
            _LABEL + room * share / most
            for share in (row.share, row.interval.low, row.interval.high)
        )
        intended = end if row.intended is None else _LABEL + room * row.intended / most
        mark = f'<path class="intended" d="M{intended:.1f} {y - 4}v{_BAR + 8}"/>'
        title = (
            f"{row.name}: {row.viewers:,} viewers, {row.share:.1%}, 95 % interval "
            f"{row.interval.low:.1%} to {row.interval.high:.1%}"
        )
        if row.intended is not None:
            title += f", intended {row.intended:.1%}"
        parts += [
            f"<g><title>{escape(title)}</title>",
            _text(_LABEL - 10, middle + 5, _short(row.name), "end"),
            f'<rect class="v{number % 6}" x="{_LABEL}" y="{y}" width="{end - _LABEL:.1f}" '
            f'height="{_BAR}" rx="3"/>',
            f'<path class="whisker" d="M{low:.1f} {middle - 6}v12M{low:.1f} {middle}H{high:.1f}'
            f'M{high:.1f} {middle - 6}v12"/>',
            "" if row.intended is None else mark,
            _text(max(end, high, intended) + 10, middle + 5, f"{row.share:.1%}"),
            "</g>",
        ]
    height = 2 * _GAP + len(rows) * (_BAR + _GAP)
    return _svg(height, parts, "Share of viewers by variant")


def traffic_plot(bins: Sequence[TimeBin], seconds: float) -> str:
    """Requests over time as an area, and those that reached an origin in it."""
    left, top, bottom, height = 56, 14, 28, 210
    room, high = _WIDTH - left - 10, height - top - bottom
    most = max([1, *(part.requests for part in bins), *(part.origin for part in bins)])
    step = room / (len(bins) - 1)

    def line(values: Iterable[int]) -> str:
        points = [
            f"{left + number * step:.1f} {top + high * (1 - amount / most):.1f}"
            for number, amount in enumerate(values)
        ]
        return "L".join(points)

    requests, origin = line(p.requests for p in bins), line(p.origin for p in bins)
    base = f"V{top + high}H{left}Z"
    parts = [
        f'<path class="grid" d="M{left} {top}H{_WIDTH - 10}M{left} {top + high / 2:.1f}'
        f'H{_WIDTH - 10}M{left} {top + high}H{_WIDTH - 10}"/>',
        f'<path class="area" d="M{requests}{base}"><title>requests</title></path>',
        f'<path class="origin" d="M{origin}{base}"><title>origin requests</title></path>',
        _text(left - 8, top + 5, f"{most:,}", "end"),
        _text(left - 8, top + high + 5, "0", "end"),
        _text(left, height - 6, "0 h"),
        _text(_WIDTH - 10, height - 6, f"{seconds / 3600:g} h", "end"),
    ]
    return _svg(height, parts, "Requests and origin requests over time")


def bar_plot(values: Mapping[str, float], title: str, *, shares: bool = False) -> str:
    """A bar for each value; with `shares` they are parts of 1."""
    most = 1.0 if shares else max([1.0, *values.values()])
    room = _WIDTH - _LABEL - 90
    parts: list[str] = []
    for number, (name, amount) in enumerate(values.items()):
        y = _GAP + number * (_BAR + 6)
        width = room * amount / most
        shown = f"{amount:.1%}" if shares else f"{amount:,.0f}"
        parts += [
            f"<g><title>{escape(name)}: {shown}</title>",
            _text(_LABEL - 10, y + 18, _short(name), "end"),
            f'<rect class="bar" x="{_LABEL}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="3"/>',
            _text(_LABEL + width + 8, y + 18, shown),
            "</g>",
        ]
    return _svg(2 * _GAP + len(values) * (_BAR + 6), parts, title)


def _svg(height: float, parts: Iterable[str], title: str) -> str:
    return (
        f'<svg role="img" viewBox="0 0 {_WIDTH} {height:.0f}" aria-label="{escape(title)}">'
        + "".join(parts)
        + "</svg>"
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _short(name: str) -> str:
    return name if len(name) <= 18 else f"…{name[-17:]}"
