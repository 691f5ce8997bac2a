"""Tags of resources: which ARNs, which tags, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edgegw.awslambda.names import Account
from edgegw.cloudfront.api.errors import ApiError
from edgegw.cloudfront.api.tagging import (
    MAX_RESOURCE_TAGS,
    MAX_TAG_KEY,
    MAX_TAG_VALUE,
    check_number,
    decode_tag_keys,
    decode_tags,
    encode_tags,
    resource_in,
)
from edgegw.cloudfront.api.xml_reader import read_document

ARN = "arn:aws:cloudfront::123456789012:"


def tag(key: str, text: str | None = "") -> str:
    return f"<Tag><Key>{key}</Key>{'' if text is None else f'<Value>{text}</Value>'}</Tag>"


def tags(*items: str) -> bytes:
    return f"<Tags><Items>{''.join(items)}</Items></Tags>".encode()


def keys(*names: str) -> bytes:
    items = "".join(f"<Key>{name}</Key>" for name in names)
    return f"<TagKeys><Items>{items}</Items></TagKeys>".encode()


def refused(decode: Callable[[bytes], object], raw: bytes) -> tuple[str, str]:
    with pytest.raises(ApiError) as caught:
        decode(raw)
    return caught.value.code, caught.value.message


def test_the_limits_are_those_of_the_page() -> None:
    assert (MAX_RESOURCE_TAGS, MAX_TAG_KEY, MAX_TAG_VALUE) == (50, 128, 256)


@pytest.mark.parametrize(
    ("arn", "kind", "name"),
    [
        ("distribution/E1", "distribution", "E1"),
        ("function/a-b_C", "function", "a-b_C"),
        ("key-value-store/1-2", "key-value-store", "1-2"),
    ],
)
def test_resources_that_have_tags(arn: str, kind: str, name: str) -> None:
    resource = resource_in(ARN + arn, Account())
    assert (resource.kind, resource.name) == (kind, name)


@pytest.mark.parametrize(
    ("arn", "code", "words"),
    [
        ("made", "InvalidArgument", "Invalid ARN: made"),
        ("arn:aws:s3:::bucket", "InvalidArgument", "Invalid ARN"),
        ("arn:aws-cn:cloudfront::123456789012:function/a", "InvalidArgument", "Invalid ARN"),
        ("arn:aws:cloudfront:global:123456789012:function/a", "InvalidArgument", "Invalid region (received: global, expected empty)"),
        ("arn:aws:cloudfront::210987654321:function/a", "AccessDenied", ""),
        (f"{ARN}function/", "NoSuchResource", ""),
        (f"{ARN}function", "NoSuchResource", ""),
        (f"{ARN}trust-store/1", "NoSuchResource", ""),
    ],
)  # fmt: skip
def test_arns_that_name_nothing(arn: str, code: str, words: str) -> None:
    with pytest.raises(ApiError) as caught:
        resource_in(arn, Account())
    assert caught.value.code == code
    assert words in caught.value.message


def test_tags_in_and_out() -> None:
    given = tags(tag("a", "1"), tag("Größe / 大", "ä:b=c@d+e-f_g"), tag("empty"), tag("none", None))
    decoded = decode_tags(given)
    assert decoded == {"a": "1", "Größe / 大": "ä:b=c@d+e-f_g", "empty": "", "none": ""}
    assert decode_tags(encode_tags(decoded)) == decoded
    for nothing in (b"<Tags/>", tags()):
        assert decode_tags(nothing) == {}
    items = read_document(encode_tags({})).members("Items")["Items"]
    assert items.children == [], "the list is there, as SDKs answer with an empty one"
    assert decode_tag_keys(keys("a", "b")) == ["a", "b"]
    assert decode_tag_keys(b"<TagKeys/>") == []


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (tags(tag("")), "at least one character"),
        (tags(tag("k" * 129)), "key has at most 128"),
        (tags(tag("k", "v" * 257)), "value has at most 256"),
        (tags(tag("a#b")), "key has no character '#'"),
        (tags(tag("a", "b\tc")), "value has no character"),
        (tags(tag("aws:a")), "reserved"),
        (tags(tag("AWS:a")), "reserved"),
        (tags(tag("a", "1"), tag("a", "2")), "stands twice"),
        (tags(*(tag(f"k{at}") for at in range(51))), "at most 50 tags"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_tags_that_may_not_be(raw: bytes, words: str) -> None:
    code, message = refused(decode_tags, raw)
    assert code == "InvalidTagging"
    assert words in message


def test_what_just_fits() -> None:
    assert len(decode_tags(tags(tag("k" * 128, "v" * 256), *(tag(f"k{at}") for at in range(49))))) == 50  # fmt: skip
    check_number(["a"] * 51)


@pytest.mark.parametrize(
    ("decode", "raw", "code"),
    [
        (decode_tags, b"", "MalformedXML"),
        (decode_tags, b"<TagKeys/>", "MalformedXML"),
        (decode_tags, tags("<Tag><Value>1</Value></Tag>"), "MalformedXML"),
        (decode_tags, tags("<Key>a</Key>"), "MalformedInput"),
        (decode_tags, tags("<Tag><Key>a</Key><Other/></Tag>"), "MalformedInput"),
        (decode_tag_keys, b"<Tags/>", "MalformedXML"),
        (decode_tag_keys, keys("aws:a"), "InvalidTagging"),
    ],
)
def test_bodies_that_are_none(decode: Callable[[bytes], object], raw: bytes, code: str) -> None:
    assert refused(decode, raw)[0] == code
