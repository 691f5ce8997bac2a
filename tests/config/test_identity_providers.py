"""Identity providers of a configuration: what they become, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from edgegw.config.resolve import load_dict
from edgegw.errors import ConfigError
from edgegw.identity.model import ADMIN_SCOPE, STANDARD_SCOPES

CLIENT = {"redirect_uris": ["https://app.test/"]}


def provider(**given: Any) -> Any:
    config = load_dict({"identity_providers": {"local": given}})
    (door,) = config.identity_providers
    return door.provider


def findings(**given: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_dict({"identity_providers": {"local": given}})
    return [each.code for each in caught.value.findings if each.severity == "error"]


def test_defaults_are_those_of_their_kind() -> None:
    oidc = provider(clients={"spa": CLIENT, "app": {**CLIENT, "secret": 1}})
    assert [client.needs_pkce for client in oidc.clients.values()] == [True, False]
    assert oidc.clients["app"].secret == "1"
    assert oidc.clients["app"].scopes == STANDARD_SCOPES
    assert (oidc.access_token_validity, oidc.refresh_token_validity) == (3600, 2_592_000)
    pool = provider(
        clients={"spa": CLIENT, "strict": {**CLIENT, "pkce": "required"}},
        user_pool={"id": "us-gov-west-1_aB3", "domain": "auth.example.com"},
    )
    assert [client.needs_pkce for client in pool.clients.values()] == [False, True]
    assert ADMIN_SCOPE in pool.clients["spa"].scopes
    assert pool.user_pool.region == "us-gov-west-1"
    assert pool.hosts == {"auth.example.com", "cognito-idp.us-gov-west-1.amazonaws.com"}


def test_faults_are_a_plan_for_the_provider() -> None:
    config = load_dict({"identity_providers": {"local": {"faults": {"expired_code": 0.5}}}})
    assert config.faults["identity_provider:local"].expired_code == 0.5
    assert "identity_provider:local" in config.fault_targets


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"issuer": "127.0.0.1"}, "identity.issuer"),
        ({"issuer": "http://a.test/?b"}, "identity.issuer"),
        ({"issuer": "http://a.test/#b"}, "identity.issuer"),
        ({"issuer": "ftp://a.test/"}, "identity.issuer"),
        (
            {"issuer": "http://a.test", "user_pool": {"id": "eu-west-1_A", "domain": "a"}},
            "identity.issuer",
        ),
        ({"user_pool": {"id": "pool", "domain": "a"}}, "identity.user-pool"),
        ({"user_pool": {"id": "eu-west-1_A", "domain": "A"}}, "identity.user-pool"),
        ({"user_pool": {"id": "eu-west-1_A", "domain": "my-aws-app"}}, "identity.user-pool"),
        ({"user_pool": {"id": "eu-west-1_A", "domain": "a..b"}}, "identity.user-pool"),
        ({"users": {"a": {"claims": {"iss": "x"}}}}, "identity.claim"),
        ({"users": {"a": {"claims": {"aud": "x"}}}}, "identity.claim"),
        ({"claims": {"exp": 1}}, "identity.claim"),
        ({"clients": {"ä": {}}}, "identity.client"),
        ({"clients": {"a": {"secret": "ä"}}}, "identity.client"),
        ({"clients": {"a": {"scopes": ["a b"]}}}, "identity.scope"),
        ({"access_token_validity": 0}, "config.type"),
        ({"pkce": True}, "config.unknown-key"),
    ],
)
def test_what_no_provider_can_be_is_an_error(given: dict[str, Any], code: str) -> None:
    assert code in findings(**given)


@pytest.mark.parametrize(
    "uri",
    [
        "app.test/back",
        "https://",
        "https:///back",
        "https://app.test/#x",
        "https://user@app.test/",
        "https://app.test/ä",
        "https://app.test/a b",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "https://app.test:port/",
    ],
)
@pytest.mark.parametrize("key", ["redirect_uris", "logout_uris"])
def test_an_address_to_return_to_is_a_whole_one(key: str, uri: str) -> None:
    assert findings(clients={"a": {key: [uri]}}) == ["identity.redirect-uri"]


def test_apps_have_schemes_of_their_own() -> None:
    made = provider(clients={"a": {"redirect_uris": ["myapp://back", "com.example.app:/back"]}})
    assert len(made.clients["a"].redirect_uris) == 2
    assert provider(clients={"a": {**CLIENT, "claims": {"aud": "api"}}})


def test_a_port_is_one_providers_alone() -> None:
    with pytest.raises(ConfigError, match=r"config\.duplicate-listener"):
        load_dict({"identity_providers": {"a": {"listen": 8095}, "b": {"listen": 8095}}})
