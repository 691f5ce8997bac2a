"""Where segments go: what the configuration says, else the daemon that the environment names."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from typing import Final

from edgegw.awslambda.xray import TracingTargets, daemon_address
from edgegw.config.model import Config

logger = logging.getLogger(__name__)

VARIABLE: Final = "AWS_XRAY_DAEMON_ADDRESS"
"""The variable by which every SDK finds the daemon."""


def tracing_targets(config: Config) -> TracingTargets:
    """Where the segments of a gateway with this configuration go."""
    targets, named = config.tracing, os.environ.get(VARIABLE, "")
    if targets.xray is not None or not named:
        return targets
    try:
        return replace(targets, xray=daemon_address(named))
    except ValueError as error:
        logger.warning("%s of the environment is not used: %s", VARIABLE, error)
        return targets
