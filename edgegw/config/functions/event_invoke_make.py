"""`event_invoke` → what holds for events, by qualifier."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from edgegw.awslambda.async_invocation import EventInvokeConfig
from edgegw.awslambda.model import LATEST
from edgegw.config.functions.event_invoke_keys import EventInvoke
from edgegw.config.functions.keys import Function


def event_invoke_configs(given: Function, base: Path) -> Mapping[str, EventInvokeConfig]:
    """What is configured for the function (`$LATEST`), its versions and its aliases."""
    each: dict[str, EventInvoke | None] = {
        LATEST: given.event_invoke,
        **{number: version.event_invoke for number, version in given.versions.items()},
        **{name: alias.event_invoke for name, alias in given.aliases.items()},
    }
    return MappingProxyType(
        {qualifier: _config(one, base) for qualifier, one in each.items() if one is not None}
    )


def _config(given: EventInvoke, base: Path) -> EventInvokeConfig:
    return EventInvokeConfig(
        maximum_retry_attempts=given.maximum_retry_attempts,
        maximum_event_age=given.maximum_event_age,
        on_success=target_from(given.on_success, base),
        on_failure=target_from(given.on_failure, base),
    )


def dead_letter_of(given: Function, base: Path) -> str:
    """The dead-letter queue of a function; empty where it has none."""
    return target_from(given.event_invoke and given.event_invoke.dead_letter, base)


def target_from(text: str | None, base: Path) -> str:
    """A target with its path, if it is a file, from the root; empty for none."""
    if text is None or not text.startswith("file:"):
        return text or ""
    return f"file:{base / text.removeprefix('file:')}"
