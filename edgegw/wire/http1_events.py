"""What the bytes of an HTTP/1 connection say, piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from edgegw.http.lenient_head import LenientHead
from edgegw.http.limits import Trouble
from edgegw.http.message import Header
from edgegw.wire.remembered_heads import Fields


@dataclass(slots=True)
class Head:
    """The head of a request. `lenient` is how it stood where the strict parser refused it."""

    method: str
    target: bytes
    version: str
    fields: Fields
    lenient: LenientHead | None = None

    @property
    def is_simple(self) -> bool:
        """Whether the client speaks HTTP/0.9: it gets the body of the answer alone."""
        return self.lenient is not None and self.version == "0.9"


@dataclass(slots=True)
class Part:
    """Bytes of the body of the latest head."""

    data: bytes


@dataclass(slots=True)
class End:
    """The body of the latest head is complete; `trailers` came behind it."""

    trailers: tuple[Header, ...] = ()


@dataclass(slots=True)
class Unreadable:
    """What came cannot be read; nothing more will be."""

    detail: str
    why: Trouble = "malformed"


@dataclass(slots=True)
class Raw:
    """Bytes behind a head that asked to switch protocols."""

    data: bytes


ReaderEvent: TypeAlias = Head | Part | End | Unreadable | Raw
