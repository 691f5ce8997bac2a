"""The world around the hooks: where viewers are, where names lead, what exists only here."""

from __future__ import annotations

import re
from pathlib import Path as FilePath
from typing import Final

from edgegw.cloudfront.viewer import ViewerError, viewer_place
from edgegw.config.document import Document
from edgegw.config.functions.rules import check_local_environment
from edgegw.config.gateway.hosts import NAME_FORM, host_problem, is_name
from edgegw.config.gateway.shared_cache_rules import check_shared_cache
from edgegw.config.gateway.tracing_rules import check_tracing
from edgegw.config.schema import Config

_ID: Final = re.compile(r"E[A-Z0-9]{1,31}")


def check_surroundings(document: Document, config: Config, base: FilePath) -> None:
    """Adds what is wrong with what `gateway` says of the surroundings, and with names and ids.

    Relative folders are relative to `base`.
    """
    gateway = config.gateway
    check_local_environment(document, ("gateway", "local_environment"), gateway.local_environment)
    for name, text in gateway.viewer.said().items():
        try:
            viewer_place({name: text})
        except ViewerError as error:
            document.error(("gateway", "viewer", name), "config.viewer", str(error))
    for name, url in gateway.hosts.items():
        problem = host_problem(name, url, base)
        if problem is not None:
            document.error(("gateway", "hosts", name), "config.hosts", problem)
    check_shared_cache(document, gateway.cache)
    check_tracing(document, gateway.tracing)
    _check_domain_names(document, config)
    _check_ids(document, config)


def _check_domain_names(document: Document, config: Config) -> None:
    """Each distribution has a name of its own."""
    taken: dict[str, str] = {}
    for name, distribution in config.distributions.items():
        domain = (distribution.domain_name or "").lower()
        if not domain:
            continue
        path = ("distributions", name, "domain_name")
        if not is_name(domain):
            text = f"{domain!r} is no name of DNS: {NAME_FORM}"
            document.error(path, "config.domain-name", text)
        elif domain in taken:
            text = f"{domain} is the name of the distribution {taken[domain]!r} already"
            document.error(path, "config.domain-name", text)
        taken.setdefault(domain, name)


def _check_ids(document: Document, config: Config) -> None:
    """Each distribution has an id of its own, in AWS's form."""
    taken: dict[str, str] = {}
    for name, distribution in config.distributions.items():
        identity = distribution.id
        if identity is None:
            continue
        path = ("distributions", name, "id")
        if not _ID.fullmatch(identity):
            text = f"{identity!r} is no id of a distribution: E, capitals and digits"
            document.error(path, "config.distribution-id", text)
        elif identity in taken:
            text = f"{identity} is the id of the distribution {taken[identity]!r} already"
            document.error(path, "config.distribution-id", text)
        taken.setdefault(identity, name)
