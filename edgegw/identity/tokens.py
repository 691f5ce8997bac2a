"""What the tokens say, in the form of OpenID Connect or of a user pool, and how they are read back.

A user pool's have no `typ`, an access token for its API `client_id` in the place of `aud`, and both
say what they are in `token_use`.
Source: Amazon Cognito Developer Guide, "Understanding the access token", "… the ID token",
"… the refresh token".
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final, Literal, cast

from edgegw.identity.claims import subject_of, user_claims
from edgegw.identity.grants import Grant
from edgegw.identity.model import IdentityClient, IdentityProvider, IdentityUser
from edgegw.identity.signing import ALGORITHM, KeyRing, SigningKey
from edgegw.values import value

TokenUse = Literal["access", "id"]
TOKEN_USES: Final[tuple[TokenUse, ...]] = ("access", "id")

_LONGEST: Final = 64 * 1024


@value(kw_only=True)
class TokenPlace:
    """Where a token is made: by whom, when, for which client; `identity` is its `jti`."""

    provider: IdentityProvider
    issuer: str
    client: IdentityClient
    now: int
    identity: str


def access_claims(place: TokenPlace, grant: Grant, user: IdentityUser | None) -> dict[str, Any]:
    """The claims of an access token; without a user it is the client's own."""
    provider, client = place.provider, place.client
    subject = client.id if user is None else subject_of(provider, user)
    expires = place.now + provider.access_token_validity
    times = {"auth_time": grant.signed_in, "exp": expires, "iat": place.now}
    if provider.user_pool is not None:
        return {
            "sub": subject,
            **_groups("cognito:groups", user),
            "iss": place.issuer,
            "version": 2,
            "client_id": client.id,
            "origin_jti": grant.id,
            "token_use": "access",
            "scope": " ".join(grant.scopes),
            **times,
            "jti": place.identity,
            **({} if user is None else {"username": user.name}),
            **client.claims,
        }
    return {
        "iss": place.issuer,
        "sub": subject,
        "aud": client.id,
        "client_id": client.id,
        "scope": " ".join(grant.scopes),
        **times,
        "jti": place.identity,
        "origin_jti": grant.id,
        **_groups("groups", user),
        **client.claims,
    }


def id_claims(
    place: TokenPlace, grant: Grant, user: IdentityUser, access_token: str | None = None
) -> dict[str, Any]:
    """The claims of an ID token; `at_hash` ties it to the access token that comes along."""
    provider, client = place.provider, place.client
    expires = place.now + provider.id_token_validity
    own = {
        "iss": place.issuer,
        "aud": client.id,
        "auth_time": grant.signed_in,
        "exp": expires,
        "iat": place.now,
    }
    if access_token is not None:
        own["at_hash"] = _half_hash(access_token)
    if grant.nonce is not None:
        own["nonce"] = grant.nonce
    if provider.user_pool is not None:
        own |= {
            "cognito:username": user.name,
            "origin_jti": grant.id,
            "token_use": "id",
            "jti": place.identity,
            **_groups("cognito:groups", user),
        }
    else:
        own |= _groups("groups", user)
    return {**user_claims(provider, user, grant.scopes), **client.claims, **own}


def _groups(name: str, user: IdentityUser | None) -> dict[str, Any]:
    return {} if user is None or not user.groups else {name: list(user.groups)}


def _half_hash(text: str) -> str:
    """OpenID Connect Core 1.0, section 3.1.3.6."""
    digest = hashlib.sha256(text.encode()).digest()[:16]
    return urlsafe_b64encode(digest).decode().rstrip("=")


def sign(claims: Mapping[str, Any], key: SigningKey, *, kind: str | None = "JWT") -> str:
    """A JWT with these claims, whatever they are; `kind` is its `typ`."""
    from jwt import PyJWS

    content = json.dumps(claims, separators=(",", ":")).encode()
    headers = {"kid": key.kid, "typ": kind}
    return PyJWS().encode(content, key.private, ALGORITHM, headers)


def kind_of(provider: IdentityProvider, use: TokenUse) -> str | None:
    """The `typ` of a token; an access token's is that of RFC 9068."""
    if provider.user_pool is not None:
        return None
    return "at+jwt" if use == "access" else "JWT"


def read(token: str, ring: KeyRing) -> dict[str, Any] | None:
    """The claims of a token that was signed here, whatever its times; None of any other."""
    from jwt import PyJWS
    from jwt.exceptions import PyJWTError

    if len(token) > _LONGEST:
        return None
    try:
        jws = PyJWS()
        key = ring.key(jws.get_unverified_header(token).get("kid"))
        if key is None:
            return None
        content = jws.decode(token, key.private.public_key(), [ALGORITHM])
        claims = json.loads(content)
    except (PyJWTError, ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", claims) if isinstance(claims, dict) else None
