"""Who may invoke a function."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgegw.awslambda.model import FunctionRef, Invocation
from edgegw.awslambda.permissions import (
    EVERYBODY,
    INVOKE,
    INVOKE_URL,
    LOAD_BALANCER,
    Statement,
    access_denied,
    denied_action,
    is_allowed,
)

ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
CALL = Invocation(FunctionRef("f"), b"{}", principal=LOAD_BALANCER, source_arn=ARN)


def test_the_principal_of_load_balancers() -> None:
    """ELB User Guide for ALB, "Use Lambda functions as targets", prepare the Lambda function."""
    assert LOAD_BALANCER == "elasticloadbalancing.amazonaws.com"


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        pytest.param(None, True, id="no policy here"),
        pytest.param((), False, id="an empty one"),
        pytest.param((Statement(LOAD_BALANCER),), True, id="the principal"),
        pytest.param((Statement("*"),), True, id="anybody"),
        pytest.param((Statement("s3.amazonaws.com"),), False, id="another principal"),
        pytest.param((Statement(LOAD_BALANCER, ARN),), True, id="its ARN"),
        pytest.param((Statement(LOAD_BALANCER, ARN[:-16] + "*"),), True, id="a pattern"),
        pytest.param((Statement(LOAD_BALANCER, ARN + "0"),), False, id="another ARN"),
        pytest.param((Statement(LOAD_BALANCER, "", "live"),), False, id="of an alias"),
    ],
)
def test_load_balancers_need_a_statement(
    policy: tuple[Statement, ...] | None, allowed: bool
) -> None:
    assert is_allowed(policy, CALL) is allowed


def test_callers_of_the_account_need_none() -> None:
    assert is_allowed((), replace(CALL, principal=""))


URL_CALL = Invocation(FunctionRef("f"), b"{}", principal=EVERYBODY)
OPENS = Statement(EVERYBODY, action=INVOKE_URL, url_auth_type="NONE")
INVOKES = Statement(EVERYBODY, action=INVOKE, via_url=True)


@pytest.mark.parametrize(
    ("policy", "denied"),
    [
        pytest.param(None, None, id="no policy here"),
        pytest.param((), INVOKE_URL, id="an empty one"),
        pytest.param((OPENS,), INVOKE, id="only the older one of both"),
        pytest.param((INVOKES,), INVOKE_URL, id="only the newer one"),
        pytest.param((OPENS, INVOKES), None, id="both"),
        pytest.param((Statement("*"),), None, id="one of the configuration without action"),
        pytest.param((Statement("*", action="lambda:*"),), None, id="all actions"),
        pytest.param((Statement("*", action="LAMBDA:invokefunctionurl"), INVOKES), None, id="case"),
        pytest.param((replace(OPENS, url_auth_type="AWS_IAM"), INVOKES), INVOKE_URL, id="signed"),
        pytest.param((OPENS, replace(INVOKES, organization="o-a")), INVOKE, id="an organization"),
        pytest.param((OPENS, replace(INVOKES, principal="123456789012")), INVOKE, id="an account"),
        pytest.param((OPENS, replace(INVOKES, qualifier="live")), INVOKE, id="of an alias"),
        pytest.param((OPENS, replace(INVOKES, source_arn=ARN)), INVOKE, id="of a resource"),
    ],
)
def test_function_urls_need_two_statements(
    policy: tuple[Statement, ...] | None, denied: str | None
) -> None:
    """Lambda Developer Guide, "Control access to Lambda function URLs"."""
    assert denied_action(policy, URL_CALL) == denied


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        pytest.param(Statement(LOAD_BALANCER, action=INVOKE), True, id="its action"),
        pytest.param(Statement(LOAD_BALANCER, action=INVOKE_URL), False, id="that of URLs"),
        pytest.param(Statement(LOAD_BALANCER, action="lambda:GetFunction"), False, id="another"),
        pytest.param(replace(INVOKES, principal="*"), False, id="those alone who come by URL"),
        pytest.param(Statement(LOAD_BALANCER, source_account="123456789012"), True, id="account"),
        pytest.param(Statement(LOAD_BALANCER, source_account="210987654321"), False, id="other"),
    ],
)
def test_services_need_the_action_and_no_url(statement: Statement, allowed: bool) -> None:
    assert is_allowed((statement,), CALL) is allowed


def test_a_bucket_has_no_account_in_its_arn() -> None:
    bucket = replace(CALL, principal="s3.amazonaws.com", source_arn="arn:aws:s3:::photos")
    assert is_allowed((Statement("s3.amazonaws.com", source_account="123456789012"),), bucket)


def test_a_refusal_names_the_action_that_is_missing() -> None:
    refusal = access_denied(URL_CALL, "arn:f", (OPENS,))
    assert refusal.code == "AccessDeniedException"
    assert "not authorized to perform: lambda:InvokeFunction on resource: arn:f" in refusal.message
    assert "lambda:InvokeFunctionUrl on" in access_denied(URL_CALL, "arn:f", ()).message
