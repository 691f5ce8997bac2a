"""What to write so that a cache key has what it lacks: the nearest change of a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgegw.cloudfront.cache.key_gaps import GapKind, KeyGap
from edgegw.cloudfront.managed import CACHE_POLICIES, find_policy
from edgegw.cloudfront.model import CachePolicy, Selection

_FIELDS: Final[dict[GapKind, str]] = {
    "cookie": "cookies",
    "header": "headers",
    "query": "query_strings",
}


def key_fix(policy: CachePolicy, names: Sequence[KeyGap]) -> str:
    """How `policy` gets the first of `names` into the key; which of several it is, is not known."""
    first = names[0]
    line = f"{_FIELDS[first.kind]}: {_written(_selection(policy, first.kind), first.name)}"
    if len(names) > 1:
        line += f" (if it is the {first})"
    if find_policy(CACHE_POLICIES, policy.name) is not None:
        return (
            f"{policy.name} is AWS's own and stays as it is: write a cache policy with {line}, "
            "and name that one"
        )
    return f"Write {line} in cache_policies.{policy.name}"


def _selection(policy: CachePolicy, kind: GapKind) -> Selection:
    return {
        "cookie": policy.cookies,
        "header": policy.headers,
        "query": policy.query_strings,
    }[kind]


def _written(selection: Selection, wanted: str) -> str:
    if selection.behavior == "allExcept":
        items = [name for name in selection.items if name != wanted]
        behavior = "allExcept" if items else "all"
    else:
        items = list(dict.fromkeys([*selection.items, wanted]))
        behavior = "whitelist"
    if not items:
        return f"{{behavior: {behavior}}}"
    return f"{{behavior: {behavior}, items: [{', '.join(items)}]}}"
