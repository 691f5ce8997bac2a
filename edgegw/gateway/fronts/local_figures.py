"""What the local API answers about figures: metrics as Prometheus reads them, and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgegw.errors import UsageError
from edgegw.gateway.fronts.local_router import Call, json_answer, text_answer
from edgegw.http.message import Response

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway


class FigureOperations:
    """Answers from what was counted; what it takes is imported by the first question."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def metrics(self, _: Call) -> Response:
        """All metrics in Prometheus' text format."""
        from edgegw.cloudwatch.exposition import CONTENT_TYPE, exposition

        store, gauges = self._gateway.figures.gather_with_health()
        return text_answer(exposition(store, gauges), CONTENT_TYPE)

    def cost(self, call: Call) -> Response:
        """A month's cost of what ran; `?requests=N` scales it to so many requests."""
        from edgegw.gateway.figures.costs import (
            assumed_month,
            cost_record,
            measured_month,
            what_came,
        )

        requests = _requests(call.query.get("requests"))
        figures, config = self._gateway.figures, self._gateway.config
        figures.gather()
        edge = figures.figures.usage
        functions = figures.function_usage()
        if requests is not None and not what_came(edge, functions)[0]:
            return json_answer(cost_record(config, assumed_month(config, requests)))
        seconds = self._gateway.world.now() - figures.figures.since
        month = measured_month(edge, functions, seconds, requests)
        return json_answer(cost_record(config, month))


def _requests(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal():
        raise UsageError("'requests' must be a whole number")
    return int(text)
