"""The numbers of the Lambda service."""

from __future__ import annotations

import pytest

from edgegw.awslambda import (
    api,
    concurrency,
    cpu,
    extensions_api,
    lifecycle,
    logs,
    shifting,
    telemetry,
    variables,
    versions,
)
from edgegw.awslambda.lifecycle import shutdown_time
from edgegw.awslambda.names import check_qualifier, is_function_name
from edgegw.awslambda.service_errors import STATUS, ServiceError
from edgegw.awslambda.versions import is_alias_name

M = 1024 * 1024


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle"
        pytest.param(lifecycle.INIT_TIMEOUT, 10.0, id="init on demand"),
        pytest.param(lifecycle.PROVISIONED_INIT_TIMEOUT, 130.0, id="init when provisioned"),
        pytest.param(lifecycle.IDLE_TIME, 600.0, id="idle environments"),
        pytest.param(lifecycle.RUNTIME_SHUTDOWN, 0.3, id="shutdown of the runtime"),
        pytest.param(shutdown_time(internal=False, external=False), 0.0, id="no extensions"),
        pytest.param(shutdown_time(internal=True, external=False), 0.5, id="internal ones"),
        pytest.param(shutdown_time(internal=True, external=True), 2.0, id="external ones"),
        # "Lambda quotas"
        pytest.param(lifecycle.MAX_PAYLOAD, 6 * M, id="request payload"),
        pytest.param(lifecycle.MAX_RESPONSE, 6 * M + 100, id="response payload"),
        pytest.param(lifecycle.MAX_STREAMED, 200 * M, id="streamed response"),
        pytest.param(variables.MAX_TOTAL, 4096, id="environment variables"),
        pytest.param(api.CODE_STORAGE, 75 * 1024 * M, id="code storage"),
        pytest.param(extensions_api.MAX_EXTENSIONS, 10, id="extensions"),
        # "Understanding Lambda function scaling", "Configuring reserved concurrency"
        pytest.param(concurrency.RATE_PER_CONCURRENCY, 10, id="requests per concurrency"),
        pytest.param(versions.MIN_UNRESERVED, 100, id="unreserved concurrency"),
        # "Configure Lambda function memory"
        pytest.param(cpu.MB_PER_VCPU, 1769, id="memory of a vCPU"),
        # Lambda API Reference, "Invoke"
        pytest.param(logs.TAIL, 4096, id="log tail"),
        # "Telemetry API reference"
        pytest.param(telemetry.SCHEMAS, ("2022-07-01", "2022-12-13", "2025-01-29"), id="schemas"),
        pytest.param(telemetry.TYPES, ("platform", "function", "extension"), id="telemetry"),
    ],
)
def test_numbers(value: object, expected: object) -> None:
    assert value == expected


@pytest.mark.parametrize(
    ("name", "fits"),
    [("f" * 64, True), ("f" * 65, False), ("a-b_c", True), ("a.b", False), ("", False)],
)
def test_function_names(name: str, fits: bool) -> None:
    """Lambda API Reference, "CreateFunction", parameter FunctionName."""
    assert is_function_name(name) is fits


@pytest.mark.parametrize(
    ("name", "fits"),
    [("a" * 128, True), ("a" * 129, False), ("12", False), ("1a", True), ("a.b", False)],
)
def test_alias_names(name: str, fits: bool) -> None:
    """Lambda API Reference, "CreateAlias", parameter Name."""
    assert is_alias_name(name) is fits


def test_length_of_a_qualifier() -> None:
    """Lambda API Reference, "Invoke", parameter Qualifier."""
    check_qualifier("q" * 128)
    with pytest.raises(ServiceError, match="length less than or equal to 128"):
        check_qualifier("q" * 129)


def test_presets_of_traffic_shifting() -> None:
    """CodeDeploy User Guide, "Deployment configurations on an AWS Lambda compute platform"."""
    assert shifting.PRESETS == (
        "Canary10Percent5Minutes",
        "Canary10Percent10Minutes",
        "Canary10Percent15Minutes",
        "Canary10Percent30Minutes",
        "Linear10PercentEvery1Minute",
        "Linear10PercentEvery2Minutes",
        "Linear10PercentEvery3Minutes",
        "Linear10PercentEvery10Minutes",
        "AllAtOnce",
    )


def test_status_of_each_error() -> None:
    """Lambda API Reference, the errors of each action."""
    assert STATUS == {
        "AccessDeniedException": 403,
        "InvalidParameterValueException": 400,
        "InvalidRequestContentException": 400,
        "PolicyLengthExceededException": 400,
        "PreconditionFailedException": 412,
        "ProvisionedConcurrencyConfigNotFoundException": 404,
        "RecursiveInvocationException": 400,
        "RequestTooLargeException": 413,
        "ResourceConflictException": 409,
        "ResourceInUseException": 400,
        "ResourceNotFoundException": 404,
        "ServiceException": 500,
        "TooManyRequestsException": 429,
        "UnknownOperationException": 404,
        "UnsupportedMediaTypeException": 415,
        "ValidationException": 400,
    }


def test_variables_that_are_reserved() -> None:
    """Lambda Developer Guide, "Defined runtime environment variables"."""
    aws = [
        "ACCESS_KEY",
        "ACCESS_KEY_ID",
        "DEFAULT_REGION",
        "EXECUTION_ENV",
        "LAMBDA_FUNCTION_MEMORY_SIZE",
        "LAMBDA_FUNCTION_NAME",
        "LAMBDA_FUNCTION_VERSION",
        "LAMBDA_INITIALIZATION_TYPE",
        "LAMBDA_LOG_GROUP_NAME",
        "LAMBDA_LOG_STREAM_NAME",
        "LAMBDA_MAX_CONCURRENCY",
        "LAMBDA_METADATA_API",
        "LAMBDA_METADATA_TOKEN",
        "LAMBDA_RUNTIME_API",
        "REGION",
        "SECRET_ACCESS_KEY",
        "SESSION_TOKEN",
    ]
    others = {"_HANDLER", "_X_AMZN_TRACE_ID", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT"}
    assert {f"AWS_{name}" for name in aws} | others == variables.RESERVED


def test_variables_that_external_extensions_lack() -> None:
    """Lambda Developer Guide, "Using the Lambda Extensions API to create extensions"."""
    assert {
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_AWS_XRAY_DAEMON_ADDRESS",
        "_AWS_XRAY_DAEMON_PORT",
        "_HANDLER",
    } == variables.EXTENSIONS_LACK
