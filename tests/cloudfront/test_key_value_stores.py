"""What may be in a key value store, what its API takes, and what becomes of a change."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.cloudfront.api.errors import ApiError
from edgegw.cloudfront.api.key_value_stores import (
    AskedStore,
    decode_new_store,
    decode_store_comment,
)
from edgegw.cloudfront.edge_functions.key_values import import_file_of, pairs_of
from edgegw.cloudfront.key_value_stores.data_api import (
    StorePath,
    decode_key_put,
    decode_key_update,
    decode_path,
    listed,
)
from edgegw.cloudfront.key_value_stores.state import (
    PairChange,
    StoreState,
    WriteStamp,
    changed,
    new_etag,
    size_of_pairs,
    store_in_arn,
)
from edgegw.cloudfront.key_value_stores.store_refusals import STORE_STATUSES, StoreRefusal

QUOTA, INVALID = "ServiceQuotaExceededException", "ValidationException"
CONFLICT, MISSING = "ConflictException", "ResourceNotFoundException"
LATER = WriteStamp(2.0, "KV2")
MB = 1024 * 1024


def store(pairs: dict[str, str] | None = None) -> StoreState:
    pairs = pairs or {}
    return StoreState(
        name="flags",
        id="1",
        etag="KV1",
        resource_etag="E1",
        created=1.0,
        modified=1.0,
        described=1.0,
        pairs=pairs,
        size=size_of_pairs(pairs),
    )


def refused(call: Any, *given: Any) -> str:
    """The code of the refusal; empty where the call is taken."""
    try:
        call(*given)
    except StoreRefusal as refusal:
        return refusal.code if refusal.message and STORE_STATUSES[refusal.code] else "unknown"
    return ""


# Limits

FULL = {f"{at:08}": "v" * 1016 for at in range(5 * MB // 1024 - 1)}  # 1,024 bytes are free


@pytest.mark.parametrize(
    ("pairs", "puts", "code"),
    [
        pytest.param({}, {"k" * 512: "v"}, "", id="a key of 512 bytes"),
        pytest.param({}, {"k" * 513: "v"}, QUOTA, id="a key of 513 bytes"),
        pytest.param({}, {"é" * 256: "v"}, "", id="bytes of a key, not characters"),
        pytest.param({}, {"é" * 257: "v"}, QUOTA, id="257 characters of two bytes"),
        pytest.param({}, {"": "v"}, INVALID, id="no key"),
        pytest.param({}, {"\ud800": "v"}, INVALID, id="half a surrogate pair in a key"),
        pytest.param({}, {"k": "\udc00"}, INVALID, id="half a surrogate pair in a value"),
        pytest.param({}, {" /\0\n#?%2F😀": ""}, "", id="any other character, and no value"),
        pytest.param({}, {"k": "v" * 1024}, "", id="a value of 1 KB"),
        pytest.param({}, {"k": "v" * 1025}, QUOTA, id="a value beyond 1 KB"),
        pytest.param({}, {"k": "é" * 513}, QUOTA, id="bytes of a value, not characters"),
        pytest.param(FULL, {"k": "v" * 1023}, "", id="a store of 5 MB"),
        pytest.param(FULL, {"k": "v" * 1024}, QUOTA, id="a store beyond 5 MB"),
        pytest.param(FULL, {"00000000": "v" * 1024}, "", id="what is replaced makes room"),
    ],
)
def test_what_a_pair_and_a_store_may_be(
    pairs: dict[str, str], puts: dict[str, str], code: str
) -> None:
    assert refused(changed, store(pairs), PairChange(puts), None, LATER) == code


def items(count: int, value: str = "v") -> list[dict[str, str]]:
    return [{"Key": f"k{at}", "Value": value} for at in range(count)]


KEYS = [{"Key": f"d{at}"} for at in range(50)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param({"Puts": items(50)}, "", id="50 keys"),
        pytest.param({"Puts": items(51)}, QUOTA, id="51 keys"),
        pytest.param({"Puts": items(1), "Deletes": KEYS}, QUOTA, id="both count"),
        pytest.param({"Deletes": KEYS}, "", id="50 deletes"),
        pytest.param({"Puts": [{"Key": "k", "Value": "v" * (3 * MB - 1)}]}, "", id="3 MB"),
        pytest.param({"Puts": [{"Key": "k", "Value": "v" * 3 * MB}]}, QUOTA, id="beyond 3 MB"),
        pytest.param({}, INVALID, id="nothing"),
        pytest.param({"Puts": [], "Deletes": None}, INVALID, id="empty lists"),
        pytest.param({"Puts": items(1), "Deletes": [{"Key": "k0"}]}, INVALID, id="both at once"),
        pytest.param({"Puts": items(1) * 2}, INVALID, id="a key twice"),
        pytest.param({"Puts": [{"Key": "k"}]}, INVALID, id="no value"),
        pytest.param({"Puts": [{"Key": "k", "Value": 1}]}, INVALID, id="a number"),
        pytest.param({"Puts": ["k"]}, INVALID, id="no structure"),
        pytest.param({"Puts": {"k": "v"}}, INVALID, id="no list"),
        pytest.param({"Deletes": [{}]}, INVALID, id="a delete without a key"),
    ],
)
def test_what_one_update_may_be(body: Any, code: str) -> None:
    assert refused(decode_key_update, json.dumps(body).encode()) == code


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"{", b'{"Value": 1}', b"\xff", b"null"])
def test_a_put_without_a_value(raw: bytes) -> None:
    assert refused(decode_key_put, raw) == INVALID


def test_a_quota_is_told_in_the_words_of_aws() -> None:
    with pytest.raises(StoreRefusal) as caught:
        changed(store(), PairChange({"k": "v" * 1025}), None, LATER)
    text = "Limit exceeded: Maximum size of the value in a key value pair"
    assert (caught.value.message, caught.value.status) == (text, 402)


def test_sizes_are_bytes_of_utf_8() -> None:
    after = changed(store({"é": "é"}), PairChange({"a": "😀"}, ["é"]), None, LATER)
    assert (store({"é": "é"}).size, after.size) == (4, 5)


# The import file


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON"),
        ("[]", "an import file is"),
        ('{"data": {}}', "an import file is"),
        ('{"data": [1]}', "data[0]"),
        ('{"data": [{"key": "k", "value": 1}]}', "strings"),
        ('{"data": [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}]}', "twice"),
        ('{"data": [{"key": "", "value": "1"}]}', "1 to 512 bytes"),
        (json.dumps({"data": [{"key": "k" * 513, "value": ""}]}), "1 to 512 bytes"),
        (json.dumps({"data": [{"key": "k", "value": "v" * 1025}]}), "at most 1024 bytes"),
        ('{"data": [{"key": "' + "é" * 257 + '", "value": ""}]}', "1 to 512 bytes"),
        ('{"data": [{"key": "k", "value": "' + "é" * 513 + '"}]}', "at most 1024 bytes"),
        ('{"data": [{"key": "\\ud800", "value": ""}]}', "surrogate"),
        ('{"data": []}' + " " * 5 * MB, "more than 5242880 bytes"),
        ('{"data": [], "x": "' + "é" * (5 * MB // 2) + '"}', "more than 5242880 bytes"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_what_is_no_import_file(text: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        pairs_of(text)
    assert said in str(caught.value)


def test_an_export_can_be_imported() -> None:
    pairs = {"b": '{"a": 1}', "a": "", "\0 é😀": "line\nline"}
    assert pairs_of(import_file_of(pairs)) == pairs


# Changes


def test_a_write_makes_another_state() -> None:
    before = store({"a": "1", "b": "2"})
    after = changed(before, PairChange({"a": "10", "c": "3"}, ["b"]), "KV1", LATER)
    assert (after.pairs, after.size) == ({"a": "10", "c": "3"}, 5)
    assert (after.etag, after.modified, after.created, after.is_edited) == ("KV2", 2.0, 1.0, True)
    assert before.pairs == {"a": "1", "b": "2"}, "whoever reads has the state that they began with"
    assert after.meta().to_dict() == {
        "creationDateTime": "1970-01-01T00:00:01.000Z",
        "lastUpdatedDateTime": "1970-01-01T00:00:02.000Z",
        "keyCount": 2,
    }


@pytest.mark.parametrize(
    ("change", "if_match", "code"),
    [
        (PairChange({"a": "1"}), "KV0", CONFLICT),
        (PairChange({"": "1"}), "KV0", CONFLICT),
        (PairChange(deletes=["no"], must_exist=True), "KV1", MISSING),
        (PairChange(deletes=["no"]), "KV1", ""),
    ],
)
def test_what_refuses_a_change(change: PairChange, if_match: str, code: str) -> None:
    assert refused(changed, store(), change, if_match, LATER) == code


def test_etags() -> None:
    assert re.fullmatch("KV[0-9A-Z]{13}", new_etag("KV", lambda size: b"\xff" * size))
    assert re.fullmatch("E[0-9A-Z]{13}", new_etag("E", lambda size: b"\0" * size))


# Paths

ARN = "arn:aws:cloudfront::123456789012:key-value-store/1-2"
QUOTED = "arn%3Aaws%3Acloudfront%3A%3A123456789012%3Akey-value-store%2F1-2"


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (QUOTED, StorePath(ARN)),
        (f"{QUOTED}/keys", StorePath(ARN, is_keys=True)),
        (f"{QUOTED}/keys/a", StorePath(ARN, is_keys=True, key="a")),
        (f"{QUOTED}/keys/a%2Fb%20%C3%A9%2520", StorePath(ARN, is_keys=True, key="a/b é%20")),
        (f"{QUOTED}/keys/", StorePath(ARN, is_keys=True, key="")),
        (ARN, StorePath(ARN)),
        (f"{ARN}/keys/a/b", StorePath(ARN, is_keys=True, key="a/b")),
        (f"{ARN}/keys/keys", StorePath(ARN, is_keys=True, key="keys")),
        ("", None),
        (f"{QUOTED}/other", None),
        (f"{QUOTED}/other/a", None),
    ],
)
def test_what_a_path_names(raw: str, path: StorePath | None) -> None:
    assert decode_path(b"/key-value-stores/" + raw.encode()) == path


def test_a_key_that_is_no_utf_8() -> None:
    assert refused(decode_path, f"/key-value-stores/{QUOTED}/keys/%FF".encode()) == INVALID


@pytest.mark.parametrize(
    ("arn", "identity"),
    [(ARN, "1-2"), ("flags", None), ("arn:aws:cloudfront::1:key-value-store/a", None), ("", None)],
)
def test_the_store_in_an_arn(arn: str, identity: str | None) -> None:
    assert store_in_arn(arn) == identity


# Pages


def test_pages_have_every_key_once_whatever_goes_meanwhile() -> None:
    pairs = {f"k{at:02}": str(at) for at in range(25)}
    first = listed(store(pairs), sorted(pairs), None, None)
    assert [item["Key"] for item in first["Items"]] == sorted(pairs)[:10]  # type: ignore[index]
    del pairs["k09"]  # the last key of that page
    token: Any = first["NextToken"]
    second = listed(store(pairs), sorted(pairs), token, "50")
    assert [item["Key"] for item in second["Items"]] == sorted(pairs)[9:]  # type: ignore[index]
    assert "NextToken" not in second


@pytest.mark.parametrize(
    ("token", "most", "code"),
    [
        (None, "1", ""),
        (None, "50", ""),
        (None, "0", INVALID),
        (None, "51", INVALID),
        (None, "-1", INVALID),
        (None, "ten", INVALID),
        (None, "9" * 5000, INVALID),
        ("é", None, INVALID),
        ("?", None, INVALID),
        ("_w==", None, INVALID),
    ],
)
def test_what_a_page_may_be(token: str | None, most: str | None, code: str) -> None:
    assert refused(listed, store({"a": "1"}), ["a"], token, most) == code


# The stores themselves


def new_store(*members: str) -> bytes:
    content = "".join(members)
    return f"<CreateKeyValueStoreRequest>{content}</CreateKeyValueStoreRequest>".encode()


def code_of(call: Any, raw: bytes) -> str:
    """The code of an error of the CloudFront API; empty where there is none."""
    try:
        call(raw)
    except ApiError as error:
        return error.code
    return ""


BUCKET = "<SourceType>S3</SourceType><SourceARN>arn:aws:s3:::b/k</SourceARN>"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (new_store("<Name>a-B_1</Name>"), ""),
        (new_store(f"<Name>{'a' * 64}</Name>"), ""),
        (new_store(f"<Name>{'a' * 65}</Name>"), "InvalidArgument"),
        (new_store("<Name></Name>"), "InvalidArgument"),
        (new_store("<Name>a b</Name>"), "InvalidArgument"),
        (new_store("<Name>é</Name>"), "InvalidArgument"),
        (new_store("<Name>a</Name>", f"<Comment>{'c' * 128}</Comment>"), ""),
        (new_store("<Name>a</Name>", f"<Comment>{'c' * 129}</Comment>"), "InvalidArgument"),
        (new_store("<Name>a</Name>", f"<ImportSource>{BUCKET}</ImportSource>"), ""),
        (new_store("<Name>a</Name>", "<ImportSource/>"), "MalformedXML"),
        (new_store("<Name>a</Name>", "<Tags><Items/></Tags>"), ""),
        (new_store(), "MalformedXML"),
        (new_store("<Name>a</Name>", "<Name>b</Name>"), "MalformedInput"),
        (new_store("<Name>a</Name>", "<Other/>"), "MalformedInput"),
        (b"<Other/>", "MalformedXML"),
        (b"", "MalformedXML"),
        (b"{}", "MalformedXML"),
    ],
)
def test_what_a_new_store_may_be(raw: bytes, code: str) -> None:
    assert code_of(decode_new_store, raw) == code


def test_a_store_without_a_comment() -> None:
    assert decode_new_store(new_store("<Name>a</Name>")) == AskedStore("a")
    assert code_of(decode_store_comment, b"<UpdateKeyValueStoreRequest/>") == "MalformedXML"


# Whatever comes


def wrapped(text: str) -> bytes:
    """A request for a store whose name is `text`."""
    root = "CreateKeyValueStoreRequest"
    return f"<{root}><Name>{escape(text)}</Name></{root}>".encode("utf-8", "replace")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Puts", "Deletes", "Key", "Value", "k"]), inner)
    ),
    max_leaves=12,
)


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20))
def test_any_key_comes_through_a_path(key: str) -> None:
    raw = f"/key-value-stores/{QUOTED}/keys/{quote(key, safe='')}".encode()
    assert decode_path(raw) == StorePath(ARN, is_keys=True, key=key)


@given(st.binary(max_size=60))
def test_any_path_is_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(StoreRefusal):
        decode_path(b"/key-value-stores/" + raw)


@given(JSON)
def test_any_body_is_read_or_refused(body: Any) -> None:
    with contextlib.suppress(StoreRefusal):
        change = decode_key_update(json.dumps(body).encode())
        changed(store({"k": "v"}), change, None, LATER)


@given(st.binary(max_size=80) | st.text(max_size=80).map(wrapped))
def test_any_document_is_read_or_refused(raw: bytes) -> None:
    for read in (decode_new_store, decode_store_comment):
        with contextlib.suppress(ApiError):
            read(raw)
