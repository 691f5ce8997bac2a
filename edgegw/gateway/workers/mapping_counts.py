"""What event source mappings count, under their own id as AWS has it.

AWS counts for mappings that ask for it (`MetricsConfig`); here all of them count, as that is free.
Source: Lambda Developer Guide, "Types of metrics for Lambda functions", event source mappings.
"""

from __future__ import annotations

from edgegw.awslambda.metrics import WorkerMetric
from edgegw.awslambda.source_mapping import EventSourceMapping
from edgegw.execution.event_sources import CountEvents
from edgegw.gateway.workers import WorkerContext


def counting(mapping: EventSourceMapping, around: WorkerContext) -> CountEvents:
    """What a mapping's poller tells its counts."""
    function, figures = mapping.function.deployed_name, around.service.figures

    def count(metric: WorkerMetric, events: int) -> None:
        figures.note(function, metric, events, mapping=mapping.uuid)

    return count
