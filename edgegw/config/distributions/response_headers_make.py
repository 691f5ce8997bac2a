"""Response headers policies of the configuration → those that requests use."""

from __future__ import annotations

from edgegw.cloudfront.cors import CorsPolicy, compile_cors
from edgegw.cloudfront.response_headers_policy import PolicyHeader, ResponseHeadersPolicy
from edgegw.cloudfront.response_headers_rules import strict_transport_security, xss_protection
from edgegw.config.distributions import response_headers_keys


def response_headers_policy(
    name: str, policy_id: str, given: response_headers_keys.ResponseHeadersPolicy
) -> ResponseHeadersPolicy:
    """The policy `given` under `name`."""
    timing = given.server_timing
    return ResponseHeadersPolicy(
        name,
        policy_id,
        None if given.cors is None else _cors(given.cors),
        tuple(_security(given.security_headers)),
        tuple(
            _header(custom.header, custom.value, override=custom.override)
            for custom in given.custom_headers
        ),
        frozenset(removed.lower().encode() for removed in given.remove_headers),
        timing.sampling_rate if timing is not None and timing.enabled else None,
    )


def _cors(given: response_headers_keys.Cors) -> CorsPolicy:
    return compile_cors(
        tuple(given.access_control_allow_origins),
        headers=tuple(given.access_control_allow_headers),
        methods=tuple(given.access_control_allow_methods),
        exposed=tuple(given.access_control_expose_headers),
        max_age=given.access_control_max_age_sec,
        allows_credentials=given.access_control_allow_credentials,
        origin_override=given.origin_override,
    )


def _header(name: str, text: str, *, override: bool) -> PolicyHeader:
    return PolicyHeader(name.encode(), text.encode(), override)


def _security(given: response_headers_keys.SecurityHeaders) -> list[PolicyHeader]:
    """In the order of AWS's sections."""
    headers: list[PolicyHeader] = []

    def add(name: str, text: str, *, override: bool) -> None:
        headers.append(_header(name, text, override=override))

    if (xss := given.xss_protection) is not None:
        text = xss_protection(
            protects=xss.protection, blocks=xss.mode_block, report_uri=xss.report_uri
        )
        add("X-XSS-Protection", text, override=xss.override)
    if (frame := given.frame_options) is not None:
        add("X-Frame-Options", frame.frame_option, override=frame.override)
    if (referrer := given.referrer_policy) is not None:
        add("Referrer-Policy", referrer.referrer_policy, override=referrer.override)
    if (content := given.content_security_policy) is not None:
        text = content.content_security_policy
        add("Content-Security-Policy", text, override=content.override)
    if (types := given.content_type_options) is not None:
        add("X-Content-Type-Options", "nosniff", override=types.override)
    if (transport := given.strict_transport_security) is not None:
        text = strict_transport_security(
            transport.access_control_max_age_sec,
            subdomains=transport.include_subdomains,
            preloads=transport.preload,
        )
        add("Strict-Transport-Security", text, override=transport.override)
    return headers
