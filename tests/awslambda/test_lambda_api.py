"""Invoke as the service judges it: the order of its checks, and what it says of each outcome."""

from __future__ import annotations

import base64
from typing import Any, Literal

import pytest

from edgegw.awslambda.lambda_api import (
    MAX_CLIENT_CONTEXT,
    InvokeCall,
    check_head,
    outcome_headers,
    refusal,
)
from edgegw.awslambda.model import (
    Function,
    FunctionError,
    FunctionRef,
    Invocation,
    InvokeRefusal,
    Report,
    Returned,
    Runtime,
    Throttled,
)
from edgegw.awslambda.names import Account
from edgegw.awslambda.runtimes import node_flags
from edgegw.awslambda.service_errors import ServiceError
from edgegw.awslambda.versions import single

Action = Literal["Invoke", "InvokeWithResponseStream"]
FUNCTION = Function("f", Runtime("python3.13", "python", (3, 13)), "/code", "app.handler")
FUNCTIONS = {"f": single(FUNCTION)}
CONTEXT = base64.b64encode(b'{"custom": {"a": 1}}').decode()


def head(name: str = "f", action: Action = "Invoke", /, **headers: str) -> Any:
    named = {f"x-amz-{key.replace('_', '-')}": value for key, value in headers.items()}
    return check_head(InvokeCall(action, name, None, named), Account(), FUNCTIONS)


def refused(name: str = "f", payload: bytes = b"{}", **headers: str) -> tuple[str, str]:
    with pytest.raises(ServiceError) as caught:
        head(name, **headers).invocation(payload)
    return caught.value.code, str(caught.value.message)


class TestOrder:
    """Of two faults the one that is checked first is told."""

    @pytest.mark.parametrize(
        ("name", "payload", "headers", "code", "text"),
        [
            pytest.param("f?", b"", {"invocation_type": "No"}, "ValidationException", "invocationType", id="the type comes first"),
            pytest.param("f?", b"", {"client_context": "x" * 4000}, "ValidationException", "functionName", id="then the name"),
            pytest.param("g", b"", {"client_context": "x" * 4000}, "ResourceNotFoundException", "function:g:$LATEST", id="then the function"),
            pytest.param("f:no", b"", {"client_context": "x" * 4000}, "ResourceNotFoundException", "function:f:no", id="and its qualifier"),
            pytest.param("f", b"{", {"client_context": "x" * 4000}, "ValidationException", "clientContext", id="then how long the context is"),
            pytest.param("f", b"{", {"client_context": "no base64"}, "InvalidRequestContentException", "parse request body", id="then the payload"),
            pytest.param("f", b"{}", {"client_context": "no base64"}, "InvalidRequestContentException", "Client context", id="then what the context holds"),
        ],
    )  # fmt: skip
    def test_the_first_fault_is_told(
        self, name: str, payload: bytes, headers: dict[str, str], code: str, text: str
    ) -> None:
        told_code, message = refused(name, payload, **headers)
        assert told_code == code
        assert text in message


@pytest.mark.parametrize(
    ("action", "kind", "is_known"),
    [
        ("Invoke", "RequestResponse", True),
        ("Invoke", "Event", True),
        ("Invoke", "DryRun", True),
        ("InvokeWithResponseStream", "RequestResponse", True),
        ("InvokeWithResponseStream", "DryRun", True),
        ("InvokeWithResponseStream", "Event", False),
        ("Invoke", "event", False),
    ],
)
def test_invocation_types(action: Action, kind: str, is_known: bool) -> None:
    if is_known:
        assert head("f", action, invocation_type=kind).kind == kind
    else:
        with pytest.raises(ServiceError, match="invocationType"):
            head("f", action, invocation_type=kind)


def test_what_a_call_asks_for() -> None:
    found = head("f:1", client_context=CONTEXT, log_type="Tail")
    assert found.wants_tail
    asked = found.invocation(b'{"event": 1}')
    ref = FunctionRef("f", qualifier="1")
    assert asked == Invocation(ref, b'{"event": 1}', client_context='{"custom": {"a": 1}}')


def test_an_empty_body_is_an_empty_object() -> None:
    assert head().invocation(b"").payload == b"{}"


@pytest.mark.parametrize(("length", "fits"), [(MAX_CLIENT_CONTEXT, True), (3584, False)])
def test_the_longest_client_context(length: int, fits: bool) -> None:
    if fits:
        assert len(head(client_context="x" * length).client_context) == length
    else:
        assert refused(client_context="x" * length)[0] == "ValidationException"


@pytest.mark.parametrize(
    ("outcome", "code", "status"),
    [
        (Throttled(), "TooManyRequestsException", 429),
        (InvokeRefusal("RequestTooLargeException", "too large"), "RequestTooLargeException", 413),
        (InvokeRefusal("SomethingElse", "odd"), "ServiceException", 500),
    ],
)
def test_what_did_not_run_is_an_error(outcome: Any, code: str, status: int) -> None:
    error = refusal(outcome)
    assert (error.code, error.status) == (code, status)


def test_a_function_error_is_told_in_a_header() -> None:
    report = Report("id", version="3")
    expected = {"X-Amz-Executed-Version": "3", "x-amzn-RequestId": "id"}
    assert outcome_headers(Returned(b"", report)) == expected
    failed = FunctionError("Error", "text", b"{}", report)
    assert outcome_headers(failed) == {**expected, "X-Amz-Function-Error": "Unhandled"}


@pytest.mark.parametrize(
    ("version", "options", "flags"),
    [
        (20, "", ["--no-experimental-require-module"]),
        (22, "", ["--no-experimental-require-module", "--no-experimental-detect-module"]),
        (22, "--experimental-require-module", ["--no-experimental-detect-module"]),
        (22, "--trace-warnings", ["--no-experimental-require-module", "--no-experimental-detect-module"]),
        (24, "", []),
    ],
)  # fmt: skip
def test_node_flags(version: int, options: str, flags: list[str]) -> None:
    assert list(node_flags(version, options)) == flags
