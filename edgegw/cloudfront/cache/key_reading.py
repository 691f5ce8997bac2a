"""The bytes of a key → its parts again, for people who look at what is stored."""

from __future__ import annotations

from edgegw.cloudfront.cache.entry import StoredPlace
from edgegw.cloudfront.cache.key import KeyParts, KeyRecipe


class _PartReader:
    """Takes parts off the front of a key; each carries its length."""

    def __init__(self, rest: bytes) -> None:
        self._rest = rest

    def part(self, name: bytes) -> bytes | None:
        """The content of the part `name`, None for one that is absent. Raises ValueError."""
        rest = self._rest.removeprefix(name)
        if len(rest) == len(self._rest):
            raise ValueError(f"no part {name!r}")
        if rest[:1] == b"-":
            self._rest = rest[1:]
            return None
        length, _, content = rest[1:].partition(b":")
        size = int(length)
        self._rest = content[size:]
        return content[:size]


def read_key(recipe: KeyRecipe, key: bytes, place: StoredPlace) -> KeyParts | None:
    """The parts of a `key` that `recipe` made, for an entry at `place`; None for another's key."""
    try:
        return _read(recipe, key, place)
    except ValueError:
        return None


def _read(recipe: KeyRecipe, key: bytes, place: StoredPlace) -> KeyParts:
    method = {b"O": "OPTIONS", b"H": "HEAD"}.get(key[:1], "GET")
    distribution, mark, rest = key.partition(b"\0")
    if not mark or not distribution.endswith(recipe.distribution.encode()):
        raise ValueError("the key of another distribution")
    headers: list[tuple[str, bytes | None]] = []
    cookies, encoding = b"", b""
    if not recipe.is_plain:
        reader = _PartReader(rest)
        headers += [(name.decode(), reader.part(name)) for name in recipe.headers]
        cookies, encoding = reader.part(b"c") or b"", reader.part(b"e") or b""
        headers += [(name, reader.part(name.encode())) for name in recipe.added_headers]
    pairs = [pair.partition(b"=") for pair in cookies.split(b"; ") if pair]
    return KeyParts(
        recipe.distribution,
        method,
        place.path,
        place.query,
        tuple(headers),
        tuple((name, content) for name, _, content in pairs),
        encoding,
    )
