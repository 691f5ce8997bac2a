"""The environment variables that a function finds.

Source: Lambda Developer Guide, "Defined runtime environment variables".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from edgegw.awslambda.model import Function
from edgegw.awslambda.xray import DaemonAddress

RESERVED: Final = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_MAX_CONCURRENCY",
        "AWS_LAMBDA_METADATA_API",
        "AWS_LAMBDA_METADATA_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
"""Names that a function's configuration may not set.

Source: Lambda Developer Guide, "Defined runtime environment variables", reserved.
"""

OF_THE_RUNTIME: Final = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
"""Names without which a runtime does not find its function: nobody may set them.

Source: Lambda Developer Guide, "Defined runtime environment variables", reserved.
"""

MAX_TOTAL: Final = 4096
"""Bytes of all names and values of a configuration.

Source: Lambda Developer Guide, "Lambda quotas", environment variables.
"""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]+")

EXTENSIONS_LACK: Final = frozenset(
    {
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_AWS_XRAY_DAEMON_ADDRESS",
        "_AWS_XRAY_DAEMON_PORT",
        "_HANDLER",
    }
)
"""What the processes of external extensions do not get.

Source: Lambda Developer Guide, "Using the Lambda Extensions API to create extensions", environment
variables.
"""


_EVERYWHERE: Final = {"LANG": "en_US.UTF-8"}

LOCALE: Final[Mapping[str, Mapping[str, str]]] = {
    "python": {**_EVERYWHERE, "LC_CTYPE": "C.UTF-8"},
    "nodejs": _EVERYWHERE,
    "provided": _EVERYWHERE,
}
"""The language and the character set, by the language of the runtime.

Source: Lambda Developer Guide, "Defined runtime environment variables".
"""


def is_valid_name(name: str) -> bool:
    """Whether a configuration may set `name`: a letter first, at least two characters."""
    return _NAME.fullmatch(name) is not None


class Place(NamedTuple):
    """Where an environment stands on this machine, and what its function is called there.

    `opt` is the folder of the merged layers, empty without layers. `path` and `libraries` are the
    search paths of the machine, the second often empty; `credentials` are passed on only when the
    user asked for it. `daemon` is where the function's own code sends its segments.
    """

    deployed_name: str
    region: str
    log_stream: str
    task_root: str
    runtime_dir: str
    opt: str
    temporary: str
    path: str
    credentials: Mapping[str, str]
    initialization_type: str = "on-demand"
    libraries: str = ""
    daemon: DaemonAddress = DaemonAddress("127.0.0.1", 2000)


def library_folders(task_root: str, opt: str) -> list[str]:
    """Where the loader looks for libraries of a function, in this order; `opt` may be empty.

    Source: Lambda Developer Guide, "Defined runtime environment variables", LD_LIBRARY_PATH.
    """
    return [task_root, f"{task_root}/lib", *([f"{opt}/lib"] if opt else [])]


def variables(function: Function, place: Place) -> dict[str, str]:
    """All variables of an environment; what the function's configuration sets wins.

    Over it win the variables of this machine alone, which are no part of the function.
    """
    runtime, opt = function.runtime, place.opt
    root = place.task_root
    found = {
        "PATH": f"{place.path}:{opt}/bin" if opt else place.path,
        "LD_LIBRARY_PATH": ":".join(
            [*([place.libraries] if place.libraries else []), *library_folders(root, opt)]
        ),
        **LOCALE[runtime.language],
        "TZ": ":UTC",
        "TMPDIR": place.temporary,
        "_HANDLER": function.handler,
        "AWS_REGION": place.region,
        "AWS_DEFAULT_REGION": place.region,
        "AWS_LAMBDA_FUNCTION_NAME": place.deployed_name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": place.initialization_type,
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{place.deployed_name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": place.log_stream,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": f"{place.daemon.host}:{place.daemon.port}",
        "_AWS_XRAY_DAEMON_ADDRESS": place.daemon.host,
        "_AWS_XRAY_DAEMON_PORT": str(place.daemon.port),
        "LAMBDA_TASK_ROOT": root,
        "LAMBDA_RUNTIME_DIR": place.runtime_dir,
    }
    if runtime.language != "provided":
        found["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{runtime.identifier}"
        found["PWD"] = root
        found["SHLVL"] = "0"
    if runtime.language == "python":
        found["PYTHONPATH"] = place.runtime_dir
    if runtime.language == "nodejs":
        layers = [
            f"{opt}/nodejs/node{runtime.version[0]}/node_modules",
            f"{opt}/nodejs/node_modules",
        ]
        found["NODE_PATH"] = ":".join([*(layers if opt else []), root])
    if function.logs.format == "JSON":
        found["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        found["AWS_LAMBDA_LOG_LEVEL"] = function.logs.application_level
    found.update(place.credentials)
    found.update(function.environment)
    found.update(function.local_environment)
    return found
