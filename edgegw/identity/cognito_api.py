"""The calls of `cognito-idp` that hooks and their tests make, as a user pool answers them.

Source: Amazon Cognito user pools API Reference, InitiateAuth, RespondToAuthChallenge, GetUser,
GlobalSignOut, RevokeToken; Developer Guide, "Computing secret hash values".
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from edgegw.identity.claims import all_claims, as_attribute
from edgegw.identity.model import ADMIN_SCOPE, IdentityClient, IdentityUser
from edgegw.identity.provider import Holder, IssuedTokens, Provider

PREFIX: Final = "AWSCognitoIdentityProviderService."
_CHALLENGE: Final = "NEW_PASSWORD_REQUIRED"
_CHALLENGE_LIFETIME: Final = 180
_REFRESH_FLOWS: Final = ("REFRESH_TOKEN_AUTH", "REFRESH_TOKEN")

PoolCall = Mapping[str, Any]


class PoolError(Exception):
    """What a call is answered with: a kind of exception, and its message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


def call(provider: Provider, target: str, body: PoolCall) -> dict[str, Any]:
    """The answer to a call of the header `X-Amz-Target`. Raises PoolError."""
    operation = _OPERATIONS.get(target.removeprefix(PREFIX))
    if operation is None:
        raise PoolError("UnknownOperationException", f"no such operation here: {target[:80]}")
    return operation(provider, body)


def _text(body: PoolCall, name: str) -> str:
    given = body.get(name)
    if not isinstance(given, str) or not given:
        raise PoolError("InvalidParameterException", f"Missing required parameter {name}")
    return given


def _parameters(body: PoolCall, name: str) -> dict[str, Any]:
    given = body.get(name, {})
    if not isinstance(given, dict):
        raise PoolError("SerializationException", f"{name} is no map")
    return cast("dict[str, Any]", given)


def _client(provider: Provider, body: PoolCall) -> IdentityClient:
    name = _text(body, "ClientId")
    client = provider.definition.clients.get(name)
    if client is None:
        text = f"User pool client {name[:128]} does not exist."
        raise PoolError("ResourceNotFoundException", text)
    return client


def _check_secret_hash(client: IdentityClient, parameters: PoolCall, username: str) -> None:
    """Base64 of the HMAC-SHA256, by the client's secret, of user name and client id."""
    if client.secret is None:
        return
    given = parameters.get("SECRET_HASH")
    if not isinstance(given, str):
        text = f"Client {client.id} is configured with secret but SECRET_HASH was not received"
        raise PoolError("NotAuthorizedException", text)
    digest = hmac.digest(client.secret.encode(), f"{username}{client.id}".encode(), "sha256")
    if not hmac.compare_digest(b64encode(digest), given.encode()):
        text = f"Unable to verify secret hash for client {client.id}"
        raise PoolError("NotAuthorizedException", text)


def _initiate_auth(provider: Provider, body: PoolCall) -> dict[str, Any]:
    client, parameters = _client(provider, body), _parameters(body, "AuthParameters")
    flow = _text(body, "AuthFlow")
    if flow in _REFRESH_FLOWS:
        return _refreshed(provider, client, parameters)
    if flow != "USER_PASSWORD_AUTH":
        text = f"{flow[:40]} flow not enabled for this client"
        raise PoolError("InvalidParameterException", text)
    name = _text(parameters, "USERNAME")
    password = _text(parameters, "PASSWORD")
    _check_secret_hash(client, parameters, name)
    if name not in provider.definition.users:
        raise PoolError("UserNotFoundException", "User does not exist.")
    user = provider.user_with(name, password)
    if user is None:
        provider.world.tell(f"a sign-in for {client.id} was refused")
        raise PoolError("NotAuthorizedException", "Incorrect username or password.")
    if provider.must_change_password(user):
        return _challenged(provider, client, user)
    return _authenticated(provider, client, user)


def _challenged(provider: Provider, client: IdentityClient, user: IdentityUser) -> dict[str, Any]:
    content = {"user": user.name, "client": client.id, "made": int(provider.world.now())}
    session = provider.sealer.seal(_CHALLENGE, content, provider.world.chance(12))
    return {
        "ChallengeName": _CHALLENGE,
        "Session": session,
        "ChallengeParameters": {
            "USER_ID_FOR_SRP": user.name,
            "requiredAttributes": "[]",
            "userAttributes": "{}",
        },
    }


def _respond(provider: Provider, body: PoolCall) -> dict[str, Any]:
    client, parameters = _client(provider, body), _parameters(body, "ChallengeResponses")
    if _text(body, "ChallengeName") != _CHALLENGE:
        raise PoolError("InvalidParameterException", f"the one challenge here is {_CHALLENGE}")
    name = _text(parameters, "USERNAME")
    password = _text(parameters, "NEW_PASSWORD")
    _check_secret_hash(client, parameters, name)
    content = provider.sealer.unseal(_CHALLENGE, _text(body, "Session"))
    if content is None or (content["user"], content["client"]) != (name, client.id):
        raise PoolError("NotAuthorizedException", "Invalid session for the user.")
    user = provider.definition.users.get(name)
    if user is None or provider.world.now() >= content["made"] + _CHALLENGE_LIFETIME:
        text = "Invalid session for the user, session is expired."
        raise PoolError("NotAuthorizedException", text)
    provider.change_password(user, password)
    return _authenticated(provider, client, user)


def _authenticated(
    provider: Provider, client: IdentityClient, user: IdentityUser
) -> dict[str, Any]:
    provider.world.tell(f"{user.name} signed in for {client.id}")
    grant = provider.grant(user.name, client.id, (ADMIN_SCOPE,), by_api=True)
    issued = provider.issue(grant, user, client)
    return _result(issued, {"RefreshToken": issued.refresh})


def _refreshed(provider: Provider, client: IdentityClient, parameters: PoolCall) -> dict[str, Any]:
    known = provider.refreshed(_text(parameters, "REFRESH_TOKEN"), client)
    if isinstance(known, str):
        is_revoked = "revoked" in known
        text = "Refresh Token has been revoked" if is_revoked else "Invalid Refresh Token"
        raise PoolError("NotAuthorizedException", text)
    grant, user = known
    if client.secret is not None:
        _check_secret_hash_of(client, parameters, provider, user)
    return _result(provider.issue(grant, user, client), {})


def _check_secret_hash_of(
    client: IdentityClient, parameters: PoolCall, provider: Provider, user: IdentityUser
) -> None:
    """With a refresh token the hash is made of the user's `sub`, or of the name it signed in by."""
    names = (str(all_claims(provider.definition, user)["sub"]), user.name)
    for name in names[:-1]:
        try:
            return _check_secret_hash(client, parameters, name)
        except PoolError:
            continue
    return _check_secret_hash(client, parameters, names[-1])


def _result(issued: IssuedTokens, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "AuthenticationResult": {
            "AccessToken": issued.access,
            "ExpiresIn": issued.expires_in,
            "IdToken": issued.identity,
            "TokenType": "Bearer",
            **more,
        },
        "ChallengeParameters": {},
    }


def _holder(provider: Provider, body: PoolCall) -> Holder:
    holder = provider.holder(_text(body, "AccessToken"))
    if isinstance(holder, str):
        raise PoolError(
            "NotAuthorizedException", _ACCESS_FAULTS.get(holder, "Invalid Access Token")
        )
    if ADMIN_SCOPE not in holder.scopes:
        text = "Access Token does not have required scopes"
        raise PoolError("NotAuthorizedException", text)
    return holder


_ACCESS_FAULTS: Final = {
    "it has expired": "Access Token has expired",
    "it was revoked": "Access Token has been revoked",
}


def _get_user(provider: Provider, body: PoolCall) -> dict[str, Any]:
    user = _holder(provider, body).user
    claims = all_claims(provider.definition, user)
    attributes = [{"Name": name, "Value": as_attribute(given)} for name, given in claims.items()]
    return {"Username": user.name, "UserAttributes": attributes}


def _global_sign_out(provider: Provider, body: PoolCall) -> dict[str, Any]:
    user = _holder(provider, body).user
    provider.revocations.sign_out(user.name, provider.world.now())
    provider.world.tell(f"{user.name} signed out everywhere")
    return {}


def _revoke_token(provider: Provider, body: PoolCall) -> dict[str, Any]:
    client = _client(provider, body)
    if client.secret is not None and body.get("ClientSecret") != client.secret:
        raise PoolError("UnauthorizedException", "Invalid client secret")
    known = provider.refreshed(_text(body, "Token"), client)
    if not isinstance(known, str):
        provider.revocations.revoke(known[0].id)
    return {}


_OPERATIONS: Final[Mapping[str, Callable[[Provider, PoolCall], dict[str, Any]]]] = {
    "InitiateAuth": _initiate_auth,
    "RespondToAuthChallenge": _respond,
    "GetUser": _get_user,
    "GlobalSignOut": _global_sign_out,
    "RevokeToken": _revoke_token,
}
