"""What each behavior's answers come from, as a digest: for a cache that outlives the gateway.

A reload compares two configurations that are both at hand (`cache_control.outdated`). A gateway
that begins has only what the last one left beside its entries: a digest for each behavior. It
covers what a reload looks at: key, policies, origin, functions at the origin's side with the
content of their code, and a load balancer of the same configuration.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, cast

from edgegw.awslambda.versions import Deployed
from edgegw.cloudfront.model import Behavior
from edgegw.config.model import Config
from edgegw.gateway.cache_control import behaviors_of, functions_at_origin
from edgegw.gateway.code_files import Claim


def behavior_digests(config: Config) -> dict[tuple[str, str], str]:
    """The digest of each behavior, by id of the distribution and path pattern.

    Reads the code of functions: not where requests wait.
    """
    functions = _FunctionTexts(config)
    return {
        place: hashlib.sha256(_source_of(behavior, config, functions).encode()).hexdigest()
        for place, behavior in behaviors_of(config).items()
    }


class _FunctionTexts:
    """What each function is, looked at once."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._texts: dict[str, str] = {}

    def text(self, name: str) -> str:
        known = self._texts.get(name)
        if known is None:
            config = self._config
            code = [_code_digest(path) for owner, path in config.code if owner == name]
            known = self._texts[name] = stable_text((_placeless(config.functions.get(name)), code))
        return known


def _code_digest(path: str) -> str:
    """Names and contents of the files that a reload would look at."""
    digest, top = hashlib.sha256(), Path(path)
    files, _ = Claim("", path, is_source=top.suffix != ".zip").look()
    for file in sorted(files):
        name = os.path.relpath(file, top if top.is_dir() else top.parent)
        digest.update(os.fsencode(name) + b"\0")
        with contextlib.suppress(OSError):
            digest.update(hashlib.sha256(Path(file).read_bytes()).digest())
    return digest.hexdigest()


def _placeless(deployed: Deployed | None) -> object:
    """A function without where its code lies: gateways may have it in different folders."""
    if deployed is None:
        return None
    versions = {
        number: replace(version, code="", layers=())
        for number, version in deployed.versions.items()
    }
    return replace(deployed, latest=replace(deployed.latest, code="", layers=()), versions=versions)


def _source_of(behavior: Behavior, config: Config, functions: _FunctionTexts) -> str:
    names = set(functions_at_origin(behavior))
    doors = [door for door in config.inner_doors if door.hosts[0] in _domain_names(behavior)]
    names.update(ref.name for door in doors for ref in door.functions)
    parts = (
        *(behavior.cache, behavior.key, behavior.forwarding, behavior.compress),
        *(behavior.origin, behavior.fallback, doors),
        {t: a for t, a in behavior.associations.items() if t.startswith("origin")},
    )
    return stable_text(parts) + "".join(functions.text(name) for name in sorted(names))


def _domain_names(behavior: Behavior) -> set[str]:
    fallback = behavior.fallback
    others = set[str]() if fallback is None else {fallback.origin.domain_name}
    return {behavior.origin.domain_name} | others


def stable_text(content: object) -> str:
    """`content` as text that is the same in every process: sets and mappings in order."""
    match content:
        case None | bool() | int() | float() | str() | bytes():
            return repr(content)
        case re.Pattern():
            return repr(cast("re.Pattern[Any]", content).pattern)
        case AbstractSet():
            return f"{{{','.join(sorted(map(stable_text, cast('AbstractSet[object]', content))))}}}"
        case Mapping():
            pairs = cast("Mapping[object, object]", content).items()
            return f"{{{','.join(sorted(f'{stable_text(k)}:{stable_text(v)}' for k, v in pairs))}}}"
        case tuple() | list():
            return f"({','.join(map(stable_text, cast('tuple[object, ...]', content)))})"
        case _ if is_dataclass(content) and not isinstance(content, type):
            compared = [field.name for field in fields(content) if field.compare]
            shown = ",".join(stable_text(getattr(content, name)) for name in compared)
            return f"{type(content).__name__}({shown})"
        case _:
            return str(getattr(content, "__qualname__", type(content).__qualname__))
