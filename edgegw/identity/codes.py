"""Authorization codes: good once, for a few minutes, for one client and one address."""

from __future__ import annotations

from typing import Final, Literal

from edgegw.identity.grants import Grant
from edgegw.values import value

LIFETIME: Final = 300.0
"""Seconds. RFC 6749 section 4.1.2 allows ten minutes; a user pool's live five."""
_MOST: Final = 10_000


@value(kw_only=True)
class IssuedCode:
    """What a code stands for. `challenge` is PKCE's, by S256."""

    grant: Grant
    redirect_uri: str
    challenge: str | None
    expires: float


CodeFault = Literal["unknown", "used", "expired"]


class Codes:
    """The codes that were issued, and those that were used."""

    def __init__(self) -> None:
        self._issued: dict[str, IssuedCode] = {}
        self._used: dict[str, Grant] = {}

    def put(self, code: str, issued: IssuedCode, now: float) -> None:
        """`code` was issued; those that are over go."""
        gone = [key for key, known in self._issued.items() if known.expires <= now - LIFETIME]
        for key in gone:
            del self._issued[key]
        self._issued[code] = issued
        while len(self._issued) > _MOST:
            del self._issued[next(iter(self._issued))]

    def use(self, code: str, now: float) -> IssuedCode | tuple[CodeFault, Grant | None]:
        """What `code` stands for, which is used now; else why not, and the grant it was for.

        One that comes a second time was stolen, or the first user stole it: its grant is to be
        taken back (RFC 6749 section 4.1.2).
        """
        used = self._used.get(code)
        if used is not None:
            return "used", used
        issued = self._issued.pop(code, None)
        if issued is None:
            return "unknown", None
        self._used[code] = issued.grant
        while len(self._used) > _MOST:
            del self._used[next(iter(self._used))]
        return issued if now < issued.expires else ("expired", issued.grant)
