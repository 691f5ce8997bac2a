"""Who a browser is signed in as here, and the forms that only it may send.

Both stand in cookies, which 127.0.0.1 shares between all its ports: their names are the provider's
own. A form is good in the browser that it was made for (a cookie of its own, and what only the
provider can say of both), so no page elsewhere signs anybody in (RFC 6749 section 10.12).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import Final

from edgegw.identity.authorization import AuthorizationRequest
from edgegw.identity.model import IdentityUser
from edgegw.identity.provider import Provider
from edgegw.values import value

_PURPOSE: Final = "session"
_FORM_SECRET: Final = re.compile("[0-9a-f]{32}")


@value(kw_only=True)
class BrowserSession:
    """A user who gave a password here at `signed_in`, and what was consented to since."""

    id: str
    user: IdentityUser
    signed_in: int
    consents: tuple[str, ...] = ()

    def has_consent(self, request: AuthorizationRequest) -> bool:
        """Whether the client may have what it asks for."""
        return not request.client.asks_consent or _consent(request) in self.consents

    def with_consent(self, request: AuthorizationRequest) -> BrowserSession:
        consents = tuple(dict.fromkeys((*self.consents, _consent(request))))[-20:]
        return BrowserSession(
            id=self.id, user=self.user, signed_in=self.signed_in, consents=consents
        )


def _consent(request: AuthorizationRequest) -> str:
    return " ".join((request.client.id, *sorted(request.scopes)))


def cookie_names(provider: Provider) -> tuple[str, str]:
    """The names of the cookies: of the session, and of the forms."""
    plain = re.sub("[^A-Za-z0-9_-]", "_", provider.definition.name)
    return f"edgegw-identity-{plain}", f"edgegw-identity-{plain}-form"


def begun(provider: Provider, user: IdentityUser) -> BrowserSession:
    """A session that begins now."""
    session = BrowserSession(id=provider.new_id(), user=user, signed_in=int(provider.world.now()))
    provider.revocations.note(user.name, session.id)
    return session


def sealed_session(provider: Provider, session: BrowserSession) -> str:
    """The value of the cookie."""
    content = {
        "id": session.id,
        "user": session.user.name,
        "signed_in": session.signed_in,
        "consents": list(session.consents),
    }
    return provider.sealer.seal(_PURPOSE, content, provider.world.chance(12))


def session_of(provider: Provider, cookies: Mapping[str, str]) -> BrowserSession | None:
    """The session of a browser with these cookies, if it still counts."""
    content = provider.sealer.unseal(_PURPOSE, cookies.get(cookie_names(provider)[0], ""))
    if content is None:
        return None
    name, signed_in = content["user"], content["signed_in"]
    user = provider.definition.users.get(name)
    is_over = provider.world.now() >= signed_in + provider.definition.session_validity
    if user is None or is_over:
        return None
    if provider.revocations.is_revoked(content["id"], name, signed_in):
        return None
    return BrowserSession(
        id=content["id"], user=user, signed_in=signed_in, consents=tuple(content["consents"])
    )


# Forms


def form_secret(provider: Provider, cookies: Mapping[str, str]) -> str:
    """What tells this browser from others: its cookie, or a new one."""
    known = cookies.get(cookie_names(provider)[1], "")
    return known if _FORM_SECRET.fullmatch(known) else provider.world.chance(16).hex()


def form_token(provider: Provider, secret: str, query: str) -> str:
    """What a form about this authorization request holds in the browser with this secret."""
    return provider.mac("form", f"{secret}\0{query}")


def is_own_form(provider: Provider, cookies: Mapping[str, str], form: Mapping[str, str]) -> bool:
    """Whether the form was made here for this browser."""
    secret = cookies.get(cookie_names(provider)[1], "")
    if not _FORM_SECRET.fullmatch(secret):
        return False
    expected = form_token(provider, secret, form.get("request", ""))
    return hmac.compare_digest(expected.encode(), form.get("_csrf", "").encode())
