"""How a sign-in ends badly: the `error_reason` of the access log, and the status of its page.

Source: ELB User Guide for ALB, "Access logs", error reason codes; "Troubleshoot", HTTP 401, 500
and 561.
"""

from __future__ import annotations

from typing import Final, Literal

from edgegw.values import value

SignInFault = Literal[
    "AuthInvalidCookie",
    "AuthInvalidGrantError",
    "AuthInvalidIdToken",
    "AuthInvalidStateParam",
    "AuthInvalidTokenResponse",
    "AuthInvalidUserinfoResponse",
    "AuthMissingCodeParam",
    "AuthMissingHostHeader",
    "AuthMissingStateParam",
    "AuthTokenEpRequestFailed",
    "AuthTokenEpRequestTimeout",
    "AuthUserinfoEpRequestFailed",
    "AuthUserinfoEpRequestTimeout",
    "AuthUserinfoResponseSizeExceeded",
    "-",
]
"""The codes; `-` where AWS lists none.

Source: ELB User Guide for ALB, "Access logs", error reason codes.
"""

UNAUTHORIZED: Final = 401
"""The status for who is not signed in, and for answers of a provider that cannot be used.

Source: ELB User Guide for ALB, "Troubleshoot", HTTP 401.
"""
UNREACHABLE: Final = 500
"""The status where an endpoint of the provider cannot be reached, is slow or says too much.

Source: ELB User Guide for ALB, "Troubleshoot", HTTP 500.
"""
PROVIDER_ERROR: Final = 561
"""The status where the provider answered with an error.

Source: ELB User Guide for ALB, "Troubleshoot", HTTP 561.
"""


@value
class SignInRefusal:
    """Why nobody is signed in. `detail` names no token, code or secret."""

    status: int
    reason: SignInFault
    detail: str


def unauthorized(reason: SignInFault, detail: str) -> SignInRefusal:
    return SignInRefusal(UNAUTHORIZED, reason, detail)
