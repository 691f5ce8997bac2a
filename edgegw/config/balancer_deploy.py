"""What AWS would refuse of load balancers and target groups at deployment: names and quotas.

Source: Elastic Load Balancing, "Quotas for your Application Load Balancers"; API reference,
CreateLoadBalancer, CreateTargetGroup.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from edgegw.alb import quotas
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
    for name in config.target_groups:
        _check_name(document, ("target_groups", name), name, "target group")
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
        text = f"the name of a {kind} has at most 32 letters, digits and hyphens, none at its ends"
        document.error(path, "alb.name", text, key=True)


def _groups(config: Config, name: str) -> set[str]:
    """The target groups that a load balancer forwards to."""
    found: set[str] = set()
    for listener in config.load_balancers[name].listeners:
        for actions in (*(rule.actions for rule in listener.rules), listener.default_actions):
            for action in actions:
                if action.forward is not None:
                    found |= {each.target_group for each in action.forward.target_groups}
    return found
