"""Checked actions that sign users in or judge bearer tokens → what requests use.

Browsers know nothing of `gateway.hosts`, so they are sent where those lead.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from edgegw.alb.authentication.model import (
    Authenticate,
    SignInEndpoints,
    SignInKind,
    pool_endpoints,
)
from edgegw.alb.jwt.model import AdditionalClaim, JwtValidation
from edgegw.config.balancers import guard_keys
from edgegw.config.gateway.hosts import Hosts
from edgegw.http.authority import authority_of


def made_jwt(given: guard_keys.JwtValidation) -> JwtValidation:
    claims = (
        AdditionalClaim(claim.name, claim.format, tuple(claim.values))
        for claim in given.additional_claims
    )
    return JwtValidation(given.jwks_endpoint, given.issuer, tuple(claims))


def made_oidc(given: guard_keys.AuthenticateOidc, hosts: Hosts) -> Authenticate:
    return _sign_in(
        given,
        SignInEndpoints(
            given.issuer,
            given.authorization_endpoint,
            given.token_endpoint,
            given.user_info_endpoint,
        ),
        hosts,
        kind="authenticate-oidc",
        client_id=given.client_id,
    )


def made_cognito(given: guard_keys.AuthenticateCognito, hosts: Hosts) -> Authenticate:
    return _sign_in(
        given,
        pool_endpoints(given.user_pool_arn, given.user_pool_domain),
        hosts,
        kind="authenticate-cognito",
        client_id=given.user_pool_client_id,
    )


def _sign_in(
    given: guard_keys.AuthenticateOidc | guard_keys.AuthenticateCognito,
    endpoints: SignInEndpoints,
    hosts: Hosts,
    *,
    kind: SignInKind,
    client_id: str,
) -> Authenticate:
    return Authenticate(
        kind=kind,
        issuer=endpoints.issuer,
        shown_endpoint=shown_url(endpoints.authorization, hosts),
        token_endpoint=endpoints.token,
        user_info_endpoint=endpoints.user_info,
        client_id=client_id,
        client_secret=given.client_secret,
        session_cookie_name=given.session_cookie_name,
        scope=given.scope,
        session_timeout=given.session_timeout,
        extra_params=tuple(given.authentication_request_extra_params.items()),
        on_unauthenticated=given.on_unauthenticated_request,
    )


def shown_url(url: str, hosts: Hosts) -> str:
    """`url` with the place on this machine that its host leads to."""
    parts = urlsplit(url)
    place = hosts.lookup(parts.hostname or "")
    if place is None:
        return url
    scheme, host, port = place
    return urlunsplit((scheme, authority_of(host, port), parts.path, parts.query, ""))
