"""XML of the CloudFront API: what is read, what is refused, what is written."""

from __future__ import annotations

import re
from contextlib import suppress
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.cloudfront.api.errors import API_STATUSES, ApiError, no_such_distribution
from edgegw.cloudfront.api.xml_reader import MAX_DEPTH, MAX_ELEMENTS, read_document
from edgegw.cloudfront.api.xml_writer import NAMESPACE, counted, encode_document, timestamp

LAUGHS = (
    b"""<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;</a>"""
)


def refused(raw: bytes) -> ApiError:
    with pytest.raises(ApiError) as caught:
        read_document(raw)
    return caught.value


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"<a>b</a>", "b"),
        (b"<?xml version='1.0' encoding='UTF-8'?>\n<a>b</a>\n", "b"),
        (b"<!-- c --><a><!-- c -->b<?pi?>c</a>", "bc"),
        (b"<a><![CDATA[<b>]]></a>", "<b>"),
        (b"<a>&lt;&amp;&#228;</a>", "<&ä"),
        ("<a>ä</a>".encode(), "ä"),
        ("\ufeff<a>ä</a>".encode(), "ä"),
        ("<?xml version='1.0' encoding='utf-16'?><a>ä</a>".encode("utf-16"), "ä"),
        ("<?xml version='1.0' encoding='latin-1'?><a>ä</a>".encode("latin-1"), "ä"),
        (f"<a xmlns='{NAMESPACE}' b='c'>b</a>".encode(), "b"),
        (f"<x:a xmlns:x='{NAMESPACE}'>b</x:a>".encode(), "b"),
    ],
)
def test_what_is_read(raw: bytes, text: str) -> None:
    root = read_document(raw)
    assert (root.name, root.text) == ("a", text)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (LAUGHS, "document type"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type"),
        (b'<!DOCTYPE a [<!ENTITY b SYSTEM "http://elsewhere.test/">]><a>&b;</a>', "document type"),
        (b"<!DOCTYPE a><a/>", "document type"),
        (b"<a>&b;</a>", "undefined entity"),
        (b"<a>", "no element found"),
        (b"<a></b>", "mismatched tag"),
        (b"<a/><b/>", "junk"),
        (b"text", "syntax error"),
        (b"{}", "not well-formed"),
        (b"\xff", "not well-formed"),
        (b"<a>\0</a>", "not well-formed"),
        (b"<?xml version='1.0' encoding='no-such'?><a/>", "encoding"),
        (b"<?xml version='1.0' encoding='utf-7'?><a/>", "encoding"),
        (b"<a xmlns='http://elsewhere.test/'/>", "another namespace"),
        (b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1), "nested"),
    ],
    ids=repr,
)
def test_what_is_no_document_of_the_api(raw: bytes, text: str) -> None:
    error = refused(raw)
    assert (error.code, error.status) == ("MalformedXML", 400)
    assert text in error.message


def test_as_many_elements_and_as_deep_as_is_promised() -> None:
    read_document(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH)
    many = MAX_ELEMENTS - 1
    assert len(read_document(b"<a>" + b"<b/>" * many + b"</a>").children) == many
    assert refused(b"<a>" + b"<b/>" * (many + 1) + b"</a>").code == "BatchTooLarge"


@given(st.binary() | st.text(alphabet="<a>/&;! ?[]'\"#x0=-DOCTYPEN").map(str.encode))
def test_nothing_is_more_than_an_error_of_the_api(raw: bytes) -> None:
    with suppress(ApiError):
        read_document(raw)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS)
def test_what_is_written_is_read_again(text: str) -> None:
    written = encode_document("a", text)
    shown = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
    assert read_document(written).text == shown
    assert (ElementTree.fromstring(written).text or "") == shown


def test_the_forms_of_lists_numbers_and_truth() -> None:
    content = [("A", counted("B", ["x", 1, True])), ("C", counted("D", [])), ("E", False)]
    inner = encode_document("R", content).decode().partition(f'<R xmlns="{NAMESPACE}">')[2]
    assert inner == (
        "<A><Quantity>3</Quantity><Items><B>x</B><B>1</B><B>true</B></Items></A>"
        "<C><Quantity>0</Quantity></C><E>false</E></R>"
    )


def test_times_are_iso_8601_in_utc() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00.000Z"
    assert timestamp(1_000_000_000.1236) == "2001-09-09T01:46:40.124Z"


def test_an_error_as_a_document() -> None:
    text = no_such_distribution().document("id-1").decode()
    assert text == (
        f'<?xml version="1.0"?>\n<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type>'
        "<Code>NoSuchDistribution</Code><Message>The specified distribution does not exist."
        "</Message></Error><RequestId>id-1</RequestId></ErrorResponse>"
    )


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("NoSuchDistribution", 404),
        ("NoSuchInvalidation", 404),
        ("InvalidArgument", 400),
        ("InconsistentQuantities", 400),
        ("MissingBody", 400),
        ("MalformedXML", 400),
        ("TooManyInvalidationsInProgress", 400),
        ("BatchTooLarge", 413),
        ("AccessDenied", 403),
    ],
)
def test_the_statuses_are_those_of_aws(code: str, status: int) -> None:
    assert API_STATUSES[code] == ApiError(code, "").status == status
