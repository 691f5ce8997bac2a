"""Put, Update, Get, Delete and ListFunctionEventInvokeConfig, and the recursion configuration.

A configuration belongs to one qualifier exactly: that of an alias says nothing about the version
behind it. Changes answer the function as it is afterwards, or raise ServiceError.
Source: Lambda API Reference, "PutFunctionEventInvokeConfig" and its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from edgegw.awslambda.api import listed_page, text_member
from edgegw.awslambda.async_invocation import (
    AGE_RANGE,
    RETRIES_RANGE,
    EventInvokeConfig,
    EventSettings,
)
from edgegw.awslambda.destinations import parse_target, target_arn
from edgegw.awslambda.model import LATEST, FunctionRef
from edgegw.awslambda.names import Account
from edgegw.awslambda.payload import Json, as_text
from edgegw.awslambda.service_errors import ServiceError, constraint, invalid
from edgegw.awslambda.versions import Deployed

_DESTINATION_PATTERN: Final = (
    r"^$|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:"
    r"((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)"
)
"""What the service says a destination must match."""
PAGE_SIZE: Final = 50
"""Configurations of a page.

Source: Lambda API Reference, "ListFunctionEventInvokeConfigs", MaxItems.
"""
_LOOPS: Final = ("Allow", "Terminate")


def event_settings(deployed: Deployed | None, ref: FunctionRef) -> EventSettings:
    """What holds now for an event of `ref`; AWS's defaults where the function is gone."""
    if deployed is None:
        return EventSettings()
    return EventSettings(
        config=deployed.event_invoke.get(ref.qualifier or LATEST, EventInvokeConfig()),
        dead_letter=deployed.meant(ref).dead_letter,
        reserved=deployed.reserved,
        allows_loops=deployed.recursive_loop == "Allow",
    )


def event_invoke_answer(deployed: Deployed, qualifier: str, account: Account) -> dict[str, Json]:
    """The configuration of one qualifier as the API shows it; `LastModified` in seconds.

    Source: Lambda API Reference, "FunctionEventInvokeConfig".
    """
    config = deployed.event_invoke[qualifier]
    answer: dict[str, Json] = {
        "LastModified": config.last_modified,
        "FunctionArn": account.arn(deployed.name, qualifier),
        "DestinationConfig": {
            "OnSuccess": _destination(config.on_success, account),
            "OnFailure": _destination(config.on_failure, account),
        },
    }
    if config.maximum_retry_attempts is not None:
        answer["MaximumRetryAttempts"] = config.maximum_retry_attempts
    if config.maximum_event_age is not None:
        answer["MaximumEventAgeInSeconds"] = config.maximum_event_age
    return answer


def _destination(target: str, account: Account) -> dict[str, Json]:
    return {"Destination": target_arn(target, account)} if target else {}


def put_event_invoke(
    deployed: Deployed,
    ref: FunctionRef,
    body: Mapping[str, Json],
    now: float,
    update: bool = False,  # noqa: FBT001, FBT002
) -> Deployed:
    """The function with what `body` says for the qualifier; with `update` on top of what stood.

    Raises ServiceError.
    """
    qualifier = known_qualifier(deployed, ref)
    standing = deployed.event_invoke.get(qualifier, EventInvokeConfig())
    given = {**_limits(body), **_targets(body, deployed)}
    if not given:
        raise invalid("You must specify at least one of error handling or destination setting.")
    config = replace(standing if update else EventInvokeConfig(), last_modified=now, **given)
    return _with(deployed, {**deployed.event_invoke, qualifier: config})


def _with(deployed: Deployed, configs: Mapping[str, EventInvokeConfig]) -> Deployed:
    return replace(deployed, event_invoke=MappingProxyType(dict(configs)))


def known_qualifier(deployed: Deployed, ref: FunctionRef) -> str:
    """The qualifier that `ref` means. Raises ServiceError where there is none such."""
    qualifier = ref.qualifier or LATEST
    if not deployed.targets(ref):
        text = "The function doesn't exist."
        raise ServiceError("ResourceNotFoundException", text)
    return qualifier


def check_event_invoke(body: Mapping[str, Json]) -> None:
    """What the service checks before it looks for the function. Raises ServiceError."""
    _limits(body)


def _limits(body: Mapping[str, Json]) -> dict[str, object]:
    """The numbers that a request sets, by the names of `EventInvokeConfig`."""
    given: dict[str, object] = {}
    for member, name, limits in (
        ("MaximumRetryAttempts", "maximum_retry_attempts", RETRIES_RANGE),
        ("MaximumEventAgeInSeconds", "maximum_event_age", AGE_RANGE),
    ):
        if body.get(member) is not None:
            given[name] = _number(body, member, limits)
    return given


def _targets(body: Mapping[str, Json], deployed: Deployed) -> dict[str, object]:
    """The destinations that a request sets, by the names of `EventInvokeConfig`."""
    given: dict[str, object] = {}
    destinations = body.get("DestinationConfig")
    if destinations is not None:
        if not isinstance(destinations, Mapping):
            shown = as_text(destinations)
            raise constraint(shown, "destinationConfig", "Member must be a structure")
        for member, name in (("OnSuccess", "on_success"), ("OnFailure", "on_failure")):
            if destinations.get(member) is not None:
                given[name] = _target(destinations, member, deployed)
    return given


def _number(body: Mapping[str, Json], member: str, limits: tuple[int, int]) -> int:
    number = body[member]
    field = member[:1].lower() + member[1:]
    if isinstance(number, bool) or not isinstance(number, int):
        raise constraint(as_text(number), field, "Member must be a number")
    least, most = limits
    if number < least:
        rule = f"Member must have value greater than or equal to {least}"
        raise constraint(str(number), field, rule)
    if number > most:
        rule = f"Member must have value less than or equal to {most}"
        raise constraint(str(number), field, rule)
    return number


def _target(destinations: Mapping[str, Json], member: str, deployed: Deployed) -> str:
    """The destination of a request. Raises ServiceError for one that nothing can be sent to."""
    inner = destinations[member]
    text = text_member(inner, "Destination", "") if isinstance(inner, Mapping) else ""
    if not text:
        return ""
    if re.fullmatch(_DESTINATION_PATTERN, text) is None:
        field = f"destinationConfig.on{member[2:]}.destination"
        rule = f"Member must satisfy regular expression pattern: {_DESTINATION_PATTERN}"
        raise constraint(text, field, rule)
    target = parse_target(text)
    if target is None or not (target.local_name or target.kind == "sns"):
        raise invalid(f"The destination ARN {text} is invalid.")
    if target.is_fifo or (target.kind == "s3" and member == "OnSuccess"):
        raise invalid(f"The destination ARN {text} is invalid.")
    if target.kind == "function" and target.function.name == deployed.name:
        raise invalid("You can't specify the function as a destination for itself.")
    return text


def get_event_invoke(deployed: Deployed, ref: FunctionRef, account: Account) -> dict[str, Json]:
    """What was configured for the qualifier. Raises ServiceError where nothing was.

    Source: observed: the text of the error.
    """
    return event_invoke_answer(deployed, _configured(deployed, ref, account), account)


def delete_event_invoke(deployed: Deployed, ref: FunctionRef, account: Account) -> Deployed:
    """The function without what was configured for the qualifier. Raises ServiceError."""
    qualifier = _configured(deployed, ref, account)
    rest = {key: config for key, config in deployed.event_invoke.items() if key != qualifier}
    return _with(deployed, rest)


def _configured(deployed: Deployed, ref: FunctionRef, account: Account) -> str:
    qualifier = ref.qualifier or LATEST
    if qualifier not in deployed.event_invoke:
        arn = account.arn(deployed.name, qualifier)
        text = f"The function {arn} doesn't have an EventInvokeConfig"
        raise ServiceError("ResourceNotFoundException", text)
    return qualifier


def list_event_invoke(
    deployed: Deployed, query: Mapping[str, str], account: Account
) -> dict[str, Json]:
    """A page of what was configured for each qualifier, `$LATEST` first. Raises ServiceError.

    Source: Lambda API Reference, "ListFunctionEventInvokeConfigs".
    """
    qualifiers = sorted(
        deployed.event_invoke, key=lambda qualifier: (qualifier != LATEST, qualifier)
    )
    page, more = listed_page(qualifiers, query, size=PAGE_SIZE, most=PAGE_SIZE)
    configs = [event_invoke_answer(deployed, qualifier, account) for qualifier in page]
    return {"FunctionEventInvokeConfigs": configs, **more}


def put_recursion(deployed: Deployed, body: Mapping[str, Json]) -> Deployed:
    """The function with what is to be done about loops. Raises ServiceError.

    Source: Lambda API Reference, "PutFunctionRecursionConfig".
    """
    loop = text_member(body, "RecursiveLoop")
    if loop not in _LOOPS:
        rule = f"Member must satisfy enum value set: [{', '.join(_LOOPS)}]"
        raise constraint(loop, "recursiveLoop", rule)
    return replace(deployed, recursive_loop=loop)
