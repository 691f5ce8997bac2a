"""Where a running gateway can be asked: read by commands, so nothing heavy is imported here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, cast

FILE: Final = "control.json"
"""In the state folder."""


def read_announcement(state: Path) -> dict[str, Any] | None:
    """What a running gateway told in this state folder: `url`, `token`, `pid`."""
    try:
        found = json.loads((state / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None
