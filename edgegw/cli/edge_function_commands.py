"""`edgegw test-function`: runs a CloudFront Function for an event, as TestFunction does."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgegw.cli.function_commands import default_config
from edgegw.cli.terminal_text import shown_text, speak_plainly
from edgegw.config.spelling import nearest
from edgegw.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgegw.cloudfront.edge_functions.stages import Stage, StagedCode, StagedFunction
    from edgegw.config.model import Config


@click.command("test-function")
@click.argument("name")
@click.option(
    "--event",
    type=click.File("rb"),
    required=True,
    help="A file with the event as JSON, such as `edgegw event` prints; - is stdin.",
)
@click.option(
    "--stage",
    type=click.Choice(["DEVELOPMENT", "LIVE"]),
    default="DEVELOPMENT",
    show_default=True,
    help="Of a function that the CloudFront API created; those of the configuration are the same.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration; default: edgegw.yaml in the current folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what TestFunction answers, as JSON.")
def trial(name: str, event: Any, stage: Stage, config: Path | None, *, as_json: bool) -> None:
    """Run the CloudFront Function NAME once: what it returns, its log, its compute utilization.

    Needs no running gateway. As on AWS only that it runs is tested: what CloudFront would say of
    the result, `edgegw validate` says.

    Exits with 0 on success, 1 when the function failed, 2 on wrong use.

    Example: edgegw test-function rewrite --event event.json
    """
    from edgegw.config.remembered import load_quickly

    speak_plainly()
    loaded = load_quickly(config or default_config())
    function, one = _staged_code(loaded, name, stage)
    import asyncio

    result = asyncio.run(_tested(loaded, function, one, event.read()))
    if as_json:
        click.echo(json.dumps({"TestResult": result}, indent=2, ensure_ascii=False))
    else:
        _print(result)
    sys.exit(1 if result["FunctionErrorMessage"] else 0)


def is_at_edge(config: Config, name: str) -> bool:
    """Whether a CloudFront Function is called `name`, and no Lambda function is.

    Raises EnvironmentProblem where what the API created cannot be read.
    """
    if name in config.edge_functions:
        return name not in config.functions
    return not _is_of_lambda(config, name) and name in created_functions(config)


def _is_of_lambda(config: Config, name: str) -> bool:
    from edgegw.awslambda.service_errors import ServiceError

    try:
        return config.account.function_ref(name).name in config.functions
    except ServiceError:
        return False


def created_functions(config: Config) -> Mapping[str, StagedFunction]:
    """The CloudFront Functions that the API created. Raises EnvironmentProblem."""
    from edgegw.execution.edge_function_rows import kept_functions
    from edgegw.gateway.edge_registry import kept_in

    return kept_in(Path(config.state)).read(kept_functions)


def invoke_at_edge(config: Config, name: str, event: bytes) -> int:
    """`edgegw invoke` of a CloudFront Function; answers the exit code. Raises UsageError.

    The result is printed as `edgegw validate` takes it, without TestFunction's name around it.
    """
    import asyncio

    function, one = _staged_code(
        config, name, "LIVE", f"; `edgegw test-function {name}` runs its DEVELOPMENT"
    )
    result = asyncio.run(_tested(config, function, one, event))
    for line in result["FunctionExecutionLogs"]:
        click.echo(shown_text(line), err=True)
    if result["FunctionErrorMessage"]:
        click.echo(shown_text(f"edgegw: {result['FunctionErrorMessage']}"), err=True)
        return 1
    (returned,) = json.loads(result["FunctionOutput"]).values()
    click.echo(json.dumps(returned, ensure_ascii=False))
    return 0


def _staged_code(
    config: Config, name: str, stage: Stage, remedy: str = ""
) -> tuple[StagedFunction, StagedCode]:
    """The function at `stage`; `remedy` goes on where it has none. Raises UsageError."""
    from edgegw.cloudfront.edge_functions.stages import configured_function

    configured = config.edge_functions.get(name)
    if configured is not None:
        function = configured_function(configured, Path(configured.path).stat().st_mtime)
    else:
        created = created_functions(config)
        if name not in created:
            near = nearest(name, sorted({*config.edge_functions, *created}))
            raise UsageError(f"there is no CloudFront Function {name!r}{near}")
        function = created[name]
    one = function.at(stage)
    if one is None:
        raise UsageError(f"{name} was never published: there is no {stage} of it{remedy}")
    return function, one


async def _tested(
    config: Config, function: StagedFunction, one: StagedCode, raw: bytes
) -> dict[str, Any]:
    """`TestResult`. Raises UsageError where `raw` is no event."""
    from edgegw.cloudfront.api.functions import FunctionNames, trial_record
    from edgegw.cloudfront.edge_functions.trial import (
        NoTrialEventError,
        decode_trial_event,
        trial_of,
    )
    from edgegw.cloudfront.key_value_stores.state import StoreState
    from edgegw.execution.edge_js import EdgeEngine
    from edgegw.gateway.edge_registry import is_associated, store_arn
    from edgegw.gateway.edge_stores import stores_of

    try:
        event = decode_trial_event(raw)
    except NoTrialEventError as error:
        raise UsageError(f"--event: {error}") from None
    stores = stores_of(config)
    engine = EdgeEngine({}, stores)
    outcome = await engine.run_alone(one.function, event.call(function.name))
    ids = {name: store.id for name, store in stores.items() if isinstance(store, StoreState)}
    names = FunctionNames(
        config.account,
        lambda name: store_arn(config, name, ids.get(name, "")),
        lambda _: None,
        lambda name: is_associated(config, name),
    )
    return trial_record(function, one, trial_of(event, outcome), names)


def _print(result: Mapping[str, Any]) -> None:
    summary = result["FunctionSummary"]
    runtime, stage = summary["FunctionConfig"]["Runtime"], summary["FunctionMetadata"]["Stage"]
    click.echo(f"{summary['Name']}  {runtime}  {stage}  {summary['Status']}")
    click.echo(f"ComputeUtilization: {result['ComputeUtilization']}")
    for line in result["FunctionExecutionLogs"]:
        click.echo(shown_text(f"log: {line}"))
    if result["FunctionErrorMessage"]:
        click.echo(shown_text(f"FunctionErrorMessage: {result['FunctionErrorMessage']}"))
    else:
        output = json.dumps(json.loads(result["FunctionOutput"]), indent=2, ensure_ascii=False)
        click.echo(shown_text(f"FunctionOutput: {output}", indent=""))
