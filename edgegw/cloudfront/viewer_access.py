"""Who may ask at all: by the viewer's country, and by a signature.

Which of the two comes first is uncertain, as is their place beside the allowed methods.
Source: CloudFront Developer Guide, "Restrict the geographic distribution of your content" and
"Serve private content with signed URLs and signed cookies".
"""

from __future__ import annotations

from edgegw.cloudfront.answers import DistributionFacts, error_page, xml_error
from edgegw.cloudfront.behaviors import DistributionRefusal
from edgegw.cloudfront.model import Behavior, Distribution
from edgegw.cloudfront.signed_request import refuse_unsigned, without_signature
from edgegw.http.date import parse_http_date
from edgegw.http.message import Request, Response

_BLOCKED = "The Amazon CloudFront distribution is configured to block access from your country."


def admit_viewer(
    distribution: Distribution, behavior: Behavior, request: Request, facts: DistributionFacts
) -> Request | DistributionRefusal:
    """The request as everybody behind sees it, without a signature; or why it is refused."""
    restriction, country = distribution.geo_restriction, facts.viewer.country
    if restriction is not None and restriction.blocks(country):
        detail = f"geo_restriction lets nobody in from {country} (X-Edgegw-Viewer says another)"
        return DistributionRefusal(403, _BLOCKED, detail)
    keys = behavior.trusted_keys
    if keys is None:
        return request
    refusal = refuse_unsigned(request, keys, parse_http_date(facts.date) or 0.0)
    return without_signature(request) if refusal is None else refusal


def access_page(refusal: DistributionRefusal, facts: DistributionFacts) -> Response:
    """The page of a refusal: XML where it has a code, else the usual one."""
    if refusal.code:
        return xml_error(refusal.status, refusal.code, refusal.text, facts)
    return error_page(refusal.status, refusal.text, facts)
