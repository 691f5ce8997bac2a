"""What a queue takes, and in which words it refuses the rest."""

from __future__ import annotations

import pytest

from edgegw.messaging.message_attributes import MAX_ATTRIBUTES
from edgegw.messaging.queue import MessageAttribute, QueueSettings, SendMessage
from edgegw.messaging.queue_errors import QUERY_CODES, QueueError
from edgegw.messaging.quotas import MAX_MESSAGE, RANGES
from edgegw.messaging.sending import (
    DEDUPLICATION_INTERVAL,
    MAX_DELAY,
    check_batch,
    check_message,
    deduplication_id,
    deduplication_scope,
    delay_of,
    message_size,
)

STANDARD = QueueSettings(name="q")
SMALL = QueueSettings(name="q", max_message_size=1024)
FIFO = QueueSettings(name="q.fifo")
BY_CONTENT = QueueSettings(name="q.fifo", content_based_deduplication=True)
TEXT = MessageAttribute("String", "x")


def refusal(message: SendMessage, queue: QueueSettings, *, in_batch: bool = False) -> str:
    with pytest.raises(QueueError) as caught:
        check_message(message, queue, in_batch=in_batch)
    return f"{caught.value.code}: {caught.value.text}"


def test_the_numbers_are_those_of_aws() -> None:
    assert MAX_MESSAGE == 1_048_576
    assert DEDUPLICATION_INTERVAL == 300
    assert MAX_DELAY == 900
    assert MAX_ATTRIBUTES == 10
    assert RANGES == {
        "VisibilityTimeout": (0, 43_200),
        "DelaySeconds": (0, 900),
        "MessageRetentionPeriod": (60, 1_209_600),
        "ReceiveMessageWaitTimeSeconds": (0, 20),
        "MaximumMessageSize": (1024, 1_048_576),
    }


INVALID = "InvalidParameterValue: "
ONLY = " can only include alphanumeric and punctuation characters. 1 to 128 in length."


@pytest.mark.parametrize(
    ("message", "queue", "text"),
    [
        (
            SendMessage(""),
            STANDARD,
            "MissingParameter: The request must contain the parameter MessageBody.",
        ),
        (
            SendMessage("x" * 1025),
            SMALL,
            f"{INVALID}One or more parameters are invalid. Reason: Message must be shorter than "
            "1024 bytes.",
        ),
        (
            SendMessage("x" * 1017, {"abc": MessageAttribute("String", "x")}),
            SMALL,
            f"{INVALID}One or more parameters are invalid. Reason: Message must be shorter than "
            "1024 bytes.",
        ),
        (
            SendMessage("x", deduplication_id="d"),
            STANDARD,
            f"{INVALID}Value d for parameter MessageDeduplicationId is invalid. Reason: The "
            "request includes a parameter that is not valid for this queue type.",
        ),
        (
            SendMessage("x", group_id="group 123"),
            STANDARD,
            f"{INVALID}Value group 123 for parameter MessageGroupId is invalid. Reason: "
            f"MessageGroupId{ONLY}",
        ),
        (
            SendMessage("x", group_id=""),
            STANDARD,
            f"{INVALID}Value  for parameter MessageGroupId is invalid. Reason: "
            f"MessageGroupId{ONLY}",
        ),
        (
            SendMessage("x", group_id="g", deduplication_id="d" * 129),
            FIFO,
            f"{INVALID}Value {'d' * 129} for parameter MessageDeduplicationId is invalid. "
            f"Reason: MessageDeduplicationId{ONLY}",
        ),
        (
            SendMessage("x", deduplication_id="d"),
            FIFO,
            "MissingParameter: The request must contain the parameter MessageGroupId.",
        ),
        (
            SendMessage("x", group_id="g"),
            FIFO,
            f"{INVALID}The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly",
        ),
        (
            SendMessage("x", group_id="g", deduplication_id="d", delay=2),
            FIFO,
            f"{INVALID}Value 2 for parameter DelaySeconds is invalid. Reason: The request include "
            "parameter that is not valid for this queue type.",
        ),
        (
            SendMessage("x", delay=901),
            STANDARD,
            f"{INVALID}Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must "
            "be >= 0 and <= 900.",
        ),
        (
            SendMessage("x", {"ErrorDetails": MessageAttribute("String", "")}),
            STANDARD,
            f"{INVALID}Message (user) attribute 'ErrorDetails' must contain a non-empty value of "
            "type 'String'.",
        ),
    ],
)
def test_refusals_have_awss_words(message: SendMessage, queue: QueueSettings, text: str) -> None:
    assert refusal(message, queue) == text


@pytest.mark.parametrize("char", ["\0", "\x08", "\x13", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_characters_outside_of_xmls_are_refused(char: str) -> None:
    assert refusal(SendMessage(f"a{char}b"), STANDARD).startswith("InvalidMessageContents: ")
    content = {"name": MessageAttribute("String", f"a{char}b")}
    assert refusal(SendMessage("x", content), STANDARD).startswith(INVALID)


@pytest.mark.parametrize(
    "char", ["\t", "\n", "\r", " ", "\ud7ff", "\ue000", "\ufffd", "\U0010ffff"]
)
def test_every_other_character_is_taken(char: str) -> None:
    check_message(SendMessage(char), STANDARD)


@pytest.mark.parametrize(
    "name",
    ["aWs.x", "AMAZON.x", ".x", "x.", "a!b", 'a"b', "a§b", "a(b", "a?b", "a b", "", "L" * 257],
)
def test_names_that_an_attribute_cannot_have(name: str) -> None:
    assert refusal(SendMessage("x", {name: TEXT}), STANDARD).startswith(INVALID)


@pytest.mark.parametrize("name", ["attr.1øßä", "a-b_c.d", "L" * 256])
def test_names_that_an_attribute_can_have(name: str) -> None:
    check_message(SendMessage("x", {name: TEXT}), STANDARD)


@pytest.mark.parametrize(
    ("attribute", "is_taken"),
    [
        (MessageAttribute("Number", "1.5e3"), True),
        (MessageAttribute("Number.float", "-7"), True),
        (MessageAttribute("Number", "seven"), False),
        (MessageAttribute("Thing", "x"), False),
        (MessageAttribute("", "x"), False),
        (MessageAttribute("Binary", b"\0"), True),
        (MessageAttribute("Binary", b""), False),
        (MessageAttribute("String." + "x" * 250, "x"), False),
    ],
)
def test_types_and_contents_of_attributes(attribute: MessageAttribute, is_taken: bool) -> None:
    message = SendMessage("x", {"a": attribute})
    if is_taken:
        check_message(message, STANDARD)
    else:
        assert refusal(message, STANDARD).startswith(INVALID)


def test_a_message_has_ten_attributes() -> None:
    check_message(SendMessage("x", {f"a{n}": TEXT for n in range(10)}), STANDARD)
    more = SendMessage("x", {f"a{n}": TEXT for n in range(11)})
    assert "Number of message attributes [11]" in refusal(more, STANDARD)


def test_the_size_counts_names_types_and_bytes() -> None:
    message = SendMessage("é", {"ab": MessageAttribute("String", "ü"), "c": TEXT})
    assert message_size(message) == 2 + (2 + 6 + 2) + (1 + 6 + 1)
    largest = SendMessage("x" * (MAX_MESSAGE - 8), {"c": TEXT})
    check_message(largest, STANDARD)


def test_a_batch_is_refused_when_all_of_it_is_too_long() -> None:
    half = SendMessage("x" * (MAX_MESSAGE // 2))
    check_batch([half, half], STANDARD)
    with pytest.raises(QueueError) as caught:
        check_batch([half, half, SendMessage("x")], STANDARD)
    assert caught.value.code == "AWS.SimpleQueueService.BatchRequestTooLong"
    assert caught.value.text == (
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."
    )


def test_a_long_entry_of_a_batch_fails_alone_in_other_words() -> None:
    check_batch([SendMessage("x" * 1025)], SMALL)
    text = refusal(SendMessage("x" * 1025), SMALL, in_batch=True)
    assert "One or more parameters cannot be validated. Reason:" in text


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (SendMessage("x", deduplication_id="d"), "must contain the parameter MessageGroupId."),
        (SendMessage("x", group_id="g"), "MessageDeduplicationId provided explicitly"),
    ],
)
def test_a_fifo_batch_fails_as_a_whole_where_order_is_not_known(
    message: SendMessage, text: str
) -> None:
    with pytest.raises(QueueError, match=text) as caught:
        check_batch([SendMessage("x", group_id="g", deduplication_id="d"), message], FIFO)
    assert caught.value.code == "InvalidParameterValue"


def test_what_makes_a_message_the_same_again() -> None:
    message = SendMessage("same", group_id="g")
    own = SendMessage("same", group_id="g", deduplication_id="d")
    sha256 = "0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5"
    assert deduplication_id(message, BY_CONTENT) == sha256
    assert deduplication_id(own, BY_CONTENT) == "d"
    assert deduplication_id(SendMessage("same"), STANDARD) is None
    assert deduplication_scope(own, FIFO) == ""
    per_group = QueueSettings(name="q.fifo", deduplicates_per_group=True)
    assert deduplication_scope(own, per_group) == "g"


def test_a_fifo_queue_has_one_delay_for_all() -> None:
    slow = QueueSettings(name="q", delay=5)
    slow_fifo = QueueSettings(name="q.fifo", delay=5)
    assert delay_of(SendMessage("x"), slow) == 5
    assert delay_of(SendMessage("x", delay=0), slow) == 0
    assert delay_of(SendMessage("x", delay=0), slow_fifo) == 5


def test_every_error_has_an_older_code() -> None:
    assert all(QueueError(shape, "").code for shape in QUERY_CODES)
