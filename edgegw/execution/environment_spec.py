"""What an environment is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import field

from edgegw.awslambda.model import Function
from edgegw.execution.channel import Child
from edgegw.execution.function_tracer import FunctionTracer
from edgegw.execution.log_store import Journal
from edgegw.values import value


@value
class EnvironmentSpec:
    """What an environment is made of.

    `spawn` makes a fresh child of it, and the folder `temporary` (which TMPDIR names) where it is
    not there; whatever it raises is an outcome. It gets two functions: one hears of extensions, the
    other whether the system holds the folder to its size.
    """

    function: Function
    name: str
    journal: Journal
    temporary: str
    spawn: Callable[[Callable[[str, str], None], Callable[[bool], None]], Awaitable[Child]]
    is_provisioned: bool = False
    is_debugged: bool = False
    """Whether a debugger may stop it: then no limit of time or memory ends it."""
    is_slowed: bool = False
    """Whether it gets the share of a processor that its memory buys, as on AWS."""
    slow_inits: set[str] = field(default_factory=set[str])
    """Functions of which was said that their init takes long, shared by all environments."""
    tracer: FunctionTracer | None = None
    """What traces its invocations with X-Ray, where that can come to anything."""
