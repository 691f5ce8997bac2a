"""Which keys and types an event source of the configuration has."""

from typing import Annotated, Literal

from pydantic import Field

from edgegw.awslambda.source_mapping import MAX_FILTERS, RANGES
from edgegw.config.fields import Anything, Model, Number, between


class ProvisionedPollers(Model):
    """Pollers that are always there, and how many they may become."""

    minimum: Annotated[int, between(RANGES["MinimumPollers"])] = 2
    maximum: Annotated[int, between(RANGES["MaximumPollers"])] = 200


class EventSource(Model):
    """A queue or stream of this file, and the function that handles what comes."""

    source: str
    function: str
    enabled: bool = True
    batch_size: Annotated[int, between(RANGES["BatchSize"])] | None = None
    batch_window: Annotated[int, between(RANGES["MaximumBatchingWindowInSeconds"])] = 0
    filters: Annotated[list[Anything], Field(max_length=MAX_FILTERS)] = []
    report_batch_item_failures: bool = False

    # Queues
    maximum_concurrency: Annotated[int, between(RANGES["MaximumConcurrency"])] | None = None
    provisioned_pollers: ProvisionedPollers | None = None

    # Streams
    starting_position: Literal["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"] | None = None
    starting_position_timestamp: Number | str | None = None
    parallelization_factor: Annotated[int, between(RANGES["ParallelizationFactor"])] = 1
    maximum_record_age: Annotated[int, between(RANGES["MaximumRecordAgeInSeconds"])] = -1
    maximum_retry_attempts: Annotated[int, between(RANGES["MaximumRetryAttempts"])] = -1
    bisect_batch_on_function_error: bool = False
    tumbling_window: Annotated[int, between(RANGES["TumblingWindowInSeconds"])] = 0
    on_failure: str | None = None
