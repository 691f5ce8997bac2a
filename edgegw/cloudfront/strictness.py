"""How strictly functions are judged, and what was chosen where AWS's documentation is silent.

The one place of these choices: every field of `Strictness` but `strict` is an open point. The first
value of its type is the choice made; `gateway.open_points` in a configuration picks the other.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Final, Literal, TypeAlias

from edgegw.values import value

RefuseOrIgnore: TypeAlias = Literal["refuse", "ignore"]
IgnoreOrRefuse: TypeAlias = Literal["ignore", "refuse"]
AcceptOrRefuse: TypeAlias = Literal["accept", "refuse"]
SkipOrRun: TypeAlias = Literal["skip", "run"]


@value
class Strictness:
    """How results are judged. With `strict` False what can be let through passes with a warning."""

    strict: bool = True

    # What a function returns
    changed_read_only_field: RefuseOrIgnore = "refuse"
    viewer_response_status: RefuseOrIgnore = "refuse"
    viewer_response_body: RefuseOrIgnore = "refuse"
    viewer_request_origin: IgnoreOrRefuse = "ignore"
    unknown_field: IgnoreOrRefuse = "ignore"
    header_value_list: AcceptOrRefuse = "accept"
    empty_header_list: AcceptOrRefuse = "accept"
    header_key_mismatch: AcceptOrRefuse = "accept"
    read_only_header_key: AcceptOrRefuse = "accept"
    incomplete_origin: AcceptOrRefuse = "accept"
    origin_request_204_body: AcceptOrRefuse = "accept"
    generated_body_size: Literal["decoded", "encoded"] = "decoded"

    # What a function sees, and whether it runs
    include_body_without_body: Literal["empty", "absent"] = "empty"
    default_root_object: Literal["origin-request", "viewer-request"] = "origin-request"
    viewer_response_request: Literal["edited", "original"] = "edited"
    viewer_response_after_generated_error: SkipOrRun = "skip"
    viewer_response_after_mended_error: SkipOrRun = "skip"
    failover_after_generated_error: Literal["no", "yes"] = "no"
    error_page_after_function_fault: Literal["show", "skip"] = "show"


DEFAULT_STRICTNESS: Final = Strictness()

OPEN_POINTS: Final = tuple(each.name for each in fields(Strictness) if each.name != "strict")
"""The names of all open points."""
