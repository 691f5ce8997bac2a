"""The step of jwt-validation: it needs the keys of the issuer."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from edgegw.alb.authentication.outcome import TOKEN_VALIDATED, GuardOutcome
from edgegw.alb.authentication.steps import LetsPass, Onward
from edgegw.alb.finish import BalancerAnswer, Chosen, refuse
from edgegw.alb.jwt.model import JwtValidation
from edgegw.http.message import Request
from edgegw.values import value

if TYPE_CHECKING:
    from edgegw.alb.flow import BalancerStep
    from edgegw.alb.jwt.key_set import KeySet, KeysTrouble
    from edgegw.alb.jwt.token import ParsedToken

TOKEN_REFUSED = 401
"""The status of a request without a good token; there is no WWW-Authenticate (uncertain).

Source: ELB User Guide for ALB, "Troubleshoot", HTTP 401.
"""


@value
class CheckToken(LetsPass):
    """The keys at `action.jwks_endpoint` are needed, to see whether `token` is good."""

    request: Request = field(repr=False)
    action: JwtValidation
    chosen: Chosen = field(repr=False)
    onward: Onward = field(repr=False)
    token: ParsedToken = field(repr=False)

    @property
    def kid(self) -> str | None:
        """The key that the token says it is signed with."""
        from edgegw.alb.jwt.validation import key_id

        return key_id(self.token)

    def next(self, keys: KeySet | KeysTrouble) -> BalancerStep:
        from edgegw.alb.jwt.key_set import KeysTrouble
        from edgegw.alb.jwt.validation import token_fault

        chosen = self.chosen
        if isinstance(keys, KeysTrouble):
            detail = f"the key set at {self.action.jwks_endpoint} {keys.detail}"
            return refuse(keys.status, keys.reason, detail, chosen.guarded(_REFUSED))
        fault = token_fault(self.token, self.action, keys, now=chosen.facts.now)
        if fault is not None:
            return refuse(TOKEN_REFUSED, fault.reason, fault.detail, chosen.guarded(_REFUSED))
        return self.onward(self.request, self.chosen, _PASSED)


_REFUSED = GuardOutcome("jwt-validation")
_PASSED = GuardOutcome("jwt-validation", verdict=TOKEN_VALIDATED)


def check_token(
    request: Request, action: JwtValidation, chosen: Chosen, onward: Onward
) -> CheckToken | BalancerAnswer:
    """The first step of jwt-validation: what is no token needs no keys."""
    from edgegw.alb.jwt.validation import TokenRefusal, bearer_token

    token = bearer_token(request.headers)
    if isinstance(token, TokenRefusal):
        return refuse(TOKEN_REFUSED, token.reason, token.detail, chosen.guarded(_REFUSED))
    return CheckToken(request, action, chosen, onward, token)
