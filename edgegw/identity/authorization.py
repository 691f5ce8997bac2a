"""What an authorization request asks for, or why it is refused.

What is wrong with the client or with where to return to is told on a page: the way back is not to
be trusted. Everything else goes back to the client as an error (RFC 6749 section 4.1.2.1, OpenID
Connect Core 1.0 section 3.1.2.6).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from edgegw.identity.model import IdentityClient, IdentityProvider
from edgegw.values import value

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})
_MOST_PARAMETERS: Final = 100


@value(kw_only=True)
class AuthorizationRequest:
    """A request that may be answered with a code. `query` is how it came."""

    client: IdentityClient
    redirect_uri: str
    scopes: tuple[str, ...]
    query: str
    state: str | None = None
    nonce: str | None = None
    challenge: str | None = None
    prompts: frozenset[str] = frozenset()
    max_age: int | None = None
    login_hint: str = ""


@value
class PageRefusal:
    """It is refused on a page: nothing goes back to anybody. `given` is what the page quotes."""

    text: str
    given: str = ""


@value(kw_only=True)
class ClientRefusal:
    """It is refused, and the client is told by `error` where it wants to be told."""

    redirect_uri: str
    state: str | None
    error: str
    text: str


Judged = AuthorizationRequest | PageRefusal | ClientRefusal


def parameters_of(text: str) -> dict[str, str] | str:
    """The parameters of a query or a form; else what is wrong with them.

    None may come twice (RFC 6749 section 3.1), and one without a value is as if it were not there.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return f"there are more than {_MOST_PARAMETERS} parameters"
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        return f"the parameter {twice[:40]!r} comes more than once"
    return {name: given for name, given in pairs if given}


def judged(provider: IdentityProvider, query: str) -> Judged:
    """What the query of an authorization request comes to."""
    parameters = parameters_of(query)
    if isinstance(parameters, str):
        return PageRefusal(parameters)
    name = parameters.get("client_id")
    if name is None:
        return PageRefusal("there is no client_id")
    client = provider.clients.get(name)
    if client is None:
        known = ", ".join(provider.clients) or "none"
        return PageRefusal(
            f"the client_id is that of no client in the configuration; there is: {known}"
        )
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None:
        return PageRefusal("there is no redirect_uri")
    if redirect_uri not in client.redirect_uris:
        text = f"the redirect_uri is none of the client {client.id}: each character counts"
        return PageRefusal(text, redirect_uri)
    fault = _fault(provider, client, parameters)
    if fault is not None:
        error, text = fault
        state = parameters.get("state")
        return ClientRefusal(redirect_uri=redirect_uri, state=state, error=error, text=text)
    return AuthorizationRequest(
        client=client,
        redirect_uri=redirect_uri,
        scopes=_scopes(parameters),
        query=query,
        state=parameters.get("state"),
        nonce=parameters.get("nonce"),
        challenge=parameters.get("code_challenge"),
        prompts=_prompts(parameters),
        max_age=int(parameters["max_age"]) if "max_age" in parameters else None,
        login_hint=parameters.get("login_hint", ""),
    )


def _scopes(parameters: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(parameters.get("scope", "openid").split()))


def _prompts(parameters: Mapping[str, str]) -> frozenset[str]:
    return frozenset(parameters.get("prompt", "").split())


def _fault(
    provider: IdentityProvider, client: IdentityClient, parameters: Mapping[str, str]
) -> tuple[str, str] | None:
    """The error that the client is told, and what is wrong."""
    kind = parameters.get("response_type")
    if kind is None:
        return "invalid_request", "there is no response_type"
    if kind != "code":
        return "unsupported_response_type", "the response_type is code"
    if parameters.get("response_mode", "query") != "query":
        return "invalid_request", "the response_mode is query"
    for name in ("request", "request_uri", "registration"):
        if name in parameters:
            return f"{name}_not_supported", f"{name} is not supported"
    unknown = [scope for scope in _scopes(parameters) if scope not in client.scopes]
    if unknown:
        text = f"the client {client.id} has no scope {unknown[0][:40]!r}"
        return "invalid_scope", text
    return _challenge_fault(client, parameters) or _prompt_fault(parameters)


def _challenge_fault(
    client: IdentityClient, parameters: Mapping[str, str]
) -> tuple[str, str] | None:
    """RFC 7636; `plain` protects from nobody who reads the request."""
    challenge, method = parameters.get("code_challenge"), parameters.get("code_challenge_method")
    if challenge is None:
        if method is not None:
            return "invalid_request", "there is a code_challenge_method without a code_challenge"
        if client.needs_pkce:
            return "invalid_request", f"the client {client.id} needs a code_challenge (PKCE)"
        return None
    if method != "S256":
        return "invalid_request", "the code_challenge_method is S256"
    if not _CHALLENGE.fullmatch(challenge):
        return "invalid_request", "the code_challenge is no SHA-256 in base64url"
    return None


def _prompt_fault(parameters: Mapping[str, str]) -> tuple[str, str] | None:
    prompts = _prompts(parameters)
    if not prompts <= _PROMPTS:
        return "invalid_request", f"the prompt is one of {', '.join(sorted(_PROMPTS))}"
    if "none" in prompts and len(prompts) > 1:
        return "invalid_request", "the prompt none stands alone"
    age = parameters.get("max_age", "0")
    if not re.fullmatch("[0-9]{1,9}", age):
        return "invalid_request", "the max_age is a number of seconds"
    return None


def with_parameters(uri: str, parameters: Mapping[str, str]) -> str:
    """`uri` with more parameters in its query."""
    parts = urlsplit(uri)
    query = "&".join(filter(None, (parts.query, urlencode(parameters))))
    return parts._replace(query=query).geturl()


def refused_at_client(refusal: ClientRefusal, issuer: str | None) -> str:
    """Where the browser goes with an error; `issuer` is named where it is told (RFC 9207)."""
    parameters = {"error": refusal.error, "error_description": refusal.text}
    return _returned(refusal.redirect_uri, parameters, refusal.state, issuer)


def granted_to_client(request: AuthorizationRequest, code: str, issuer: str | None) -> str:
    """Where the browser goes with a code."""
    return _returned(request.redirect_uri, {"code": code}, request.state, issuer)


def _returned(
    uri: str, parameters: Mapping[str, str], state: str | None, issuer: str | None
) -> str:
    more = {} if state is None else {"state": state}
    if issuer is not None:
        more["iss"] = issuer
    return with_parameters(uri, {**parameters, **more})
