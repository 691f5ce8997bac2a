"""What must hold for identity providers beyond keys and types."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from edgegw.config.addresses import host_fault
from edgegw.config.document import Document, KeyPath
from edgegw.config.identity import keys
from edgegw.config.schema import Config

_POOL: Final = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]_[0-9A-Za-z]+")
"""Source: Amazon Cognito user pools API Reference, "UserPoolType", Id."""
_PREFIX: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""Source: Amazon Cognito user pools API Reference, "CreateUserPoolDomain", Domain."""
_SCOPE: Final = re.compile(r"[!#-\[\]-~]+")
"""RFC 6749 section 3.3."""
_CREDENTIAL: Final = re.compile(r"[ -~]+")
"""RFC 6749 appendix A.1 and A.2."""
_OWN: Final = frozenset(
    {"iss", "aud", "exp", "iat", "nbf", "jti", "auth_time", "nonce", "at_hash", "token_use"}
)
"""Claims that a provider says itself."""


def check_identity_providers(document: Document, config: Config) -> None:
    """Adds what is wrong with identity providers to the findings of `document`."""
    for name, provider in config.identity_providers.items():
        path: KeyPath = ("identity_providers", name)
        _check_issuer(document, path, provider)
        if provider.user_pool is not None:
            _check_pool(document, (*path, "user_pool"), provider.user_pool)
        _check_claims(document, path, provider)
        for client_id, client in provider.clients.items():
            _check_client(document, (*path, "clients", client_id), client_id, client)


def _check_issuer(document: Document, path: KeyPath, provider: keys.IdentityProvider) -> None:
    if provider.issuer is None:
        return
    fault = _url_fault(provider.issuer, ("http", "https"))
    if fault is None and urlsplit(provider.issuer).query:
        fault = "it has no query"
    if fault is not None:
        text = f"the issuer is a URL such as http://127.0.0.1:8095: {fault}"
        document.error((*path, "issuer"), "identity.issuer", text)
    elif provider.user_pool is not None:
        text = "the issuer of a user pool is made of its id: leave 'issuer' out"
        document.error((*path, "issuer"), "identity.issuer", text, key=True)


def _check_pool(document: Document, path: KeyPath, pool: keys.UserPool) -> None:
    if not _POOL.fullmatch(pool.id):
        text = f"{pool.id!r} is no id of a user pool, such as eu-west-1_Example1"
        document.error((*path, "id"), "identity.user-pool", text)
    fault = _domain_fault(pool.domain)
    if fault is not None:
        document.error((*path, "domain"), "identity.user-pool", fault)


def _domain_fault(domain: str) -> str | None:
    if "." in domain:
        return host_fault(domain)
    if not _PREFIX.fullmatch(domain):
        return (
            f"{domain!r} is no prefix of a domain: up to 63 small letters, digits and hyphens; or "
            "write the whole name, such as auth.example.com"
        )
    reserved = next((word for word in ("aws", "amazon", "cognito") if word in domain), None)
    return None if reserved is None else f"AWS takes no prefix with the word {reserved!r} in it"


def _check_claims(document: Document, path: KeyPath, provider: keys.IdentityProvider) -> None:
    places: list[tuple[KeyPath, keys.IdentityUser | keys.IdentityClient | keys.IdentityProvider]]
    places = [(path, provider)]
    places += [((*path, "users", name), user) for name, user in provider.users.items()]
    places += [((*path, "clients", name), client) for name, client in provider.clients.items()]
    for where, holder in places:
        for claim in holder.claims:
            is_audience = claim == "aud" and isinstance(holder, keys.IdentityClient)
            if claim in _OWN and not is_audience:
                text = f"the provider says {claim!r} itself; a test's token may: edgegw token"
                document.error((*where, "claims", claim), "identity.claim", text, key=True)


def _check_client(
    document: Document, path: KeyPath, client_id: str, client: keys.IdentityClient
) -> None:
    for text in (client_id, client.secret or "s"):
        if not _CREDENTIAL.fullmatch(text):
            fault = "the id and the secret of a client are of ASCII's visible characters"
            document.error(path, "identity.client", fault, key=True)
    for key in ("redirect_uris", "logout_uris"):
        for at, uri in enumerate(getattr(client, key)):
            fault = _url_fault(uri, None)
            if fault is not None:
                whole = (*path, key)
                where = (*whole, at) if document.stands((*whole, at)) else whole
                document.error(where, "identity.redirect-uri", f"{uri!r} is no address: {fault}")
    for scope in client.scopes:
        if not _SCOPE.fullmatch(scope):
            document.error((*path, "scopes"), "identity.scope", f"{scope!r} is no scope")


def _url_fault(uri: str, schemes: tuple[str, ...] | None) -> str | None:
    """What is wrong with an absolute address, or None; any scheme will do without `schemes`."""
    if not uri.isascii() or not uri.isprintable() or " " in uri:
        return "it is of ASCII's visible characters"
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        return str(error)
    if not parts.scheme or (schemes and parts.scheme not in schemes):
        return "it begins with http:// or https://"
    if parts.scheme in ("http", "https") and not parts.hostname:
        return "it names no host"
    if parts.scheme in ("javascript", "data", "vbscript", "blob", "file"):
        return f"nobody returns to {parts.scheme}:"
    if "#" in uri:
        return "it has no fragment (RFC 6749 section 3.1.2)"
    if "@" in parts.netloc:
        return "it has no user"
    return None
