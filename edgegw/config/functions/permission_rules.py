"""Who would not get in on AWS: callers of this configuration that no statement lets invoke.

A function without `permissions` says nothing of its policy: then only function URLs are spoken of,
as their policy takes two statements since October 2025, and tools that write one are common. With
`permissions` each caller must find its statement; of a resource only the caller's service counts
here, as its ARN on AWS is not known yet.

Source: Lambda Developer Guide, "Control access to Lambda function URLs"; ELB User Guide for ALB,
"Use Lambda functions as targets"; API Gateway Developer Guide, "Create AWS Lambda proxy
integrations for HTTP APIs".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edgegw.awslambda.model import FunctionRef, Invocation
from edgegw.awslambda.permissions import (
    API_GATEWAY,
    EVERYBODY,
    INVOKE,
    INVOKE_URL,
    LOAD_BALANCER,
    Statement,
    denied_action,
)
from edgegw.config.document import Document, KeyPath
from edgegw.config.functions.make import function_ref, policy_of
from edgegw.config.schema import Config
from edgegw.values import value

_CODE = "lambda.permission"


@value
class _Caller:
    """Who invokes a function of the configuration, where that stands, and what it gets if not."""

    path: KeyPath
    function: FunctionRef
    principal: str
    refusal: str


def check_permissions(document: Document, config: Config) -> None:
    """Adds the callers that AWS would not let in."""
    for caller in _callers(config):
        function = config.functions.get(caller.function.name)
        if function is None:
            continue
        policy = policy_of(function.permissions)
        if policy is None:
            if caller.principal == EVERYBODY:
                document.warning(caller.path, _CODE, _ADVICE.format(name=caller.function))
            continue
        invocation = Invocation(caller.function, b"", principal=caller.principal)
        denied = denied_action(tuple(map(_deployed, policy)), invocation)
        if denied is not None:
            text = (
                f"the permissions of {caller.function} let {_who(caller.principal)} not "
                f"{denied.partition(':')[2]}: {caller.refusal}"
            )
            document.error(caller.path, _CODE, text)


_ADVICE = (
    "a function URL answers 403 on AWS until the policy of {name} has two statements for "
    f"principal '*', {INVOKE_URL} and, since October 2025, {INVOKE}: "
    "write them in permissions and both sides judge them"
)


def _deployed(statement: Statement) -> Statement:
    """A statement as it would be deployed: without an action it is the one of every service."""
    return replace(statement, source_arn="", action=statement.action or INVOKE)


def _who(principal: str) -> str:
    return "everybody" if principal == EVERYBODY else principal


def _callers(config: Config) -> Iterator[_Caller]:
    for name, function in config.functions.items():
        url = function.url
        if url is not None and url.auth_type == "NONE":
            ref = FunctionRef(name, qualifier=url.qualifier or "")
            path: KeyPath = ("functions", name, "url")
            yield _Caller(path, ref, EVERYBODY, "its URL answers 403")
    for name, group in config.target_groups.items():
        if group.target_type == "lambda" and group.function is not None:
            path = ("target_groups", name, "function")
            ref, refusal = function_ref(group.function), "AWS refuses to register the target"
            yield _Caller(path, ref, LOAD_BALANCER, refusal)
    for name, api in config.http_apis.items():
        for key, route in api.routes.items():
            path = ("http_apis", name, "routes", key)
            yield _Caller(path, function_ref(route.function), API_GATEWAY, "the route answers 500")
