"""Why a request goes where it goes in a distribution: decisions of `flow`, with reasons kept.

Functions do not run for it, so all that follows one is said as if that changed nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.behaviors import (
    DistributionRefusal,
    RedirectToHttps,
    admit,
    choose_behavior,
    compared_path,
    refuse_host,
    refuse_size,
    with_default_root_object,
)
from edgegw.cloudfront.dropped import Dropped, dropped
from edgegw.cloudfront.model import Behavior, Distribution, Origin, S3Origin
from edgegw.cloudfront.origin_request import origin_request
from edgegw.cloudfront.stripped import StrippedPart, stripped
from edgegw.cloudfront.triggers import TRIGGERS, Trigger
from edgegw.http.authority import authority_of
from edgegw.http.message import Request
from edgegw.http.target import to_text
from edgegw.values import value


class BehaviorVerdict(NamedTuple):
    """A behavior that was tried, and why it takes the request or does not."""

    path_pattern: str
    matches: bool
    why: str

    def to_dict(self) -> dict[str, Any]:
        """As plain values, fit for JSON."""
        return {"path_pattern": self.path_pattern, "matches": self.matches, "why": self.why}


@value
class DistributionExplanation:
    """The way of one request through a distribution.

    `policies` are names by kind, `functions` run in this order. `refusal` is there where CloudFront
    answers itself before any of them; `sent` is what leaves for `origin` otherwise, `lost` what the
    policies keep from it, and `stripped` says why. `notes` are further facts, one a line.
    """

    request: str
    distribution: str
    behaviors: tuple[BehaviorVerdict, ...]
    behavior: str
    policies: tuple[tuple[str, str], ...]
    functions: tuple[tuple[Trigger, str], ...]
    origin: str
    refusal: str | None
    sent: Request
    lost: Dropped
    stripped: tuple[StrippedPart, ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain values, fit for JSON. Headers are lists of [name, value]."""
        return {
            "request": self.request,
            "distribution": self.distribution,
            "behaviors": [verdict.to_dict() for verdict in self.behaviors],
            "behavior": self.behavior,
            "policies": dict(self.policies),
            "functions": [{"trigger": at, "function": name} for at, name in self.functions],
            "refusal": self.refusal,
            "origin": self.origin,
            "sent": {
                "method": self.sent.method,
                "target": to_text(self.sent.target.raw),
                "headers": [[to_text(name), to_text(text)] for name, text in self.sent.headers],
            },
            "dropped": {
                "headers": list(self.lost.headers),
                "cookies": list(self.lost.cookies),
                "query_strings": list(self.lost.query_strings),
            },
            "stripped": [part.to_dict() for part in self.stripped],
            "notes": list(self.notes),
        }


def explain(
    distribution: Distribution, request: Request, facts: DistributionFacts
) -> DistributionExplanation:
    """The way of `request`, without running or sending anything."""
    behavior = choose_behavior(distribution, request.target.path)
    shown = with_default_root_object(distribution, request)
    sent = origin_request(behavior.forwarding, shown, behavior.origin, facts)
    host = to_text(request.headers.get(b"host") or b"")
    return DistributionExplanation(
        f"{request.method} {request.scheme}://{host}{to_text(request.target.raw)}",
        distribution.name,
        tuple(_verdicts(distribution, behavior, request)),
        behavior.path_pattern,
        tuple(_policies(behavior)),
        tuple(_functions(behavior)),
        origin_text(behavior.origin),
        _refusal(distribution, behavior, request),
        sent,
        dropped(request, sent),
        tuple(stripped(behavior.forwarding, shown, sent)),
        tuple(_notes(distribution, behavior, request)),
    )


def _verdicts(
    distribution: Distribution, chosen: Behavior, request: Request
) -> list[BehaviorVerdict]:
    """The behaviors up to the one that takes the request."""
    path = to_text(compared_path(request.target.path))
    verdicts: list[BehaviorVerdict] = []
    for behavior in distribution.behaviors:
        if behavior is chosen:
            return [
                *verdicts,
                BehaviorVerdict(behavior.path_pattern, matches=True, why=f"the path is {path}"),
            ]
        why = f"the path is {path}" + _nearly(behavior, path)
        verdicts.append(BehaviorVerdict(behavior.path_pattern, matches=False, why=why))
    default = chosen.path_pattern
    return [
        *verdicts,
        BehaviorVerdict(default, matches=True, why="the default behavior takes the rest"),
    ]


def _nearly(behavior: Behavior, path: str) -> str:
    """A hint where the pattern would fit if it were read as many read it."""
    pattern = behavior.path_pattern
    if behavior.compiled.fullmatch(path.lower().encode()) or (
        pattern.lower() != pattern and path.lower().startswith(pattern.lower().rstrip("*"))
    ):
        return ", and case counts"
    if pattern.endswith("/*") and path == "/" + pattern[:-2].lstrip("/"):
        return ", and the pattern needs a slash behind it"
    if "*" not in pattern and path.startswith("/" + pattern.strip("/") + "/"):
        return ", and a pattern without * fits the whole path only"
    return ""


def _policies(behavior: Behavior) -> list[tuple[str, str]]:
    forwarding = behavior.forwarding
    if forwarding.forwarded_values is not None:
        return [("forwarded_values", str(forwarding.forwarded_values))]
    policies = [("cache_policy", forwarding.cache_policy.name)]
    if forwarding.origin_request_policy is not None:
        policies.append(("origin_request_policy", forwarding.origin_request_policy.name))
    return policies


def _functions(behavior: Behavior) -> list[tuple[Trigger, str]]:
    names: dict[Trigger, str] = {
        **{at: str(one.function) for at, one in behavior.associations.items()},
        **behavior.edge_functions,
    }
    return [(at, names[at]) for at in TRIGGERS if at in names]


def origin_text(origin: Origin) -> str:
    """An origin as its URL."""
    if isinstance(origin, S3Origin):
        return f"s3://{origin.domain_name}{origin.path}"
    authority = authority_of(origin.domain_name, origin.port)
    return f"{origin.protocol}://{authority}{origin.path}"


def _refusal(distribution: Distribution, behavior: Behavior, request: Request) -> str | None:
    """What CloudFront answers itself before any function runs."""
    answer = refuse_size(request) or refuse_host(distribution, request) or admit(behavior, request)
    match answer:
        case DistributionRefusal():
            return f"{answer.status}: {answer.detail}"
        case RedirectToHttps():
            return f"{answer.status}: redirected to https, as viewer_protocol_policy says"
        case None:
            return None


def _notes(distribution: Distribution, behavior: Behavior, request: Request) -> list[str]:
    notes: list[str] = []
    root = distribution.default_root_object
    if root and request.target.path == b"/":
        notes.append(f"the default root object: / is /{root}")
    if behavior.fallback is not None:
        codes = ", ".join(map(str, sorted(behavior.fallback.codes)))
        other = origin_text(behavior.fallback.origin)
        methods = ", ".join(sorted(behavior.fallback.methods))
        notes.append(f"origin group: on {codes}, or without an answer, {methods} go to {other}")
    if behavior.forwarding.keeps_cookie is None:
        notes.append("no cookie is forwarded, so Set-Cookie is removed from every response")
    if "viewer-response" in {**behavior.associations, **behavior.edge_functions}:
        notes.append("viewer-response does not run where the origin answers 400 or more")
    return notes
