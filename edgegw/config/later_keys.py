"""Which keys of a configuration are taken, and have no effect yet."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, cast, get_args

from edgegw.config.document import KeyPath
from edgegw.config.fields import LATER, Model


def later_keys(model: Model, path: KeyPath = ()) -> list[KeyPath]:
    """The paths of all keys that were set and have no effect yet."""
    later, leading = _ways(type(model))
    without_effect: list[KeyPath] = [(*path, name) for name in model.model_fields_set & later]
    for name in model.model_fields_set & leading:
        without_effect += _later_below(getattr(model, name), (*path, name))
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


@lru_cache(maxsize=256)
def _ways(model: type[Model]) -> tuple[frozenset[str], frozenset[str]]:
    """The keys of `model` that have no effect yet, and the others below which some may stand."""
    fields = model.model_fields.items()
    later = frozenset(name for name, info in fields if any(mark is LATER for mark in info.metadata))
    leading = frozenset(
        name
        for name, info in fields
        if any(any(_ways(below)) for below in _models_in(info.annotation))
    )
    return later, leading - later


def _models_in(annotation: Any) -> Iterator[type[Model]]:
    """The models that an annotation names, at whatever depth."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
