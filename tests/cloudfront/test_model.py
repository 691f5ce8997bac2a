"""What origins and policies are when a configuration says nothing."""

from __future__ import annotations

from edgegw.cloudfront.model import CachePolicy, CustomOrigin, Distribution, Fallback, S3Origin


def test_defaults_of_a_custom_origin() -> None:
    """CloudFront Developer Guide, "Origin settings"."""
    assert CustomOrigin("a.test", 80, "http") == CustomOrigin(
        domain_name="a.test",
        port=80,
        protocol="http",
        path="",
        custom_headers=(),
        read_timeout=30,
        keepalive_timeout=5,
        response_completion_timeout=None,
        ssl_protocols=("TLSv1.2",),
        connection_attempts=3,
        connection_timeout=10,
    )


def test_defaults_of_a_bucket() -> None:
    bucket = S3Origin("b.s3.amazonaws.com")
    assert (bucket.auth_method, bucket.region, bucket.read_timeout) == ("none", "", None)


def test_defaults_of_a_cache_policy() -> None:
    """CloudFront API Reference, CachePolicyConfig: a day, and a year at most."""
    policy = CachePolicy("p", "p")
    assert (policy.min_ttl, policy.default_ttl, policy.max_ttl) == (0, 86_400, 31_536_000)


def test_methods_that_fail_over() -> None:
    """CloudFront Developer Guide, "Optimize high availability with CloudFront origin failover"."""
    assert Fallback(CustomOrigin("a.test", 80, "http"), frozenset({500})).methods == {"GET", "HEAD"}


def test_newest_http_version_of_a_distribution() -> None:
    """CloudFront Developer Guide, "Supported HTTP versions": HTTP/2 is on unless switched off."""
    assert Distribution.__dataclass_fields__["http_version"].default == "http2"
