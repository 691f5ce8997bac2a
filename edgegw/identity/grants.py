"""What a sign-in granted, and what was taken back.

A grant is one sign-in for one client: its code, its access tokens, its refresh token all name it
(`origin_jti`, as in Amazon Cognito), so taking it back ends them all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edgegw.identity.memory import MOST, ProviderMemory
from edgegw.values import value


@value(kw_only=True)
class Grant:
    """What was granted to whom; `signed_in` is when the user gave a password (`auth_time`).

    `has_id_token` says whether an ID token is among its tokens.
    """

    id: str
    user: str
    client: str
    scopes: tuple[str, ...]
    signed_in: int
    has_id_token: bool
    nonce: str | None = None

    def narrowed(self, scopes: tuple[str, ...]) -> Grant:
        """With some of its scopes only; with all where none are named."""
        return replace(self, scopes=scopes) if scopes else self

    def to_dict(self) -> dict[str, Any]:
        """For a sealed refresh token."""
        return {
            "id": self.id,
            "user": self.user,
            "client": self.client,
            "scopes": list(self.scopes),
            "signed_in": self.signed_in,
            "has_id_token": self.has_id_token,
        }

    @staticmethod
    def from_dict(sealed: dict[str, Any]) -> Grant:
        return Grant(
            id=sealed["id"],
            user=sealed["user"],
            client=sealed["client"],
            scopes=tuple(sealed["scopes"]),
            signed_in=sealed["signed_in"],
            has_id_token=sealed["has_id_token"],
        )


class Revocations:
    """What was taken back; `memory` has it outlive a restart."""

    def __init__(self, memory: ProviderMemory) -> None:
        self._memory = memory
        self._by_user: dict[str, dict[str, None]] = {}

    def note(self, user: str, grant_id: str) -> None:
        """A grant or a session of `user` began: a sign-out everywhere takes it back."""
        own = self._by_user.setdefault(user, {})
        own[grant_id] = None
        while len(own) > MOST:
            del own[next(iter(own))]

    def revoke(self, grant_id: str) -> None:
        """Takes one grant back, or ends one session."""
        self._memory.look().revoked[grant_id] = None
        self._memory.keep()

    def sign_out(self, user: str, now: float) -> None:
        """Takes back all that a user was granted until now."""
        memory = self._memory.look()
        memory.revoked.update(self._by_user.pop(user, {}))
        memory.signed_out[user] = int(now)
        memory.keep()

    def is_revoked(self, grant_id: object, user: str, signed_in: object) -> bool:
        """Whether a token of this grant no longer counts."""
        memory = self._memory.look()
        if grant_id in memory.revoked:
            return True
        until = memory.signed_out.get(user)
        return until is not None and isinstance(signed_in, int) and signed_in < until
