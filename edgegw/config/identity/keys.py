"""Which keys and types an identity provider of the configuration has."""

from typing import Annotated, Literal

from pydantic import Field

from edgegw.config.fields import Anything, Listen, Listening, Model, Number, Share, Text, Texts

MAX_VALIDITY = 10 * 365 * 86_400
"""Seconds that a refresh token may live.

Source: Amazon Cognito user pools API Reference, "UserPoolClientType", RefreshTokenValidity.
"""

Seconds = Annotated[int, Field(ge=1, le=MAX_VALIDITY)]
_ANYWHERE = Listen.model_construct(address="127.0.0.1", port=0, tls=False)


class IdentityUser(Model):
    """Somebody who can sign in."""

    password: Text | None = None
    claims: dict[str, Anything] = {}
    groups: Texts = []
    must_change_password: bool = False


class IdentityClient(Model):
    """An application that sends people to sign in; without a secret it is a public one."""

    secret: Text | None = None
    redirect_uris: Texts = []
    logout_uris: Texts = []
    scopes: Texts = []
    pkce: Literal["required", "optional"] | None = None
    consent: bool = False
    claims: dict[str, Anything] = {}


class UserPool(Model):
    """What makes the provider look like an Amazon Cognito user pool."""

    id: str
    domain: str


class IdentityFaults(Model):
    """What goes wrong at the token endpoint on demand, and how far the clock is off (seconds)."""

    error: Share = 0
    status: Annotated[int, Field(ge=400, le=599)] = 503
    timeout: Share = 0
    expired_code: Share = 0
    latency: Annotated[Number, Field(ge=0)] = 0
    clock_skew: Annotated[Number, Field(ge=-86_400, le=86_400)] = 0


class IdentityProvider(Model):
    """An identity provider for development."""

    listen: Listening = _ANYWHERE
    issuer: str | None = None
    users: dict[str, IdentityUser] = {}
    clients: dict[str, IdentityClient] = {}
    claims: dict[str, Anything] = {}
    access_token_validity: Seconds = 3600
    id_token_validity: Seconds = 3600
    refresh_token_validity: Seconds = 30 * 86_400
    session_validity: Seconds = 3600
    key_rotation: Seconds | None = None
    user_pool: UserPool | None = None
    faults: IdentityFaults | None = None
