"""What must hold for target groups and load balancers: AWS's rules beyond keys and types."""

from __future__ import annotations

from pathlib import Path as FilePath

from edgegw.alb import attributes
from edgegw.alb.rules import compile_rewrite
from edgegw.config.balancers import keys
from edgegw.config.balancers.actions import check_actions
from edgegw.config.balancers.conditions import check_conditions
from edgegw.config.balancers.one_key import only_key
from edgegw.config.balancers.own_clients import check_own_clients
from edgegw.config.balancers.target_group_rules import (
    check_attributes,
    check_target_group,
)
from edgegw.config.document import Document, KeyPath
from edgegw.config.files import is_file
from edgegw.config.schema import Config


def check_balancers(document: Document, config: Config, base: FilePath) -> None:
    """Adds what is wrong with target groups and load balancers to the findings."""
    for name, group in config.target_groups.items():
        check_target_group(document, ("target_groups", name), group, config)
    for name, balancer in config.load_balancers.items():
        path: KeyPath = ("load_balancers", name)
        check_attributes(document, path, balancer.attributes, attributes.LOAD_BALANCER)
        for at, listener in enumerate(balancer.listeners):
            _check_listener(document, (*path, "listeners", at), listener, config, base)
    check_own_clients(document, config)


# Listeners


def _check_listener(
    document: Document, path: KeyPath, listener: keys.Listener, config: Config, base: FilePath
) -> None:
    if (listener.certificate is None) != (listener.key is None):
        document.error(path, "alb.certificate", "'certificate' and 'key' belong together")
    check_attributes(document, path, listener.attributes, attributes.LISTENER)
    mutual = listener.mutual_authentication
    if mutual is not None:
        _check_mutual(document, path, listener, mutual, base)
    priorities: dict[int, int] = {}
    for at, rule in enumerate(listener.rules):
        where = (*path, "rules", at)
        if rule.priority in priorities:
            text = f"priority {rule.priority} stands here twice"
            document.error((*where, "priority"), "alb.priority", text)
        priorities[rule.priority] = at
        check_conditions(document, where, rule)
        _check_transforms(document, where, rule)
        check_actions(document, (*where, "actions"), rule.actions, config, listener)
    actions: KeyPath = (*path, "default_actions")
    check_actions(document, actions, listener.default_actions, config, listener)


def _check_mutual(
    document: Document,
    path: KeyPath,
    listener: keys.Listener,
    mutual: keys.MutualAuthentication,
    base: FilePath,
) -> None:
    where = (*path, "mutual_authentication")
    if mutual.mode != "off" and not (listener.listen.tls or listener.protocol == "HTTPS"):
        text = "mutual authentication needs a listener with protocol HTTPS"
        document.error(where, "alb.mutual-authentication", text, key=True)
    if (mutual.mode == "verify") != (mutual.trust_store is not None):
        text = "a trust_store belongs to mode verify, and mode verify needs one"
        document.error(where, "alb.mutual-authentication", text, key=True)
    elif mutual.trust_store is not None and not is_file(base / mutual.trust_store):
        text = f"there is no file {mutual.trust_store}"
        document.error((*where, "trust_store"), "config.file", text)


def _check_transforms(document: Document, path: KeyPath, rule: keys.Rule) -> None:
    seen: set[str] = set()
    for at, each in enumerate(rule.transforms):
        where = (*path, "transforms", at)
        kind = only_key(document, where, each, "transform")
        if kind is None:
            continue
        if kind in seen:
            document.error((*where, kind), "alb.transform", f"a rule has one {kind}", key=True)
        seen.add(kind)
        rewrite: keys.Rewrite = getattr(each, kind)
        try:
            compile_rewrite(rewrite.regex, rewrite.replace)
        except ValueError as error:
            document.error((*where, kind), "alb.transform", str(error), key=True)
    if rule.transforms and not any(action.forward for action in rule.actions):
        text = "transforms go with the action forward only"
        document.error((*path, "transforms"), "alb.transform", text, key=True)
