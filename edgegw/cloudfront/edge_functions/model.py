"""A CloudFront Function, one run of it, and what became of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from edgegw.values import value

EdgeRuntime: TypeAlias = Literal["cloudfront-js-1.0", "cloudfront-js-2.0"]
"""The runtimes there are.

Source: CloudFront Developer Guide, "JavaScript runtime features for CloudFront Functions".
"""


@value
class EdgeFunction:
    """A function by its name, with the text of its code and the name of the store it may read.

    `path` is the file that the code came from, empty where there is none.
    """

    name: str
    runtime: EdgeRuntime = "cloudfront-js-2.0"
    code: str = ""
    key_value_store: str = ""
    comment: str = ""
    path: str = ""


@value
class EdgeCall:
    """One run: the function by name, its event as JSON text, and the query as it was sent.

    `query` is None where the URL has no question mark.
    """

    function: str
    event: str
    query: str | None = None


@value
class EdgeReport:
    """What is known of a run, whatever became of it.

    `utilization` is 0 to 100, `duration` in seconds, `logs` what it wrote with console.log.
    `remarks` come with the first run of some code only. `custom_log` is what it gave
    `cf.logCustomData`.
    """

    utilization: int = 0
    duration: float = 0.0
    logs: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    custom_log: str = ""


@value
class EdgeReturned:
    """The handler returned `result`, a JSON value; `is_undefined` where it returned none.

    `origin` is what it asked the helpers of the module `cloudfront` for, one of `update`, `select`
    and `group`.
    """

    result: object
    report: EdgeReport
    origin: Mapping[str, Any] | None = None
    is_undefined: bool = False


@value
class EdgeFailed:
    """It gave no result; `message` is that of its error, in the words of the real runtime.

    `throttled` is code that does not compile, which CloudFront stops running. `unreadable` is a
    result that JSON cannot say. `is_engine` says that it is the engine's fault, or that it hangs.
    """

    kind: Literal["execution", "throttled", "unreadable"]
    message: str
    report: EdgeReport
    is_engine: bool = False


EdgeOutcome: TypeAlias = EdgeReturned | EdgeFailed
