"""Which keys of a configuration are taken, and have no effect yet."""

from __future__ import annotations

from typing import cast

from edgegw.config.document import KeyPath
from edgegw.config.fields import LATER, Model


def later_keys(model: Model, path: KeyPath = ()) -> list[KeyPath]:
    """The paths of all keys that were set and have no effect yet."""
    without_effect: list[KeyPath] = []
    for name in model.model_fields_set:
        info = type(model).model_fields[name]
        inner = (*path, name)
        if any(mark is LATER for mark in info.metadata):
            without_effect.append(inner)
        else:
            without_effect += _later_below(getattr(model, name), inner)
    return without_effect


def _later_below(value: object, path: KeyPath) -> list[KeyPath]:
    if isinstance(value, Model):
        return later_keys(value, path)
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return [below for key, item in items for below in _later_below(item, (*path, key))]
    if isinstance(value, list):
        listed = enumerate(cast("list[object]", value))
        return [below for at, item in listed for below in _later_below(item, (*path, at))]
    return []
