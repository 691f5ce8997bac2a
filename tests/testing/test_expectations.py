"""Expectations of an answer, and what they say where it is another one."""

from __future__ import annotations

import httpx
import pytest

from edgegw import Gateway
from edgegw.testing import assert_allowed, assert_redirects


def answered(status: int, location: str = "") -> httpx.Response:
    headers = {"location": location} if location else {}
    request = httpx.Request("GET", "http://site.test/a?b=1")
    return httpx.Response(status, headers=headers, request=request)


def test_who_got_in_and_who_is_sent_somewhere() -> None:
    assert_allowed(answered(200))
    assert_allowed(answered(304))
    assert_redirects(answered(302, "/login?next=/a"), "/login")
    assert_redirects(answered(302, "/login?next=/a"), "/login?next=/a")
    assert_redirects(answered(301, "https://site.test/a"), "https://site.test/a", status=301)
    assert_redirects(answered(302, "http://site.test/b"), "/b")


NOT_ALLOWED = [
    (answered(403), "refused with 403"),
    (answered(302, "/login"), "redirected with 302 to /login"),
    (answered(502), "not allowed, but failed with 502"),
]


@pytest.mark.parametrize(("response", "text"), NOT_ALLOWED)
def test_who_did_not_get_in(response: httpx.Response, text: str) -> None:
    with pytest.raises(AssertionError) as caught:
        assert_allowed(response)
    assert str(caught.value) == text


NOT_THERE = [
    (answered(200), "/b", None, "no redirect but 200, to /b was expected"),
    (
        answered(302, "/c"),
        "/b",
        None,
        "redirected to http://site.test/c, not to http://site.test/b",
    ),
    (answered(302, "/b?x=1"), "/b?x=2", None, "redirected to http://site.test/b?x=1, not to"),
    (answered(302, "/b"), "/b", 301, "redirected with 302, not with 301"),
]


@pytest.mark.parametrize(("response", "location", "status", "text"), NOT_THERE)
def test_who_is_sent_elsewhere(
    response: httpx.Response, location: str, status: int | None, text: str
) -> None:
    with pytest.raises(AssertionError) as caught:
        assert_redirects(response, location, status=status)
    assert str(caught.value).startswith(text)


def test_of_a_gateways_answer_they_tell_the_exchange() -> None:
    actions = [{"fixed_response": {"status_code": "403", "message_body": "no"}}]
    config = {"load_balancers": {"web": {"listeners": [{"listen": 1, "default_actions": actions}]}}}
    gateway = Gateway.from_dict(config)
    with gateway.sync_client("web") as client, pytest.raises(AssertionError) as caught:
        assert_allowed(client.get("/a"))
    assert str(caught.value).startswith("refused with 403\nGET /a → 403 fixed-response")
