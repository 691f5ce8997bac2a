"""References between the parts of a configuration, and AWS's rules for them."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Final

from edgegw.config.balancers.rules import check_balancers
from edgegw.config.distributions.key_groups import check_key_groups
from edgegw.config.distributions.rules import check_distributions
from edgegw.config.document import Document, KeyPath
from edgegw.config.events.queue_rules import check_queues
from edgegw.config.events.rules import check_events
from edgegw.config.events.stream_rules import check_streams
from edgegw.config.functions.rules import (
    check_functions,
)
from edgegw.config.gateway.rules import check_surroundings
from edgegw.config.http_fronts.rules import check_http_fronts
from edgegw.config.identity.rules import check_identity_providers
from edgegw.config.later_keys import later_keys
from edgegw.config.listen_check import check_listening
from edgegw.config.path_check import check_paths
from edgegw.config.schema import Config


def check(document: Document, config: Config, base: FilePath) -> None:
    """Adds what is wrong with `config` to the findings of `document`.

    Relative paths are relative to the folder `base`.
    """
    for path in later_keys(config):
        text = f"{str(path[-1])!r} has no effect yet{_consequence(path)}"
        document.warning(path, "config.no-effect-yet", text, key=True)
    check_functions(document, config, base)
    if config.edge_functions or config.key_value_stores or _names_edge_functions(config):
        from edgegw.config.distributions.edge_function_rules import check_edge_functions

        check_edge_functions(document, config, base)
    check_distributions(document, config)
    check_key_groups(document, config, base)
    check_balancers(document, config, base)
    check_http_fronts(document, config)
    check_identity_providers(document, config)
    check_queues(document, config)
    check_streams(document, config)
    if config.event_sources:
        from edgegw.config.events.event_source_rules import check_event_sources

        check_event_sources(document, config, base)
    check_paths(document, config, base)
    check_listening(document, config)
    check_surroundings(document, config, base)
    check_events(document, config, base)


def _names_edge_functions(config: Config) -> bool:
    return any(
        behavior.edge_functions
        for distribution in config.distributions.values()
        for behavior in (distribution.default_behavior, *distribution.behaviors)
    )


_CONSEQUENCES: Final = {
    "authenticate_oidc": ": nobody is asked to sign in",
    "authenticate_cognito": ": nobody is asked to sign in",
    "jwt_validation": ": no token is checked",
    "endpoint": ": the function cannot be invoked",
}


def _consequence(path: KeyPath) -> str:
    return _CONSEQUENCES.get(str(path[-1]), "")
