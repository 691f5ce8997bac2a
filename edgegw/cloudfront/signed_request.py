"""Signed URLs and signed cookies: what a request must bring, and what is taken out of it.

A request that has any parameter of signing is judged by its URL, others by their cookies. Either
way the parameters go no further: neither functions, nor the cache key, nor the origin see them.

Source: CloudFront Developer Guide, "Use signed URLs" and "Use signed cookies".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from edgegw.cloudfront.behaviors import DistributionRefusal
from edgegw.cloudfront.signatures import HashAlgorithm, decode_text, is_signed_by
from edgegw.cloudfront.signed_policy import (
    PolicyError,
    SignedPolicy,
    canned_policy,
    denial,
    parse_policy,
)
from edgegw.http.message import Headers, Request
from edgegw.http.target import RequestTarget, to_text

PARAMETERS: Final = frozenset({"Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"})
"""The parameters of signing; case counts.

Source: CloudFront Developer Guide, "Use signed URLs", query parameters.
"""
COOKIE_PREFIX: Final = "CloudFront-"
"""What a parameter's name begins with as a cookie.

Source: CloudFront Developer Guide, "Use signed cookies".
"""
_COOKIES: Final = frozenset(COOKIE_PREFIX + name for name in PARAMETERS)
_ALGORITHMS: Final[Mapping[str, HashAlgorithm]] = {"SHA1": "SHA1", "SHA256": "SHA256"}


def refuse_unsigned(
    request: Request, keys: Mapping[str, bytes], now: float
) -> DistributionRefusal | None:
    """Why a behavior that trusts `keys` (PEM by id) does not take a request; None where it does.

    Source: CloudFront Developer Guide, "Use signed URLs", and observed pages.
    """
    given = _of_query(request.target) or _of_cookies(request.headers)
    key_id = given.get("Key-Pair-Id")
    if not key_id:
        return _missing("Key-Pair-Id")
    if key_id not in keys:
        detail = f"the key {key_id!r} is in no key group of this behavior: {', '.join(keys)}"
        return _refusal("InvalidKey", "Unknown Key", detail)
    if not given.get("Signature"):
        return _missing("Signature")
    signature = decode_text(given["Signature"])
    algorithm = _ALGORITHMS.get(given.get("Hash-Algorithm", "SHA1"))
    if signature is None or algorithm is None:
        detail = "Signature is no base64 of CloudFront's kind, or Hash-Algorithm is unknown"
        return _refusal("MalformedSignature", "Could not unencode Signature", detail)
    if not given.get("Policy") and not given.get("Expires"):
        return _missing("Policy")
    url = signed_url(request)
    try:
        text, policy = _policy(given, url)
    except PolicyError as error:
        return _refusal("MalformedPolicy", "Malformed Policy", str(error))
    if not is_signed_by(keys[key_id], text, signature, algorithm):
        detail = f"the signature is not that of {key_id} over {text.decode(errors='replace')}"
        return _denied(detail)
    reason = denial(policy, url, request.client.address, now)
    return None if reason is None else _denied(reason)


def signed_url(request: Request) -> str:
    """The URL that a signature is for: as it was asked for, less the parameters of signing."""
    target = _own_target(request.target)
    host = target.authority if target.authority is not None else request.headers.get(b"host")
    return f"{request.scheme}://{to_text(host or b'')}{to_text(target.raw)}"


def without_signature(request: Request) -> Request:
    """The request as everybody behind the check sees it."""
    headers, cookies = request.headers, request.headers.get_all(b"cookie")
    if any(COOKIE_PREFIX.encode() in line for line in cookies):
        kept = [crumb for crumb in _crumbs(headers) if _name(crumb) not in _COOKIES]
        headers = headers.without(b"cookie")
        if kept:
            headers = headers.added((b"Cookie", b"; ".join(kept)))
    return request.sent(_own_target(request.target), headers)


def _policy(given: Mapping[str, str], url: str) -> tuple[bytes, SignedPolicy]:
    """The text that is signed, and what it says. Raises PolicyError."""
    if given.get("Policy"):
        text = decode_text(given["Policy"])
        if text is None:
            raise PolicyError("Policy is no base64 of CloudFront's kind")
        return text, parse_policy(text)
    expires = given["Expires"]
    if not expires.isascii() or not expires.isdigit() or len(expires) > 15:
        raise PolicyError(f"Expires is a number of seconds since 1970; found {expires!r}")
    return canned_policy(url, int(expires)).encode(), SignedPolicy(None, int(expires))


def _of_query(target: RequestTarget) -> dict[str, str]:
    given: dict[str, str] = {}
    for piece in (target.query or b"").split(b"&"):
        name, _, content = piece.partition(b"=")
        if to_text(name) in PARAMETERS:
            given.setdefault(to_text(name), unquote(to_text(content)))
    return given


def _own_target(target: RequestTarget) -> RequestTarget:
    if target.query is None:
        return target
    pieces = target.query.split(b"&")
    kept = [piece for piece in pieces if to_text(piece.partition(b"=")[0]) not in PARAMETERS]
    if len(kept) == len(pieces):
        return target
    return RequestTarget(target.path, b"&".join(kept) if kept else None, target.authority)


def _of_cookies(headers: Headers) -> dict[str, str]:
    given: dict[str, str] = {}
    for crumb in _crumbs(headers):
        name = _name(crumb)
        if name in _COOKIES:
            text = to_text(crumb.partition(b"=")[2]).strip().strip('"')
            given.setdefault(name.removeprefix(COOKIE_PREFIX), text)
    return given


def _crumbs(headers: Headers) -> list[bytes]:
    lines = b";".join(headers.get_all(b"cookie"))
    return [crumb.strip() for crumb in lines.split(b";") if crumb.strip()]


def _name(crumb: bytes) -> str:
    return to_text(crumb.partition(b"=")[0].strip())


def _missing(name: str) -> DistributionRefusal:
    text = f"Missing {name} query parameter or cookie value"
    return _refusal("MissingKey", text, f"this behavior takes signed requests alone: {text}")


def _denied(detail: str) -> DistributionRefusal:
    return _refusal("AccessDenied", "Access denied", detail)


def _refusal(code: str, message: str, detail: str) -> DistributionRefusal:
    return DistributionRefusal(403, message, detail, code=code)
