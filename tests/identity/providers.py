"""Providers of tests: a clock that is moved, chance that counts, one key for all."""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from edgegw.identity.model import (
    ADMIN_SCOPE,
    STANDARD_SCOPES,
    IdentityClient,
    IdentityProvider,
    IdentityUser,
    UserPool,
)
from edgegw.identity.provider import IdentityWorld, Provider, TokenRequestFault
from edgegw.identity.signing import KeyRing, new_key

ISSUER = "http://127.0.0.1:8095"
BACK = "https://app.test/back?own=1"
NOW = 1_800_000_000.0
VERIFIER = "a" * 43
CHALLENGE = "ZtNPunH49FD35FWYhT5Tv8I7vRKQJ8uxMaL0_9eHjNA"
"""Base64url of the SHA-256 of `VERIFIER`."""

USERS = {
    user.name: user
    for user in (
        IdentityUser(
            "ada",
            "demo",
            {"email": "ada@example.com", "email_verified": True, "name": "Ada", "tier": "gold"},
            ("admins", "staff"),
        ),
        IdentityUser("grace", "secret word"),
        IdentityUser("nobody"),
        IdentityUser("new", "first", must_change_password=True),
    )
}
CLIENTS = {
    client.id: client
    for client in (
        IdentityClient(
            id="app",
            secret="s3cret",
            redirect_uris=(BACK, "https://app.test/other"),
            logout_uris=("https://app.test/bye",),
            scopes=(*STANDARD_SCOPES, "things:read"),
            needs_pkce=False,
        ),
        IdentityClient(id="spa", redirect_uris=("https://spa.test/",)),
        IdentityClient(
            id="careful",
            secret="s",
            redirect_uris=("https://careful.test/",),
            needs_pkce=False,
            asks_consent=True,
        ),
    )
}
POOL = UserPool("eu-west-1_Example1", "eu-west-1", "example")


@functools.cache
def one_ring() -> KeyRing:
    return KeyRing((new_key(NOW),), b"k" * 32)


class TestKeys:
    __test__ = False

    def __init__(self) -> None:
        self._ring = one_ring()
        self.rotations = 0

    def ring(self) -> KeyRing:
        return self._ring

    def rotate(self) -> KeyRing:
        self.rotations += 1
        self._ring = self._ring.rotated(NOW + 1000 * self.rotations)
        return self._ring


class Clock:
    def __init__(self) -> None:
        self.now = NOW


class Bench:
    """A provider with the clock, the keys, the log and the faults that a test has a hand on."""

    def __init__(self, *, pool: bool = False, **more: Any) -> None:
        clients = CLIENTS
        if pool:
            scopes = (*STANDARD_SCOPES, ADMIN_SCOPE)
            clients = {
                client.id: IdentityClient(
                    id=client.id,
                    secret=client.secret,
                    redirect_uris=client.redirect_uris,
                    logout_uris=client.logout_uris,
                    scopes=scopes,
                    needs_pkce=False,
                )
                for client in CLIENTS.values()
            }
        self.definition = IdentityProvider(
            name="local",
            users=USERS,
            clients=clients,
            user_pool=POOL if pool else None,
            **more,
        )
        self.clock = Clock()
        self.keys = TestKeys()
        self.lines: list[str] = []
        self.fault = TokenRequestFault()
        self._count = 0
        world = IdentityWorld(
            issuer=lambda: ISSUER,
            keys=self.keys,
            now=lambda: self.clock.now,
            chance=self._chance,
            draw=lambda: self.fault,
            tell=self.lines.append,
            one_at_a_time=threading.Lock(),
        )
        self.provider = Provider(lambda: self.definition, world)

    def _chance(self, size: int) -> bytes:
        self._count += 1
        return self._count.to_bytes(size, "big")


def query(without: str = "", **changes: str) -> str:
    """The query of an authorization request of `app`."""
    given: Mapping[str, str] = {
        "client_id": "app",
        "response_type": "code",
        "redirect_uri": BACK,
        "scope": "openid email",
        "state": "xyz",
        **changes,
    }
    return urlencode({name: text for name, text in given.items() if name != without})
