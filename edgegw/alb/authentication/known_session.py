"""A session that was opened once: what targets get of it, signed anew before it expires."""

from __future__ import annotations

from edgegw.alb.authentication.identity_headers import CLAIMS_LIFETIME, identity_lines
from edgegw.alb.authentication.keys import SignInKeys
from edgegw.alb.authentication.model import Authenticate
from edgegw.alb.authentication.session import UserSession
from edgegw.http.message import Header


class KnownSession:
    """A session, and the lines for targets as long as their signature is fresh."""

    __slots__ = ("_from", "_lines", "session")

    def __init__(self, session: UserSession) -> None:
        self.session = session
        self._lines: tuple[Header, ...] = ()
        self._from = 0.0

    def lines(
        self, keys: SignInKeys, action: Authenticate, signer: str, now: float
    ) -> tuple[Header, ...]:
        """The lines; the same object while they hold, with at least half of their time left."""
        if not self._lines or not 0 <= now - self._from < CLAIMS_LIFETIME / 2:
            self._lines = identity_lines(keys, action, signer, self.session, now)
            self._from = now
        return self._lines
