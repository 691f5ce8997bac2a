"""The numbers of CloudFront Functions, and where they are asked for."""

from __future__ import annotations

import base64

import pytest

from edgegw.awslambda.names import Account
from edgegw.cloudfront.api.errors import ApiError
from edgegw.cloudfront.api.functions import FunctionNames, decode_create, decode_update
from edgegw.cloudfront.edge_functions import limits
from edgegw.cloudfront.edge_functions.static_check import size_fault

NAMES = FunctionNames(Account(), lambda name: name, lambda _: None, lambda _: False)
MOST = 10240


def body(root: str, code: str) -> bytes:
    blob = base64.b64encode(code.encode()).decode()
    name = "<Name>f</Name>" if root.startswith("Create") else ""
    config = "<Comment/><Runtime>cloudfront-js-2.0</Runtime>"
    return (
        f"<{root}>{name}<FunctionConfig>{config}</FunctionConfig>"
        f"<FunctionCode>{blob}</FunctionCode></{root}>"
    ).encode()


def test_the_numbers_are_those_of_the_page() -> None:
    assert limits.MAX_CODE == 10 * 1024
    assert limits.MAX_MEMORY == 2 * 1024 * 1024
    assert limits.MAX_LOG == 10 * 1024


def test_the_largest_code_is_taken_everywhere() -> None:
    for code in ("a" * MOST, "é" * (MOST // 2)):
        assert size_fault(code) is None
        function, _ = decode_create(body("CreateFunctionRequest", code), NAMES)
        assert function.code == code
        assert decode_update(body("UpdateFunctionRequest", code), "f", NAMES).code == code


@pytest.mark.parametrize("code", ["a" * (MOST + 1), "é" * (MOST // 2) + "a"])
def test_one_byte_more_is_refused_everywhere(code: str) -> None:
    assert size_fault(code) == f"the code has {MOST + 1} bytes, at most {MOST}"
    with pytest.raises(ApiError) as created:
        decode_create(body("CreateFunctionRequest", code), NAMES)
    with pytest.raises(ApiError) as updated:
        decode_update(body("UpdateFunctionRequest", code), "f", NAMES)
    for caught in (created, updated):
        assert caught.value.code == "FunctionSizeLimitExceeded"
        assert f"{MOST + 1} bytes, at most {MOST}" in caught.value.message
