"""Why no process of an environment could be started, as an outcome for the invocations that wait.

Three kinds. The function has nothing to start, which AWS says in words of its own. This machine
cannot do it now: a package that cannot be unpacked, no descriptor or process left, a full disk; the
next invocation tries again, as nothing is remembered. Anything else is a fault of ours: the caller
hears of it as of the others, and the log gets the traceback, once for each time it is asked for.
"""

from __future__ import annotations

import logging

from edgegw.awslambda.lifecycle import ErrorObject, platform_error
from edgegw.errors import EnvironmentProblem
from edgegw.execution.spawning import InvalidEntrypointError

logger = logging.getLogger(__name__)


def start_error(request_id: str, name: str, error: Exception) -> ErrorObject:
    """The error object for `error`, raised while an environment of the function `name` started."""
    if isinstance(error, InvalidEntrypointError | EnvironmentProblem):
        return platform_error("Runtime.InvalidEntrypoint", request_id, str(error))
    reason = str(error) or type(error).__name__
    if not isinstance(error, OSError):
        logger.error("%s: no environment could be started", name, exc_info=error)
    return platform_error("Sandbox.Failure", request_id, f"no environment was started: {reason}")
