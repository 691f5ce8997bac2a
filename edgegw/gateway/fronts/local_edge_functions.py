"""What the local API answers about CloudFront Functions: their rows, the names of their logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

EDGE_LOG_GROUP: Final = "/aws/cloudfront/function/"


async def edge_rows(gateway: Gateway) -> list[dict[str, Any]]:
    """A row per CloudFront Function, as those of Lambda functions; `versions` are its stages.

    Raises EnvironmentProblem where what the API created cannot be read.
    """
    registry = gateway.edge_registry
    return [
        {
            "name": function.name,
            "runtime": function.development.function.runtime,
            "found": "the gateway itself",
            "versions": [one.stage for one in function.stages],
            "aliases": [],
            "environments": 0,
            "busy": 0,
            "provisioned": 0,
            "reserved": None,
            "sources": [],
        }
        for function in await registry.aside(registry.all)
    ]


def edge_log_group(gateway: Gateway, log: str) -> str | None:
    """The log group that `log` names, of a CloudFront Function of the configuration, or None."""
    name = _name_in(log)
    is_whole = name != log.removeprefix("/")
    config = gateway.config
    if name in config.edge_functions and (is_whole or name not in config.functions):
        return EDGE_LOG_GROUP + name
    return None


async def created_log_group(gateway: Gateway, log: str) -> str | None:
    """The log group that `log` names, of a function that the CloudFront API created.

    Raises EnvironmentProblem where what it created cannot be read.
    """
    name, registry = _name_in(log), gateway.edge_registry
    is_there = await registry.aside(registry.find, name) is not None
    return EDGE_LOG_GROUP + name if is_there else None


def _name_in(log: str) -> str:
    return log.removeprefix("/").removeprefix(EDGE_LOG_GROUP.removeprefix("/"))
