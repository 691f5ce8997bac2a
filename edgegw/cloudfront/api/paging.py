"""Lists of the CloudFront API, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from edgegw.cloudfront.api.errors import ApiError
from edgegw.cloudfront.api.xml_writer import Content, counted
from edgegw.values import value

MAX_ITEMS: Final = 100
"""What a page has at most, and where the request does not say how much it wants.

Source: CloudFront API Reference, DistributionList; that more are never answered is uncertain.
"""

Listed = TypeVar("Listed")


@value
class ListPage(Generic[Listed]):
    """A page of a list. `next_marker` is the id of its last item, empty on the last page."""

    items: Sequence[Listed]
    marker: str
    max_items: int
    next_marker: str = ""

    def encoded(self, element: str, encode: Callable[[Listed], Content]) -> Content:
        """The page as the content of a list, whose items are called `element`."""
        following = [("NextMarker", self.next_marker)] if self.next_marker else []
        return [
            ("Marker", self.marker),
            *following,
            ("MaxItems", self.max_items),
            ("IsTruncated", bool(self.next_marker)),
            *counted(element, [encode(item) for item in self.items]),
        ]


def cut_page(
    items: Sequence[Listed], identity: Callable[[Listed], str], marker: str, max_items: str
) -> ListPage[Listed]:
    """The items behind the one whose id is `marker`; both texts are as the query has them.

    Raises ApiError for a marker that is no item, and for what is no number.
    Source: CloudFront API Reference, ListInvalidations, URI request parameters.
    """
    most = _number(max_items) if max_items else MAX_ITEMS
    first = 0
    if marker:
        places = [place for place, item in enumerate(items) if identity(item) == marker]
        if not places:
            raise ApiError("InvalidArgument", "The marker is invalid.")
        first = places[0] + 1
    page = items[first : first + min(most, MAX_ITEMS)]
    is_last = first + len(page) >= len(items)
    return ListPage(page, marker, most, "" if is_last else identity(page[-1]))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise ApiError("InvalidArgument", "MaxItems is a whole number from 1 on.")
    return int(text)
