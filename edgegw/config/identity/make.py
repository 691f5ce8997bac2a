"""Identity providers of a checked configuration → values."""

from __future__ import annotations

from pathlib import Path

from edgegw.config import schema
from edgegw.config.identity import keys
from edgegw.config.listening import resolve_listen
from edgegw.config.model import ProviderDoor
from edgegw.identity.model import (
    ADMIN_SCOPE,
    STANDARD_SCOPES,
    IdentityClient,
    IdentityProvider,
    IdentityUser,
    UserPool,
)


def provider_doors(config: schema.Config, base: Path) -> tuple[ProviderDoor, ...]:
    """The identity providers that the configuration has."""
    return tuple(
        ProviderDoor(name, resolve_listen(given.listen, base), _provider(name, given))
        for name, given in config.identity_providers.items()
    )


def _provider(name: str, given: keys.IdentityProvider) -> IdentityProvider:
    return IdentityProvider(
        name=name,
        users={user: _user(user, entry) for user, entry in given.users.items()},
        clients={
            client: _client(client, entry, is_pool=given.user_pool is not None)
            for client, entry in given.clients.items()
        },
        claims=given.claims,
        issuer=given.issuer,
        access_token_validity=given.access_token_validity,
        id_token_validity=given.id_token_validity,
        refresh_token_validity=given.refresh_token_validity,
        session_validity=given.session_validity,
        key_rotation=given.key_rotation,
        user_pool=None if given.user_pool is None else _pool(given.user_pool),
    )


def _user(name: str, given: keys.IdentityUser) -> IdentityUser:
    return IdentityUser(
        name, given.password, given.claims, tuple(given.groups), given.must_change_password
    )


def _client(name: str, given: keys.IdentityClient, *, is_pool: bool) -> IdentityClient:
    """A user pool asks nobody for PKCE, others ask public clients."""
    usual = (*STANDARD_SCOPES, *([ADMIN_SCOPE] if is_pool else []))
    needs_pkce = given.secret is None and not is_pool
    return IdentityClient(
        id=name,
        secret=given.secret,
        redirect_uris=tuple(given.redirect_uris),
        logout_uris=tuple(given.logout_uris),
        scopes=tuple(given.scopes) or usual,
        needs_pkce=needs_pkce if given.pkce is None else given.pkce == "required",
        asks_consent=given.consent,
        claims=given.claims,
    )


def _pool(given: keys.UserPool) -> UserPool:
    return UserPool(given.id, given.id.partition("_")[0], given.domain)
