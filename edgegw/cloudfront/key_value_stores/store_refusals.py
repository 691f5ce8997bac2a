"""Why the KeyValueStore API refuses a call.

Source: CloudFront API Reference, "Errors" of PutKey, UpdateKeys, GetKey and their like.
"""

from __future__ import annotations

from typing import Final

STORE_STATUSES: Final = {
    "AccessDeniedException": 403,
    "ConflictException": 409,
    "InternalServerException": 500,
    "ResourceNotFoundException": 404,
    "ServiceQuotaExceededException": 402,
    "UnknownOperationException": 404,
    "UnsupportedMediaTypeException": 415,
    "ValidationException": 400,
}
"""The status of every error that is answered here.

Source: CloudFront API Reference, "Errors" of each operation of CloudFront KeyValueStore.
"""


class StoreRefusal(Exception):  # noqa: N818 - an answer, no failure
    """A call is refused; `code` is one of `STORE_STATUSES`, and nothing has changed.

    `measure` is what AWS does not say: how much it was, and how much may be.
    """

    def __init__(self, code: str, message: str, measure: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.measure = measure

    @property
    def status(self) -> int:
        """The status that goes with the code."""
        return STORE_STATUSES[self.code]


def beyond(quota: str, amount: int, most: int, unit: str = "bytes") -> StoreRefusal:
    """`quota` is exceeded, in the words of the quota's name: `amount` of `unit`, at most `most`.

    Source: observed: "Limit exceeded: Maximum size of the value in a key value pair".
    """
    measure = f"{amount:,} {unit}, at most {most:,}"
    return StoreRefusal("ServiceQuotaExceededException", f"Limit exceeded: {quota}", measure)


def invalid_member(member: str, constraint: str) -> StoreRefusal:
    """A member of the request has a value that it may not have.

    Source: CloudFront API Reference, "Common Errors"; the text is that of other services
    (uncertain).
    """
    text = f"1 validation error detected: Value at '{member}' failed to satisfy constraint: "
    return StoreRefusal("ValidationException", text + constraint)


def outdated_version() -> StoreRefusal:
    """`If-Match` names another version than the store has.

    Source: CloudFront API Reference, PutKey, "Errors"; the text is that of the reference
    (uncertain).
    """
    return StoreRefusal("ConflictException", "Resource is not in expected state.")


def no_such_store(arn: str) -> StoreRefusal:
    """No store has this ARN.

    Source: CloudFront API Reference, DescribeKeyValueStore, "Errors"; the text is uncertain.
    """
    return StoreRefusal("ResourceNotFoundException", f"Key Value Store was not found: {arn}")


def no_such_pair(key: str) -> StoreRefusal:
    """The store has no such key.

    Source: CloudFront API Reference, GetKey, "Errors"; the text is uncertain.
    """
    return StoreRefusal("ResourceNotFoundException", f"Key was not found: {key}")
