"""The event source mappings of the Lambda API: what is asked becomes a mapping, and back.

Numbers are judged first, each alone, then what the source is, then what does not go together with
it (both by `mapping_settings`), then the function.
Source: Lambda API Reference, "CreateEventSourceMapping" and "UpdateEventSourceMapping"; the order
of checks is inferred.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final, Literal

from edgegw.awslambda.api import MOST_ASKED, listed_page
from edgegw.awslambda.event_source import REPORT_FAILURES
from edgegw.awslambda.mapping_settings import MappingRequest, check_ranges, with_settings
from edgegw.awslambda.model import LATEST, FunctionRef
from edgegw.awslambda.names import Account, service_of
from edgegw.awslambda.payload import Json
from edgegw.awslambda.service_errors import ServiceError, invalid, missing
from edgegw.awslambda.source_mapping import (
    SOURCE_RULES,
    EventSourceMapping,
    KnownSource,
    MappingState,
    StreamMapping,
)
from edgegw.awslambda.versions import Deployed
from edgegw.values import value

MOST_MAPPINGS: Final = 100
"""Mappings of one answer of ListEventSourceMappings.

Source: Lambda API Reference, "ListEventSourceMappings", MaxItems.
"""


@value
class MappingStanding:
    """What a mapping's settings do not say: its state, since when, how its last batch ended.

    `last_modified` is in seconds since 1970. `problem` is why a mapping does not run that should.
    """

    state: MappingState
    last_modified: float
    last_result: str = "No records processed"
    problem: str = ""


def new_mapping(
    body: MappingRequest,
    uuid: str,
    source: KnownSource | None,
    functions: Mapping[str, Deployed],
    account: Account,
) -> EventSourceMapping:
    """What CreateEventSourceMapping asks for; `source` is what `asked_arn` leads to, if anything.

    Raises ServiceError.
    Source: Lambda API Reference, "CreateEventSourceMapping".
    """
    if source is None:
        raise _no_such_source(asked_arn(body))
    if source.kind in ("kinesis", "dynamodb") and body.get("StartingPosition") is None:
        raise ServiceError(
            "ValidationException",
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
            "constraint: Member must not be null.",
        )
    mapping = EventSourceMapping(
        uuid=uuid,
        kind=source.kind,
        source=source.name,
        arn=source.arn,
        is_embedded=source.is_embedded,
        endpoint_url=source.endpoint_url,
        function=_function(body, functions, account),
        batch_size=SOURCE_RULES[source.kind].default_size,
    )
    mapping = with_settings(mapping, body)
    check_function(mapping, source, functions)
    return mapping


def changed_mapping(
    mapping: EventSourceMapping,
    body: MappingRequest,
    source: KnownSource | None,
    functions: Mapping[str, Deployed],
    account: Account,
) -> EventSourceMapping:
    """`mapping` as UpdateEventSourceMapping asks for; `source` is its own, if it is there still.

    Raises ServiceError.
    Source: Lambda API Reference, "UpdateEventSourceMapping".
    """
    check_ranges(body)
    if body.get("FunctionName") is not None:
        mapping = replace(mapping, function=_function(body, functions, account))
    mapping = with_settings(mapping, body)
    if source is not None:
        check_function(mapping, source, functions)
    return mapping


def asked_arn(body: MappingRequest) -> str:
    """The ARN of the source that CreateEventSourceMapping names. Raises ServiceError.

    Source: observed.
    """
    check_ranges(body)
    arn = body.get("EventSourceArn")
    if not isinstance(arn, str) or service_of(arn) not in _SERVICES:
        raise invalid("Unrecognized event source.")
    return arn


_SERVICES: Final = ("sqs", "kinesis", "dynamodb")


def _no_such_source(arn: str) -> ServiceError:
    if service_of(arn) != "sqs":
        return invalid(f"Stream not found: {arn}")
    return invalid(
        "Error occurred while ReceiveMessage. SQS Error Code: "
        "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does "
        "not exist."
    )


def _function(
    body: MappingRequest, functions: Mapping[str, Deployed], account: Account
) -> FunctionRef:
    name = body.get("FunctionName")
    if not isinstance(name, str):
        raise missing("functionName")
    ref = account.function_ref(name)
    deployed = functions.get(ref.name)
    if deployed is None or not deployed.targets(ref):
        raise invalid("Function does not exist")
    return replace_latest(ref)


def replace_latest(ref: FunctionRef) -> FunctionRef:
    """`ref` without `$LATEST`, which a mapping means when it says nothing."""
    return FunctionRef(ref.name) if ref.qualifier == LATEST else ref


def check_function(
    mapping: EventSourceMapping, source: KnownSource, functions: Mapping[str, Deployed]
) -> None:
    """Raises ServiceError where messages would come back before the function has ended."""
    deployed = functions[mapping.function.name]
    for version, _ in deployed.targets(mapping.function):
        function = deployed.version(version)
        problem = function and source.too_short_for(function.timeout)
        if problem:
            raise invalid(problem)


# Answers


def mapping_configuration(
    mapping: EventSourceMapping, standing: MappingStanding, account: Account
) -> dict[str, Json]:
    """`EventSourceMappingConfiguration`.

    Source: Lambda API Reference, "GetEventSourceMapping", response elements; which keys are there
    for which source is observed.
    """
    is_queue = mapping.kind.startswith("sqs")
    function = mapping.function
    answer: dict[str, Json] = {
        "UUID": mapping.uuid,
        "EventSourceMappingArn": mapping_arn(mapping.uuid, account),
        "EventSourceArn": mapping.arn,
        "FunctionArn": account.arn(function.name, function.qualifier),
        "BatchSize": mapping.batch_size,
        "MaximumBatchingWindowInSeconds": mapping.batch_window,
        "FunctionResponseTypes": [REPORT_FAILURES] if mapping.reports_failures else [],
        "LastModified": standing.last_modified,
        "State": standing.state,
        "StateTransitionReason": "USER_INITIATED" if is_queue else "User action",
    }
    if standing.problem:
        answer["StateTransitionReason"] = standing.problem
        answer["LastProcessingResult"] = f"PROBLEM: {standing.problem}"
    if mapping.filters:
        answer["FilterCriteria"] = {"Filters": [{"Pattern": text} for text in mapping.filters]}
    if mapping.maximum_concurrency is not None:
        answer["ScalingConfig"] = {"MaximumConcurrency": mapping.maximum_concurrency}
    if mapping.metrics:
        answer["MetricsConfig"] = {"Metrics": list(mapping.metrics)}
    if mapping.maximum_pollers:
        answer["ProvisionedPollerConfig"] = {
            "MinimumPollers": mapping.minimum_pollers,
            "MaximumPollers": mapping.maximum_pollers,
        }
    return answer if is_queue else answer | _stream_part(mapping.stream, standing)


def _stream_part(stream: StreamMapping, standing: MappingStanding) -> dict[str, Json]:
    part: dict[str, Json] = {
        "StartingPosition": stream.starting_position,
        "ParallelizationFactor": stream.parallelization_factor,
        "MaximumRecordAgeInSeconds": stream.maximum_record_age,
        "MaximumRetryAttempts": stream.maximum_retry_attempts,
        "BisectBatchOnFunctionError": stream.bisect_on_error,
        "TumblingWindowInSeconds": stream.tumbling_window,
        "LastProcessingResult": (
            f"PROBLEM: {standing.problem}" if standing.problem else standing.last_result
        ),
        "DestinationConfig": {
            "OnFailure": {"Destination": stream.on_failure} if stream.on_failure else {}
        },
    }
    if stream.starting_timestamp is not None:
        part["StartingPositionTimestamp"] = stream.starting_timestamp
    return part


def mapping_arn(uuid: str, account: Account) -> str:
    """The ARN of a mapping.

    Source: Lambda API Reference, "GetEventSourceMapping", EventSourceMappingArn.
    """
    return f"arn:aws:lambda:{account.region}:{account.account_id}:event-source-mapping:{uuid}"


def listed_mappings(
    mappings: Iterable[EventSourceMapping], query: Mapping[str, str], account: Account
) -> tuple[list[EventSourceMapping], dict[str, Json]]:
    """One page of the mappings that a call asks for, and `NextMarker` where there are more.

    A function is named with its qualifier where the mapping has one.
    Source: Lambda API Reference, "ListEventSourceMappings".
    """
    chosen = sorted(mappings, key=lambda mapping: mapping.uuid)
    if arn := query.get("EventSourceArn"):
        chosen = [mapping for mapping in chosen if mapping.arn == arn]
    if name := query.get("FunctionName"):
        ref = replace_latest(account.function_ref(name))
        chosen = [mapping for mapping in chosen if mapping.function == ref]
    return listed_page(chosen, query, size=MOST_MAPPINGS, most=MOST_ASKED)


# Refusals


def already_mapped(mapping: EventSourceMapping) -> ServiceError:
    """There is a mapping of this source to this function. Source: observed."""
    what = "SQS arn" if mapping.kind.startswith("sqs") else "event source arn"
    return ServiceError(
        "ResourceConflictException",
        f'An event source mapping with {what} (" {mapping.arn} ") and function '
        f'(" {mapping.function.name} ") already exists. Please update or delete the existing '
        f"mapping with UUID {mapping.uuid}",
    )


def no_such_mapping() -> ServiceError:
    """No mapping has this UUID. Source: observed."""
    return ServiceError("ResourceNotFoundException", "The resource you requested does not exist.")


def mapping_in_use(action: Literal["update", "delete"]) -> ServiceError:
    """The mapping is on its way to another state. Source: observed."""
    return ServiceError(
        "ResourceInUseException",
        f"Cannot {action} the event source mapping because it is in use.",
    )
