"""What is left of a guard for metrics and records: its mark, and nothing secret."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, NoReturn

import pytest

from edgegw.alb.authentication.keys import REMEMBERED, SignInKeys, new_signing_key
from edgegw.alb.authentication.known_session import KnownSession
from edgegw.alb.authentication.provider_replies import ProviderReply
from edgegw.alb.authentication.redaction import hidden, secrets_in, shown_target
from edgegw.alb.authentication.session import UserSession, held_cookies, session_lines
from edgegw.alb.authentication.steps import ExchangeCode, FetchUserInfo, RefreshTokens
from edgegw.alb.flow import BalancerStep, ChooseTarget
from edgegw.alb.jwt.model import JwtValidation
from edgegw.http.message import Headers, Request
from edgegw.http.target import RequestTarget
from tests.alb.signing_in import (
    ACTION,
    CLAIMS,
    KEYS,
    NOW,
    answer,
    begun,
    callback,
    enter,
    json_reply,
    location,
    secured,
    set_cookies,
    signed_in,
    token_answer,
)

LISTENER = secured()
ALLOWING = secured(replace(ACTION, on_unauthenticated="allow"))
FORGED = {"AWSELBAuthSessionCookie-0": "1forged"}
TOKENS = JwtValidation("https://id.test/jwks", "https://id.test")


def refresh() -> BalancerStep:
    step = enter(LISTENER, cookies=signed_in(LISTENER), later=60)
    assert isinstance(step, RefreshTokens)
    step = step.next(json_reply({"access_token": "access-2"}))
    assert isinstance(step, FetchUserInfo)
    assert step.is_refresh
    return step.next(json_reply(CLAIMS))


def come_back() -> BalancerStep:
    cookies, state = begun(LISTENER)
    step = enter(LISTENER, callback(state), cookies=cookies)
    assert isinstance(step, ExchangeCode)
    step = step.next(json_reply(token_answer()))
    assert isinstance(step, FetchUserInfo)
    assert not step.is_refresh
    return step.next(json_reply(CLAIMS))


MARKS: dict[str, tuple[Any, str]] = {
    "sent away": (lambda: enter(LISTENER), "authenticate"),
    "sent away with a forged session": (
        lambda: enter(LISTENER, cookies=FORGED),
        "AuthInvalidCookie",
    ),
    "let through with a forged session": (
        lambda: enter(ALLOWING, cookies=FORGED),
        "AuthInvalidCookie",
    ),
    "let through": (lambda: enter(ALLOWING), ""),
    "signed in": (lambda: enter(LISTENER, cookies=signed_in(LISTENER)), ""),
    "refreshed": (refresh, "refreshed"),
    "back": (come_back, "authenticated"),
    "back with a denial": (
        lambda: enter(LISTENER, b"/oauth2/idpresponse?error=access_denied"),
        "provider-denied",
    ),
    "back with an error": (
        lambda: enter(LISTENER, b"/oauth2/idpresponse?error=server_error"),
        "provider-error",
    ),
}


@pytest.mark.parametrize("name", MARKS)
def test_a_guard_leaves_a_mark(name: str) -> None:
    make, mark = MARKS[name]
    guard = make().chosen.guard
    assert guard is not None
    assert guard.mark == mark


def test_a_second_tab_that_signs_in_ends_the_sign_in_of_the_first() -> None:
    """The browser has one nonce, and keeps the newest: so the first comes back with another's."""
    tabs = [answer(enter(LISTENER, entropy=chance * 24)) for chance in "12"]
    first, second = (set_cookies(tab.response.headers) for tab in tabs)
    assert first.keys() == second.keys() == {"AWSALBAuthNonce"}
    state, newer = (location(tab)[1]["state"] for tab in tabs)
    refusal = answer(enter(LISTENER, callback(state), cookies=first | second)).refusal
    assert refusal is not None
    assert (refusal.status, refusal.reason) == (401, "AuthInvalidStateParam")
    assert isinstance(enter(LISTENER, callback(newer), cookies=first | second), ExchangeCode)


@pytest.mark.parametrize(
    ("nonce", "why"),
    [(None, "without the cookie AWSALBAuthNonce"), ("0123456789abcdef", "in another tab perhaps")],
)
def test_the_reason_says_what_became_of_the_nonce(nonce: str | None, why: str) -> None:
    _, state = begun(LISTENER)
    cookies = {} if nonce is None else {"AWSALBAuthNonce": nonce}
    refusal = answer(enter(LISTENER, callback(state), cookies=cookies)).refusal
    assert refusal is not None
    assert (refusal.status, refusal.reason) == (401, "AuthInvalidStateParam")
    assert why in refusal.detail


def dense(size: int) -> str:
    """A text that does not get shorter by compressing it."""
    return "".join(hashlib.sha256(str(at).encode()).hexdigest() for at in range(size // 64))


def test_a_session_that_fits_into_no_four_cookies_says_so() -> None:
    cookies, state = begun(LISTENER)
    step: Any = enter(LISTENER, callback(state), cookies=cookies)
    step = step.next(json_reply(token_answer(refresh_token=dense(24_000))))
    refusal = answer(step.next(json_reply(CLAIMS))).refusal
    assert refusal is not None
    assert (refusal.status, refusal.reason) == (500, "AuthUserinfoResponseSizeExceeded")
    assert "does not fit into four cookies" in refusal.detail


def test_user_info_that_is_cut_behind_what_is_read_is_too_large_not_invalid() -> None:
    step: Any = enter(LISTENER, callback((pair := begun(LISTENER))[1]), cookies=pair[0])
    step = step.next(json_reply(token_answer()))
    refusal = answer(
        step.next(ProviderReply(200, b'{"sub":"ada","a":"'.ljust(64 * 1024 + 1, b"x")))
    ).refusal
    assert refusal is not None
    assert refusal.reason == "AuthUserinfoResponseSizeExceeded"


# Records


def asked(target: bytes, *lines: tuple[bytes, bytes]) -> Request:
    return Request("GET", RequestTarget.parse(target), Headers(lines))


BEARER = (b"Authorization", b"Bearer a-bearer-token")


@pytest.mark.parametrize(
    ("request_", "actions", "expected"),
    [
        (asked(b"/", BEARER), (TOKENS,), ("a-bearer-token",)),
        (asked(b"/", BEARER), (ACTION,), ("a-bearer-token",)),
        (asked(b"/", BEARER), (), ()),
        (asked(b"/", (b"Authorization", b"Basic dXNlcjpwYXNz")), (ACTION,), ("dXNlcjpwYXNz",)),
        (asked(b"/signed-in?code=one-code-here&state=the-state-text"), (), ("one-code-here", "the-state-text")),
        (asked(b"/?postcode=12345678&state=california"), (), ()),
        (asked(b"/?code=QWERTYUIOP"), (), ()),
        (asked(b"/oauth2/idpresponse?code=QWERTYUIOP"), (ACTION,), ("QWERTYUIOP",)),
        (asked(b"/logout?id_token_hint=e30.e30.c2ln"), (), ("e30.e30.c2ln",)),
        (asked(b"/api?access_token=0123456789"), (), ("0123456789",)),
        (asked(b"/api?token=0123456789"), (), ()),
    ],
)  # fmt: skip
def test_what_no_record_shows(request_: Request, actions: Any, expected: tuple[str, ...]) -> None:
    assert sorted(secrets_in([request_], [], actions)) == sorted(expected)


def test_a_line_for_people_has_no_code() -> None:
    request = asked(b"/signed-in?code=one-code-here&state=the-state-text&x=1")
    assert shown_target(request) == b"/signed-in?code=[hidden]&state=[hidden]&x=1"
    nested = asked(b"/a?code=0123456789&state=0123456789-and-more")
    assert shown_target(nested) == b"/a?code=[hidden]&state=[hidden]"
    assert shown_target(asked(b"/a?b=c")) == b"/a?b=c"
    unspent = asked(b"/oauth2/idpresponse?code=one-code-here")
    assert shown_target(unspent) == b"/oauth2/idpresponse?code=[hidden]"


def test_a_secret_is_hidden_wherever_it_stands() -> None:
    record = {"event": {"querystring": "code=one-code-here"}, "lines": [["a", "one-code-here"]]}
    assert "one-code" not in str(hidden(record, ("one-code-here",)))


def test_target_requests_keep_what_records_hide() -> None:
    step = enter(LISTENER, cookies=signed_in(LISTENER), headers=[("Authorization", "Bearer own")])
    assert isinstance(step, ChooseTarget)
    assert step.request.headers.get(b"authorization") == b"Bearer own"


# Cookies


@pytest.mark.parametrize(
    ("cookie", "is_there", "rest"),
    [
        (b"AWSELBAuthSessionCookie-0=1x", True, b""),
        (b"AWSELBAuthSessionCookie-0", True, b""),
        (b"AWSELBAuthSessionCookie-=1x", False, b"AWSELBAuthSessionCookie-=1x"),
        (b"AWSELBAuthSessionCookie-a=1x", False, b"AWSELBAuthSessionCookie-a=1x"),
        (b"AWSELBAuthSessionCookie-0x=1", False, b"AWSELBAuthSessionCookie-0x=1"),
        (b"AWSELBAuthSessionCookie-00=1", False, b"AWSELBAuthSessionCookie-00=1"),
        (b"XAWSELBAuthSessionCookie-0=1", False, b"XAWSELBAuthSessionCookie-0=1"),
        (b"awselbauthsessioncookie-0=1", False, b"awselbauthsessioncookie-0=1"),
        (b"AWSALBAuthNonce=abc", False, b""),
        (b"AWSALBAuthNonce", False, b""),
        (b"AWSALBAuthNonceX=abc", False, b"AWSALBAuthNonceX=abc"),
        (b" a=1 ;; b = 2;", False, b"a=1; b = 2"),
    ],
)
def test_cookies_of_the_load_balancer_are_told_by_their_whole_name(
    cookie: bytes, is_there: bool, rest: bytes
) -> None:
    held = held_cookies(Headers([(b"Cookie", cookie)]), ACTION)
    assert (held.are_there, held.rest) == (is_there, rest)


# What is remembered


def test_the_first_request_after_a_sign_in_has_nothing_to_open_or_sign() -> None:
    keys = SignInKeys(b"r" * 32, new_signing_key(), KEYS.key_id)
    sent = answer(enter(LISTENER, keys=keys))
    cookies, state = set_cookies(sent.response.headers), location(sent)[1]["state"]
    step: Any = enter(LISTENER, callback(state), cookies=cookies, keys=keys)
    back = answer(step.next(json_reply(token_answer())).next(json_reply(CLAIMS)))
    session = set_cookies(back.response.headers)
    keys.sign = keys.cipher = _never  # type: ignore[method-assign,assignment]
    first = enter(LISTENER, cookies=session, keys=keys)
    assert isinstance(first, ChooseTarget)
    assert first.request.headers.get(b"x-amzn-oidc-identity") == b"ada"


def _never(*_: object) -> NoReturn:
    raise AssertionError("it is known")


def test_of_very_many_sessions_the_oldest_is_opened_anew() -> None:
    keys = SignInKeys(b"r" * 32, b"", "kid")
    known = KnownSession(UserSession("ada", "{}", "t", None, None, 1.0))
    for number in range(REMEMBERED + 1):
        keys.remember(b"mark", b"%d" % number, known)
    assert keys.known(b"mark", b"0") is None
    assert keys.known(b"mark", b"1") is known
    assert keys.known(b"mark", b"%d" % REMEMBERED) is known
    assert keys.known(b"another", b"1") is None


@pytest.mark.parametrize("name", ["AWSELBAuthSessionCookie", "s", "n" * 200])
def test_no_session_cookie_is_longer_than_browsers_keep(name: str) -> None:
    action = replace(ACTION, session_cookie_name=name)
    session = UserSession("ada", "{}", "t", dense(9_000), None, NOW)
    lines = session_lines(
        KEYS, action, "arn", session, now=NOW, entropy="0" * 24, is_cross_origin=True
    )
    assert lines is not None
    sizes = [len(line) for _, line in lines]
    assert len(sizes) >= 2
    assert 4000 < sizes[0] <= 4096
    assert max(sizes) <= 4096
