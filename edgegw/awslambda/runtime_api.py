"""The Runtime API and the Extensions API of one execution environment, without a socket.

`RuntimeApi` takes requests as they arrive and answers effects: replies to send, and what the
environment learns. A request that must wait (`next`) gets its reply with a later effect.

    started ──next──▶ ready ──event──▶ running ──answer──▶ answered ──next──▶ ready

Extensions take part in it: init and each invocation last until they, too, ask for the next event
(`extensions_api`). What goes in and out are values (`runtime_api_messages`).

Source: Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes", "Using the
Lambda Extensions API to create extensions"; states and error bodies as AWS's emulator has them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, cast

from edgegw.awslambda.extensions_api import EXTENSION_BASE, RegisteredExtensions, reported_failure
from edgegw.awslambda.lifecycle import MAX_RESPONSE, ErrorObject, response_too_large
from edgegw.awslambda.reported_errors import (
    error_body,
    handler_error,
    reported_error,
    trailing_error,
)
from edgegw.awslambda.runtime_api_messages import (
    AS_JSON,
    NO_TICKET,
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
    accepted,
    error_reply,
    not_there,
)

RUNTIME_BASE: Final = "/2018-06-01/runtime/"
"""Where the paths of the Runtime API begin.

Source: Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".
"""
STREAMING_MODE: Final = "lambda-runtime-function-response-mode"
_RESPONSE: Final = re.compile(r"invocation/([^/]+)/(response|error)")


class _RuntimeState(Enum):
    STARTED = "Started"
    READY = "Ready"
    RUNNING = "Running"
    ANSWERED = "ResponseSent"
    INIT_ERROR = "InitError"


@dataclass(slots=True)
class RuntimeApi:
    """One environment's API.

    `expected` are the names of the external extensions, which register before init is over.
    """

    function_name: str
    function_version: str
    handler: str
    account_id: str
    expected: Sequence[str] = ()
    _state: _RuntimeState = _RuntimeState.STARTED
    _ticket: int = NO_TICKET
    _event: InvocationEvent | None = None
    _payload: bytes = b""
    _extensions: RegisteredExtensions = field(init=False)
    _initialized: bool = False
    _settled: bool = True
    _streaming: bool = False

    def __post_init__(self) -> None:
        about = {
            "functionName": self.function_name,
            "functionVersion": self.function_version,
            "handler": self.handler,
        }
        self._extensions = RegisteredExtensions(about, self.account_id, self.expected)

    @property
    def has_internal(self) -> bool:
        return self._extensions.has_internal

    @property
    def has_external(self) -> bool:
        return self._extensions.has_external

    @property
    def is_settled(self) -> bool:
        return self._settled

    def receive(self, request: ApiRequest, fresh_id: str) -> list[Effect]:
        """What a request does; `fresh_id` is a UUID for an extension that registers."""
        path, ticket = request.path.partition("?")[0], request.ticket
        if path.startswith(RUNTIME_BASE):
            return self._runtime(path[len(RUNTIME_BASE) :], request)
        if path.startswith(EXTENSION_BASE):
            return self._extension(path[len(EXTENSION_BASE) :], request, fresh_id)
        if path == "/2018-06-01/ping" and request.method == "GET":
            return [Reply(ticket, 200, (), b"pong")]
        if path == "/2022-07-01/telemetry" and request.method == "PUT":
            return self._extensions.subscribe(request, is_closed=self._initialized)
        if path == "/2020-08-15/logs" and request.method == "PUT":
            text = "Logs API is not supported"
            return [error_reply(ticket, 202, "Logs.NotSupported", text)]
        return [Reply(ticket, 404, (("Content-Type", "text/plain"),), b"404 page not found\n")]

    def begin_stream(self, path: str, headers: Mapping[str, str]) -> list[Effect] | None:
        """Judges the head of a request: the effects of an answer that is streamed, else None.

        The chunks of a streamed answer go out as they come; `receive` follows with the rest.
        """
        mode = headers.get(STREAMING_MODE)
        match = _RESPONSE.fullmatch(path[len(RUNTIME_BASE) :])
        if mode != "streaming" or match is None or match[2] != "response":
            return None
        if self._event is None or match[1] != self._event.request_id or self._streaming:
            return None
        if self._state is not _RuntimeState.RUNNING:
            return None
        self._streaming = True
        return [StreamBegun(headers.get("content-type", "application/octet-stream"))]

    def invoke(self, event: InvocationEvent, payload: bytes) -> list[Effect]:
        """Hands out an event; the runtime and the extensions are waiting for it."""
        self._event, self._payload = event, payload
        self._settled = self._streaming = False
        self._state = _RuntimeState.RUNNING
        return [self._next_event(), *self._extensions.invoke(event)]

    def shut_down(self, reason: str, deadline_ms: int) -> list[Effect]:
        """SHUTDOWN for every extension that asked for it and waits."""
        identifier = self._event.invocation_id if self._event is not None else "shutdown"
        return [*self._extensions.shut_down(reason, deadline_ms, identifier)]

    # The runtime

    def _runtime(self, path: str, request: ApiRequest) -> list[Effect]:
        if path == "invocation/next" and request.method == "GET":
            return self._next(request.ticket)
        if path == "init/error" and request.method == "POST":
            return self._init_error(request)
        match = _RESPONSE.fullmatch(path)
        if match is not None and request.method == "POST":
            return self._answer(match[1], match[2] == "error", request)
        text = "snapshots are not taken here"
        if path.startswith("restore/"):
            return [error_reply(request.ticket, 403, "InvalidStateTransition", text)]
        return [not_there(request.ticket)]

    def _next(self, ticket: int) -> list[Effect]:
        if self._state is _RuntimeState.RUNNING:  # tolerated; it waits until the answer is there
            self._ticket = ticket
            return []
        if self._state is _RuntimeState.INIT_ERROR:
            return [self._transition(ticket, "RuntimeReady")]
        self._state, self._ticket = _RuntimeState.READY, ticket
        return self._after_next()

    def _after_next(self) -> list[Effect]:
        """Init, or the invocation, is over when nobody is missing."""
        if self._state is not _RuntimeState.READY:
            return []
        if not self._initialized:
            self._initialized = self._extensions.are_initialized
            return [InitDone()] if self._initialized else []
        if self._extensions.are_done and not self._settled:
            self._settled, self._event = True, None
            return [Settled()]
        return []

    def _next_event(self) -> Reply:
        event = cast("InvocationEvent", self._event)
        ticket, self._ticket = self._ticket, NO_TICKET
        named = {
            "Lambda-Runtime-Aws-Request-Id": event.request_id,
            "Lambda-Runtime-Deadline-Ms": str(event.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": event.arn,
            "Lambda-Runtime-Trace-Id": event.trace_id,
            "Lambda-Runtime-Client-Context": event.client_context,
            "Lambda-Runtime-Invocation-Id": event.invocation_id,
        }
        headers = tuple((name, value) for name, value in named.items() if value)
        return Reply(ticket, 200, (AS_JSON, *headers), self._payload)

    def _init_error(self, request: ApiRequest) -> list[Effect]:
        if self._initialized or self._state is not _RuntimeState.STARTED:
            return [self._transition(request.ticket, "RuntimeInitError")]
        self._state = _RuntimeState.INIT_ERROR
        failure = reported_error(request.body, request.headers, "Runtime.Unknown")
        return [accepted(request.ticket), InitFailed(failure)]

    def _answer(self, request_id: str, is_error: bool, request: ApiRequest) -> list[Effect]:  # noqa: FBT001 - the path says it
        event, ticket = self._event, request.ticket
        target = "RuntimeInvocationErrorResponse" if is_error else "RuntimeInvocationResponse"
        if self._state is not _RuntimeState.RUNNING:
            return [self._transition(ticket, target)]
        if event is None or event.request_id != request_id:
            return [error_reply(ticket, 400, "InvalidRequestID", "Invalid request ID")]
        if request.headers.get("lambda-runtime-invocation-id") not in (None, event.invocation_id):
            return [error_reply(ticket, 400, "InvalidInvocationId", "Invalid invocation ID")]
        if is_error:
            return self._answered(accepted(ticket), InvocationAnswered(b"", handler_error(request)))
        mode = request.headers.get(STREAMING_MODE)
        if mode not in (None, "streaming"):
            kind = "Runtime.InvalidResponseModeHeader"
            failure = ErrorObject(kind, f"Invalid response mode {mode!r}", error_body(kind, ""))
            reply = error_reply(
                ticket, 400, "InvalidFunctionResponseMode", f"Invalid mode {mode!r}"
            )
            return self._answered(reply, InvocationAnswered(b"", failure))
        if request.is_truncated:
            kind = "Runtime.TruncatedResponse"
            failure = ErrorObject(kind, "the response was cut off", error_body(kind, ""))
            reply = error_reply(
                ticket, 400, "TruncatedHTTPRequest", "HTTP request detected as truncated"
            )
            return self._answered(reply, InvocationAnswered(b"", failure))
        if self._streaming:
            failure = trailing_error(request.trailers)
            return self._answered(accepted(ticket), InvocationAnswered(b"", failure))
        if request.too_large or len(request.body) > MAX_RESPONSE:
            text = f"Exceeded maximum allowed payload size ({MAX_RESPONSE} bytes)."
            reply = error_reply(ticket, 413, "RequestEntityTooLarge", text)
            return self._answered(reply, InvocationAnswered(b"", response_too_large()))
        return self._answered(accepted(ticket), InvocationAnswered(request.body))

    def _answered(self, reply: Reply, answer: InvocationAnswered) -> list[Effect]:
        """The invocation has its answer, be it that the runtime's was refused."""
        self._state = _RuntimeState.ANSWERED if self._ticket == NO_TICKET else _RuntimeState.READY
        return [reply, answer, *self._after_next()]

    def _transition(self, ticket: int, target: str) -> Reply:
        text = (
            f"State transition from Runtime{self._state.value} to {target} failed for runtime. "
            "Error: State transition is not allowed"
        )
        return error_reply(ticket, 403, "InvalidStateTransition", text)

    # Extensions

    def _extension(self, path: str, request: ApiRequest, fresh_id: str) -> list[Effect]:
        if path == "register" and request.method == "POST":
            return self._extensions.register(
                request,
                fresh_id,
                is_closed=self._initialized,
                is_runtime_up=self._state is not _RuntimeState.STARTED,
            )
        known = {("GET", "event/next"), ("POST", "init/error"), ("POST", "exit/error")}
        if (request.method, path) not in known:
            return [not_there(request.ticket)]
        extension = self._extensions.identified(request)
        if isinstance(extension, Reply):
            return [extension]
        if path == "event/next":
            extension.ticket = request.ticket
            return self._after_next()
        failure = reported_failure(path, request)
        if isinstance(failure, Reply):
            return [failure]
        is_of_init = path == "init/error" and not self._initialized
        effect = InitFailed(failure) if is_of_init else ExtensionFailed(failure)
        return [accepted(request.ticket), effect]
