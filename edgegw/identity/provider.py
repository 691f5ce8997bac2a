"""What all parts of a running identity provider share.

Of what was issued only little is kept: codes until they are used, and what was taken back
(`memory.py`). Sessions and refresh tokens are sealed and hold themselves what they stand for, so
they outlive a restart.
"""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import field
from typing import Any, Protocol

from edgegw.identity.claims import subject_of
from edgegw.identity.codes import Codes
from edgegw.identity.grants import Grant, Revocations
from edgegw.identity.memory import Keeper, KeepsNothing, ProviderMemory
from edgegw.identity.model import IdentityClient, IdentityProvider, IdentityUser
from edgegw.identity.sealing import Sealer
from edgegw.identity.signing import KeyRing
from edgegw.identity.tokens import (
    TokenPlace,
    TokenUse,
    access_claims,
    id_claims,
    kind_of,
    read,
    sign,
)
from edgegw.values import value

_REFRESH = "refresh token"


class Keys(Protocol):
    """Where the keys are kept."""

    def ring(self) -> KeyRing:
        """The keys as they are now."""
        ...

    def rotate(self) -> KeyRing:
        """The keys, of which a new one signs."""
        ...


@value(kw_only=True)
class TokenRequestFault:
    """What a request for tokens meets on demand.

    It waits `delay` seconds; then it is answered with `status`, or its code has expired.
    """

    delay: float = 0.0
    status: int | None = None
    has_expired: bool = False


@value(kw_only=True)
class IdentityWorld:
    """What the machine gives a provider.

    `issuer` is the URL it has where the configuration names none, `chance` answers so many bytes
    that nobody can guess, `draw` what the next request for tokens meets, `tell` takes a line for
    the log, `store` keeps what was taken back, and keys are made
    `one_at_a_time`.
    """

    issuer: Callable[[], str]
    keys: Keys
    now: Callable[[], float]
    chance: Callable[[int], bytes]
    draw: Callable[[], TokenRequestFault] = field(default=TokenRequestFault)
    tell: Callable[[str], None] = field(default=lambda text: None)
    store: Keeper = KeepsNothing()
    one_at_a_time: AbstractContextManager[object] = nullcontext()


@value(kw_only=True)
class IssuedTokens:
    """What a sign-in comes to. Without the scope `openid` there is no ID token."""

    access: str
    identity: str | None
    refresh: str | None
    expires_in: int
    scopes: tuple[str, ...]


@value
class Holder:
    """Whose access token it is, and what it says."""

    user: IdentityUser
    claims: Mapping[str, Any]

    @property
    def scopes(self) -> tuple[str, ...]:
        return tuple(str(self.claims.get("scope", "")).split())


class Provider:
    """A running identity provider; `present` answers its configuration as it is now."""

    def __init__(self, present: Callable[[], IdentityProvider], world: IdentityWorld) -> None:
        self._present = present
        self.world = world
        self.codes = Codes()
        self._has_keys = False
        self._memory = ProviderMemory(world.store)
        self.revocations = Revocations(self._memory)

    # What it is

    @property
    def definition(self) -> IdentityProvider:
        return self._present()

    @property
    def issuer(self) -> str:
        """What its tokens name as `iss`."""
        definition = self.definition
        if definition.user_pool is not None:
            return definition.user_pool.issuer
        return definition.issuer or self.world.issuer()

    @property
    def base_url(self) -> str:
        """Where its endpoints are, for whoever reads the discovery document."""
        definition = self.definition
        if definition.user_pool is not None:
            return f"https://{definition.user_pool.pages_host}"
        return self.issuer

    @property
    def ring(self) -> KeyRing:
        """Its keys; one that is too old is replaced before it signs again."""
        ring = self.world.keys.ring()
        return self.world.keys.rotate() if self._is_too_old(ring) else ring

    @property
    def needs_keys(self) -> bool:
        """Whether `make_keys` has something to do, which takes too long for an event loop."""
        return not self._has_keys or self._is_too_old(self.world.keys.ring())

    def make_keys(self) -> None:
        """Makes what keys there have to be; from any thread."""
        with self.world.one_at_a_time:
            _ = self.ring
            self._has_keys = True

    def _is_too_old(self, ring: KeyRing) -> bool:
        age = self.definition.key_rotation
        return age is not None and self.world.now() - ring.current.created >= age

    @property
    def sealer(self) -> Sealer:
        return Sealer(self.ring.secret)

    def mac(self, purpose: str, text: str) -> str:
        """What only this provider can say of `text`."""
        return hmac.digest(self.ring.secret, f"{purpose}\0{text}".encode(), "sha256").hex()

    def new_id(self) -> str:
        """An id that nobody can guess."""
        return str(uuid.UUID(bytes=self.world.chance(16), version=4))

    def user_with(self, name: str, password: str) -> IdentityUser | None:
        """The user of this name, if this is the password."""
        user = self.definition.users.get(name)
        expected = self._password_digest(name, password if user is None else user.password or "")
        if user is not None:
            expected = self._changed_password(user) or expected
        # Compared in any case, so that the time does not tell who is a user.
        is_right = hmac.compare_digest(expected, self._password_digest(name, password))
        return user if is_right and user is not None and user.password is not None else None

    def must_change_password(self, user: IdentityUser) -> bool:
        """Whether a user has still the first password, which is to be changed."""
        return user.must_change_password and self._changed_password(user) is None

    def change_password(self, user: IdentityUser, password: str) -> None:
        """From now on `password` counts, until the configuration has another one."""
        instead_of = self._password_digest(user.name, user.password or "")
        changed = (instead_of, self._password_digest(user.name, password))
        self._memory.look().passwords[user.name] = changed
        self._memory.keep()

    def _changed_password(self, user: IdentityUser) -> str | None:
        """The digest of what counts in the place of the configured password, if something does."""
        instead_of, digest = self._memory.look().passwords.get(user.name, ("", ""))
        is_the_same = instead_of == self._password_digest(user.name, user.password or "")
        return digest if digest and is_the_same else None

    def _password_digest(self, name: str, password: str) -> str:
        return self.mac("password", f"{name}\0{password}")

    # What it issues

    def grant(
        self,
        user: str,
        client: str,
        scopes: tuple[str, ...],
        *,
        nonce: str | None = None,
        signed_in: int | None = None,
        by_api: bool = False,
    ) -> Grant:
        """A new grant, signed in now unless it is said when.

        One `by_api` of a user pool has an ID token whatever its scopes.
        """
        moment = int(self.world.now()) if signed_in is None else signed_in
        granted = Grant(
            id=self.new_id(),
            user=user,
            client=client,
            scopes=scopes,
            signed_in=moment,
            has_id_token=by_api or "openid" in scopes,
            nonce=nonce,
        )
        self.revocations.note(user, granted.id)
        return granted

    def issue(self, grant: Grant, user: IdentityUser, client: IdentityClient) -> IssuedTokens:
        """The tokens of a grant. A refresh token is always among them."""
        place = self._place(client)
        access = self.signed(access_claims(place, grant, user), "access")
        identity = None
        if grant.has_id_token:
            identity = self.signed(id_claims(self._place(client), grant, user, access), "id")
        content = {**grant.to_dict(), "made": place.now}
        refresh = self.sealer.seal(_REFRESH, content, self.world.chance(12))
        return self._issued(grant, access, identity, refresh)

    def issue_to_client(self, client: IdentityClient, scopes: tuple[str, ...]) -> IssuedTokens:
        """An access token for a client itself."""
        grant = self.grant("", client.id, scopes)
        access = self.signed(access_claims(self._place(client), grant, None), "access")
        return self._issued(grant, access, None, None)

    def _issued(
        self, grant: Grant, access: str, identity: str | None, refresh: str | None
    ) -> IssuedTokens:
        return IssuedTokens(
            access=access,
            identity=identity,
            refresh=refresh,
            expires_in=self.definition.access_token_validity,
            scopes=grant.scopes,
        )

    def _place(self, client: IdentityClient) -> TokenPlace:
        return TokenPlace(
            provider=self.definition,
            issuer=self.issuer,
            client=client,
            now=int(self.world.now()),
            identity=self.new_id(),
        )

    def signed(self, claims: Mapping[str, Any], use: TokenUse) -> str:
        """A token of these claims, signed by the current key."""
        return sign(claims, self.ring.current, kind=kind_of(self.definition, use))

    # What comes back

    def refreshed(self, token: str, client: IdentityClient) -> tuple[Grant, IdentityUser] | str:
        """What a refresh token of `client` stands for; else why it does not count."""
        content = self.sealer.unseal(_REFRESH, token)
        if content is None or content.get("client") != client.id:
            return "the refresh token is none that was issued to this client"
        grant = Grant.from_dict(content)
        user = self.definition.users.get(grant.user)
        if user is None:
            return "the user of the refresh token is gone"
        if self.revocations.is_revoked(grant.id, grant.user, grant.signed_in):
            return "the refresh token was revoked"
        if self.world.now() >= content["made"] + self.definition.refresh_token_validity:
            return "the refresh token has expired"
        return grant, user

    def holder(self, token: str) -> Holder | str:
        """Whose access token it is; else why it does not count."""
        claims = read(token, self.ring)
        if claims is None or claims.get("iss") != self.issuer:
            return "it was not issued here"
        if "client_id" not in claims or claims.get("token_use", "access") != "access":
            return "it is no access token"
        expires = claims.get("exp")
        if not isinstance(expires, int) or self.world.now() >= expires:
            return "it has expired"
        user = self._user_of(claims)
        if user is None:
            return "its user is gone"
        signed_in = claims.get("auth_time")
        if self.revocations.is_revoked(claims.get("origin_jti"), user.name, signed_in):
            return "it was revoked"
        return Holder(user, claims)

    def _user_of(self, claims: Mapping[str, Any]) -> IdentityUser | None:
        subject, definition = claims.get("sub"), self.definition
        users = definition.users.values()
        return next((user for user in users if subject_of(definition, user) == subject), None)
