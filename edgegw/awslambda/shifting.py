"""Traffic shifting: how CodeDeploy walks an alias from one version to another.

Source: CodeDeploy User Guide, "Deployment configurations on an AWS Lambda compute platform".
"""

from __future__ import annotations

import re
from typing import Final

from edgegw.values import value

PRESETS: Final = (
    *(f"Canary10Percent{n}Minutes" for n in (5, 10, 15, 30)),
    *(f"Linear10PercentEvery{n}Minute{'s' if n > 1 else ''}" for n in (1, 2, 3, 10)),
    "AllAtOnce",
)
"""CodeDeploy's presets, without the prefix `CodeDeployDefault.Lambda`."""

_PRESET: Final = re.compile(r"(Canary|Linear)(\d+)Percent(?:Every)?(\d+)Minutes?")


@value
class Shift:
    """A deployment: which alias goes to which version, how, and with which hooks.

    `time_scale` makes the waiting shorter for local use: 0.01 turns a minute into 0.6 s.
    """

    function: str
    alias: str
    version: str
    preset: str
    time_scale: float = 1.0
    before: str = ""
    after: str = ""


def preset_name(text: str) -> str | None:
    """The preset that `text` means, with or without CodeDeploy's prefix; None when unknown."""
    name = text.removeprefix("CodeDeployDefault.").removeprefix("Lambda")
    return name if name in PRESETS else None


def weights(preset: str, time_scale: float = 1.0) -> list[tuple[float, float]]:
    """The walk of a preset: seconds after the start, and the new version's share from then on.

    The last share is 1.0. Raises ValueError for an unknown preset.
    """
    if preset == "AllAtOnce":
        return [(0.0, 1.0)]
    match = _PRESET.fullmatch(preset)
    if match is None or preset not in PRESETS:
        raise ValueError(f"{preset!r} is no preset; known are {', '.join(PRESETS)}")
    kind, percent, interval = match[1], int(match[2]), int(match[3]) * 60 * time_scale
    if kind == "Canary":
        return [(0.0, percent / 100), (interval, 1.0)]
    steps = -(-100 // percent)
    return [(step * interval, min(100, (step + 1) * percent) / 100) for step in range(steps)]
