"""What a provider remembers of what happened: what was taken back, and passwords that changed.

Tokens and sessions hold themselves what they stand for, so this is all that a restart could forget.
It is small, and written whole each time it changes. Passwords stand there as what only the
provider can say of them, never themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

MOST: Final = 10_000
"""Grants that are remembered as taken back; of more the newest."""


class Keeper(Protocol):
    """Where it is kept."""

    def load(self) -> Mapping[str, Any] | None:
        """What is kept; None where nothing was written since it was last asked for."""
        ...

    def save(self, content: Mapping[str, Any]) -> None:
        """Keeps `content`, fit for JSON."""
        ...


class KeepsNothing:
    """Keeps nothing beyond the process."""

    def load(self) -> None:
        return None

    def save(self, content: Mapping[str, Any]) -> None:
        pass


class ProviderMemory:
    """Grants and sessions by id, users by name.

    `signed_out` says when a user signed out everywhere, `passwords` what password counts in the
    place of which: both as the provider's own digests.
    """

    def __init__(self, store: Keeper) -> None:
        self.revoked: dict[str, None] = {}
        self.signed_out: dict[str, int] = {}
        self.passwords: dict[str, tuple[str, str]] = {}
        self._store = store

    def look(self) -> ProviderMemory:
        """Takes in what another process, or this one before a restart, has written."""
        content = self._store.load()
        if content is not None:
            self._take_in(content)
        return self

    def _take_in(self, content: Mapping[str, Any]) -> None:
        self.revoked.update(dict.fromkeys(content["revoked"]))
        self.signed_out.update(content["signed_out"])
        self.passwords.update({user: tuple(pair) for user, pair in content["passwords"].items()})

    def keep(self) -> None:
        """Has it outlive the process."""
        while len(self.revoked) > MOST:
            del self.revoked[next(iter(self.revoked))]
        content = {
            "revoked": list(self.revoked),
            "signed_out": self.signed_out,
            "passwords": self.passwords,
        }
        self._store.save(content)
