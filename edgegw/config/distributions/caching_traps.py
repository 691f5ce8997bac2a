"""Caching traps in a configuration and the sources that it names: part of `edgegw check`.

A configuration is not refused for them, nor are they looked for at start, which is to be quick.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgegw.cloudfront.cache.source_traps import SourceTrap, edge_source_traps, source_traps
from edgegw.cloudfront.model import Behavior
from edgegw.config.functions.handler_source import HandlerSource, handler_source
from edgegw.config.model import Config
from edgegw.errors import Finding


def caching_trap_findings(config: Config) -> list[Finding]:
    """A warning for each, at its place in the source."""
    return list(dict.fromkeys(_findings(config)))


def _findings(config: Config) -> Iterator[Finding]:
    for door in config.distributions:
        distribution = door.distribution
        for behavior in (*distribution.behaviors, distribution.default_behavior):
            for function, source, traps in _behavior_traps(config, behavior):
                for trap in traps:
                    text = f"{function} of {distribution.name} {trap.text}"
                    place = source.shown, trap.line, trap.column
                    yield Finding(*place, "warning", trap.code, text)


def _behavior_traps(
    config: Config, behavior: Behavior
) -> Iterator[tuple[str, HandlerSource, list[SourceTrap]]]:
    """The functions of a behavior, their sources, and the traps in those."""
    for trigger, association in behavior.associations.items():
        deployed = config.functions.get(association.function.name)
        source = deployed and handler_source(deployed.meant(association.function))
        if source is not None:
            given = source.text, source.language, source.handler
            yield str(association.function), source, source_traps(behavior, trigger, *given)
    for trigger, name in behavior.edge_functions.items():
        function = config.edge_functions.get(name)
        if function is not None:
            source = HandlerSource(Path(function.path), function.code, "nodejs", "handler")
            yield name, source, edge_source_traps(behavior, trigger, function.code)
