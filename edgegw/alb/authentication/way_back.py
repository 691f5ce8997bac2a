"""A client comes back from the identity provider: is it the one that was sent there?

Source: ELB User Guide for ALB, "Authenticate users using an Application Load Balancer",
authentication flow, client login timeout.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from edgegw.alb.authentication.model import Authenticate
from edgegw.alb.authentication.outcome import DENIED_THERE, FAILED_THERE, GuardOutcome
from edgegw.alb.authentication.provider_replies import error_word
from edgegw.alb.authentication.refusals import PROVIDER_ERROR, UNAUTHORIZED, unauthorized
from edgegw.alb.authentication.round_trip import arn_of, host_in, refused
from edgegw.alb.authentication.state import SignInState, decode_state, given_nonces, is_state
from edgegw.alb.authentication.steps import ExchangeCode, SignInContext
from edgegw.alb.finish import BalancerAnswer, refuse
from edgegw.alb.flow import BalancerStep
from edgegw.alb.model import Rule

_MOST_PARAMETERS: Final = 100
_FORGED: Final = "the client came back with a state that no action of this listener made"
_NO_NONCE: Final = (
    "the client came back without the cookie AWSALBAuthNonce: another browser or another site "
    "began this sign-in, or it has ended already"
)
_OTHER_NONCE: Final = (
    "the client came back with another AWSALBAuthNonce than it left with: its browser began "
    "another sign-in meanwhile, in another tab perhaps"
)


def come_back(context: SignInContext, candidates: tuple[Rule, ...]) -> BalancerStep:
    """What follows for a client at the callback; one of `candidates` sent it away.

    The state is looked at before the code is spent.
    """
    query = (context.request.target.query or b"").decode("latin-1")
    try:
        given = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        text = f"the client came back with more than {_MOST_PARAMETERS} parameters"
        return refused(context, unauthorized("AuthInvalidStateParam", text))
    state_text, code, error = (_single(given, name) for name in ("state", "code", "error"))
    if error is not None and state_text is None:
        return _refused_there(context, error)
    if error is None and not code:
        text = "the client came back without a code"
        return refused(context, unauthorized("AuthMissingCodeParam", text))
    if not state_text:
        text = "the client came back without a state"
        return refused(context, unauthorized("AuthMissingStateParam", text))
    opening = _opened_state(context, candidates, state_text)
    if opening is None:
        why = _why_not_opened(context, candidates, state_text)
        return refused(context, unauthorized("AuthInvalidStateParam", why))
    context, state = opening
    fault = _state_fault(context, state)
    if fault is not None:
        return refused(context, unauthorized("AuthInvalidStateParam", fault))
    if error is not None:
        return _refused_there(context, error)
    return ExchangeCode(context, state, code or "")


def _single(given: list[tuple[str, str]], name: str) -> str | None:
    """The value of a parameter; None where it is not there, or more than once."""
    values = [text for key, text in given if key == name]
    return values[0] if len(values) == 1 else None


def _opened_state(
    context: SignInContext, candidates: tuple[Rule, ...], text: str
) -> tuple[SignInContext, SignInState] | None:
    """The state, and the context of the rule that it was made by."""
    nonces = given_nonces(context.request.headers)
    for rule in candidates:
        action = rule.guard
        if not isinstance(action, Authenticate):
            continue
        state = decode_state(context.keys, action, arn_of(context), text, nonces)
        if state is not None:
            chosen = context.chosen.at_rule(rule)
            return SignInContext(
                context.request, action, chosen, context.onward, context.keys
            ), state
    return None


def _why_not_opened(context: SignInContext, candidates: tuple[Rule, ...], text: str) -> str:
    """Whether the state is none of ours, or its browser has not the nonce of it (any more)."""
    actions = (rule.guard for rule in candidates if isinstance(rule.guard, Authenticate))
    if not any(is_state(context.keys, action, arn_of(context), text) for action in actions):
        return _FORGED
    return _OTHER_NONCE if given_nonces(context.request.headers) else _NO_NONCE


def _state_fault(context: SignInContext, state: SignInState) -> str | None:
    if state.is_over(context.chosen.facts.now):
        return "the client took longer than 15 minutes to sign in"
    host = host_in(context)
    if host is None or host.decode().lower() != state.host.lower():
        return "the client comes back to another host than it left"
    return None


def _refused_there(context: SignInContext, error: str) -> BalancerAnswer:
    """The provider sent the client back with an error; that access was denied is no fault."""
    detail = f"the identity provider sent the client back with an error: {error_word(error)}"
    is_denied = error == "access_denied"
    status = UNAUTHORIZED if is_denied else PROVIDER_ERROR
    verdict = DENIED_THERE if is_denied else FAILED_THERE
    chosen = context.chosen.guarded(GuardOutcome("authenticate", verdict=verdict))
    return refuse(status, "-", detail, chosen)
