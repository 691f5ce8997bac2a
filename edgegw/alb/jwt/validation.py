"""Whether a bearer token is good, and what AWS calls it where it is not.

Source: ELB User Guide for ALB, "Verify JWTs using an Application Load Balancer"; "Access logs",
error reason codes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, cast

from edgegw.alb.jwt.key_set import KeySet
from edgegw.alb.jwt.model import AdditionalClaim, JwtValidation
from edgegw.alb.jwt.token import ParsedToken, TokenFault, parsed_token
from edgegw.http.message import Headers
from edgegw.values import value

ALGORITHM: Final = "RS256"
"""The only algorithm of a token.

Source: ELB User Guide for ALB, "Verify JWTs using an Application Load Balancer".
"""

_BEARER: Final = re.compile(rb"bearer +([^\s,]+)", re.IGNORECASE)


@value
class TokenRefusal:
    """Why a request does not go on: 401, with this `error_reason`. `detail` has no value of it.

    Source: ELB User Guide for ALB, "Access logs", error reason codes.
    """

    reason: Literal[
        "JWTHeaderNotPresent",
        "JWTRequestFormatInvalid",
        "JWTSignatureValidationError",
        "JWTClaimNotPresent",
        "JWTClaimFormatInvalid",
        "JWTClaimValueInvalid",
    ]
    detail: str


def bearer_token(headers: Headers) -> ParsedToken | TokenRefusal:
    """The token of a request: one Authorization header, with one bearer token."""
    return headers.derived(bearer_token, _bearer_token)


def _bearer_token(headers: Headers) -> ParsedToken | TokenRefusal:
    given = headers.get_all(b"authorization")
    if not given:
        return TokenRefusal("JWTHeaderNotPresent", "the request has no Authorization header")
    match = _BEARER.fullmatch(given[0])
    if len(given) > 1 or match is None:
        text = "Authorization does not hold one bearer token"
        return TokenRefusal("JWTRequestFormatInvalid", text)
    token = parsed_token(match[1])
    if isinstance(token, TokenFault):
        return TokenRefusal("JWTRequestFormatInvalid", f"the token {token.detail}")
    return _signed_as_needed(token)


def _signed_as_needed(token: ParsedToken) -> ParsedToken | TokenRefusal:
    """The algorithm is ours to say, not the token's (RFC 8725 section 3.1)."""
    kid = token.header.get("kid")
    if token.header.get("alg") != ALGORITHM:
        text = f"the token's algorithm is not {ALGORITHM}"
        return TokenRefusal("JWTSignatureValidationError", text)
    if "crit" in token.header or not isinstance(kid, str | None):
        text = "the token's header asks for what is not understood"
        return TokenRefusal("JWTRequestFormatInvalid", text)
    return token


def key_id(token: ParsedToken) -> str | None:
    """The id of the key that the token says it is signed with."""
    return cast("str | None", token.header.get("kid"))


def token_fault(
    token: ParsedToken, action: JwtValidation, keys: KeySet, *, now: float
) -> TokenRefusal | None:
    """Why the token is not good; None where it is."""
    kid = key_id(token)
    if not keys.candidates(kid):
        text = "the key set has no key of the token's kid"
        return TokenRefusal("JWTSignatureValidationError", text)
    if not keys.is_signed(kid, token.signed, token.signature):
        text = "the token's signature is not of the issuer's key"
        return TokenRefusal("JWTSignatureValidationError", text)
    fault = _issuer_fault(token.claims, action) or _time_fault(token.claims, now)
    if fault is not None:
        return fault
    faults = (_claim_fault(token.claims, claim) for claim in action.additional_claims)
    return next((fault for fault in faults if fault is not None), None)


def _missing(name: str) -> TokenRefusal:
    return TokenRefusal("JWTClaimNotPresent", f"the token has no claim {name!r}")


def _misshapen(name: str, form: str) -> TokenRefusal:
    return TokenRefusal("JWTClaimFormatInvalid", f"the token's claim {name!r} is not {form}")


def _unfit(name: str, what: str) -> TokenRefusal:
    return TokenRefusal("JWTClaimValueInvalid", f"the token's claim {name!r} {what}")


def _issuer_fault(claims: Mapping[str, Any], action: JwtValidation) -> TokenRefusal | None:
    issuer = claims.get("iss")
    if issuer is None:
        return _missing("iss")
    if not isinstance(issuer, str):
        return _misshapen("iss", "a string")
    return None if issuer == action.issuer else _unfit("iss", "is not the action's issuer")


def _time_fault(claims: Mapping[str, Any], now: float) -> TokenRefusal | None:
    """No leeway: AWS names none. `exp` must be there, `nbf` and `iat` only hold where they are."""
    if claims.get("exp") is None:
        return _missing("exp")
    for name in ("exp", "nbf", "iat"):
        moment = claims.get(name, now)
        if not isinstance(moment, (int, float)) or isinstance(moment, bool):
            return _misshapen(name, "a number")
    if claims["exp"] <= now:
        return _unfit("exp", "is over")
    for name in ("nbf", "iat"):
        if claims.get(name, now) > now:
            return _unfit(name, "is still to come")
    return None


def _claim_fault(claims: Mapping[str, Any], wanted: AdditionalClaim) -> TokenRefusal | None:
    given, name = claims.get(wanted.name), wanted.name
    if given is None:
        return _missing(name)
    match wanted.format:
        case "single-string":
            if not isinstance(given, str):
                return _misshapen(name, "a string")
            is_fit = given in wanted.values
        case "string-array":
            listed = cast("list[object]", given) if isinstance(given, list) else [None]
            if not all(isinstance(entry, str) for entry in listed):
                return _misshapen(name, "an array of strings")
            is_fit = any(entry in wanted.values for entry in listed)
        case "space-separated-values":
            if not isinstance(given, str):
                return _misshapen(name, "a string of values with spaces between")
            is_fit = set(wanted.values) <= set(given.split(" "))
    return None if is_fit else _unfit(name, "has not the values that the action wants")
