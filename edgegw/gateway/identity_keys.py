"""Where identity providers keep their keys: a file that its owner alone can read, or this process.

A file that others could read is not used: a clone of somebody's project may bring one along.
"""

from __future__ import annotations

import hashlib
import logging
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from edgegw.errors import EnvironmentProblem
from edgegw.identity.signing import KeyRing, decode_ring, encode_ring, new_key
from edgegw.wire.state_folder import state_folder, write_private

logger = logging.getLogger(__name__)

FOLDER: Final = "identity"
"""In the state folder."""
_SECRET: Final = 32
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

Chance = Callable[[int], bytes]


def new_ring(now: float, chance: Chance) -> KeyRing:
    """Keys of a provider that had none."""
    return KeyRing((new_key(now),), chance(_SECRET))


class FileKeys:
    """Keys in the state folder: those of other processes count as soon as they are written."""

    def __init__(self, state: str, name: str, now: Callable[[], float], chance: Chance) -> None:
        self._state = Path(state)
        self._name = name
        self._now = now
        self._chance = chance
        self._known: tuple[int, KeyRing] | None = None

    @property
    def _file(self) -> Path:
        readable = re.sub("[^A-Za-z0-9_-]", "_", self._name)[:60]
        digest = hashlib.sha256(self._name.encode()).hexdigest()[:8]
        return self._state / FOLDER / f"{readable}-{digest}.json"

    def ring(self) -> KeyRing:
        """The keys as they are now; made where there are none. Raises EnvironmentProblem."""
        try:
            status = self._file.stat()
        except FileNotFoundError:
            return self._put(new_ring(self._now(), self._chance))
        if self._known is not None and self._known[0] == status.st_mtime_ns:
            return self._known[1]
        if status.st_mode & _OTHERS:
            logger.warning("%s was readable by others: the keys in it are replaced", self._file)
            return self._put(new_ring(self._now(), self._chance))
        try:
            ring = decode_ring(self._file.read_bytes())
        except (OSError, ValueError) as error:
            text = f"the keys in {self._file} cannot be read ({error}): remove the file"
            raise EnvironmentProblem(text) from None
        self._known = (status.st_mtime_ns, ring)
        return ring

    def rotate(self) -> KeyRing:
        """The keys with a new one in front. Raises EnvironmentProblem."""
        return self._put(self.ring().rotated(self._now()))

    def _put(self, ring: KeyRing) -> KeyRing:
        try:
            state_folder(self._state)
            self._file.parent.mkdir(mode=0o700, exist_ok=True)
            write_private(self._file, encode_ring(ring))
            self._known = (self._file.stat().st_mtime_ns, ring)
        except OSError as error:
            text = f"{self._file} cannot be written: {error.strerror or error}"
            raise EnvironmentProblem(text) from None
        return ring


class ProcessKeys:
    """Keys of this process: what ends with it needs no file. Those of one name are the same."""

    _first: Final[dict[str, KeyRing]] = {}

    def __init__(self, name: str, now: Callable[[], float], chance: Chance) -> None:
        self._name = name
        self._now = now
        self._chance = chance
        self._ring: KeyRing | None = None

    def ring(self) -> KeyRing:
        if self._ring is None:
            known = self._first.get(self._name)
            if known is None:
                known = self._first[self._name] = new_ring(self._now(), self._chance)
            self._ring = known
        return self._ring

    def rotate(self) -> KeyRing:
        self._ring = self.ring().rotated(self._now())
        return self._ring
