"""Actions of listener rules: what must hold for each kind, and what it becomes.

A kind is a key of `keys.Action` and an entry in `ACTIONS`. A rule has exactly one action that
answers, with the highest `order`; one that asks who the client is may come before it, where clients
speak HTTPS.
Source: ELB User Guide for ALB, "Listener rules", rule actions; API reference, Action, Order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from edgegw.alb import model as alb
from edgegw.alb.rules import redirect_fault
from edgegw.config.balancers import keys
from edgegw.config.balancers.guard_keys import (
    AuthenticateCognito,
    AuthenticateOidc,
    JwtValidation,
)
from edgegw.config.balancers.guard_make import made_cognito, made_jwt, made_oidc
from edgegw.config.balancers.guard_rules import check_cognito, check_jwt, check_oidc
from edgegw.config.balancers.one_key import given_keys, only_key
from edgegw.config.balancers.target_group_rules import stickiness_of
from edgegw.config.document import Document, KeyPath
from edgegw.config.gateway.hosts import Hosts
from edgegw.config.schema import Config
from edgegw.config.spelling import nearest
from edgegw.http.grammar import TEXT_NOT_IN_TARGET
from edgegw.values import value


@value
class Reach:
    """What actions lead to: target groups by name, and where names lead on this machine."""

    groups: Mapping[str, alb.TargetGroup]
    hosts: Hosts = Hosts()


@value
class ActionKind:
    """A kind of action.

    `check` notes what is wrong with what is given at a place of a listener; `make` makes the action
    of it. `is_final`: it answers.
    """

    check: Callable[[Document, KeyPath, Any, Config, keys.Listener], None]
    make: Callable[[Any, Reach], alb.Action]
    is_final: bool = True


def check_actions(
    document: Document,
    path: KeyPath,
    actions: list[keys.Action],
    config: Config,
    listener: keys.Listener,
) -> None:
    """Adds what is wrong with the actions of a rule, at `path`, to the findings."""
    for at, action in enumerate(actions):
        where = (*path, at)
        only_key(document, where, action, "action")
        for name in sorted(given_keys(action)):
            kind = ACTIONS[name]
            if not kind.is_final and not listener.is_https:
                text = f"{name} needs a listener with protocol HTTPS"
                document.error(where, "alb.action", text)
            kind.check(document, (*where, name), getattr(action, name), config, listener)
    _check_number(document, path, actions)
    _check_order(document, path, actions)
    _check_protocol_versions(document, path, actions, config)


def _names(actions: list[keys.Action], *, is_final: bool) -> list[str]:
    """The kinds of the actions that answer, or of those that come before."""
    names = (name for action in actions for name in sorted(given_keys(action)))
    return [name for name in names if ACTIONS[name].is_final is is_final]


def _check_number(document: Document, path: KeyPath, actions: list[keys.Action]) -> None:
    if len(_names(actions, is_final=True)) != 1 and not document.is_left_empty_below(path):
        text = "a rule has exactly one of forward, redirect and fixed_response"
        document.error(path, "alb.actions", text, key=True)
    if len(_names(actions, is_final=False)) > 1:
        text = (
            "a rule has at most one of authenticate_oidc, authenticate_cognito and jwt_validation"
        )
        document.error(path, "alb.actions", text, key=True)


def _check_order(document: Document, path: KeyPath, actions: list[keys.Action]) -> None:
    orders = [action.order for action in actions]
    if len(actions) > 1 and (None in orders or len(set(orders)) < len(orders)):
        text = "several actions need an 'order' each, no two the same"
        document.error(path, "alb.actions", text, key=True)
        return
    before = "".join(_names(_in_order(actions)[-1:], is_final=False))
    final = "".join(_names(actions, is_final=True))
    if before and final in ACTIONS:
        text = f"{final} answers, so it comes last: its 'order' is higher than that of {before}"
        document.error(path, "alb.actions", text, key=True)


def _check_protocol_versions(
    document: Document, path: KeyPath, actions: list[keys.Action], config: Config
) -> None:
    """Source: ELB User Guide for ALB, "Target groups", considerations for gRPC and HTTP/2."""
    before = _names(actions, is_final=False)
    for action in actions if before else ():
        for member in action.forward.target_groups if action.forward is not None else ():
            group = config.target_groups.get(member.target_group)
            if group is not None and group.protocol_version != "HTTP1":
                text = (
                    f"target group {member.target_group!r} with protocol version "
                    f"{group.protocol_version} goes with forward alone, not with {before[0]}"
                )
                document.error(path, "alb.protocol-version", text, key=True)


def _in_order(actions: list[keys.Action]) -> list[keys.Action]:
    """As AWS does them: the lowest `order` first; a single one needs none."""
    return sorted(actions, key=lambda action: action.order or 0)


def made_actions(actions: list[keys.Action], reach: Reach) -> tuple[alb.Action, ...]:
    """The actions of a checked rule, in their order."""
    made: list[alb.Action] = []
    for action in _in_order(actions):
        (name,) = given_keys(action)
        made.append(ACTIONS[name].make(getattr(action, name), reach))
    return tuple(made)


def _check_redirect(
    document: Document, path: KeyPath, redirect: keys.Redirect, _: Config, listener: keys.Listener
) -> None:
    for field in ("host", "port", "path", "query"):
        text = getattr(redirect, field)
        fault = redirect_fault(field, text)
        if fault is None and TEXT_NOT_IN_TARGET.search(text):
            fault = "a blank cannot stand in the Location of a redirect: write %20"
        if fault is not None:
            document.error((*path, field), "alb.redirect", fault)
    if listener.is_https and redirect.protocol == "HTTP":
        text = "a listener with protocol HTTPS does not redirect to HTTP"
        document.error((*path, "protocol"), "alb.redirect", text)
    fields = keys.Redirect.model_fields
    if all(
        getattr(redirect, name) == fields[name].default
        for name in ("protocol", "host", "port", "path")
    ):
        text = "a redirect must change protocol, host, port or path, or it never ends"
        document.error(path, "alb.redirect", text, key=True)
    if redirect.port.isdigit() and int(redirect.port) > 65535:
        document.error((*path, "port"), "alb.redirect", "a port is a number from 1 to 65535")


def _check_forward(
    document: Document,
    path: KeyPath,
    forward: keys.Forward,
    config: Config,
    listener: keys.Listener,
) -> None:
    several = len(forward.target_groups) > 1
    holds = forward.stickiness is not None and forward.stickiness.enabled
    for at, member in enumerate(forward.target_groups):
        group = config.target_groups.get(member.target_group)
        if group is None:
            text = f"there is no target group {member.target_group!r}"
            where = (*path, "target_groups", at, "target_group")
            text += nearest(member.target_group, list(config.target_groups))
            document.error(where, "config.reference", text)
            continue
        is_sticky, kind = stickiness_of(group)
        if several and is_sticky:
            if not holds:
                text = (
                    f"target group {member.target_group!r} is sticky: a forward to several groups "
                    "then needs stickiness of its own"
                )
                document.error(path, "alb.stickiness", text, key=True)
            if kind == "app_cookie":
                text = "stickiness of type app_cookie does not go with several target groups"
                document.error(path, "alb.stickiness", text, key=True)
        if group.protocol_version != "HTTP1" and not listener.is_https:
            text = (
                f"target group {member.target_group!r} with protocol version "
                f"{group.protocol_version} needs a listener with protocol HTTPS"
            )
            document.error(path, "alb.protocol-version", text, key=True)


def _nothing_more(*_: object) -> None:
    """Keys and types are all that is judged."""


def _forward(given: keys.Forward, reach: Reach) -> alb.Forward:
    sticky = given.stickiness
    return alb.Forward(
        tuple((reach.groups[member.target_group], member.weight) for member in given.target_groups),
        sticky.duration if sticky is not None and sticky.enabled else None,
    )


def _redirect(given: keys.Redirect, _: Reach) -> alb.Redirect:
    return alb.Redirect(
        301 if given.status_code == "HTTP_301" else 302,
        given.protocol,
        given.host,
        given.port,
        given.path,
        given.query,
    )


def _fixed_response(given: keys.FixedResponse, _: Reach) -> alb.FixedResponse:
    return alb.FixedResponse(int(given.status_code), given.content_type, given.message_body)


def _oidc(given: AuthenticateOidc, reach: Reach) -> alb.Guard:
    return made_oidc(given, reach.hosts)


def _cognito(given: AuthenticateCognito, reach: Reach) -> alb.Guard:
    return made_cognito(given, reach.hosts)


def _jwt(given: JwtValidation, _: Reach) -> alb.Guard:
    return made_jwt(given)


ACTIONS: Final[Mapping[str, ActionKind]] = {
    "forward": ActionKind(_check_forward, _forward),
    "redirect": ActionKind(_check_redirect, _redirect),
    "fixed_response": ActionKind(_nothing_more, _fixed_response),
    "authenticate_oidc": ActionKind(check_oidc, _oidc, is_final=False),
    "authenticate_cognito": ActionKind(check_cognito, _cognito, is_final=False),
    "jwt_validation": ActionKind(check_jwt, _jwt, is_final=False),
}
