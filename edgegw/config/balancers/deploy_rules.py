"""What AWS would refuse of load balancers and target groups at deployment: names and quotas.

Source: Elastic Load Balancing, "Quotas for your Application Load Balancers"; API reference,
CreateLoadBalancer, CreateTargetGroup.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from edgegw.alb import quotas
from edgegw.config.balancers.guard_rules import check_guard_deployment
from edgegw.config.balancers.keys import LoadBalancer, TargetGroup
from edgegw.config.document import Document, KeyPath
from edgegw.config.schema import Config

_LOCAL_ONLY: Final = frozenset({"alb.health-check"})
"""Codes of warnings about what is fine here and refused by AWS."""


def check_balancer_deployment(document: Document, config: Config) -> None:
    """Adds what AWS would refuse; what plain checking only warns of becomes an error."""
    document.findings[:] = [
        replace(finding, severity="error") if finding.code in _LOCAL_ONLY else finding
        for finding in document.findings
    ]
    for name, group in config.target_groups.items():
        _check_name(document, ("target_groups", name), name, "target group")
        _check_targets(document, ("target_groups", name), group)
    for name, balancer in config.load_balancers.items():
        path: KeyPath = ("load_balancers", name)
        _check_name(document, path, name, "load balancer")
        if name.startswith("internal-"):
            text = "the name of a load balancer must not begin with internal-"
            document.error(path, "alb.name", text, key=True)
        _check_quotas(document, path, config, balancer)
        _check_actions(document, path, balancer)
        _check_certificates(document, path, balancer)
    _check_users(document, config)


def _verifying(balancer: LoadBalancer) -> int:
    """How many listeners verify clients."""
    modes = [listener.mutual_authentication for listener in balancer.listeners]
    return sum(given is not None and given.mode == "verify" for given in modes)


def _targets(config: Config, balancer: LoadBalancer) -> int:
    """How many targets its target groups have."""
    known = [config.target_groups.get(name) for name in _groups(balancer)]
    return sum(len(group.targets) for group in known if group is not None)


_QUOTAS: Final[tuple[tuple[int, str, Callable[[Config, LoadBalancer], int]], ...]] = (
    (
        quotas.MAX_LISTENERS,
        "{count} listeners; a load balancer has at most {most}",
        lambda _, balancer: len(balancer.listeners),
    ),
    (
        quotas.MAX_RULES,
        "{count} rules; a load balancer has at most {most}",
        lambda _, balancer: sum(len(listener.rules) for listener in balancer.listeners),
    ),
    (
        quotas.MAX_TARGET_GROUPS,
        "{count} target groups; a load balancer has at most {most}",
        lambda _, balancer: len(_groups(balancer)),
    ),
    (quotas.MAX_TARGETS, "{count} targets; a load balancer has at most {most}", _targets),
    (
        quotas.MAX_VERIFYING,
        "a load balancer has at most {most} listeners that verify clients",
        lambda _, balancer: _verifying(balancer),
    ),
)
"""Quotas of a load balancer: the most, what is said of more, and how many it has."""


def _check_quotas(
    document: Document, path: KeyPath, config: Config, balancer: LoadBalancer
) -> None:
    for most, text, count_of in _QUOTAS:
        if (count := count_of(config, balancer)) > most:
            document.error(path, "alb.quota", text.format(count=count, most=most), key=True)


def _check_certificates(document: Document, path: KeyPath, balancer: LoadBalancer) -> None:
    text = f"a listener has at most {quotas.MAX_CERTIFICATES} certificates beside its own"
    for at, listener in enumerate(balancer.listeners):
        if len(listener.certificates) > quotas.MAX_CERTIFICATES:
            where = (*path, "listeners", at, "certificates")
            document.error(where, "alb.quota", text, key=True)


def _check_users(document: Document, config: Config) -> None:
    """A target group belongs to one load balancer."""
    users: dict[str, set[str]] = {}
    for name, balancer in config.load_balancers.items():
        for group in _groups(balancer):
            users.setdefault(group, set()).add(name)
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


def _check_actions(document: Document, path: KeyPath, balancer: LoadBalancer) -> None:
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
                check_guard_deployment(document, (*where, number), action)
                if action.redirect is not None and action.redirect.query.startswith("?"):
                    text = "the query of a redirect has no ? in front: it is put there"
                    key = (*where, number, "redirect", "query")
                    document.error(key, "alb.redirect", text)


def _groups(balancer: LoadBalancer) -> set[str]:
    """The target groups that a load balancer forwards to."""
    names: set[str] = set()
    for listener in balancer.listeners:
        for actions in (*(rule.actions for rule in listener.rules), listener.default_actions):
            for action in actions:
                if action.forward is not None:
                    names |= {group.target_group for group in action.forward.target_groups}
    return names
