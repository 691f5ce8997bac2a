"""What CloudFront would look up about a viewer by its address.

Source: CloudFront Developer Guide, "Add CloudFront request headers", headers for determining the
viewer's location, other headers.
"""

from __future__ import annotations

from typing import Final

from edgegw.values import value


@value
class ViewerPlace:
    """A viewer's place as the headers tell it; empty text where it is not known.

    `latitude` and `longitude` are degrees with five places. `ip` stands in for the address of
    viewers on this machine; empty leaves the real one. `ja3` and `ja4` are fingerprints of the TLS
    handshake.
    """

    country: str = "US"
    country_name: str = "United States"
    region: str = "WA"
    region_name: str = "Washington"
    city: str = "Seattle"
    postal_code: str = "98101"
    time_zone: str = "America/Los_Angeles"
    latitude: str = "47.60620"
    longitude: str = "-122.33210"
    metro_code: str = "819"
    asn: str = "16509"
    ip: str = ""
    ja3: str = "cd08e31494f9531f560d64c695473da9"
    ja4: str = "t13d1516h2_8daaf6152771_02713d6af862"


DEFAULT_PLACE: Final = ViewerPlace()

PLACE_OF_COUNTRY: Final = frozenset(
    {
        "country_name",
        "region",
        "region_name",
        "city",
        "postal_code",
        "time_zone",
        "latitude",
        "longitude",
        "metro_code",
    }
)
"""What is not known of a viewer any more that is in another country."""
