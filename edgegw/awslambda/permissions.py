"""The resource policy of a function: which service may invoke it, for which resource.

Source: Lambda Developer Guide, "Viewing resource-based IAM policies in Lambda".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from edgegw.awslambda.model import Invocation, InvokeRefusal
from edgegw.http.wildcard import compile_wildcard
from edgegw.values import value

LOAD_BALANCER: Final = "elasticloadbalancing.amazonaws.com"
"""The principal that a load balancer invokes as; its source ARN is the target group's."""
FUNCTION_URL_CALLER: Final = "*"
"""The principal of unsigned requests to function URLs: only a statement for everybody fits.

Source: Lambda Developer Guide, "Control access to Lambda function URLs".
"""
API_GATEWAY: Final = "apigateway.amazonaws.com"
"""The principal that an HTTP API invokes as; its source ARN names stage, method and path.

Source: API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".
"""


@value
class Statement:
    """`Allow` for one principal; `source_arn` may hold `*` and `?`, empty means any.

    `qualifier` is the version or alias that the statement hangs on: each has a policy of its own.
    """

    principal: str
    source_arn: str = ""
    qualifier: str = ""


def is_allowed(policy: tuple[Statement, ...] | None, invocation: Invocation) -> bool:
    """Whether `policy` lets the caller invoke; without a policy in the configuration all may.

    Callers of the same account (empty principal) need no statement.
    """
    if policy is None or not invocation.principal:
        return True
    return any(
        statement.principal in ("*", invocation.principal)
        and statement.qualifier == invocation.function.qualifier
        and (
            not statement.source_arn
            or _arn_like(statement.source_arn).fullmatch(invocation.source_arn.encode()) is not None
        )
        for statement in policy
    )


def access_denied(invocation: Invocation, arn: str) -> InvokeRefusal:
    """The answer to a service that no statement lets invoke the function `arn`.

    Source: observed: the text of an AccessDeniedException.
    """
    return InvokeRefusal(
        "AccessDeniedException",
        f"{invocation.principal} is not authorized to perform: lambda:InvokeFunction on "
        f"resource: {arn} because no resource-based policy allows the "
        "lambda:InvokeFunction action",
    )


@lru_cache(maxsize=1024)
def _arn_like(pattern: str) -> re.Pattern[bytes]:
    return compile_wildcard(pattern)
