"""Remarks on behaviors of a distribution, each said once.

A request asks no more than whether a behavior is left that might have something to say.
"""

from __future__ import annotations

import logging

from edgegw.cloudfront.model import Behavior, Distribution
from edgegw.cloudfront.remarks import is_plain_disabled, lost_handshake, lost_without_policy
from edgegw.http.message import Request

logger = logging.getLogger(__name__)


class Remarks:
    """What is to be said of a distribution's behaviors; `said` are remarks by path pattern."""

    def __init__(self, distribution: Distribution, said: set[tuple[str, str]]) -> None:
        self.distribution = distribution
        self._said = said
        behaviors = (*distribution.behaviors, distribution.default_behavior)
        self.waiting = {
            behavior.path_pattern
            for behavior in behaviors
            if is_plain_disabled(behavior) and ("policy", behavior.path_pattern) not in said
        }
        """Behaviors that may drop something, and have not been seen to."""

    def look(self, behavior: Behavior, request: Request) -> None:
        """Says what the policies of `behavior` keep of `request` from its origin."""
        pattern = behavior.path_pattern
        if request.upgrade:
            self._say("handshake", pattern, lost_handshake(behavior, request))
        if pattern in self.waiting:
            self._say("policy", pattern, lost_without_policy(behavior, request))

    def _say(self, kind: str, pattern: str, text: str | None) -> None:
        if text is None or (kind, pattern) in self._said:
            return
        self._said.add((kind, pattern))
        if kind == "policy":
            self.waiting.discard(pattern)
        logger.warning("%s: %s", self.distribution.name, text)
