"""Function names and ARNs, in all the forms that the service takes.

Source: Lambda API Reference, "Invoke", parameters FunctionName and Qualifier.
"""

from __future__ import annotations

import re
from typing import Final

from edgegw.awslambda.model import LATEST, FunctionRef
from edgegw.awslambda.service_errors import ServiceError, constraint, invalid
from edgegw.values import value

FUNCTION_NAME_PATTERN: Final = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?"
    r"(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
"""What the service says a FunctionName must match.

Source: Lambda API Reference, "Invoke", parameter FunctionName.
"""
QUALIFIER_PATTERN: Final = r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"
"""What the service says a Qualifier must match.

Source: Lambda API Reference, "Invoke", parameter Qualifier.
"""
_NAME: Final = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z0-9-]+):)?(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_.]+)(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
_QUALIFIER: Final = re.compile(r"\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+")
_BARE_NAME: Final = re.compile(r"[a-zA-Z0-9-_]+")
_MAX_NAME: Final = 64
"""Characters of a function's bare name.

Source: Lambda API Reference, "CreateFunction", parameter FunctionName.
"""
_MAX_QUALIFIER: Final = 128
"""Characters of a qualifier.

Source: Lambda API Reference, "Invoke", parameter Qualifier.
"""


@value
class Account:
    """Where the functions pretend to live; `concurrency` is the account's limit in the Region."""

    region: str = "us-east-1"
    account_id: str = "123456789012"
    concurrency: int = 1000

    def arn(self, name: str, qualifier: str = "") -> str:
        """The ARN of a function, qualified where `qualifier` is given."""
        arn = f"arn:aws:lambda:{self.region}:{self.account_id}:function:{name}"
        return f"{arn}:{qualifier}" if qualifier else arn

    def function_ref(self, text: str, qualifier: str | None = None) -> FunctionRef:
        """The function that `text` means: a name, a partial or a full ARN, maybe qualified.

        Raises ServiceError: a malformed name, another Region or account, two qualifiers.
        """
        match = _NAME.fullmatch(text)
        if match is None:
            rule = f"Member must satisfy regular expression pattern: {FUNCTION_NAME_PATTERN}"
            raise constraint(text, "functionName", rule)
        name, own = match["name"], match["qualifier"]
        if len(name) > _MAX_NAME:
            rule = f"Member must have length less than or equal to {_MAX_NAME}"
            raise constraint(text, "functionName", rule)
        if qualifier is not None:
            check_qualifier(qualifier)
        if own and qualifier and own != qualifier:
            raise invalid(
                "The derived qualifier from the function name does not match the specified "
                "qualifier."
            )
        if match["region"] and match["region"] != self.region:
            raise ServiceError(
                "ResourceNotFoundException",
                f"Functions from '{match['region']}' are not reachable in this region "
                f"('{self.region}')",
            )
        if match["account"] and match["account"] != self.account_id:
            raise ServiceError("AccessDeniedException", None)
        return FunctionRef(name, qualifier=own or qualifier or "")


def check_qualifier(qualifier: str) -> None:
    """Raises ServiceError for a qualifier that cannot be one."""
    if not _QUALIFIER.fullmatch(qualifier):
        rule = f"Member must satisfy regular expression pattern: {QUALIFIER_PATTERN}"
        raise constraint(qualifier, "qualifier", rule)
    if len(qualifier) > _MAX_QUALIFIER:
        rule = f"Member must have length less than or equal to {_MAX_QUALIFIER}"
        raise constraint(qualifier, "qualifier", rule)


def is_function_name(name: str) -> bool:
    """Whether a function may be called so: letters, digits, `-` and `_`.

    Source: Lambda API Reference, "CreateFunction", parameter FunctionName.
    """
    return len(name) <= _MAX_NAME and _BARE_NAME.fullmatch(name) is not None


def is_version(qualifier: str) -> bool:
    """Whether `qualifier` is `$LATEST` or a number, not an alias."""
    return qualifier == LATEST or qualifier.isdigit()


def service_of(arn: str) -> str:
    """The service that an ARN is of: `sqs`, `kinesis`, `dynamodb`; empty where it is no ARN.

    Source: IAM User Guide, "Identify AWS resources with Amazon Resource Names (ARNs)", ARN format.
    """
    parts = arn.split(":")
    return parts[2] if len(parts) > 5 and parts[0] == "arn" else ""
