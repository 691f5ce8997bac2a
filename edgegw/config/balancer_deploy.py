"""What AWS would refuse of load balancers and target groups at deployment: names and quotas.

Source: Elastic Load Balancing, "Quotas for your Application Load Balancers"; API reference,
CreateLoadBalancer, CreateTargetGroup.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Final

from edgegw.alb import quotas
from edgegw.config.balancer_schema import LoadBalancer, TargetGroup
from edgegw.config.document import Document, KeyPath
from edgegw.config.schema import Config

_LOCAL_ONLY: Final = frozenset({"alb.health-check"})
"""Codes of warnings about what is fine here and refused by AWS."""


def check_balancer_deployment(document: Document, config: Config) -> None:
    """Adds what AWS would refuse; what plain checking only warns of becomes an error."""
    document.findings[:] = [
        replace(each, severity="error") if each.code in _LOCAL_ONLY else each
        for each in document.findings
    ]
    users: dict[str, set[str]] = {}
    for name, group in config.target_groups.items():
        _check_name(document, ("target_groups", name), name, "target group")
        _check_targets(document, ("target_groups", name), group)
    for name, balancer in config.load_balancers.items():
        path: KeyPath = ("load_balancers", name)
        _check_name(document, path, name, "load balancer")
        if name.startswith("internal-"):
            text = "the name of a load balancer must not begin with internal-"
            document.error(path, "alb.name", text, key=True)
        groups = _groups(config, name)
        for group in groups:
            users.setdefault(group, set()).add(name)
        rules = sum(len(listener.rules) for listener in balancer.listeners)
        targets = sum(
            len(config.target_groups[each].targets)
            for each in groups
            if each in config.target_groups
        )
        for count, most, what in (
            (len(balancer.listeners), quotas.MAX_LISTENERS, "listeners"),
            (rules, quotas.MAX_RULES, "rules"),
            (len(groups), quotas.MAX_TARGET_GROUPS, "target groups"),
            (targets, quotas.MAX_TARGETS, "targets"),
        ):
            if count > most:
                text = f"{count} {what}; a load balancer has at most {most}"
                document.error(path, "alb.quota", text, key=True)
        verifying = [
            each
            for each in balancer.listeners
            if each.mutual_authentication is not None
            and each.mutual_authentication.mode == "verify"
        ]
        if len(verifying) > quotas.MAX_VERIFYING:
            text = (
                f"a load balancer has at most {quotas.MAX_VERIFYING} listeners that verify clients"
            )
            document.error(path, "alb.quota", text, key=True)
        _check_redirects(document, path, balancer)
        for at, listener in enumerate(balancer.listeners):
            if len(listener.certificates) > quotas.MAX_CERTIFICATES:
                text = (
                    f"a listener has at most {quotas.MAX_CERTIFICATES} certificates beside its own"
                )
                where = (*path, "listeners", at, "certificates")
                document.error(where, "alb.quota", text, key=True)
    for group, balancers in users.items():
        if len(balancers) > 1:
            listed = ", ".join(sorted(balancers))
            text = f"a target group belongs to one load balancer, not to {listed}"
            document.error(("target_groups", group), "alb.target-group", text, key=True)


def _check_name(document: Document, path: KeyPath, name: str, kind: str) -> None:
    if not quotas.RESOURCE_NAME.fullmatch(name):
        text = f"the name of a {kind} has 1 to 32 letters, digits and hyphens, none at its ends"
        document.error(path, "alb.name", text, key=True)


def _check_targets(document: Document, path: KeyPath, group: TargetGroup) -> None:
    """Addresses that AWS does not register, and a key of Lambda targets.

    Source: ELB User Guide for ALB, "Target type"; "Use Lambda functions as targets".
    """
    if group.target_type != "lambda" and group.multi_value_headers:
        text = f"multi_value_headers belongs to target_type lambda, not to {group.target_type}"
        document.error((*path, "multi_value_headers"), "alb.target-group", text)
    for at, target in enumerate(group.targets if group.target_type == "ip" else ()):
        try:
            address = ipaddress.ip_address(target.rpartition(":")[0].strip("[]"))
        except ValueError:
            continue  # a name, which is looked up here
        if not quotas.is_target_address(address):
            text = (
                f"AWS registers no public address such as {address}: targets are in the VPC, or in "
                "10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16"
            )
            document.error((*path, "targets", at), "alb.target", text)


def _check_redirects(document: Document, path: KeyPath, balancer: LoadBalancer) -> None:
    """Source: ELB API Reference, RedirectActionConfig, Query."""
    for at, listener in enumerate(balancer.listeners):
        base: KeyPath = (*path, "listeners", at)
        placed = [((*base, "default_actions"), listener.default_actions)]
        placed += [
            ((*base, "rules", number, "actions"), rule.actions)
            for number, rule in enumerate(listener.rules)
        ]
        for where, actions in placed:
            for number, action in enumerate(actions):
                if action.redirect is not None and action.redirect.query.startswith("?"):
                    text = "the query of a redirect has no ? in front: it is put there"
                    key = (*where, number, "redirect", "query")
                    document.error(key, "alb.redirect", text)


def _groups(config: Config, name: str) -> set[str]:
    """The target groups that a load balancer forwards to."""
    found: set[str] = set()
    for listener in config.load_balancers[name].listeners:
        for actions in (*(rule.actions for rule in listener.rules), listener.default_actions):
            for action in actions:
                if action.forward is not None:
                    found |= {each.target_group for each in action.forward.target_groups}
    return found
