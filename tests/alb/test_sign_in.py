"""Sign-ins at a load balancer as screenplays: steps expected, replies of the provider given."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import jwt
import pytest

from edgegw.alb.access_log import Sizes, Timing, access_line
from edgegw.alb.authentication.identity_headers import CLAIMS_LIFETIME
from edgegw.alb.authentication.keys import SignInKeys, new_signing_key
from edgegw.alb.authentication.provider_calls import ProviderCall
from edgegw.alb.authentication.provider_replies import ProviderFailure, ProviderReply
from edgegw.alb.authentication.refusals import SignInFault
from edgegw.alb.authentication.session import COOKIE_LIFETIME
from edgegw.alb.authentication.state import LOGIN_TIMEOUT
from edgegw.alb.authentication.steps import (
    CheckSession,
    ExchangeCode,
    FetchUserInfo,
    RefreshTokens,
)
from edgegw.alb.conditions import path_pattern
from edgegw.alb.explain import explain
from edgegw.alb.flow import BalancerStep, ChooseTarget, start
from edgegw.alb.metrics import ClientRequests, samples
from edgegw.alb.model import FixedResponse, Rule
from edgegw.alb.targets import Routable
from edgegw.http.date import http_date
from edgegw.http.message import Headers
from edgegw.http.message import Request as HttpRequest
from tests.alb import balancers
from tests.alb.balancers import FACTS
from tests.alb.signing_in import (
    ACTION,
    CLAIMS,
    KEYS,
    NOW,
    answer,
    begun,
    callback,
    enter,
    id_claims,
    json_reply,
    location,
    secured,
    set_cookies,
    signed_in,
    token_answer,
    unsigned,
)

LISTENER = secured()
BALANCER = LISTENER.load_balancer


def to_target(step: BalancerStep) -> HttpRequest:
    """The request that goes on."""
    assert isinstance(step, ChooseTarget), step
    return step.request


def cookie_values(request: HttpRequest) -> list[bytes]:
    return request.headers.get_all(b"cookie")


# The way there


def test_who_is_not_signed_in_is_sent_to_the_identity_provider() -> None:
    sent = answer(enter(LISTENER))
    raw = (sent.response.headers.get(b"location") or b"").decode()
    assert sent.response.status == 302
    assert raw.startswith(
        "https://id.test/authorize?client_id=app"
        "&redirect_uri=https%3A%2F%2Fexample.com%2Foauth2%2Fidpresponse"
        "&response_type=code&scope=openid&state="
    )
    assert "nonce" not in raw
    [line] = sent.response.headers.get_all(b"set-cookie")
    name, _, rest = line.partition(b"=")
    assert name == b"AWSALBAuthNonce"
    nonce, _, attributes = rest.partition(b";")
    assert len(nonce) == 16
    assert attributes == b" Path=/"
    assert sent.verdict == "authenticate"
    assert (sent.response.body.content or b"").startswith(b"<html>\r\n<head><title>302 Found")


def test_scope_and_extra_parameters_are_percent_encoded() -> None:
    action = replace(
        ACTION,
        scope="openid email",
        extra_params=(("prompt", "login consent"), ("ui", "ä")),
        shown_endpoint="https://id.test/authorize?tenant=1",
    )
    raw = answer(enter(secured(action))).response.headers.get(b"location") or b""
    assert raw.startswith(b"https://id.test/authorize?tenant=1&client_id=app&")
    assert b"&scope=openid%20email&state=" in raw
    assert raw.endswith(b"&prompt=login%20consent&ui=%C3%A4")


@pytest.mark.parametrize("host", [None, "a b", "evil.test/x?", "a@evil.test", ""])
def test_without_a_host_there_is_no_way_back(host: str | None) -> None:
    refused = answer(enter(LISTENER, host=host, http_version="1.0"))
    assert refused.refusal is not None
    assert (refused.refusal.status, refused.refusal.reason) == (401, "AuthMissingHostHeader")


# The way back


def test_a_sign_in_from_the_first_step_to_the_last() -> None:
    cookies, state = begun(LISTENER)
    step = enter(LISTENER, callback(state), cookies=cookies, later=2)

    assert isinstance(step, ExchangeCode)
    call = step.call
    assert str(call) == "https://id.test:443/token"
    assert call.request.method == "POST"
    assert call.request.headers.get(b"authorization") == b"Basic " + base64.b64encode(
        b"app:s%20e%3Acret"
    )
    assert call.request.body.content == (
        b"grant_type=authorization_code&code=code-1"
        b"&redirect_uri=https%3A%2F%2Fexample.com%2Foauth2%2Fidpresponse"
    )

    step = step.next(json_reply(token_answer()))
    assert isinstance(step, FetchUserInfo)
    assert str(step.call) == "https://id.test:443/userinfo"
    assert step.call.request.headers.get(b"authorization") == b"Bearer access-1"

    back = answer(step.next(json_reply(CLAIMS)))
    assert back.response.status == 302
    assert back.response.headers.get(b"location") == b"https://example.com/page?a=1"
    assert back.verdict == "authenticated"
    session, spent = back.response.headers.get_all(b"set-cookie")
    assert session.startswith(b"AWSELBAuthSessionCookie-0=1")
    week = http_date(NOW + 2 + COOKIE_LIFETIME)
    assert session.endswith(b"; Expires=" + week + b"; Path=/; Secure; HttpOnly")
    assert spent == b"AWSALBAuthNonce=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"


def test_whose_session_holds_goes_on_with_who_it_is() -> None:
    cookies = signed_in(LISTENER) | {"theme": "dark", "AWSALBAuthNonce": "x"}
    request = to_target(enter(LISTENER, cookies=cookies, later=30))
    assert cookie_values(request) == [b"theme=dark"]
    assert request.headers.get(b"x-amzn-oidc-accesstoken") == b"access-1"
    assert request.headers.get(b"x-amzn-oidc-identity") == b"ada"
    names = [name for name, _ in request.headers.raw if name.lower().startswith(b"x-amzn-oidc")]
    assert len(names) == 3


def test_a_cookie_header_of_nothing_else_stays_and_is_empty() -> None:
    assert cookie_values(to_target(enter(LISTENER, cookies=signed_in(LISTENER)))) == [b""]


def test_claims_are_signed_as_aws_signs_them() -> None:
    data = to_target(enter(LISTENER, cookies=signed_in(LISTENER))).headers.get(b"x-amzn-oidc-data")
    assert data is not None
    parts = data.split(b".")
    assert all(len(part) % 4 == 0 for part in parts)  # the padding that AWS leaves in
    header = json.loads(base64.urlsafe_b64decode(parts[0]))
    assert list(header) == ["typ", "kid", "alg", "iss", "client", "signer", "exp"]
    assert header == {
        "typ": "JWT",
        "kid": KEYS.key_id,
        "alg": "ES256",
        "iss": "https://id.test",
        "client": "app",
        "signer": BALANCER.arn,
        "exp": int(NOW) + CLAIMS_LIFETIME,
    }
    assert len(base64.urlsafe_b64decode(parts[2])) == 64
    claims = jwt.decode(
        data.decode(),
        KEYS.public_pem(),
        algorithms=["ES256"],
        options={"verify_exp": False},
    )
    assert claims == CLAIMS | {"exp": int(NOW) + CLAIMS_LIFETIME, "iss": "https://id.test"}


def test_claims_of_the_provider_do_not_say_when_the_signature_expires() -> None:
    cookies = signed_in(LISTENER, claims=CLAIMS | {"exp": 1, "iss": "https://evil.test"})
    data = to_target(enter(LISTENER, cookies=cookies)).headers.get(b"x-amzn-oidc-data") or b""
    claims = json.loads(base64.urlsafe_b64decode(data.split(b".")[1]))
    assert (claims["exp"], claims["iss"]) == (int(NOW) + CLAIMS_LIFETIME, "https://id.test")


def test_the_signature_is_made_anew_before_it_is_half_over() -> None:
    cookies = signed_in(LISTENER, tokens=token_answer(expires_in=9000))

    def signed(later: float) -> bytes | None:
        request = to_target(enter(LISTENER, cookies=cookies, later=later))
        return request.headers.get(b"x-amzn-oidc-data")

    assert signed(10) == signed(40)
    assert signed(40) != signed(40 + CLAIMS_LIFETIME / 2)


def test_headers_of_the_client_about_who_it_is_never_reach_the_target() -> None:
    forged = [("X-Amzn-Oidc-Identity", "root"), ("x-amzn-oidc-data", "forged")]
    step = enter(LISTENER, cookies=signed_in(LISTENER), headers=forged)
    assert to_target(step).headers.get_all(b"x-amzn-oidc-identity") == [b"ada"]
    allowing = secured(replace(ACTION, on_unauthenticated="allow"))
    step = enter(allowing, headers=forged)
    assert b"x-amzn-oidc-identity" not in to_target(step).headers
    assert step.chosen.guard is not None
    assert "x-amzn-oidc" in (step.chosen.guard.warning or "")


def test_a_request_of_another_site_gets_a_cookie_that_goes_along_there() -> None:
    cookies, state = begun(LISTENER)
    step = enter(
        LISTENER, callback(state), cookies=cookies, headers=[("Origin", "https://other.test")]
    )
    assert isinstance(step, ExchangeCode)
    step = step.next(json_reply(token_answer()))
    assert isinstance(step, FetchUserInfo)
    back = answer(step.next(json_reply(CLAIMS)))
    assert b"; SameSite=None; Secure; HttpOnly" in back.response.headers.get_all(b"set-cookie")[0]


# Who is not signed in


@pytest.mark.parametrize(
    ("on_unauthenticated", "cookie", "status", "reason"),
    [
        ("authenticate", None, 302, "-"),
        ("authenticate", "forged", 302, "AuthInvalidCookie"),
        ("deny", None, 401, "-"),
        ("deny", "forged", 401, "AuthInvalidCookie"),
        ("allow", None, None, "-"),
        ("allow", "forged", None, "AuthInvalidCookie"),
    ],
)
def test_what_becomes_of_who_is_not_signed_in(
    on_unauthenticated: Any, cookie: str | None, status: int | None, reason: str
) -> None:
    listener = secured(replace(ACTION, on_unauthenticated=on_unauthenticated))
    cookies = {"AWSELBAuthSessionCookie-0": f"1{cookie}"} if cookie else {}
    step = enter(listener, cookies=cookies)
    if status is None:
        assert b"x-amzn-oidc-identity" not in to_target(step).headers
        assert step.chosen.guard is not None
        assert step.chosen.guard.reason == reason
        return
    refused = answer(step)
    assert refused.response.status == status
    line = access_line(
        refused, balancers.request(), Timing(NOW, NOW), Sizes(1, 1), address="127.0.0.1"
    )
    assert f'"authenticate" "-" "{reason}"' in line


@pytest.mark.parametrize(
    ("on_unauthenticated", "is_sent"), [("deny", True), ("authenticate", True)]
)
def test_whose_session_is_over_is_asked_again_even_where_others_are_denied(
    on_unauthenticated: Any, is_sent: bool
) -> None:
    action = replace(ACTION, session_timeout=100)
    cookies = signed_in(secured(action))
    listener = secured(replace(action, on_unauthenticated=on_unauthenticated))
    sent = answer(enter(listener, cookies=cookies, later=100))
    assert (sent.response.status == 302) is is_sent


# Refresh


def test_an_access_token_that_is_over_is_had_anew_on_the_way_to_the_target() -> None:
    cookies = signed_in(LISTENER)
    step = enter(LISTENER, cookies=cookies, later=60)
    assert isinstance(step, RefreshTokens)
    assert step.call.request.body.content == b"grant_type=refresh_token&refresh_token=refresh-1"

    step = step.next(json_reply({"access_token": "access-2", "expires_in": 60}))
    assert isinstance(step, FetchUserInfo)
    step = step.next(json_reply(CLAIMS | {"email": "new@example.com"}))
    request = to_target(step)
    assert request.headers.get(b"x-amzn-oidc-accesstoken") == b"access-2"
    assert step.chosen.guard is not None
    renewed = set_cookies(Headers(step.chosen.guard.lines))
    assert renewed.keys() == {"AWSELBAuthSessionCookie-0"}

    request = to_target(enter(LISTENER, cookies=renewed, later=119))
    assert request.headers.get(b"x-amzn-oidc-accesstoken") == b"access-2"
    again = enter(LISTENER, cookies=renewed, later=120)
    assert isinstance(again, RefreshTokens)  # with the first refresh token, as none came since
    assert again.session.refresh_token == "refresh-1"
    assert answer(enter(LISTENER, cookies=renewed, later=604_800)).response.status == 302


@pytest.mark.parametrize(
    "replies",
    [
        [ProviderFailure("no answer", timed_out=True)],
        [json_reply({"error": "invalid_grant"}, 400)],
        [json_reply({"access_token": "access-2"}), ProviderReply(500, b"")],
        [json_reply({"access_token": "access-2"}), json_reply({"sub": "eve"})],
    ],
    ids=["timeout", "refused", "no-user-info", "another-user"],
)
def test_whose_refresh_fails_is_asked_again(replies: list[Any]) -> None:
    step: Any = enter(LISTENER, cookies=signed_in(LISTENER), later=60)
    for reply in replies:
        step = step.next(reply)
    assert answer(step).response.status == 302


def test_without_a_refresh_token_a_session_lasts_until_its_timeout() -> None:
    tokens = token_answer(refresh_token=None, expires_in=1)
    cookies = signed_in(LISTENER, tokens=tokens)
    assert isinstance(enter(LISTENER, cookies=cookies, later=604_799), ChooseTarget)


# The callback


def refusal_of(step: BalancerStep) -> tuple[int, str, str]:
    refusal = answer(step).refusal
    assert refusal is not None, step
    return refusal.status, refusal.reason, refusal.detail


OTHER = replace(ACTION, client_id="other", session_cookie_name="other")


def other_nonce(cookies: dict[str, str]) -> dict[str, str]:
    return cookies | {"AWSALBAuthNonce": "0123456789abcdef"}


CALLBACKS: dict[str, tuple[str, Callable[[dict[str, str], str], BalancerStep]]] = {
    "no-code": (
        "AuthMissingCodeParam",
        lambda cookies, state: enter(
            LISTENER, b"/oauth2/idpresponse?state=" + state.encode(), cookies=cookies
        ),
    ),
    "two-codes": (
        "AuthMissingCodeParam",
        lambda cookies, state: enter(LISTENER, callback(state) + b"&code=2", cookies=cookies),
    ),
    "nothing": (
        "AuthMissingCodeParam",
        lambda cookies, _: enter(LISTENER, b"/oauth2/idpresponse", cookies=cookies),
    ),
    "no-state": (
        "AuthMissingStateParam",
        lambda cookies, _: enter(LISTENER, b"/oauth2/idpresponse?code=1", cookies=cookies),
    ),
    "forged-state": (
        "AuthInvalidStateParam",
        lambda cookies, _: enter(LISTENER, callback("AAAA" * 20), cookies=cookies),
    ),
    "cut-state": (
        "AuthInvalidStateParam",
        lambda cookies, state: enter(LISTENER, callback(state[:-8]), cookies=cookies),
    ),
    "state-beyond-ascii": (
        "AuthInvalidStateParam",
        lambda cookies, _: enter(LISTENER, callback("ä" * 80), cookies=cookies),
    ),
    "no-nonce": ("AuthInvalidStateParam", lambda _, state: enter(LISTENER, callback(state))),
    "nonce-of-another": (
        "AuthInvalidStateParam",
        lambda cookies, state: enter(LISTENER, callback(state), cookies=other_nonce(cookies)),
    ),
    "state-of-another": (
        "AuthInvalidStateParam",
        lambda cookies, _: enter(
            LISTENER,
            callback(location(answer(enter(LISTENER, later=1)))[1]["state"]),
            cookies=other_nonce(cookies),
        ),
    ),
    "state-of-another-action": (
        "AuthInvalidStateParam",
        lambda cookies, state: enter(secured(OTHER), callback(state), cookies=cookies),
    ),
    "state-of-other-keys": (
        "AuthInvalidStateParam",
        lambda cookies, state: enter(
            LISTENER,
            callback(state),
            cookies=cookies,
            keys=SignInKeys(b"o" * 32, new_signing_key(), "other"),
        ),
    ),
    "session-as-state": (
        "AuthInvalidStateParam",
        lambda cookies, _: enter(
            LISTENER,
            callback(signed_in(LISTENER)["AWSELBAuthSessionCookie-0"][1:]),
            cookies=cookies,
        ),
    ),
    "too-many-parameters": (
        "AuthInvalidStateParam",
        lambda cookies, state: enter(LISTENER, callback(state) + b"&a" * 100, cookies=cookies),
    ),
    "too-late": (
        "AuthInvalidStateParam",
        lambda cookies, state: enter(
            LISTENER, callback(state), cookies=cookies, later=LOGIN_TIMEOUT
        ),
    ),
    "another-host": (
        "AuthInvalidStateParam",
        lambda cookies, state: enter(LISTENER, callback(state), cookies=cookies, host="evil.test"),
    ),
    "another-port": (
        "AuthInvalidStateParam",
        lambda cookies, state: enter(
            LISTENER, callback(state), cookies=cookies, host="example.com:8443"
        ),
    ),
}


@pytest.mark.parametrize("name", CALLBACKS)
def test_a_callback_that_is_not_of_this_sign_in_is_refused_before_the_code_is_spent(
    name: str,
) -> None:
    reason, come_back = CALLBACKS[name]
    cookies, state = begun(LISTENER)
    status, said, detail = refusal_of(come_back(cookies, state))
    assert (status, said) == (401, reason)
    assert state not in detail
    assert cookies["AWSALBAuthNonce"] not in detail


def test_just_in_time_is_in_time() -> None:
    cookies, state = begun(LISTENER)
    step = enter(LISTENER, callback(state), cookies=cookies, later=LOGIN_TIMEOUT - 1)
    assert isinstance(step, ExchangeCode)


def test_a_browser_that_signed_in_cannot_be_sent_through_it_again() -> None:
    cookies, state = begun(LISTENER)
    session = signed_in(LISTENER)
    after = {name: text for name, text in cookies.items() if name != "AWSALBAuthNonce"} | session
    assert refusal_of(enter(LISTENER, callback(state), cookies=after))[1] == "AuthInvalidStateParam"


@pytest.mark.parametrize(
    "target",
    [b"//evil.test/x", b"/\\evil.test", b"/a\r", b"/%0d%0aX: 1", b"/x?y=https://evil.test", b"*"],
)
def test_a_sign_in_ends_at_the_host_where_it_began(target: bytes) -> None:
    cookies, state = begun(LISTENER, target)
    step: Any = enter(LISTENER, callback(state), cookies=cookies)
    back = answer(step.next(json_reply(token_answer())).next(json_reply(CLAIMS)))
    url = back.response.headers.get(b"location") or b""
    assert url.startswith(b"https://example.com/")
    assert url.isascii()
    assert url.decode().isprintable()


@pytest.mark.parametrize(
    ("error", "status"), [("access_denied", 401), ("login_required", 561), ("<script>", 561)]
)
@pytest.mark.parametrize("has_state", [True, False])
def test_an_error_of_the_provider_comes_to_the_client(
    error: str, status: int, has_state: bool
) -> None:
    cookies, state = begun(LISTENER)
    rest = callback(state, "").partition(b"&")[2] if has_state else b""
    target = b"/oauth2/idpresponse?error=" + error.encode() + b"&" + rest
    refused = answer(enter(LISTENER, target, cookies=cookies))
    assert refused.response.status == status
    assert refused.refusal is not None
    assert "<" not in refused.refusal.detail
    if status == 561:
        assert refused.response.body.is_empty


# The listener


def test_the_callback_is_the_listeners_whichever_rule_its_path_matches() -> None:
    open_rule = Rule(None, (), (FixedResponse(200, message_body="open"),))
    admin = Rule(5, (path_pattern(["/admin/*"]),), (ACTION, FixedResponse(200)))
    own = Rule(6, (path_pattern(["/team/*"]),), (OTHER, FixedResponse(200)))
    listener = replace(balancers.listener(admin, own, protocol="HTTPS"), default=open_rule)
    for target, action in ((b"/admin/a", ACTION), (b"/team/b", OTHER)):
        cookies, state = begun(listener, target)
        step = enter(listener, callback(state), cookies=cookies)
        assert isinstance(step, ExchangeCode)
        assert step.context.action == action
        assert step.chosen.rule is not None
        assert step.chosen.rule.guard == action


def test_rules_with_cookies_of_their_own_have_sessions_of_their_own() -> None:
    cookies = signed_in(LISTENER)
    renamed = {name.replace("AWSELBAuthSessionCookie", "other"): v for name, v in cookies.items()}
    assert answer(enter(secured(OTHER), cookies=cookies)).response.status == 302
    swapped = answer(enter(secured(OTHER), cookies=cookies | renamed))
    assert swapped.verdict == "AuthInvalidCookie"


def test_a_session_holds_at_every_listener_of_its_load_balancer_and_at_no_other() -> None:
    cookies = signed_in(LISTENER)
    second = replace(LISTENER, port=8443)
    assert isinstance(enter(second, cookies=cookies), ChooseTarget)
    other = replace(LISTENER, load_balancer=replace(BALANCER, arn=BALANCER.arn + "0"))
    assert answer(enter(other, cookies=cookies)).verdict == "AuthInvalidCookie"


def test_a_session_outlives_the_gateway() -> None:
    signing = new_signing_key()
    first, second = (SignInKeys(b"s" * 32, signing, "kid") for _ in range(2))
    cookies, state = set_cookies_of(enter(LISTENER, keys=first))
    step: Any = enter(LISTENER, callback(state), cookies=cookies, keys=second)
    back = answer(step.next(json_reply(token_answer())).next(json_reply(CLAIMS)))
    session = set_cookies(back.response.headers)
    assert isinstance(enter(LISTENER, cookies=session, keys=first), ChooseTarget)


def set_cookies_of(step: BalancerStep) -> tuple[dict[str, str], str]:
    sent = answer(step)
    return set_cookies(sent.response.headers), location(sent)[1]["state"]


def test_a_fixed_response_may_stand_behind_a_sign_in() -> None:
    listener = replace(LISTENER, default=Rule(None, (), (ACTION, FixedResponse(200))))
    step = enter(listener, cookies=signed_in(LISTENER))
    assert answer(step).verdict == "fixed-response"


def test_the_access_log_lists_both_actions() -> None:
    step = enter(LISTENER, cookies=signed_in(LISTENER))
    assert isinstance(step, ChooseTarget)
    last = answer(step.next(Routable((), "", 0)))
    line = access_line(
        last, balancers.request(), Timing(NOW, NOW), Sizes(1, 1), address="127.0.0.1"
    )
    assert '"authenticate,forward"' in line


def test_explain_says_what_a_sign_in_lets_through() -> None:
    notes = explain(
        LISTENER, balancers.request(), FACTS, lambda group: Routable(group.targets, "", 0)
    ).notes
    assert notes[0] == (
        "authenticate-oidc: who is not signed in is sent to https://id.test/authorize; who is:"
    )


# What the provider answers

TOKEN_REPLIES: dict[str, tuple[Any, tuple[int, str]]] = {
    "timeout": (ProviderFailure("x", timed_out=True), (500, "AuthTokenEpRequestTimeout")),
    "unreachable": (ProviderFailure("x"), (500, "AuthTokenEpRequestFailed")),
    "error-500": (ProviderReply(500, b"oops"), (561, "AuthTokenEpRequestFailed")),
    "redirect": (ProviderReply(302, b""), (561, "AuthTokenEpRequestFailed")),
    "bad-secret": (
        json_reply({"error": "invalid_client"}, 401),
        (561, "AuthTokenEpRequestFailed"),
    ),
    "spent-code": (json_reply({"error": "invalid_grant"}, 400), (401, "AuthInvalidGrantError")),
    "no-json": (ProviderReply(200, b"<html>"), (401, "AuthInvalidTokenResponse")),
    "deep-json": (ProviderReply(200, b"[" * 60_000), (401, "AuthInvalidTokenResponse")),
    "list": (json_reply([]), (401, "AuthInvalidTokenResponse")),
    "no-access-token": (
        json_reply(token_answer(access_token=None)),
        (401, "AuthInvalidTokenResponse"),
    ),
    "token-with-newline": (
        json_reply(token_answer(access_token="a\r\nX-Evil: 1")),
        (401, "AuthInvalidTokenResponse"),
    ),
    "not-bearer": (json_reply(token_answer(token_type="mac")), (401, "AuthInvalidTokenResponse")),
    "no-id-token": (json_reply(token_answer(id_token=None)), (401, "AuthInvalidTokenResponse")),
    "id-token-of-two-parts": (
        json_reply(token_answer(id_token="a.b")),
        (401, "AuthInvalidIdToken"),
    ),
}
ID_TOKENS: dict[str, str] = {
    "nonce": unsigned(id_claims(nonce="n")),
    "empty-nonce": unsigned(id_claims(nonce="")),
    "issuer": unsigned(id_claims(iss="https://evil.test")),
    "audience": unsigned(id_claims(aud="another")),
    "audiences": unsigned(id_claims(aud=["another", ["app"]])),
    "expired": unsigned(id_claims(exp=NOW)),
    "never": unsigned(id_claims(exp=None)),
    "true": unsigned(id_claims(exp=True)),
    "unsigned": unsigned(id_claims(), alg="none"),
}
TOKEN_REPLIES |= {
    f"id-token-{name}": (json_reply(token_answer(id_token=token)), (401, "AuthInvalidIdToken"))
    for name, token in ID_TOKENS.items()
}


def exchange() -> ExchangeCode:
    cookies, state = begun(LISTENER)
    step = enter(LISTENER, callback(state), cookies=cookies)
    assert isinstance(step, ExchangeCode)
    return step


@pytest.mark.parametrize("name", TOKEN_REPLIES)
def test_what_the_token_endpoint_may_answer(name: str) -> None:
    reply, expected = TOKEN_REPLIES[name]
    status, reason, detail = refusal_of(exchange().next(reply))
    assert (status, reason) == expected
    assert "access-1" not in detail


USER_INFO_REPLIES: dict[str, tuple[Any, tuple[int, str]]] = {
    "timeout": (ProviderFailure("x", timed_out=True), (500, "AuthUserinfoEpRequestTimeout")),
    "unreachable": (ProviderFailure("x"), (500, "AuthUserinfoEpRequestFailed")),
    "error": (ProviderReply(401, b""), (561, "AuthUserinfoEpRequestFailed")),
    "no-json": (ProviderReply(200, b"a.b.c"), (401, "AuthInvalidUserinfoResponse")),
    "no-sub": (json_reply({"email": "x"}), (401, "AuthInvalidUserinfoResponse")),
    "sub-number": (json_reply({"sub": 5}), (401, "AuthInvalidUserinfoResponse")),
    "sub-newline": (json_reply({"sub": "a\r\nX: 1"}), (401, "AuthInvalidUserinfoResponse")),
    "another-user": (json_reply({"sub": "eve"}), (401, "AuthInvalidUserinfoResponse")),
    "too-large": (
        json_reply({"sub": "ada", "groups": "x" * 11 * 1024}),
        (500, "AuthUserinfoResponseSizeExceeded"),
    ),
}


@pytest.mark.parametrize("name", USER_INFO_REPLIES)
def test_what_the_user_info_endpoint_may_answer(name: str) -> None:
    reply, expected = USER_INFO_REPLIES[name]
    step = exchange().next(json_reply(token_answer()))
    assert isinstance(step, FetchUserInfo)
    assert refusal_of(step.next(reply))[:2] == expected


@pytest.mark.parametrize("lifetime", [None, "soon", -1, True, 1e300, [1], "3600"])
def test_a_lifetime_that_is_none_is_as_good_as_none(lifetime: Any) -> None:
    cookies = signed_in(LISTENER, tokens=token_answer(expires_in=lifetime))
    later = enter(LISTENER, cookies=cookies, later=604_000)
    assert isinstance(later, RefreshTokens if lifetime == "3600" else ChooseTarget)


def test_all_that_aws_allows_fits_into_four_cookies() -> None:
    tokens = token_answer(access_token="t" * 5 * 1024, refresh_token="r" * 2000)
    claims = {"sub": "ada", "groups": "g" * (6 * 1024 - 30)}
    cookies = signed_in(LISTENER, tokens=tokens, claims=claims)
    assert len(cookies) <= 4
    request = to_target(enter(LISTENER, cookies=cookies))
    assert len(request.headers.get(b"x-amzn-oidc-accesstoken") or b"") == 5 * 1024


def test_what_is_asked_shows_no_secret_in_its_name() -> None:
    call: ProviderCall = exchange().call
    shown = f"{call} {exchange()!r} {ACTION!r}"
    assert "s e:cret" not in shown
    assert "code-1" not in shown


def test_steps_stand_in_the_flow_of_a_listener() -> None:
    step = start(LISTENER, balancers.request(), FACTS)
    assert isinstance(step, CheckSession)
    assert isinstance(step.passed(), ChooseTarget)


def test_explain_knows_the_callback() -> None:
    request = balancers.request(b"/oauth2/idpresponse?code=1")
    explanation = explain(LISTENER, request, FACTS, lambda group: Routable(group.targets, "", 0))
    assert explanation.target_group is None
    assert explanation.notes == (
        "here clients come back from the identity provider: the listener answers, no rule",
    )


@pytest.mark.parametrize("reason", get_args(SignInFault))
def test_every_reason_counts_as_a_metric_of_aws(reason: str) -> None:
    requests = ClientRequests(status=401, verdict=reason, count=2, processed=10)
    counted = {name for name, *_ in samples(requests) if name.startswith("ELB")}
    assert len(counted) == (reason != "-")
