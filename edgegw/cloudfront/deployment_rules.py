"""What AWS would say of a function that is put at a trigger, before it ever runs.

Source: CloudFront Developer Guide, "Restrictions on Lambda@Edge", "Restrictions on all edge
functions", "Quotas".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from edgegw.awslambda.edge import MAX_PACKAGE, MAX_STORAGE_MB, MAX_TIMEOUT
from edgegw.awslambda.model import LATEST
from edgegw.cloudfront.edge_rule import EdgeRule
from edgegw.cloudfront.rule_table import (
    ARCHITECTURE,
    DEAD_LETTER,
    ENDED_RUNTIME,
    ENVIRONMENT,
    KMS_KEY,
    LAYERS,
    MEMORY_QUOTA,
    MIXED_FUNCTIONS,
    PACKAGE_SIZE,
    PACKAGE_TYPE,
    PROVISIONED,
    RUNTIME,
    RUNTIME_MANAGEMENT,
    STORAGE_QUOTA,
    TIMEOUT_QUOTA,
    TRACING,
    TWO_FUNCTIONS,
    VERSION,
    VPC,
)
from edgegw.cloudfront.triggers import Trigger
from edgegw.values import value

MAX_FUNCTIONS: Final = 100
"""Functions at the triggers of one distribution.

Source: CloudFront Developer Guide, "Quotas", quotas on Lambda@Edge.
"""

_SAFE_MEMORY_MB: Final = 128
"""Memory in MB that every page allows at viewer triggers.

Source: CloudFront Developer Guide, "Differences between CloudFront Functions and Lambda@Edge", and
"Quotas".
"""
_CURRENT: Final = frozenset(
    {"nodejs22.x", "nodejs24.x", "python3.11", "python3.12", "python3.13", "python3.14"}
)
"""Runtimes that a new function at the edge may have.

Source: CloudFront Developer Guide, "Restrictions on Lambda@Edge", supported runtimes.
"""
_COMING: Final = frozenset({"nodejs26.x", "python3.15"})


@value
class Candidate:
    """A function as its configuration would send it to the edge.

    `timeout` is in seconds, sizes in MB, but for `package_bytes`: those of the zip package.
    """

    runtime: str
    timeout: float = 3
    memory_mb: int = 128
    storage_mb: int = 512
    package_bytes: int = 0
    environment: tuple[str, ...] = ()
    layers: int = 0
    architectures: tuple[str, ...] = ("x86_64",)
    is_image: bool = False
    is_in_vpc: bool = False
    has_provisioned_concurrency: bool = False
    has_dead_letter: bool = False
    is_traced: bool = False
    has_kms_key: bool = False
    runtime_management: str = "Auto"


class DeploymentFinding(NamedTuple):
    """AWS refuses (`is_refused`), or a developer should know; `key` is the setting at fault."""

    rule: EdgeRule
    key: str
    text: str
    is_refused: bool = True


def deployment_findings(
    candidate: Candidate, triggers: frozenset[Trigger]
) -> Iterator[DeploymentFinding]:
    """What speaks against `candidate` at `triggers`."""
    yield from _unsupported(candidate)
    yield from _runtime(candidate.runtime)
    if candidate.timeout > MAX_TIMEOUT:
        text = f"the timeout is {candidate.timeout:g} s; at the edge at most {MAX_TIMEOUT:g} s"
        yield DeploymentFinding(TIMEOUT_QUOTA, "timeout", text)
    is_at_viewer = any(trigger.startswith("viewer") for trigger in triggers)
    if candidate.memory_mb > _SAFE_MEMORY_MB and is_at_viewer:
        text = (
            f"{candidate.memory_mb} MB at a viewer trigger: one page of AWS allows it, another "
            f"only {_SAFE_MEMORY_MB} MB"
        )
        yield DeploymentFinding(MEMORY_QUOTA, "memory_size", text, is_refused=False)
    if candidate.package_bytes > MAX_PACKAGE:
        size = candidate.package_bytes / 1024 / 1024
        text = f"the zip package has {size:.1f} MB; at the edge at most 50 MB"
        yield DeploymentFinding(PACKAGE_SIZE, "code", text)
    if candidate.storage_mb > MAX_STORAGE_MB:
        text = f"{candidate.storage_mb} MB of ephemeral storage; at the edge {MAX_STORAGE_MB} MB"
        yield DeploymentFinding(STORAGE_QUOTA, "ephemeral_storage", text)


def _unsupported(candidate: Candidate) -> Iterator[DeploymentFinding]:
    if candidate.environment:
        names = ", ".join(candidate.environment)
        text = f"no environment variables at the edge ({names}): put the values into the code"
        yield DeploymentFinding(ENVIRONMENT, "environment", text)
    if candidate.layers:
        text = "no layers at the edge: put what they hold into the package"
        yield DeploymentFinding(LAYERS, "layers", text)
    if candidate.is_in_vpc:
        text = "no VPC at the edge: reach what the function needs over the internet"
        yield DeploymentFinding(VPC, "vpc_config", text)
    if candidate.architectures != ("x86_64",):
        text = f"no {', '.join(candidate.architectures)} at the edge: choose x86_64"
        yield DeploymentFinding(ARCHITECTURE, "architectures", text)
    if candidate.is_image:
        text = "no container images at the edge: make it a zip package"
        yield DeploymentFinding(PACKAGE_TYPE, "package_type", text)
    if candidate.has_provisioned_concurrency:
        text = "no provisioned concurrency at the edge: take it off the version"
        yield DeploymentFinding(PROVISIONED, "provisioned_concurrency", text)
    if candidate.has_dead_letter:
        text = "no dead-letter queue at the edge: CloudFront waits for every answer"
        yield DeploymentFinding(DEAD_LETTER, "event_invoke", text)
    if candidate.is_traced:
        yield DeploymentFinding(TRACING, "tracing", "no X-Ray at the edge: choose PassThrough")
    if candidate.has_kms_key:
        text = "no package encrypted with a key of one's own at the edge: use Lambda's"
        yield DeploymentFinding(KMS_KEY, "kms_key_arn", text)
    if candidate.runtime_management != "Auto":
        text = f"no runtime management {candidate.runtime_management} at the edge: choose Auto"
        yield DeploymentFinding(RUNTIME_MANAGEMENT, "runtime_management", text)


def _runtime(runtime: str) -> Iterator[DeploymentFinding]:
    if runtime in _CURRENT:
        return
    newest = ", ".join(sorted(_CURRENT, reverse=True)[:2])
    if not runtime.startswith(("nodejs", "python")):
        text = f"{runtime} is no runtime of the edge: only Node.js and Python are"
        yield DeploymentFinding(RUNTIME, "runtime", text)
    elif runtime in _COMING:
        text = f"{runtime} is announced; whether the edge takes it yet is not documented"
        yield DeploymentFinding(ENDED_RUNTIME, "runtime", text, is_refused=False)
    elif _is_newer(runtime):
        text = f"AWS has no runtime {runtime}: choose {newest} or so"
        yield DeploymentFinding(RUNTIME, "runtime", text)
    else:
        text = f"the support of {runtime} has ended: AWS takes no new functions for it"
        yield DeploymentFinding(ENDED_RUNTIME, "runtime", text, is_refused=False)


def _is_newer(runtime: str) -> bool:
    language = runtime[:6]
    known = [_number(each) for each in _CURRENT if each.startswith(language)]
    return _number(runtime) > max(known)


def _number(runtime: str) -> int:
    return int("".join(filter(str.isdigit, runtime.removeprefix("python3"))) or 0)


def version_finding(
    name: str, qualifier: str, *, is_alias: bool, has_versions: bool
) -> DeploymentFinding | None:
    """CloudFront takes the ARN of a published version. `qualifier` is empty for a bare name.

    A bare name means version 1 as long as the configuration publishes nothing itself.
    """
    if qualifier == LATEST or (not qualifier and has_versions):
        text = f"CloudFront refuses $LATEST: name a published version, such as {name}:1"
    elif is_alias:
        text = f"CloudFront refuses aliases: name the version, such as {name}:1"
    else:
        return None
    return DeploymentFinding(VERSION, "", text)


def pairing_findings(
    at_edge: Mapping[str, str], edge_functions: Mapping[str, str]
) -> Iterator[DeploymentFinding]:
    """What speaks against Lambda@Edge and CloudFront Functions side by side in one behavior.

    `key` is the trigger of the CloudFront Function at fault.
    """
    on_viewer = [trigger for trigger in at_edge if trigger.startswith("viewer")]
    for trigger, name in edge_functions.items():
        if trigger in at_edge:
            text = f"{trigger} has two functions, {at_edge[trigger]!r} and {name!r}: choose one"
            yield DeploymentFinding(TWO_FUNCTIONS, trigger, text)
        elif on_viewer:
            text = (
                f"{name!r} is a CloudFront Function and {on_viewer[0]} has a Lambda@Edge function: "
                "use one kind on the viewer triggers of a behavior"
            )
            yield DeploymentFinding(MIXED_FUNCTIONS, trigger, text)
