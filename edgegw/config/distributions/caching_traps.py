"""Caching traps in a configuration and the sources that it names: part of `edgegw check`.

A configuration is not refused for them, nor are they looked for at start, which is to be quick.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgegw.cloudfront.cache.source_traps import source_traps
from edgegw.config.functions.handler_source import handler_source
from edgegw.config.model import Config
from edgegw.errors import Finding


def caching_trap_findings(config: Config) -> list[Finding]:
    """A warning for each, at its place in the source."""
    return list(dict.fromkeys(_findings(config)))


def _findings(config: Config) -> Iterator[Finding]:
    for door in config.distributions:
        distribution = door.distribution
        for behavior in (*distribution.behaviors, distribution.default_behavior):
            for trigger, association in behavior.associations.items():
                deployed = config.functions.get(association.function.name)
                source = deployed and handler_source(deployed.meant(association.function))
                if source is None:
                    continue
                for trap in source_traps(
                    behavior, trigger, source.text, source.language, source.handler
                ):
                    text = f"{association.function} of {distribution.name} {trap.text}"
                    place = source.shown, trap.line, trap.column
                    yield Finding(*place, "warning", trap.code, text)
