"""The errors of the CloudFront API: code, status, document.

Source: CloudFront API Reference, "Errors" of each operation, and "Common Errors".
"""

from __future__ import annotations

from typing import Final

from edgegw.cloudfront.api.xml_writer import encode_document

API_STATUSES: Final = {
    "AccessDenied": 403,
    "BatchTooLarge": 413,
    "CannotDeleteEntityWhileInUse": 409,
    "EntityAlreadyExists": 409,
    "EntityLimitExceeded": 400,
    "EntityNotFound": 404,
    "EntitySizeLimitExceeded": 413,
    "FunctionAlreadyExists": 409,
    "FunctionInUse": 409,
    "FunctionSizeLimitExceeded": 413,
    "InconsistentQuantities": 400,
    "InvalidArgument": 400,
    "InvalidIfMatchVersion": 400,
    "InvalidTagging": 400,
    "InvalidationBatchAlreadyExists": 400,
    "MalformedInput": 400,
    "MalformedXML": 400,
    "MissingBody": 400,
    "NoSuchDistribution": 404,
    "NoSuchFunctionExists": 404,
    "NoSuchInvalidation": 404,
    "NoSuchResource": 404,
    "PreconditionFailed": 412,
    "ServiceUnavailable": 503,
    "TestFunctionFailed": 500,
    "TooManyFunctions": 400,
    "TooManyInvalidationsInProgress": 400,
    "UnknownOperationException": 404,
    "UnsupportedMediaType": 415,
    "UnsupportedOperation": 400,
}
"""The status of every error code that is answered here.

Source: CloudFront API Reference, "Errors" of each operation; `MalformedInput` and `MalformedXML`
observed, `InvalidationBatchAlreadyExists` named there without a status (uncertain).
"""


class ApiError(Exception):
    """The API refuses a call. `code` is one of `API_STATUSES`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    @property
    def status(self) -> int:
        """The status that goes with the code."""
        return API_STATUSES[self.code]

    def document(self, request_id: str) -> bytes:
        """`ErrorResponse` as XML."""
        kind = "Receiver" if self.status >= 500 else "Sender"
        error = [("Type", kind), ("Code", self.code), ("Message", self.message)]
        return encode_document("ErrorResponse", [("Error", error), ("RequestId", request_id)])


def missing_member(path: str) -> ApiError:
    """A required member of the request is not there; `path` is as the service model spells it.

    Source: observed.
    """
    text = f"1 validation error detected: Value null at '{path}' failed to satisfy constraint: "
    return ApiError("MalformedXML", text + "Member must not be null")


def no_such_distribution() -> ApiError:
    """The id or name in a path is no distribution's.

    Source: CloudFront API Reference, "Errors".
    """
    return ApiError("NoSuchDistribution", "The specified distribution does not exist.")


def no_such_invalidation() -> ApiError:
    """The id in a path is of no invalidation of the distribution.

    Source: CloudFront API Reference, GetInvalidation, "Errors".
    """
    return ApiError("NoSuchInvalidation", "The specified invalidation does not exist.")


def missing_body() -> ApiError:
    """CreateInvalidation came without its batch.

    Source: CloudFront API Reference, CreateInvalidation, "Errors".
    """
    text = "This operation requires a body. Ensure that the body is present and the Content-Type "
    return ApiError("MissingBody", text + "header is set.")


def batch_too_large() -> ApiError:
    """A batch is longer than anybody takes.

    Source: CloudFront API Reference, CreateInvalidation, "Errors".
    """
    return ApiError("BatchTooLarge", "Invalidation batch specified is too large.")


def invalid_version() -> ApiError:
    """`If-Match` is missing, or no ETag of the resource.

    Source: CloudFront API Reference, "Errors" of UpdateFunction, TestFunction and
    UpdateKeyValueStore; text observed.
    """
    text = "The If-Match version is missing or not valid for the resource."
    return ApiError("InvalidIfMatchVersion", text)


def outdated_resource() -> ApiError:
    """`If-Match` names another state of the resource than the present one.

    Source: CloudFront API Reference, "Errors" of UpdateFunction and UpdateKeyValueStore; text
    observed.
    """
    text = "The request failed because it didn't meet the preconditions in one or more "
    return ApiError("PreconditionFailed", f"{text}request-header fields.")
