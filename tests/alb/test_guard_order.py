"""What a sign-in does before, beside and after the other actions of its rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edgegw.alb.access_log import Sizes, Timing, access_line
from edgegw.alb.authentication.steps import FetchUserInfo, RefreshTokens
from edgegw.alb.flow import ChooseTarget
from edgegw.alb.model import Redirect, Rule
from edgegw.alb.rules import compile_rewrite
from edgegw.alb.targets import Routable
from tests.alb import balancers
from tests.alb.signing_in import (
    ACTION,
    CLAIMS,
    NOW,
    answer,
    begun,
    callback,
    enter,
    json_reply,
    secured,
    signed_in,
    token_answer,
)

LISTENER = secured()
REWRITTEN = replace(
    LISTENER,
    default=replace(LISTENER.default, url_rewrite=compile_rewrite("^/page", "/inner")),
)


def test_who_comes_back_gets_what_was_asked_for_not_what_transforms_make_of_it() -> None:
    cookies, state = begun(REWRITTEN)
    step: Any = enter(REWRITTEN, callback(state), cookies=cookies)
    back = answer(step.next(json_reply(token_answer())).next(json_reply(CLAIMS)))
    assert back.response.headers.get(b"location") == b"https://example.com/page?a=1"
    sent = enter(REWRITTEN, cookies=signed_in(REWRITTEN))
    assert isinstance(sent, ChooseTarget)
    assert sent.request.target.raw == b"/inner?a=1"
    line = access_line(
        answer(sent.next(Routable((), "", 0))),
        balancers.request(),
        Timing(NOW, NOW),
        Sizes(1, 1),
        address="127.0.0.1",
    )
    assert '"authenticate,rewrite,forward"' in line


def test_a_redirect_may_stand_behind_a_sign_in() -> None:
    rule = Rule(None, (), (ACTION, Redirect(301, host="other.test")))
    listener = replace(LISTENER, default=rule)
    assert answer(enter(listener)).response.status == 302
    sent = answer(enter(listener, cookies=signed_in(LISTENER)))
    assert sent.response.status == 301
    assert sent.verdict == "redirect"


@pytest.mark.parametrize(
    ("word", "status"), [("allow", None), ("deny", 302), ("authenticate", 302)]
)
@pytest.mark.parametrize("ends", ["session", "refresh"])
def test_whose_session_ends_is_asked_again_unless_all_are_let_in(
    word: Any, status: int | None, ends: str
) -> None:
    cookies = signed_in(secured(replace(ACTION, session_timeout=100)))
    listener = secured(replace(ACTION, on_unauthenticated=word))
    step = enter(listener, cookies=cookies, later=100 if ends == "session" else 99)
    if ends == "refresh":
        assert isinstance(step, RefreshTokens)
        step = step.next(json_reply({"error": "invalid_grant"}, 400))
    if status is None:
        assert isinstance(step, ChooseTarget)
        assert b"x-amzn-oidc-identity" not in step.request.headers
        assert step.request.headers.get_all(b"cookie") == [b""]
    else:
        assert answer(step).response.status == status


def test_a_refresh_does_not_make_a_session_longer() -> None:
    cookies = signed_in(secured(replace(ACTION, session_timeout=100)))
    step: Any = enter(LISTENER, cookies=cookies, later=60)
    step = step.next(json_reply({"access_token": "access-2"}))
    assert isinstance(step, FetchUserInfo)
    assert step.is_refresh
    guard = step.next(json_reply(CLAIMS)).chosen.guard
    assert guard is not None
    renewed = dict(
        line.partition(b";")[0].decode().split("=", 1)
        for name, line in guard.lines
        if name == b"Set-Cookie"
    )
    assert isinstance(enter(LISTENER, cookies=renewed, later=99), ChooseTarget)
    assert answer(enter(LISTENER, cookies=renewed, later=100)).response.status == 302
