"""Authorization requests: what they ask for, and how each that is wrong is refused."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegw.identity.authorization import (
    AuthorizationRequest,
    ClientRefusal,
    PageRefusal,
    granted_to_client,
    judged,
    parameters_of,
    refused_at_client,
)
from tests.identity.providers import BACK, CHALLENGE, Bench, query

DEFINITION = Bench().definition


def test_a_request_says_what_it_asks_for() -> None:
    asked = judged(
        DEFINITION,
        query(
            nonce="n",
            code_challenge=CHALLENGE,
            code_challenge_method="S256",
            prompt="login consent",
            max_age="60",
            login_hint="ada",
        ),
    )
    assert isinstance(asked, AuthorizationRequest)
    assert (asked.client.id, asked.redirect_uri, asked.scopes) == ("app", BACK, ("openid", "email"))
    assert (asked.state, asked.nonce, asked.challenge) == ("xyz", "n", CHALLENGE)
    assert asked.prompts == {"login", "consent"}
    assert (asked.max_age, asked.login_hint) == (60, "ada")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (query("client_id"), "client_id"),
        (query(client_id="evil"), "client_id"),
        (query(client_id="evil", redirect_uri="https://evil.test/"), "client_id"),
        (query("redirect_uri"), "redirect_uri"),
        (query(redirect_uri="https://evil.test/"), "redirect_uri"),
        (query(redirect_uri="https://app.test/back"), "redirect_uri"),
        (query(redirect_uri=BACK + "&more"), "redirect_uri"),
        (query(redirect_uri=BACK + "/"), "redirect_uri"),
        (query(redirect_uri=BACK.upper()), "redirect_uri"),
        (query(redirect_uri=BACK.replace("https", "http")), "redirect_uri"),
        (query(redirect_uri="https://app.test:443/back?own=1"), "redirect_uri"),
        (query(redirect_uri="https://app.test@evil.test/back?own=1"), "redirect_uri"),
        (query(redirect_uri="https://app.test/../back?own=1"), "redirect_uri"),
        (query(redirect_uri="https://spa.test/"), "redirect_uri"),
        (query(redirect_uri="javascript:alert(1)"), "redirect_uri"),
        (query() + "&redirect_uri=https%3A%2F%2Fevil.test%2F", "more than once"),
        (query() + "&client_id=app", "more than once"),
        ("&".join(f"p{at}=1" for at in range(200)), "more than 100"),
        ("", "client_id"),
    ],
)
def test_nothing_goes_back_to_an_address_that_is_not_registered(changed: str, why: str) -> None:
    refusal = judged(DEFINITION, changed)
    assert isinstance(refusal, PageRefusal)
    assert why in refusal.text
    assert "evil" not in refusal.text  # which goes to the log


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        (query("response_type"), "invalid_request"),
        (query(response_type="token"), "unsupported_response_type"),
        (query(response_type="code id_token"), "unsupported_response_type"),
        (query(response_mode="fragment"), "invalid_request"),
        (query(request="e30.e30."), "request_not_supported"),
        (query(request_uri="https://evil.test/"), "request_uri_not_supported"),
        (query(scope="openid everything"), "invalid_scope"),
        (query(code_challenge=CHALLENGE), "invalid_request"),
        (query(code_challenge=CHALLENGE, code_challenge_method="plain"), "invalid_request"),
        (query(code_challenge="short", code_challenge_method="S256"), "invalid_request"),
        (query(code_challenge_method="S256"), "invalid_request"),
        (query(prompt="none login"), "invalid_request"),
        (query(prompt="anything"), "invalid_request"),
        (query(max_age="-1"), "invalid_request"),
        (query(max_age="1e3"), "invalid_request"),
        (query(client_id="spa", redirect_uri="https://spa.test/"), "invalid_request"),
    ],
)
def test_the_client_is_told_of_all_other_faults(changed: str, error: str) -> None:
    refusal = judged(DEFINITION, changed)
    assert isinstance(refusal, ClientRefusal)
    assert refusal.error == error
    parts = urlsplit(refused_at_client(refusal, "http://issuer"))
    told = parse_qs(parts.query)
    assert told["error"] == [error]
    assert told["state"] == ["xyz"]
    assert told["iss"] == ["http://issuer"]


def test_the_way_back_keeps_the_query_that_is_registered() -> None:
    asked = judged(DEFINITION, query(state="a b&c=d\r\nSet-Cookie: x"))
    assert isinstance(asked, AuthorizationRequest)
    back = granted_to_client(asked, "the-code", None)
    assert back == f"{BACK}&code=the-code&state=a+b%26c%3Dd%0D%0ASet-Cookie%3A+x"


def test_a_public_client_needs_a_challenge_and_a_user_pools_does_not() -> None:
    spa = query(client_id="spa", redirect_uri="https://spa.test/")
    assert isinstance(judged(DEFINITION, spa), ClientRefusal)
    assert isinstance(judged(Bench(pool=True).definition, spa), AuthorizationRequest)


@settings(max_examples=100)
@given(st.text(max_size=200))
def test_no_query_is_a_fault_of_ours(text: str) -> None:
    assert isinstance(judged(DEFINITION, text), PageRefusal)
    parameters_of(text)


@settings(max_examples=100)
@given(st.text(st.characters(codec="utf-8"), max_size=50))
def test_only_the_registered_address_is_returned_to(uri: str) -> None:
    verdict = judged(DEFINITION, query(redirect_uri=uri))
    assert isinstance(verdict, PageRefusal) or verdict.redirect_uri in (
        BACK,
        "https://app.test/other",
    )
