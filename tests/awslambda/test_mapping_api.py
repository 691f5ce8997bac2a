"""What the API asks of event source mappings, and in which words it refuses."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from edgegw.awslambda.mapping_api import (
    MappingStanding,
    asked_arn,
    changed_mapping,
    mapping_configuration,
    new_mapping,
)
from edgegw.awslambda.model import Function, FunctionRef, Runtime
from edgegw.awslambda.names import Account
from edgegw.awslambda.service_errors import ServiceError
from edgegw.awslambda.source_mapping import (
    IN_TRANSIT,
    RANGES,
    EventSourceMapping,
    KnownSource,
    MappingState,
    SourceKind,
    decode_mapping,
    encode_mapping,
    too_short,
)
from edgegw.awslambda.versions import single

ACCOUNT = Account()
PYTHON = Runtime("python3.13", "python", (3, 13))
FUNCTIONS = {
    name: single(Function(name, PYTHON, "/code", "handler.handler", timeout=timeout))
    for name, timeout in (("worker", 3.0), ("slow", 60.0))
}
BEGIN = "1 validation error detected: Value "


def source(kind: SourceKind) -> KnownSource:
    arns = {
        "sqs": "arn:aws:sqs:us-east-1:123456789012:jobs",
        "sqs-fifo": "arn:aws:sqs:us-east-1:123456789012:jobs.fifo",
        "kinesis": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
        "dynamodb": "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-01-01",
    }
    timeout = 30 if kind.startswith("sqs") else None
    return KnownSource(kind=kind, name="jobs", arn=arns[kind], visibility_timeout=timeout)


def create(kind: SourceKind = "sqs", **given: Any) -> EventSourceMapping:
    place = source(kind)
    if kind in ("kinesis", "dynamodb"):
        given = {"StartingPosition": "LATEST", **given}
    body = {"EventSourceArn": place.arn, "FunctionName": "worker", **given}
    assert asked_arn(body) == place.arn
    return new_mapping(body, "u", place, FUNCTIONS, ACCOUNT)


def refusal(kind: SourceKind = "sqs", **given: Any) -> tuple[str, str]:
    with pytest.raises(ServiceError) as caught:
        create(kind, **given)
    return caught.value.code.removesuffix("Exception"), caught.value.message or ""


INVALID, VALIDATION = "InvalidParameterValue", "Validation"
LEAST = "failed to satisfy constraint: Member must have value greater than or equal to"
MOST = "failed to satisfy constraint: Member must have value less than or equal to"
UNSUPPORTED = "Unsupported {} parameter for given event source mapping type."
REFUSED = [
    pytest.param(
        "sqs", {"BatchSize": 0}, VALIDATION, f"{BEGIN}'0' at 'batchSize' {LEAST} 1", id="size-0"
    ),
    pytest.param(
        "sqs",
        {"BatchSize": 10_001},
        VALIDATION,
        f"{BEGIN}'10001' at 'batchSize' {MOST} 10000",
        id="size-10001",
    ),
    pytest.param(
        "sqs",
        {"BatchSize": 11},
        INVALID,
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater "
        "than 10",
        id="size-11-without-window",
    ),
    pytest.param(
        "sqs-fifo",
        {"BatchSize": 11},
        INVALID,
        "BatchSize 11 exceeds the maximum of 10 records of an SQS FIFO queue.",
        id="fifo-size",
    ),
    pytest.param(
        "sqs-fifo",
        {"MaximumBatchingWindowInSeconds": 1},
        INVALID,
        "Batching window is not supported for FIFO queues.",
        id="fifo-window",
    ),
    pytest.param(
        "sqs",
        {"MaximumBatchingWindowInSeconds": 301},
        VALIDATION,
        f"{BEGIN}'301' at 'maximumBatchingWindowInSeconds' {MOST} 300",
        id="window-301",
    ),
    pytest.param(
        "sqs",
        {"ScalingConfig": {"MaximumConcurrency": 1}},
        VALIDATION,
        f"{BEGIN}'1' at 'scalingConfig.maximumConcurrency' {LEAST} 2",
        id="concurrency-1",
    ),
    pytest.param(
        "sqs",
        {"ScalingConfig": {"MaximumConcurrency": 1001}},
        VALIDATION,
        f"{BEGIN}'1001' at 'scalingConfig.maximumConcurrency' {MOST} 1000",
        id="concurrency-1001",
    ),
    pytest.param(
        "sqs",
        {"FunctionResponseTypes": ["Other"]},
        VALIDATION,
        f"{BEGIN}'[Other]' at 'functionResponseTypes' failed to satisfy constraint: Member must "
        "satisfy constraint: [Member must satisfy enum value set: [ReportBatchItemFailures]]",
        id="response-type",
    ),
    pytest.param(
        "sqs",
        {"FilterCriteria": {"Filters": [{"Pattern": '{"body": "a"}'}]}},
        INVALID,
        "Invalid filter pattern definition.",
        id="filter",
    ),
    pytest.param(
        "sqs",
        {"FilterCriteria": {"Filters": [{"Pattern": '{"body": ["a"]}'}] * 6}},
        INVALID,
        "A mapping has at most 5 filters.",
        id="six-filters",
    ),
    pytest.param(
        "sqs",
        {"ProvisionedPollerConfig": {"MinimumPollers": 5, "MaximumPollers": 4}},
        INVALID,
        "MaximumPollers must be greater than or equal to MinimumPollers.",
        id="pollers",
    ),
    pytest.param(
        "sqs",
        {"MetricsConfig": {"Metrics": ["KafkaMetrics"]}},
        VALIDATION,
        f"{BEGIN}'[KafkaMetrics]' at 'metricsConfig.metrics' failed to satisfy constraint: Member "
        "must satisfy constraint: [Member must satisfy enum value set: [EventCount]]",
        id="metrics",
    ),
    pytest.param(
        "sqs", {"FunctionName": "nobody"}, INVALID, "Function does not exist", id="nobody"
    ),
    pytest.param(
        "sqs", {"FunctionName": "worker:7"}, INVALID, "Function does not exist", id="version-7"
    ),
    pytest.param(
        "sqs",
        {"FunctionName": "slow"},
        INVALID,
        "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds",
        id="visibility-timeout",
    ),
    *(
        pytest.param("sqs", {name: given}, INVALID, UNSUPPORTED.format(name), id=f"sqs-{name}")
        for name, given in (
            ("StartingPosition", "LATEST"),
            ("ParallelizationFactor", 2),
            ("MaximumRecordAgeInSeconds", 60),
            ("MaximumRetryAttempts", 1),
            ("BisectBatchOnFunctionError", True),
            ("TumblingWindowInSeconds", 1),
            ("DestinationConfig", {"OnFailure": {"Destination": "arn"}}),
        )
    ),
    pytest.param(
        "kinesis",
        {"ScalingConfig": {"MaximumConcurrency": 2}},
        INVALID,
        UNSUPPORTED.format("ScalingConfig"),
        id="kinesis-ScalingConfig",
    ),
    *(
        pytest.param(
            "kinesis",
            {"DestinationConfig": {"OnFailure": {"Destination": text}}},
            INVALID,
            f"The destination ARN {text} is invalid.",
            id=f"destination-{text}",
        )
        for text in (
            "nowhere",
            "arn:aws:lambda:us-east-1:123456789012:function:f",
            "arn:aws:events:us-east-1:123456789012:event-bus/default",
            "arn:aws:sqs:us-east-1:123456789012:q.fifo",
        )
    ),
    pytest.param(
        "kinesis",
        {"StartingPosition": None},
        VALIDATION,
        f"{BEGIN}null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
        id="no-start",
    ),
    pytest.param(
        "dynamodb",
        {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1.0},
        INVALID,
        "Unsupported starting position for arn type: "
        "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-01-01",
        id="dynamodb-at",
    ),
    pytest.param(
        "kinesis",
        {"MaximumRecordAgeInSeconds": 59},
        INVALID,
        "MaximumRecordAgeInSeconds must be -1 or at least 60.",
        id="age-59",
    ),
    pytest.param(
        "kinesis",
        {"StartingPosition": "AT_TIMESTAMP"},
        INVALID,
        "StartingPositionTimestamp and the StartingPosition AT_TIMESTAMP belong together.",
        id="no-time",
    ),
    pytest.param(
        "sqs",
        {
            "ScalingConfig": {"MaximumConcurrency": 2},
            "ProvisionedPollerConfig": {"MinimumPollers": 2},
        },
        INVALID,
        "ScalingConfig and ProvisionedPollerConfig cannot be used together.",
        id="both-scalings",
    ),
]


@pytest.mark.parametrize(("kind", "given", "code", "text"), REFUSED)
def test_what_aws_refuses_is_refused_in_its_words(
    kind: SourceKind, given: dict[str, Any], code: str, text: str
) -> None:
    assert refusal(kind, **given) == (code, text)


@pytest.mark.parametrize("arn", [None, 5, "jobs", "arn:aws:s3:::bucket", "arn:aws:sns:r:1:topic"])
def test_what_is_no_queue_and_no_stream_is_not_recognised(arn: Any) -> None:
    with pytest.raises(ServiceError, match=r"Unrecognized event source\."):
        asked_arn({"EventSourceArn": arn, "FunctionName": "worker"})


def test_a_queue_that_is_not_there_is_refused_as_sqs_would() -> None:
    body = {"EventSourceArn": source("sqs").arn, "FunctionName": "worker"}
    with pytest.raises(ServiceError, match=r"SQS Error Code: AWS\.SimpleQueueService\.NonExist"):
        new_mapping(body, "u", None, FUNCTIONS, ACCOUNT)


@pytest.mark.parametrize(
    ("kind", "size"), [("sqs", 10), ("sqs-fifo", 10), ("kinesis", 100), ("dynamodb", 100)]
)
def test_a_batch_has_its_size_by_kind_of_source(kind: SourceKind, size: int) -> None:
    assert create(kind).batch_size == size


def test_the_latest_version_is_meant_without_a_qualifier() -> None:
    for name in ("worker", "worker:$LATEST", f"{ACCOUNT.arn('worker')}:$LATEST"):
        assert create(FunctionName=name).function == FunctionRef("worker")
    assert create(FunctionName="worker:1").function == FunctionRef("worker", qualifier="1")


def test_the_edges_of_ranges_are_taken() -> None:
    assert create(BatchSize=10_000, MaximumBatchingWindowInSeconds=300).batch_size == 10_000
    assert create("sqs-fifo", BatchSize=10).batch_size == 10
    for most in (2, 1000):
        mapping = create(ScalingConfig={"MaximumConcurrency": most})
        assert mapping.maximum_concurrency == most
    stream = create("kinesis", MaximumRecordAgeInSeconds=60, ParallelizationFactor=10).stream
    assert (stream.maximum_record_age, stream.parallelization_factor) == (60, 10)


@pytest.mark.parametrize(
    ("given", "pollers"),
    [
        ({"MinimumPollers": 3}, (3, 200)),
        ({"MaximumPollers": 7}, (2, 7)),
        ({"MinimumPollers": 200, "MaximumPollers": 10_000}, (200, 10_000)),
        ({}, (0, 0)),
    ],
)
def test_provisioned_pollers_are_two_to_two_hundred_unless_it_says_so(
    given: dict[str, int], pollers: tuple[int, int]
) -> None:
    mapping = create(ProvisionedPollerConfig=given)
    assert (mapping.minimum_pollers, mapping.maximum_pollers) == pollers


def test_a_queue_may_hide_messages_for_exactly_as_long_as_a_function_takes() -> None:
    assert too_short(30, 30) == ""
    assert too_short(29.9, 30) != ""


def test_states_that_pass_take_no_change() -> None:
    assert set(get_args(MappingState)) - IN_TRANSIT == {"Enabled", "Disabled"}


def test_the_ranges_are_those_of_the_guide() -> None:
    assert RANGES == {
        "BatchSize": (1, 10_000),
        "MaximumBatchingWindowInSeconds": (0, 300),
        "MaximumConcurrency": (2, 1_000),
        "MinimumPollers": (2, 200),
        "MaximumPollers": (2, 10_000),
        "ParallelizationFactor": (1, 10),
        "MaximumRecordAgeInSeconds": (-1, 604_800),
        "MaximumRetryAttempts": (-1, 10_000),
        "TumblingWindowInSeconds": (0, 900),
    }


def change(mapping: EventSourceMapping, **body: Any) -> EventSourceMapping:
    return changed_mapping(mapping, body, source(mapping.kind), FUNCTIONS, ACCOUNT)


def test_an_update_changes_what_it_names_and_empties_what_it_empties() -> None:
    mapping = create(
        FilterCriteria={"Filters": [{"Pattern": '{"body":["a"]}'}]},
        ScalingConfig={"MaximumConcurrency": 5},
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    assert change(mapping, BatchSize=2).filters == mapping.filters
    assert change(mapping, FilterCriteria={}).filters == ()
    assert change(mapping, FilterCriteria={"Filters": []}).filters == ()
    assert change(mapping, ScalingConfig={}).maximum_concurrency is None
    assert not change(mapping, FunctionResponseTypes=[]).reports_failures
    assert not change(mapping, Enabled=False).enabled
    with pytest.raises(ServiceError, match="visibility timeout"):
        change(mapping, FunctionName="slow")


def test_metrics_are_shown_where_they_were_asked_for() -> None:
    asked = create(MetricsConfig={"Metrics": ["EventCount"]})
    standing = MappingStanding("Enabled", 1.0)
    shown = mapping_configuration(asked, standing, ACCOUNT)
    assert shown["MetricsConfig"] == {"Metrics": ["EventCount"]}
    for other in (create(), change(asked, MetricsConfig={}), create(MetricsConfig={"Metrics": []})):
        assert "MetricsConfig" not in mapping_configuration(other, standing, ACCOUNT)
    assert decode_mapping(json.loads(json.dumps(encode_mapping(asked)))) == asked


def test_a_stream_shows_its_settings() -> None:
    mapping = create(
        "kinesis",
        StartingPosition="AT_TIMESTAMP",
        StartingPositionTimestamp=17.5,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:1:dead"}},
        TumblingWindowInSeconds=30,
    )
    shown = mapping_configuration(mapping, MappingStanding("Enabled", 1.0, "OK"), ACCOUNT)
    assert shown["StartingPositionTimestamp"] == 17.5
    assert shown["DestinationConfig"] == {
        "OnFailure": {"Destination": "arn:aws:sqs:us-east-1:1:dead"}
    }
    assert shown["TumblingWindowInSeconds"] == 30
    assert shown["MaximumRetryAttempts"] == shown["MaximumRecordAgeInSeconds"] == -1
    assert shown["LastProcessingResult"] == "OK"
    assert shown["StateTransitionReason"] == "User action"


@pytest.mark.parametrize("kind", ["sqs", "kinesis"])
def test_why_a_mapping_does_not_run_stands_in_its_answer(kind: SourceKind) -> None:
    standing = MappingStanding("Disabled", 1.0, "OK", "no such file")
    shown = mapping_configuration(create(kind), standing, ACCOUNT)
    assert shown["StateTransitionReason"] == "no such file"
    assert shown["LastProcessingResult"] == "PROBLEM: no such file"


@pytest.mark.parametrize("kind", ["sqs", "sqs-fifo", "kinesis", "dynamodb"])
def test_what_is_kept_is_the_same_afterwards(kind: SourceKind) -> None:
    mapping = create(kind, FilterCriteria={"Filters": [{"Pattern": '{"a":["b"]}'}]}, BatchSize=3)
    assert decode_mapping(json.loads(json.dumps(encode_mapping(mapping)))) == mapping
