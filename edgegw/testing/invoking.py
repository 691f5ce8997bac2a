"""One call of a handler as Lambda makes it: JSON goes in, JSON comes out, and a context beside."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from edgegw.awslambda.model import Function, FunctionRef, Invocation, Runtime
from edgegw.awslambda.payload import decode_payload, encode_payload
from edgegw.errors import UsageError
from edgegw.execution.in_process import HandlerContext

REQUEST_ID: Final = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


def invoke(
    handler: Callable[..., Any],
    event: object,
    *,
    function_name: str = "function",
    memory_size: int = 128,
    timeout: float = 3.0,
    request_id: str = REQUEST_ID,
) -> Any:
    """What `handler` returns for `event`, as its caller would get it.

    Event and result travel as JSON, so that what cannot is a UsageError, and nothing that the
    handler keeps or changes reaches the test's own values. An asynchronous handler is awaited. What
    the handler raises is raised. A handler of CloudFront Functions gets the event alone.
    """
    given = decode_payload(_encoded(event, "event"))
    if _is_edge_function(given):
        answer = handler(given)
    else:
        ref = FunctionRef(function_name)
        function = Function(function_name, _RUNTIME, "", "", timeout=timeout, memory_mb=memory_size)
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function_name}"
        context = HandlerContext(function, Invocation(ref, b""), request_id, arn)
        answer = handler(given, context)
    if inspect.isawaitable(answer):
        answer = _awaited(answer)
    return decode_payload(_encoded(answer, "result"))


_RUNTIME: Final = Runtime("python3.13", "python", (3, 13))


def _encoded(given: object, what: str) -> bytes:
    try:
        return encode_payload(given)
    except (TypeError, ValueError) as error:
        raise UsageError(f"the {what} is no JSON: {error}") from None


def _is_edge_function(event: Any) -> bool:
    return isinstance(event, dict) and event.keys() >= {"version", "context", "viewer", "request"}


def _awaited(answer: Any) -> Any:
    """The result of an asynchronous handler, in a thread where this one has a loop already."""

    async def awaiting() -> Any:
        return await answer

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(awaiting())
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_run, awaiting()).result()


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)
