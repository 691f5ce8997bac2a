"""The state folder that a command means: that of its configuration, also while this is broken."""

from __future__ import annotations

import os
from pathlib import Path

from edgegw.cli.function_commands import find_config
from edgegw.errors import ConfigError
from edgegw.values import value


@value
class StandingState:
    """The folder; where the configuration is broken, what is wrong and which folder it had last."""

    folder: Path
    broken: ConfigError | None = None
    file: Path | None = None

    def note(self) -> str:
        """One line on a broken configuration, for a command that a running gateway answers."""
        assert self.broken is not None
        errors = sum(finding.severity == "error" for finding in self.broken.findings)
        count = "an error" if errors == 1 else f"{errors} errors"
        return (
            f"edgegw: {self.file} has {count} (`edgegw check {self.file}`): the running gateway "
            "answers, with the configuration that it runs"
        )


def standing_state(config: Path | None) -> StandingState:
    """That of `config` or of the configuration here; `.edgegw` here without one.

    Raises UsageError where there is no file `config`.
    """
    file = config or find_config()
    if file is None:
        return StandingState(Path(".edgegw").absolute())
    from edgegw.config.remembered import load_quickly

    try:
        return StandingState(Path(load_quickly(file).state))
    except ConfigError as error:
        from edgegw.config.last_state import last_state

        return StandingState(last_state(os.environ, file), error, file)
