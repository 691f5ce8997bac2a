"""What an identity provider of a configuration is: users, clients, lifetimes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final
from urllib.parse import urlsplit

from edgegw.values import value

STANDARD_SCOPES: Final = ("openid", "profile", "email", "phone", "address", "offline_access")
"""OpenID Connect Core 1.0, sections 3.1.2.1, 5.4 and 11."""
ADMIN_SCOPE: Final = "aws.cognito.signin.user.admin"
"""What an access token needs for calls of `cognito-idp` on behalf of its user.

Source: Amazon Cognito Developer Guide, "Scopes, M2M, and resource servers".
"""

Claims = Mapping[str, Any]


@value
class IdentityUser:
    """Somebody who can sign in. Without a password nobody does by page or API.

    One who `must_change_password` is asked for a new one by `cognito-idp` (NEW_PASSWORD_REQUIRED);
    it is remembered, and counts until the configuration has another.
    """

    name: str
    password: str | None = None
    claims: Claims = field(default_factory=dict[str, Any])
    groups: tuple[str, ...] = ()
    must_change_password: bool = False


@value(kw_only=True)
class IdentityClient:
    """An application that sends people here to sign in; one without a secret is a public one."""

    id: str
    secret: str | None = None
    redirect_uris: tuple[str, ...] = ()
    logout_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = STANDARD_SCOPES
    needs_pkce: bool = True
    asks_consent: bool = False
    claims: Claims = field(default_factory=dict[str, Any])

    @property
    def origins(self) -> frozenset[str]:
        """The sites whose pages may call the provider themselves."""
        parts = (urlsplit(uri) for uri in (*self.redirect_uris, *self.logout_uris))
        return frozenset(f"{part.scheme}://{part.netloc}" for part in parts)


@value
class UserPool:
    """What makes a provider look like an Amazon Cognito user pool.

    `id` is `REGION_NAME`, `domain` the prefix of the hosted pages or their whole name.
    Source: Amazon Cognito Developer Guide, "User pool endpoints and managed login reference".
    """

    id: str
    region: str
    domain: str

    @property
    def issuer(self) -> str:
        return f"https://{self.api_host}/{self.id}"

    @property
    def api_host(self) -> str:
        """The name of the API, which JWKS and issuer have, too."""
        return f"cognito-idp.{self.region}.amazonaws.com"

    @property
    def pages_host(self) -> str:
        """The name of the hosted pages and of the token endpoint."""
        if "." in self.domain:
            return self.domain
        return f"{self.domain}.auth.{self.region}.amazoncognito.com"


@value(kw_only=True)
class IdentityProvider:
    """An identity provider. Lifetimes are in seconds.

    `issuer` is None where it is the address that it listens at. With `key_rotation` a key that is
    older signs no more.
    """

    name: str
    users: Mapping[str, IdentityUser]
    clients: Mapping[str, IdentityClient]
    claims: Claims = field(default_factory=dict[str, Any])
    issuer: str | None = None
    access_token_validity: int = 3600
    id_token_validity: int = 3600
    refresh_token_validity: int = 30 * 86_400
    session_validity: int = 3600
    key_rotation: int | None = None
    user_pool: UserPool | None = None

    @property
    def hosts(self) -> frozenset[str]:
        """The names it answers to beside those of this machine."""
        pool = self.user_pool
        names = set[str]() if pool is None else {pool.api_host, pool.pages_host}
        if self.issuer is not None:
            names.add(urlsplit(self.issuer).hostname or "")
        return frozenset(name.lower() for name in names)
