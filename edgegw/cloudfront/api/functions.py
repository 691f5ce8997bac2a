"""The operations on CloudFront Functions: what they take, what they answer.

Source: CloudFront API Reference, CreateFunction, UpdateFunction, PublishFunction, TestFunction,
DescribeFunction, GetFunction, ListFunctions and DeleteFunction.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from edgegw.awslambda.names import Account
from edgegw.cloudfront.api.errors import (
    ApiError,
    invalid_version,
    missing_member,
    outdated_resource,
)
from edgegw.cloudfront.api.paging import ListPage
from edgegw.cloudfront.api.tagging import tags_in
from edgegw.cloudfront.api.xml_reader import Element, read_document
from edgegw.cloudfront.api.xml_writer import Content, counted, encode_document, timestamp
from edgegw.cloudfront.edge_functions.limits import MAX_CODE
from edgegw.cloudfront.edge_functions.model import EdgeFunction, EdgeRuntime
from edgegw.cloudfront.edge_functions.stages import (
    FUNCTION_NAME,
    STAGES,
    Stage,
    StagedCode,
    StagedFunction,
    status_of,
)
from edgegw.cloudfront.edge_functions.trial import FunctionTrial
from edgegw.values import value

RUNTIMES: Final[tuple[EdgeRuntime, ...]] = ("cloudfront-js-1.0", "cloudfront-js-2.0")
"""The runtimes that a function may have.

Source: CloudFront API Reference, FunctionConfig.
"""
_MAX_STORES: Final = 1
"""Key value stores of a function.

Source: CloudFront Developer Guide, "Quotas", quotas on key value stores.
"""


@value
class FunctionNames:
    """How the API names functions and stores: by ARNs, of an account.

    `store_arn` answers the ARN of the store of a name, `store_name` the name for an ARN, None where
    there is no such store; `is_associated` whether a behavior has the function of a name.
    """

    account: Account
    store_arn: Callable[[str], str]
    store_name: Callable[[str], str | None]
    is_associated: Callable[[str], bool]


def function_arn(account: Account, name: str) -> str:
    """The ARN of a CloudFront Function.

    Source: CloudFront API Reference, FunctionAssociation.
    """
    return f"arn:aws:cloudfront::{account.account_id}:function/{name}"


# What is asked


def decode_create(raw: bytes, names: FunctionNames) -> tuple[EdgeFunction, dict[str, str]]:
    """The function that a body of CreateFunction describes, and its tags. Raises ApiError.

    Source: CloudFront API Reference, CreateFunction.
    """
    members = _document(raw, "CreateFunctionRequest").members(
        "Name", "FunctionConfig", "FunctionCode", "Tags"
    )
    name = _text(members, "Name", "name")
    if not FUNCTION_NAME.fullmatch(name):
        _refuse("name", name, f"regular expression pattern: {_PATTERN}")
    return _function(name, members, names), tags_in(members.get("Tags"))


def decode_update(raw: bytes, name: str, names: FunctionNames) -> EdgeFunction:
    """The function as a body of UpdateFunction makes it: code and configuration, both whole.

    Source: CloudFront API Reference, UpdateFunction.
    """
    members = _document(raw, "UpdateFunctionRequest").members("FunctionConfig", "FunctionCode")
    return _function(name, members, names)


def decode_test(raw: bytes) -> tuple[Stage, bytes]:
    """Stage and event of a body of TestFunction. Raises ApiError.

    Source: CloudFront API Reference, TestFunction.
    """
    members = _document(raw, "TestFunctionRequest").members("Stage", "EventObject")
    stage = members["Stage"].text if "Stage" in members else "DEVELOPMENT"
    return stage_of(stage), _blob(members, "EventObject", "eventObject")


def stage_of(text: str) -> Stage:
    """The stage that a request names. Raises ApiError."""
    if text not in STAGES:
        _refuse("stage", text, f"enum value set: [{', '.join(STAGES)}]")
    return text


_PATTERN: Final = "[a-zA-Z0-9-_]{1,64}"


def _refuse(member: str, given: str, constraint: str) -> NoReturn:
    """Refuses what breaks a constraint of the service model, in the model's words."""
    text = f"1 validation error detected: Value '{given[:80]}' at '{member}' failed to satisfy "
    raise ApiError("InvalidArgument", f"{text}constraint: Member must satisfy {constraint}")


def _document(raw: bytes, root: str) -> Element:
    element = read_document(raw) if raw else None
    if element is None or element.name != root:
        raise missing_member(root[0].lower() + root[1:])
    return element


def _text(members: Mapping[str, Element], name: str, path: str) -> str:
    if name not in members:
        raise missing_member(path)
    return members[name].text


def _blob(members: Mapping[str, Element], name: str, path: str) -> bytes:
    text = re.sub(r"\s", "", _text(members, name, path))
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ApiError("MalformedInput", f"{name} is not base64.") from None


def _function(name: str, members: Mapping[str, Element], names: FunctionNames) -> EdgeFunction:
    if "FunctionConfig" not in members:
        raise missing_member("functionConfig")
    config = members["FunctionConfig"].members("Comment", "Runtime", "KeyValueStoreAssociations")
    comment = _text(config, "Comment", "functionConfig.comment")
    runtime = _text(config, "Runtime", "functionConfig.runtime")
    known: EdgeRuntime | None = next((known for known in RUNTIMES if known == runtime), None)
    if known is None:
        _refuse("functionConfig.runtime", runtime, f"enum value set: [{', '.join(RUNTIMES)}]")
    store = _store(config, names)
    if store and known == "cloudfront-js-1.0":
        raise ApiError("InvalidArgument", "A key value store needs the runtime cloudfront-js-2.0.")
    code = _code(_blob(members, "FunctionCode", "functionCode"))
    return EdgeFunction(name, known, code, store, comment)


def _code(raw: bytes) -> str:
    """The text of the code. It may be anything that is text: it fails when it runs.

    Source: CloudFront API Reference, CreateFunction; Developer Guide, "Quotas".
    """
    if not raw:
        raise missing_member("functionCode")
    if len(raw) > MAX_CODE:
        text = f"The function is too large: {len(raw)} bytes, at most {MAX_CODE}."
        raise ApiError("FunctionSizeLimitExceeded", text)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ApiError("InvalidArgument", "The function code is not UTF-8.") from None


def _store(config: Mapping[str, Element], names: FunctionNames) -> str:
    """The name of the associated store; empty without one. Raises ApiError."""
    if "KeyValueStoreAssociations" not in config:
        return ""
    associations = config["KeyValueStoreAssociations"].members("Quantity", "Items")
    items = associations["Items"].children if "Items" in associations else []
    arns = [_text(item.members(_ARN), _ARN, "keyValueStoreARN") for item in items]
    if len(arns) > _MAX_STORES:
        raise ApiError("InvalidArgument", "A function has at most one key value store.")
    if not arns:
        return ""
    name = names.store_name(arns[0])
    if name is None:
        raise ApiError("InvalidArgument", f"There is no key value store {arns[0][:100]}.")
    return name


_ARN: Final = "KeyValueStoreARN"


# What is answered


def encode_summary(function: StagedFunction, one: StagedCode, names: FunctionNames) -> bytes:
    """`FunctionSummary` of one stage."""
    return encode_document("FunctionSummary", _summary(function, one, names))


def encode_list(page: ListPage[tuple[StagedFunction, StagedCode]], names: FunctionNames) -> bytes:
    """`FunctionList`."""
    summaries: list[Content] = [_summary(*item, names) for item in page.items]
    following = [("NextMarker", page.next_marker)] if page.next_marker else []
    content: Content = [
        *following,
        ("MaxItems", page.max_items),
        *counted("FunctionSummary", summaries),
    ]
    return encode_document("FunctionList", content)


def encode_trial(
    function: StagedFunction, one: StagedCode, trial: FunctionTrial, names: FunctionNames
) -> bytes:
    """`TestResult`."""
    logs: Content = [("member", line) for line in trial.logs]
    content: Content = [
        ("FunctionSummary", _summary(function, one, names)),
        ("ComputeUtilization", str(trial.utilization)),
        ("FunctionExecutionLogs", logs),
        ("FunctionErrorMessage", trial.error),
        ("FunctionOutput", trial.output),
    ]
    return encode_document("TestResult", content)


def _summary(function: StagedFunction, one: StagedCode, names: FunctionNames) -> Content:
    is_associated = names.is_associated(function.name)
    return [
        ("Name", function.name),
        ("Status", status_of(function, is_associated=is_associated)),
        ("FunctionConfig", _config(one.function, names)),
        (
            "FunctionMetadata",
            [
                ("FunctionARN", function_arn(names.account, function.name)),
                ("Stage", one.stage),
                ("CreatedTime", timestamp(function.created)),
                ("LastModifiedTime", timestamp(one.modified)),
            ],
        ),
    ]


def trial_record(
    function: StagedFunction, one: StagedCode, trial: FunctionTrial, names: FunctionNames
) -> dict[str, Any]:
    """`TestResult` as the AWS CLI prints it."""
    store = one.function.key_value_store
    stores = [{_ARN: names.store_arn(store)}] if store else []
    associations: dict[str, Any] = {"Quantity": len(stores)}
    summary = {
        "Name": function.name,
        "Status": status_of(function, is_associated=names.is_associated(function.name)),
        "FunctionConfig": {
            "Comment": one.function.comment,
            "Runtime": one.function.runtime,
            "KeyValueStoreAssociations": associations | ({"Items": stores} if stores else {}),
        },
        "FunctionMetadata": {
            "FunctionARN": function_arn(names.account, function.name),
            "Stage": one.stage,
            "CreatedTime": timestamp(function.created),
            "LastModifiedTime": timestamp(one.modified),
        },
    }
    return {
        "FunctionSummary": summary,
        "ComputeUtilization": str(trial.utilization),
        "FunctionExecutionLogs": list(trial.logs),
        "FunctionErrorMessage": trial.error,
        "FunctionOutput": trial.output,
    }


def _config(function: EdgeFunction, names: FunctionNames) -> Content:
    store = function.key_value_store
    stores: list[Content] = [[(_ARN, names.store_arn(store))]] if store else []
    return [
        ("Comment", function.comment),
        ("Runtime", function.runtime),
        ("KeyValueStoreAssociations", counted("KeyValueStoreAssociation", stores)),
    ]


# What is refused


def function_exists() -> ApiError:
    """A function has this name already.

    Source: CloudFront API Reference, CreateFunction, "Errors".
    """
    text = "A function with the same name already exists in this Amazon Web Services account."
    return ApiError("FunctionAlreadyExists", f"{text} Use UpdateFunction to change it.")


def no_such_function() -> ApiError:
    """No function has this name, or none at this stage.

    Source: CloudFront API Reference, DescribeFunction, "Errors".
    """
    return ApiError("NoSuchFunctionExists", "The specified function does not exist.")


def function_in_use() -> ApiError:
    """A behavior has the function.

    Source: CloudFront API Reference, DeleteFunction, "Errors".
    """
    text = "Cannot delete the function, it is attached to one or more cache behaviors."
    return ApiError("FunctionInUse", text)


def too_many_functions(most: int) -> ApiError:
    """The account has as many functions as it may have.

    Source: CloudFront API Reference, CreateFunction, "Errors".
    """
    return ApiError("TooManyFunctions", f"An account has at most {most} CloudFront functions.")


def check_version(given: str | None, etag: str) -> None:
    """Whether `If-Match` names the present state. Raises ApiError.

    Source: CloudFront API Reference, UpdateFunction, "Errors"; texts observed.
    """
    if not given or not _ETAG.fullmatch(given):
        raise invalid_version()
    if given != etag:
        raise outdated_resource()


_ETAG: Final = re.compile(r"E[0-9A-Z]{5,20}")
