"""The Runtime API and the Extensions API of one execution environment, without a socket.

`RuntimeApi` takes requests as they arrive and answers effects: replies to send, and what the
environment learns. A request that must wait (`next`) gets its reply with a later effect.

    runtime    started ──next──▶ ready ──event──▶ running ──answer──▶ answered ──next──▶ ready
    extension  registered ──next──▶ ready ──event──▶ running ──next──▶ ready

Source: Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes", "Using the
Lambda Extensions API to create extensions"; states and error bodies as AWS's emulator has them.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple, TypeAlias, cast

from edgegw.awslambda.lifecycle import MAX_RESPONSE, ErrorObject, response_too_large
from edgegw.awslambda.payload import as_text, decode_payload, encode_payload
from edgegw.awslambda.telemetry import (
    InvalidSubscriptionError,
    Subscription,
    decode_subscription,
)

RUNTIME_BASE: Final = "/2018-06-01/runtime/"
"""Where the paths of the Runtime API begin.

Source: Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".
"""
EXTENSION_BASE: Final = "/2020-01-01/extension/"
"""Where the paths of the Extensions API begin.

Source: Lambda Developer Guide, "Using the Lambda Extensions API to create extensions".
"""
MAX_EXTENSIONS: Final = 10
"""Extensions that may register in one environment.

Source: Lambda Developer Guide, "Lambda extensions", limits.
"""
STREAMING_MODE: Final = "lambda-runtime-function-response-mode"
_ERROR_TYPE: Final = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")
_RESPONSE: Final = re.compile(r"invocation/([^/]+)/(response|error)")
_JSON: Final = ("Content-Type", "application/json")
_HELD: Final = -1


class Reply(NamedTuple):
    """An answer to the request with this `ticket`."""

    ticket: int
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class InitDone(NamedTuple):
    """The runtime and every extension asked for their first event."""


class InitFailed(NamedTuple):
    """The runtime or an extension reported that init failed."""

    failure: ErrorObject


class InvocationAnswered(NamedTuple):
    """The runtime answered the invocation: `failure` when it reported an error.

    The payload of a streamed answer is empty: its chunks came before.
    """

    payload: bytes
    failure: ErrorObject | None = None


class StreamBegun(NamedTuple):
    """The runtime began to stream its answer."""

    content_type: str


class Settled(NamedTuple):
    """The runtime and every extension that takes part asked for the next event."""


class ExtensionRegistered(NamedTuple):
    """An extension registered, for these events."""

    name: str
    events: tuple[str, ...]


class Subscribed(NamedTuple):
    """An extension subscribed to telemetry."""

    subscription: Subscription


class ExtensionFailed(NamedTuple):
    """An extension reported that it cannot go on."""

    failure: ErrorObject


Effect: TypeAlias = (
    Reply
    | InitDone
    | InitFailed
    | InvocationAnswered
    | StreamBegun
    | Settled
    | ExtensionRegistered
    | ExtensionFailed
    | Subscribed
)


class InvocationEvent(NamedTuple):
    """What an invocation tells the runtime; empty values are left out of its headers."""

    request_id: str
    invocation_id: str
    arn: str
    deadline_ms: int
    trace_id: str = ""
    client_context: str = ""


class ApiRequest(NamedTuple):
    """A request: header names in lower case, `trailers` from behind a chunked body.

    `too_large` when the body was cut off for its size, `is_truncated` when it ended early.
    """

    ticket: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    trailers: Mapping[str, str] = {}
    too_large: bool = False
    is_truncated: bool = False


class _RuntimeState(Enum):
    STARTED = "Started"
    READY = "Ready"
    RUNNING = "Running"
    ANSWERED = "ResponseSent"
    INIT_ERROR = "InitError"


@dataclass(slots=True)
class _Extension:
    name: str
    events: tuple[str, ...]
    is_internal: bool
    ticket: int = _HELD


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
    _ticket: int = _HELD
    _event: InvocationEvent | None = None
    _payload: bytes = b""
    _extensions: dict[str, _Extension] = field(default_factory=dict[str, _Extension])
    _initialized: bool = False
    _settled: bool = True
    _streaming: bool = False

    @property
    def has_internal(self) -> bool:
        return any(each.is_internal for each in self._extensions.values())

    @property
    def has_external(self) -> bool:
        return any(not each.is_internal for each in self._extensions.values())

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
            return self._subscribe(request)
        if path == "/2020-08-15/logs" and request.method == "PUT":
            text = "Logs API is not supported"
            return [_error(ticket, 202, "Logs.NotSupported", text)]
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
        waiting = [each for each in self._extensions.values() if "INVOKE" in each.events]
        return [
            self._next_event(),
            *(self._extension_event(each, _invoke_event(event)) for each in waiting),
        ]

    def shut_down(self, reason: str, deadline_ms: int) -> list[Effect]:
        """SHUTDOWN for every extension that asked for it and waits."""
        effects: list[Effect] = []
        for each in self._extensions.values():
            if "SHUTDOWN" in each.events and each.ticket != _HELD:
                body = {
                    "eventType": "SHUTDOWN",
                    "shutdownReason": reason,
                    "deadlineMs": deadline_ms,
                }
                effects.append(self._extension_event(each, body))
        return effects

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
            return [_error(request.ticket, 403, "InvalidStateTransition", text)]
        return [Reply(request.ticket, 404, (), b"404 page not found\n")]

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
            named = {each.name for each in self._extensions.values()}
            waits = all(each.ticket != _HELD for each in self._extensions.values())
            if waits and named.issuperset(self.expected):
                self._initialized = True
                return [InitDone()]
            return []
        waits = all(
            each.ticket != _HELD for each in self._extensions.values() if "INVOKE" in each.events
        )
        if waits and not self._settled:
            self._settled, self._event = True, None
            return [Settled()]
        return []

    def _next_event(self) -> Reply:
        event = cast("InvocationEvent", self._event)
        ticket, self._ticket = self._ticket, _HELD
        named = {
            "Lambda-Runtime-Aws-Request-Id": event.request_id,
            "Lambda-Runtime-Deadline-Ms": str(event.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": event.arn,
            "Lambda-Runtime-Trace-Id": event.trace_id,
            "Lambda-Runtime-Client-Context": event.client_context,
            "Lambda-Runtime-Invocation-Id": event.invocation_id,
        }
        headers = tuple((name, value) for name, value in named.items() if value)
        return Reply(ticket, 200, (_JSON, *headers), self._payload)

    def _init_error(self, request: ApiRequest) -> list[Effect]:
        if self._initialized or self._state is not _RuntimeState.STARTED:
            return [self._transition(request.ticket, "RuntimeInitError")]
        self._state = _RuntimeState.INIT_ERROR
        failure = _reported(request.body, request.headers, "Runtime.Unknown")
        return [_accepted(request.ticket), InitFailed(failure)]

    def _answer(self, request_id: str, is_error: bool, request: ApiRequest) -> list[Effect]:  # noqa: FBT001 - the path says it
        event, ticket = self._event, request.ticket
        target = "RuntimeInvocationErrorResponse" if is_error else "RuntimeInvocationResponse"
        if self._state is not _RuntimeState.RUNNING:
            return [self._transition(ticket, target)]
        if event is None or event.request_id != request_id:
            return [_error(ticket, 400, "InvalidRequestID", "Invalid request ID")]
        if request.headers.get("lambda-runtime-invocation-id") not in (None, event.invocation_id):
            return [_error(ticket, 400, "InvalidInvocationId", "Invalid invocation ID")]
        if is_error:
            return self._answered(
                _accepted(ticket), InvocationAnswered(b"", _handler_error(request))
            )
        mode = request.headers.get(STREAMING_MODE)
        if mode not in (None, "streaming"):
            kind = "Runtime.InvalidResponseModeHeader"
            failure = ErrorObject(kind, f"Invalid response mode {mode!r}", _error_body(kind, ""))
            reply = _error(ticket, 400, "InvalidFunctionResponseMode", f"Invalid mode {mode!r}")
            return self._answered(reply, InvocationAnswered(b"", failure))
        if request.is_truncated:
            kind = "Runtime.TruncatedResponse"
            failure = ErrorObject(kind, "the response was cut off", _error_body(kind, ""))
            reply = _error(
                ticket, 400, "TruncatedHTTPRequest", "HTTP request detected as truncated"
            )
            return self._answered(reply, InvocationAnswered(b"", failure))
        if self._streaming:
            failure = _trailing_error(request.trailers)
            return self._answered(_accepted(ticket), InvocationAnswered(b"", failure))
        if request.too_large or len(request.body) > MAX_RESPONSE:
            text = f"Exceeded maximum allowed payload size ({MAX_RESPONSE} bytes)."
            reply = _error(ticket, 413, "RequestEntityTooLarge", text)
            return self._answered(reply, InvocationAnswered(b"", response_too_large()))
        return self._answered(_accepted(ticket), InvocationAnswered(request.body))

    def _answered(self, reply: Reply, answer: InvocationAnswered) -> list[Effect]:
        """The invocation has its answer, be it that the runtime's was refused."""
        self._state = _RuntimeState.ANSWERED if self._ticket == _HELD else _RuntimeState.READY
        return [reply, answer, *self._after_next()]

    def _transition(self, ticket: int, target: str) -> Reply:
        text = (
            f"State transition from Runtime{self._state.value} to {target} failed for runtime. "
            "Error: State transition is not allowed"
        )
        return _error(ticket, 403, "InvalidStateTransition", text)

    # Extensions

    def _extension(self, path: str, request: ApiRequest, fresh_id: str) -> list[Effect]:
        if path == "register" and request.method == "POST":
            return self._register(request, fresh_id)
        known = {("GET", "event/next"), ("POST", "init/error"), ("POST", "exit/error")}
        if (request.method, path) not in known:
            return [Reply(request.ticket, 404, (), b"404 page not found\n")]
        extension = self._identified(request)
        if isinstance(extension, Reply):
            return [extension]
        if path == "event/next":
            extension.ticket = request.ticket
            return self._after_next()
        kind = request.headers.get("lambda-extension-function-error-type", "")
        if not kind:
            text = "Missing Lambda-Extension-Function-Error-Type header"
            return [_error(request.ticket, 403, "Extension.MissingHeader", text)]
        default = "Extension.InitError" if path == "init/error" else "Extension.ExitError"
        failure = ErrorObject(kind or default, default, request.body or _error_body(kind, default))
        reply = _accepted(request.ticket)
        if path == "init/error" and not self._initialized:
            return [reply, InitFailed(failure)]
        return [reply, ExtensionFailed(failure)]

    def _identified(self, request: ApiRequest) -> _Extension | Reply:
        identifier = request.headers.get("lambda-extension-identifier")
        if identifier is None:
            text = "Missing Lambda-Extension-Identifier header"
            return _error(request.ticket, 403, "Extension.MissingExtensionIdentifier", text)
        extension = self._extensions.get(identifier)
        if extension is None:
            text = f"Unknown extension {identifier}"
            return _error(request.ticket, 403, "Extension.UnknownExtensionIdentifier", text)
        return extension

    def _subscribe(self, request: ApiRequest) -> list[Effect]:
        extension, ticket = self._identified(request), request.ticket
        if isinstance(extension, Reply):
            return [extension]
        if self._initialized:
            text = "Telemetry API subscription is closed already"
            return [_error(ticket, 403, "Telemetry.SubscriptionClosed", text)]
        try:
            subscription = decode_subscription(extension.name, request.body)
        except InvalidSubscriptionError as error:
            return [_error(ticket, 400, "ValidationError", str(error))]
        reply = Reply(ticket, 200, (("Content-Type", "text/plain"),), b'"OK"')
        return [reply, Subscribed(subscription)]

    def _register(self, request: ApiRequest, fresh_id: str) -> list[Effect]:
        name, ticket = request.headers.get("lambda-extension-name", ""), request.ticket
        problem = self._registration_problem(name)
        if problem is not None:
            return [_error(ticket, 403, *problem)]
        try:
            body = decode_payload(request.body)
        except ValueError:
            body = None
        events = body.get("events", []) if isinstance(body, Mapping) else None
        if not isinstance(events, list):
            return [_error(ticket, 400, "InvalidRequestFormat", "Invalid request format")]
        wanted = tuple(as_text(each) for each in cast("list[object]", events))
        is_internal = name not in self.expected
        known = ("INVOKE",) if is_internal else ("INVOKE", "SHUTDOWN")
        for each in wanted:
            if each not in known:
                text = f"{each}: invalid event type"
                return [_error(ticket, 403, "Extension.InvalidEventType", text)]
        self._extensions[fresh_id] = _Extension(name, wanted, is_internal)
        answer = {
            "functionName": self.function_name,
            "functionVersion": self.function_version,
            "handler": self.handler,
        }
        if "accountId" in request.headers.get("lambda-extension-accept-feature", ""):
            answer["accountId"] = self.account_id
        headers = (_JSON, ("Lambda-Extension-Identifier", fresh_id))
        reply = Reply(ticket, 200, headers, encode_payload(answer))
        return [reply, ExtensionRegistered(name, wanted)]

    def _registration_problem(self, name: str) -> tuple[str, str] | None:
        if not name:
            return "Extension.InvalidExtensionName", "Empty extension name"
        is_late = name not in self.expected and self._state is not _RuntimeState.STARTED
        if self._initialized or is_late:
            return "Extension.RegistrationClosed", "Extension registration closed already"
        if any(each.name == name for each in self._extensions.values()):
            return "Extension.InvalidExtensionState", f"Extension {name} is registered already"
        if len(self._extensions) >= MAX_EXTENSIONS:
            return (
                "Extension.TooManyExtensions",
                f"Extension limit ({MAX_EXTENSIONS}) reached",
            )
        return None

    def _extension_event(self, extension: _Extension, event: Mapping[str, object]) -> Reply:
        ticket, extension.ticket = extension.ticket, _HELD
        identifier = self._event.invocation_id if self._event is not None else "shutdown"
        headers = (_JSON, ("Lambda-Extension-Event-Identifier", identifier))
        return Reply(ticket, 200, headers, encode_payload(event))


def _invoke_event(event: InvocationEvent) -> dict[str, object]:
    return {
        "eventType": "INVOKE",
        "deadlineMs": event.deadline_ms,
        "requestId": event.request_id,
        "invokedFunctionArn": event.arn,
        "tracing": {"type": "X-Amzn-Trace-Id", "value": event.trace_id},
    }


def _accepted(ticket: int) -> Reply:
    return Reply(ticket, 202, (_JSON,), b'{"status":"OK"}\n')


def _error(ticket: int, status: int, kind: str, message: str) -> Reply:
    body = encode_payload({"errorMessage": message, "errorType": kind})
    return Reply(ticket, status, (_JSON,), body + b"\n")


def _error_body(kind: str, message: str) -> bytes:
    return encode_payload({"errorType": kind, "errorMessage": message})


def _handler_error(request: ApiRequest) -> ErrorObject:
    body, content_type = request.body, request.headers.get("content-type", "")
    if content_type == "application/vnd.aws.lambda.error.cause+json":
        found = _mapping(body)
        body = encode_payload(
            {key: found[key] for key in ("errorMessage", "errorType") if key in found}
        )
    return _reported(body, request.headers, "Function.Unknown")


def _reported(body: bytes, headers: Mapping[str, str], unknown: str) -> ErrorObject:
    """An error object as the runtime posted it; the caller sees it byte for byte."""
    found = _mapping(body)
    named = headers.get("lambda-runtime-function-error-type", "")
    if named and not _ERROR_TYPE.fullmatch(named):
        named = unknown
    kind = as_text(found.get("errorType") or named or unknown)
    return ErrorObject(kind, as_text(found.get("errorMessage", "")), body or _error_body(kind, ""))


def _mapping(body: bytes) -> Mapping[str, object]:
    try:
        found = decode_payload(body)
    except ValueError:
        return {}
    return cast("Mapping[str, object]", found) if isinstance(found, Mapping) else {}


def _trailing_error(trailers: Mapping[str, str]) -> ErrorObject | None:
    """The error that a streaming runtime announces behind its last chunk."""
    kind = trailers.get("lambda-runtime-function-error-type")
    if kind is None:
        return None
    try:
        body = base64.b64decode(trailers.get("lambda-runtime-function-error-body", ""))
    except (binascii.Error, ValueError):
        body = b""
    return ErrorObject(kind, as_text(_mapping(body).get("errorMessage", "")), body)
