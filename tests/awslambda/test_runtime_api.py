"""The Runtime API and the Extensions API as a dialogue, without a socket."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.awslambda.lifecycle import MAX_RESPONSE
from edgegw.awslambda.runtime_api import RuntimeApi
from edgegw.awslambda.runtime_api_messages import (
    ApiRequest,
    Effect,
    ExtensionFailed,
    InitDone,
    InitFailed,
    InvocationAnswered,
    InvocationEvent,
    Reply,
    Settled,
    StreamBegun,
)

NEXT = "/2018-06-01/runtime/invocation/next"
EVENT = InvocationEvent("id-1", "attempt-1", "arn:f", 1234, "Root=1-2-3", "")


class Dialogue:
    """Sends requests with growing tickets; answers effects."""

    def __init__(self, *extensions: str) -> None:
        self.api = RuntimeApi("f", "$LATEST", "app.handler", "123456789012", extensions)
        self.ticket = 0

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> list[Effect]:
        self.ticket += 1
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.api.receive(
            ApiRequest(self.ticket, method, path, named, body), f"ext-{self.ticket}"
        )

    def next(self) -> list[Effect]:
        return self.send("GET", NEXT)

    def running(self) -> Dialogue:
        assert self.next() == [InitDone()]
        [reply] = self.api.invoke(EVENT, b"{}")
        assert isinstance(reply, Reply)
        return self

    def answer(self, what: str = "response", ident: str = "id-1", body: bytes = b"1", **more: str):
        return self.send("POST", f"/2018-06-01/runtime/invocation/{ident}/{what}", body, **more)

    def register(self, name: str, *events: str) -> str:
        body = json.dumps({"events": events}).encode()
        reply, _ = self.send(
            "POST", "/2020-01-01/extension/register", body, lambda_extension_name=name
        )
        assert isinstance(reply, Reply)
        return dict(reply.headers)["Lambda-Extension-Identifier"]

    def extension_next(self, identifier: str) -> list[Effect]:
        path = "/2020-01-01/extension/event/next"
        return self.send("GET", path, lambda_extension_identifier=identifier)


def refused(effects: list[Effect]) -> tuple[int, str]:
    reply = effects[0]
    assert isinstance(reply, Reply)
    found = json.loads(reply.body)
    assert set(found) == {"errorMessage", "errorType"}
    return reply.status, found["errorType"]


def test_one_invocation() -> None:
    talk = Dialogue()
    assert talk.next() == [InitDone()]
    [event] = talk.api.invoke(EVENT, b'{"a": 1}')
    assert event == Reply(
        1,
        200,
        (
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", "id-1"),
            ("Lambda-Runtime-Deadline-Ms", "1234"),
            ("Lambda-Runtime-Invoked-Function-Arn", "arn:f"),
            ("Lambda-Runtime-Trace-Id", "Root=1-2-3"),
            ("Lambda-Runtime-Invocation-Id", "attempt-1"),
        ),
        b'{"a": 1}',
    )
    accepted, answered = talk.answer(body=b'{"ok": true}')
    assert accepted == Reply(2, 202, (("Content-Type", "application/json"),), b'{"status":"OK"}\n')
    assert answered == InvocationAnswered(b'{"ok": true}')
    assert not talk.api.is_settled
    assert talk.next() == [Settled()]


def test_a_handler_error_reaches_the_caller_byte_for_byte() -> None:
    body = b'{ "errorMessage":"m", "errorType":"T", "stackTrace":[] }'
    _, answered = Dialogue().running().answer("error", body=body)
    assert isinstance(answered, InvocationAnswered)
    assert answered.failure is not None
    assert answered.failure == ("T", "m", body)


@pytest.mark.parametrize(
    ("header", "kind"),
    [("Runtime.Odd", "Runtime.Odd"), ("not a type", "Function.Unknown"), ("", "Function.Unknown")],
)
def test_the_type_of_an_error_without_one(header: str, kind: str) -> None:
    more = {"lambda_runtime_function_error_type": header} if header else {}
    _, answered = Dialogue().running().answer("error", body=b"", **more)
    assert isinstance(answered, InvocationAnswered)
    assert answered.failure is not None
    assert answered.failure.error_type == kind


def test_an_init_error_comes_before_the_first_next() -> None:
    talk = Dialogue()
    body = b'{"errorMessage":"m","errorType":"Runtime.X","requestId":"","stackTrace":[]}'
    accepted, failed = talk.send("POST", "/2018-06-01/runtime/init/error", body)
    assert isinstance(accepted, Reply)
    assert accepted.status == 202
    assert failed == InitFailed(("Runtime.X", "m", body))  # type: ignore[arg-type]
    late = Dialogue().running()
    found = late.send("POST", "/2018-06-01/runtime/init/error", body)
    assert refused(found) == (403, "InvalidStateTransition")


def test_what_a_runtime_may_not_do() -> None:
    idle = Dialogue()
    idle.next()
    assert refused(idle.answer()) == (403, "InvalidStateTransition")
    talk = Dialogue().running()
    assert refused(talk.answer(ident="other")) == (400, "InvalidRequestID")
    wrong = talk.answer(lambda_runtime_invocation_id="attempt-0")
    assert refused(wrong) == (400, "InvalidInvocationId")
    talk.answer()
    assert refused(talk.answer()) == (403, "InvalidStateTransition")


def test_a_response_that_is_too_large() -> None:
    talk = Dialogue().running()
    refusal, answered = talk.answer(body=b"x" * (MAX_RESPONSE + 1))
    assert refused([refusal]) == (413, "RequestEntityTooLarge")
    assert isinstance(answered, InvocationAnswered)
    assert answered.failure is not None
    assert answered.failure.error_type == "Function.ResponseSizeTooLarge"
    assert refused(talk.answer("error")) == (403, "InvalidStateTransition")
    assert talk.next() == [Settled()]  # a runtime that goes on gets the next event, not this one


def test_asking_before_the_answer_waits_for_the_next_event() -> None:
    talk = Dialogue().running()
    assert talk.next() == []
    asked = talk.ticket
    _, _, settled = talk.answer()
    assert settled == Settled()
    [event] = talk.api.invoke(EVENT._replace(request_id="id-2"), b"{}")
    assert isinstance(event, Reply)
    assert event.ticket == asked


def test_streaming_with_an_error_behind_the_last_chunk() -> None:
    talk = Dialogue().running()
    path = "/2018-06-01/runtime/invocation/id-1/response"
    head = {"lambda-runtime-function-response-mode": "streaming", "content-type": "text/html"}
    assert talk.api.begin_stream(path, head) == [StreamBegun("text/html")]
    error = base64.b64encode(b'{"errorMessage":"late","errorType":"Late"}').decode()
    trailers = {
        "lambda-runtime-function-error-type": "Runtime.Late",
        "lambda-runtime-function-error-body": error,
    }
    _, answered = talk.api.receive(ApiRequest(7, "POST", path, head, b"", trailers), "")
    assert isinstance(answered, InvocationAnswered)
    assert answered.payload == b""
    assert answered.failure is not None
    assert (answered.failure.error_type, answered.failure.message) == ("Runtime.Late", "late")


def test_a_mode_that_nobody_knows() -> None:
    talk = Dialogue().running()
    refusal, answered = talk.answer(lambda_runtime_function_response_mode="fast")
    assert refused([refusal]) == (400, "InvalidFunctionResponseMode")
    assert isinstance(answered, InvocationAnswered)
    assert answered.failure is not None
    assert answered.failure.error_type == "Runtime.InvalidResponseModeHeader"


def test_a_truncated_response() -> None:
    talk = Dialogue().running()
    path = "/2018-06-01/runtime/invocation/id-1/response"
    refusal, answered = talk.api.receive(
        ApiRequest(5, "POST", path, {}, b"{", is_truncated=True), ""
    )
    assert refused([refusal]) == (400, "TruncatedHTTPRequest")
    assert isinstance(answered, InvocationAnswered)
    assert answered.failure is not None
    assert answered.failure.error_type == "Runtime.TruncatedResponse"


class TestExtensions:
    def test_init_waits_for_every_extension(self) -> None:
        talk = Dialogue("watch")
        identifier = talk.register("watch", "INVOKE", "SHUTDOWN")
        assert talk.next() == []
        assert talk.extension_next(identifier) == [InitDone()]

    def test_an_extension_sees_invoke_and_shutdown(self) -> None:
        talk = Dialogue("watch")
        identifier = talk.register("watch", "INVOKE", "SHUTDOWN")
        assert talk.extension_next(identifier) == []
        assert talk.next() == [InitDone()]
        runtime, extension = talk.api.invoke(EVENT, b"{}")
        assert isinstance(runtime, Reply)
        assert isinstance(extension, Reply)
        assert json.loads(extension.body) == {
            "eventType": "INVOKE",
            "deadlineMs": 1234,
            "requestId": "id-1",
            "invokedFunctionArn": "arn:f",
            "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-2-3"},
        }
        talk.answer()
        assert talk.next() == []  # the extension is still at it
        assert talk.extension_next(identifier) == [Settled()]
        [shutdown] = talk.api.shut_down("SPINDOWN", 99)
        assert isinstance(shutdown, Reply)
        assert json.loads(shutdown.body) == {
            "eventType": "SHUTDOWN",
            "shutdownReason": "SPINDOWN",
            "deadlineMs": 99,
        }

    def test_registering_answers_what_the_function_is(self) -> None:
        talk = Dialogue("watch")
        body = b'{"events": []}'
        reply, _ = talk.send(
            "POST",
            "/2020-01-01/extension/register",
            body,
            lambda_extension_name="watch",
            lambda_extension_accept_feature="accountId",
        )
        assert isinstance(reply, Reply)
        assert json.loads(reply.body) == {
            "functionName": "f",
            "functionVersion": "$LATEST",
            "handler": "app.handler",
            "accountId": "123456789012",
        }

    @pytest.mark.parametrize(
        ("headers", "body", "status", "kind"),
        [
            ({}, b"{}", 403, "Extension.InvalidExtensionName"),
            ({"lambda_extension_name": "watch"}, b"no", 400, "InvalidRequestFormat"),
            (
                {"lambda_extension_name": "watch"},
                b'{"events": ["OTHER"]}',
                403,
                "Extension.InvalidEventType",
            ),
            (
                {"lambda_extension_name": "internal"},
                b'{"events": ["SHUTDOWN"]}',
                403,
                "Extension.InvalidEventType",
            ),
        ],
    )
    def test_registrations_that_are_refused(
        self, headers: dict[str, str], body: bytes, status: int, kind: str
    ) -> None:
        talk = Dialogue("watch")
        found = talk.send("POST", "/2020-01-01/extension/register", body, **headers)
        assert refused(found) == (status, kind)

    def test_registration_closes_with_init(self) -> None:
        talk = Dialogue().running()
        found = talk.send(
            "POST", "/2020-01-01/extension/register", b"{}", lambda_extension_name="late"
        )
        assert refused(found) == (403, "Extension.RegistrationClosed")

    def test_at_most_ten(self) -> None:
        talk = Dialogue()
        for at in range(10):
            talk.register(f"e{at}", "INVOKE")
        found = talk.send(
            "POST", "/2020-01-01/extension/register", b"{}", lambda_extension_name="e10"
        )
        assert refused(found) == (403, "Extension.TooManyExtensions")

    def test_identifiers_are_needed(self) -> None:
        talk = Dialogue()
        found = talk.send("GET", "/2020-01-01/extension/event/next")
        assert refused(found) == (403, "Extension.MissingExtensionIdentifier")
        assert refused(talk.extension_next("x")) == (403, "Extension.UnknownExtensionIdentifier")

    def test_an_extension_that_fails(self) -> None:
        talk = Dialogue("watch")
        identifier = talk.register("watch", "INVOKE")
        more = {"lambda_extension_identifier": identifier}
        found = talk.send("POST", "/2020-01-01/extension/init/error", **more)
        assert refused(found) == (403, "Extension.MissingHeader")
        more["lambda_extension_function_error_type"] = "Extension.Mine"
        _, failed = talk.send("POST", "/2020-01-01/extension/init/error", b"{}", **more)
        assert isinstance(failed, InitFailed)
        assert failed.failure.error_type == "Extension.Mine"
        talk.extension_next(identifier)
        talk.next()
        _, failed = talk.send("POST", "/2020-01-01/extension/exit/error", b"{}", **more)
        assert isinstance(failed, ExtensionFailed)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/2018-06-01/ping", 200),
        ("GET", "/2018-06-01/runtime/nowhere", 404),
        ("POST", NEXT, 404),
        ("GET", "/", 404),
        ("GET", "/2018-06-01/runtime/restore/next", 403),
        ("PUT", "/2022-07-01/telemetry", 403),
        ("PUT", "/2020-08-15/logs", 202),
    ],
)
def test_other_paths(method: str, path: str, status: int) -> None:
    [reply] = Dialogue().send(method, path)
    assert isinstance(reply, Reply)
    assert reply.status == status


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["GET", "POST", "PUT"]),
            st.sampled_from(
                [
                    NEXT,
                    "/2018-06-01/runtime/invocation/id-1/response",
                    "/2018-06-01/runtime/invocation/id-1/error",
                    "/2018-06-01/runtime/init/error",
                    "/2020-01-01/extension/register",
                    "/2020-01-01/extension/event/next",
                ]
            ),
            st.binary(max_size=4),
        ),
        max_size=12,
    )
)
def test_any_order_of_requests_is_answered_once_or_held(
    requests: list[tuple[str, str, bytes]],
) -> None:
    talk = Dialogue("watch")
    answered: set[int] = set()
    for method, path, body in requests:
        effects = talk.send(method, path, body, lambda_extension_name="watch")
        for effect in effects:
            if isinstance(effect, InitDone):
                effects += talk.api.invoke(EVENT, b"{}")
            if isinstance(effect, Reply) and effect.ticket >= 0:
                assert effect.ticket not in answered
                answered.add(effect.ticket)
