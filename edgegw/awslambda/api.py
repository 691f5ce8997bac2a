"""The JSON of the Lambda service API: what the control plane answers, and what it is asked.

Source: Lambda API Reference; key names are those of the service model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, TypeVar

from edgegw.awslambda.destinations import target_arn
from edgegw.awslambda.model import Function
from edgegw.awslambda.names import Account
from edgegw.awslambda.payload import Json, as_text, decode_payload
from edgegw.awslambda.service_errors import ServiceError, constraint, invalid, missing
from edgegw.awslambda.versions import Alias, Deployed

CODE_STORAGE: Final = 80_530_636_800
"""TotalCodeSize of an account in bytes: 75 GB.

Source: Lambda Developer Guide, "Lambda quotas", storage.
"""


MOST_ASKED: Final = 10_000
"""The largest MaxItems of most lists, whatever a page holds.

Source: Lambda API Reference, "ListFunctions", MaxItems.
"""
_T = TypeVar("_T")


class CodeFacts(NamedTuple):
    """What is known of a version's code: fingerprint, size in bytes, `LastModified` as text."""

    sha256: str
    size: int
    last_modified: str
    revision: str


def function_configuration(
    function: Function, facts: CodeFacts, account: Account, qualifier: str = ""
) -> dict[str, Json]:
    """`FunctionConfiguration` of one version, its ARN qualified as it was asked for."""
    found: dict[str, Json] = {
        "FunctionName": function.name,
        "FunctionArn": account.arn(function.name, qualifier),
        "Runtime": function.runtime.identifier,
        "Role": function.role,
        "Handler": function.handler,
        "CodeSize": facts.size,
        "Description": function.description,
        "Timeout": max(1, round(function.timeout)),
        "MemorySize": function.memory_mb,
        "LastModified": facts.last_modified,
        "CodeSha256": facts.sha256,
        "Version": function.version,
        "TracingConfig": {"Mode": function.tracing},
        "RevisionId": facts.revision,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": [function.architecture],
        "EphemeralStorage": {"Size": function.ephemeral_storage_mb},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": _logging(function),
    }
    if function.dead_letter:
        found["DeadLetterConfig"] = {"TargetArn": target_arn(function.dead_letter, account)}
    if function.environment:
        found["Environment"] = {"Variables": dict(function.environment)}
    if function.layers:
        arn = f"arn:aws:lambda:{account.region}:{account.account_id}:layer"
        found["Layers"] = [
            {"Arn": f"{arn}:{each.rstrip('/').rpartition('/')[2]}:1", "CodeSize": 0}
            for each in function.layers
        ]
    return found


def _logging(function: Function) -> dict[str, Json]:
    found: dict[str, Json] = {
        "LogFormat": function.logs.format,
        "LogGroup": f"/aws/lambda/{function.name}",
    }
    if function.logs.format == "JSON":
        found["ApplicationLogLevel"] = function.logs.application_level
        found["SystemLogLevel"] = function.logs.system_level
    return found


def alias_configuration(deployed: Deployed, alias: Alias, account: Account) -> dict[str, Json]:
    """`AliasConfiguration`; without routing there is no key for it."""
    found: dict[str, Json] = {
        "AliasArn": account.arn(deployed.name, alias.name),
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision,
    }
    if alias.routing is not None:
        found["RoutingConfig"] = {"AdditionalVersionWeights": {alias.routing[0]: alias.routing[1]}}
    return found


def provisioned_configuration(
    requested: int, ready: int, failure: str, last_modified: str
) -> dict[str, Json]:
    """What Put- and GetProvisionedConcurrencyConfig answer."""
    status = "FAILED" if failure else "READY" if ready >= requested else "IN_PROGRESS"
    found: dict[str, Json] = {
        "RequestedProvisionedConcurrentExecutions": requested,
        "AvailableProvisionedConcurrentExecutions": ready,
        "AllocatedProvisionedConcurrentExecutions": ready,
        "Status": status,
        "LastModified": last_modified,
    }
    if failure:
        found["StatusReason"] = failure
    return found


def account_settings(
    account: Account, unreserved: int, functions: int, code_size: int
) -> dict[str, Json]:
    """What GetAccountSettings answers."""
    return {
        "AccountLimit": {
            "TotalCodeSize": CODE_STORAGE,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": account.concurrency,
            "UnreservedConcurrentExecutions": unreserved,
        },
        "AccountUsage": {"TotalCodeSize": code_size, "FunctionCount": functions},
    }


def request_body(raw: bytes) -> Mapping[str, Json]:
    """The JSON object of a control-plane request; empty when there is no body."""
    if not raw:
        return {}
    try:
        found = decode_payload(raw)
    except ValueError:
        found = None
    if not isinstance(found, Mapping):
        text = "Could not parse request body into json: the body is no JSON object"
        raise ServiceError("InvalidRequestContentException", text)
    return found


def text_member(body: Mapping[str, Json], name: str, default: str | None = None) -> str:
    """The text `name` of a request. Raises ServiceError when it is missing or no text."""
    found = body.get(name)
    if found is None and default is not None:
        return default
    field = name[:1].lower() + name[1:]
    if found is None:
        raise missing(field)
    if not isinstance(found, str):
        raise constraint(as_text(found), field, "Member must be a string")
    return found


def count_member(body: Mapping[str, Json], name: str, least: int) -> int:
    """The whole number `name` of a request, `least` or more."""
    found, field = body.get(name), name[:1].lower() + name[1:]
    if found is None:
        raise missing(field)
    if isinstance(found, bool) or not isinstance(found, int) or found < least:
        rule = f"Member must have value greater than or equal to {least}"
        raise constraint(as_text(found), field, rule)
    return found


def listed_page(
    rows: Iterable[_T], query: Mapping[str, str], *, size: int, most: int
) -> tuple[list[_T], dict[str, Json]]:
    """One page of `rows`, of `size` at most, and `NextMarker` where there is more.

    A call may ask for 1 to `most`. Raises ServiceError.
    """
    given = query.get("MaxItems") or str(size)
    try:
        asked, begin = int(given), int(query.get("Marker") or 0)
    except ValueError:
        raise invalid("Invalid Marker or MaxItems") from None
    if not 1 <= asked <= most:
        end = "greater than or equal to 1" if asked < 1 else f"less than or equal to {most}"
        raise constraint(given, "maxItems", f"Member must have value {end}")
    if begin < 0:
        raise invalid("Invalid Marker or MaxItems")
    listed = list(rows)
    stop = begin + min(asked, size)
    return listed[begin:stop], ({"NextMarker": str(stop)} if stop < len(listed) else {})


def routing_member(body: Mapping[str, Json]) -> tuple[str, float] | None:
    """The additional version and its weight out of `RoutingConfig`."""
    config = body.get("RoutingConfig")
    weights = config.get("AdditionalVersionWeights") if isinstance(config, Mapping) else None
    if not isinstance(weights, Mapping) or not weights:
        return None
    if len(weights) > 1:
        raise invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    [(version, weight)] = weights.items()
    if isinstance(weight, bool) or not isinstance(weight, (int, float)):
        raise invalid(f"The weight of version {version} is no number")
    return version, float(weight)


def check_payload(raw: bytes) -> bytes:
    """The event to hand out: `raw`, or `{}` for an empty body. Raises ServiceError for no JSON.

    The text follows the parser that AWS uses; what comes behind the colon is ours.
    """
    if not raw:
        return b"{}"
    try:
        decode_payload(raw)
    except ValueError:
        text = "Could not parse request body into json: Could not parse payload into json: "
        raise ServiceError("InvalidRequestContentException", text + _syntax(raw)) from None
    return raw


def _syntax(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line: {error.lineno}, column: {error.colno}"
        if error.pos >= len(text):
            return f"Unexpected end-of-input at [{where}]"
        char = text[error.pos]
        return f"Unexpected character ({char!r} (code {ord(char)})): {error.msg} at [{where}]"
    except (ValueError, RecursionError) as error:
        return str(error)
    return "not valid UTF-8"
