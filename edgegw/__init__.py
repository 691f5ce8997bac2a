"""AWS's HTTP edge on a laptop: `Gateway` runs distributions and load balancers in one process.

Everything heavy is imported when it is first asked for: pytest loads the plugin, and with it this
package, in every project of the environment.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgegw.errors import ConfigError, EdgegwError, EnvironmentProblem, UsageError
    from edgegw.gateway.exchange import Exchange
    from edgegw.gateway.gateway import Gateway

__version__ = "0.1.0"

__all__ = [
    "ConfigError",
    "EdgegwError",
    "EnvironmentProblem",
    "Exchange",
    "Gateway",
    "UsageError",
    "__version__",
]

_HOMES = {
    "Gateway": "edgegw.gateway.gateway",
    "Exchange": "edgegw.gateway.exchange",
    "ConfigError": "edgegw.errors",
    "EdgegwError": "edgegw.errors",
    "EnvironmentProblem": "edgegw.errors",
    "UsageError": "edgegw.errors",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'edgegw' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
