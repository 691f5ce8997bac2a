"""What the Lambda API says of function URLs: its requests read, its answers written.

Source: Lambda API Reference, "CreateFunctionUrlConfig", "UpdateFunctionUrlConfig",
"GetFunctionUrlConfig", "ListFunctionUrlConfigs".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, cast, get_args

from edgegw.awslambda.http_events.model import (
    AuthType,
    CorsRules,
    FunctionUrl,
    InvokeMode,
    url_domain,
)
from edgegw.awslambda.model import FunctionRef
from edgegw.awslambda.names import Account
from edgegw.awslambda.payload import Json, as_text
from edgegw.awslambda.service_errors import ServiceError, constraint, missing
from edgegw.values import value

MAX_AGE: Final = 86_400
"""Seconds that a browser may keep the answer to a preflight.

Source: Lambda API Reference, "Cors", MaxAge.
"""
MAX_CORS_LIST: Final = {
    "AllowOrigins": 100,
    "AllowMethods": 6,
    "AllowHeaders": 100,
    "ExposeHeaders": 100,
}
"""Entries that each list of a CORS configuration takes.

Source: Lambda API Reference, "Cors".
"""
QUALIFIER_RULE: Final = r"((?!^\d+$)^[0-9a-zA-Z-_]+$)"
"""What the qualifier of a function URL must match: an alias, no version.

Source: Lambda API Reference, "CreateFunctionUrlConfig", Qualifier.
"""


@value
class UrlTimes:
    """When a function URL was made and changed, in seconds since 1970."""

    created: float
    modified: float


def check_url_qualifier(qualifier: str) -> None:
    """A function URL is of `$LATEST`, which is not named, or of an alias. Raises ServiceError.

    Source: Lambda API Reference, "CreateFunctionUrlConfig", Qualifier.
    """
    if qualifier and not re.match(QUALIFIER_RULE, qualifier):
        rule = f"Member must satisfy regular expression pattern: {QUALIFIER_RULE}"
        raise constraint(qualifier, "qualifier", rule)


def created_url(ref: FunctionRef, body: Mapping[str, Json], account: Account) -> FunctionUrl:
    """The function URL that a request asks for. Raises ServiceError.

    Source: Lambda API Reference, "CreateFunctionUrlConfig".
    """
    url = FunctionUrl(
        function=ref,
        domain=url_domain(ref, account.region, account.account_id),
        region=account.region,
        account_id=account.account_id,
    )
    _choice(body, "AuthType", get_args(AuthType), needed=True)
    return updated_url(url, body)


def updated_url(url: FunctionUrl, body: Mapping[str, Json]) -> FunctionUrl:
    """`url` with what a request says of it; what it leaves out stays. Raises ServiceError.

    Source: Lambda API Reference, "UpdateFunctionUrlConfig".
    """
    auth_type = _choice(body, "AuthType", get_args(AuthType))
    mode = _choice(body, "InvokeMode", get_args(InvokeMode))
    given = body.get("Cors")
    if given is not None and not isinstance(given, Mapping):
        raise constraint(as_text(given), "cors", "Member must be a structure")
    return replace(
        url,
        auth_type=cast("AuthType", auth_type or url.auth_type),
        invoke_mode=cast("InvokeMode", mode or url.invoke_mode),
        cors=url.cors if given is None else _cors(cast("Mapping[str, Json]", given)),
    )


def _choice(
    body: Mapping[str, Json], name: str, choices: tuple[str, ...], *, needed: bool = False
) -> str | None:
    given, field = body.get(name), name[:1].lower() + name[1:]
    if given is None:
        if needed:
            raise missing(field)
        return None
    if given not in choices:
        rule = f"Member must satisfy enum value set: [{', '.join(choices)}]"
        raise constraint(as_text(given), field, rule)
    return cast("str", given)


def _cors(given: Mapping[str, Json]) -> CorsRules | None:
    if not given:
        return None
    lists = {name: _texts(given, name, most) for name, most in MAX_CORS_LIST.items()}
    credentials, age = given.get("AllowCredentials"), given.get("MaxAge")
    if credentials is not None and not isinstance(credentials, bool):
        raise constraint(as_text(credentials), "cors.allowCredentials", "Member must be a boolean")
    if age is not None and (isinstance(age, bool) or not isinstance(age, int)):
        raise constraint(as_text(age), "cors.maxAge", "Member must be a number")
    if age is not None and not 0 <= age <= MAX_AGE:
        end = f"less than or equal to {MAX_AGE}" if age > 0 else "greater than or equal to 0"
        raise constraint(str(age), "cors.maxAge", f"Member must have value {end}")
    return CorsRules(
        lists["AllowOrigins"],
        lists["AllowMethods"],
        lists["AllowHeaders"],
        lists["ExposeHeaders"],
        bool(credentials),
        age,
    )


def _texts(given: Mapping[str, Json], name: str, most: int) -> tuple[str, ...]:
    listed, field = given.get(name), f"cors.{name[:1].lower()}{name[1:]}"
    if listed is None:
        return ()
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise constraint(as_text(listed), field, "Member must be a list of strings")
    texts = cast("list[str]", listed)
    if len(texts) > most:
        rule = f"Member must have length less than or equal to {most}"
        raise constraint(as_text(listed), field, rule)
    return tuple(texts)


def shown_url(
    url: FunctionUrl, address: str, account: Account, times: UrlTimes, *, is_new: bool = False
) -> dict[str, Json]:
    """A function URL as the API shows it; `address` is where it is reached.

    Source: Lambda API Reference, "GetFunctionUrlConfig", response elements.
    """
    ref = url.function
    shown: dict[str, Json] = {
        "FunctionUrl": address,
        "FunctionArn": account.arn(ref.name, ref.qualifier),
        "AuthType": url.auth_type,
        "CreationTime": _stamp(times.created),
        "InvokeMode": url.invoke_mode,
    }
    if not is_new:
        shown["LastModifiedTime"] = _stamp(times.modified)
    if url.cors is not None:
        shown["Cors"] = _shown_cors(url.cors)
    return shown


def _shown_cors(cors: CorsRules) -> dict[str, Json]:
    shown: dict[str, Json] = {
        "AllowOrigins": list(cors.allow_origins),
        "AllowMethods": list(cors.allow_methods),
        "AllowHeaders": list(cors.allow_headers),
        "ExposeHeaders": list(cors.expose_headers),
        "AllowCredentials": cors.allow_credentials or None,
        "MaxAge": cors.max_age,
    }
    return {name: given for name, given in shown.items() if given not in (None, [])}


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def url_exists(arn: str) -> ServiceError:
    """There is a URL already.

    Source: recorded answers.
    """
    return ServiceError(
        "ResourceConflictException",
        f"Failed to create function url config for [functionArn = {arn}]. Error message:  "
        "FunctionUrlConfig exists for this Lambda function",
    )


def no_function() -> ServiceError:
    """There is no function of this name.

    Source: recorded answers.
    """
    return ServiceError("ResourceNotFoundException", "Function does not exist")


def no_url() -> ServiceError:
    """There is no URL (from memory).

    Source: Lambda API Reference, "GetFunctionUrlConfig", errors.
    """
    return ServiceError("ResourceNotFoundException", "The resource you requested does not exist.")
