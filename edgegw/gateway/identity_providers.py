"""The identity providers of a gateway: for their sockets, and for tests in process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from edgegw.config.model import Config, ProviderDoor
from edgegw.errors import UsageError
from edgegw.gateway.identity_keys import FileKeys, FileMemory, ProcessKeys
from edgegw.http.authority import authority_of
from edgegw.identity.claims import all_claims
from edgegw.identity.memory import KeepsNothing
from edgegw.identity.model import IdentityClient, IdentityProvider, IdentityUser
from edgegw.identity.provider import IdentityWorld, Keys, Provider, TokenRequestFault
from edgegw.identity.tokens import TOKEN_USES, TokenPlace, TokenUse, access_claims, id_claims
from edgegw.wire.application import ApplicationFront

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway
    from edgegw.gateway.origins.transport import Address
    from edgegw.wire.asgi import AsgiApp
    from edgegw.wire.front import Front

logger = logging.getLogger(__name__)

_ANY: Final = ("", "0.0.0.0", "::")  # noqa: S104 - recognised, not chosen
_LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_MOST_SECONDS: Final = 1e12
"""Beyond it, and for what is no number, there is no time in a token."""
_NO_ANSWER: Final = 60.0
"""Seconds without an answer on demand; a load balancer gives up after five."""


class Identity:
    """One identity provider: tokens and sign-ins without a browser, and its application."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    @property
    def definition(self) -> IdentityProvider:
        """Its configuration as it is now."""
        return self._provider.definition

    @property
    def issuer(self) -> str:
        """What its tokens name as `iss`."""
        return self._provider.issuer

    @property
    def jwks(self) -> dict[str, Any]:
        """Its JSON Web Key Set."""
        return self._provider.ring.jwks()

    @cached_property
    def app(self) -> AsgiApp:
        """The provider as an ASGI 3 application, for `httpx.ASGITransport` and any ASGI server."""
        from edgegw.identity.app import identity_app

        return identity_app(self._provider)

    @cached_property
    def front(self) -> Front:
        """The provider as a front door."""
        return ApplicationFront(lambda: self.app)

    def token(
        self,
        user: str,
        client: str | None = None,
        *,
        claims: Mapping[str, Any] | None = None,
        expires: float | None = None,
        use: TokenUse = "access",
    ) -> str:
        """A token of `user` for `client` (by default the first), as a sign-in would give it.

        `claims` win over everything, `iss` and `exp` as well; None takes a claim away. It `expires`
        in so many seconds: below zero it has expired, and was issued before that. `use="id"` is an
        ID token. Raises UsageError where there is no such user, client or use, or no such time.
        """
        if use not in TOKEN_USES:
            raise UsageError(f"use is {' or '.join(map(repr, TOKEN_USES))}, not {use!r}")
        if expires is not None and not abs(expires) <= _MOST_SECONDS:
            raise UsageError(f"a token expires in so many seconds, not in {expires!r}")
        who, whom = self._user(user), self._client(client)
        provider, now = self._provider, int(self._provider.world.now())
        validity = (
            provider.definition.access_token_validity
            if use == "access"
            else provider.definition.id_token_validity
        )
        ends = now + (validity if expires is None else int(expires))
        place = TokenPlace(
            provider=provider.definition,
            issuer=provider.issuer,
            client=whom,
            now=min(now, ends - validity),
            identity=provider.new_id(),
        )
        grant = provider.grant(who.name, whom.id, whom.scopes, signed_in=place.now)
        usual = access_claims if use == "access" else id_claims
        all_of_it = {**usual(place, grant, who), "exp": ends, **(claims or {})}
        said = {name: given for name, given in all_of_it.items() if given is not None}
        return provider.signed(said, use)

    def sign_in(self, user: str, url: str) -> str:
        """Where the browser of `user` comes back to, when a sign-in sent it to `url`.

        `url` is the `Location` that an application or a load balancer answered; what comes back has
        a code, or the error that the client is told. Raises UsageError where the provider would
        show a page instead.
        """
        from edgegw.identity.sign_in import signed_in_without_browser

        return signed_in_without_browser(self._provider, urlsplit(url).query, user)

    def claims_of(self, user: str) -> dict[str, Any]:
        """Everything that is said of a user. Raises UsageError."""
        return all_claims(self.definition, self._user(user))

    def rotate_keys(self) -> None:
        """From now on another key signs; what the old ones signed still counts."""
        self._provider.world.keys.rotate()

    def sign_out(self, user: str) -> None:
        """Ends all sessions of a user, and takes all tokens back. Raises UsageError."""
        name = self._user(user).name
        self._provider.revocations.sign_out(name, self._provider.world.now())

    def _user(self, name: str) -> IdentityUser:
        return _named(name, self.definition.users, "user")

    def _client(self, name: str | None) -> IdentityClient:
        clients = self.definition.clients
        if name is None and clients:
            return next(iter(clients.values()))
        return _named(name or "", clients, "client")


def _named(name: str, known: Mapping[str, Any], what: str) -> Any:
    if name in known:
        return known[name]
    from edgegw.config.spelling import nearest

    hint = nearest(name, list(known)) or f"; there are no {what}s"
    raise UsageError(f"there is no {what} {name!r}{hint}")


class Identities:
    """The identity providers of one gateway by name; what was issued outlives a reload."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._running: dict[str, Identity] = {}

    def named(self, name: str | None) -> Identity:
        """The provider `name`, or the only one. Raises UsageError."""
        doors = {door.name: door for door in self._gateway.config.identity_providers}
        if name is None and len(doors) == 1:
            name = next(iter(doors))
        if name is None and doors:
            raise UsageError(
                f"there are several identity providers: name one of {', '.join(doors)}"
            )
        door: ProviderDoor = _named(name or "", doors, "identity provider")
        running = self._running.get(door.name)
        if running is None:
            running = self._running[door.name] = Identity(self._provider(door))
        return running

    def at(self, address: Address) -> Front | None:
        """The provider that listens at `address`; None where it is none of this gateway's."""
        for door in self._gateway.config.identity_providers:
            url = urlsplit(_address(door, self._gateway.port_of(door.key)))
            port = url.port or {"http": 80, "https": 443}[url.scheme]
            hosts = {url.hostname, *(_LOCAL if url.hostname in _LOCAL else ())}
            if (address[0], address[2]) == (url.scheme, port) and address[1] in hosts:
                return self.named(door.name).front
        return None

    def _provider(self, door: ProviderDoor) -> Provider:
        gateway, last = self._gateway, door

        def present() -> IdentityProvider:
            nonlocal last
            last = _door(gateway.config, last)
            return last.provider

        def issuer() -> str:
            return _address(last, gateway.port_of(last.key))

        target = f"identity_provider:{door.name}"
        world = IdentityWorld(
            issuer=issuer,
            keys=self._keys(door),
            now=lambda: gateway.world.now() + _skew(gateway, target),
            chance=gateway.world.secret,
            draw=partial(_draw, gateway, target),
            tell=partial(logger.info, "identity provider %s: %s", door.name),
            store=FileMemory(gateway.config.state, door.name) if gateway.lasts else KeepsNothing(),
            one_at_a_time=threading.Lock(),
        )
        return Provider(present, world)

    def _keys(self, door: ProviderDoor) -> Keys:
        gateway = self._gateway
        now, chance = gateway.world.now, gateway.world.secret
        if gateway.lasts:
            return FileKeys(gateway.config.state, door.name, now, chance)
        return ProcessKeys(door.name, now, chance)


def _door(config: Config, last: ProviderDoor) -> ProviderDoor:
    """The provider as the configuration has it now; as it was where that has it no more."""
    doors = (door for door in config.identity_providers if door.name == last.name)
    return next(doors, last)


def _address(door: ProviderDoor, real_port: int) -> str:
    """The URL that reaches it on this machine."""
    scheme = "https" if door.listen.tls else "http"
    host = "127.0.0.1" if door.listen.address in _ANY else door.listen.address
    port = door.listen.port or real_port
    return f"{scheme}://{authority_of(host, port) if port else host}"


def _skew(gateway: Gateway, target: str) -> float:
    plan = gateway.faults.plans.get(target)
    return 0.0 if plan is None else plan.clock_skew


def _draw(gateway: Gateway, target: str) -> TokenRequestFault:
    """What the next request for tokens meets on demand."""
    plan, injected = gateway.faults.plans.get(target), gateway.faults.draw(target)
    if plan is None or injected is None:
        return TokenRequestFault()
    has_expired = gateway.world.dice() < plan.expired_code
    if injected.has_effect or has_expired:
        kinds = [*str(injected).split()[1:], *(["expired_code"] if has_expired else [])]
        name = target.partition(":")[2]
        logger.info("identity provider %s: a fault on demand: %s", name, " ".join(kinds))
    if injected.kind == "timeout":
        return TokenRequestFault(delay=_NO_ANSWER, status=504)
    status = plan.status if injected.kind == "error" else None
    return TokenRequestFault(delay=plan.latency, status=status, has_expired=has_expired)
