"""Who lets requests wait: a page that hangs says nothing else."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from edgegw.gateway.origins.transport import Address
from edgegw.http.authority import authority_of

logger = logging.getLogger(__name__)

PATIENCE: Final = 5.0
"""Seconds without a byte of an answer after which the developer hears who does not answer."""


class Silence:
    """Says of each place once that it lets a request wait."""

    def __init__(self) -> None:
        self._silent: set[Address] = set()

    def tell(self, at: Address, limit: float) -> None:
        """`at` has not answered for `PATIENCE` seconds; it has `limit`."""
        if at in self._silent:
            return
        self._silent.add(at)
        scheme, host, port = at
        logger.warning(
            "%s://%s has not answered a request for %g s; it has %g s (said once)",
            *(scheme, authority_of(host, port), PATIENCE, limit),
        )

    def watch(self, at: Address, limit: float) -> asyncio.TimerHandle | None:
        """Tells in `PATIENCE` seconds, unless what is answered is cancelled before.

        None where the time of `at` is up by then, or where it is known.
        """
        if limit <= PATIENCE or at in self._silent:
            return None
        return asyncio.get_running_loop().call_later(PATIENCE, self.tell, at, limit)
