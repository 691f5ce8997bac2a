"""The steps of a sign-in; what follows is decided in `round_trip.py` and `way_back.py`.

Those are imported by the first step that needs them.

CheckSession ─▶ on to the terminal action           who is signed in, or may go on without
             ─▶ BalancerAnswer                      302 to sign in, 401
             ─▶ ExchangeCode ─▶ FetchUserInfo ─▶ BalancerAnswer        who comes back
             ─▶ RefreshTokens ─▶ FetchUserInfo ─▶ on to the terminal action
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, Final, TypeAlias

from edgegw.alb.authentication.model import Authenticate
from edgegw.alb.authentication.outcome import GuardOutcome
from edgegw.alb.finish import Chosen
from edgegw.alb.model import Rule
from edgegw.http.message import Request
from edgegw.values import value

if TYPE_CHECKING:
    from edgegw.alb.authentication.keys import SignInKeys
    from edgegw.alb.authentication.provider_calls import ProviderCall
    from edgegw.alb.authentication.provider_replies import (
        ProviderFailure,
        ProviderReply,
        Tokens,
    )
    from edgegw.alb.authentication.session import UserSession
    from edgegw.alb.authentication.state import SignInState
    from edgegw.alb.flow import BalancerStep

Onward: TypeAlias = Callable[[Request, Chosen, GuardOutcome | None], "BalancerStep"]
"""What follows for a request that may go on: the terminal action of its rule."""


class LetsPass:
    """A step that may let a request pass to the action that answers."""

    __slots__ = ()
    request: Request
    chosen: Chosen
    onward: Onward

    def passed(self) -> BalancerStep:
        """What follows for whoever is let through."""
        return self.onward(self.request, self.chosen, None)


@value
class CheckSession(LetsPass):
    """The keys of sessions are needed, to see whether the client is signed in.

    `candidates` are rules of which one sent the client away that now comes back to the callback;
    they are empty for any other request.
    """

    request: Request = field(repr=False)
    action: Authenticate
    chosen: Chosen = field(repr=False)
    onward: Onward = field(repr=False)
    candidates: tuple[Rule, ...] = ()

    def next(self, keys: SignInKeys) -> BalancerStep:
        context = SignInContext(self.request, self.action, self.chosen, self.onward, keys)
        if self.candidates:
            from edgegw.alb.authentication.way_back import come_back

            return come_back(context, self.candidates)
        from edgegw.alb.authentication.round_trip import check

        return check(context)


@value
class SignInContext:
    """What all steps of one sign-in need."""

    request: Request = field(repr=False)
    action: Authenticate
    chosen: Chosen = field(repr=False)
    onward: Onward = field(repr=False)
    keys: SignInKeys = field(repr=False)


class _OfSignIn:
    """A step of a sign-in."""

    __slots__ = ()
    context: SignInContext

    @property
    def chosen(self) -> Chosen:
        return self.context.chosen


@value
class ExchangeCode(_OfSignIn):
    """The code that a client came back with is to become tokens."""

    context: SignInContext
    state: SignInState
    code: str = field(repr=False)

    @property
    def call(self) -> ProviderCall:
        from edgegw.alb.authentication.provider_calls import code_call

        return code_call(self.context.action, self.state.host, self.code)

    def next(self, reply: ProviderReply | ProviderFailure) -> BalancerStep:
        from edgegw.alb.authentication.round_trip import with_tokens

        return with_tokens(self, reply)


@value
class RefreshTokens(_OfSignIn):
    """The access token of a session is over and is to be had anew."""

    context: SignInContext
    session: UserSession = field(repr=False)

    @property
    def call(self) -> ProviderCall:
        from edgegw.alb.authentication.provider_calls import refresh_call

        return refresh_call(self.context.action, self.session.refresh_token or "")

    def next(self, reply: ProviderReply | ProviderFailure) -> BalancerStep:
        from edgegw.alb.authentication.round_trip import refreshed

        return refreshed(self, reply)


@value
class FetchUserInfo(_OfSignIn):
    """The claims of a user are needed; `origin` is what the tokens came of."""

    context: SignInContext
    tokens: Tokens = field(repr=False)
    origin: SignInState | UserSession = field(repr=False)

    @property
    def is_refresh(self) -> bool:
        from edgegw.alb.authentication.session import UserSession

        return isinstance(self.origin, UserSession)

    @property
    def call(self) -> ProviderCall:
        from edgegw.alb.authentication.provider_calls import user_info_call

        return user_info_call(self.context.action, self.tokens.access_token)

    def next(self, reply: ProviderReply | ProviderFailure) -> BalancerStep:
        from edgegw.alb.authentication.round_trip import with_claims

        return with_claims(self, reply)


ProviderStep: TypeAlias = ExchangeCode | RefreshTokens | FetchUserInfo
"""Steps for which the identity provider is asked: `call` says what."""
PROVIDER_STEPS: Final = (ExchangeCode, RefreshTokens, FetchUserInfo)
