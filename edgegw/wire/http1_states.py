"""Where the reading of an HTTP/1 connection stands, and what leads from one state to the other.

IDLE ──first byte──▶ HEAD ──complete──▶ IDLE (no body) or BODY ──complete──▶ IDLE
IDLE, HEAD ──strict refuses, lenient──▶ COLLECTING ──empty line──▶ LAST_BODY or ENDED
HEAD ──asks to switch protocols, no body──▶ SWITCHED: what follows is `Raw`
HEAD ──asks to switch, with a body──▶ BODY: an ordinary request, which is the last one
any ──complete, and the connection is not kept──▶ ENDED: what follows is thrown away
any ──nobody could go on reading──▶ ENDED, after one `Unreadable`
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class RequestState(Enum):
    """Where a connection stands."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    COLLECTING = auto()
    LAST_BODY = auto()
    SWITCHED = auto()
    ENDED = auto()


TRANSITIONS: Final = {
    RequestState.IDLE: {
        RequestState.HEAD,
        RequestState.BODY,
        RequestState.COLLECTING,
        RequestState.LAST_BODY,
    },
    RequestState.HEAD: {
        RequestState.IDLE,
        RequestState.BODY,
        RequestState.COLLECTING,
        RequestState.LAST_BODY,
        RequestState.SWITCHED,
    },
    RequestState.BODY: {RequestState.IDLE},
    RequestState.COLLECTING: {RequestState.LAST_BODY},
    RequestState.LAST_BODY: set[RequestState](),
    RequestState.SWITCHED: set[RequestState](),
    RequestState.ENDED: set[RequestState](),
}
"""What one step may lead to; `ENDED` may follow any of them."""
