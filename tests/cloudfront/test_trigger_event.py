"""The `origin` object that functions see."""

from __future__ import annotations

from dataclasses import replace

from edgegw.cloudfront.model import CustomOrigin, S3Origin
from edgegw.cloudfront.trigger_event import encode_origin

CUSTOM = CustomOrigin("app.test", 8443, "https", "/base", ((b"X-From", b"edge"),))
BUCKET = S3Origin("b.s3.amazonaws.com", "/base", auth_method="none")


def test_custom_origin_has_the_documented_fields() -> None:
    """CloudFront Developer Guide, "Lambda@Edge event structure", custom origins."""
    assert encode_origin(CUSTOM) == {
        "custom": {
            "customHeaders": {"x-from": [{"key": "X-From", "value": "edge"}]},
            "domainName": "app.test",
            "keepaliveTimeout": 5,
            "path": "/base",
            "port": 8443,
            "protocol": "https",
            "readTimeout": 30,
            "sslProtocols": ["TLSv1.2"],
        }
    }


def test_bucket_has_the_documented_fields() -> None:
    """CloudFront Developer Guide, "Lambda@Edge event structure", Amazon S3 origins."""
    assert encode_origin(BUCKET) == {
        "s3": {
            "authMethod": "none",
            "customHeaders": {},
            "domainName": "b.s3.amazonaws.com",
            "path": "/base",
            "region": "",
        }
    }


def test_times_that_are_set_are_shown() -> None:
    """`responseCompletionTimeout` of both kinds, `readTimeout` of a bucket."""
    custom = encode_origin(replace(CUSTOM, response_completion_timeout=60))["custom"]
    assert isinstance(custom, dict)
    assert custom["responseCompletionTimeout"] == 60
    bucket = encode_origin(replace(BUCKET, response_completion_timeout=45.5, read_timeout=20))["s3"]
    assert isinstance(bucket, dict)
    assert (bucket["responseCompletionTimeout"], bucket["readTimeout"]) == (45.5, 20)
