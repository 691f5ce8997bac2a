"""What must hold for response headers policies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgegw.cloudfront.cors import origin_fault
from edgegw.cloudfront.response_headers_rules import (
    MAX_CUSTOM,
    MAX_REMOVED,
    MAX_VALUE,
    custom_fault,
    removal_fault,
    sampling_fault,
)
from edgegw.config.distributions import response_headers_keys
from edgegw.config.document import Document, KeyPath
from edgegw.http.grammar import TEXT_TOKEN

_CODE: Final = "cloudfront.response-headers-policy"


def check_response_headers_policy(
    document: Document, path: KeyPath, policy: response_headers_keys.ResponseHeadersPolicy
) -> None:
    """Adds what is wrong with a response headers policy to the findings."""
    if policy.cors is not None:
        _check_cors(document, (*path, "cors"), policy.cors)
    _check_security(document, (*path, "security_headers"), policy.security_headers)
    _check_custom(document, (*path, "custom_headers"), policy.custom_headers)
    _check_removed(document, (*path, "remove_headers"), policy.remove_headers)
    timing = policy.server_timing
    fault = None if timing is None else sampling_fault(timing.sampling_rate)
    if fault is not None:
        document.error((*path, "server_timing", "sampling_rate"), _CODE, fault)


def _check_cors(document: Document, path: KeyPath, cors: response_headers_keys.Cors) -> None:
    origins = cors.access_control_allow_origins
    where = (*path, "access_control_allow_origins")
    for at, entry in enumerate(origins):
        fault = origin_fault(entry)
        if fault is not None:
            document.error((*where, at), _CODE, fault)
    length = len(",".join(origins))
    if length > MAX_VALUE:
        text = f"the allowed origins have at most {MAX_VALUE} characters together, not {length}"
        document.error(where, _CODE, text, key=True)
    for key in ("access_control_allow_headers", "access_control_expose_headers"):
        for at, name in enumerate(getattr(cors, key)):
            _check_name(document, (*path, key, at), name)
    if cors.access_control_allow_credentials and "*" in origins:
        text = (
            "browsers refuse credentials where every origin is let in: name the origins in the "
            "place of *"
        )
        document.warning(where, _CODE, text, key=True)


def _check_security(
    document: Document, path: KeyPath, given: response_headers_keys.SecurityHeaders
) -> None:
    xss, content = given.xss_protection, given.content_security_policy
    if xss is not None and xss.report_uri is not None and xss.mode_block:
        text = "mode_block and report_uri exclude each other"
        document.error((*path, "xss_protection"), _CODE, text, key=True)
    if content is not None and len(content.content_security_policy) > MAX_VALUE:
        where = (*path, "content_security_policy", "content_security_policy")
        document.error(where, _CODE, f"the policy has at most {MAX_VALUE} characters")


def _check_custom(
    document: Document, path: KeyPath, headers: Sequence[response_headers_keys.CustomHeader]
) -> None:
    if len(headers) > MAX_CUSTOM:
        document.error(path, _CODE, f"a policy has at most {MAX_CUSTOM} custom headers", key=True)
    seen: set[str] = set()
    for at, header in enumerate(headers):
        where = (*path, at, "header")
        if not _check_name(document, where, header.header):
            continue
        fault = custom_fault(header.header, header.value)
        if header.header.lower() in seen:
            fault = f"{header.header} stands here twice"
        if fault is not None:
            document.error(where, _CODE, fault)
        seen.add(header.header.lower())


def _check_removed(document: Document, path: KeyPath, names: Sequence[str]) -> None:
    if len(names) > MAX_REMOVED:
        document.error(path, _CODE, f"a policy removes at most {MAX_REMOVED} headers", key=True)
    for at, name in enumerate(names):
        if _check_name(document, (*path, at), name):
            fault = removal_fault(name)
            if fault is not None:
                document.error((*path, at), _CODE, fault)


def _check_name(document: Document, path: KeyPath, name: str) -> bool:
    """Whether `name` can be a header's; `*` is a character of names."""
    if TEXT_TOKEN.fullmatch(name):
        return True
    document.error(path, _CODE, f"{name!r} is no header name")
    return False
