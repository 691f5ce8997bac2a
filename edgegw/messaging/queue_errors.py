"""What SQS refuses: the exception's name, the older code that SDKs show, status and text.

Since its JSON protocol an error has two names: the shape of the service model, and the code of
the Query protocol, which goes along in a header and is what boto3 calls `Error.Code`.

Source: SQS API Reference, "Errors" of each action; texts as AWS answered them (observed).
"""

from __future__ import annotations

from typing import Final

from edgegw.messaging.call_errors import CallError

_OLD: Final = "AWS.SimpleQueueService."
QUERY_CODES: Final = {
    "BatchEntryIdsNotDistinct": f"{_OLD}BatchEntryIdsNotDistinct",
    "BatchRequestTooLong": f"{_OLD}BatchRequestTooLong",
    "EmptyBatchRequest": f"{_OLD}EmptyBatchRequest",
    "InvalidAttributeName": "InvalidAttributeName",
    "InvalidAttributeValue": "InvalidAttributeValue",
    "InvalidBatchEntryId": f"{_OLD}InvalidBatchEntryId",
    "InvalidMessageContents": "InvalidMessageContents",
    "InvalidParameterValueException": "InvalidParameterValue",
    "MessageNotInflight": f"{_OLD}MessageNotInflight",
    "MissingRequiredParameterException": "MissingParameter",
    "OverLimit": "OverLimit",
    "PurgeQueueInProgress": f"{_OLD}PurgeQueueInProgress",
    "QueueDeletedRecently": f"{_OLD}QueueDeletedRecently",
    "QueueDoesNotExist": f"{_OLD}NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "ReceiptHandleIsInvalid": "ReceiptHandleIsInvalid",
    "ResourceNotFoundException": "ResourceNotFoundException",
    "ServiceUnavailable": "ServiceUnavailable",
    "TooManyEntriesInBatchRequest": f"{_OLD}TooManyEntriesInBatchRequest",
    "UnknownOperationException": "InvalidAction",
    "UnsupportedOperation": f"{_OLD}UnsupportedOperation",
}
"""The Query protocol's code of every error that is answered here."""
_STATUS: Final = {
    "PurgeQueueInProgress": 403,
    "ReceiptHandleIsInvalid": 404,
    "ResourceNotFoundException": 404,
    "ServiceUnavailable": 503,
}
"""Every other error is a 400."""


class QueueError(CallError):
    """The service refuses a call. `shape` is one of `QUERY_CODES`."""

    @property
    def code(self) -> str:
        """What SDKs show."""
        return QUERY_CODES[self.shape]

    @property
    def status(self) -> int:
        return _STATUS.get(self.shape, 400)

    @property
    def type_name(self) -> str:
        return f"com.amazonaws.sqs#{self.shape}"

    @property
    def query_code(self) -> str:
        return self.code


def no_such_queue() -> QueueError:
    """No queue has this name."""
    return QueueError("QueueDoesNotExist", "The specified queue does not exist.")


def bad_parameter(text: str) -> QueueError:
    """A parameter has a value that SQS refuses."""
    return QueueError("InvalidParameterValueException", text)


def bad_value(value: object, parameter: str, reason: str) -> QueueError:
    """As `bad_parameter`, in the words that most parameters have."""
    return bad_parameter(f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


def missing_parameter(name: str) -> QueueError:
    """A parameter that must be there is not."""
    text = f"The request must contain the parameter {name}."
    return QueueError("MissingRequiredParameterException", text)


def unknown_attribute(name: str) -> QueueError:
    """A queue has no attribute of this name."""
    return QueueError("InvalidAttributeName", f"Unknown Attribute {name}.")


def bad_attribute(name: str, reason: str = "") -> QueueError:
    """An attribute of a queue has a value that SQS refuses."""
    more = f" Reason: {reason}" if reason else ""
    text = f"Invalid value for the parameter {name}.{more}"
    return QueueError("InvalidAttributeValue", text)
