"""The Query protocol of SQS: forms as the JSON protocol asks, answers and errors as XML."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.messaging.queue_errors import QueueError, no_such_queue
from edgegw.messaging.sqs_query import NAMESPACE, query_answer, query_call, query_error

URL = "http://127.0.0.1:9001/123456789012/jobs"
FORMS: dict[str, tuple[dict[str, str], dict[str, object]]] = {
    "SendMessage": (
        {
            "QueueUrl": URL,
            "MessageBody": "a & b = é",
            "DelaySeconds": "5",
            "MessageAttribute.1.Name": "n",
            "MessageAttribute.1.Value.DataType": "Number",
            "MessageAttribute.1.Value.StringValue": "7",
            "MessageAttribute.2.Name": "raw",
            "MessageAttribute.2.Value.DataType": "Binary",
            "MessageAttribute.2.Value.BinaryValue": "AAE=",
            "MessageSystemAttribute.1.Name": "AWSTraceHeader",
            "MessageSystemAttribute.1.Value.DataType": "String",
            "MessageSystemAttribute.1.Value.StringValue": "Root=1",
        },
        {
            "QueueUrl": URL,
            "MessageBody": "a & b = é",
            "DelaySeconds": "5",
            "MessageAttributes": {
                "n": {"DataType": "Number", "StringValue": "7"},
                "raw": {"DataType": "Binary", "BinaryValue": "AAE="},
            },
            "MessageSystemAttributes": {
                "AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}
            },
        },
    ),
    "SendMessageBatch": (
        {
            "QueueUrl": URL,
            "SendMessageBatchRequestEntry.10.Id": "ten",
            "SendMessageBatchRequestEntry.10.MessageBody": "10",
            "SendMessageBatchRequestEntry.2.Id": "two",
            "SendMessageBatchRequestEntry.2.MessageBody": "2",
            "SendMessageBatchRequestEntry.2.MessageAttribute.1.Name": "n",
            "SendMessageBatchRequestEntry.2.MessageAttribute.1.Value.StringValue": "v",
        },
        {
            "QueueUrl": URL,
            "Entries": [
                {
                    "Id": "two",
                    "MessageBody": "2",
                    "MessageAttributes": {"n": {"StringValue": "v"}},
                },
                {"Id": "ten", "MessageBody": "10"},
            ],
        },
    ),
    "ReceiveMessage": (
        {
            "QueueUrl": URL,
            "AttributeName.1": "SenderId",
            "AttributeName.2": "SentTimestamp",
            "MessageAttributeName.1": "All",
            "MessageSystemAttributeName.1": "All",
        },
        {
            "QueueUrl": URL,
            "AttributeNames": ["SenderId", "SentTimestamp"],
            "MessageAttributeNames": ["All"],
            "MessageSystemAttributeNames": ["All"],
        },
    ),
    "DeleteMessageBatch": (
        {
            "QueueUrl": URL,
            "DeleteMessageBatchRequestEntry.1.Id": "1",
            "DeleteMessageBatchRequestEntry.1.ReceiptHandle": "h",
        },
        {"QueueUrl": URL, "Entries": [{"Id": "1", "ReceiptHandle": "h"}]},
    ),
    "SetQueueAttributes": (
        {"QueueUrl": URL, "Attribute.Name": "VisibilityTimeout", "Attribute.Value": "40"},
        {"QueueUrl": URL, "Attributes": {"VisibilityTimeout": "40"}},
    ),
    "CreateQueue": (
        {
            "QueueName": "f.fifo",
            "Attribute.1.Name": "FifoQueue",
            "Attribute.1.Value": "true",
            "Tag.1.Key": "a",
            "Tag.1.Value": "b",
        },
        {
            "QueueName": "f.fifo",
            "Attributes": {"FifoQueue": "true"},
            "Tags": {"a": "b"},
            "tags": {"a": "b"},
        },
    ),
    "UntagQueue": ({"QueueUrl": URL, "TagKey.1": "a"}, {"QueueUrl": URL, "TagKeys": ["a"]}),
}


@pytest.mark.parametrize("operation", FORMS)
def test_a_form_is_what_the_json_protocol_asks(operation: str) -> None:
    form, members = FORMS[operation]
    body = urlencode({"Action": operation, "Version": "2012-11-05", **form}).encode()
    assert query_call("/", body) == (operation, members)


def test_a_queue_may_be_named_by_the_path() -> None:
    assert query_call("/123456789012/jobs", b"Action=PurgeQueue") == (
        "PurgeQueue",
        {"QueueUrl": "/123456789012/jobs"},
    )


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"a=1&a.b=2",
        b"a.b=2&a=1",
        b"a.b.c.d.e.f.g.h.i=1",
        b"&".join(b"a.%d=x" % number for number in range(2_001)),
    ],
)
def test_what_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(QueueError, match="malformed input"):
        query_call("/", body)


@given(st.lists(st.sampled_from(["Action", "Attribute", "1", "Name", "Tag", "x"])).map(".".join))
def test_any_name_is_read_or_refused(name: str) -> None:
    try:
        query_call("/", urlencode({name: "v", "Attribute.1.Name": "n"}).encode())
    except QueueError:
        return


def tree(content: bytes) -> Any:
    """Elements without their namespace: a name and its text, or its children."""

    def plain(element: ElementTree.Element) -> tuple[str, object]:
        name = element.tag.removeprefix(f"{{{NAMESPACE}}}")
        return name, [plain(child) for child in element] or element.text

    return plain(ElementTree.fromstring(content))


def result_of(operation: str, answer: Any) -> Any:
    name, (result, metadata) = tree(query_answer(operation, answer, "r-1"))
    assert name == f"{operation}Response"
    assert result[0] == f"{operation}Result"
    assert metadata == ("ResponseMetadata", [("RequestId", "r-1")])
    return result[1]


def test_messages_with_their_attributes() -> None:
    message = {
        "MessageId": "m",
        "Body": "<a> & \r\n é",
        "Attributes": {"SenderId": "S"},
        "MessageAttributes": {"n": {"DataType": "Number", "StringValue": "7"}},
    }
    value = [("DataType", "Number"), ("StringValue", "7")]
    assert result_of("ReceiveMessage", {"Messages": [message, {"MessageId": "o"}]}) == [
        (
            "Message",
            [
                ("MessageId", "m"),
                ("Body", "<a> & \r\n é"),
                ("Attribute", [("Name", "SenderId"), ("Value", "S")]),
                ("MessageAttribute", [("Name", "n"), ("Value", value)]),
            ],
        ),
        ("Message", [("MessageId", "o")]),
    ]


@pytest.mark.parametrize(
    ("operation", "answer", "result"),
    [
        ("ReceiveMessage", {}, None),
        ("GetQueueUrl", {"QueueUrl": "u"}, [("QueueUrl", "u")]),
        ("ListQueues", {"QueueUrls": ["u", "v"]}, [("QueueUrl", "u"), ("QueueUrl", "v")]),
        ("ListDeadLetterSourceQueues", {"queueUrls": ["u"]}, [("QueueUrl", "u")]),
        (
            "GetQueueAttributes",
            {"Attributes": {"A": "1"}},
            [("Attribute", [("Name", "A"), ("Value", "1")])],
        ),
        ("ListQueueTags", {"Tags": {"a": "b"}}, [("Tag", [("Key", "a"), ("Value", "b")])]),
        (
            "DeleteMessageBatch",
            {
                "Successful": [{"Id": "1"}],
                "Failed": [{"Id": "2", "SenderFault": True, "Code": "C", "Message": "no"}],
            },
            [
                ("DeleteMessageBatchResultEntry", [("Id", "1")]),
                (
                    "BatchResultErrorEntry",
                    [("Id", "2"), ("SenderFault", "true"), ("Code", "C"), ("Message", "no")],
                ),
            ],
        ),
    ],
)
def test_answers_are_flat(operation: str, answer: Any, result: object) -> None:
    assert result_of(operation, answer) == result


def test_some_operations_have_no_result() -> None:
    assert tree(query_answer("DeleteMessage", {}, "r-1")) == (
        "DeleteMessageResponse",
        [("ResponseMetadata", [("RequestId", "r-1")])],
    )


def test_an_error_has_the_older_code() -> None:
    error = [
        ("Type", "Sender"),
        ("Code", "AWS.SimpleQueueService.NonExistentQueue"),
        ("Message", "The specified queue does not exist."),
        ("Detail", None),
    ]
    assert tree(query_error(no_such_queue(), "r-1")) == (
        "ErrorResponse",
        [("Error", error), ("RequestId", "r-1")],
    )


@given(st.text())
def test_any_text_is_written_as_xml(text: str) -> None:
    tree(query_answer("SendMessage", {"MessageId": text}, "r"))
    tree(query_error(QueueError("OverLimit", text), "r"))
