"""AddPermission, RemovePermission and GetPolicy without a socket."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edgegw.awslambda.model import Function, FunctionRef, Runtime
from edgegw.awslambda.names import Account
from edgegw.awslambda.policy_api import (
    MAX_POLICY,
    MAX_STATEMENT_ID,
    add_permission,
    get_policy,
    remove_permission,
    statement_text,
)
from edgegw.awslambda.service_errors import ServiceError
from edgegw.awslambda.versions import Deployed, single

APP = single(
    Function("app", Runtime("python3.13", "python", (3, 13)), ".", "app.handler", 3.0, 128)
)
REF, LIVE = FunctionRef("app"), FunctionRef("app", qualifier="live")
ACCOUNT = Account()
ARN = "arn:aws:lambda:us-east-1:123456789012:function:app"
ASKED: dict[str, Any] = {
    "StatementId": "one",
    "Action": "lambda:InvokeFunction",
    "Principal": "s3.amazonaws.com",
}


def added(deployed: Deployed = APP, ref: FunctionRef = REF, **asked: Any) -> Deployed:
    return add_permission(deployed, ref, {**ASKED, **asked}, ACCOUNT)[0]


def refused(call: Any, *given: Any, **named: Any) -> tuple[str, str]:
    with pytest.raises(ServiceError) as caught:
        call(*given, **named)
    return caught.value.code, caught.value.message or ""


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        pytest.param({}, {"Principal": {"Service": "s3.amazonaws.com"}}, id="a service"),
        pytest.param(
            {"Principal": "210987654321"},
            {"Principal": {"AWS": "arn:aws:iam::210987654321:root"}},
            id="an account",
        ),
        pytest.param(
            {"Principal": "arn:aws:iam::210987654321:role/caller"},
            {"Principal": {"AWS": "arn:aws:iam::210987654321:role/caller"}},
            id="a role",
        ),
        pytest.param(
            {"SourceArn": "arn:aws:s3:::photos", "SourceAccount": "123456789012"},
            {
                "Principal": {"Service": "s3.amazonaws.com"},
                "Condition": {
                    "StringEquals": {"AWS:SourceAccount": "123456789012"},
                    "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::photos"},
                },
            },
            id="of a resource",
        ),
        pytest.param(
            {
                "Action": "lambda:InvokeFunctionUrl",
                "Principal": "*",
                "FunctionUrlAuthType": "NONE",
            },
            {
                "Principal": "*",
                "Action": "lambda:InvokeFunctionUrl",
                "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
            },
            id="opening a URL",
        ),
        pytest.param(
            {"Principal": "*", "InvokedViaFunctionUrl": True},
            {
                "Principal": "*",
                "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}},
            },
            id="for those who come by it",
        ),
        pytest.param(
            {"Principal": "*", "PrincipalOrgID": "o-0123456789"},
            {
                "Principal": "*",
                "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-0123456789"}},
            },
            id="of an organization",
        ),
    ],
)
def test_statements_as_aws_shows_them(asked: dict[str, Any], shown: dict[str, Any]) -> None:
    deployed, statement = add_permission(APP, LIVE, {**ASKED, **asked}, ACCOUNT)
    text = statement_text(statement, LIVE, ACCOUNT)
    assert json.loads(text) == {
        "Sid": "one",
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Resource": f"{ARN}:live",
        **shown,
    }
    policy = json.loads(str(get_policy(deployed, LIVE, ACCOUNT)["Policy"]))
    assert policy == {
        "Version": "2012-10-17",
        "Id": "default",
        "Statement": [json.loads(text)],
    }


def test_each_qualifier_has_a_policy_of_its_own() -> None:
    deployed = added(added(), LIVE, StatementId="two")
    assert '"Sid":"one"' in str(get_policy(deployed, REF, ACCOUNT)["Policy"])
    assert '"Sid":"two"' in str(get_policy(deployed, LIVE, ACCOUNT)["Policy"])
    assert added(deployed, LIVE) != deployed  # the same id is no conflict there
    emptied = remove_permission(deployed, LIVE, "two", None, ACCOUNT)
    assert refused(get_policy, emptied, LIVE, ACCOUNT)[0] == "ResourceNotFoundException"
    assert get_policy(emptied, REF, ACCOUNT) == get_policy(deployed, REF, ACCOUNT)


def test_what_was_the_last_statement_leaves_a_policy_that_lets_nobody_in() -> None:
    assert remove_permission(added(), REF, "one", None, ACCOUNT).policy == ()


def test_revisions_hold_changes_back() -> None:
    deployed = added()
    revision = str(get_policy(deployed, REF, ACCOUNT)["RevisionId"])
    assert len(revision) == 36
    changed = added(deployed, StatementId="two", RevisionId=revision)
    assert get_policy(changed, REF, ACCOUNT)["RevisionId"] != revision
    stale = {**ASKED, "StatementId": "three", "RevisionId": revision}
    assert refused(add_permission, changed, REF, stale, ACCOUNT)[0] == "PreconditionFailedException"
    code, _ = refused(remove_permission, changed, REF, "one", revision, ACCOUNT)
    assert code == "PreconditionFailedException"


@pytest.mark.parametrize(
    ("asked", "code", "text"),
    [
        ({"StatementId": None}, "ValidationException", "Value null at 'statementId'"),
        ({"StatementId": "a b"}, "ValidationException", "'statementId' failed to satisfy"),
        ({"StatementId": "a" * 101}, "ValidationException", "less than or equal to 100"),
        ({"Action": "s3:GetObject"}, "ValidationException", "'action' failed to satisfy"),
        ({"Principal": "nobody"}, "InvalidParameterValueException", "principal was invalid"),
        ({"SourceArn": "photos"}, "ValidationException", "'sourceArn' failed to satisfy"),
        ({"SourceAccount": "1"}, "ValidationException", "'sourceAccount' failed to satisfy"),
        ({"FunctionUrlAuthType": "SOME"}, "ValidationException", "[NONE, AWS_IAM]"),
        (
            {"FunctionUrlAuthType": "NONE"},
            "InvalidParameterValueException",
            "only supported for lambda:InvokeFunctionUrl action",
        ),
        ({"InvokedViaFunctionUrl": "yes"}, "ValidationException", "'invokedViaFunctionUrl'"),
    ],
)
def test_refused_statements(asked: dict[str, Any], code: str, text: str) -> None:
    answered = refused(add_permission, APP, REF, {**ASKED, **asked}, ACCOUNT)
    assert answered[0] == code
    assert text in answered[1]


def test_refused_calls() -> None:
    latest = FunctionRef("app", qualifier="$LATEST")
    code, text = refused(add_permission, APP, latest, ASKED, ACCOUNT)
    assert (code, text) == (
        "InvalidParameterValueException",
        "We currently do not support adding policies for $LATEST.",
    )
    code, text = refused(add_permission, added(), REF, ASKED, ACCOUNT)
    assert code == "ResourceConflictException"
    assert "The statement id (one) provided already exists" in text
    assert refused(remove_permission, APP, REF, "one", None, ACCOUNT) == (
        "ResourceNotFoundException",
        "No policy is associated with the given resource.",
    )
    assert refused(remove_permission, added(), REF, "two", None, ACCOUNT) == (
        "ResourceNotFoundException",
        "Statement two is not found in resource policy.",
    )
    assert refused(get_policy, APP, REF, ACCOUNT) == (
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
    )


def test_a_policy_has_20_kilobytes() -> None:
    assert (MAX_POLICY, MAX_STATEMENT_ID) == (20_480, 100)
    deployed = APP
    with pytest.raises(ServiceError) as caught:
        for number in range(200):
            deployed = added(deployed, StatementId=f"statement-{number}")
    assert caught.value.code == "PolicyLengthExceededException"
    assert len(str(get_policy(deployed, REF, ACCOUNT)["Policy"])) <= MAX_POLICY
