"""`check --deploy` on callers whom no statement of a function's policy lets in."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgegw.config.document import read_document
from edgegw.config.resolve import load_document
from edgegw.errors import ConfigError

FUNCTIONS = Path(__file__).parents[1] / "functions"


def findings(callers: str, permissions: str | None) -> list[str]:
    """What is said of one function `app` with `permissions`."""
    given = "" if permissions is None else f"    permissions: {permissions}\n"
    text = (
        "functions:\n  app:\n    runtime: python3.13\n"
        "    code: .\n    handler: http_handlers.echo\n"
        "    aliases: {live: {version: '1'}}\n"
    )
    try:
        document = read_document(text + given + callers, "c.yaml", {})
        found = load_document(document, FUNCTIONS, deploy=True).warnings
    except ConfigError as error:
        found = error.findings
    return [
        f"{each.line} {each.severity} {each.text}"
        for each in found
        if each.code == "lambda.permission"
    ]


URL = "    url: {listen: 8090}\n"
ALIAS_URL = "    url: {listen: 8090, qualifier: live}\n"
SIGNED = "    url: {listen: 8090, auth_type: AWS_IAM}\n"
BALANCER = (
    "target_groups:\n  web: {target_type: lambda, function: app}\n"
    "load_balancers:\n  web: {listeners: [{listen: 8080, default_actions: [{forward: web}]}]}\n"
)
API = "http_apis:\n  api: {listen: 8091, routes: {$default: app}}\n"
OPENS = "{principal: '*', action: 'lambda:InvokeFunctionUrl', function_url_auth_type: NONE}"
INVOKES = "{principal: '*', action: 'lambda:InvokeFunction', invoked_via_function_url: true}"
GATEWAY = "{principal: apigateway.amazonaws.com, source_arn: 'arn:aws:execute-api:*/other'}"


@pytest.mark.parametrize(
    ("callers", "permissions", "says"),
    [
        (URL, None, "warning|October 2025"),
        (URL, "[]", "error|not InvokeFunctionUrl: its URL answers 403"),
        (URL, f"[{OPENS}]", "error|not InvokeFunction: its URL answers 403"),
        (URL, f"[{INVOKES}]", "error|not InvokeFunctionUrl"),
        (URL, f"[{OPENS}, {INVOKES}]", None),
        (URL, "[{principal: '*'}]", "error|not InvokeFunctionUrl"),
        (ALIAS_URL, f"[{OPENS}, {INVOKES}]", "error|app:live let everybody not InvokeFunctionUrl"),
        (SIGNED, None, None),
        (SIGNED, "[]", None),
        (BALANCER, None, None),
        (BALANCER, "[]", "error|elasticloadbalancing.amazonaws.com not InvokeFunction: AWS"),
        (BALANCER, "[{principal: elasticloadbalancing.amazonaws.com}]", None),
        (BALANCER, f"[{INVOKES}]", "error|elasticloadbalancing.amazonaws.com"),
        (API, "[]", "error|apigateway.amazonaws.com not InvokeFunction: the route answers 500"),
        (API, f"[{GATEWAY}]", None),
    ],
)
def test_callers_that_aws_would_not_let_in(
    callers: str, permissions: str | None, says: str | None
) -> None:
    found = findings(callers, permissions)
    if says is None:
        assert found == []
        return
    severity, _, text = says.partition("|")
    (finding,) = found
    assert finding.split()[1] == severity
    assert text in finding


def test_an_auth_type_goes_with_the_action_of_urls() -> None:
    (finding,) = findings("", "[{principal: '*', function_url_auth_type: NONE}]")
    assert "7 error function_url_auth_type goes with action lambda:InvokeFunctionUrl" in finding
