"""Which listener rule a request matches, and what its redirect and transforms make of it.

Source: ELB User Guide for ALB, "Listener rules", "Action types", "Transforms for listener rules".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal

from edgegw.alb.conditions import Subject
from edgegw.alb.expressions import compile_expression, compile_replacement, replace_first
from edgegw.alb.model import Listener, Redirect, Rewrite, Rule
from edgegw.http.grammar import NOT_IN_TARGET
from edgegw.http.message import Request
from edgegw.http.target import RequestTarget
from edgegw.values import value


def match_rule(listener: Listener, subject: Subject) -> Rule:
    """The first rule in order of priority whose conditions all hold, else the default rule.

    Source: ELB User Guide for ALB, "Listener rules".
    """
    for rule in listener.index.candidates(subject):
        if all(condition.holds(subject) for condition in rule.conditions):
            return rule
    return listener.default


@lru_cache(maxsize=256)
def without_port(host: bytes) -> bytes:
    """`host` less its `:port`; an IPv6 literal keeps its brackets."""
    if host.startswith(b"["):
        return host[: host.find(b"]") + 1] if b"]" in host else host
    return host.partition(b":")[0]


@lru_cache(maxsize=256)
def port_of(host: bytes) -> bytes:
    """The digits behind `:` in `host`, or empty bytes."""
    return host[len(without_port(host)) :].removeprefix(b":")


# Redirects

KEYWORDS: Final = {
    "protocol": ("protocol",),
    "host": ("host",),
    "port": ("port",),
    "path": ("host", "path", "port"),
    "query": ("protocol", "host", "port", "path", "query"),
}
"""Which keywords `#{…}` each field of a redirect may hold.

Source: ELB User Guide for ALB, "Redirect actions", keywords.
"""

_KEYWORD: Final = re.compile(r"#\{(\w+)\}")


def redirect_fault(field: str, text: str) -> str | None:
    """What is wrong with the `text` of a redirect's `field`, or None."""
    for found in _KEYWORD.finditer(text):
        if found[1] not in KEYWORDS[field]:
            known = ", ".join(f"#{{{each}}}" for each in KEYWORDS[field])
            return f"{found[0]} is not allowed in {field} (allowed: {known})"
    return None


def location(redirect: Redirect, subject: Subject, listener: Listener) -> bytes:
    """The Location of a redirect: the port is always written, an empty query is not.

    Source: ELB User Guide for ALB, "Redirect actions".
    """
    values = {
        "protocol": listener.protocol.lower().encode(),
        "host": subject.host,
        "port": str(listener.port).encode(),
        "path": subject.path_as_sent.removeprefix(b"/"),
        "query": subject.query or b"",
    }

    def filled(text: str) -> bytes:
        made, end = b"", 0
        for found in _KEYWORD.finditer(text):
            made += text[end : found.start()].encode() + values.get(found[1], b"")
            end = found.end()
        return made + text[end:].encode()

    made = b"%b://%b:%b%b" % (
        filled(redirect.protocol).lower(),
        filled(redirect.host),
        filled(redirect.port),
        filled(redirect.path),
    )
    query = filled(redirect.query)
    return made + b"?" + query if query else made


# Transforms

TransformStatus = Literal["TransformSuccess", "TransformInvalidHost", "TransformInvalidPath"]
"""`request_transform_status` of the access log; what cannot be compiled never gets so far."""


@value
class Transformed:
    """What transforms made of host and target; `status` is empty where nothing matched."""

    host: bytes | None
    target: RequestTarget | None
    status: TransformStatus | None


_HOST: Final = re.compile(rb"[A-Za-z0-9._\-]+(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?")


def compile_rewrite(regex: str, replace: str) -> Rewrite:
    """A transform, compiled. Raises ValueError with what is wrong."""
    pattern = compile_expression(regex)
    return Rewrite(regex, replace, pattern, compile_replacement(replace, pattern))


def transform(rule: Rule, request: Request, host: bytes) -> Transformed:
    """The rule's rewrites applied to `host` and to path and query as one string.

    The first match is replaced; what does not match stays.
    Source: ELB User Guide for ALB, "Transforms for listener rules"; uncertain beyond one match.
    """
    new_host = new_target = None
    if rule.host_rewrite is not None:
        new_host = replace_first(rule.host_rewrite.pattern, rule.host_rewrite.replacement, host)
        if new_host is not None and not _HOST.fullmatch(new_host):
            return Transformed(new_host, None, "TransformInvalidHost")
    if rule.url_rewrite is not None:
        rewrite = rule.url_rewrite
        made = replace_first(rewrite.pattern, rewrite.replacement, request.target.raw)
        if made is not None:
            if not made.startswith(b"/") or NOT_IN_TARGET.search(made):
                return Transformed(new_host, RequestTarget(made), "TransformInvalidPath")
            path, mark, query = made.partition(b"?")
            new_target = RequestTarget(path, query if mark else None)
    happened = new_host is not None or new_target is not None
    return Transformed(new_host, new_target, "TransformSuccess" if happened else None)
