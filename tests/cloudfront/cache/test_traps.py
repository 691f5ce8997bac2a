"""Caching traps: found where they are, and not where they are not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.cloudfront.cache.deeds import FunctionDeed, changes, digest
from edgegw.cloudfront.cache.key_gaps import KeyGap, beyond_key
from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.cloudfront.cache.traps import MANY_VARIANTS, BehaviorTraps, CachingTrap, Exposure
from edgegw.cloudfront.model import Behavior
from edgegw.config.resolve import load_dict
from tests.cloudfront.cache.messages import answered, asked, entry
from tests.conftest import FUNCTIONS

BUCKET = KeyGap("cookie", "bucket", reaches_origin=False)
THEME = KeyGap("cookie", "theme", reaches_origin=False)
AGENT = KeyGap("header", "user-agent", reaches_origin=False)
VARIANT = KeyGap("header", "x-variant", reaches_origin=False)


def behavior(
    policy: dict[str, Any] | str = "CachingOptimized", orp: str | None = "AllViewer", **keys: Any
) -> Behavior:
    """The behavior of a distribution with functions at both request triggers."""
    own = {} if isinstance(policy, str) else {"own": policy}
    site = {
        "listen": 0,
        "origins": {"app": {"url": "http://127.0.0.1:9"}},
        "default_behavior": {
            "origin": "app",
            "cache_policy": "own" if own else policy,
            "origin_request_policy": orp,
            "lambda_functions": {"origin-request": "split", "viewer-request": "split"},
            **keys,
        },
    }
    function = {"runtime": "python3.12", "code": ".", "handler": "hooks.pass_request"}
    config = {
        "functions": {"split": function},
        "cache_policies": own,
        "distributions": {"site": site},
    }
    return load_dict(config, FUNCTIONS).distributions[0].distribution.default_behavior


def deed(
    outcome: str, key: str = "k", trigger: str = "origin-request", **shown: str
) -> FunctionDeed:
    names = {"bucket": BUCKET, "theme": THEME, "agent": AGENT, "variant": VARIANT}
    return FunctionDeed(
        key.encode(),
        "*",
        trigger,
        {names[name]: text.encode() for name, text in shown.items()},
        outcome.encode(),
    )


BEHAVIOR = behavior()


def traps(*deeds: FunctionDeed) -> list[tuple[str, ...]]:
    seen = BehaviorTraps(BEHAVIOR)
    return [trap.names for trap in map(seen.did, deeds) if trap is not None]


def test_a_cookie_that_decides_and_is_not_in_the_key() -> None:
    seen = BehaviorTraps(BEHAVIOR)
    assert seen.did(deed("a", bucket="a", theme="dark")) is None
    trap = seen.did(deed("b", bucket="b", theme="dark"))
    assert isinstance(trap, CachingTrap)
    assert (trap.kind, trap.names) == ("varies-beyond-key", ("cookie bucket",))
    assert "origin-request" in trap.text
    assert "cookie bucket" in trap.text


@pytest.mark.parametrize(
    "deeds",
    [
        [deed("a", bucket="a"), deed("a", bucket="b")],  # it does the same for both
        [deed("a", "k1", bucket="a"), deed("b", "k2", bucket="b")],  # the key has it
        [deed("a", bucket="a"), deed("b", bucket="a")],  # it has dice of its own
        [deed("a", bucket="a"), deed("a", bucket="a")],
        [deed("a", "k", "viewer-request", bucket="a"), deed("b", bucket="b")],
    ],
    ids=["same", "other key", "dice", "again", "other trigger"],
)
def test_quiet_where_there_is_no_trap(deeds: list[FunctionDeed]) -> None:
    assert traps(*deeds) == []


def test_a_cookie_that_is_there_or_not() -> None:
    assert traps(deed("a"), deed("b", bucket="b")) == [("cookie bucket",)]


def test_more_requests_leave_fewer_names() -> None:
    both = [deed("a", bucket="a", theme="dark"), deed("b", bucket="b", theme="light")]
    assert traps(*both) == [("cookie bucket", "cookie theme")]
    first = deed("a", bucket="a", theme="dark"), deed("a", bucket="a", theme="light")
    assert traps(*first, deed("b", bucket="b", theme="light")) == [("cookie bucket",)]


def test_cookies_and_own_headers_are_named_before_what_browsers_send() -> None:
    assert traps(deed("a", bucket="a", agent="x"), deed("b", bucket="b", agent="y")) == [
        ("cookie bucket",)
    ]
    assert traps(deed("a", variant="a", agent="x"), deed("b", variant="b", agent="y")) == [
        ("header x-variant",)
    ]
    assert traps(deed("a", agent="x"), deed("b", agent="y")) == [("header user-agent",)]


def test_each_trap_is_told_once() -> None:
    deeds = [deed(letter, key, bucket=letter) for key in ("k", "l") for letter in "abc"]
    assert traps(*deeds) == [("cookie bucket",)]


def test_dice_for_new_viewers_do_not_hide_the_cookie_of_those_who_have_it() -> None:
    new = [deed("a"), deed("b")]
    assert traps(*new) == []
    known = [deed("a", bucket="a"), deed("b", bucket="b")]
    assert traps(*new, *known) == [("cookie bucket",)]


def test_what_a_function_did_leaves_out_ids_and_times_of_its_own() -> None:
    shown = asked("/", cookie="sid=0123456789abcdef0123")
    own = shown.sent(
        shown.target,
        shown.headers.added(
            (b"X-Request-Id", b"0b2f7c1e-1111-4222-8333-444455556666"),
            (b"X-Time", b"1800000000"),
            (b"X-Sid", b"0123456789abcdef0123"),
            (b"X-Bucket", b"a"),
        ),
    )
    assert changes(shown, own) == [
        ("header", "x-bucket", b"a"),
        ("header", "x-sid", b"0123456789abcdef0123"),
    ]


@given(
    st.lists(
        st.tuples(st.sampled_from("kl"), st.sampled_from("ab"), st.sampled_from("xy")), max_size=12
    )
)
def test_a_function_of_the_key_alone_is_never_named(requests: list[tuple[str, str, str]]) -> None:
    deeds = [deed(key, key, bucket=bucket, theme=theme) for key, bucket, theme in requests]
    assert traps(*deeds) == []


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=12))
def test_the_name_that_decides_is_among_those_named(requests: list[tuple[str, str]]) -> None:
    deeds = [deed(bucket, bucket=bucket, theme=theme) for bucket, theme in requests]
    for names in traps(*deeds):
        assert "cookie bucket" in names


# What the message says


@pytest.mark.parametrize(
    ("policy", "fix"),
    [
        (
            "CachingOptimized",
            "CachingOptimized is AWS's own and stays as it is: write a cache policy with "
            "cookies: {behavior: whitelist, items: [bucket]}, and name that one",
        ),
        ({}, "Write cookies: {behavior: whitelist, items: [bucket]} in cache_policies.own"),
        (
            {"cookies": {"behavior": "whitelist", "items": ["theme"]}},
            "Write cookies: {behavior: whitelist, items: [theme, bucket]} in cache_policies.own",
        ),
        (
            {"cookies": {"behavior": "allExcept", "items": ["bucket", "ga"]}},
            "Write cookies: {behavior: allExcept, items: [ga]} in cache_policies.own",
        ),
    ],
    ids=["AWS's own", "empty", "a list", "all but"],
)
def test_the_message_says_what_happens_and_what_to_write(policy: Any, fix: str) -> None:
    seen = BehaviorTraps(behavior(policy))
    seen.did(deed("a", bucket="4711-secret"))
    trap = seen.did(deed("b", bucket="4712-secret"))
    assert trap is not None
    assert trap.text.startswith("behavior *: split at origin-request does differently by cookie")
    assert "On CloudFront the answer made for one viewer goes to every viewer" in trap.text
    assert trap.text.endswith(fix)
    assert "secret" not in trap.text


def test_where_two_names_may_be_it_the_fix_leaves_that_open() -> None:
    seen = BehaviorTraps(behavior({}))
    seen.did(deed("a", bucket="a", theme="dark"))
    trap = seen.did(deed("b", bucket="b", theme="light"))
    assert trap is not None
    assert "differently by cookie bucket or cookie theme" in trap.text
    assert "items: [bucket]} (if it is the cookie bucket)" in trap.text


def test_a_header_and_a_query_string_have_fixes_of_their_own() -> None:
    query = KeyGap("query", "lang", reaches_origin=False)
    for gap, field in ((VARIANT, "headers"), (query, "query_strings")):
        seen = BehaviorTraps(behavior({}))
        seen.did(FunctionDeed(b"k", "*", "viewer-request", {gap: b"1"}, b"a"))
        trap = seen.did(FunctionDeed(b"k", "*", "viewer-request", {gap: b"2"}, b"b"))
        assert trap is not None
        assert f"Write {field}: {{behavior: whitelist, items: [{gap.name}]}}" in trap.text


# Answers that were made for one viewer and go to another


def exposure(*looks_at: str, **shown: str) -> Exposure:
    names = {"bucket": BUCKET, "theme": THEME, "agent": AGENT}
    digests = {names[name]: digest(text.encode()) for name, text in shown.items()}
    return Exposure(b"/page", digests, lambda gap: gap.name in looks_at, set())


def test_a_hit_for_another_value_of_what_the_source_names() -> None:
    seen = BehaviorTraps(behavior())
    seen.exposes(b"k", exposure("bucket", bucket="a", theme="dark"))
    stored = seen.exposed_to(b"k", 1)
    assert stored is not None
    assert seen.served(stored, {BUCKET: digest(b"a"), THEME: digest(b"light")}) is None
    assert seen.served(stored, {BUCKET: digest(b"a")}) is None
    trap = seen.served(stored, {BUCKET: digest(b"b"), THEME: digest(b"dark")})
    assert trap is not None
    assert (trap.kind, trap.names) == ("varies-beyond-key", ("cookie bucket",))
    assert "/page has just gone out of the cache" in trap.text
    assert not seen.watches("origin-request")
    assert seen.exposed_to(b"k", 2) is None


def test_an_authorization_is_told_of_when_the_answer_is_stored_and_not_again() -> None:
    gap = KeyGap("header", "authorization", reaches_origin=False)
    stored = Exposure(b"/page", {gap: digest(b"a")}, lambda gap: True, set())
    assert BehaviorTraps(behavior()).served(stored, {gap: digest(b"b")}) is None


def test_a_viewer_is_compared_once_and_after_many_nobody_is() -> None:
    seen = BehaviorTraps(behavior())
    seen.exposes(b"k", exposure("bucket", bucket="a"))
    assert seen.exposed_to(b"k", 1) is not None
    assert seen.exposed_to(b"k", 1) is None
    compared = [seen.exposed_to(b"k", viewer) for viewer in range(2, 200)]
    assert 0 < len([each for each in compared if each is not None]) < 80
    assert compared[-1] is None


# What gets stored


def stored(seen: BehaviorTraps, response_headers: dict[str, str], **request: str) -> list[str]:
    viewer = asked(**request)
    settings = CacheSettings(forwards_cookies=True)
    made = entry(answered(**response_headers), viewer, settings)
    return [trap.kind for trap in seen.stores(made, viewer)]


def test_a_set_cookie_that_is_stored() -> None:
    seen = BehaviorTraps(behavior())
    assert stored(seen, {"set_cookie": "id=1; Path=/"}) == ["stored-set-cookie"]
    assert stored(seen, {"set_cookie": "other=2"}) == []
    kept_out = {"set_cookie": "id=1", "cache_control": 'no-cache="Set-Cookie"'}
    assert stored(BehaviorTraps(behavior()), kept_out) == []


def test_values_of_cookies_and_queries_are_not_quoted() -> None:
    viewer = asked("/a?token=hidden1", cookie="sid=hidden2")
    made = entry(answered(set_cookie="id=hidden3"), viewer, CacheSettings(forwards_cookies=True))
    (trap,) = BehaviorTraps(behavior()).stores(made, viewer)
    assert "(id)" in trap.text
    assert "hidden" not in trap.text


@pytest.mark.parametrize(
    ("policy", "orp", "says"),
    [
        ("CachingOptimized", "AllViewer", "the origin sees Authorization"),
        ("CachingOptimized", None, "nobody looks at it"),
        ({"headers": {"behavior": "whitelist", "items": ["Authorization"]}}, None, None),
    ],
    ids=["seen by the origin", "seen by nobody", "in the key"],
)
def test_an_authorization_that_is_not_in_the_key(policy: Any, orp: Any, says: Any) -> None:
    viewer = asked(authorization="Basic c2VjcmV0")
    traps = BehaviorTraps(behavior(policy, orp)).stores(entry(request=viewer), viewer)
    assert [trap.kind for trap in traps] == (["authorization-not-in-key"] if says else [])
    assert all(says in trap.text and "c2VjcmV0" not in trap.text for trap in traps)
    assert BehaviorTraps(behavior()).stores(entry(), asked()) == []


def test_an_authorization_that_viewer_request_checks_is_quiet() -> None:
    viewer = asked(authorization="Basic x")
    made = entry(request=viewer)
    assert BehaviorTraps(behavior()).stores(made, viewer, is_checked=True) == []


def test_a_cookie_for_each_viewer_in_the_key() -> None:
    seen = BehaviorTraps(behavior({"cookies": {"behavior": "whitelist", "items": ["session"]}}))
    kinds: list[list[str]] = []
    for at in range(MANY_VARIANTS + 5):
        viewer = asked(cookie=f"session={at}")
        made = entry(request=viewer, recipe=seen.recipe)
        kinds.append([trap.kind for trap in seen.stores(made, viewer)])
    assert kinds == [[]] * MANY_VARIANTS + [["many-variants"]] + [[]] * 4


def test_a_country_that_the_key_has_is_no_gap() -> None:
    country = {"behavior": "whitelist", "items": ["CloudFront-Viewer-Country"]}
    sent = asked(cloudfront_viewer_country="DE")
    (gap,) = beyond_key(BehaviorTraps(behavior({})).recipe, sent)
    assert gap.name == "cloudfront-viewer-country"
    assert beyond_key(BehaviorTraps(behavior({"headers": country})).recipe, sent) == {}


def test_what_is_remembered_is_bounded() -> None:
    seen = BehaviorTraps(behavior({"cookies": {"behavior": "all"}}))
    for at in range(3000):
        seen.did(deed("a", f"k{at}", bucket=str(at)))
        seen.did(deed("a", "k", bucket=str(at)))
        seen.exposes(b"%d" % at, exposure("bucket"))
        viewer = asked(f"/{at}", cookie=f"c{at}=1")
        seen.stores(entry(request=viewer, recipe=seen.recipe), viewer)
    assert len(seen._deeds) <= 200
    assert max(map(len, seen._deeds.values())) <= 8
    assert len(seen._exposures) <= 200
    assert len(seen._values) <= 200
