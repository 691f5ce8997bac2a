"""Viewers that tests send requests as: a device, and a place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias, cast

from edgegw.cloudfront.countries import COUNTRIES
from edgegw.cloudfront.viewer import NAMES, ViewerError, viewer_place
from edgegw.config.spelling import nearest
from edgegw.errors import UsageError
from edgegw.values import value

SaidViewer: TypeAlias = str | Mapping[str, str]
"""`phone DE`, or keys of `gateway.viewer` and `device`: {"device": "phone", "country": "DE"}."""

DEVICES: Final[Mapping[str, str]] = {
    "desktop": (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/131.0.0.0 Safari/537.36"
    ),
    "phone": (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
    ),
    "tablet": (
        "Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1"
    ),
    "tv": (
        "Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Version/7.0 TV Safari/537.36"
    ),
    "bot": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
}
"""What the browser of a device says in User-Agent."""


@value
class ViewerProfile:
    """Where a viewer is (`gateway.viewer`), and the headers that it always sends."""

    place: Mapping[str, str]
    headers: Mapping[str, str]


def viewer_profile(said: SaidViewer | None) -> ViewerProfile:
    """The profile that a test names. Raises UsageError for what is neither device nor place."""
    place = dict(_parts(said) if isinstance(said, str) else said or {})
    for name, text in cast("dict[str, object]", place).items():
        if not isinstance(text, str):
            raise UsageError(f"viewer: {name} is text, not {text!r}")
    device = place.pop("device", None)
    if device is not None and device not in DEVICES:
        raise UsageError(f"viewer: there is no device {device!r}{nearest(device, list(DEVICES))}")
    try:
        viewer_place(place)
    except ViewerError as error:
        unknown = [name for name in place if name not in NAMES]
        hint = nearest(unknown[0], [*NAMES, "device"]) if unknown else ""
        raise UsageError(f"viewer: {error}{hint}") from None
    return ViewerProfile(place, {} if device is None else {"User-Agent": DEVICES[device]})


def _parts(said: str) -> dict[str, str]:
    """`phone DE` → device and country."""
    parts: dict[str, str] = {}
    for word in said.split():
        if word in DEVICES:
            parts["device"] = word
        elif word.upper() in COUNTRIES:
            parts["country"] = word
        else:
            known = nearest(word, list(DEVICES)) or f"; devices are {', '.join(DEVICES)}"
            text = f"viewer: {word!r} is neither a device nor a country of two letters{known}"
            raise UsageError(text)
    return parts
