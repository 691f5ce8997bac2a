"""What viewers ask for, and how often: of a file with paths and weights, or of a HAR file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from edgegw.errors import UsageError
from edgegw.testing.har import har_requests, is_har
from edgegw.values import value


@value
class WeightedPath:
    """A path, with its query, and how often it is asked for beside the others."""

    target: str
    weight: float = 1.0


def weighted_paths(file: Path) -> tuple[WeightedPath, ...]:
    """The paths of `file`. Raises UsageError where there are none, or a line is none.

    A line is `PATH` or `PATH WEIGHT`, `#` begins a comment. Of a HAR file the GET requests count,
    each as often as it is there.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the paths in {file}: {error}") from None
    paths = tuple(_recorded(text, file) if is_har(file, text) else _listed(text, file))
    if not paths:
        raise UsageError(f"there is no path in {file}: write one on each line, as `/shop 3`")
    return paths


def _recorded(text: str, file: Path) -> list[WeightedPath]:
    requests = har_requests(text, str(file))
    counts = Counter(request.target for request in requests if request.method == "GET")
    return [WeightedPath(target, float(count)) for target, count in counts.items()]


def _listed(text: str, file: Path) -> Iterator[WeightedPath]:
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if words:
            yield _path(words, f"{file}:{number}")


def _path(words: list[str], place: str) -> WeightedPath:
    target, *more = words
    if not target.startswith("/") or len(more) > 1:
        raise UsageError(f"{place}: a line is `PATH` or `PATH WEIGHT`, and a path begins with /")
    if not more:
        return WeightedPath(target)
    try:
        weight = float(more[0])
    except ValueError:
        weight = -1.0
    if not 0 < weight < float("inf"):
        raise UsageError(f"{place}: a weight is a number above 0, not {more[0]!r}")
    return WeightedPath(target, weight)
