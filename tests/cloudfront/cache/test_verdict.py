"""X-Cache and the log's words for it."""

from __future__ import annotations

from typing import Any

import pytest

from edgegw.cloudfront.behaviors import DistributionRefusal, admit, compile_path_pattern
from edgegw.cloudfront.cache.result_details import detail_of
from edgegw.cloudfront.cache.verdict import DetailedResult, LoggedResult, Verdict, logged_result
from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.cloudfront.model import Behavior, CachePolicy, CustomOrigin
from edgegw.cloudfront.policies import compile_forwarding
from tests.cloudfront.cache.messages import asked

VERDICTS = [
    "Hit",
    "RefreshHit",
    "Miss",
    "Error",
    "Redirect",
    "LimitExceeded",
    "CapacityExceeded",
    "LambdaGeneratedResponse",
    "LambdaValidationError",
    "LambdaExecutionError",
    "LambdaLimitExceeded",
    "FunctionGeneratedResponse",
    "FunctionValidationError",
    "FunctionExecutionError",
    "FunctionThrottledError",
]
DETAILS = [
    "OriginShieldHit",
    "MissGeneratedResponse",
    "AbortedOrigin",
    "ClientCommError",
    "ClientGeoBlocked",
    "ClientHungUpRequest",
    "Error",
    "InvalidRequest",
    "InvalidRequestBlocked",
    "InvalidRequestCertificate",
    "InvalidRequestHeader",
    "InvalidRequestMethod",
    "OriginCommError",
    "OriginConnectError",
    "OriginContentRangeLengthError",
    "OriginDnsError",
    "OriginError",
    "OriginHeaderTooBigError",
    "OriginInvalidResponseError",
    "OriginReadError",
    "OriginWriteError",
    "OriginZeroSizeObjectError",
    "SlowReaderOriginError",
]


def test_all_verdicts_and_details_are_there() -> None:
    assert [str(verdict) for verdict in Verdict] == VERDICTS
    assert [str(detail) for detail in DetailedResult] == DETAILS


@pytest.mark.parametrize("word", VERDICTS)
def test_verdict_is_its_word(word: str) -> None:
    assert Verdict(word) == word
    assert Verdict(word).header == f"{word} from cloudfront".encode()


@pytest.mark.parametrize(
    ("verdict", "detail", "left", "logged"),
    [
        (Verdict.HIT, None, False, ("Hit", "Hit", "Hit")),
        (Verdict.MISS, None, False, ("Miss", "Miss", "Miss")),
        (
            Verdict.MISS,
            DetailedResult.MISS_GENERATED_RESPONSE,
            False,
            ("Miss", "Miss", "MissGeneratedResponse"),
        ),
        (Verdict.HIT, DetailedResult.ORIGIN_SHIELD_HIT, False, ("Hit", "Hit", "OriginShieldHit")),
        (Verdict.HIT, DetailedResult.MISS_GENERATED_RESPONSE, False, ("Hit", "Hit", "Hit")),
        (Verdict.ERROR, None, False, ("Error", "Error", "Error")),
        (
            Verdict.ERROR,
            DetailedResult.ORIGIN_DNS_ERROR,
            False,
            ("Error", "Error", "OriginDnsError"),
        ),
        (Verdict.HIT, DetailedResult.ORIGIN_DNS_ERROR, False, ("Hit", "Hit", "Hit")),
        (Verdict.HIT, None, True, ("Error", "Hit", "ClientCommError")),
    ],
)
def test_what_is_logged(
    verdict: Verdict, detail: DetailedResult | None, left: bool, logged: tuple[str, str, str]
) -> None:
    result = logged_result(verdict, detail, viewer_left=left)
    assert result == LoggedResult(Verdict(logged[0]), Verdict(logged[1]), logged[2])


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("refused", "OriginConnectError"),
        ("dns", "OriginDnsError"),
        ("closed", "OriginCommError"),
        ("invalid", "OriginInvalidResponseError"),
        ("timeout", "OriginCommError"),
    ],
)
def test_failure_of_an_origin_has_its_word(kind: Any, detail: str) -> None:
    assert detail_of(OriginFailure(kind, "")) == detail


def test_refusals_have_their_words() -> None:
    policy = CachePolicy("none", "none")
    behavior = Behavior(
        "*",
        compile_path_pattern("*"),
        CustomOrigin("origin.test", 80, "http"),
        compile_forwarding(policy, None),
    )
    refused = admit(behavior, asked(method="POST"))
    assert isinstance(refused, DistributionRefusal)
    assert detail_of(refused) == "InvalidRequestMethod"
    assert detail_of(DistributionRefusal(403, "Bad request.", "")) == "InvalidRequest"
    assert detail_of(None) == "Error"
    assert detail_of(DistributionRefusal(403, "Access denied", "", code="AccessDenied")) == "Error"
    large = OriginFailure("invalid", "", is_too_large=True)
    assert detail_of(large) == "OriginHeaderTooBigError"
