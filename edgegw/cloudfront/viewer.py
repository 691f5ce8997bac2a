"""What is said with a request: where its viewer is, and what the cache is to do with it.

    X-Edgegw-Viewer: country=DE; city=Berlin; ip=203.0.113.7
    X-Edgegw-Cache: refresh

CloudFront looks these things up by the viewer's address, in a database that nobody else has. Here
they are said: by the configuration for every viewer, by a header for one request. The headers
are for whoever sits at this machine: they count only from loopback, and never go on to a function
or an origin. A request that says another country does not keep the city of the first one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import lru_cache
from typing import Final, NamedTuple

from edgegw.cloudfront.answers import CacheOverride, DistributionFacts
from edgegw.cloudfront.behaviors import DistributionRefusal
from edgegw.cloudfront.countries import COUNTRIES
from edgegw.cloudfront.viewer_place import DEFAULT_PLACE, PLACE_OF_COUNTRY, ViewerPlace
from edgegw.http.message import Headers, Request
from edgegw.http.target import to_text

HEADER: Final = b"x-edgegw-viewer"
"""What a request says of its own viewer."""
CACHE_HEADER: Final = b"x-edgegw-cache"
"""What a request asks of the cache: `bypass` or `refresh`."""


class ViewerError(ValueError):
    """What is said of a viewer cannot be; the message is for the developer."""


def viewer_place(said: Mapping[str, str], usual: ViewerPlace = DEFAULT_PLACE) -> ViewerPlace:
    """`usual` with what is said of a viewer. Raises ViewerError.

    With a country other than the usual one, whatever else is known of the usual place is left out.
    """
    for name, text in said.items():
        _check(name, text)
    given = {name: _NORMAL.get(name, str)(text) for name, text in said.items()}
    country = given.get("country", usual.country)
    if country != usual.country:
        usual = replace(usual, **dict.fromkeys(PLACE_OF_COUNTRY, ""))
        given.setdefault("country_name", COUNTRIES[country])
    elif given.get("region", usual.region) != usual.region:
        usual = replace(usual, **dict.fromkeys(PLACE_OF_COUNTRY - {"country_name"}, ""))
    return replace(usual, **given)


def with_viewer(
    request: Request, facts: DistributionFacts
) -> tuple[Request, DistributionFacts] | DistributionRefusal | None:
    """The request and facts of a viewer that says, or is said to be, somewhere else.

    None where nothing is to be changed, a refusal with status 400 for what cannot be understood.
    """
    said = request.headers.derived(_said, _said)
    if said is None and not facts.viewer.ip:
        return None
    is_local = _is_loopback(request.client.address)
    place, override = facts.viewer, facts.cache_override
    if said is not None:
        request = request.sent(request.target, said.others)
        if is_local:
            try:
                place = _placed(said.viewer, place)
            except ViewerError as error:
                return DistributionRefusal(400, "Bad request.", f"X-Edgegw-Viewer: {error}")
            asked = _OVERRIDES.get(said.cache)
            if asked is None:
                text = f"X-Edgegw-Cache: bypass or refresh; found {said.cache!r}"
                return DistributionRefusal(400, "Bad request.", text)
            override = asked
    if place.ip and is_local:
        request = request.sent_from(place.ip)
    return request, facts.seen_from(place, override)


class _Said(NamedTuple):
    """What is said of the viewer, what is asked of the cache, and the header lines beside that."""

    viewer: str
    cache: str
    others: Headers


def _said(headers: Headers) -> _Said | None:
    """What is said with `headers`; None where neither header is there."""
    viewer, cache = headers.get_all(HEADER), headers.get_all(CACHE_HEADER)
    if not viewer and not cache:
        return None
    others = _others(headers, len(viewer) + len(cache))
    return _Said("; ".join(map(to_text, viewer)), ", ".join(map(to_text, cache)), others)


def _others(headers: Headers, count: int) -> Headers:
    """`headers` less the `count` lines of ours: the very ones that these were added to, if so."""
    if headers.base is not None and headers.more == count:
        added = headers.raw[-count:]
        if all(name.lower() in (HEADER, CACHE_HEADER) for name, _ in added):
            return headers.base
    return headers.without(HEADER, CACHE_HEADER)


@lru_cache(maxsize=1024)
def _placed(text: str, usual: ViewerPlace) -> ViewerPlace:
    """The place of a viewer that says `text` of itself. Raises ViewerError."""
    return viewer_place(_parsed(text), usual)


_OVERRIDES: Final[Mapping[str, CacheOverride]] = {
    "": "",
    "bypass": "bypass",
    "refresh": "refresh",
}


def _parsed(text: str) -> dict[str, str]:
    """`country=DE; city=Berlin` → the parts. Raises ViewerError."""
    parts: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(";"))):
        name, mark, content = part.partition("=")
        if not mark:
            raise ViewerError(f"{part!r} is not NAME=VALUE; write country=DE; city=Berlin")
        parts[name.strip().replace("-", "_").lower()] = content.strip()
    return parts


def _check(name: str, text: str) -> None:
    if name not in NAMES:
        raise ViewerError(f"there is no {name!r}; there are: {', '.join(NAMES)}")
    if not text.isprintable():
        raise ViewerError(f"{name} is printable text; found {text!r}")
    problem = _PROBLEMS[name](text) if name in _PROBLEMS else ""
    if problem:
        raise ViewerError(f"{name} {problem}; found {text!r}")


def _country(text: str) -> str:
    return "" if text.upper() in COUNTRIES else "is a code of two letters as DE (ISO 3166-1)"


def _degrees(limit: int) -> Callable[[str], str]:
    def problem(text: str) -> str:
        try:
            is_right = -limit <= float(text) <= limit
        except ValueError:
            is_right = False
        return "" if is_right else f"is a number of degrees from -{limit} to {limit}"

    return problem


def _number(text: str) -> str:
    return "" if text.isdigit() else "is a whole number of 0 or more"


def _address(text: str) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return "is an IPv4 or IPv6 address"
    return ""


def _region(text: str) -> str:
    return "" if 1 <= len(text) <= 3 else "is a code of 1 to 3 characters (ISO 3166-2)"


_PROBLEMS: Final[Mapping[str, Callable[[str], str]]] = {
    "country": _country,
    "region": _region,
    "latitude": _degrees(90),
    "longitude": _degrees(180),
    "asn": _number,
    "metro_code": _number,
    "ip": _address,
}


def _rounded(text: str) -> str:
    return f"{float(text):.5f}"


_NORMAL: Final[Mapping[str, Callable[[str], str]]] = {
    "country": str.upper,
    "region": str.upper,
    "latitude": _rounded,
    "longitude": _rounded,
}

NAMES: Final = tuple(each.name for each in fields(ViewerPlace))  # pyright: ignore[reportArgumentType]
"""What can be said of a viewer."""


@lru_cache(maxsize=64)
def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
