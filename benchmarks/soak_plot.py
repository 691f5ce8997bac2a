"""Lines over time as an SVG, without any library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_WIDTH: Final = 800
_HEIGHT: Final = 180
_LEFT: Final = 70


def plot(
    seconds: Sequence[float], lines: dict[str, Sequence[float]], marks: Sequence[float]
) -> str:
    """A panel for each line, over the same time; `marks` are drawn as ticks at the bottom."""
    height = len(lines) * (_HEIGHT + 50) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH + _LEFT + 20}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for position, (name, values) in enumerate(lines.items()):
        parts += _panel(30 + position * (_HEIGHT + 50), name, seconds, values, marks)
    return "\n".join([*parts, "</svg>", ""])


def _panel(
    top: int, name: str, seconds: Sequence[float], values: Sequence[float], marks: Sequence[float]
) -> list[str]:
    end, most = max([*seconds, 1.0]), max([*values, 1.0]) * 1.1

    def x(second: float) -> float:
        return _LEFT + second / end * _WIDTH

    points = " ".join(
        f"{x(second):.1f},{top + _HEIGHT - value / most * _HEIGHT:.1f}"
        for second, value in zip(seconds, values, strict=True)
    )
    ticks = [
        f'<line x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="{top + _HEIGHT}" y2="{top + _HEIGHT + 6}" '
        'stroke="#c33"/>'
        for mark in marks
    ]
    return [
        f'<text x="{_LEFT}" y="{top - 8}">{name}</text>',
        f'<rect x="{_LEFT}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#999"/>',
        f'<text x="{_LEFT - 6}" y="{top + 10}" text-anchor="end">{most:.0f}</text>',
        f'<text x="{_LEFT - 6}" y="{top + _HEIGHT}" text-anchor="end">0</text>',
        f'<text x="{_LEFT + _WIDTH}" y="{top + _HEIGHT + 20}" text-anchor="end">{end:.0f} s</text>',
        f'<polyline points="{points}" fill="none" stroke="#236" stroke-width="1.5"/>',
        *ticks,
    ]
