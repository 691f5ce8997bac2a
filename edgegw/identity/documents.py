"""What a provider publishes of itself: the discovery document, and what it says of a user."""

from __future__ import annotations

from typing import Any, Final

from edgegw.identity.claims import BY_SCOPE, as_attribute, user_claims
from edgegw.identity.model import STANDARD_SCOPES
from edgegw.identity.provider import Holder, Provider
from edgegw.identity.signing import ALGORITHM
from edgegw.identity.token_requests import GRANT_TYPES

AUTHORIZE: Final = "/oauth2/authorize"
TOKEN: Final = "/oauth2/token"  # noqa: S105 - a path
USER_INFO: Final = "/oauth2/userInfo"
REVOKE: Final = "/oauth2/revoke"
JWKS: Final = "/oauth2/jwks"
LOGOUT: Final = "/logout"
CONFIGURATION: Final = "/.well-known/openid-configuration"
WELL_KNOWN_JWKS: Final = "/.well-known/jwks.json"


def discovery(provider: Provider) -> dict[str, Any]:
    """OpenID Connect Discovery 1.0, section 3; the paths are those of a user pool."""
    base, pool = provider.base_url, provider.definition.user_pool
    jwks = f"{base}{JWKS}" if pool is None else f"{pool.issuer}{WELL_KNOWN_JWKS}"
    document: dict[str, Any] = {
        "issuer": provider.issuer,
        "authorization_endpoint": f"{base}{AUTHORIZE}",
        "token_endpoint": f"{base}{TOKEN}",
        "userinfo_endpoint": f"{base}{USER_INFO}",
        "revocation_endpoint": f"{base}{REVOKE}",
        "end_session_endpoint": f"{base}{LOGOUT}",
        "jwks_uri": jwks,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "none",
        ],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": _scopes(provider),
        "claims_supported": ["sub", *sorted(frozenset[str]().union(*BY_SCOPE.values()))],
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }
    if pool is None:
        document["prompt_values_supported"] = ["none", "login", "consent", "select_account"]
        document["authorization_response_iss_parameter_supported"] = True
    return document


def _scopes(provider: Provider) -> list[str]:
    own = (scope for client in provider.definition.clients.values() for scope in client.scopes)
    return list(dict.fromkeys((*STANDARD_SCOPES, *own)))


def user_info(provider: Provider, holder: Holder) -> dict[str, Any]:
    """What the user info endpoint answers. A user pool adds `username`, and all are texts there.

    Source: Amazon Cognito Developer Guide, "The userInfo endpoint".
    """
    claims = user_claims(provider.definition, holder.user, holder.scopes)
    if provider.definition.user_pool is None:
        return {**claims, **({"groups": list(holder.user.groups)} if holder.user.groups else {})}
    texts = {name: as_attribute(given) for name, given in claims.items()}
    return {**texts, "username": holder.user.name}
