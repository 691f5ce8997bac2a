"""What an action that comes before the answer leaves for the answer and the logs."""

from __future__ import annotations

from dataclasses import field
from typing import Final, Literal

from edgegw.http.message import Header
from edgegw.values import value

GuardName = Literal["authenticate", "jwt-validation"]
"""What `actions_executed` says of it; AWS is silent about jwt-validation."""


@value
class GuardOutcome:
    """What was executed before the answer, and what came of it.

    `reason` is the `error_reason` of what was passed over (a session that does not open, where the
    client is sent to sign in); `lines` are for the client. `verdict` says in a word how it ended,
    where there is a word for it.
    """

    name: GuardName
    reason: str = "-"
    lines: tuple[Header, ...] = field(default=(), repr=False)
    warning: str | None = None
    verdict: str = ""

    @property
    def mark(self) -> str:
        """What metrics count it by: the reason, else the verdict."""
        return self.verdict if self.reason == "-" else self.reason


SIGN_IN_REQUIRED: Final = "authenticate"
"""The verdict of a request whose client is sent to the identity provider."""
SIGNED_IN: Final = "authenticated"
"""The verdict of a request with which a sign-in ends well."""
DENIED_THERE: Final = "provider-denied"
"""The verdict of a request with which the identity provider says that access was denied."""
FAILED_THERE: Final = "provider-error"
"""The verdict of a request with which the identity provider says any other error."""
REFRESHED: Final = "refreshed"
"""The verdict of a request on whose way the session was made anew."""
TOKEN_VALIDATED: Final = "token-validated"  # noqa: S105 - a word, no secret
"""The verdict of a request with a good bearer token."""
