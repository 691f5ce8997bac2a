"""Which keys and types a function of the configuration has."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from edgegw.awslambda import quotas
from edgegw.awslambda.http_events.model import AuthType
from edgegw.awslambda.shifting import preset_name
from edgegw.config.fields import (
    LATER,
    FunctionFaults,
    Model,
    Number,
    Text,
    between,
    text_of,
)
from edgegw.config.functions.event_invoke_keys import EventInvoke, FunctionEventInvoke
from edgegw.config.http_fronts.keys import FunctionUrl

Level = Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]
VersionNumber = Annotated[
    str, BeforeValidator(text_of), Field(pattern=r"^(\$LATEST|[1-9][0-9]{0,17})$")
]
Timeout = Annotated[Number, Field(gt=0, le=quotas.MAX_FUNCTION_TIMEOUT)]
Memory = Annotated[int, between(quotas.MEMORY_RANGE)]
Storage = Annotated[int, between(quotas.STORAGE_RANGE)]


class Logging(Model):
    """LoggingConfig; levels count with format JSON only."""

    format: Literal["Text", "JSON"] = "Text"
    application_level: Level = "INFO"
    system_level: Literal["DEBUG", "INFO", "WARN"] = "INFO"


class Version(Model):
    """A published version: the function's own settings, less what it says differently."""

    code: str | None = None
    runtime: str | None = None
    handler: str | None = None
    timeout: Timeout | None = None
    memory_size: Memory | None = None
    environment: dict[str, Text] | None = None
    layers: list[str] | None = None
    description: str = ""
    event_invoke: EventInvoke | None = None


def _preset(value: object) -> object:
    return (preset_name(value) or value) if isinstance(value, str) else value


class Shift(Model):
    """Traffic shifting that begins when the gateway starts."""

    to: VersionNumber
    preset: Annotated[
        Literal[
            "Canary10Percent5Minutes",
            "Canary10Percent10Minutes",
            "Canary10Percent15Minutes",
            "Canary10Percent30Minutes",
            "Linear10PercentEvery1Minute",
            "Linear10PercentEvery2Minutes",
            "Linear10PercentEvery3Minutes",
            "Linear10PercentEvery10Minutes",
            "AllAtOnce",
        ],
        BeforeValidator(_preset),
    ] = "AllAtOnce"
    time_scale: Annotated[Number, Field(gt=0, le=1)] = 1
    before_allow_traffic: str | None = None
    after_allow_traffic: str | None = None


class Alias(Model):
    """An alias; `routing` sends a share of invocations to one more version."""

    version: VersionNumber
    routing: dict[VersionNumber, Annotated[Number, Field(ge=0, le=1)]] = {}
    description: str = ""
    shift: Shift | None = None
    event_invoke: EventInvoke | None = None


PermittedAction = Literal["lambda:InvokeFunction", "lambda:InvokeFunctionUrl", "lambda:*"]


class Permission(Model):
    """A statement of the resource policy: who may invoke, for which resource, and how."""

    principal: str
    action: PermittedAction | None = None
    source_arn: str = ""
    source_account: Text = ""
    qualifier: Text = ""
    function_url_auth_type: AuthType | None = None
    invoked_via_function_url: bool = False


class VpcConfig(Model):
    """The VPC of a function."""

    subnet_ids: list[str] = []
    security_group_ids: list[str] = []


class Function(Model):
    """A Lambda function."""

    runtime: str = "python3.13"
    code: str | None = None
    handler: str = "handler.handler"
    description: str = ""
    role: str | None = None
    timeout: Timeout = 3
    memory_size: Memory = 128
    ephemeral_storage: Storage = 512
    environment: dict[str, Text] = {}
    local_environment: dict[str, Text] = {}
    layers: Annotated[list[str], Field(max_length=quotas.MAX_LAYERS)] = []
    logging: Logging = Logging.model_construct()
    reserved_concurrency: Annotated[int, Field(ge=0)] | None = None
    provisioned_concurrency: (
        Annotated[int, Field(ge=1)] | dict[str, Annotated[int, Field(ge=1)]] | None
    ) = None
    versions: dict[VersionNumber, Version] = {}
    aliases: dict[str, Alias] = {}
    permissions: list[Permission] | None = None
    event_invoke: FunctionEventInvoke | None = None
    recursive_loop: Literal["Terminate", "Allow"] = "Terminate"
    url: FunctionUrl | None = None
    tracing: Literal["PassThrough", "Active"] = "PassThrough"
    faults: FunctionFaults | None = None
    endpoint: Annotated[str | None, LATER] = None

    # What makes no difference on this machine; `check --deploy` looks at it.
    architectures: Annotated[
        list[Literal["x86_64", "arm64"]], Field(min_length=1, max_length=1)
    ] = ["x86_64"]
    package_type: Literal["Zip", "Image"] = "Zip"
    image_uri: str | None = None
    vpc_config: VpcConfig | None = None
    kms_key_arn: str | None = None
    runtime_management: Literal["Auto", "FunctionUpdate", "Manual"] = "Auto"
