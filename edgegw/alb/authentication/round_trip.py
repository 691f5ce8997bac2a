"""What follows what in a sign-in.

Source: ELB User Guide for ALB, "Authenticate users using an Application Load Balancer",
authentication flow, session timeout.
"""

from __future__ import annotations

import re
from typing import Final

from edgegw.alb.answers import redirection
from edgegw.alb.authentication.identity_headers import handed_on, has_identity
from edgegw.alb.authentication.known_session import KnownSession
from edgegw.alb.authentication.outcome import (
    REFRESHED,
    SIGN_IN_REQUIRED,
    SIGNED_IN,
    GuardOutcome,
)
from edgegw.alb.authentication.provider_calls import authorization_url
from edgegw.alb.authentication.provider_replies import (
    ProviderFailure,
    ProviderReply,
    Tokens,
    UserClaims,
    judge_tokens,
    judge_user_info,
    no_room,
)
from edgegw.alb.authentication.refusals import (
    SignInFault,
    SignInRefusal,
    unauthorized,
)
from edgegw.alb.authentication.session import (
    UserSession,
    cookie_lines,
    held_cookies,
    opened,
    sealed_session,
)
from edgegw.alb.authentication.state import (
    SPENT_NONCE,
    SignInState,
    encode_state,
    new_nonce,
    nonce_line,
)
from edgegw.alb.authentication.steps import (
    ExchangeCode,
    FetchUserInfo,
    RefreshTokens,
    SignInContext,
)
from edgegw.alb.finish import BalancerAnswer, Chosen, finish, refuse
from edgegw.alb.flow import BalancerStep, host_of
from edgegw.http.message import Header, Headers, Request
from edgegw.values import value

_HOST: Final = re.compile(rb"[A-Za-z0-9._\-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_NOT_IN_URL: Final = re.compile(rb"[^\x21-\x7e]")
_STRIPPED: Final = "the client sent x-amzn-oidc-* headers of its own: its target does not get them"
_PASSED: Final = GuardOutcome("authenticate")
_PASSED_STRIPPED: Final = GuardOutcome("authenticate", warning=_STRIPPED)


def refused(context: SignInContext, refusal: SignInRefusal) -> BalancerAnswer:
    chosen = context.chosen.guarded(_PASSED)
    return refuse(refusal.status, refusal.reason, refusal.detail, chosen)


def arn_of(context: SignInContext) -> str:
    return context.chosen.listener.load_balancer.arn


def _mark(context: SignInContext) -> bytes:
    """What sessions of the load balancer's action are remembered by."""
    return arn_of(context).encode() + b"\n" + context.action.mark


# Is the client signed in?


def check(context: SignInContext) -> BalancerStep:
    """What follows for a request that is not the callback."""
    if host_in(context) is None:
        text = "the request names no host, which the way back from a sign-in needs"
        return refused(context, unauthorized("AuthMissingHostHeader", text))
    held = held_cookies(context.request.headers, context.action)
    known = None if held.sealed is None else _known(context, held.sealed)
    if known is None:
        reason: SignInFault = "AuthInvalidCookie" if held.are_there else "-"
        return _unauthenticated(context, reason)
    now = context.chosen.facts.now
    if now >= known.session.until:
        return _unauthenticated(context, is_expired=True)
    if known.session.wants_refresh(now):
        return RefreshTokens(context, known.session)
    return _signed_in(context, known)


def _known(context: SignInContext, sealed: bytes) -> KnownSession | None:
    """The session in the client's cookies; None where they hold none of this action."""
    keys, mark = context.keys, _mark(context)
    known = keys.known(mark, sealed)
    if known is None:
        session = opened(keys, context.action, arn_of(context), sealed)
        if session is None:
            return None
        known = KnownSession(session)
        keys.remember(mark, sealed, known)
    return known


@value
class _Identified:
    """A client's headers as its target gets them, and what is said of that."""

    headers: Headers
    outcome: GuardOutcome


def _signed_in(
    context: SignInContext, known: KnownSession, lines: tuple[Header, ...] = ()
) -> BalancerStep:
    """On to the terminal action; `lines` are for the client."""
    request, action, facts = context.request, context.action, context.chosen.facts
    identity = known.lines(context.keys, action, arn_of(context), facts.now)

    def identified(headers: Headers) -> _Identified:
        rest = held_cookies(headers, action).rest
        outcome = _PASSED_STRIPPED if has_identity(headers) else _PASSED
        return _Identified(handed_on(headers, rest, identity), outcome)

    # The same lines for the same headers: what others derive of them is known the second time.
    whole = request.headers.derived(identity, identified)
    outcome = whole.outcome
    if lines:
        outcome = GuardOutcome(
            "authenticate", lines=lines, warning=outcome.warning, verdict=REFRESHED
        )
    sent = request.sent(request.target, whole.headers)
    return context.onward(sent, context.chosen, outcome)


def _unauthenticated(
    context: SignInContext, reason: SignInFault = "-", *, is_expired: bool = False
) -> BalancerStep:
    """What follows for who is not signed in, or not any more: who was is asked again."""
    match context.action.on_unauthenticated:
        case "allow":
            return _anonymous(context, reason)
        case "deny" if not is_expired:
            detail = "the client is not signed in" if reason == "-" else _UNOPENED
            return refused(context, unauthorized(reason, detail))
        case _:
            return _sent_away(context, reason)


_UNOPENED: Final = "the client's session cookies hold no session of this action"


def _anonymous(context: SignInContext, reason: SignInFault) -> BalancerStep:
    request = context.request
    headers = request.headers
    rest = held_cookies(headers, context.action).rest
    warning = _STRIPPED if has_identity(headers) else None
    outcome = GuardOutcome("authenticate", reason, warning=warning)
    sent = request.sent(request.target, handed_on(headers, rest, ()))
    return context.onward(sent, context.chosen, outcome)


def _sent_away(context: SignInContext, reason: SignInFault) -> BalancerAnswer:
    """302 to the identity provider, with state and nonce."""
    keys, action, facts = context.keys, context.action, context.chosen.facts
    host, target = (host_in(context) or b"").decode(), _target(context.request)
    nonce = new_nonce(keys, facts.entropy)
    state = SignInState(host, target, facts.now, nonce)
    sealed = encode_state(keys, action, arn_of(context), state, facts.entropy)
    location = authorization_url(action, host, sealed).encode()
    outcome = GuardOutcome("authenticate", reason, (nonce_line(nonce),), verdict=SIGN_IN_REQUIRED)
    page = redirection(302, location, date=facts.date)
    return finish(page, context.chosen.guarded(outcome))


def host_in(context: SignInContext) -> bytes | None:
    """The host as the client sent it; None where it sent none that can stand in a URL."""
    request = context.request
    if not (request.target.authority or request.headers.get(b"host")):
        return None
    host = host_of(request, context.chosen.listener)
    return host if _HOST.fullmatch(host) else None


def _target(request: Request) -> str:
    """Where the client wanted to go, fit for a URL behind a host."""
    raw = request.target.raw
    if not raw.startswith(b"/"):
        return "/"
    return _NOT_IN_URL.sub(lambda match: b"%%%02X" % match[0][0], raw).decode("ascii")


# What the identity provider answers


def with_tokens(step: ExchangeCode, reply: ProviderReply | ProviderFailure) -> BalancerStep:
    """What follows once the code became tokens, or did not."""
    context = step.context
    tokens = judge_tokens(reply, context.action, now=context.chosen.facts.now)
    if isinstance(tokens, SignInRefusal):
        return refused(context, tokens)
    return FetchUserInfo(context, tokens, step.state)


def refreshed(step: RefreshTokens, reply: ProviderReply | ProviderFailure) -> BalancerStep:
    """What follows once there is a new access token; without one the user is asked again."""
    context, earlier = step.context, step.session
    now = context.chosen.facts.now
    tokens = judge_tokens(reply, context.action, now=now, needs_id_token=False)
    if isinstance(tokens, SignInRefusal):
        return _unauthenticated(context, tokens.reason, is_expired=True)
    tokens = Tokens(
        tokens.access_token,
        tokens.refresh_token or earlier.refresh_token,
        tokens.lifetime,
        earlier.subject,
    )
    return FetchUserInfo(context, tokens, earlier)


def with_claims(step: FetchUserInfo, reply: ProviderReply | ProviderFailure) -> BalancerStep:
    """What follows once the claims are there, or are not."""
    context, origin = step.context, step.origin
    claims = judge_user_info(reply, step.tokens)
    if isinstance(claims, SignInRefusal):
        if step.is_refresh:
            return _unauthenticated(context, claims.reason, is_expired=True)
        return refused(context, claims)
    session = _session(context, step.tokens, claims, origin)
    facts = context.chosen.facts
    keys, action, arn = context.keys, context.action, arn_of(context)
    sealed = sealed_session(keys, action, arn, session, facts.entropy)
    is_cross_origin = b"origin" in context.request.headers
    lines = cookie_lines(action, sealed, now=facts.now, is_cross_origin=is_cross_origin)
    if lines is None:
        return refused(context, no_room())
    # What comes next need neither open nor sign it: here a provider was waited for anyhow.
    known = KnownSession(session)
    known.lines(keys, action, arn, facts.now)
    keys.remember(_mark(context), sealed, known)
    if isinstance(origin, UserSession):
        return _signed_in(context, known, lines)
    return _at_last(context.chosen, origin, lines)


def _session(
    context: SignInContext, tokens: Tokens, claims: UserClaims, origin: SignInState | UserSession
) -> UserSession:
    """The session; one that is refreshed ends when it would have ended."""
    now, lifetime = context.chosen.facts.now, tokens.lifetime
    return UserSession(
        claims.subject,
        claims.claims,
        tokens.access_token,
        tokens.refresh_token,
        None if lifetime is None else now + lifetime,
        origin.until if isinstance(origin, UserSession) else now + context.action.session_timeout,
    )


def _at_last(chosen: Chosen, state: SignInState, lines: tuple[Header, ...]) -> BalancerAnswer:
    """302 to where the client wanted to go, with its session."""
    outcome = GuardOutcome("authenticate", lines=(*lines, SPENT_NONCE), verdict=SIGNED_IN)
    location = f"https://{state.host}{state.target}".encode()
    page = redirection(302, location, date=chosen.facts.date)
    return finish(page, chosen.guarded(outcome))
