"""Functions of a configuration: versions, aliases, layers, limits."""

from __future__ import annotations

import pytest

from edgegw.awslambda.model import LATEST, FunctionRef
from edgegw.awslambda.shifting import Shift
from edgegw.config.resolve import load_dict
from tests.config.test_config import FUNCTIONS, findings

BASE = "functions:\n  f: {runtime: python3.13, code: ., handler: hooks.target"


def said(more: str) -> list[str]:
    return findings(f"{BASE}, {more}}}\n")


@pytest.mark.parametrize(
    ("more", "code", "text"),
    [
        ("aliases: {live: {version: 3}}", "config.reference", "there is no version '3'"),
        (
            "aliases: {live: {version: 1, routing: {1: 0.5}}}",
            "lambda.routing",
            "already the alias's own",
        ),
        ('aliases: {"12": {version: 1}}', "lambda.alias", "not digits only"),
        (
            "aliases: {live: {version: $LATEST, routing: {1: 0.5}}}",
            "lambda.routing",
            "$LATEST is not supported",
        ),
        (
            "aliases: {live: {version: 1, routing: {$LATEST: 0.5}}}",
            "lambda.routing",
            "$LATEST is not supported",
        ),
        ("environment: {AWS_REGION: x}", "lambda.reserved-variable", "is reserved"),
        ("environment: {A: x}", "lambda.variable-name", "two characters"),
        (f"environment: {{LONG: {'x' * 4096}}}", "lambda.variables-size", "4KB limit"),
        ("layers: [nowhere]", "config.file", "does not exist"),
        ("layers: [., ., ., ., ., .]", "config.type", "at most 5"),
        ("provisioned_concurrency: {live: 1}", "config.reference", "no published version or alias"),
        (
            "reserved_concurrency: 1, provisioned_concurrency: 2",
            "lambda.provisioned-concurrency",
            "should not be greater",
        ),
        ("reserved_concurrency: 950", "lambda.reserved-concurrency", "must stay unreserved"),
        ("permissions: [{principal: x, qualifier: no}]", "config.reference", "no version or alias"),
        (
            "aliases: {live: {version: 1, shift: {to: 1, preset: Canary1Percent}}}",
            "config.value",
            "is not one of",
        ),
        (
            "aliases: {live: {version: 1, shift: {to: 1, before_allow_traffic: gone}}}",
            "config.reference",
            "there is no function 'gone'",
        ),
        ("timeout: 901", "config.type", "above 0, at most 900"),
        ("memory_size: 127", "config.type", "from 128 to 10240"),
        ("ephemeral_storage: 100", "config.type", "from 512 to 10240"),
    ],
)
def test_findings(more: str, code: str, text: str) -> None:
    found = said(more)
    assert any(f"error: {code} " in line and text in line for line in found), found


@pytest.mark.parametrize(
    ("trigger", "more", "warning"),
    [
        ("f", "", None),
        ("f:1", "", None),
        ("f", "versions: {1: {}}", "CloudFront refuses $LATEST"),
        ("f:$LATEST", "", "CloudFront refuses $LATEST"),
        ("f:live", "aliases: {live: {version: 1}}", "CloudFront refuses aliases"),
    ],
)
def test_triggers_on_what_cloudfront_refuses_are_warned_of(
    trigger: str, more: str, warning: str | None
) -> None:
    text = (
        f"{BASE}{', ' if more else ''}{more}}}\n"
        "distributions:\n  site:\n    listen: 8081\n"
        '    origins: {app: {url: "http://localhost:1"}}\n'
        f'    default_behavior: {{origin: app, lambda_functions: {{viewer-request: "{trigger}"}}}}\n'
    )
    found = findings(text)
    if warning is None:
        assert found == []
    else:
        assert len(found) == 1
        assert f"warning: lambda-edge.version {warning}" in found[0]


def test_a_qualifier_that_is_not_there() -> None:
    found = findings(
        f"{BASE}, aliases: {{live: {{version: 1}}}}}}\n"
        "target_groups:\n  t: {target_type: lambda, function: 'f:lvie'}\n"
    )
    assert found == [
        "4:38: error: config.reference function 'f' has no version or alias 'lvie'; did you mean 'live'?"
    ]


def test_everything_is_resolved() -> None:
    config = load_dict(
        {
            "functions": {
                "f": {
                    "runtime": "python3.13",
                    "code": ".",
                    "handler": "hooks.target",
                    "memory_size": 256,
                    "logging": {"format": "JSON", "application_level": "DEBUG"},
                    "versions": {1: {}, 2: {"handler": "hooks.echo", "memory_size": 512}},
                    "aliases": {
                        "live": {
                            "version": 1,
                            "routing": {2: 0.1},
                            "shift": {
                                "to": 2,
                                "preset": "CodeDeployDefault.LambdaLinear10PercentEvery1Minute",
                                "time_scale": 0.01,
                            },
                        }
                    },
                    "provisioned_concurrency": 3,
                }
            },
            "gateway": {"concurrency": 50, "lambda_api": "127.0.0.1:9001"},
        },
        FUNCTIONS,
    )
    deployed = config.functions["f"]
    assert deployed.latest.version == LATEST
    one, two = deployed.versions["1"], deployed.versions["2"]
    assert (one.handler, one.memory_mb, one.version) == ("hooks.target", 256, "1")
    assert (two.handler, two.memory_mb, two.version) == ("hooks.echo", 512, "2")
    assert two.logs.application_level == "DEBUG"
    assert deployed.aliases["live"].routing == ("2", 0.1)
    assert deployed.provisioned == {"live": 3}
    assert config.account.concurrency == 50
    assert config.lambda_api is not None
    assert config.lambda_api.port == 9001
    assert config.shifts == (Shift("f", "live", "2", "Linear10PercentEvery1Minute", 0.01),)


def test_without_versions_version_one_is_the_code() -> None:
    config = load_dict(
        {"functions": {"f": {"runtime": "python3.13", "code": ".", "handler": "hooks.target"}}},
        FUNCTIONS,
    )
    deployed = config.functions["f"]
    assert list(deployed.versions) == ["1"]
    assert deployed.targets(FunctionRef("f")) == (("$LATEST", 1.0),)
    assert deployed.targets(FunctionRef("f", at_edge=True)) == (("1", 1.0),)
