"""The actions that sign users in, resolved."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Final, Literal, NamedTuple

from edgegw.values import value

DEFAULT_COOKIE: Final = "AWSELBAuthSessionCookie"
"""The name of session cookies where the action gives none.

Source: Elastic Load Balancing API reference, AuthenticateOidcActionConfig, SessionCookieName.
"""
DEFAULT_SCOPE: Final = "openid"
"""What is asked for where the action does not say.

Source: Elastic Load Balancing API reference, AuthenticateOidcActionConfig, Scope.
"""
DEFAULT_SESSION: Final = 604_800
"""Seconds that a session lasts where the action does not say: a week.

Source: Elastic Load Balancing API reference, AuthenticateOidcActionConfig, SessionTimeout.
"""
MAX_EXTRA_PARAMS: Final = 10
"""Parameters that an action adds to the request for a sign-in.

Source: Elastic Load Balancing API reference, AuthenticateOidcActionConfig,
AuthenticationRequestExtraParams.
"""

SignInKind = Literal["authenticate-oidc", "authenticate-cognito"]
OnUnauthenticated = Literal["deny", "allow", "authenticate"]


@value
class Authenticate:
    """An action authenticate-oidc, or authenticate-cognito with the endpoints of its user pool.

    `session_timeout` in seconds. `shown_endpoint` is where browsers go to sign in: the
    authorization endpoint, or what stands in for it on this machine.
    Source: Elastic Load Balancing API reference, AuthenticateOidcActionConfig,
    AuthenticateCognitoActionConfig.
    """

    kind: SignInKind
    issuer: str
    shown_endpoint: str
    token_endpoint: str
    user_info_endpoint: str
    client_id: str
    client_secret: str = field(repr=False)
    session_cookie_name: str = DEFAULT_COOKIE
    scope: str = DEFAULT_SCOPE
    session_timeout: float = DEFAULT_SESSION
    extra_params: tuple[tuple[str, str], ...] = ()
    on_unauthenticated: OnUnauthenticated = "authenticate"

    @property
    def mark(self) -> bytes:
        """What a session or a state of this action is sealed to: nothing else opens it."""
        parts = (self.session_cookie_name, self.issuer, self.client_id)
        return "\n".join(parts).encode()


# User pools

_POOL_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:cognito-idp:([a-z0-9-]+):\d{12}:userpool/([A-Za-z0-9_-]+)"
)


def is_pool_arn(text: str) -> bool:
    """Whether `text` is the ARN of a user pool."""
    return _POOL_ARN.fullmatch(text) is not None


class SignInEndpoints(NamedTuple):
    """Where an identity provider signs users in, as URLs."""

    issuer: str
    authorization: str
    token: str
    user_info: str


def pool_endpoints(arn: str, domain: str) -> SignInEndpoints:
    """The endpoints of a user pool; `domain` is its prefix, or a whole name.

    Source: ELB User Guide for ALB, "Authenticate users using an Application Load Balancer", prepare
    to use Amazon Cognito.
    """
    match = _POOL_ARN.fullmatch(arn)
    assert match is not None, "checked"
    region, pool = match.groups()
    host = domain if "." in domain else f"{domain}.auth.{region}.amazoncognito.com"
    return SignInEndpoints(
        f"https://cognito-idp.{region}.amazonaws.com/{pool}",
        *(f"https://{host}/oauth2/{path}" for path in ("authorize", "token", "userInfo")),
    )
