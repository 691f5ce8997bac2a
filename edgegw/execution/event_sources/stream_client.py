"""A stream as a poller uses it: an embedded one, or one of any compatible endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edgegw.awslambda.stream_source import StreamRecord
from edgegw.errors import EdgegwError
from edgegw.messaging.stream import IteratorType
from edgegw.values import value


class StreamProblem(EdgegwError):  # noqa: N818 - named for what it is
    """The stream cannot be read at the moment, or not at all: one sentence that says why."""


@value
class ListedShard:
    """A shard that there is, and the shards whose records come before its own."""

    id: str
    parents: tuple[str, ...] = ()


@value
class ShardStart:
    """Where reading begins; `at` in seconds since 1970."""

    type: IteratorType
    sequence_number: str = ""
    at: float = 0.0


@value
class ReadPage:
    """What one reading gives.

    `is_at_end`: there was nothing more; `is_over`: there never will be.
    """

    records: Sequence[StreamRecord]
    is_at_end: bool
    is_over: bool = False


class ShardCursor(Protocol):
    """A place in a shard, which moves on with each reading."""

    async def read(self, limit: int) -> ReadPage:
        """The next records, in order. Raises StreamProblem; then the place is the same."""
        ...

    async def wait(self, until: float | None) -> None:
        """Waits until there may be more records, or until that time, in seconds since 1970."""
        ...

    def wake(self) -> None:
        """Ends the waiting."""
        ...

    def close(self) -> None:
        """Nobody reads on from here."""
        ...


class StreamClient(Protocol):
    """A stream that is read. Everything raises StreamProblem."""

    async def retention(self) -> float:
        """Seconds for which it keeps records; -1 where nobody knows."""
        ...

    async def shards(self) -> Sequence[ListedShard]:
        """All shards, closed ones too."""
        ...

    async def open(self, shard: str, start: ShardStart) -> ShardCursor:
        """Begins to read a shard."""
        ...

    async def close(self) -> None:
        """Gives back what it holds; a stream goes on without it."""
        ...
