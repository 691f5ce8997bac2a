"""The errors of the Lambda service API: code, HTTP status, and how the body spells its text.

Source: Lambda API Reference, "Errors" of each action; the spelling is that of the service model.
"""

from __future__ import annotations

from typing import Final

from edgegw.awslambda.payload import encode_payload

STATUS: Final = {
    "AccessDeniedException": 403,
    "InvalidParameterValueException": 400,
    "InvalidRequestContentException": 400,
    "PolicyLengthExceededException": 400,
    "PreconditionFailedException": 412,
    "ProvisionedConcurrencyConfigNotFoundException": 404,
    "RecursiveInvocationException": 400,
    "RequestTooLargeException": 413,
    "ResourceConflictException": 409,
    "ResourceInUseException": 400,
    "ResourceNotFoundException": 404,
    "ServiceException": 500,
    "TooManyRequestsException": 429,
    "UnknownOperationException": 404,
    "UnsupportedMediaTypeException": 415,
    "ValidationException": 400,
}
"""The HTTP status of every error code that the service answers here.

Source: Lambda API Reference, "Errors" of each action.
"""
_CAPITAL: Final = frozenset(
    {
        "ResourceNotFoundException",
        "ResourceInUseException",
        "ServiceException",
        "AccessDeniedException",
        "RecursiveInvocationException",
    }
)


class ServiceError(Exception):
    """The service refuses a call. `code` is one of `STATUS`."""

    def __init__(self, code: str, message: str | None, *, reason: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.reason = reason

    @property
    def status(self) -> int:
        return STATUS[self.code]

    @property
    def body(self) -> bytes:
        """The JSON body; not-found and service errors write `Message`, the others `message`."""
        spelling = "Message" if self.code in _CAPITAL else "message"
        kind = "Service" if self.status >= 500 else "User"
        if self.code == "ValidationException":
            return encode_payload({spelling: self.message})
        if self.reason:
            return encode_payload({"Reason": self.reason, "Type": kind, spelling: self.message})
        return encode_payload({"Type": kind, spelling: self.message})


def not_found(arn: str) -> ServiceError:
    """No such function, version or alias."""
    return ServiceError("ResourceNotFoundException", f"Function not found: {arn}")


def invalid(message: str) -> ServiceError:
    """A parameter has a value that the service refuses."""
    return ServiceError("InvalidParameterValueException", message)


def missing(field: str) -> ServiceError:
    """A parameter that must be there is not."""
    return ServiceError(
        "ValidationException",
        f"1 validation error detected: Value null at '{field}' failed to satisfy constraint: "
        "Member must not be null",
    )


def constraint(value: str, field: str, rule: str) -> ServiceError:
    """A parameter breaks a constraint of the service model."""
    return ServiceError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy "
        f"constraint: {rule}",
    )
