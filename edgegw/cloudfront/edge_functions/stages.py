"""A function with its stages: DEVELOPMENT, which is edited and tested, and LIVE, which runs.

    create ──▶ DEVELOPMENT ──▶ publish ──▶ LIVE
                 ▲      │
                 └ update

Each stage has an ETag, which is another one after every change; who changes a function says by the
ETag of DEVELOPMENT which state of it he knows.

Source: CloudFront Developer Guide, "Create functions", "Update functions" and "Publish functions".
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Final, Literal, TypeAlias

from edgegw.cloudfront.edge_functions.model import EdgeFunction
from edgegw.values import value

Stage: TypeAlias = Literal["DEVELOPMENT", "LIVE"]
STAGES: Final[tuple[Stage, ...]] = ("DEVELOPMENT", "LIVE")
"""The stages there are.

Source: CloudFront API Reference, FunctionMetadata.
"""
FUNCTION_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What a name is made of.

Source: CloudFront API Reference, CreateFunction.
"""
MAX_EDGE_FUNCTIONS: Final = 100
"""Functions of one account.

Source: CloudFront Developer Guide, "Quotas", quotas on CloudFront Functions.
"""

MAX_USERS: Final = 100
"""Distributions that have one function.

Source: CloudFront Developer Guide, "Quotas", quotas on CloudFront Functions.
"""


@value
class StagedCode:
    """One stage of a function: `modified` is in seconds since 1970, `revision` counts changes."""

    function: EdgeFunction
    stage: Stage
    modified: float
    revision: int = 0

    @property
    def etag(self) -> str:
        """What is another one when anything of it is."""
        one = self.function
        text = [one.name, one.runtime, one.code, one.key_value_store, one.comment, self.stage]
        content = "\0".join([*text, str(self.revision)])
        return "E" + hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:13].upper()


@value
class StagedFunction:
    """A function; `live` is None until it is published, `created` in seconds since 1970."""

    created: float
    development: StagedCode
    live: StagedCode | None = None

    @property
    def name(self) -> str:
        return self.development.function.name

    @property
    def stages(self) -> tuple[StagedCode, ...]:
        """Those that it has."""
        return (self.development,) if self.live is None else (self.development, self.live)

    def at(self, stage: Stage) -> StagedCode | None:
        """The function as it is at `stage`."""
        return self.development if stage == "DEVELOPMENT" else self.live

    def updated(self, function: EdgeFunction, now: float) -> StagedFunction:
        """With `function` in DEVELOPMENT."""
        revision = self.development.revision + 1
        return replace(self, development=StagedCode(function, "DEVELOPMENT", now, revision))

    def published(self, now: float) -> StagedFunction:
        """With what DEVELOPMENT has in LIVE."""
        revision = 0 if self.live is None else self.live.revision + 1
        return replace(self, live=StagedCode(self.development.function, "LIVE", now, revision))


def created_function(function: EdgeFunction, now: float) -> StagedFunction:
    """One that was never published."""
    return StagedFunction(now, StagedCode(function, "DEVELOPMENT", now))


def configured_function(function: EdgeFunction, since: float) -> StagedFunction:
    """One of a configuration, both of whose stages are what the configuration says."""
    development = StagedCode(function, "DEVELOPMENT", since)
    return StagedFunction(since, development, StagedCode(function, "LIVE", since))


def status_of(function: StagedFunction, *, is_associated: bool) -> str:
    """`Status`: whether it was ever published, and whether a behavior has it (uncertain).

    Source: CloudFront API Reference, FunctionSummary, which names no values; those are observed.
    """
    if function.live is None:
        return "UNPUBLISHED"
    return "ASSOCIATED" if is_associated else "UNASSOCIATED"
