"""Whether load balancers and the identity providers of one configuration know each other.

Both sides name the client, its secret and the way back, and a sign-in says only at its end that
they differ. Providers elsewhere are nobody's business here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from edgegw.alb.authentication.provider_calls import CALLBACK_PATH
from edgegw.config.balancers import guard_keys, keys
from edgegw.config.document import Document, KeyPath
from edgegw.config.identity.keys import IdentityClient, IdentityProvider
from edgegw.config.schema import Config
from edgegw.config.spelling import nearest
from edgegw.http.authority import is_loopback

_SignIn: TypeAlias = guard_keys.AuthenticateOidc | guard_keys.AuthenticateCognito
_CODE: Final = "alb.client"
_WAY_BACK: Final = CALLBACK_PATH.decode()


def check_own_clients(document: Document, config: Config) -> None:
    """Warns of actions that a provider of this configuration would send away."""
    if not config.identity_providers:
        return
    for path, action in _sign_ins(config):
        for name, provider in config.identity_providers.items():
            if _is_meant(action, provider):
                _check_client(document, path, action, name, provider)


def _sign_ins(config: Config) -> Iterator[tuple[KeyPath, _SignIn]]:
    for path, actions in _actions(config):
        for at, action in enumerate(actions):
            if action.authenticate_oidc is not None:
                yield (*path, at, "authenticate_oidc"), action.authenticate_oidc
            if action.authenticate_cognito is not None:
                yield (*path, at, "authenticate_cognito"), action.authenticate_cognito


def _actions(config: Config) -> Iterator[tuple[KeyPath, list[keys.Action]]]:
    for name, balancer in config.load_balancers.items():
        for at, listener in enumerate(balancer.listeners):
            path: KeyPath = ("load_balancers", name, "listeners", at)
            for nth, rule in enumerate(listener.rules):
                yield (*path, "rules", nth, "actions"), rule.actions
            yield (*path, "default_actions"), listener.default_actions


def _is_meant(action: _SignIn, provider: IdentityProvider) -> bool:
    """Whether the provider is the one that the action's users come to."""
    pool = provider.user_pool
    if isinstance(action, guard_keys.AuthenticateCognito):
        return pool is not None and action.user_pool_arn.endswith(f":userpool/{pool.id}")
    if provider.issuer == action.issuer:
        return True
    try:
        place = urlsplit(action.authorization_endpoint)
        port = place.port
    except ValueError:  # that is a finding of its own
        return False
    return port == provider.listen.port != 0 and is_loopback(place.hostname or "")


def _check_client(
    document: Document, path: KeyPath, action: _SignIn, name: str, provider: IdentityProvider
) -> None:
    match action:
        case guard_keys.AuthenticateOidc():
            key, wanted = "client_id", action.client_id
        case guard_keys.AuthenticateCognito():
            key, wanted = "user_pool_client_id", action.user_pool_client_id
    client = provider.clients.get(wanted)
    if client is None:
        near = nearest(wanted, list(provider.clients))
        text = f"the identity provider {name} has no client {wanted!r}{near}"
        document.warning((*path, key), _CODE, text)
        return
    if client.secret != action.client_secret:
        text = f"this is not the secret of the client {wanted} at the identity provider {name}"
        document.warning((*path, "client_secret"), _CODE, text)
    if not _leads_back(client):
        text = (
            f"the client {wanted} at the identity provider {name} has no redirect_uri that load "
            f"balancers take: add https://HOST[:PORT]{_WAY_BACK}"
        )
        document.warning((*path, key), _CODE, text)


def _leads_back(client: IdentityClient) -> bool:
    return any(urlsplit(uri).path == _WAY_BACK for uri in client.redirect_uris)
