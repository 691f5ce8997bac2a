"""The bytes of a key can be read again, whatever stands in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.cloudfront.cache.key import KeyRecipe, compile_key, head_key, part_key
from edgegw.cloudfront.cache.key_reading import read_key
from edgegw.cloudfront.model import CachePolicy, Selection
from tests.cloudfront.cache.messages import asked

ALL = Selection("all")
RECIPES = {
    "plain": compile_key("E1", "*", CachePolicy("own", "own")),
    "everything": compile_key(
        "E1",
        "*",
        CachePolicy(
            "own",
            "own",
            headers=Selection("whitelist", ("X-A", "X", "CloudFront-Viewer-Country")),
            cookies=ALL,
            query_strings=ALL,
            gzip=True,
            brotli=True,
        ),
    ),
    "some": compile_key(
        "E1", "*", CachePolicy("own", "own", cookies=Selection("whitelist", ("a",)), gzip=True)
    ),
}
TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@given(
    headers=st.dictionaries(
        st.sampled_from(["x_a", "x", "cookie", "accept_encoding"]), TEXT, max_size=4
    ),
    pairs=st.dictionaries(st.sampled_from("ab"), TEXT, max_size=2),
    query=st.one_of(st.none(), st.sampled_from(["", "a=1&b=2", "=", "e=3:c-"])),
    method=st.sampled_from(["GET", "OPTIONS"]),
)
def test_the_parts_are_those_that_the_key_was_made_of(
    recipe: KeyRecipe,
    headers: dict[str, str],
    pairs: dict[str, str],
    query: str | None,
    method: str,
) -> None:
    if pairs:
        headers = {**headers, "cookie": "; ".join(f"{name}={pairs[name]}" for name in pairs)}
    request = asked("/p" if query is None else f"/p?{query}", method, **headers)
    key = recipe.key(request)
    assert read_key(recipe, key, recipe.place(request)) == recipe.parts(request)


def test_heads_and_parts_are_read_too() -> None:
    recipe = RECIPES["some"]
    request = asked("/p", cookie="a=1; b=2", accept_encoding="gzip")
    key, place = recipe.key(request), recipe.place(request)
    for other, method in ((head_key(key), "HEAD"), (part_key(key, b"0-99"), "GET")):
        parts = read_key(recipe, other, place)
        assert parts is not None
        assert (parts.method, parts.cookies) == (method, ((b"a", b"1"),))
        assert parts.accept_encoding == b"gzip"


def test_the_key_of_another_recipe_is_not_read() -> None:
    request = asked("/p", x="1")
    key = RECIPES["everything"].key(request)
    place = RECIPES["everything"].place(request)
    assert read_key(compile_key("E2", "*", CachePolicy("own", "own")), key, place) is None
    assert read_key(RECIPES["everything"], RECIPES["plain"].key(request), place) is None
    assert read_key(RECIPES["some"], b"junk", place) is None
