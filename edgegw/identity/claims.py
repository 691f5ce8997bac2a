"""Which claims of a user go into which token and answer."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection
from typing import Any, Final

from edgegw.identity.model import IdentityProvider, IdentityUser

BY_SCOPE: Final[dict[str, frozenset[str]]] = {
    "profile": frozenset(
        {
            *("name", "family_name", "given_name", "middle_name", "nickname"),
            *("preferred_username", "profile", "picture", "website", "gender", "birthdate"),
            *("zoneinfo", "locale", "updated_at"),
        }
    ),
    "email": frozenset({"email", "email_verified"}),
    "phone": frozenset({"phone_number", "phone_number_verified"}),
    "address": frozenset({"address"}),
}
"""What each scope asks for: OpenID Connect Core 1.0, section 5.4."""
_OF_A_SCOPE: Final = frozenset[str]().union(*BY_SCOPE.values())


def subject_of(provider: IdentityProvider, user: IdentityUser) -> str:
    """The `sub` of a user: what the configuration says, else an id that stays the same."""
    given = user.claims.get("sub")
    if isinstance(given, str):
        return given
    digest = hashlib.sha256(f"{provider.name}\0{user.name}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def all_claims(provider: IdentityProvider, user: IdentityUser) -> dict[str, Any]:
    """Everything that is said of a user, `sub` first."""
    return {"sub": subject_of(provider, user), **provider.claims, **user.claims}


def user_claims(
    provider: IdentityProvider, user: IdentityUser, scopes: Collection[str]
) -> dict[str, Any]:
    """What ID tokens and user info say of a user for these scopes.

    Standard claims need their scope, others are always there. A user pool gives all attributes for
    `openid` alone, and those of the scopes where there are others.
    Source: Amazon Cognito Developer Guide, "Scopes, M2M, and resource servers", `openid`.
    """
    claims = all_claims(provider, user)
    asked = BY_SCOPE.keys() & set(scopes)
    if provider.user_pool is not None and not asked:
        return claims
    wanted = frozenset[str]().union(*(BY_SCOPE[scope] for scope in asked))
    return {
        name: given for name, given in claims.items() if name not in _OF_A_SCOPE or name in wanted
    }


def as_attribute(given: object) -> str:
    """A claim as an attribute of a user pool, which are all texts."""
    if isinstance(given, bool):
        return "true" if given else "false"
    return given if isinstance(given, str) else str(given)
