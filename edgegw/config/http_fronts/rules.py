"""What must hold for function URLs and HTTP APIs, and for the origins that lead to them."""

from __future__ import annotations

import re
from typing import Final

from edgegw.awslambda.http_events.model import DEFAULT
from edgegw.awslambda.http_events.routes import ROUTE_METHODS, route_fault, same_requests
from edgegw.config.addresses import host_fault
from edgegw.config.distributions.keys import DefaultBehavior, Distribution, behaviors_of
from edgegw.config.distributions.without_effect import forwards_host
from edgegw.config.document import Document, KeyPath
from edgegw.config.functions.rules import check_reference
from edgegw.config.http_fronts import keys
from edgegw.config.schema import Config
from edgegw.config.spelling import nearest
from edgegw.http.grammar import TEXT_TOKEN

_URL_METHODS: Final = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT", "*")
"""Methods in the CORS configuration of a function URL.

Source: Lambda API Reference, "Cors", AllowMethods.
"""
_API_METHODS: Final = (*_URL_METHODS, "OPTIONS")
"""Methods in the CORS configuration of an HTTP API.

Source: API Gateway Developer Guide, "Configure CORS for HTTP APIs".
"""
_ORIGIN: Final = re.compile(r"\*|https?://(\*|[^\s/*]+)")
_STAGE: Final = re.compile(r"\$default|[A-Za-z0-9_-]{1,128}")
_VARIABLE: Final = re.compile(r"[A-Za-z0-9_]+")


def check_http_fronts(document: Document, config: Config) -> None:
    """Adds what is wrong with function URLs and HTTP APIs to the findings."""
    for name, function in config.functions.items():
        if function.url is not None:
            path: KeyPath = ("functions", name, "url")
            _check_url(document, path, function.url, list(function.aliases))
    for name, api in config.http_apis.items():
        _check_api(document, ("http_apis", name), api, config)
    for name, distribution in config.distributions.items():
        _check_origins(document, ("distributions", name), distribution, config)


# Function URLs


def _check_url(
    document: Document, path: KeyPath, url: keys.FunctionUrl, aliases: list[str]
) -> None:
    """Source: Lambda API Reference, "CreateFunctionUrlConfig"."""
    if url.qualifier is not None and url.qualifier not in aliases:
        near = nearest(url.qualifier, aliases)
        text = (
            f"a function URL is of $LATEST or an alias; there is no alias {url.qualifier!r}{near}"
        )
        document.error((*path, "qualifier"), "config.reference", text)
    _check_domain(document, path, url.domain)
    if url.cors is None:
        return
    _check_cors(document, (*path, "cors"), url.cors, _URL_METHODS)
    if len(url.cors.allow_methods) > keys.MAX_METHODS:
        text = f"a function URL allows at most {keys.MAX_METHODS} methods; write '*' for all"
        document.error((*path, "cors", "allow_methods"), "function-url.cors", text, key=True)


def _check_domain(document: Document, path: KeyPath, domain: str | None) -> None:
    fault = None if domain is None else host_fault(domain)
    if fault is not None:
        document.error((*path, "domain"), "config.address", fault)


def _check_cors(
    document: Document, path: KeyPath, cors: keys.HttpCors, methods: tuple[str, ...]
) -> None:
    for at, origin in enumerate(cors.allow_origins):
        if not _ORIGIN.fullmatch(origin):
            text = f"{origin!r} is no origin: write https://www.example.com, or '*' for all"
            document.error(_at(document, path, "allow_origins", at), "function-url.cors", text)
    for at, method in enumerate(cors.allow_methods):
        if method not in methods:
            text = f"{method!r} is not one of {', '.join(methods)}{nearest(method, list(methods))}"
            document.error(_at(document, path, "allow_methods", at), "function-url.cors", text)
    for key in ("allow_headers", "expose_headers"):
        for at, name in enumerate(getattr(cors, key)):
            if not TEXT_TOKEN.fullmatch(name):
                text = f"{name!r} is no header name"
                document.error(_at(document, path, key, at), "function-url.cors", text)
    if not cors.allow_origins:
        text = "without allow_origins no page of another site is let in: write the origins"
        document.warning(path, "function-url.cors", text, key=True)


def _at(document: Document, path: KeyPath, key: str, at: int) -> KeyPath:
    """Where an entry stands: alone, or in a list."""
    whole = (*path, key)
    return (*whole, at) if document.stands((*whole, at)) else whole


# HTTP APIs


def _check_api(document: Document, path: KeyPath, api: keys.HttpApi, config: Config) -> None:
    seen: dict[str, str] = {}
    for key, route in api.routes.items():
        where = (*path, "routes", key)
        fault = route_fault(key)
        if fault is not None:
            method = key.partition(" ")[0].upper()
            near = nearest(method, list(ROUTE_METHODS)) if "no method" in fault else ""
            document.error(where, "http-api.route", fault + near, key=True)
        other = seen.setdefault(same_requests(key), key)
        if other != key:
            text = f"{key!r} takes the same requests as {other!r}"
            document.error(where, "http-api.route", text, key=True)
        named = (*where, "function") if document.stands((*where, "function")) else where
        check_reference(document, named, route.function, config)
    _check_stages(document, path, api)
    _check_domain(document, path, api.domain)
    if api.cors is not None:
        _check_cors(document, (*path, "cors"), api.cors, _API_METHODS)
        if api.cors.allow_credentials and "*" in api.cors.allow_origins:
            text = "API Gateway takes allow_credentials only with origins that are named, not '*'"
            where = (*path, "cors", "allow_credentials")
            document.error(where, "http-api.cors", text, key=True)


def _check_stages(document: Document, path: KeyPath, api: keys.HttpApi) -> None:
    """Source: API Gateway Developer Guide, "Stages for HTTP APIs", "Use stage variables"."""
    if api.stage is not None and api.stages:
        text = "write stage for one stage, or stages for several, not both"
        document.error((*path, "stage"), "http-api.stage", text, key=True)
    if api.stage is not None and not _STAGE.fullmatch(api.stage):
        document.error((*path, "stage"), "http-api.stage", _stage_fault(api.stage))
    for name, stage in api.stages.items():
        if not _STAGE.fullmatch(name):
            document.error((*path, "stages", name), "http-api.stage", _stage_fault(name), key=True)
        for variable in stage.variables:
            if not _VARIABLE.fullmatch(variable):
                text = f"{variable!r} is no stage variable: letters, digits and _"
                where = (*path, "stages", name, "variables", variable)
                document.error(where, "http-api.stage", text, key=True)


def _stage_fault(name: str) -> str:
    return f"{name!r} is no stage: {DEFAULT}, or up to 128 letters, digits, - and _"


# Origins


def _check_origins(
    document: Document, path: KeyPath, distribution: Distribution, config: Config
) -> None:
    with_url = [name for name, function in config.functions.items() if function.url is not None]
    for name, origin in distribution.origins.items():
        if origin.function_url is None:
            continue
        where = (*path, "origins", name, "function_url")
        function = config.functions.get(origin.function_url)
        if function is None or function.url is None:
            what = "no function" if function is None else "no url at the function"
            text = f"there is {what} {origin.function_url!r}"
            document.error(where, "config.reference", text + nearest(origin.function_url, with_url))
        elif function.url.auth_type == "AWS_IAM":
            text = (
                f"the function URL of {origin.function_url!r} takes signed requests alone "
                "(auth_type AWS_IAM), and distributions sign none here: it answers 403"
            )
            document.warning(where, "cloudfront.function-url", text)
    for where, behavior in behaviors_of(distribution, path):
        if _leads_to_url(behavior, distribution) and forwards_host(config, behavior):
            _warn_of_host(document, where, behavior)


def _leads_to_url(behavior: DefaultBehavior, distribution: Distribution) -> bool:
    group = distribution.origin_groups.get(behavior.origin)
    names = [behavior.origin] if group is None else group.members
    origins = [distribution.origins[name] for name in names if name in distribution.origins]
    return any(origin.function_url is not None for origin in origins)


def _warn_of_host(document: Document, path: KeyPath, behavior: DefaultBehavior) -> None:
    key = "cache_policy" if behavior.origin_request_policy is None else "origin_request_policy"
    text = (
        "the viewer's Host goes on to a function URL, which takes its own alone and answers 403: "
        "AllViewerExceptHostHeader keeps it back"
    )
    document.warning((*path, key), "cloudfront.function-url-host", text)
