"""The access logs of distributions: which line an exchange leaves."""

from __future__ import annotations

from edgegw.cloudfront.access_log import (
    AccessLog,
    LogEntry,
    LogSizes,
    is_logged,
    log_line,
)
from edgegw.cloudfront.flow import Fetch, OriginRequest
from edgegw.cloudfront.model import Distribution
from edgegw.cloudfront.request_context import DistributionAnswer
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.log_files import LogWriter
from edgegw.gateway.origin_attempts import last_attempt
from edgegw.gateway.server_timing import origin_first_byte
from edgegw.gateway.sizes import received_bytes, response_size, sent_bytes
from edgegw.http.message import Request, Response
from edgegw.http.target import to_text


class DistributionLogs:
    """The access logs of all distributions."""

    def __init__(self) -> None:
        self._writer = LogWriter()

    def request(self, log: AccessLog, distribution: Distribution, exchange: Exchange) -> None:
        """Writes the line of a finished exchange."""
        self._put(log, entry_of(log, distribution, exchange))

    def refused(
        self,
        log: AccessLog,
        distribution: Distribution,
        page: Response,
        request: Request,
        now: float,
    ) -> None:
        """Writes the line of what could not be read as a request, and got `page`.

        `request` is what is known of it.
        """
        entry = LogEntry(
            distribution=distribution,
            request=request,
            request_id=to_text(page.headers.get(b"x-amz-cf-id") or b""),
            ended=now,
            time_taken=0.0,
            sizes=LogSizes(0, response_size(page, page.body.length or 0)),
            page=page,
        )
        self._put(log, entry)

    def _put(self, log: AccessLog, entry: LogEntry) -> None:
        if is_logged(entry.response):
            self._writer.put(log.path, log_line(log, entry), log.head)

    def close(self) -> None:
        """Writes what waits."""
        self._writer.close()


def entry_of(log: AccessLog, distribution: Distribution, exchange: Exchange) -> LogEntry:
    """What the log says of a finished exchange."""
    answer = next(
        (step for step, _, _ in reversed(exchange.steps) if isinstance(step, DistributionAnswer)),
        None,
    )
    duration = exchange.duration or 0.0
    before = sum(took for _, _, took in exchange.steps)
    fetched = origin_first_byte(exchange)
    attempt = last_attempt(exchange)
    return LogEntry(
        distribution=distribution,
        request=exchange.request if answer is None else answer.context.received,
        request_id=exchange.id,
        ended=exchange.started + duration,
        time_taken=duration,
        sizes=LogSizes(received_bytes(exchange), sent_bytes(exchange)),
        answer=answer,
        page=exchange.response,
        first_byte=before,
        origin_first_byte=fetched,
        # The origin's last byte comes with the viewer's: bodies are passed on as they come.
        origin_last_byte=None if fetched is None else fetched + max(duration - before, 0.0),
        origin_host=None if attempt is None else attempt.step.origin.domain_name,
        failover_code=None if attempt is None else attempt.failover_code,
        is_cut=exchange.delivery.cut is not None,
        is_gone=exchange.is_gone,
        is_generated=_is_generated(exchange),
        includes_cookies=log.includes_cookies,
        log_data=_log_data(exchange) if exchange.edge_outcomes else None,
    )


def _log_data(exchange: Exchange) -> dict[str, str]:
    """What CloudFront Functions had to say for the log, by trigger."""
    reports = {run.trigger: run.outcome.report for run in exchange.edge_runs}
    return {trigger: report.custom_log for trigger, report in reports.items() if report.custom_log}


def _is_generated(exchange: Exchange) -> bool:
    """Whether origin-request answered in the place of the origin."""
    kinds = [type(step) for step, _, _ in exchange.steps]
    return OriginRequest in kinds and Fetch not in kinds
