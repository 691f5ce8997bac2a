"""What the service checks of an Invoke or InvokeWithResponseStream, in which order.

A call is checked in two goes, so that nobody sends megabytes to a function that is not there: the
head (`check_head`), then the body behind it (`InvokeHead.invocation`). In the head the invocation
type comes first, then the function's name, whether there is such a function, whether the qualifier
leads anywhere, and the length of the client context; of the body its size, then that it is JSON,
and only then what the client context holds.
Source: Lambda API Reference, "Invoke" and "InvokeWithResponseStream"; that the name is looked up
before the payload is read is observed, the rest of the order inferred.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, cast

from edgegw.awslambda.api import check_payload, request_body
from edgegw.awslambda.lifecycle import MAX_PAYLOAD
from edgegw.awslambda.model import (
    LATEST,
    FunctionError,
    FunctionRef,
    Invocation,
    InvokeRefusal,
    Returned,
    Throttled,
)
from edgegw.awslambda.names import Account
from edgegw.awslambda.service_errors import STATUS, ServiceError, constraint, not_found
from edgegw.awslambda.versions import Deployed

InvocationType = Literal["RequestResponse", "Event", "DryRun"]

MAX_CLIENT_CONTEXT: Final = 3583
"""Characters of a client context in base64.

Source: Lambda API Reference, "Invoke", parameter ClientContext.
"""

_TYPES: Final = {
    "Invoke": ("Event", "RequestResponse", "DryRun"),
    "InvokeWithResponseStream": ("RequestResponse", "DryRun"),
}
"""The invocation types of each action, in the order in which a refusal names them."""


class InvokeCall(NamedTuple):
    """The head of a call. `name` is as it stands in the path, header names are in lower case."""

    action: Literal["Invoke", "InvokeWithResponseStream"]
    name: str
    qualifier: str | None
    headers: Mapping[str, str]


class InvokeHead(NamedTuple):
    """A call whose head is right. `client_context` is still in base64."""

    kind: InvocationType
    function: FunctionRef
    trace_id: str
    client_context: str
    wants_tail: bool

    def invocation(self, payload: bytes) -> Invocation:
        """The invocation that the call with this body asks for. Raises ServiceError.

        Source: Lambda API Reference, "Invoke", request body and parameter ClientContext.
        """
        event = check_payload(payload)
        context = _decoded_context(self.client_context)
        return Invocation(self.function, event, self.trace_id, context)


def check_head(call: InvokeCall, account: Account, functions: Mapping[str, Deployed]) -> InvokeHead:
    """The head of a call, where nothing is wrong with it. Raises ServiceError.

    Source: Lambda API Reference, "Invoke", URI request parameters.
    """
    kind = _invocation_type(call)
    ref = account.function_ref(call.name, call.qualifier)
    deployed = functions.get(ref.name)
    if deployed is None or not deployed.targets(ref):
        raise function_not_found(account, ref)
    context = call.headers.get("x-amz-client-context", "")
    if len(context) > MAX_CLIENT_CONTEXT:
        rule = f"Member must have length less than or equal to {MAX_CLIENT_CONTEXT}"
        raise constraint(f"{context[:20]}...", "clientContext", rule)
    trace_id = call.headers.get("x-amzn-trace-id", "")
    wants_tail = call.headers.get("x-amz-log-type") == "Tail"
    return InvokeHead(kind, ref, trace_id, context, wants_tail)


def _invocation_type(call: InvokeCall) -> InvocationType:
    kind = call.headers.get("x-amz-invocation-type", "RequestResponse")
    types = _TYPES[call.action]
    if kind not in types:
        rule = f"Member must satisfy enum value set: [{', '.join(types)}]"
        raise constraint(kind, "invocationType", rule)
    return cast("InvocationType", kind)


def _decoded_context(encoded: str) -> str:
    if not encoded:
        return ""
    try:
        context = base64.b64decode(encoded, validate=True)
        request_body(context)
        return context.decode()
    except (binascii.Error, ServiceError, UnicodeDecodeError):
        text = "Client context must be a valid Base64-encoded JSON object."
        raise ServiceError("InvalidRequestContentException", text) from None


def payload_too_large(most: int = MAX_PAYLOAD) -> ServiceError:
    """The body of a call is longer than it may be.

    Source: Lambda API Reference, "Invoke", RequestTooLargeException; that the text names the limit
    of the invocation type is inferred.
    """
    text = f"Request must be smaller than {most} bytes for the InvokeFunction operation"
    return ServiceError("RequestTooLargeException", text)


def function_not_found(account: Account, ref: FunctionRef) -> ServiceError:
    """Invoke finds no such function: it names the version that it looked for.

    Source: observed: the ARN ends in `:$LATEST` where no qualifier was given.
    """
    return not_found(account.arn(ref.name, ref.qualifier or LATEST))


def refusal(outcome: Throttled | InvokeRefusal) -> ServiceError:
    """The error that a caller gets whose invocation did not run.

    Source: Lambda API Reference, "Invoke", errors.
    """
    if isinstance(outcome, Throttled):
        code = "TooManyRequestsException"
        return ServiceError(code, outcome.message, reason=outcome.reason)
    code = outcome.code if outcome.code in STATUS else "ServiceException"
    return ServiceError(code, outcome.message)


def outcome_headers(outcome: Returned | FunctionError) -> dict[str, str]:
    """The headers of the answer to an invocation that ran; a function error is a 200 too.

    Source: Lambda API Reference, "Invoke", response elements.
    """
    headers = {
        "X-Amz-Executed-Version": outcome.report.version,
        "x-amzn-RequestId": outcome.report.request_id,
    }
    if isinstance(outcome, FunctionError):
        headers["X-Amz-Function-Error"] = "Unhandled"
    return headers
