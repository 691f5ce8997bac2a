"""What an identity provider answered: tokens, claims, or why nobody is signed in.

Source: ELB User Guide for ALB, "Authenticate users using an Application Load Balancer",
authentication flow; "Access logs", error reason codes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, cast

from edgegw.alb.authentication.model import Authenticate
from edgegw.alb.authentication.refusals import (
    PROVIDER_ERROR,
    UNREACHABLE,
    SignInRefusal,
    unauthorized,
)
from edgegw.alb.jwt.token import TokenFault, parsed_token
from edgegw.values import value

MAX_CLAIMS: Final = 11 * 1024
"""Bytes of the claims and the access token together.

Source: ELB User Guide for ALB, "CloudWatch metrics", ELBAuthUserClaimsSizeExceeded.
"""
MAX_REPLY: Final = 64 * 1024
"""Bytes of an answer that are read; AWS is silent about it."""

_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
"""What can be sent as a token in a header."""


@value
class ProviderReply:
    """What an endpoint answered; `content` is cut behind MAX_REPLY bytes."""

    status: int
    content: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


@value
class ProviderFailure:
    """An endpoint gave no answer; `timed_out` when it gave none in time."""

    detail: str
    timed_out: bool = False


@value
class Tokens:
    """What the token endpoint gave; `lifetime` of the access token in seconds, if it said."""

    access_token: str
    refresh_token: str | None
    lifetime: float | None
    subject: str | None


@value
class UserClaims:
    """What the user info endpoint said: `claims` as compact JSON text, without exp and iss."""

    subject: str
    claims: str


# Tokens


def judge_tokens(
    reply: ProviderReply | ProviderFailure,
    action: Authenticate,
    *,
    now: float,
    needs_id_token: bool = True,
) -> Tokens | SignInRefusal:
    """The tokens that the token endpoint gave; a refresh need not bring an ID token."""
    if isinstance(reply, ProviderFailure):
        return _no_answer("Token", reply)
    if not reply.is_success:
        return _token_error(reply)
    answer = _json_object(reply.content)
    access = answer.get("access_token") if answer is not None else None
    if answer is None or not isinstance(access, str) or not _TOKEN.fullmatch(access):
        text = "the token endpoint's answer is no JSON object with an access_token"
        return unauthorized("AuthInvalidTokenResponse", text)
    kind = answer.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        text = "the token endpoint's token_type is not Bearer"
        return unauthorized("AuthInvalidTokenResponse", text)
    subject = None
    id_token = answer.get("id_token")
    if id_token is not None or needs_id_token:
        claims = _id_token_claims(id_token, action, now)
        if isinstance(claims, SignInRefusal):
            return claims
        subject = claims
    refresh, lifetime = answer.get("refresh_token"), answer.get("expires_in")
    return Tokens(
        access, refresh if isinstance(refresh, str) else None, _seconds(lifetime), subject
    )


def _seconds(lifetime: object) -> float | None:
    """`expires_in` as it should be, a number; some providers send it as a string."""
    if isinstance(lifetime, str) and lifetime.isdigit() and len(lifetime) < 12:
        return float(lifetime)
    if isinstance(lifetime, (int, float)) and not isinstance(lifetime, bool):
        return float(lifetime) if 0 <= lifetime < 1e12 else None
    return None


def _token_error(reply: ProviderReply) -> SignInRefusal:
    error = error_word((_json_object(reply.content) or {}).get("error"))
    detail = f"the token endpoint answered {reply.status}{error and f': {error}'}"
    if error == "invalid_grant":
        return unauthorized("AuthInvalidGrantError", detail)
    return SignInRefusal(PROVIDER_ERROR, "AuthTokenEpRequestFailed", detail)


_ERROR: Final = re.compile(r"[a-zA-Z0-9_.\-]{1,64}")


def error_word(error: object) -> str:
    """An OAuth error code, fit for a log; empty for anything else."""
    return error if isinstance(error, str) and _ERROR.fullmatch(error) else ""


def _id_token_claims(
    id_token: object, action: Authenticate, now: float
) -> str | SignInRefusal | None:
    """The subject of an ID token that is for this client, else why not.

    It came from the token endpoint itself, so its signature is not looked at (OpenID Connect Core
    3.1.3.7, point 6): the action names no keys. One with a nonce answers a request that the load
    balancer did not make.
    """
    if not isinstance(id_token, str):
        text = "the token endpoint gave no id_token: is openid in the scope?"
        return unauthorized("AuthInvalidTokenResponse", text)
    token = parsed_token(id_token.encode("utf-8"))
    if isinstance(token, TokenFault):
        return unauthorized("AuthInvalidIdToken", f"the ID token {token.detail}")
    fault = _id_token_fault(token.header, token.claims, action, now)
    if fault is not None:
        return unauthorized("AuthInvalidIdToken", f"the ID token {fault}")
    subject = token.claims.get("sub")
    return subject if isinstance(subject, str) else None


def _id_token_fault(
    header: Mapping[str, Any], claims: Mapping[str, Any], action: Authenticate, now: float
) -> str | None:
    audience = claims.get("aud")
    listed = cast("list[object]", audience) if isinstance(audience, list) else [audience]
    expires = claims.get("exp")
    if str(header.get("alg")).lower() == "none":
        return "is not signed"
    if claims.get("iss") != action.issuer:
        return f"is of the issuer {str(claims.get('iss'))[:80]!r}, not of the action's"
    if action.client_id not in listed:
        return "is for another client than the action's"
    if not isinstance(expires, (int, float)) or isinstance(expires, bool) or expires <= now:
        return "is expired, or does not say when it expires"
    return "has a nonce, and the load balancer sent none" if "nonce" in claims else None


# Claims


def judge_user_info(
    reply: ProviderReply | ProviderFailure, tokens: Tokens
) -> UserClaims | SignInRefusal:
    """The claims that the user info endpoint gave."""
    if isinstance(reply, ProviderFailure):
        return _no_answer("Userinfo", reply)
    if not reply.is_success:
        detail = f"the user info endpoint answered {reply.status}"
        return SignInRefusal(PROVIDER_ERROR, "AuthUserinfoEpRequestFailed", detail)
    if len(reply.content) > MAX_REPLY:
        return too_large(len(reply.content))
    claims = _json_object(reply.content)
    subject = None if claims is None else claims.get("sub")
    if claims is None or not isinstance(subject, str) or not subject.isprintable():
        text = "the user info endpoint's answer is no JSON object with a sub"
        return unauthorized("AuthInvalidUserinfoResponse", text)
    if tokens.subject not in (None, subject):
        text = "the user info is of another user than the ID token (sub)"
        return unauthorized("AuthInvalidUserinfoResponse", text)
    given = {name: claim for name, claim in claims.items() if name not in ("exp", "iss")}
    text = json.dumps(given, separators=(",", ":"))
    size = len(text) + len(tokens.access_token)
    return too_large(size) if size > MAX_CLAIMS else UserClaims(subject, text)


def too_large(size: int) -> SignInRefusal:
    """The claims do not fit into a session."""
    detail = f"claims and access token have {size} bytes, more than {MAX_CLAIMS}"
    return SignInRefusal(UNREACHABLE, "AuthUserinfoResponseSizeExceeded", detail)


def no_room() -> SignInRefusal:
    """The session fits into no four cookies: a refresh token of many kilobytes, perhaps."""
    detail = "the session (claims, access token, refresh token) does not fit into four cookies"
    return SignInRefusal(UNREACHABLE, "AuthUserinfoResponseSizeExceeded", detail)


def _no_answer(endpoint: Literal["Token", "Userinfo"], failure: ProviderFailure) -> SignInRefusal:
    word = "Timeout" if failure.timed_out else "Failed"
    reason = cast("Any", f"Auth{endpoint}EpRequest{word}")
    return SignInRefusal(UNREACHABLE, reason, failure.detail)


def _json_object(content: bytes) -> dict[str, Any] | None:
    try:
        answer: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", answer) if isinstance(answer, dict) else None
