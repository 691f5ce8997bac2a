"""One invocation of a function of a configuration, in a Lambda service made for it alone."""

from __future__ import annotations

from collections.abc import Sequence

from edgegw.awslambda.api import check_payload
from edgegw.awslambda.lambda_api import function_not_found
from edgegw.awslambda.model import FunctionRef, Invocation, Outcome
from edgegw.awslambda.service_errors import ServiceError
from edgegw.cli.edge_function_commands import created_functions
from edgegw.config.model import Config
from edgegw.errors import UsageError
from edgegw.execution.service import LambdaService


async def invoked_once(
    config: Config, function: str, qualifier: str, event: bytes
) -> tuple[Outcome, Sequence[str]]:
    """What became of the invocation, and the lines of its log. Raises UsageError.

    `function` is whatever the Lambda API takes for one.
    """
    try:
        ref = config.account.function_ref(function, qualifier or None)
        payload = check_payload(event)
        service = _service_of(config, ref)
    except ServiceError as error:
        raise UsageError(error.message or error.code) from None
    await service.start()
    try:
        outcome = await service.invoke(Invocation(ref, payload))
        await service.settled()
        entries = service.logs.group(ref.deployed_name).after(0)
        return outcome, [line for entry in entries for line in entry.lines()]
    finally:
        await service.close()


def _service_of(config: Config, ref: FunctionRef) -> LambdaService:
    """A service with this function alone. Raises UsageError and ServiceError."""
    deployed = config.functions.get(ref.name)
    if deployed is None:
        created = created_functions(config)
        names = dict.fromkeys([*config.functions, *config.edge_functions, *created])
        known = ", ".join(names) or "none"
        raise UsageError(f"there is no function {ref.name!r} (known: {known})")
    if not deployed.targets(ref):
        raise function_not_found(config.account, ref)
    functions = {ref.name: deployed}
    return LambdaService(functions, config.account, pass_credentials=config.pass_credentials)
