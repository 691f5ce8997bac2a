"""Who may invoke a function."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgegw.awslambda.model import FunctionRef, Invocation
from edgegw.awslambda.permissions import LOAD_BALANCER, Statement, is_allowed

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
