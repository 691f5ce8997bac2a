"""Clients of the SDK for an endpoint of this machine: any credentials do, nothing is retried."""

from __future__ import annotations

from typing import Any

import boto3
import botocore.config


def aws_client(service: str, endpoint: str, **config: Any) -> Any:
    """A client of `service`; `config` are options of botocore's Config."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="y",
        config=botocore.config.Config(**{"retries": {"total_max_attempts": 1}, **config}),
    )
