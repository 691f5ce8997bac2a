"""What must hold for actions that sign users in or judge bearer tokens.

Plain http, which AWS refuses, is what an identity provider on this machine speaks: that is an error
of deployment, and for any other host a warning.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from edgegw.alb.authentication.model import is_pool_arn
from edgegw.alb.jwt.model import ALWAYS_CHECKED
from edgegw.config.balancers import guard_keys, keys
from edgegw.config.document import Document, KeyPath
from edgegw.http.authority import is_loopback
from edgegw.http.grammar import TEXT_TOKEN

_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")
"""RFC 6749, section 3.3."""
_DOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_PLAIN: Final = "AWS takes https only; plain http is for what runs on this machine"
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "user_info_endpoint")


def check_oidc(
    document: Document, path: KeyPath, action: guard_keys.AuthenticateOidc, *_: object
) -> None:
    """Adds what is wrong with an authenticate-oidc action at `path`."""
    for key in ("issuer", *_ENDPOINTS):
        _check_url(document, (*path, key), getattr(action, key))
    _check_sign_in(document, path, action)


def check_guard_deployment(document: Document, path: KeyPath, action: keys.Action) -> None:
    """Adds what AWS would refuse of an action that comes before the one that answers."""
    for kind in ("authenticate_oidc", "jwt_validation"):
        given = getattr(action, kind)
        for key in ("issuer", *_ENDPOINTS, "jwks_endpoint"):
            if getattr(given, key, "https").startswith("http://"):
                document.error((*path, kind, key), "alb.plain-endpoint", _PLAIN)


def _check_sign_in(document: Document, path: KeyPath, action: guard_keys.SignIn) -> None:
    name = action.session_cookie_name
    if not TEXT_TOKEN.fullmatch(name):
        text = f"{name!r} is no name of a cookie: letters, digits and - . _"
        document.error((*path, "session_cookie_name"), "alb.sign-in", text)
    if not _SCOPE.fullmatch(action.scope):
        text = "a scope is words with one blank between, such as 'openid email'"
        document.error((*path, "scope"), "alb.sign-in", text)
    elif "openid" not in action.scope.split(" "):
        text = "without 'openid' an identity provider gives no ID token, and nobody gets in: 401"
        document.warning((*path, "scope"), "alb.scope", text)


def check_cognito(
    document: Document, path: KeyPath, action: guard_keys.AuthenticateCognito, *_: object
) -> None:
    """Adds what is wrong with an authenticate-cognito action at `path`."""
    if not is_pool_arn(action.user_pool_arn):
        text = "a user pool's ARN is arn:aws:cognito-idp:REGION:ACCOUNT:userpool/POOL_ID"
        document.error((*path, "user_pool_arn"), "alb.sign-in", text)
    if not _DOMAIN.fullmatch(action.user_pool_domain):
        text = "a user pool's domain is its prefix, or a whole name such as login.example.com"
        document.error((*path, "user_pool_domain"), "alb.sign-in", text)
    _check_sign_in(document, path, action)


def check_jwt(
    document: Document, path: KeyPath, action: guard_keys.JwtValidation, *_: object
) -> None:
    """Adds what is wrong with a jwt-validation action at `path`."""
    _check_url(document, (*path, "jwks_endpoint"), action.jwks_endpoint)
    for at, claim in enumerate(action.additional_claims):
        if claim.name in ALWAYS_CHECKED:
            text = f"{claim.name} is looked at anyhow, and cannot be an additional claim"
            document.error((*path, "additional_claims", at, "name"), "alb.claim", text)


def _check_url(document: Document, path: KeyPath, url: str) -> None:
    """An endpoint, or an issuer, which AWS takes as an https URL."""
    fault = _url_fault(url)
    if fault is not None:
        document.error(path, "alb.endpoint", f"{url!r} is no URL of an endpoint: {fault}")
    elif not url.startswith("https://") and not is_loopback(urlsplit(url).hostname or ""):
        document.warning(path, "alb.plain-endpoint", _PLAIN)


def _url_fault(url: str) -> str | None:
    if not url.isascii() or not url.isprintable() or " " in url:
        return "it has characters that a URL cannot have"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "it is https://HOST[:PORT]/PATH"
    if parts.username is not None or parts.fragment or port == 0:
        return "no user, no fragment and no port 0"
    return None
