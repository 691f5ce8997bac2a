"""Function URLs and HTTP APIs of a checked configuration → values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgegw.awslambda.http_events.model import (
    DEFAULT,
    ApiRoute,
    CorsRules,
    FunctionUrl,
    HttpApi,
    api_domain,
    url_domain,
)
from edgegw.awslambda.http_events.routes import segments_of
from edgegw.awslambda.model import FunctionRef
from edgegw.awslambda.names import Account
from edgegw.config import schema
from edgegw.config.functions.make import function_ref
from edgegw.config.http_fronts import keys
from edgegw.config.listening import resolve_listen
from edgegw.config.model import FunctionUrlDoor, HttpApiDoor


def function_url_doors(
    config: schema.Config, account: Account, base: Path
) -> tuple[FunctionUrlDoor, ...]:
    """The function URLs that the configuration has."""
    return tuple(
        function_url_door(name, config, account, base)
        for name, function in config.functions.items()
        if function.url is not None
    )


def function_url_door(
    name: str, config: schema.Config, account: Account, base: Path
) -> FunctionUrlDoor:
    """The function URL of the function `name`, which has one."""
    given = config.functions[name].url
    assert given is not None
    ref = FunctionRef(name, qualifier=given.qualifier or "")
    url = FunctionUrl(
        function=ref,
        domain=(given.domain or url_domain(ref, account.region, account.account_id)).lower(),
        region=account.region,
        account_id=account.account_id,
        auth_type=given.auth_type,
        invoke_mode=given.invoke_mode,
        cors=_cors(given.cors),
    )
    return FunctionUrlDoor(str(ref), resolve_listen(given.listen, base), url)


def http_api_doors(config: schema.Config, account: Account, base: Path) -> tuple[HttpApiDoor, ...]:
    """The HTTP APIs that the configuration has."""
    return tuple(
        HttpApiDoor(name, resolve_listen(given.listen, base), _api(name, given, account))
        for name, given in config.http_apis.items()
    )


def _api(name: str, given: keys.HttpApi, account: Account) -> HttpApi:
    domain = given.domain or api_domain(name, account.region, account.account_id)
    return HttpApi(
        name=name,
        domain=domain.lower(),
        routes=tuple(_route(key, route, given) for key, route in given.routes.items()),
        region=account.region,
        account_id=account.account_id,
        stages=_stages(given),
        cors=_cors(given.cors),
    )


def _stages(given: keys.HttpApi) -> Mapping[str, Mapping[str, str]]:
    if given.stages:
        return {name: stage.variables for name, stage in given.stages.items()}
    return {given.stage or DEFAULT: {}}


def _route(key: str, given: keys.ApiRoute, api: keys.HttpApi) -> ApiRoute:
    method, _, path = key.partition(" ")
    return ApiRoute(
        key=key,
        function=function_ref(given.function),
        method=None if key == DEFAULT or method == "ANY" else method,
        segments=None if key == DEFAULT else segments_of(path),
        payload=given.payload or api.payload,
        timeout=given.timeout,
    )


def _cors(given: keys.HttpCors | None) -> CorsRules | None:
    if given is None:
        return None
    return CorsRules(
        tuple(given.allow_origins),
        tuple(given.allow_methods),
        tuple(given.allow_headers),
        tuple(given.expose_headers),
        given.allow_credentials,
        given.max_age,
    )
