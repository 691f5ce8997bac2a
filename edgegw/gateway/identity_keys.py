"""Where identity providers keep their keys: a file that its owner alone can read, or this process.

Beside it is a file of what was taken back and of passwords that were changed.

A file that others could read is not used: a clone of somebody's project may bring one along.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

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


def _file(state: Path, name: str, suffix: str = "") -> Path:
    readable = re.sub("[^A-Za-z0-9_-]", "_", name)[:60]
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return state / FOLDER / f"{readable}-{digest}{suffix}.json"


def _written(state: Path, file: Path, content: bytes) -> int:
    """When `content` was written, in nanoseconds since 1970. Raises EnvironmentProblem."""
    try:
        state_folder(state)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        write_private(file, content)
        return file.stat().st_mtime_ns
    except OSError as error:
        text = f"{file} cannot be written: {error.strerror or error}"
        raise EnvironmentProblem(text) from None


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
        return _file(self._state, self._name)

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
        self._known = (_written(self._state, self._file, encode_ring(ring)), ring)
        return ring


class FileMemory:
    """What a provider remembers, in the state folder: what other processes write counts here."""

    def __init__(self, state: str, name: str) -> None:
        self._state = Path(state)
        self._file = _file(self._state, name, "-memory")
        self._seen = 0

    def load(self) -> Mapping[str, Any] | None:
        """What was written since the last time. Raises EnvironmentProblem."""
        try:
            status = self._file.stat()
        except FileNotFoundError:
            return None
        if status.st_mtime_ns == self._seen:
            return None
        self._seen = status.st_mtime_ns
        if status.st_mode & _OTHERS:
            logger.warning("%s was readable by others: what it says does not count", self._file)
            return None
        try:
            content = json.loads(self._file.read_bytes())
            _check(content)
        except (OSError, ValueError) as error:
            text = f"{self._file} cannot be read ({error}): remove the file"
            raise EnvironmentProblem(text) from None
        return content

    def save(self, content: Mapping[str, Any]) -> None:
        """Raises EnvironmentProblem."""
        self._seen = _written(self._state, self._file, json.dumps(content).encode())


def _check(content: Any) -> None:
    """Raises ValueError for what `ProviderMemory` did not write."""
    try:
        texts = [*content["revoked"], *content["signed_out"], *content["passwords"]]
        texts += [text for pair in content["passwords"].values() for text in pair]
        moments = [*content["signed_out"].values()]
    except (TypeError, KeyError, AttributeError):
        raise ValueError("not what was written") from None
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("not what was written")
    if not all(isinstance(moment, int) for moment in moments):
        raise ValueError("not what was written")
    if not all(len(pair) == 2 for pair in content["passwords"].values()):
        raise ValueError("not what was written")


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
