"""From an authorization request to a code: log-in page, session, consent, and the way back.

    authorize ──session, consent──────────────────────────────▶ code
        │  └─session, no consent──▶ consent page ──allow──────▶ code
        │                                └──deny──────────────▶ error=access_denied
        └─no session──▶ log-in page ──password──▶ (consent) ──▶ code
                             └──cancel────────────────────────▶ error=access_denied

`prompt=none` shows no page: without a session it is `login_required`, without consent
`consent_required` (OpenID Connect Core 1.0, section 3.1.2.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Final

from edgegw.errors import UsageError
from edgegw.identity import pages
from edgegw.identity.authorization import (
    AuthorizationRequest,
    ClientRefusal,
    PageRefusal,
    granted_to_client,
    judged,
    refused_at_client,
    with_parameters,
)
from edgegw.identity.browser_session import (
    BrowserSession,
    begun,
    cookie_names,
    form_secret,
    form_token,
    is_own_form,
    sealed_session,
    session_of,
)
from edgegw.identity.codes import LIFETIME, IssuedCode
from edgegw.identity.tokens import read
from edgegw.values import value

if TYPE_CHECKING:
    from edgegw.identity.provider import Provider

Cookies = Mapping[str, str]


@value(kw_only=True)
class BrowserAnswer:
    """What a browser gets: a page, or where to go. An empty cookie is one that goes."""

    page: str = ""
    status: int = 200
    location: str | None = None
    cookies: Mapping[str, str] = field(default_factory=dict[str, str])


def authorize(provider: Provider, query: str, cookies: Cookies) -> BrowserAnswer:
    """The answer to an authorization request."""
    request = judged(provider.definition, query)
    if not isinstance(request, AuthorizationRequest):
        return _refused(provider, request)
    session = session_of(provider, cookies)
    if session is None or not _is_fresh(provider, request, session):
        if "none" in request.prompts:
            return _error(provider, request, "login_required", "nobody is signed in")
        return BrowserAnswer(status=302, location=f"/login?{query}")
    return _onward(provider, request, session, cookies, asks="consent" in request.prompts)


def _is_fresh(provider: Provider, request: AuthorizationRequest, session: BrowserSession) -> bool:
    """Whether the session will do, or a password has to be given anew."""
    if request.prompts & {"login", "select_account"}:
        return False
    age = provider.world.now() - session.signed_in
    return request.max_age is None or age <= request.max_age


def _onward(
    provider: Provider,
    request: AuthorizationRequest,
    session: BrowserSession,
    cookies: Cookies,
    *,
    asks: bool = False,
) -> BrowserAnswer:
    """Whoever is signed in gets a code, or is asked for consent first."""
    own = {cookie_names(provider)[0]: sealed_session(provider, session)}
    if session.has_consent(request) and not asks:
        return BrowserAnswer(
            status=302, location=_with_code(provider, request, session), cookies=own
        )
    if "none" in request.prompts:
        return _error(provider, request, "consent_required", "the user has not consented")
    secret = form_secret(provider, cookies)
    page = pages.consent_page(
        provider.definition,
        request,
        session.user,
        form_token(provider, secret, request.query),
    )
    return BrowserAnswer(page=page, cookies={**own, cookie_names(provider)[1]: secret})


def _with_code(provider: Provider, request: AuthorizationRequest, session: BrowserSession) -> str:
    """The way back to the client, with a code."""
    now = provider.world.now()
    grant = provider.grant(
        session.user.name,
        request.client.id,
        request.scopes,
        nonce=request.nonce,
        signed_in=session.signed_in,
    )
    code = provider.new_id()
    issued = IssuedCode(
        grant=grant,
        redirect_uri=request.redirect_uri,
        challenge=request.challenge,
        expires=now + LIFETIME,
    )
    provider.codes.put(code, issued, now)
    return granted_to_client(request, code, _told_issuer(provider))


def _told_issuer(provider: Provider) -> str | None:
    """The issuer as the way back names it (RFC 9207), which a user pool does not."""
    return None if provider.definition.user_pool is not None else provider.issuer


# Pages


def login(
    provider: Provider, query: str, cookies: Cookies, *, fault: str = "", name: str = ""
) -> BrowserAnswer:
    """The log-in page of an authorization request; `fault` is what was wrong the last time."""
    request = judged(provider.definition, query)
    if not isinstance(request, AuthorizationRequest):
        return _refused(provider, request)
    secret = form_secret(provider, cookies)
    page = pages.login_page(
        provider.definition,
        request,
        form_token(provider, secret, query),
        fault=fault,
        name=name or request.login_hint,
    )
    status = 401 if fault else 200
    return BrowserAnswer(page=page, status=status, cookies={cookie_names(provider)[1]: secret})


def submitted_login(provider: Provider, form: Mapping[str, str], cookies: Cookies) -> BrowserAnswer:
    """What comes of a log-in page that was sent."""
    request = _request_of(provider, form, cookies)
    if isinstance(request, BrowserAnswer):
        return request
    if "cancel" in form:
        return _denied(provider, request)
    name = form.get("username", "")
    user = provider.user_with(name, form.get("password", ""))
    if user is None:
        provider.world.tell(f"a sign-in for {request.client.id} was refused")
        text = "The user name or the password is not right."
        return login(provider, request.query, cookies, fault=text, name=name)
    provider.world.tell(f"{user.name} signed in for {request.client.id}")
    return _onward(
        provider, request, begun(provider, user), cookies, asks="consent" in request.prompts
    )


def submitted_consent(
    provider: Provider, form: Mapping[str, str], cookies: Cookies
) -> BrowserAnswer:
    """What comes of a consent page that was sent."""
    request = _request_of(provider, form, cookies)
    if isinstance(request, BrowserAnswer):
        return request
    session = session_of(provider, cookies)
    if session is None:
        return login(provider, request.query, cookies)
    if "allow" not in form:
        return _denied(provider, request)
    return _onward(provider, request, session.with_consent(request), cookies)


def _request_of(
    provider: Provider, form: Mapping[str, str], cookies: Cookies
) -> AuthorizationRequest | BrowserAnswer:
    """The authorization request that a form is about, where the form is one of ours."""
    if not is_own_form(provider, cookies, form):
        text = "This form was not made for this browser, or is too old. Go back and begin again."
        return _message(provider, 403, "Not signed in", text)
    request = judged(provider.definition, form.get("request", ""))
    return request if isinstance(request, AuthorizationRequest) else _refused(provider, request)


def _denied(provider: Provider, request: AuthorizationRequest) -> BrowserAnswer:
    provider.world.tell(f"a sign-in for {request.client.id} was cancelled")
    return _error(provider, request, "access_denied", "the user denied access")


def _error(
    provider: Provider, request: AuthorizationRequest, error: str, text: str
) -> BrowserAnswer:
    refusal = ClientRefusal(
        redirect_uri=request.redirect_uri, state=request.state, error=error, text=text
    )
    return _refused(provider, refusal)


def _refused(provider: Provider, refusal: PageRefusal | ClientRefusal) -> BrowserAnswer:
    if isinstance(refusal, PageRefusal):
        provider.world.tell(f"an authorization request was refused: {refusal.text}")
        text = f"{refusal.text[:1].upper()}{refusal.text[1:]}."
        if refusal.given:
            text += f" It is {refusal.given}"
        return _message(provider, 400, "This request cannot be answered", text)
    location = refused_at_client(refusal, _told_issuer(provider))
    return BrowserAnswer(status=302, location=location)


def _message(provider: Provider, status: int, title: str, text: str) -> BrowserAnswer:
    page = pages.message_page(provider.definition, title, text)
    return BrowserAnswer(page=page, status=status)


# Log-out


def log_out(provider: Provider, parameters: Mapping[str, str], cookies: Cookies) -> BrowserAnswer:
    """Ends the session and leads to a page of the client, if it is one of its `logout_uris`.

    As OpenID Connect RP-Initiated Logout 1.0 says it, and a user pool: `client_id` with
    `logout_uri`, or with `redirect_uri` to sign in again.
    """
    client = provider.definition.clients.get(_client_named(provider, parameters))
    names = ("post_logout_redirect_uri", "logout_uri")
    target = next((parameters[name] for name in names if name in parameters), None)
    gone = {cookie_names(provider)[0]: ""}
    session = session_of(provider, cookies)
    if session is not None:
        provider.revocations.revoke(session.id)
        provider.world.tell(f"{session.user.name} signed out")
    if target is not None:
        if client is None or target not in client.logout_uris:
            text = f"{target} is not among the logout_uris of the client."
            page = pages.message_page(provider.definition, "You are signed out", text)
            return BrowserAnswer(page=page, status=400, cookies=gone)
        state = {"state": parameters["state"]} if "state" in parameters else {}
        location = with_parameters(target, state) if state else target
        return BrowserAnswer(status=302, location=location, cookies=gone)
    if client is not None and "redirect_uri" in parameters and "response_type" in parameters:
        location = with_parameters("/login", parameters)
        return BrowserAnswer(status=302, location=location, cookies=gone)
    page = pages.message_page(provider.definition, "You are signed out", _ENDED)
    return BrowserAnswer(page=page, cookies=gone)


_ENDED: Final = "Applications keep the sessions they have with you until they end them themselves."


def _client_named(provider: Provider, parameters: Mapping[str, str]) -> str:
    """The client that a log-out names, or whose ID token it brings, however old."""
    if "client_id" in parameters:
        return parameters["client_id"]
    claims = read(parameters.get("id_token_hint", ""), provider.ring) or {}
    return str(claims.get("aud", ""))


# Without a browser


def signed_in_without_browser(provider: Provider, query: str, name: str) -> str:
    """Where a browser would come back to, after `name` signed in and allowed everything.

    Raises UsageError where the provider would show a page instead.
    """
    request = judged(provider.definition, query)
    if isinstance(request, PageRefusal):
        raise UsageError(f"the identity provider refuses the request: {request.text}")
    if isinstance(request, ClientRefusal):
        return refused_at_client(request, _told_issuer(provider))
    user = provider.definition.users.get(name)
    if user is None:
        known = ", ".join(provider.definition.users) or "none"
        raise UsageError(f"there is no user {name!r}; there is: {known}")
    return _with_code(provider, request, begun(provider, user))
