"""One run of a CloudFront Function within an exchange, as it is looked at afterwards."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from edgegw.cloudfront.edge_functions.model import EdgeCall, EdgeFailed, EdgeOutcome
from edgegw.cloudfront.triggers import ViewerTrigger
from edgegw.config.model import edge_owner
from edgegw.values import value


@value
class EdgeRun:
    """One run of a CloudFront Function; as `FunctionRun` answers, it does.

    `event` and `result` are JSON values, `duration` is in seconds, `utilization` 0 to 100.
    """

    trigger: ViewerTrigger
    function: str
    outcome: EdgeOutcome
    call: EdgeCall

    is_cold: ClassVar[bool] = False

    @property
    def owner(self) -> str:
        """What its code belongs to, by the name that changes of code have."""
        return edge_owner(self.function)

    @property
    def has_run(self) -> bool:
        """Whether it ran: what is throttled does not."""
        return not (isinstance(self.outcome, EdgeFailed) and self.outcome.kind == "throttled")

    @property
    def event(self) -> Any:
        return json.loads(self.call.event)

    @property
    def result(self) -> Any:
        return None if isinstance(self.outcome, EdgeFailed) else self.outcome.result

    @property
    def error(self) -> str | None:
        """Its error as the real runtime words it, or None when the handler returned."""
        return self.outcome.message if isinstance(self.outcome, EdgeFailed) else None

    @property
    def duration(self) -> float:
        return self.outcome.report.duration

    @property
    def utilization(self) -> int:
        """Its compute utilization."""
        return self.outcome.report.utilization

    @property
    def logs(self) -> tuple[str, ...]:
        """What the function printed."""
        return self.outcome.report.logs

    def log_lines(self) -> list[str]:
        """What the function printed, as `FunctionRun` has it with lines of Lambda around it."""
        return list(self.logs)
