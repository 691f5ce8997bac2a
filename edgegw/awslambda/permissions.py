"""The resource policy of a function: who may invoke it, for which resource, and how.

A service needs a statement for `lambda:InvokeFunction`. Whoever comes unsigned through a function
URL needs two for everybody: `lambda:InvokeFunctionUrl` opens the URL, and since October 2025
`lambda:InvokeFunction` the function behind it, which `via_url` keeps shut for everything else.

Source: Lambda Developer Guide, "Viewing resource-based IAM policies in Lambda"; "Control access to
Lambda function URLs".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal

from edgegw.awslambda.model import Invocation, InvokeRefusal
from edgegw.http.wildcard import compile_wildcard
from edgegw.values import value

LOAD_BALANCER: Final = "elasticloadbalancing.amazonaws.com"
"""The principal that a load balancer invokes as; its source ARN is the target group's."""
API_GATEWAY: Final = "apigateway.amazonaws.com"
"""The principal that an HTTP API invokes as; its source ARN names stage, method and path.

Source: API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".
"""
EVERYBODY: Final = "*"
"""The principal of unsigned requests to function URLs: only a statement for everybody fits.

Source: Lambda Developer Guide, "Control access to Lambda function URLs".
"""

InvokingAction = Literal["lambda:InvokeFunction", "lambda:InvokeFunctionUrl"]
INVOKE: Final = "lambda:InvokeFunction"
INVOKE_URL: Final = "lambda:InvokeFunctionUrl"
_BY_URL: Final[tuple[InvokingAction, ...]] = (INVOKE_URL, INVOKE)
_BY_SERVICE: Final[tuple[InvokingAction, ...]] = (INVOKE,)


@value
class Statement:
    """`Allow` for one principal; `source_arn` may hold `*` and `?`, empty means any.

    `qualifier` is the version or alias that the statement hangs on: each has a policy of its own.
    `action` is empty where the configuration names none: it lets invoke in every way then.
    `url_auth_type` is the kind of function URL that it is for, `via_url` says that it is for those
    who come through one. `token` and `organization` (an id) are those of AddPermission.
    """

    principal: str
    source_arn: str = ""
    qualifier: str = ""
    sid: str = ""
    action: str = ""
    source_account: str = ""
    url_auth_type: str = ""
    via_url: bool = False
    token: str = ""
    organization: str = ""


def denied_action(
    policy: tuple[Statement, ...] | None, invocation: Invocation
) -> InvokingAction | None:
    """What `policy` does not let the caller do; None where it may invoke.

    Without a policy in the configuration all may. Callers of the same account (empty principal)
    need no statement.
    Source: Lambda Developer Guide, "Control access to Lambda function URLs".
    """
    if policy is None or not invocation.principal:
        return None
    by_url = invocation.principal == EVERYBODY
    for action in _BY_URL if by_url else _BY_SERVICE:
        if not any(_lets(statement, invocation, action, by_url=by_url) for statement in policy):
            return action
    return None


def is_allowed(policy: tuple[Statement, ...] | None, invocation: Invocation) -> bool:
    """Whether `policy` lets the caller invoke; without a policy in the configuration all may."""
    return denied_action(policy, invocation) is None


def _lets(
    statement: Statement, invocation: Invocation, action: InvokingAction, *, by_url: bool
) -> bool:
    return (
        statement.principal in (EVERYBODY, invocation.principal)
        and statement.qualifier == invocation.function.qualifier
        and statement.action.lower() in ("", action.lower(), "lambda:*", "*")
        and _is_met(statement, by_url=by_url)
        and _is_source(statement, invocation.source_arn)
    )


def _is_met(statement: Statement, *, by_url: bool) -> bool:
    """Whether its conditions on URLs hold; nobody unsigned is in an organization."""
    if by_url:
        return statement.url_auth_type in ("", "NONE") and not statement.organization
    return not statement.via_url and not statement.url_auth_type


def _is_source(statement: Statement, source_arn: str) -> bool:
    """Whether the resource that invokes is meant; an ARN without account is of any (buckets)."""
    wanted, account = statement.source_arn, statement.source_account
    if wanted and _arn_like(wanted).fullmatch(source_arn.encode()) is None:
        return False
    parts = source_arn.split(":")
    owner = parts[4] if len(parts) > 4 else ""
    return not account or owner in ("", account)


def access_denied(
    invocation: Invocation, arn: str, policy: tuple[Statement, ...] | None = ()
) -> InvokeRefusal:
    """The answer to a caller that no statement of `policy` lets invoke the function `arn`.

    Source: observed: the text of an AccessDeniedException.
    """
    action = denied_action(policy, invocation) or INVOKE
    return InvokeRefusal(
        "AccessDeniedException",
        f"{invocation.principal} is not authorized to perform: {action} on resource: {arn} "
        f"because no resource-based policy allows the {action} action",
    )


@lru_cache(maxsize=1024)
def _arn_like(pattern: str) -> re.Pattern[bytes]:
    return compile_wildcard(pattern)
