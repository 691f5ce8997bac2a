"""What AWS refuses of cache policies and of legacy cache settings."""

from __future__ import annotations

import pickle

import pytest

from edgegw.cloudfront.cache.legacy import ForwardedValues, legacy_key, refused_forwarded_values
from edgegw.cloudfront.cache.policy_rules import NEVER_IN_KEY, refused_policy
from edgegw.cloudfront.managed import CACHE_POLICIES
from edgegw.cloudfront.model import CachePolicy, Selection, SelectionBehavior
from edgegw.http.message import Request
from tests.cloudfront.cache.messages import asked


def many(count: int, behavior: SelectionBehavior = "whitelist", length: int = 3) -> Selection:
    return Selection(behavior, tuple(f"n{at:0{length - 1}}" for at in range(count)))


NONE = Selection()


def policy(
    headers: Selection = NONE,
    cookies: Selection = NONE,
    query: Selection = NONE,
    ttls: tuple[int, int, int] = (0, 1, 2),
    *,
    gzip: bool = False,
    brotli: bool = False,
) -> CachePolicy:
    return CachePolicy("own", "own", *ttls, headers, cookies, query, gzip, brotli)


def listed(*names: str) -> Selection:
    return Selection("whitelist", names)


@pytest.mark.parametrize("managed", CACHE_POLICIES, ids=lambda policy: policy.name)
def test_managed_policies_are_in_order(managed: CachePolicy) -> None:
    assert refused_policy(managed) == []


@pytest.mark.parametrize(
    ("refused", "field"),
    [
        (policy(many(11)), "Headers"),
        (policy(cookies=many(11)), "Cookies"),
        (policy(cookies=many(11, "allExcept")), "Cookies"),
        (policy(query=many(11)), "QueryStrings"),
        (policy(cookies=listed("a" * 1025)), "Cookies"),
        (policy(query=many(5, length=205)), "QueryStrings"),
        # the characters of all three kinds count together
        (policy(many(10, length=30), many(10, length=40), listed("q" * 325)), "Cookies"),
        (policy(cookies=listed()), "Cookies"),
        (policy(listed("Accept-Encoding"), gzip=True), "Headers"),
        (policy(listed("accept-encoding"), brotli=True), "Headers"),
        (policy(listed("X-Edge-Location")), "Headers"),
        (policy(ttls=(5, 4, 6)), "MinTTL"),
        (policy(ttls=(0, 7, 6)), "MinTTL"),
        (policy(listed("X-A"), ttls=(0, 0, 0)), "HeaderBehavior"),
        (policy(cookies=Selection("all"), ttls=(0, 0, 0)), "CookieBehavior"),
        (policy(query=Selection("all"), ttls=(0, 0, 0)), "QueryStringBehavior"),
        (policy(gzip=True, ttls=(0, 0, 0)), "EnableAcceptEncodingGzip"),
        (policy(brotli=True, ttls=(0, 0, 0)), "EnableAcceptEncodingBrotli"),
    ],
)
def test_policy_is_refused(refused: CachePolicy, field: str) -> None:
    assert [refusal.field for refusal in refused_policy(refused)] == [field]


@pytest.mark.parametrize(
    "accepted",
    [
        policy(many(10), many(10), many(10)),
        policy(query=many(8, length=128)),
        policy(many(10, length=30), many(10, length=40), listed("q" * 324)),
        policy(listed("Accept-Encoding")),
        policy(listed("Host", "Authorization")),
        policy(ttls=(0, 0, 0)),
        policy(ttls=(5, 5, 5)),
    ],
)
def test_policy_is_accepted(accepted: CachePolicy) -> None:
    assert refused_policy(accepted) == []


REFUSED_NAMES = """Cache-Control Connection Content-Length Cookie Max-Forwards Pragma
    Proxy-Authenticate Proxy-Authorization Proxy-Connection Request-Range TE Trailer
    Transfer-Encoding Upgrade X-Amz-Cf-Id X-Forwarded-Proto X-Real-IP X-Edge-Anything
    CloudFront-Viewer-Address CloudFront-Viewer-ASN CloudFront-Viewer-Cert-Pem
    CloudFront-Viewer-Cert-Validity CloudFront-Viewer-JA3-Fingerprint
    CloudFront-Viewer-JA4-Fingerprint CloudFront-Viewer-TLS"""


def test_every_header_that_is_never_in_a_key_is_known() -> None:
    names = {name.lower() for name in REFUSED_NAMES.split()}
    assert names - {"x-edge-anything"} == NEVER_IN_KEY


@pytest.mark.parametrize("name", REFUSED_NAMES.split())
def test_header_that_is_never_in_a_key(name: str) -> None:
    [refusal] = refused_policy(policy(listed(name)))
    assert refusal.code == "InvalidArgument"


@pytest.mark.parametrize("name", ["Host", "Authorization"])
def test_bucket_takes_no_host_and_no_authorization(name: str) -> None:
    assert refused_policy(policy(listed(name)), is_s3=True)


def test_what_disabled_caching_refuses_is_said_in_aws_words() -> None:
    [refusal] = refused_policy(policy(listed("X-A"), ttls=(0, 0, 0)))
    assert refusal.message == (
        "The parameter HeaderBehavior is invalid for policy with caching disabled"
    )


# Legacy cache settings


def same(forwarded: ForwardedValues, one: Request, other: Request) -> bool:
    recipe = legacy_key("E1", "*", forwarded)
    return recipe.key(one) == recipe.key(other)


@pytest.mark.parametrize(
    ("forwarded", "one", "other", "is_same"),
    [
        (ForwardedValues(), asked("/?a=1"), asked("/?a=2"), True),
        (ForwardedValues(query_string=True), asked("/?a=1"), asked("/?a=2"), False),
        (
            ForwardedValues(query_string=True, query_string_cache_keys=("a",)),
            asked("/?a=1&b=1"),
            asked("/?a=1&b=2"),
            True,
        ),
        (
            ForwardedValues(query_string=True, query_string_cache_keys=("a",)),
            asked("/?a=1"),
            asked("/?a=2"),
            False,
        ),
        (ForwardedValues(), asked(cookie="a=1"), asked(cookie="a=2"), True),
        (ForwardedValues(cookies="all"), asked(cookie="a=1"), asked(cookie="a=2"), False),
        (
            ForwardedValues(cookies="whitelist", cookie_names=("a*",)),
            asked(cookie="ab=1"),
            asked(cookie="ab=2"),
            False,
        ),
        (
            ForwardedValues(cookies="whitelist", cookie_names=("a?",)),
            asked(cookie="abc=1"),
            asked(cookie="abc=2"),
            True,
        ),
        (ForwardedValues(headers=("X-A",)), asked(x_a="1"), asked(x_a="2"), False),
        (ForwardedValues(), asked(x_a="1"), asked(x_a="2"), True),
        (ForwardedValues(), asked(accept_encoding="gzip"), asked(accept_encoding="gzip, br"), True),
        (ForwardedValues(), asked(accept_encoding="gzip"), asked(accept_encoding="br"), False),
    ],
)
def test_legacy_key(
    forwarded: ForwardedValues, one: Request, other: Request, is_same: bool
) -> None:
    assert same(forwarded, one, other) is is_same


def test_a_pickled_legacy_recipe_makes_the_same_keys() -> None:
    rule = legacy_key("E1", "*", ForwardedValues(cookies="whitelist", cookie_names=("a*",)))
    again = pickle.loads(pickle.dumps(rule))
    assert again == rule
    assert again.key(asked(cookie="ab=1")) == rule.key(asked(cookie="ab=1"))


def test_all_headers_keep_nothing() -> None:
    assert ForwardedValues(headers=("*",)).keeps_nothing
    assert not ForwardedValues(headers=("X-A",)).keeps_nothing


@pytest.mark.parametrize(
    ("forwarded", "field"),
    [
        (ForwardedValues(headers=many(11).items), "Headers"),
        (ForwardedValues(cookie_names=many(11).items), "Cookies"),
        (
            ForwardedValues(query_string=True, query_string_cache_keys=many(11).items),
            "QueryStringCacheKeys",
        ),
        (
            ForwardedValues(query_string=True, query_string_cache_keys=("a" * 129,)),
            "QueryStringCacheKeys",
        ),
        (
            ForwardedValues(query_string=True, query_string_cache_keys=many(6, length=100).items),
            "QueryStringCacheKeys",
        ),
        (ForwardedValues(cookie_names=("a" * 256, "b" * 255)), "Cookies"),
        (ForwardedValues(query_string_cache_keys=("a",)), "QueryStringCacheKeys"),
    ],
)
def test_legacy_settings_are_refused(forwarded: ForwardedValues, field: str) -> None:
    assert [refusal.field for refusal in refused_forwarded_values(forwarded)] == [field]


def test_legacy_settings_just_within_their_limits() -> None:
    just = ForwardedValues(
        query_string=True,
        query_string_cache_keys=many(4, length=128).items,
        cookie_names=("a" * 255, "b" * 255),
        headers=many(10).items,
    )
    assert refused_forwarded_values(just) == []
