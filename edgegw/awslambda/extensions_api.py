"""Extensions of one execution environment: who registered for what, and who waits for an event.

    registered ──next──▶ ready ──event──▶ running ──next──▶ ready

External extensions are those that an environment `expected`s before its init is over; any other
name is an internal one, which lives in the runtime's process and hears of invocations only.

Source: Lambda Developer Guide, "Using the Lambda Extensions API to create extensions"; states and
error bodies as AWS's emulator has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from edgegw.awslambda.lifecycle import ErrorObject
from edgegw.awslambda.payload import as_text, decode_payload, encode_payload
from edgegw.awslambda.reported_errors import error_body
from edgegw.awslambda.runtime_api_messages import (
    AS_JSON,
    NO_TICKET,
    ApiRequest,
    Effect,
    ExtensionRegistered,
    InvocationEvent,
    Reply,
    Subscribed,
    error_reply,
)
from edgegw.awslambda.telemetry import InvalidSubscriptionError, decode_subscription

EXTENSION_BASE: Final = "/2020-01-01/extension/"
"""Where the paths of the Extensions API begin.

Source: Lambda Developer Guide, "Using the Lambda Extensions API to create extensions".
"""
MAX_EXTENSIONS: Final = 10
"""Extensions that may register in one environment.

Source: Lambda Developer Guide, "Lambda extensions", limits.
"""


@dataclass(slots=True)
class RegisteredExtension:
    """One that registered; `ticket` is that of its request for the next event."""

    name: str
    events: tuple[str, ...]
    is_internal: bool
    ticket: int = NO_TICKET

    @property
    def is_waiting(self) -> bool:
        return self.ticket != NO_TICKET

    def event(self, identifier: str, event: Mapping[str, object]) -> Reply:
        """The event that it waits for."""
        ticket, self.ticket = self.ticket, NO_TICKET
        headers = (AS_JSON, ("Lambda-Extension-Event-Identifier", identifier))
        return Reply(ticket, 200, headers, encode_payload(event))


@dataclass(slots=True)
class RegisteredExtensions:
    """The extensions of one environment; `about` is what each learns of the function."""

    about: Mapping[str, str]
    account_id: str
    expected: Sequence[str] = ()
    _registered: dict[str, RegisteredExtension] = field(
        default_factory=dict[str, RegisteredExtension]
    )

    @property
    def has_internal(self) -> bool:
        return any(extension.is_internal for extension in self._registered.values())

    @property
    def has_external(self) -> bool:
        return any(not extension.is_internal for extension in self._registered.values())

    @property
    def are_initialized(self) -> bool:
        """Whether all that are expected registered, and everybody waits for the first event."""
        names = {extension.name for extension in self._registered.values()}
        waits = all(extension.is_waiting for extension in self._registered.values())
        return waits and names.issuperset(self.expected)

    @property
    def are_done(self) -> bool:
        """Whether everybody who hears of invocations waits for the next one."""
        return all(extension.is_waiting for extension in self._invoked)

    @property
    def _invoked(self) -> list[RegisteredExtension]:
        return [each for each in self._registered.values() if "INVOKE" in each.events]

    # Events

    def invoke(self, event: InvocationEvent) -> list[Reply]:
        """INVOKE for everybody who hears of it."""
        body = _invoke_event(event)
        return [extension.event(event.invocation_id, body) for extension in self._invoked]

    def shut_down(self, reason: str, deadline_ms: int, identifier: str) -> list[Reply]:
        """SHUTDOWN for every extension that asked for it and waits."""
        body = {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms}
        return [
            extension.event(identifier, body)
            for extension in self._registered.values()
            if "SHUTDOWN" in extension.events and extension.is_waiting
        ]

    # Requests

    def identified(self, request: ApiRequest) -> RegisteredExtension | Reply:
        """Who sends `request`, or what is answered to nobody."""
        identifier = request.headers.get("lambda-extension-identifier")
        if identifier is None:
            text = "Missing Lambda-Extension-Identifier header"
            return error_reply(request.ticket, 403, "Extension.MissingExtensionIdentifier", text)
        extension = self._registered.get(identifier)
        if extension is None:
            text = f"Unknown extension {identifier}"
            return error_reply(request.ticket, 403, "Extension.UnknownExtensionIdentifier", text)
        return extension

    def subscribe(self, request: ApiRequest, *, is_closed: bool) -> list[Effect]:
        """A subscription to telemetry; behind init it `is_closed`."""
        extension, ticket = self.identified(request), request.ticket
        if isinstance(extension, Reply):
            return [extension]
        if is_closed:
            text = "Telemetry API subscription is closed already"
            return [error_reply(ticket, 403, "Telemetry.SubscriptionClosed", text)]
        try:
            subscription = decode_subscription(extension.name, request.body)
        except InvalidSubscriptionError as error:
            return [error_reply(ticket, 400, "ValidationError", str(error))]
        reply = Reply(ticket, 200, (("Content-Type", "text/plain"),), b'"OK"')
        return [reply, Subscribed(subscription)]

    def register(
        self, request: ApiRequest, fresh_id: str, *, is_closed: bool, is_runtime_up: bool
    ) -> list[Effect]:
        """A registration under `fresh_id`.

        Behind init it `is_closed`; for internal extensions once the runtime `is_runtime_up`, which
        has asked for its first event.
        """
        name, ticket = request.headers.get("lambda-extension-name", ""), request.ticket
        is_internal = name not in self.expected
        is_closed = is_closed or (is_internal and is_runtime_up)
        problem = self._registration_problem(name, is_closed=is_closed)
        if problem is not None:
            return [error_reply(ticket, 403, *problem)]
        events = _wanted_events(request.body)
        if events is None:
            return [error_reply(ticket, 400, "InvalidRequestFormat", "Invalid request format")]
        known = ("INVOKE",) if is_internal else ("INVOKE", "SHUTDOWN")
        for event in events:
            if event not in known:
                text = f"{event}: invalid event type"
                return [error_reply(ticket, 403, "Extension.InvalidEventType", text)]
        self._registered[fresh_id] = RegisteredExtension(name, events, is_internal)
        answer = dict(self.about)
        if "accountId" in request.headers.get("lambda-extension-accept-feature", ""):
            answer["accountId"] = self.account_id
        headers = (AS_JSON, ("Lambda-Extension-Identifier", fresh_id))
        reply = Reply(ticket, 200, headers, encode_payload(answer))
        return [reply, ExtensionRegistered(name, events)]

    def _registration_problem(self, name: str, *, is_closed: bool) -> tuple[str, str] | None:
        if not name:
            return "Extension.InvalidExtensionName", "Empty extension name"
        if is_closed:
            return "Extension.RegistrationClosed", "Extension registration closed already"
        if any(extension.name == name for extension in self._registered.values()):
            return "Extension.InvalidExtensionState", f"Extension {name} is registered already"
        if len(self._registered) >= MAX_EXTENSIONS:
            return "Extension.TooManyExtensions", f"Extension limit ({MAX_EXTENSIONS}) reached"
        return None


def _wanted_events(content: bytes) -> tuple[str, ...] | None:
    """The events that a registration names; None where it is malformed."""
    try:
        body = decode_payload(content)
    except ValueError:
        body = None
    events = body.get("events", []) if isinstance(body, Mapping) else None
    if not isinstance(events, list):
        return None
    return tuple(as_text(event) for event in cast("list[object]", events))


def reported_failure(path: str, request: ApiRequest) -> ErrorObject | Reply:
    """What an extension reports at `init/error` or `exit/error`, or what it is answered."""
    kind = request.headers.get("lambda-extension-function-error-type", "")
    if not kind:
        text = "Missing Lambda-Extension-Function-Error-Type header"
        return error_reply(request.ticket, 403, "Extension.MissingHeader", text)
    default = "Extension.InitError" if path == "init/error" else "Extension.ExitError"
    return ErrorObject(kind, default, request.body or error_body(kind, default))


def _invoke_event(event: InvocationEvent) -> dict[str, object]:
    return {
        "eventType": "INVOKE",
        "deadlineMs": event.deadline_ms,
        "requestId": event.request_id,
        "invokedFunctionArn": event.arn,
        "tracing": {"type": "X-Amzn-Trace-Id", "value": event.trace_id},
    }
