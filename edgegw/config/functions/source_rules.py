"""A look into the code of functions at the edge: what `check --deploy` points out, with its line.

Best effort, and never an error: what is written out in the file of the handler is seen, what is
computed or imported is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath

from edgegw.cloudfront.source_look import SourceFinding, source_findings
from edgegw.cloudfront.source_origins import Behind, OriginKey, origin_findings
from edgegw.cloudfront.triggers import TRIGGERS
from edgegw.config.distributions import keys
from edgegw.config.document import Document
from edgegw.config.functions.handler_source import HandlerSource, read_handler
from edgegw.config.functions.keys import Function, Version
from edgegw.config.schema import Config
from edgegw.errors import Finding


def look_into_source(
    document: Document, config: Config, name: str, qualifier: str, base: FilePath
) -> None:
    """Adds what stands out in the code of a version of a function at its triggers."""
    function = config.functions[name]
    source = _source(function, _version(function, qualifier), base)
    if source is None:
        return
    places = set(_places(config, name, qualifier))
    given = source.text, source.language, source.handler
    used = {place.trigger for place in places}
    remarks: list[SourceFinding] = []
    for trigger in TRIGGERS:
        remarks += source_findings(*given, trigger) if trigger in used else ()
    for remark in (*remarks, *origin_findings(*given, places)):
        finding = _finding(source.shown, remark)
        if finding not in document.findings:
            document.findings.append(finding)


def _finding(file: str, remark: SourceFinding) -> Finding:
    code = remark.rule.code
    return Finding(file, remark.line, remark.column, "warning", code, remark.text)


def _version(function: Function, qualifier: str) -> Version:
    number = qualifier or "1"
    alias = function.aliases.get(number)
    number = alias.version if alias is not None else number
    return function.versions.get(number) or Version.model_construct()


def _source(function: Function, version: Version, base: FilePath) -> HandlerSource | None:
    code = version.code or function.code
    if code is None:
        return None
    runtime, handler = version.runtime or function.runtime, version.handler or function.handler
    return read_handler(base / code, runtime, handler)


def _places(config: Config, name: str, qualifier: str) -> Iterator[Behind]:
    """Where a version of a function stands; a group of origins is each of its members."""
    for known_as, distribution in config.distributions.items():
        for behavior in (distribution.default_behavior, *distribution.behaviors):
            group = distribution.origin_groups.get(behavior.origin)
            origins = group.members if group is not None else [behavior.origin]
            for trigger, association in behavior.lambda_functions.items():
                if association.function.partition(":")[::2] == (name, qualifier):
                    for origin in origins:
                        if origin in distribution.origins:
                            kind = _kind(distribution.origins[origin])
                            yield Behind(trigger, kind, f"{known_as}/{origin}")


def _kind(origin: keys.Origin) -> OriginKey:
    """A website of a bucket is a custom origin too."""
    return "custom" if origin.s3 is None else "s3"
