"""Making signed URLs and cookies: the other side of `signed_request`.

Source: CloudFront Developer Guide, "Create a signed URL using a canned policy" and "Create a signed
URL using a custom policy".
"""

from __future__ import annotations

from collections.abc import Mapping

from edgegw.cloudfront.signatures import HashAlgorithm, encode_text, sign
from edgegw.cloudfront.signed_policy import SignedPolicy, canned_policy, custom_policy


def signed_parameters(
    url: str,
    key_pair_id: str,
    private_key: bytes,
    *,
    until: int,
    after: int | None = None,
    network: str | None = None,
    resource: str | None = None,
    algorithm: HashAlgorithm = "SHA1",
) -> dict[str, str]:
    """The parameters for `url`, of a canned policy where `until` is all that is asked for.

    Dates are in seconds since 1970; `private_key` is PEM. Raises KeyFileError.
    """
    if after is None and network is None and resource is None:
        text = canned_policy(url, until)
        parameters = {"Expires": str(until)}
    else:
        text = custom_policy(SignedPolicy(resource or url, until, after, network))
        parameters = {"Policy": encode_text(text.encode())}
    parameters["Signature"] = encode_text(sign(private_key, text.encode(), algorithm))
    parameters["Key-Pair-Id"] = key_pair_id
    if algorithm != "SHA1":
        parameters["Hash-Algorithm"] = algorithm
    return parameters


def url_with(url: str, parameters: Mapping[str, str]) -> str:
    """`url` with the parameters behind its own query."""
    query = "&".join(f"{name}={text}" for name, text in parameters.items())
    return f"{url}{'&' if '?' in url else '?'}{query}"
