"""What a function URL or an HTTP API would do with a request, and why; nothing is invoked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgegw.awslambda.http_events.context import HttpFacts
from edgegw.awslambda.http_events.flow import start_api, start_url
from edgegw.awslambda.http_events.model import FunctionUrl, HttpApi
from edgegw.awslambda.http_events.routes import TriedRoute, tried_routes
from edgegw.awslambda.http_events.steps import HttpAnswer, HttpStep
from edgegw.http.message import Request
from edgegw.http.target import to_text


def explain_url(url: FunctionUrl, request: Request, facts: HttpFacts) -> dict[str, Any]:
    """The request at a function URL, as plain values: one route that takes everything, notes."""
    step = start_url(url, request, facts)
    mode = "streams to the client" if url.invoke_mode == "RESPONSE_STREAM" else "answers at its end"
    notes = [f"function {url.function} runs with payload 2.0 and {mode}"]
    if url.auth_type == "AWS_IAM":
        notes.insert(0, "the signature is checked once the body is there")
    routes = [{"route": "*", "matches": True, "why": "", "function": str(url.function)}]
    return _explanation(request, url.domain, routes, _notes(step, notes))


def explain_api(api: HttpApi, request: Request, facts: HttpFacts) -> dict[str, Any]:
    """The request at an HTTP API, as plain values: every route tried, in order, and notes."""
    step = start_api(api, request, facts)
    tried = tried_routes(api, request.method, request.target.path)
    chosen = next((trial for trial in tried if trial.parameters is not None), None)
    notes: list[str] = []
    if chosen is not None:
        route = chosen.route
        notes.append(f"function {route.function} runs with payload {route.payload}")
        notes += [f"{{{name}}} is {text}" for name, text in (chosen.parameters or {}).items()]
    return _explanation(request, api.domain, list(map(_route, tried)), _notes(step, notes))


def _route(trial: TriedRoute) -> dict[str, Any]:
    return {
        "route": trial.route.key,
        "matches": trial.parameters is not None,
        "why": "" if trial.parameters is not None else trial.why,
        "function": str(trial.route.function),
    }


def _notes(step: HttpStep, notes: list[str]) -> list[str]:
    """What follows: the function, or why it does not run."""
    if not isinstance(step, HttpAnswer):
        return notes
    status = step.response.status
    if step.is_preflight:
        return [f"a preflight: the front door answers {status} itself, no function runs"]
    detail = step.refusal.detail if step.refusal is not None else ""
    return [f"answers {status} itself: {detail}"]


def _explanation(
    request: Request, domain: str, routes: list[dict[str, Any]], notes: list[str]
) -> dict[str, Any]:
    explanation: Mapping[str, Any] = {
        "request": f"{request.method} {to_text(request.target.raw)}",
        "domain": domain,
        "routes": routes,
        "notes": notes,
    }
    return dict(explanation)
