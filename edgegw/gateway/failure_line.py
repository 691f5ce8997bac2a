"""Why a function's failure is a response's status, as one line for the header `x-edgegw-reason`.

The browser's network panel shows it where the terminal is not in sight: the code of the rule, and
where it was broken, in the result or in the function's source.
"""

from __future__ import annotations

from edgegw.alb.finish import BalancerAnswer
from edgegw.awslambda.http_events.steps import HttpAnswer
from edgegw.awslambda.model import FunctionError
from edgegw.cloudfront.error_causes import FailedEdgeFunction, FailedOutcome
from edgegw.cloudfront.request_context import DistributionAnswer
from edgegw.execution.service import LambdaService
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.failure_place import code_folders, failure_place, short_place
from edgegw.gateway.function_run import FunctionRun


def failure_line(exchange: Exchange, service: LambdaService) -> str | None:
    """`TRIGGER FUNCTION: CODE at PLACE`; None where no function failed.

    Function URLs and HTTP APIs say why in all their own pages: AWS's have no word of it.
    """
    step = exchange.steps[-1][0] if exchange.steps else None
    match step:
        case DistributionAnswer(cause=FailedOutcome() as cause):
            who = f"{cause.trigger} {cause.function.name}"
            refused = [violation for violation in cause.violations if violation.is_refused]
            if refused:
                return f"{who}: {refused[0].code} at {refused[0].path or 'the result'}"
            return f"{who}: {cause.rule.code}{_why(exchange, service)}"
        case DistributionAnswer(cause=FailedEdgeFunction() as cause):
            refused = [violation for violation in cause.violations if violation.is_refused]
            what = cause.rule.code
            if refused:
                what = f"{refused[0].code} at {refused[0].path or 'the result'}"
            return f"{cause.trigger} {cause.function}: {what}"
        case BalancerAnswer(refusal=refusal) if refusal and refusal.reason.startswith("Lambda"):
            runs = exchange.runs
            who = f"target {runs[-1].function}" if runs else "target"
            why = _why(exchange, service) or f": {refusal.detail}"
            return f"{who}: {refusal.reason}{why}"
        case HttpAnswer(refusal=refusal) if refusal is not None:
            has_run = any(isinstance(run.outcome, FunctionError) for run in exchange.runs)
            why = (has_run and _why(exchange, service)) or f": {refusal.detail}"
            return f"{exchange.kind} {exchange.front_door}: {refusal.fault}{why}"
        case _:
            return None


def _why(exchange: Exchange, service: LambdaService) -> str:
    """The error's name and the line of the user's own code; empty where the function returned."""
    failed: FunctionRun | None = next((run for run in exchange.runs if run.error), None)
    if failed is None or failed.error is None:
        return ""
    place = failure_place(failed, code_folders(service, failed.function))
    where = f" at {short_place(place)}" if place is not None else ""
    return f": {failed.error.partition(':')[0]}{where}"
