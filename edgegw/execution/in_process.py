"""A Python callable in the place of a function's code, for tests: breakpoints and mocks reach in.

The event and the result travel as JSON all the same, so what works here works in a process.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import time
import traceback
import types
from collections.abc import Callable, Mapping
from typing import Any

from edgegw.awslambda.model import (
    Function,
    FunctionError,
    Invocation,
    Outcome,
    Report,
    Returned,
)
from edgegw.awslambda.payload import decode_payload, encode_payload
from edgegw.execution.request_ids import new_request_id

logger = logging.getLogger(__name__)

Handler = Callable[[Any, Any], Any]


class HandlerContext:
    """The context object that a replaced handler gets."""

    def __init__(
        self, function: Function, invocation: Invocation, request_id: str, arn: str
    ) -> None:
        ref = invocation.function
        self.aws_request_id = request_id
        self.invoked_function_arn = arn
        self.function_name = name = ref.deployed_name
        self.function_version = function.version
        self.memory_limit_in_mb = str(function.memory_mb)
        self.log_group_name = f"/aws/lambda/{name}"
        self.log_stream_name = "in-process"
        self.identity = types.SimpleNamespace(
            cognito_identity_id=None, cognito_identity_pool_id=None
        )
        self.client_context = None
        if invocation.client_context:
            self.client_context = _client_context(json.loads(invocation.client_context))
        self.tenant_id = None
        self._deadline = time.monotonic() + function.timeout

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def log(self, message: object) -> None:
        """Writes to the log as it is."""
        logger.info("%s", message)


def _client_context(sent: Mapping[str, Any]) -> types.SimpleNamespace:
    client = sent.get("client")
    if client is not None:
        names = ("installation_id", "app_title", "app_version_name", "app_version_code")
        client = types.SimpleNamespace(
            **{name: client.get(name) for name in (*names, "app_package_name")}
        )
    return types.SimpleNamespace(custom=sent.get("custom"), env=sent.get("env"), client=client)


async def call(
    handler: Handler,
    function: Function,
    invocation: Invocation,
    arn: str,
    new_id: Callable[[], str] = new_request_id,
) -> Outcome:
    """Calls `handler(event, context)` as Lambda would; an async handler is awaited.

    A plain handler runs on the event loop's thread, so that a debugger stops where it is expected;
    the function's time-out is not enforced.
    """
    request_id = invocation.request_id or new_id()
    started = time.perf_counter()
    try:
        context = HandlerContext(function, invocation, request_id, arn)
    except (ValueError, AttributeError, TypeError, RecursionError):
        kind = "Runtime.LambdaContextUnmarshalError"
        report = _report(function, request_id, started)
        return _failed(kind, "Unable to parse client context", [], report)
    try:
        event = decode_payload(invocation.payload)
    except ValueError as error:
        text = f"Unable to unmarshal input: {error}"
        return _failed("Runtime.UnmarshalError", text, [], _report(function, request_id, started))
    try:
        result = handler(event, context)
        if result.__class__ is not dict and inspect.isawaitable(result):
            result = await result
    except asyncio.CancelledError:
        raise
    except Exception as error:
        logger.warning("%s raised", invocation.function.deployed_name, exc_info=error)
        stack = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
        report = _report(function, request_id, started)
        return _failed(type(error).__name__, str(error), stack, report)
    try:
        payload = encode_payload(result)
    except (TypeError, ValueError) as error:
        text = f"Unable to marshal response: {error}"
        return _failed("Runtime.MarshalError", text, [], _report(function, request_id, started))
    return Returned(payload, _report(function, request_id, started))


def _report(function: Function, request_id: str, started: float) -> Report:
    duration = time.perf_counter() - started
    return Report(request_id, duration, version=function.version, memory_mb=function.memory_mb)


def _failed(kind: str, message: str, stack: list[str], report: Report) -> FunctionError:
    payload = encode_payload(
        {
            "errorMessage": message,
            "errorType": kind,
            "requestId": report.request_id,
            "stackTrace": stack,
        }
    )
    return FunctionError(kind, message, payload, report)
