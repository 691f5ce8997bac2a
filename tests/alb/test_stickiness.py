"""The cookies AWSALB, AWSALBCORS, AWSALBAPP and AWSALBTG."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgegw.alb.flow import BalancerAnswer, ChooseTarget, ForwardTo, start
from edgegw.alb.model import Forward, Listener, Stickiness, Target
from edgegw.alb.stickiness import PREFIXES
from edgegw.alb.targets import Routable
from edgegw.http.message import Headers, Request, Response
from tests.alb.balancers import FACTS, WEB, listener, request

A, B = WEB.targets
STICKY = replace(WEB, stickiness=Stickiness(60))
APP = replace(WEB, stickiness=Stickiness(60, "SID"))
EXPIRES = b"Expires=Thu, 07 Nov 2019 15:21:51 GMT; Path=/"


def answer(
    door: Listener,
    cookie: str = "",
    *,
    turn: int = 0,
    now: float = 0,
    targets: tuple[Target, ...] = WEB.targets,
    reply: Response | None = None,
) -> tuple[Target | None, BalancerAnswer]:
    """The target that took a request with this Cookie, and how it ended."""
    lines = [("Cookie", cookie)] if cookie else []
    step = start(door, request(headers=lines), replace(FACTS, now=FACTS.now + now))
    assert isinstance(step, ChooseTarget)
    step = step.next(Routable(targets, "", turn))
    if isinstance(step, BalancerAnswer):
        return None, step
    assert isinstance(step, ForwardTo)
    return step.target, step.next(reply or Response(200))


def cookies(finish: BalancerAnswer) -> dict[str, bytes]:
    """Set-Cookie values by name, attributes included."""
    found = finish.response.headers.get_all(b"set-cookie")
    return {line.split(b"=")[0].decode(): line.partition(b"=")[2] for line in found}


def value(finish: BalancerAnswer, name: str) -> str:
    return cookies(finish)[name].split(b";")[0].decode()


DOOR = listener(default=Forward(((STICKY, 1),)))
SECURE = listener(default=Forward(((STICKY, 1),)), port=443, protocol="HTTPS")


def test_every_answer_sets_both_cookies_in_aws_form() -> None:
    _, finish = answer(DOOR)
    found = cookies(finish)
    assert list(found) == ["AWSALB", "AWSALBCORS"]
    sealed, rest = found["AWSALB"].split(b"; ", 1)
    assert (len(sealed), rest) == (128, EXPIRES)
    assert found["AWSALBCORS"] == sealed + b"; " + EXPIRES + b"; SameSite=None"
    _, finish = answer(SECURE)
    assert cookies(finish)["AWSALBCORS"].endswith(b"; SameSite=None; Secure")
    assert b"Secure" not in cookies(finish)["AWSALB"]


@pytest.mark.parametrize("name", ["AWSALB", "AWSALBCORS"])
def test_the_cookie_holds_the_client_to_its_target(name: str) -> None:
    first, finish = answer(DOOR, turn=1)
    held = f"other=1; {name}={value(finish, name)}"
    assert first == B
    for turn in range(4):
        target, again = answer(DOOR, held, turn=turn)
        assert target == B
        assert set(cookies(again)) == {"AWSALB", "AWSALBCORS"}  # renewed


def test_the_cors_cookie_comes_before_the_plain_one() -> None:
    of_a = value(answer(DOOR, turn=0)[1], "AWSALB")
    of_b = value(answer(DOOR, turn=1)[1], "AWSALB")
    target, _ = answer(DOOR, f"AWSALB={of_a}; AWSALBCORS={of_b}", turn=0)
    assert target == B


def test_the_cookie_ends_with_its_duration_although_the_browser_keeps_it_a_week() -> None:
    held = f"AWSALB={value(answer(DOOR, turn=1)[1], 'AWSALB')}"
    assert answer(DOOR, held, turn=0, now=59)[0] == B
    assert answer(DOOR, held, turn=0, now=61)[0] == A


@pytest.mark.parametrize(
    "cookie",
    [
        "AWSALB=nonsense",
        "AWSALB=" + "A" * 128,
        "AWSALB=",
        "AWSALB=%2B%2B",
    ],
    ids=["no base64", "forged", "empty", "URL-encoded"],
)
def test_a_bad_cookie_gives_a_new_target_and_a_new_cookie(cookie: str) -> None:
    target, finish = answer(DOOR, cookie, turn=1)
    assert target == B
    assert "AWSALB" in cookies(finish)


def test_the_cookie_of_another_load_balancer_does_not_count() -> None:
    other = replace(DOOR, load_balancer=replace(DOOR.load_balancer, arn="arn:other"))
    held = f"AWSALB={value(answer(other, turn=1)[1], 'AWSALB')}"
    assert answer(DOOR, held, turn=0)[0] == A


def test_a_removed_target_gives_its_clients_to_another_with_a_new_cookie() -> None:
    _, finish = answer(DOOR, turn=1)
    held = f"AWSALB={value(finish, 'AWSALB')}"
    target, moved = answer(DOOR, held, targets=(A,))
    assert target == A
    assert answer(DOOR, f"AWSALB={value(moved, 'AWSALB')}", turn=1)[0] == A


def test_no_target_no_cookie() -> None:
    target, finish = answer(DOOR, targets=())
    assert target is None
    assert cookies(finish) == {}


# Of the application


APP_DOOR = listener(default=Forward(((APP, 1),)))


def sets(*lines: str) -> Response:
    return Response(200, b"", Headers((b"Set-Cookie", line.encode()) for line in lines))


def test_app_cookie_starts_with_the_applications_own() -> None:
    assert cookies(answer(APP_DOOR)[1]) == {}
    assert "AWSALBAPP-0" not in cookies(answer(APP_DOOR, reply=sets("OTHER=1"))[1])
    _, finish = answer(APP_DOOR, turn=1, reply=sets("SID=abc; Path=/"))
    held = value(finish, "AWSALBAPP-0")
    assert len(held) == 128
    assert answer(APP_DOOR, f"SID=abc; AWSALBAPP-0={held}", turn=0)[0] == B
    assert answer(APP_DOOR, f"AWSALBAPP-0={held}", turn=0)[0] == A  # the session has ended


@pytest.mark.parametrize(
    ("own", "rest"),
    [
        ("SID=1; Path=/", b"Path=/"),
        (
            "SID=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
            b"Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/",
        ),
        ("SID=1; Max-Age=60", b"Expires=Thu, 31 Oct 2019 15:22:51 GMT; Path=/"),
    ],
    ids=["session", "Expires", "Max-Age"],
)
def test_app_cookie_lives_as_long_as_the_applications(own: str, rest: bytes) -> None:
    _, finish = answer(APP_DOOR, reply=sets(own))
    assert cookies(finish)["AWSALBAPP-0"].split(b"; ", 1)[1] == rest


# Of target groups

BLUE, GREEN = replace(WEB, name="blue", arn="arn:blue"), replace(WEB, name="green", arn="arn:green")


def group_of(door: Listener, sent: Request, draw: float) -> tuple[str, bool, ForwardTo]:
    step = start(door, sent, replace(FACTS, draw=draw))
    assert isinstance(step, ChooseTarget)
    forward = step.next(Routable(WEB.targets, ""))
    assert isinstance(forward, ForwardTo)
    return step.group.name, step.chosen.bad_cookie, forward


def test_the_group_cookie_beats_the_weights() -> None:
    even = listener(default=Forward(((BLUE, 1), (GREEN, 1)), 300))
    names = {group_of(even, request(), draw / 97)[0] for draw in range(97)}
    assert names == {"blue", "green"}
    _, _, forward = group_of(even, request(), 0.0)
    finish = forward.next(Response(200))
    found = cookies(finish)
    assert list(found) == ["AWSALBTG", "AWSALBTGCORS"]
    assert found["AWSALBTG"].endswith(b"; " + EXPIRES)
    held = [("Cookie", f"AWSALBTG={value(finish, 'AWSALBTG')}")]
    moved = listener(default=Forward(((BLUE, 0), (GREEN, 1)), 300))
    for draw in range(20):
        name, bad, _ = group_of(moved, request(headers=held), draw / 20)
        assert (name, bad) == (forward.group.name, False)


def test_a_bad_group_cookie_is_an_error_reason() -> None:
    door = listener(default=Forward(((BLUE, 1), (GREEN, 0)), 300))
    name, bad, _ = group_of(door, request(headers=[("Cookie", "AWSALBTG=x%2B")]), 0.5)
    assert (name, bad) == ("blue", True)


def test_a_cookie_of_one_kind_is_none_of_another() -> None:
    both = listener(default=Forward(((replace(STICKY, arn="arn:blue"), 1), (GREEN, 0)), 300))
    _, finish = answer(both)
    assert list(cookies(finish)) == ["AWSALB", "AWSALBCORS", "AWSALBTG", "AWSALBTGCORS"]
    swapped = [("Cookie", f"AWSALBTG={value(finish, 'AWSALB')}")]
    assert group_of(both, request(headers=swapped), 0)[1] is True


def test_names_that_are_the_load_balancers_own() -> None:
    """ELB User Guide for ALB, "Sticky sessions", application-based stickiness."""
    assert PREFIXES == ("AWSALB", "AWSALBAPP", "AWSALBTG")
