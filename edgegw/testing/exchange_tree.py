"""An exchange as a tree: which function changed what, what was found wrong, what was printed.

    GET /page → 502 LambdaValidationError   distribution site, 1.6 ms
    ├─ behavior *
    ├─ cache miss
    ├─ origin app: GET http://origin.test/page → 200
    ├─ viewer-response hook, 0.3 ms: changed
    │    status: "200" → "204"
    ├─ lambda-edge.viewer-response-status at status: found "204"; leave 200, …
    │    https://docs.aws.amazon.com/…
    └─ load balancer …

What tells who somebody is does not stand in it: see `test_reports.py` for what is cut.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from edgegw.alb.authentication.redaction import hidden
from edgegw.gateway.edge_run import EdgeRun
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.exchange_rendering import exchange_secrets
from edgegw.gateway.function_run import FunctionRun
from edgegw.http.target import to_text
from edgegw.testing.changes import changes
from edgegw.values import value

_PRINTED: Final = 20
"""Lines that a function printed which are shown, the last ones."""
_PARAMETER: Final = re.compile(
    r"([?&\"][^=&\s\"]*(?:token|secret|password|signature|api-?_?key)[^=&\s\"]*=)[^&\s\"]+", re.I
)
"""A parameter of a query that is called after a secret."""


@value
class Branch:
    """A line of a tree, and what stands below it."""

    text: str
    below: tuple[Branch, ...] = ()


def exchange_tree(exchange: Exchange) -> str:
    """The tree of one exchange, with those within it."""
    text = "\n".join(_drawn(_root(exchange)))
    text = _PARAMETER.sub(r"\1…", text)
    return hidden([text], exchange_secrets(exchange))[0]


def _drawn(branch: Branch) -> Iterator[str]:
    yield branch.text
    for at, below in enumerate(branch.below):
        is_last = at == len(branch.below) - 1
        lines = list(_drawn(below))
        yield f"{'└─' if is_last else '├─'} {lines[0]}"
        edge = "   " if is_last else "│  "
        yield from (edge + line for line in lines[1:])


def _root(exchange: Exchange) -> Branch:
    request, response = exchange.request, exchange.response
    status = "no answer" if response is None else str(response.status)
    spent = "" if exchange.duration is None else f", {exchange.duration * 1000:.1f} ms"
    head = f"{request.method} {to_text(request.target.raw)} → {status} {exchange.verdict}".rstrip()
    return Branch(
        f"{head}   {exchange.kind} {exchange.front_door}{spent}",
        tuple(_branches(exchange)),
    )


def _branches(exchange: Exchange) -> Iterator[Branch]:
    yield from _route(exchange)
    runs = exchange.every_run
    before = [run for run in runs if run.trigger in ("viewer-request", "origin-request")]
    yield from map(_run, before)
    yield from _cache(exchange)
    yield from _kept_back(exchange)
    yield from _origin(exchange)
    yield from (_run(run) for run in runs if run not in before)
    yield from _remarks(exchange)
    yield from map(_root, exchange.inner)


def _route(exchange: Exchange) -> Iterator[Branch]:
    if exchange.behavior is not None:
        yield Branch(f"behavior {exchange.behavior.path_pattern}")
    if exchange.rule is not None:
        rule = "default" if exchange.rule.priority is None else exchange.rule.priority
        target = f", target group {exchange.target_group}" if exchange.target_group else ""
        yield Branch(f"rule {rule}{target}")
    if exchange.route is not None:
        yield Branch(f"route {exchange.route}")


def _cache(exchange: Exchange) -> Iterator[Branch]:
    part = exchange.cache
    if part is None:
        return
    why = part.get("why") or part.get("not_stored")
    below = [] if part.key is None else [Branch(f"key {_compact(_telling(part.key))}")]
    yield Branch(f"cache {part.decision}{f': {why}' if why else ''}", tuple(below))


def _telling(key: Mapping[str, Any]) -> dict[str, Any]:
    return {name: given for name, given in key.items() if given and name != "distribution"}


def _origin(exchange: Exchange) -> Iterator[Branch]:
    part = exchange.origin
    if part is not None:
        status = "no answer" if part.response is None else part.response.status_code
        yield Branch(f"origin {part.name}: {part.request.method} {part.request.url} → {status}")


def _kept_back(exchange: Exchange) -> Iterator[Branch]:
    """Headers that a function at viewer-request added, and the policies kept from the origin."""
    runs = {run.trigger: run for run in exchange.every_run}
    run, part = runs.get("viewer-request"), exchange.origin
    if run is None or part is None or "origin-request" in runs:
        return
    added = {change.partition(": ")[0] for change in changes(run.trigger, run.event, run.result)}
    headers = [name.split(".")[1] for name in sorted(added) if name.startswith("+ headers.")]
    lost = [name for name in headers if name not in part.request.headers]
    if lost:
        why = "the origin request policy of the behavior, or its cache policy, has to name it"
        yield Branch(f"not sent to the origin: {', '.join(lost)}", (Branch(why),))


def _run(run: FunctionRun | EdgeRun) -> Branch:
    cold = ", cold" if run.is_cold else ""
    outcome = f"failed: {run.error}" if run.error else ""
    lines = [] if run.error else list(changes(run.trigger, run.event, run.result))
    if not outcome:
        outcome = "changed" if lines else "changed nothing"
    printed = [Branch(f"printed: {line.rstrip()}") for line in run.logs[-_PRINTED:]]
    head = f"{run.trigger or 'target'} {run.function}, {run.duration * 1000:.1f} ms{cold}"
    return Branch(f"{head}: {outcome}", (*map(Branch, lines), *printed))


def _remarks(exchange: Exchange) -> Iterator[Branch]:
    named: set[str] = set()
    for trigger, violation in exchange.breaches:
        word = "refused" if violation.is_refused else "warning"
        where = violation.path or "the result"
        advice = f"found {violation.actual}; {violation.expected}"
        named.add(violation.code)
        below = (Branch(advice), Branch(violation.rule.source))
        yield Branch(f"{word}: {violation.code} at {where} of {trigger}", below)
    for trap in exchange.findings:
        where = f"cloudfront.{trap.kind} in behavior {trap.path_pattern}"
        yield Branch(f"finding: {where}", (Branch(trap.text),))
    if exchange.reason and not any(code in exchange.reason for code in named):
        yield Branch(f"reason: {exchange.reason}".replace("\n", " "))
    yield from (Branch(f"warning: {text}") for text in _new(exchange.warnings, named))
    yield from (Branch(f"stale: {text}") for text in exchange.stale)
    yield from (Branch(f"fault on demand: {text}") for text in exchange.faults)
    for trigger, why in exchange.idle.items():
        yield Branch(f"{trigger} did not run: {why}")


def _new(texts: Iterable[str], named: set[str]) -> Iterator[str]:
    return (text for text in texts if not any(code in text for code in named))


def _compact(shown: Any) -> str:
    return json.dumps(shown, ensure_ascii=False)
