"""Whose the other end of a connection is: both ways of asking, on real sockets."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator

import pytest

from edgegw.wire import peer_user as room
from edgegw.wire.peer_user import NOBODY, peer_user

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux is asked")


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The client's and the server's end of a connection over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        with client, accepted:
            yield client, accepted


@pytest.fixture(params=["sock_diag", "table"])
def asked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "table":
        monkeypatch.setattr(room, "_diagnosed", lambda *_: None)
    return request.param


@pytest.mark.usefixtures("asked")
class TestPeerUser:
    def test_a_connection_of_this_process(self, ends: tuple[socket.socket, socket.socket]) -> None:
        assert peer_user(ends[1]) == os.geteuid()

    def test_a_client_that_has_sent_all_and_still_reads(
        self, ends: tuple[socket.socket, socket.socket]
    ) -> None:
        ends[0].shutdown(socket.SHUT_WR)
        assert peer_user(ends[1]) == os.geteuid()

    def test_a_client_that_has_closed_is_nobody_not_root(
        self, ends: tuple[socket.socket, socket.socket]
    ) -> None:
        ends[0].sendall(b"answer")
        ends[0].close()
        assert peer_user(ends[1]) == NOBODY

    def test_a_socket_that_is_not_there_is_nobodys(
        self, monkeypatch: pytest.MonkeyPatch, ends: tuple[socket.socket, socket.socket]
    ) -> None:
        elsewhere = _Socket(lambda: ("127.0.0.1", 1), ends[1].getsockname)
        assert peer_user(elsewhere) == NOBODY  # type: ignore[arg-type]


class _Socket:
    def __init__(self, peer: Callable[[], object], own: Callable[[], object]) -> None:
        self.getpeername = peer
        self.getsockname = own


def test_sock_diag_answers_here(ends: tuple[socket.socket, socket.socket]) -> None:
    """So that the quick way is not lost without notice; sandboxes without it have the table."""
    answer = room._diagnosed(ends[1].getpeername(), ends[1].getsockname())
    assert answer in (os.geteuid(), None)


def test_a_system_without_both_ways_does_not_tell(
    monkeypatch: pytest.MonkeyPatch, ends: tuple[socket.socket, socket.socket], tmp_path
) -> None:
    monkeypatch.setattr(room, "_diagnosed", lambda *_: None)
    monkeypatch.setattr(room, "_TABLE", tmp_path / "no-table")
    assert peer_user(ends[1]) is None
