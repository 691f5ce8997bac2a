"""What a load balancer asks an identity provider, and where it sends browsers.

Source: ELB User Guide for ALB, "Authenticate users using an Application Load Balancer",
authentication flow. That the client's secret goes in `Authorization: Basic` is uncertain.
"""

from __future__ import annotations

import base64
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from edgegw.alb.authentication.model import Authenticate
from edgegw.http.authority import authority_of
from edgegw.http.message import Body, Header, Headers, Request
from edgegw.http.target import RequestTarget
from edgegw.values import value

CALLBACK_PATH: Final = b"/oauth2/idpresponse"
"""The path at which clients come back from the identity provider.

Source: ELB User Guide for ALB, "Authenticate users using an Application Load Balancer",
prepare to use an OIDC-compliant IdP.
"""
ENDPOINT_TIMEOUT: Final = 5.0
"""Seconds that an endpoint of an identity provider gets to answer.

Source: ELB User Guide for ALB, "Troubleshoot", HTTP 500.
"""

_PORTS: Final = {"http": 80, "https": 443}


@value
class ProviderCall:
    """A request to an endpoint: its scheme, host and port, and what is sent."""

    scheme: str
    host: str
    port: int
    request: Request

    def __str__(self) -> str:
        """The endpoint, for messages."""
        path = self.request.target.path.decode("latin-1")
        return f"{self.scheme}://{authority_of(self.host, self.port)}{path}"


def provider_call(
    url: str, method: str, lines: tuple[Header, ...] = (), form: dict[str, str] | None = None
) -> ProviderCall:
    """A call of `url`, with `form` as its body."""
    parts = urlsplit(url)
    scheme, host = parts.scheme, parts.hostname or ""
    port = parts.port or _PORTS[scheme]
    shown = host if port == _PORTS[scheme] else authority_of(host, port)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    body = urlencode(form or {}).encode()
    headers: list[Header] = [(b"Host", shown.encode()), (b"Accept", b"application/json"), *lines]
    if form is not None:
        headers.append((b"Content-Type", b"application/x-www-form-urlencoded"))
    request = Request(
        method, RequestTarget.parse(target.encode()), Headers(headers), Body.of(body), scheme
    )
    return ProviderCall(scheme, host, port, request)


def callback_url(host: str) -> str:
    """Where the identity provider sends clients back to; `host` is the Host that they sent."""
    return f"https://{host}{CALLBACK_PATH.decode()}"


def authorization_url(action: Authenticate, host: str, state: str) -> str:
    """Where a browser goes to sign in: the parameters in the order that AWS was seen to have.

    No `nonce`: that is the load balancer's own, in a cookie.
    """
    params = [
        ("client_id", action.client_id),
        ("redirect_uri", callback_url(host)),
        ("response_type", "code"),
        ("scope", action.scope),
        ("state", state),
        *action.extra_params,
    ]
    query = "&".join(f"{quote(name, safe='')}={quote(text, safe='')}" for name, text in params)
    joint = "&" if "?" in action.shown_endpoint else "?"
    return f"{action.shown_endpoint}{joint}{query}"


def code_call(action: Authenticate, host: str, code: str) -> ProviderCall:
    """The code becomes tokens."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": callback_url(host),
    }
    return provider_call(action.token_endpoint, "POST", (_credentials(action),), form)


def refresh_call(action: Authenticate, refresh_token: str) -> ProviderCall:
    """The refresh token becomes another access token."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return provider_call(action.token_endpoint, "POST", (_credentials(action),), form)


def user_info_call(action: Authenticate, access_token: str) -> ProviderCall:
    """The access token becomes claims."""
    line = (b"Authorization", b"Bearer " + access_token.encode("latin-1"))
    return provider_call(action.user_info_endpoint, "GET", (line,))


def _credentials(action: Authenticate) -> Header:
    """RFC 6749 section 2.3.1: id and secret are form-encoded before they are joined."""
    pair = f"{quote(action.client_id, safe='')}:{quote(action.client_secret, safe='')}"
    return (b"Authorization", b"Basic " + base64.b64encode(pair.encode()))


def keys_call(endpoint: str) -> ProviderCall:
    """The key set of an issuer, for jwt-validation."""
    return provider_call(endpoint, "GET")
