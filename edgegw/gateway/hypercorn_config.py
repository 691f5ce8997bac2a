"""The settings that make hypercorn fit for front doors."""

from __future__ import annotations

import logging
import ssl
from copy import copy
from typing import Final

from hypercorn.config import Config

from edgegw.gateway.asgi import Limits

_LIMIT: Final = 256 * 1024


class HypercornConfig(Config):
    """The settings that make hypercorn fit for front doors."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__()
        self._tls = tls
        self.h11_max_incomplete_size = _LIMIT
        self.h2_max_header_list_size = _LIMIT
        self.h2_max_concurrent_streams = 128  # as at a load balancer
        self.keep_alive_max_requests = 10**9
        self.limits = Limits()
        self.keep_alive_timeout = self.limits.keep_alive
        self.include_server_header = False
        self.include_date_header = False
        self.accesslog = None
        self.errorlog = logging.getLogger("edgegw.hypercorn")
        self.errorlog.setLevel(logging.WARNING)

    def held_to(self, limits: Limits) -> HypercornConfig:
        """The settings for connections that begin under `limits`."""
        found = copy(self)
        found.limits = limits
        found.keep_alive_timeout = limits.keep_alive if limits.idle is None else limits.idle
        return found

    @property
    def ssl_enabled(self) -> bool:
        return self._tls is not None

    def create_ssl_context(self) -> ssl.SSLContext | None:
        return self._tls
