"""Resolved configurations as bytes, for the next start and for the process beside this one."""

from __future__ import annotations

import copyreg
import pickle
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast


def pickled(value: object) -> bytes:
    """`value` with what it holds. Raises PicklingError, TypeError, AttributeError."""
    cast("Any", copyreg).pickle(MappingProxyType, _reduce_proxy)
    return pickle.dumps(value)


def _reduce_proxy(proxy: MappingProxyType[Any, Any]) -> tuple[object, tuple[dict[Any, Any]]]:
    return proxy_of, (dict(proxy),)


def proxy_of(mapping: dict[Any, Any]) -> Mapping[Any, Any]:
    """A read-only view; named for pickle, which cannot name its class."""
    return MappingProxyType(mapping)
