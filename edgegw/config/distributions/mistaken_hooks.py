"""CloudFront Functions that stand at triggers as Lambda@Edge functions: part of `edgegw check`.

They load no handler. A start does not look for them, as it would read every source; that a function
does not load is told then anyhow. The other way round is one of `edge_function_rules`.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgegw.cloudfront.edge_functions.hook_kinds import edge_function_sign
from edgegw.config.functions.handler_source import handler_source
from edgegw.config.model import Config
from edgegw.errors import Finding


def mistaken_hook_findings(config: Config) -> list[Finding]:
    """A warning for each, at its place in the source."""
    return list(dict.fromkeys(_findings(config)))


def _findings(config: Config) -> Iterator[Finding]:
    for door in config.distributions:
        distribution = door.distribution
        for behavior in (*distribution.behaviors, distribution.default_behavior):
            for association in behavior.associations.values():
                deployed = config.functions.get(association.function.name)
                source = deployed and handler_source(deployed.meant(association.function))
                if source is None or source.language != "nodejs":
                    continue
                sign = edge_function_sign(source.text)
                if sign is not None:
                    text = (
                        f"this is a CloudFront Function: {sign.text}, and exports nothing, so "
                        f"{association.function} has no handler: name the file under "
                        "edge_functions, and the function at edge_functions of the behavior"
                    )
                    place = source.shown, sign.line, sign.column
                    yield Finding(*place, "warning", "lambda-edge.edge-function", text)
