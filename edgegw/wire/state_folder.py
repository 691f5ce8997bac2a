"""The gateway's state folder, and files in it that only their owner can read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from edgegw.errors import EnvironmentProblem

_PRIVATE: Final = 0o600


def state_folder(path: str | Path) -> Path:
    """The gateway's state folder, made if need be; git leaves it out."""
    folder = Path(path)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        text = f"the state folder {folder} cannot be made: {error.strerror or error}"
        raise EnvironmentProblem(text) from None
    return folder


def write_private(file: Path, content: bytes) -> None:
    """Writes a file that only its owner can read, all or nothing."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    temporary.replace(file)
