"""The bodies of the service's errors."""

from __future__ import annotations

import json

import pytest

from edgegw.awslambda.names import Account
from edgegw.awslambda.service_errors import STATUS, ServiceError


@pytest.mark.parametrize("code", STATUS)
def test_how_the_body_spells_its_text(code: str) -> None:
    """Lambda API Reference, the errors of each action; the service model spells `Message` in these."""
    body = json.loads(ServiceError(code, "text").body)
    capital = {
        "ResourceNotFoundException",
        "ServiceException",
        "AccessDeniedException",
        "RecursiveInvocationException",
        "ResourceInUseException",
    }
    spelling = "Message" if code in capital else "message"
    kind = "Service" if code == "ServiceException" else "User"
    expected = {spelling: "text", "Type": kind}
    if code == "ValidationException":
        expected = {"message": "text"}
    assert body == expected


def test_a_throttle_has_its_reason() -> None:
    error = ServiceError(
        "TooManyRequestsException", "Rate Exceeded.", reason="CallerRateLimitExceeded"
    )
    assert json.loads(error.body) == {
        "Reason": "CallerRateLimitExceeded",
        "Type": "User",
        "message": "Rate Exceeded.",
    }


@pytest.mark.parametrize(
    ("name", "qualifier", "pattern"),
    [
        (
            "a b",
            None,
            r"(arn:(aws[a-zA-Z-]*)?:lambda:)?"
            r"((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
            r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?",
        ),
        ("f", "a b", r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"),
    ],
)
def test_patterns_that_the_service_names(name: str, qualifier: str | None, pattern: str) -> None:
    """Lambda API Reference, "Invoke", parameters FunctionName and Qualifier."""
    with pytest.raises(ServiceError) as raised:
        Account().function_ref(name, qualifier)
    assert (raised.value.message or "").endswith(f"regular expression pattern: {pattern}")
