"""The token endpoint: codes, refresh tokens and clients' own secrets → tokens.

Who the client is comes first, then what it brings. Errors are those of RFC 6749 section 5.2.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

from edgegw.identity.authorization import parameters_of
from edgegw.identity.codes import IssuedCode
from edgegw.identity.model import IdentityClient
from edgegw.identity.provider import IssuedTokens, Provider, TokenRequestFault
from edgegw.values import value

GRANT_TYPES: Final = ("authorization_code", "refresh_token", "client_credentials")
_SHORTEST_VERIFIER: Final = 43
_LONGEST_VERIFIER: Final = 128


@value
class TokenRequestError:
    """An error of the token endpoint; `asks` for HTTP's own authentication where that was tried."""

    error: str
    text: str
    status: int = 400
    asks: bool = False


def answered(
    provider: Provider, form: str, authorization: str | None, fault: TokenRequestFault
) -> dict[str, Any] | TokenRequestError:
    """The answer to a form with this `Authorization` header."""
    parameters = parameters_of(form)
    if isinstance(parameters, str):
        return TokenRequestError("invalid_request", parameters)
    client = client_of(provider, parameters, authorization)
    if isinstance(client, TokenRequestError):
        return client
    match parameters.get("grant_type"):
        case "authorization_code":
            issued = _by_code(provider, client, parameters, has_expired=fault.has_expired)
        case "refresh_token":
            issued = _by_refresh_token(provider, client, parameters)
        case "client_credentials":
            issued = _by_secret(provider, client, parameters)
        case None:
            return TokenRequestError("invalid_request", "there is no grant_type")
        case _:
            text = f"the grant_type is {', '.join(GRANT_TYPES)}"
            return TokenRequestError("unsupported_grant_type", text)
    if isinstance(issued, TokenRequestError):
        return issued
    return _rendered(provider, issued, parameters)


def _rendered(
    provider: Provider, issued: IssuedTokens, parameters: Mapping[str, str]
) -> dict[str, Any]:
    """The JSON of tokens. A refresh token stays the same while it lasts, so it comes once."""
    answer: dict[str, Any] = {}
    if issued.identity is not None:
        answer["id_token"] = issued.identity
    answer["access_token"] = issued.access
    if issued.refresh is not None and parameters["grant_type"] != "refresh_token":
        answer["refresh_token"] = issued.refresh
    answer |= {"expires_in": issued.expires_in, "token_type": "Bearer"}
    if provider.definition.user_pool is None:
        answer["scope"] = " ".join(issued.scopes)
    return answer


# Who the client is


def client_of(
    provider: Provider, parameters: Mapping[str, str], authorization: str | None
) -> IdentityClient | TokenRequestError:
    """The client that proves who it is, by header or by form, in one way (RFC 6749 section 2.3)."""
    if authorization is None:
        name, secret = parameters.get("client_id", ""), parameters.get("client_secret")
        return _proven(provider, name, secret, asks=False)
    credentials = _basic(authorization)
    if credentials is None:
        return TokenRequestError(
            "invalid_client", "the Authorization is no Basic one", 401, asks=True
        )
    name, secret = credentials
    if "client_secret" in parameters or parameters.get("client_id", name) != name:
        text = "the client authenticates by header or by form, not by both"
        return TokenRequestError("invalid_request", text)
    return _proven(provider, name, secret or None, asks=True)


def _basic(authorization: str) -> tuple[str, str] | None:
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, mark, secret = b64decode(text, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (unquote_plus(name), unquote_plus(secret)) if mark else None


def _proven(
    provider: Provider, name: str, secret: str | None, *, asks: bool
) -> IdentityClient | TokenRequestError:
    client = provider.definition.clients.get(name)
    expected = None if client is None else client.secret
    is_right = hmac.compare_digest((expected or "").encode(), (secret or "").encode())
    if client is None or not is_right:
        provider.world.tell("a client was refused at the token endpoint: unknown, or its secret")
        text = "the client is unknown, or its secret is not right"
        return TokenRequestError("invalid_client", text, 401, asks=asks)
    return client


# What it brings


def _by_code(
    provider: Provider,
    client: IdentityClient,
    parameters: Mapping[str, str],
    *,
    has_expired: bool,
) -> IssuedTokens | TokenRequestError:
    code = parameters.get("code")
    if code is None:
        return TokenRequestError("invalid_request", "there is no code")
    used = provider.codes.use(code, provider.world.now())
    if not isinstance(used, IssuedCode):
        why, grant = used
        if why == "used" and grant is not None:
            provider.revocations.revoke(grant.id)
            provider.world.tell(f"a code of {client.id} came twice: its tokens are revoked")
        return TokenRequestError("invalid_grant", _WHY[why])
    if has_expired:
        return TokenRequestError("invalid_grant", _WHY["expired"])
    fault = _code_fault(used, client, parameters)
    if fault is not None:
        return TokenRequestError("invalid_grant", fault)
    user = provider.definition.users.get(used.grant.user)
    if user is None:
        return TokenRequestError("invalid_grant", "the user of the code is gone")
    return provider.issue(used.grant, user, client)


_WHY: Final = {
    "unknown": "the code is none that was issued here",
    "used": "the code was used before",
    "expired": "the code has expired",
}


def _code_fault(
    issued: IssuedCode, client: IdentityClient, parameters: Mapping[str, str]
) -> str | None:
    """What of the request does not fit the code. A code that was tried is used."""
    if issued.grant.client != client.id:
        return "the code was issued to another client"
    if parameters.get("redirect_uri") != issued.redirect_uri:
        return "the redirect_uri is not the one of the authorization request"
    verifier = parameters.get("code_verifier")
    if issued.challenge is None:
        return None if verifier is None else "there was no code_challenge for this code_verifier"
    if verifier is None:
        return "there is no code_verifier"
    if not _fits(verifier, issued.challenge):
        return "the code_verifier does not fit the code_challenge"
    return None


def _fits(verifier: str, challenge: str) -> bool:
    """RFC 7636 section 4.6, S256."""
    if not (_SHORTEST_VERIFIER <= len(verifier) <= _LONGEST_VERIFIER and verifier.isascii()):
        return False
    digest = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(digest, challenge.encode())


def _by_refresh_token(
    provider: Provider, client: IdentityClient, parameters: Mapping[str, str]
) -> IssuedTokens | TokenRequestError:
    token = parameters.get("refresh_token")
    if token is None:
        return TokenRequestError("invalid_request", "there is no refresh_token")
    known = provider.refreshed(token, client)
    if isinstance(known, str):
        return TokenRequestError("invalid_grant", known)
    grant, user = known
    wanted = tuple(parameters.get("scope", "").split())
    if not set(wanted) <= set(grant.scopes):
        return TokenRequestError("invalid_scope", "the scope is wider than what was granted")
    return provider.issue(grant.narrowed(wanted), user, client)


def _by_secret(
    provider: Provider, client: IdentityClient, parameters: Mapping[str, str]
) -> IssuedTokens | TokenRequestError:
    if client.secret is None:
        text = "a client without a secret has no tokens of its own"
        return TokenRequestError("unauthorized_client", text)
    wanted = tuple(parameters.get("scope", "").split())
    unknown = [scope for scope in wanted if scope not in client.scopes]
    if unknown:
        return TokenRequestError("invalid_scope", f"the client has no scope {unknown[0][:40]!r}")
    return provider.issue_to_client(client, wanted)


def revoke(provider: Provider, form: str, authorization: str | None) -> TokenRequestError | None:
    """Takes back what a refresh token stands for (RFC 7009); an unknown one is no error."""
    parameters = parameters_of(form)
    if isinstance(parameters, str):
        return TokenRequestError("invalid_request", parameters)
    client = client_of(provider, parameters, authorization)
    if isinstance(client, TokenRequestError):
        return client
    if "token" not in parameters:
        return TokenRequestError("invalid_request", "there is no token")
    known = provider.refreshed(parameters["token"], client)
    if not isinstance(known, str):
        provider.revocations.revoke(known[0].id)
    return None
