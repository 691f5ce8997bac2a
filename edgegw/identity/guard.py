"""Who may call a provider: this machine's programs and browsers, and pages of its clients.

- `Host` must be a name of this machine, or one of the provider's own: a foreign name that resolves
  here (DNS rebinding) would make a page of that name and the provider one origin.
- A page elsewhere may neither send the forms of a sign-in nor call the token endpoint; the pages of
  a client may call it, as single-page applications do (CORS).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from edgegw.http.hosts import host_name, is_local_name
from edgegw.identity.model import IdentityProvider

FORMS: Final = frozenset({"/login", "/consent"})
_PUBLIC: Final = ("/.well-known/", "/oauth2/jwks")


def refusal(
    provider: IdentityProvider,
    method: str,
    path: str,
    scheme: str,
    headers: Mapping[str, Sequence[str]],
) -> str | None:
    """Why a request is not answered; None where it is. Names of headers are in lower case."""
    hosts = headers.get("host", ())
    if len(hosts) != 1:
        return "a request names one Host"
    name = host_name(hosts[0])
    if not is_local_name(name) and name not in provider.hosts:
        return "this Host is no name of this machine, nor one of the provider's own"
    origin = next(iter(headers.get("origin", ())), None)
    if origin is None or method in ("GET", "HEAD"):
        return None
    own = f"{scheme}://{hosts[0]}"
    if path in FORMS:
        return None if origin == own else "this form was sent by a page of another site"
    if origin == own or origin in shared_with(provider, path):
        return None
    return "pages of this site are no client's: it has no redirect_uri here"


def shared_with(provider: IdentityProvider, path: str) -> frozenset[str]:
    """The sites whose pages may read what `path` answers."""
    if path in FORMS:
        return frozenset()
    return frozenset[str]().union(*(client.origins for client in provider.clients.values()))


def allowed_origin(provider: IdentityProvider, path: str, origin: str | None) -> str | None:
    """What `Access-Control-Allow-Origin` says; None where it is not sent."""
    if origin is None:
        return None
    if any(part in path for part in _PUBLIC):
        return "*"
    return origin if origin in shared_with(provider, path) else None
