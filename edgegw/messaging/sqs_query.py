"""The older Query protocol of SQS: forms become what the JSON protocol asks, answers become XML.

Parameters are flat, with numbers in their names: `MessageAttribute.1.Name=n`. What the JSON
protocol calls `MessageAttributes` is a map there and here a list of names and values, with the name
in the singular; entries of batches have the name of their shape.

    Action=SendMessage&MessageBody=x&MessageAttribute.1.Name=n&MessageAttribute.1.Value.StringValue=v
    ─▶ SendMessage {"MessageBody": "x", "MessageAttributes": {"n": {"StringValue": "v"}}}

Boto3 before December 2023, the AWS CLI of that time and other old SDKs speak it.
Source: SQS Developer Guide, "Making Query API requests for Amazon SQS"; the flattened names are
those of the API's service model of then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, cast
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from edgegw.awslambda.payload import Json
from edgegw.messaging.queue_errors import QueueError

NAMESPACE: Final = "http://queue.amazonaws.com/doc/2012-11-05/"
_LISTS: Final = {
    "AttributeName": "AttributeNames",
    "MessageAttributeName": "MessageAttributeNames",
    "MessageSystemAttributeName": "MessageSystemAttributeNames",
    "TagKey": "TagKeys",
}
_MAPS: Final = {
    "Attribute": ("Attributes", "Name", "Value"),
    "MessageAttribute": ("MessageAttributes", "Name", "Value"),
    "MessageSystemAttribute": ("MessageSystemAttributes", "Name", "Value"),
    "Tag": ("Tags", "Key", "Value"),
}
_ENTRY: Final = "BatchRequestEntry"
_DEEPEST: Final = 8
"""Parts of a parameter's name; the longest is `Entry.1.MessageAttribute.1.Value.StringValue`."""
_MOST: Final = 2_000
"""Parameters of a call; ten messages with ten attributes have 500."""
NO_RESULT: Final = frozenset(
    {
        "ChangeMessageVisibility",
        "DeleteMessage",
        "DeleteQueue",
        "PurgeQueue",
        "SetQueueAttributes",
        "TagQueue",
        "UntagQueue",
    }
)
"""Operations whose answer has no result.

Source: SQS API Reference, "Response Elements" of each action.
"""

_NOT_IN_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

QueryMembers = dict[str, object]


# Requests


def query_call(path: str, body: bytes) -> tuple[str, QueryMembers]:
    """The operation of a form, and its members as the JSON protocol has them.

    A queue may be named by the path alone. Raises QueueError where the form cannot be read.
    """
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST)
        tree = _tree(pairs)
    except ValueError as error:
        raise QueueError("InvalidParameterValueException", f"malformed input: {error}") from None
    operation = tree.pop("Action", "")
    tree.pop("Version", None)
    members = _members(tree)
    if path.strip("/"):
        members.setdefault("QueueUrl", path)
    if "Tags" in members:
        members["tags"] = members["Tags"]  # as CreateQueue has it
    return (operation if isinstance(operation, str) else ""), members


def _tree(pairs: list[tuple[str, str]]) -> QueryMembers:
    """Parameters by the parts of their names. Raises ValueError."""
    root: QueryMembers = {}
    for name, text in pairs:
        parts = name.split(".")
        if len(parts) > _DEEPEST:
            raise ValueError(f"{name} has too many parts")
        place = root
        for part in parts[:-1]:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                raise ValueError(f"{name} contradicts another parameter")  # noqa: TRY004
            place = cast("QueryMembers", inner)
        if isinstance(place.get(parts[-1]), dict):
            raise ValueError(f"{name} contradicts another parameter")  # noqa: TRY004
        place[parts[-1]] = text
    return root


def _members(tree: QueryMembers) -> QueryMembers:
    members: QueryMembers = {}
    for name, item in tree.items():
        if not isinstance(item, dict):
            members[name] = item
            continue
        listed = _listed(cast("QueryMembers", item))
        if name in _LISTS:
            members[_LISTS[name]] = listed
        elif name in _MAPS:
            plural, key, content = _MAPS[name]
            pairs = [cast("QueryMembers", each) for each in listed if isinstance(each, dict)]
            members[plural] = {str(pair.get(key, "")): pair.get(content, "") for pair in pairs}
        elif name.endswith(_ENTRY):
            members["Entries"] = [
                _members(cast("QueryMembers", each)) if isinstance(each, dict) else {}
                for each in listed
            ]
        else:
            members[name] = item
    return members


def _listed(item: QueryMembers) -> list[object]:
    """The items of a numbered list, in the order of their numbers; one alone may have none."""
    if all(name.isdecimal() for name in item):
        return [item[name] for name in sorted(item, key=int)]
    return [item]


# Answers


def query_answer(operation: str, answer: Mapping[str, Json], request_id: str) -> bytes:
    """The answer of an operation as XML."""
    result = "".join(_elements(operation, answer))
    wrapped = f"<{operation}Result>{result}</{operation}Result>"
    return (
        f'<?xml version="1.0"?><{operation}Response xmlns="{NAMESPACE}">'
        f"{'' if operation in NO_RESULT else wrapped}"
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        f"</{operation}Response>"
    ).encode()


def query_error(error: QueueError, request_id: str) -> bytes:
    """A refusal as XML.

    Source: SQS Developer Guide, "Interpreting Amazon SQS XML API responses".
    """
    fault = "Sender" if error.status < 500 else "Receiver"
    return (
        f'<?xml version="1.0"?><ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{fault}</Type>'
        f"<Code>{error.code}</Code><Message>{_text(error.text)}</Message><Detail/></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    ).encode()


def _elements(operation: str, members: Mapping[str, Json]) -> Iterator[str]:
    for name, item in members.items():
        singular, key, content = _SINGULAR.get(name, (name, "", ""))
        if name == "Successful" or name == "Results":
            singular = f"{operation}ResultEntry"
        if key and isinstance(item, Mapping):
            for inner, each in item.items():
                pair = f"<{key}>{_text(inner)}</{key}><{content}>{_content(each)}</{content}>"
                yield f"<{singular}>{pair}</{singular}>"
        elif isinstance(item, list):
            for each in item:
                yield f"<{singular}>{_content(each)}</{singular}>"
        else:
            yield f"<{singular}>{_content(item)}</{singular}>"


_SINGULAR: Final = {
    **{plural: (name, key, content) for name, (plural, key, content) in _MAPS.items()},
    "Messages": ("Message", "", ""),
    "QueueUrls": ("QueueUrl", "", ""),
    "queueUrls": ("QueueUrl", "", ""),
    "Failed": ("BatchResultErrorEntry", "", ""),
}


def _content(item: Json) -> str:
    if isinstance(item, Mapping):
        return "".join(_elements("", item))
    return _text(str(item).lower() if isinstance(item, bool) else str(item))


def _text(text: str) -> str:
    """A text in XML; a carriage return would be read as a line feed, some characters not at all."""
    return escape(_NOT_IN_XML.sub("\ufffd", text), {"\r": "&#13;"})
