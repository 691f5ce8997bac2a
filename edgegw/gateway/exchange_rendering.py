"""An exchange for those who look at it: one line for the log, or plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from edgegw.alb.authentication.redaction import hidden, secrets_in
from edgegw.alb.model import Rule
from edgegw.alb.target_steps import ForwardTo, ReadBody
from edgegw.gateway.edge_run import EdgeRun
from edgegw.http.message import Headers, Request, Response
from edgegw.http.target import to_text

if TYPE_CHECKING:
    from edgegw.gateway.exchange import Exchange


def exchange_line(exchange: Exchange) -> str:
    """One line for the log: method, target, status, verdict, duration, functions."""
    status = exchange.response.status if exchange.response is not None else "-"
    duration = f"{exchange.duration * 1000:.1f}ms" if exchange.duration is not None else "-"
    parts = [
        exchange.front_door,
        exchange.request.method,
        to_text(exchange.request.target.raw),
        str(status),
        exchange.verdict,
        duration,
    ]
    for run in exchange.every_run:
        cold = " cold" if run.is_cold else ""
        parts.append(f"{run.trigger or 'target'}={run.function}:{run.duration * 1000:.1f}ms{cold}")
        if isinstance(run, EdgeRun):
            parts[-1] += f" {run.utilization}%"
    parts = hidden(parts, exchange_secrets(exchange))
    line = " ".join(part.replace("\r", "").replace("\n", "") for part in parts)
    if exchange.reason is not None:
        line += "\n    " + exchange.reason.replace("\n", "\n    ")
    for warning in exchange.warnings:
        line += f"\n    warning: {warning}"
    for stale in exchange.stale:
        line += f"\n    stale: {stale}"
    for fault in exchange.faults:
        line += f"\n    fault on demand: {fault}"
    return line


def exchange_dict(exchange: Exchange) -> dict[str, Any]:
    """The record as plain values, fit for JSON. Headers are lists of [name, value]."""
    return hidden(_whole_dict(exchange), exchange_secrets(exchange))


def exchange_secrets(exchange: Exchange) -> tuple[str, ...]:
    """What no record of it may show: tokens, sessions and codes of who signs in."""
    guards = [guard for listener in exchange.listeners for guard in listener.guards]
    requests = [exchange.request]
    if not guards:
        return secrets_in(requests, (), ())
    for step, _, _ in exchange.steps:
        request = getattr(step, "request", None)
        if isinstance(request, Request):
            requests.append(request)
    for inner in exchange.inner:
        requests += [step.request for step, _, _ in inner.steps if isinstance(step, _ON_THE_WAY)]
    answers = [] if exchange.response is None else [exchange.response.headers]
    return secrets_in(requests, answers, guards)


_ON_THE_WAY: Final = (ReadBody, ForwardTo)
"""Steps with the request as a target gets it."""


def _whole_dict(exchange: Exchange) -> dict[str, Any]:
    sent, got = exchange.origin_request, exchange.origin_response
    return {
        "id": exchange.id,
        "front_door": exchange.front_door,
        "kind": exchange.kind,
        "started": exchange.started,
        "duration": exchange.duration,
        "verdict": exchange.verdict,
        "reason": exchange.reason,
        "warnings": list(exchange.warnings),
        "findings": [trap.to_dict() for trap in exchange.findings],
        "stale": list(exchange.stale),
        "faults": list(exchange.faults),
        "breaches": [
            {"trigger": trigger, **violation.to_dict()} for trigger, violation in exchange.breaches
        ],
        "request": _request(exchange.request),
        "behavior": exchange.behavior.path_pattern if exchange.behavior else None,
        "rule": _rule(exchange.rule),
        "route": exchange.route,
        "target_group": exchange.target_group,
        "target": exchange.target,
        "functions": [
            {
                "trigger": run.trigger,
                "function": run.function,
                "event": run.event,
                "result": run.result,
                "error": run.error,
                "duration": run.duration,
                "cold": run.is_cold,
                "logs": list(run.logs),
                **({"utilization": run.utilization} if isinstance(run, EdgeRun) else {}),
            }
            for run in exchange.every_run
        ],
        "idle": exchange.idle,
        "cache": exchange.cache,
        "stripped": [part.to_dict() for part in exchange.stripped],
        "origin_request": _request(sent) if sent else None,
        "origin_response": _response(got) if got else None,
        "response": _response(exchange.response) if exchange.response else None,
        "response_bytes": exchange.response_bytes,
        "refetch": exchange.refetch.to_dict() if exchange.refetch else None,
        "inner": [inner.to_dict() for inner in exchange.inner],
    }


def _rule(rule: Rule | None) -> int | str | None:
    if rule is None:
        return None
    return "default" if rule.priority is None else rule.priority


def _request(request: Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "target": to_text(request.target.raw),
        "headers": _lines(request.headers),
        "client": request.client.address,
    }


def _response(response: Response) -> dict[str, Any]:
    return {
        "status": response.status,
        "reason": to_text(response.reason),
        "headers": _lines(response.headers),
    }


def _lines(headers: Headers) -> list[list[str]]:
    return [[to_text(name), to_text(value)] for name, value in headers]
