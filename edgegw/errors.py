"""Everything that edgegw raises on purpose.

    EdgegwError                 knows its exit code and the next step
    ├── ConfigError             the configuration is wrong; carries every finding      (exit 1)
    ├── EnvironmentProblem      port taken, Node.js missing, interpreter missing       (exit 1)
    │   └── StateProblem        what must be kept cannot be written or read            (exit 1)
    └── UsageError              a command or an API call used wrongly                  (exit 2)

What the user's functions do wrong is never an exception: it is an `Outcome`
(`edgegw.awslambda.model`), and a rule that their answer breaks is a `Violation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from edgegw.values import value


class EdgegwError(Exception):
    """The root. `str()` is one plain sentence, fit for a terminal."""

    exit_code: int = 1


def _visible(char: str) -> str:
    """A character, or its escape where a terminal would act on it."""
    return char if char.isprintable() else char.encode("unicode_escape").decode()


@value
class Finding:
    """One remark on a configuration. `line` and `column` count from 1."""

    file: str
    line: int
    column: int
    severity: Literal["error", "warning"]
    code: str
    text: str

    def __str__(self) -> str:
        """`FILE:LINE:COL: error: CODE text`, as compilers print it, so that editors can jump.

        One line, whatever the values that it quotes hold: line ends and terminal controls are
        written as escapes.
        """
        text = f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.code} {self.text}"
        return text if text.isprintable() else "".join(map(_visible, text))


class ConfigError(EdgegwError):
    """The configuration cannot be used. `findings` holds all remarks, warnings included."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


class EnvironmentProblem(EdgegwError):  # noqa: N818 - named for what it is, to users too
    """This machine lacks something: a free port, an interpreter, a readable file."""


class StateProblem(EnvironmentProblem):
    """A file of `gateway.state` cannot be used: nothing of what was to be kept there is kept."""

    def __init__(self, path: object, reason: str) -> None:
        is_damaged = reason in ("file is not a database", "database disk image is malformed")
        remedy = "; move it away, and a new one begins" if is_damaged else ""
        super().__init__(f"cannot keep state in {path}: {reason}{remedy}")


class UsageError(EdgegwError):
    """A command or a call was used wrongly."""

    exit_code = 2
