"""What must hold for event sources beyond keys and types."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from edgegw.awslambda.destinations import STREAM_DESTINATIONS
from edgegw.awslambda.event_pattern import Pattern, PatternError, compile_pattern
from edgegw.awslambda.event_source import words_of_rules_only
from edgegw.awslambda.names import Account
from edgegw.awslambda.payload import decode_payload
from edgegw.awslambda.record_fields import RECORD_FIELDS
from edgegw.awslambda.source_mapping import (
    SOURCE_RULES,
    KnownSource,
    settings_problem,
)
from edgegw.config.distributions.origin_rules import refer
from edgegw.config.document import Document, KeyPath
from edgegw.config.events.destination_rules import check_target
from edgegw.config.events.event_source_keys import EventSource
from edgegw.config.events.event_source_make import (
    configured_sources,
    filter_text,
    mapping_of,
    timestamp_of,
)
from edgegw.config.functions.rules import check_reference
from edgegw.config.schema import Config
from edgegw.config.spelling import nearest

_KEYS: Final = {
    "BatchSize": "batch_size",
    "MaximumBatchingWindowInSeconds": "batch_window",
    "ScalingConfig": "maximum_concurrency",
    "ProvisionedPollerConfig": "provisioned_pollers",
    "StartingPosition": "starting_position",
    "StartingPositionTimestamp": "starting_position_timestamp",
    "ParallelizationFactor": "parallelization_factor",
    "MaximumRecordAgeInSeconds": "maximum_record_age",
    "MaximumRetryAttempts": "maximum_retry_attempts",
    "BisectBatchOnFunctionError": "bisect_batch_on_function_error",
    "TumblingWindowInSeconds": "tumbling_window",
    "DestinationConfig": "on_failure",
}
"""The keys of the configuration by AWS's names."""


def check_event_sources(document: Document, config: Config, base: Path) -> None:
    """Adds what is wrong with event sources to the findings of `document`; files are in `base`."""
    account = Account(config.gateway.region, config.gateway.account_id)
    sources = configured_sources(config, account)
    seen: dict[tuple[str, str], int] = {}
    for at, given in enumerate(config.event_sources):
        path: KeyPath = ("event_sources", at)
        refer(document, (*path, "source"), given.source, sources, "queue or stream")
        function = check_reference(document, (*path, "function"), given.function, config)
        source = sources.get(given.source)
        _check_filters(document, path, given, source)
        takes_failures = source is None or "DestinationConfig" in SOURCE_RULES[source.kind].settings
        if given.on_failure is not None and takes_failures:
            _check_destination(document, (*path, "on_failure"), given.on_failure, config, base)
        if source is None:
            continue
        _check_settings(document, path, given, source)
        short = "" if function is None else source.too_short_for(function.timeout)
        if short:
            text = f"{short}; set visibility_timeout of {given.source!r} (AWS advises six times it)"
            document.error((*path, "source"), "lambda.visibility-timeout", text)
        hidden = source.visibility_timeout
        if hidden is not None and given.batch_window >= hidden:
            text = (
                f"messages are gathered for {given.batch_window} s, and come again after "
                f"{hidden:g} s: set visibility_timeout of {given.source!r} higher"
            )
            document.warning((*path, "batch_window"), "lambda.batch-window", text)
        if seen.setdefault((given.source, given.function), at) != at:
            text = f"{given.source!r} leads to {given.function!r} already"
            document.error(path, "lambda.event-source", text)


def _check_destination(
    document: Document, path: KeyPath, text: str, config: Config, base: Path
) -> None:
    target = check_target(document, path, text, config, base)
    if target is None or target.is_fifo:
        return
    if target.kind == "function" and not check_reference(document, path, target.local_name, config):
        return
    if target.kind not in STREAM_DESTINATIONS:
        problem = f"records of streams go to sqs:, sns:, s3: or file:, not to {text!r}"
        document.error(path, "lambda.destination", problem)


def _check_settings(
    document: Document, path: KeyPath, given: EventSource, source: KnownSource
) -> None:
    rule = SOURCE_RULES[source.kind]
    for name, key in _KEYS.items():
        is_common = key in ("batch_size", "batch_window")
        if key in given.model_fields_set and not is_common and name not in rule.settings:
            text = f"{key!r} is no setting of {rule.title}, which {given.source!r} is"
            document.error((*path, key), "lambda.event-source", text, key=True)
            return
    if not _check_timestamp(document, path, given):
        return
    if source.kind in ("kinesis", "dynamodb") and given.starting_position is None:
        text = "a stream needs 'starting_position': TRIM_HORIZON, LATEST or AT_TIMESTAMP"
        document.error(path, "config.missing-key", text)
        return
    problem = settings_problem(mapping_of(given, source, Path()))
    if problem is not None:
        name, text = problem
        key = _KEYS[name]
        where = (*path, key) if key in given.model_fields_set else path
        document.error(where, "lambda.event-source", text, key=True)


def _check_timestamp(document: Document, path: KeyPath, given: EventSource) -> bool:
    try:
        timestamp_of(given.starting_position_timestamp)
    except ValueError:
        text = (
            f"{given.starting_position_timestamp!r} is no time: write 2026-01-02T03:04:05Z, or "
            "seconds since 1970"
        )
        document.error((*path, "starting_position_timestamp"), "config.value", text)
        return False
    return True


def _check_filters(
    document: Document, path: KeyPath, given: EventSource, source: KnownSource | None
) -> None:
    for at, written in enumerate(given.filters):
        where = (*path, "filters", at)
        text = filter_text(written)
        try:
            pattern = compile_pattern(text)
        except PatternError as error:
            document.error(where, "lambda.filter", f"no filter pattern: {error.reason}")
            continue
        for word in words_of_rules_only(decode_payload(text.encode("utf-8", "surrogatepass"))):
            problem = f"AWS knows {word!r} in rules of EventBridge, and not in filters of mappings"
            document.warning(where, "lambda.filter", problem)
        if source is not None:
            _check_fields(document, where, pattern, source)


def _check_fields(document: Document, path: KeyPath, pattern: Pattern, source: KnownSource) -> None:
    """A filter of what no record has takes nothing: queues lose every message then."""
    known = RECORD_FIELDS[source.kind]
    for name in sorted(pattern.needed_fields - known):
        hint = nearest(name, sorted(known))
        if source.kind == "kinesis" and name == "kinesis":
            hint = ": what is in it stands at the top of a filter, as 'data' does"
        text = f"no record of {SOURCE_RULES[source.kind].title} has {name!r}{hint}"
        document.warning(path, "lambda.filter", text)
