"""Which connections rest, and which of them is taken."""

from __future__ import annotations

import asyncio

from edgegw.gateway.origins.http1_connection import Http1Connection
from edgegw.gateway.origins.http1_pool import Http1Pool


class Wire(asyncio.Transport):
    """A transport that leads nowhere."""

    is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True


def pool() -> Http1Pool:
    return Http1Pool(asyncio.get_running_loop(), ("http", "a", 80), lambda _: None)


def connected(to: Http1Pool) -> Http1Connection:
    connection = Http1Connection(to.loop, to)
    connection.connection_made(Wire())
    to.add(connection)
    return connection


async def test_the_connection_used_last_is_taken_first() -> None:
    origin = pool()
    first, second = connected(origin), connected(origin)
    origin.put(first, 5)
    origin.put(second, 5)
    assert [origin.take(), origin.take(), origin.take()] == [second, first, None]


async def test_a_connection_whose_time_is_over_is_not_taken() -> None:
    origin = pool()
    connection = connected(origin)
    origin.put(connection, 5)
    connection.idle_until = origin.loop.time() - 1
    assert origin.take() is None
    assert connection.is_closed


async def test_a_connection_that_is_being_closed_is_not_taken() -> None:
    origin = pool()
    connection = connected(origin)
    origin.put(connection, 5)
    connection.data_received(b"what nobody asked for")
    assert origin.take() is None


async def test_a_connection_without_time_does_not_rest() -> None:
    origin = pool()
    connection = connected(origin)
    origin.put(connection, 0)
    assert connection.is_closed
    assert origin.take() is None


async def test_the_one_that_rested_longest_makes_room() -> None:
    origin = pool()
    first, second = connected(origin), connected(origin)
    origin.put(first, 5)
    origin.put(second, 5)
    assert origin.close_idle()
    assert (first.is_closed, second.is_closed) == (True, False)
    assert origin.close_idle()
    assert not origin.close_idle()


async def test_a_connection_is_lost_once() -> None:
    lost = list[Http1Pool]()
    origin = Http1Pool(asyncio.get_running_loop(), ("http", "a", 80), lost.append)
    connection = connected(origin)
    origin.put(connection, 5)
    connection.connection_lost(None)
    origin.forget(connection)
    assert lost == [origin]
    assert origin.take() is None
    assert not origin.connections
