"""CloudFront Functions and key value stores in a configuration."""

from typing import Literal

from edgegw.config.fields import Model, Share


class EdgeFunctionFaults(Model):
    """How often a CloudFront Function fails on demand."""

    error: Share = 0
    throttle: Share = 0


class EdgeFunction(Model):
    """A CloudFront Function: one file of JavaScript."""

    runtime: Literal["cloudfront-js-1.0", "cloudfront-js-2.0"] = "cloudfront-js-2.0"
    code: str
    key_value_store: str | None = None
    comment: str = ""
    faults: EdgeFunctionFaults | None = None


class KeyValueStore(Model):
    """A key value store; `source` is a file in AWS's import format."""

    source: str | None = None
    comment: str = ""
