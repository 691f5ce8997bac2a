"""Where viewers are: the configuration's word, and a request's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.behaviors import DistributionRefusal
from edgegw.cloudfront.countries import COUNTRIES
from edgegw.cloudfront.viewer import ViewerError, viewer_place, with_viewer
from edgegw.cloudfront.viewer_headers import viewer_header
from edgegw.cloudfront.viewer_place import DEFAULT_PLACE, ViewerPlace
from edgegw.http.message import Client, Headers, Request
from edgegw.http.target import RequestTarget

FACTS = DistributionFacts("r" * 54 + "==", "0" * 32, b"Sat, 21 Nov 2026 00:00:00 GMT")


def request(said: str | None, address: str = "127.0.0.1") -> Request:
    lines = [(b"Host", b"h")] + ([(b"X-Edgegw-Viewer", said.encode())] if said else [])
    return Request("GET", RequestTarget(b"/"), Headers(lines), client=Client(address, 5))


def moved(
    said: str | None, address: str = "127.0.0.1", usual: ViewerPlace = DEFAULT_PLACE
) -> tuple[Request, DistributionFacts]:
    outcome = with_viewer(request(said, address), replace(FACTS, viewer=usual))
    assert isinstance(outcome, tuple)
    return outcome


def test_a_request_says_where_its_viewer_is() -> None:
    sent, facts = moved("country=de; city=Berlin; ip=203.0.113.7")
    assert facts.viewer.country == "DE"
    assert facts.viewer.country_name == "Germany"
    assert facts.viewer.city == "Berlin"
    assert sent.client == Client("203.0.113.7", 5)


def test_what_it_says_goes_no_further() -> None:
    assert b"x-edgegw-viewer" not in moved("country=DE")[0].headers


def test_nothing_of_the_usual_place_stays_in_another_country() -> None:
    place = viewer_place({"country": "DE"})
    names = ("region", "region_name", "city", "postal_code", "time_zone", "latitude", "metro_code")
    assert [getattr(place, name) for name in names] == [""] * len(names)


def test_no_city_stays_in_another_region() -> None:
    place = viewer_place({"region": "CA"})
    assert (place.country_name, place.city) == ("United States", "")


def test_only_who_sits_at_this_machine_may_say_it() -> None:
    sent, facts = moved("country=DE; ip=203.0.113.7", address="198.51.100.1")
    assert (facts.viewer, sent.client.address) == (DEFAULT_PLACE, "198.51.100.1")
    assert b"x-edgegw-viewer" not in sent.headers


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_every_address_of_loopback_may(address: str) -> None:
    assert moved("country=DE", address)[1].viewer.country == "DE"


def test_an_address_for_all_viewers_of_this_machine() -> None:
    usual = viewer_place({"ip": "2001:db8::1"})
    assert moved(None, usual=usual)[0].client.address == "2001:db8::1"
    assert moved(None, "198.51.100.1", usual)[0].client.address == "198.51.100.1"


def test_usual_requests_are_left_alone() -> None:
    assert with_viewer(request(None), FACTS) is None


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("contry=DE", "there is no 'contry'"),
        ("country", "is not NAME=VALUE"),
        ("country=Germany", "a code of two letters"),
        ("country=XX", "a code of two letters"),
        ("latitude=91", "from -90 to 90"),
        ("longitude=east", "from -180 to 180"),
        ("latitude=nan", "from -90 to 90"),
        ("asn=AS1", "is a whole number"),
        ("ip=localhost", "IPv4 or IPv6"),
        ("region=Bavaria", "1 to 3 characters"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(said: str, reason: str) -> None:
    outcome = with_viewer(request(said), FACTS)
    assert isinstance(outcome, DistributionRefusal)
    assert outcome.status == 400
    assert reason in outcome.detail
    name, _, text = said.partition("=")
    with pytest.raises(ViewerError):
        viewer_place({name: text})


def test_degrees_have_five_places() -> None:
    """CloudFront Developer Guide, "Add CloudFront request headers"; observed `34.19310`."""
    place = viewer_place({"latitude": "52.5", "longitude": "-0.1"})
    assert (place.latitude, place.longitude) == ("52.50000", "-0.10000")


def test_names_outside_ascii_are_percent_encoded() -> None:
    """CloudFront Developer Guide, "Add CloudFront request headers"."""
    place = viewer_place({"country": "DE", "city": "K\u00f6ln am Rhein"})
    city = viewer_header("CloudFront-Viewer-City", request(None), place=place)
    assert city == "K%C3%B6ln am Rhein"


def test_what_is_not_known_has_no_header() -> None:
    place = viewer_place({"country": "DE"})
    assert viewer_header("CloudFront-Viewer-City", request(None), place=place) is None


def test_fingerprints_belong_to_tls() -> None:
    name = "CloudFront-Viewer-JA3-Fingerprint"
    secure = replace(request(None), scheme="https")
    assert viewer_header(name, request(None)) is None
    assert viewer_header(name, secure) == DEFAULT_PLACE.ja3
    assert viewer_header("CloudFront-Viewer-JA4-Fingerprint", secure) == DEFAULT_PLACE.ja4


def test_there_are_all_countries() -> None:
    assert len(COUNTRIES) == 249
    assert all(len(code) == 2 and code.isupper() and name for code, name in COUNTRIES.items())


@pytest.mark.parametrize(("address", "override"), [("127.0.0.1", "refresh"), ("198.51.100.1", "")])
def test_what_is_asked_of_the_cache_counts_from_this_machine_alone(
    address: str, override: str
) -> None:
    asked = Request(
        "GET",
        RequestTarget(b"/"),
        Headers([(b"Host", b"h"), (b"X-Edgegw-Cache", b"refresh")]),
        client=Client(address, 5),
    )
    outcome = with_viewer(asked, FACTS)
    assert isinstance(outcome, tuple)
    sent, facts = outcome
    assert facts.cache_override == override
    assert b"x-edgegw-cache" not in sent.headers
