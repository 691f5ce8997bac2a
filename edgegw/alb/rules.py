"""Which listener rule a request matches."""

from __future__ import annotations

from edgegw.alb.model import Condition, HostHeader, Listener, PathPattern, Rule
from edgegw.http.wildcard import compile_wildcard


def path_pattern(values: tuple[str, ...]) -> PathPattern:
    """A path-pattern condition, compiled."""
    return PathPattern(values, tuple(compile_wildcard(value) for value in values))


def host_header(values: tuple[str, ...]) -> HostHeader:
    """A host-header condition, compiled."""
    return HostHeader(values, tuple(compile_wildcard(value, ignore_case=True) for value in values))


def match_rule(listener: Listener, *, path: bytes, host: bytes) -> Rule:
    """The first rule in order of priority whose conditions all hold, else the default rule.

    `path` is normalised, `host` comes with or without port.
    Source: ELB User Guide for ALB, "Listener rules" and "Condition types for listener rules".
    """
    bare_host = without_port(host)
    for rule in listener.rules:
        if all(_holds(condition, path, bare_host) for condition in rule.conditions):
            return rule
    return listener.default


def _holds(condition: Condition, path: bytes, host: bytes) -> bool:
    compared = path if isinstance(condition, PathPattern) else host
    return any(pattern.fullmatch(compared) for pattern in condition.compiled)


def without_port(host: bytes) -> bytes:
    """`host` less its `:port`; an IPv6 literal keeps its brackets."""
    if host.startswith(b"["):
        return host[: host.find(b"]") + 1] if b"]" in host else host
    return host.partition(b":")[0]


def port_of(host: bytes) -> bytes:
    """The digits behind `:` in `host`, or empty bytes."""
    return host[len(without_port(host)) :].removeprefix(b":")
