"""Where the gateway sends segments and spans."""

from edgegw.config.fields import Model


class Tracing(Model):
    """`xray` is the daemon's address for datagrams, `otlp` the URL of a collector."""

    xray: str | None = None
    otlp: str | None = None
