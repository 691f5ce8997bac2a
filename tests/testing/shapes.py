"""Whether a value has the shape that a TypedDict says: every key that it needs, and no other."""

from __future__ import annotations

import types
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints


def misfits(value: Any, shape: Any, path: str = "") -> list[str]:
    """Where `value` differs from `shape`; empty where it fits."""
    origin = get_origin(shape)
    if shape is Any:
        return []
    if origin in (Required, NotRequired):
        return misfits(value, get_args(shape)[0], path)
    if origin in (Union, types.UnionType):
        tried = [misfits(value, one, path) for one in get_args(shape)]
        return [] if [] in tried else min(tried, key=len)
    if origin is Literal:
        return [] if value in get_args(shape) else [f"{path}: {value!r} is none of {shape}"]
    if origin is list:
        (of,) = get_args(shape)
        return [
            text
            for at, one in enumerate(value if isinstance(value, list) else [])
            for text in misfits(one, of, f"{path}[{at}]")
        ] + ([] if isinstance(value, list) else [f"{path}: {value!r} is no list"])
    if origin is dict:
        if not isinstance(value, dict):
            return [f"{path}: {value!r} is no object"]
        _, of = get_args(shape)
        return [text for name in value for text in misfits(value[name], of, f"{path}.{name}")]
    if hasattr(shape, "__required_keys__"):
        return _of_keys(value, shape, path)
    if shape is float:
        shape = (int, float)
    is_right = isinstance(value, shape or type(None)) and not (
        shape is int and isinstance(value, bool)
    )
    return [] if is_right else [f"{path}: {value!r} is no {shape}"]


def _of_keys(value: Any, shape: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: {value!r} is no object"]
    hints = get_type_hints(shape, include_extras=True)
    needed = {
        name
        for name in shape.__required_keys__ | shape.__optional_keys__
        if name in shape.__required_keys__ and get_origin(hints[name]) is not NotRequired
    }
    texts = [f"{path}.{name} is missing" for name in sorted(needed - value.keys())]
    texts += [f"{path}.{name} is not known" for name in sorted(value.keys() - hints.keys())]
    for name in value.keys() & hints.keys():
        texts += misfits(value[name], hints[name], f"{path}.{name}")
    return texts
