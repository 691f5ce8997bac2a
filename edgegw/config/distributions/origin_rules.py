"""What must hold for the origins of a distribution, and for references to them."""

from __future__ import annotations

from collections.abc import Collection

from edgegw.cloudfront import quotas
from edgegw.cloudfront.origin_rules import is_unsettable
from edgegw.config.addresses import origin_address
from edgegw.config.distributions import keys
from edgegw.config.distributions.bucket_rules import check_bucket
from edgegw.config.document import Document, KeyPath
from edgegw.config.schema import Config
from edgegw.config.spelling import nearest
from edgegw.http.grammar import TEXT_TOKEN, is_target

_KINDS = ("url", "load_balancer", "s3", "s3_website", "function_url")


def check_origin(document: Document, path: KeyPath, origin: keys.Origin, config: Config) -> None:
    """Adds what is wrong with an origin to the findings."""
    given = [kind for kind in _KINDS if getattr(origin, kind) is not None]
    if len(given) != 1:
        if not document.is_left_empty_below(path):
            kinds, those = ", ".join(_KINDS), ", ".join(given) or "none"
            text = f"an origin has exactly one of {kinds}; found {those}"
            document.error(path, "cloudfront.origin", text, key=True)
        return
    if origin.load_balancer is not None:
        where = (*path, "load_balancer")
        refer(document, where, origin.load_balancer, config.load_balancers, "load balancer")
    if origin.url is not None:
        _check_url(document, (*path, "url"), origin.url)
    check_bucket(document, path, origin)
    for name, value in origin.custom_headers.items():
        fault = _header_fault(name, value)
        if fault is not None:
            where = (*path, "custom_headers", name)
            document.error(where, "cloudfront.origin-header", fault, key=True)
    _check_path(document, (*path, "path"), origin.path)


def _check_url(document: Document, path: KeyPath, url: str) -> None:
    try:
        origin_address(url)
    except ValueError as error:
        document.error(path, "cloudfront.origin", f"{url!r}: {error}")


def _header_fault(name: str, value: str) -> str | None:
    longest_name, longest_value = quotas.MAX_CUSTOM_HEADER_NAME, quotas.MAX_CUSTOM_HEADER_VALUE
    if not TEXT_TOKEN.fullmatch(name):
        return f"{name!r} is no header name"
    if is_unsettable(name.lower()):
        return f"CloudFront refuses {name!r} as an origin custom header"
    if len(name) > longest_name or len(value) > longest_value:
        return (
            f"{name!r} has at most {longest_name} characters and its value {longest_value}; "
            f"found {len(name)} and {len(value)}"
        )
    return None


def _check_path(document: Document, path: KeyPath, text: str) -> None:
    if text and (not is_target(text) or text.endswith("/")):
        fault = "the origin path starts with /, does not end with / and holds no blanks"
        document.error(path, "cloudfront.origin-path", fault)


def refer(document: Document, path: KeyPath, name: str, known: Collection[str], kind: str) -> None:
    """A dangling reference is an error that names the nearest thing there is."""
    if name not in known:
        text = f"there is no {kind} {name!r}{nearest(name, list(known))}"
        document.error(path, "config.reference", text)
