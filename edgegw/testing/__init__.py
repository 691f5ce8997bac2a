"""Tests and experiments in process: events, one invocation, clocks, expectations, simulations.

Everything is imported when it is first asked for, as in the package itself.

    lambda_edge_events, cloudfront_function_events, http_function_events   events to call a
                                             function with; `described` is what all understand
    invoking, judging                        one call of a handler; what AWS says of its result
    expectations, exchange_tree, changes     what an answer was, and why
    simulation, differential                 experiments on a population of viewers; the gateway
                                             beside what is deployed
    arguments, warm_gateways, viewers,       what the pytest plugin does
    failure_report
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgegw.gateway.clock import Clock
    from edgegw.testing.cloudfront_function_events import (
        cloudfront_function_request,
        cloudfront_function_response,
    )
    from edgegw.testing.described import (
        GivenBody,
        GivenHeaders,
        GivenQuery,
    )
    from edgegw.testing.exchange_tree import exchange_tree
    from edgegw.testing.expectations import assert_allowed, assert_redirects
    from edgegw.testing.http_function_events import (
        alb_request,
        apigw_v1_request,
        apigw_v2_request,
        function_url_request,
    )
    from edgegw.testing.invoking import invoke
    from edgegw.testing.judging import ResultVerdict, validate
    from edgegw.testing.lambda_edge_events import (
        header_lines,
        origin_request,
        origin_response,
        viewer_request,
        viewer_response,
    )
    from edgegw.testing.simulation.report import SimulationReport
    from edgegw.testing.simulation.simulating import simulate
    from edgegw.testing.viewers import (
        DEVICES,
        ViewerProfile,
        viewer_profile,
    )

__all__ = [
    "DEVICES",
    "Clock",
    "GivenBody",
    "GivenHeaders",
    "GivenQuery",
    "ResultVerdict",
    "SimulationReport",
    "ViewerProfile",
    "alb_request",
    "apigw_v1_request",
    "apigw_v2_request",
    "assert_allowed",
    "assert_redirects",
    "cloudfront_function_request",
    "cloudfront_function_response",
    "exchange_tree",
    "function_url_request",
    "header_lines",
    "invoke",
    "origin_request",
    "origin_response",
    "simulate",
    "validate",
    "viewer_profile",
    "viewer_request",
    "viewer_response",
]

_HOMES: dict[str, str] = {
    "Clock": "edgegw.gateway.clock",
    "cloudfront_function_request": "edgegw.testing.cloudfront_function_events",
    "cloudfront_function_response": "edgegw.testing.cloudfront_function_events",
    "GivenBody": "edgegw.testing.described",
    "GivenHeaders": "edgegw.testing.described",
    "GivenQuery": "edgegw.testing.described",
    "exchange_tree": "edgegw.testing.exchange_tree",
    "assert_allowed": "edgegw.testing.expectations",
    "assert_redirects": "edgegw.testing.expectations",
    "alb_request": "edgegw.testing.http_function_events",
    "apigw_v1_request": "edgegw.testing.http_function_events",
    "apigw_v2_request": "edgegw.testing.http_function_events",
    "function_url_request": "edgegw.testing.http_function_events",
    "invoke": "edgegw.testing.invoking",
    "ResultVerdict": "edgegw.testing.judging",
    "validate": "edgegw.testing.judging",
    "header_lines": "edgegw.testing.lambda_edge_events",
    "origin_request": "edgegw.testing.lambda_edge_events",
    "origin_response": "edgegw.testing.lambda_edge_events",
    "viewer_request": "edgegw.testing.lambda_edge_events",
    "viewer_response": "edgegw.testing.lambda_edge_events",
    "SimulationReport": "edgegw.testing.simulation.report",
    "simulate": "edgegw.testing.simulation.simulating",
    "DEVICES": "edgegw.testing.viewers",
    "ViewerProfile": "edgegw.testing.viewers",
    "viewer_profile": "edgegw.testing.viewers",
}
"""Where each name is defined."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'edgegw.testing' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
