"""The action jwt-validation, resolved, and its limits."""

from __future__ import annotations

from typing import Final, Literal

from edgegw.values import value

MAX_CLAIMS_CHECKED: Final = 10
"""Additional claims of an action, and values of one.

Source: Elastic Load Balancing API reference, JwtValidationActionConfig, AdditionalClaims.
"""
MAX_CLAIM_VALUE: Final = 256
"""Characters of the issuer, the JWKS endpoint, and a value of a claim.

Source: Elastic Load Balancing API reference, JwtValidationActionConfig.
"""
ALWAYS_CHECKED: Final = ("exp", "iss", "nbf", "iat")
"""Claims that cannot be additional ones, as they are looked at anyhow.

Source: Elastic Load Balancing API reference, JwtValidationActionAdditionalClaim, Name.
"""

ClaimFormat = Literal["single-string", "string-array", "space-separated-values"]


@value
class AdditionalClaim:
    """A claim that a token must have, in this format, with these values."""

    name: str
    format: ClaimFormat
    values: tuple[str, ...]


@value
class JwtValidation:
    """An action jwt-validation."""

    jwks_endpoint: str
    issuer: str
    additional_claims: tuple[AdditionalClaim, ...] = ()
