"""An ASGI application as a front door: its scope, its answer, and what is too much."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, cast

from edgegw.errors import EnvironmentProblem
from edgegw.http.message import Body, Headers, Request, Response
from edgegw.http.target import RequestTarget
from edgegw.wire.application import LARGEST_BODY, ApplicationFront

Scopes = list[dict[str, Any]]


def front(seen: Scopes, *, fails: bool = False) -> ApplicationFront:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        seen.append({**scope, "body": message["body"]})
        if fails:
            raise RuntimeError("no")
        start = {"type": "http.response.start", "status": 201, "headers": [(b"x-a", b"1")]}
        await send(start)
        await send({"type": "http.response.body", "body": b"one ", "more_body": True})
        await send({"type": "http.response.body", "body": b"two"})

    return ApplicationFront(lambda: app)


HELLO = Body.of(b"hello")


async def ask(door: ApplicationFront, body: Body = HELLO) -> Response:
    request = Request(
        "POST",
        RequestTarget(b"/a%20b", b"c=d"),
        Headers([(b"Host", b"localhost:1"), (b"X-B", b"2")]),
        body,
        "https",
    )
    return await cast("Awaitable[Response]", door.accept(request))


async def test_the_application_sees_the_request_and_its_answer_goes_out() -> None:
    seen: Scopes = []
    response = await ask(front(seen))
    (scope,) = seen
    assert (scope["method"], scope["scheme"], scope["path"]) == ("POST", "https", "/a b")
    assert (scope["raw_path"], scope["query_string"]) == (b"/a%20b", b"c=d")
    assert (b"x-b", b"2") in scope["headers"]
    assert scope["body"] == b"hello"
    assert (response.status, response.headers.get(b"x-a")) == (201, b"1")
    assert response.body.content == b"one two"


async def test_a_body_that_is_too_large_does_not_reach_it() -> None:
    seen: Scopes = []

    async def chunks() -> Any:
        for _ in range(3):
            yield b"x" * (LARGEST_BODY // 2)

    for body in (Body(content=None, length=LARGEST_BODY + 1), Body.streaming(chunks())):
        assert (await ask(front(seen), body)).status == 413
    assert seen == []


async def test_what_the_user_can_mend_is_said_plainly(caplog: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise EnvironmentProblem("remove the file")

    response = await ask(ApplicationFront(lambda: app))
    assert (response.status, response.body.content) == (500, b"remove the file\n")
    assert [each.getMessage() for each in caplog.records] == ["remove the file"]


async def test_a_fault_of_the_application_is_a_500(caplog: Any) -> None:
    response = await ask(front([], fails=True))
    assert response.status == 500
    assert "please report it" in caplog.text
