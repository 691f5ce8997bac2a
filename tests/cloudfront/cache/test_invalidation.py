"""Invalidations: what a path matches, and what AWS refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.cloudfront.cache.entry import StoredPlace
from edgegw.cloudfront.cache.invalidation import (
    InvalidationBatch,
    RefusedInvalidation,
    canonical_url,
    compile_invalidation,
    path_hint,
    refused_invalidation,
    repeated,
)
from tests.cloudfront.cache.messages import NOW, answered, asked, entry


def matches(path: str, url: str) -> bool:
    raw, mark, query = url.encode("latin-1").partition(b"?")
    place = StoredPlace("E1", "*", raw, query if mark else None)
    return compile_invalidation(path).matches_place(place)


@pytest.mark.parametrize(
    ("path", "url", "expected"),
    [
        ("/a", "/a", True),
        ("/a", "/A", False),
        ("/a", "/a/", False),
        ("/a", "/ab", False),
        ("a", "/a", True),
        # a wildcard at the end, and there alone
        ("/a/*", "/a/", True),
        ("/a/*", "/a/b/c.jpg", True),
        ("/a/*", "/a", False),
        ("/a*", "/a", True),
        ("/a*", "/ab/c", True),
        ("/*", "/", True),
        ("/*", "/a?x=1", True),
        ("/a*b", "/axb", False),
        ("/a*b", "/a*b", True),
        ("/*.jpg", "/a.jpg", False),
        ("/a?", "/ab", False),
        # query strings
        ("/a", "/a?x=1", False),
        ("/a?x=1", "/a?x=1", True),
        ("/a?x=1", "/a", False),
        ("/a?x=1", "/a?x=1&y=2", False),
        ("/a?x=1*", "/a?x=1&y=2", True),
        ("/a*", "/a?x=1", True),
        ("/a/*", "/a/b?x=1", True),
        # encoding
        ("/a%20b", "/a%20b", True),
        ("/ü", "/%C3%BC", True),
        ("/%c3%bc", "/%C3%BC", True),
        ("/%C3%BC", "/\u00c3\u00bc", True),  # the viewer sent bytes beyond ASCII as they are
        ("/a b", "/a%20b", True),
        ("/a|b", "/a%7Cb", True),
        ("/%61", "/a", False),
        ("/%61", "/%61", False),
        ("/a%2Fb", "/a/b", False),
        ("/~a", "/~a", False),
        ("/%7Ea", "/~a", False),
        ("/*", "/~a", True),
        # the default root object goes by its own name
        ("/", "/index.html", False),
        ("/", "/", True),
    ],
)
def test_what_a_path_matches(path: str, url: str, expected: bool) -> None:
    assert matches(path, url) is expected


@pytest.mark.parametrize(
    ("path", "reason"), [("/~", "does not support ~"), ("/%61", "%61 stands for")]
)
def test_a_path_that_matches_nothing_says_why(path: str, reason: str) -> None:
    assert reason in compile_invalidation(path).nothing


def test_all_variants_and_errors_go() -> None:
    path = compile_invalidation("/a")
    for gone in (
        entry(answered(404)),
        entry(request=asked(method="HEAD")),
        entry(answered(206, b"0", content_range="bytes 0-0/10"), asked(range="bytes=0-0")),
    ):
        assert path.matches(gone)


def test_a_tag_matches_whatever_has_it() -> None:
    tagged = replace(entry(), tags=frozenset({b"blog"}))
    assert compile_invalidation("#Blog").matches(tagged)
    assert not compile_invalidation("#blo").matches(tagged)
    assert not compile_invalidation("/blog").matches(tagged)


def test_what_is_on_its_way_may_have_any_tag() -> None:
    assert matches("#blog", "/a")


URLS = st.text(alphabet="/ab?=%2*~ü ", max_size=12).map(lambda text: "/" + text)


@given(URLS)
def test_everything_matches_the_star(url: str) -> None:
    assert matches("/*", url)


@given(URLS)
def test_canonical_is_canonical(url: str) -> None:
    raw = url.encode()
    assert canonical_url(canonical_url(raw)) == canonical_url(raw)


@given(URLS, URLS)
def test_a_path_matches_its_own_url_alone(path: str, url: str) -> None:
    compiled = compile_invalidation(path)
    if compiled.is_wildcard or compiled.nothing:
        return
    same = canonical_url(path.encode()) == canonical_url(url.encode())
    raw, mark, query = url.encode().partition(b"?")
    assert compiled.matches_place(StoredPlace("E1", "*", raw, query if mark else None)) is same


def batch(
    *paths: str, reference: str = "r", completed: bool = True, at: float = NOW
) -> InvalidationBatch:
    compiled = tuple(map(compile_invalidation, paths))
    return InvalidationBatch("I1", at, reference, compiled, completed)


def test_what_is_stored_later_stays() -> None:
    assert batch("/*", at=NOW).clears(entry(now=NOW))
    assert not batch("/*", at=NOW).clears(entry(now=NOW + 0.001))


# What the API says


@pytest.mark.parametrize(
    ("items", "options", "code"),
    [
        (["/a"], {}, None),
        (["/a", "/b*"], {"quantity": 2}, None),
        (["/" + "a" * 3999], {}, None),
        (["/~"], {}, None),
        ([], {}, "InvalidArgument"),
        (["a"], {}, "InvalidArgument"),
        (["*"], {}, "InvalidArgument"),
        (["/a", ""], {}, "InvalidArgument"),
        (["/" + "a" * 4000], {}, "InvalidArgument"),
        (["/a"], {"reference": ""}, "InvalidArgument"),
        (["/a"], {"quantity": 2}, "InconsistentQuantities"),
        ([], {"quantity": 1}, "InconsistentQuantities"),
        (["#t"], {}, "InvalidArgument"),
        (["#t"], {"has_tags": True}, None),
        (["#t*"], {"has_tags": True}, "InvalidArgument"),
        ([f"/{at}" for at in range(3000)], {}, None),
        ([f"/{at}" for at in range(3001)], {}, "BatchTooLarge"),
        ([f"/{at}*" for at in range(15)], {}, None),
        ([f"/{at}*" for at in range(16)], {}, "TooManyInvalidationsInProgress"),
    ],
    ids=str,
)
def test_what_the_api_refuses(items: list[str], options: dict, code: str | None) -> None:
    refusal = refused_invalidation(
        items,
        options.get("reference", "r"),
        quantity=options.get("quantity"),
        has_tags=options.get("has_tags", False),
    )
    assert (refusal.code if refusal else None) == code
    if refusal is not None:
        assert refusal.status == (413 if code == "BatchTooLarge" else 400)
        assert refusal.message


@pytest.mark.parametrize(
    ("earlier", "is_refused"),
    [
        (batch(*[f"/{at}" for at in range(2999)], completed=False), False),
        (batch(*[f"/{at}" for at in range(3000)], completed=False), True),
        (batch(*[f"/{at}" for at in range(3000)], completed=True), False),
    ],
    ids=["just fits", "in progress", "completed"],
)
def test_what_is_in_progress_counts(earlier: InvalidationBatch, is_refused: bool) -> None:
    refusal = refused_invalidation(["/x"], "r", in_progress=[earlier])
    assert (refusal is not None) is is_refused


def test_same_reference_and_paths_are_the_old_invalidation() -> None:
    earlier = batch("/a", "/b")
    assert repeated(["/b", "/a"], "r", {"r": earlier}) is earlier
    assert repeated(["/a"], "other", {"r": earlier}) is None


def test_same_reference_and_other_paths_are_refused() -> None:
    refusal = repeated(["/c"], "r", {"r": batch("/a")})
    assert isinstance(refusal, RefusedInvalidation)
    assert refusal.code == "InvalidationBatchAlreadyExists"


@pytest.mark.parametrize(
    ("path", "root", "hint"),
    [
        ("/a*b", "", "* is a wildcard at the end"),
        ("/*/a*", "", "* is a wildcard at the end"),
        ("http://localhost:8081/a", "", "names a path, not a URL"),
        ("/", "index.html", "is stored as /index.html"),
        ("/", "", ""),
        ("/a*", "index.html", ""),
        ("/go?to=http://a.test/", "", ""),
        ("#a*b", "", ""),
    ],
)
def test_what_looks_as_if_it_did_more_is_hinted_at(path: str, root: str, hint: str) -> None:
    told = path_hint(path, root)
    assert hint in told if hint else told == ""
