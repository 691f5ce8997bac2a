"""What a provider still knows after a restart: what was taken back, and new passwords."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgegw.identity.cognito_api import PREFIX, PoolError, call
from edgegw.identity.grants import Revocations
from edgegw.identity.memory import MOST, ProviderMemory
from edgegw.identity.provider import Provider
from tests.identity.providers import USERS, Bench


class Shelf:
    """A store as a file is one: whoever looks again finds what another one wrote."""

    def __init__(self, content: list[str]) -> None:
        self._content = content
        self._seen = 0

    def load(self) -> Mapping[str, Any] | None:
        if len(self._content) == self._seen:
            return None
        self._seen = len(self._content)
        return json.loads(self._content[-1])

    def save(self, content: Mapping[str, Any]) -> None:
        self._content.append(json.dumps(content))
        self._seen = len(self._content)


class Restarted:
    """A user pool that is started as often as one likes, on one shelf."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.bench = Bench(pool=True)

    def provider(self) -> Provider:
        bench = self.bench
        world = replace(bench.provider.world, store=Shelf(self.written))
        return Provider(lambda: bench.definition, world)


def ask(provider: Provider, operation: str, **body: Any) -> dict[str, Any]:
    return call(provider, f"{PREFIX}{operation}", body)


def sign_in(provider: Provider, user: str, password: str) -> dict[str, Any]:
    given = {"USERNAME": user, "PASSWORD": password}
    return ask(
        provider,
        "InitiateAuth",
        ClientId="spa",
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters=given,
    )


def is_refused(provider: Provider, operation: str, **body: Any) -> bool:
    try:
        ask(provider, operation, **body)
    except PoolError as error:
        return error.kind == "NotAuthorizedException"
    return False


def change_password(provider: Provider, old: str, new: str) -> None:
    asked = sign_in(provider, "new", old)
    ask(
        provider,
        "RespondToAuthChallenge",
        ChallengeName=asked["ChallengeName"],
        ClientId="spa",
        Session=asked["Session"],
        ChallengeResponses={"USERNAME": "new", "NEW_PASSWORD": new},
    )


def test_a_sign_out_everywhere_holds_after_a_restart() -> None:
    house = Restarted()
    first = house.provider()
    tokens = sign_in(first, "ada", "demo")["AuthenticationResult"]
    refresh = {
        "ClientId": "spa",
        "AuthFlow": "REFRESH_TOKEN",
        "AuthParameters": {"REFRESH_TOKEN": tokens["RefreshToken"]},
    }
    assert not is_refused(house.provider(), "GetUser", AccessToken=tokens["AccessToken"])
    ask(first, "GlobalSignOut", AccessToken=tokens["AccessToken"])
    second = house.provider()
    assert is_refused(second, "GetUser", AccessToken=tokens["AccessToken"])
    assert is_refused(second, "InitiateAuth", **refresh)
    again = sign_in(second, "ada", "demo")["AuthenticationResult"]
    assert not is_refused(house.provider(), "GetUser", AccessToken=again["AccessToken"])


def test_what_one_process_takes_back_counts_in_another() -> None:
    house = Restarted()
    first, second = house.provider(), house.provider()
    tokens = [sign_in(first, "ada", "demo")["AuthenticationResult"] for _ in range(2)]
    for provider, given in zip((first, second), tokens, strict=True):
        ask(provider, "RevokeToken", ClientId="spa", Token=given["RefreshToken"])
    for provider in (first, second, house.provider()):
        for given in tokens:
            assert is_refused(provider, "GetUser", AccessToken=given["AccessToken"])


def test_two_that_write_at_once_forget_nothing() -> None:
    written: list[str] = []
    one, other = (Revocations(ProviderMemory(Shelf(written))) for _ in range(2))
    one.revoke("first")
    other.revoke("second")
    one.sign_out("ada", 7.5)
    other.sign_out("grace", 8.5)
    later = Revocations(ProviderMemory(Shelf(written)))
    for grant_id in ("first", "second"):
        assert later.is_revoked(grant_id, "eve", 9)
    for user in ("ada", "grace"):
        assert later.is_revoked("another", user, 6)
        assert not later.is_revoked("another", user, 8)


def test_a_new_password_counts_at_once_and_after_a_restart() -> None:
    house = Restarted()
    change_password(house.provider(), "first", "a second one")
    provider = house.provider()
    assert "AuthenticationResult" in sign_in(provider, "new", "a second one")
    assert provider.user_with("new", "first") is None
    assert provider.user_with("new", "") is None
    assert not any("second" in text or "first" in text for text in house.written)


def test_a_password_of_the_configuration_that_changes_counts_again() -> None:
    house = Restarted()
    change_password(house.provider(), "first", "second")
    new = replace(USERS["new"], password="third")
    definition = house.bench.definition
    house.bench.definition = replace(definition, users={**definition.users, "new": new})
    provider = house.provider()
    assert provider.user_with("new", "second") is None
    assert sign_in(provider, "new", "third")["ChallengeName"] == "NEW_PASSWORD_REQUIRED"


def test_so_much_is_remembered_and_no_more() -> None:
    written: list[str] = []
    memory = ProviderMemory(Shelf(written))
    memory.revoked.update({str(number): None for number in range(MOST + 5)})
    memory.keep()
    later = ProviderMemory(Shelf(written)).look()
    assert len(later.revoked) == MOST
    assert "4" not in later.revoked
    assert str(MOST + 4) in later.revoked
