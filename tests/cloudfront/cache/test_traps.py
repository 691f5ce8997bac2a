"""Caching traps: found where they are, and not where they are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.cloudfront.cache.key import compile_key
from edgegw.cloudfront.cache.key_gaps import KeyGap, beyond_key, key_gaps
from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.cloudfront.cache.traps import (
    MANY_VARIANTS,
    CachingTrap,
    FunctionDeed,
    TrapDetector,
)
from edgegw.cloudfront.model import CachePolicy, Selection
from tests.cloudfront.cache.messages import RECIPE, answered, asked, entry

BUCKET = KeyGap("cookie", "bucket", reaches_origin=False)
THEME = KeyGap("cookie", "theme", reaches_origin=False)
AGENT = KeyGap("header", "user-agent", reaches_origin=False)
VARIANT = KeyGap("header", "x-variant", reaches_origin=False)


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


def traps(*deeds: FunctionDeed) -> list[tuple[str, ...]]:
    detector = TrapDetector()
    return [trap.names for trap in map(detector.did, deeds) if trap is not None]


def test_a_cookie_that_decides_and_is_not_in_the_key() -> None:
    detector = TrapDetector()
    assert detector.did(deed("a", bucket="a", theme="dark")) is None
    trap = detector.did(deed("b", bucket="b", theme="dark"))
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


# An A/B test, as a function at origin-request makes it


def test_an_ab_test_whose_key_lacks_its_cookie_is_told_of() -> None:
    assert ab_test("session") == ["varies-beyond-key"]


def test_an_ab_test_whose_key_has_its_cookie_is_quiet() -> None:
    assert ab_test("bucket") == []


def ab_test(cookie_in_key: str) -> list[str]:
    """Two viewers in two buckets; the function sends each to a page of its own."""
    policy = CachePolicy("own", "own", cookies=Selection("whitelist", (cookie_in_key,)))
    recipe, detector = compile_key("E1", "*", policy), TrapDetector()
    kinds: list[str] = []
    for bucket in ("a", "b", "a"):
        viewer = asked("/", cookie=f"bucket={bucket}; theme=dark", user_agent="curl")
        page = f"/{bucket}/index.html".encode()
        trap = detector.did(
            FunctionDeed(
                recipe.key(viewer), "*", "origin-request", beyond_key(recipe, viewer), page
            )
        )
        kinds += [trap.kind] if trap is not None else []
    return kinds


# What gets stored


def stored(detector: TrapDetector, response_headers: dict[str, str], **request: str) -> list[str]:
    viewer = asked(**request)
    settings = CacheSettings(forwards_cookies=True)
    made = entry(answered(**response_headers), viewer, settings)
    found = detector.stores(made, key_gaps(RECIPE, viewer), RECIPE.parts(viewer))
    return [trap.kind for trap in found]


def test_a_set_cookie_that_is_stored() -> None:
    detector = TrapDetector()
    assert stored(detector, {"set_cookie": "id=1; Path=/"}) == ["stored-set-cookie"]
    assert stored(detector, {"set_cookie": "id=2"}) == []
    assert (
        stored(TrapDetector(), {"set_cookie": "id=1", "cache_control": 'no-cache="Set-Cookie"'})
        == []
    )


def test_an_authorization_that_is_not_in_the_key() -> None:
    assert stored(TrapDetector(), {}, authorization="Basic x") == ["authorization-not-in-key"]
    assert stored(TrapDetector(), {}) == []


def test_a_cookie_for_each_viewer_in_the_key() -> None:
    policy = CachePolicy("own", "own", cookies=Selection("whitelist", ("session",)))
    recipe, detector, kinds = compile_key("E1", "*", policy), TrapDetector(), []
    for at in range(MANY_VARIANTS + 5):
        viewer = asked(cookie=f"session={at}")
        made = entry(request=viewer, recipe=recipe)
        kinds.append([trap.kind for trap in detector.stores(made, [], recipe.parts(viewer))])
    assert kinds == [[]] * MANY_VARIANTS + [["many-variants"]] + [[]] * 4


def test_what_is_remembered_is_bounded() -> None:
    detector = TrapDetector()
    for at in range(3000):
        detector.did(deed("a", f"k{at}", bucket=str(at)))
        detector.did(deed("a", "k", bucket=str(at)))
    assert len(detector._deeds) <= 1000
    assert max(map(len, detector._deeds.values())) <= 8
