"""The keys of actions that sign users in or judge bearer tokens."""

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from edgegw.alb.authentication import model as authentication
from edgegw.alb.jwt import model as jwt
from edgegw.config.fields import Model, Number, Text, text_of

_TEXT: Final = Field(min_length=1)
Given = Annotated[str, _TEXT]
Claimed = Annotated[
    str, Field(min_length=1, max_length=jwt.MAX_CLAIM_VALUE), BeforeValidator(text_of)
]
Located = Annotated[str, Field(min_length=1, max_length=jwt.MAX_CLAIM_VALUE)]


class SignIn(Model):
    """What both kinds of sign-in have."""

    session_cookie_name: Given = authentication.DEFAULT_COOKIE
    scope: Given = authentication.DEFAULT_SCOPE
    session_timeout: Annotated[Number, Field(ge=1)] = authentication.DEFAULT_SESSION
    authentication_request_extra_params: Annotated[
        dict[str, Text], Field(max_length=authentication.MAX_EXTRA_PARAMS)
    ] = {}
    on_unauthenticated_request: Literal["deny", "allow", "authenticate"] = "authenticate"


class AuthenticateOidc(SignIn):
    """An authenticate-oidc action."""

    issuer: Given
    authorization_endpoint: Given
    token_endpoint: Given
    user_info_endpoint: Given
    client_id: Given
    client_secret: Given


class AuthenticateCognito(SignIn):
    """An authenticate-cognito action; `client_secret` is what AWS looks up in the user pool."""

    user_pool_arn: Given
    user_pool_client_id: Given
    user_pool_domain: Given
    client_secret: Given


class AdditionalClaim(Model):
    """A claim that a token must have."""

    name: Claimed
    format: Literal["single-string", "string-array", "space-separated-values"] = "single-string"
    values: Annotated[list[Claimed], Field(min_length=1, max_length=jwt.MAX_CLAIMS_CHECKED)]


class JwtValidation(Model):
    """A jwt-validation action."""

    jwks_endpoint: Located
    issuer: Located
    additional_claims: Annotated[
        list[AdditionalClaim], Field(max_length=jwt.MAX_CLAIMS_CHECKED)
    ] = []
