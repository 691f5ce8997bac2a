"""What many stored answers cost: the gateway's memory for them, and the time of a look-up among them.

    python benchmarks/cache_room.py [--entries 100000] [--body 100]

Asks a distribution for one URL after the other over loopback, so that each answer is stored. At 10,
100 … entries: the resident memory of the gateway beyond that of an empty cache, the median of a hit,
and the store's look-up alone in this process. Hits are of HOT entries that are scattered among the
others and were hits before, so that each step works out as much and remembers as much. At the end
every entry has been a hit once, as what a hit remembers takes room as well.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from servers import Running, free_port

from edgegw.cloudfront.cache.entry import BytesBody, StoredPlace, StoredResponse
from edgegw.cloudfront.cache.freshness import Freshness
from edgegw.gateway.cache_store import MemoryStore
from edgegw.http.message import NO_HEADERS

ORIGIN = """
import asyncio, sys
size = int(sys.argv[1])
async def serve(reader, writer):
    while head := await reader.readuntil(b"\\r\\n\\r\\n"):
        number = head.split(b" ", 2)[1].rpartition(b"/")[2]
        lines = [
            b"HTTP/1.1 200 OK", b"Content-Type: application/json", b"Content-Length: %d" % size,
            b"Cache-Control: public, max-age=3600", b'ETag: "%032d"' % int(number),
            b"Last-Modified: Thu, 26 Nov 2026 12:00:00 GMT", b"Server: nginx",
            b"Date: Thu, 26 Nov 2026 12:%02d:00 GMT" % (int(number) % 60), b"Vary: Accept-Encoding",
        ]
        writer.write(b"\\r\\n".join(lines) + b"\\r\\n\\r\\n" + (number * size)[:size])
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""
HOT = 10
SAMPLE = 3000


class Viewer:
    """One connection that asks for one URL after the other."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port))
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._length = 0

    def get(self, number: int) -> bytes:
        """The head of the answer for `number`."""
        self._sock.sendall(b"GET /products/%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % number)
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._sock.recv(1 << 16)
        head = data[:end].lower()
        left = int(head.partition(b"content-length:")[2].split()[0]) - (len(data) - end - 4)
        while left > 0:
            left -= len(self._sock.recv(left))
        return head

    def hit(self, number: int) -> float:
        """Microseconds of a hit."""
        began = perf_counter()
        head = self.get(number)
        took = perf_counter() - began
        if b"x-cache: hit" not in head:
            sys.exit(f"no hit: {head.decode('latin-1')}")
        return took * 1e6


def configuration(front: int, origin: int) -> dict[str, object]:
    behavior = {"origin": "app", "cache_policy": "CachingOptimizedForUncompressedObjects"}
    return {
        "gateway": {"cache": {"memory": "8GB"}},
        "distributions": {
            "site": {
                "listen": f"127.0.0.1:{front}",
                "origins": {"app": {"url": f"http://127.0.0.1:{origin}"}},
                "default_behavior": behavior,
            }
        },
    }


def steps(most: int) -> Iterator[int]:
    count = 10
    while count < most:
        yield count
        count *= 10
    yield most


def look_up(count: int) -> float:
    """Microseconds of the store's look-up alone, among `count` entries."""
    with tempfile.TemporaryDirectory() as folder:
        store = MemoryStore(1 << 40, 0, folder, lambda: 0.0)
        keys = [b"G/products/%d" % number for number in range(count)]
        for key in keys:
            place, terms = StoredPlace("E1", "*", key), Freshness(60.0, "max-age")
            entry = StoredResponse(key, place, 200, b"OK", NO_HEADERS, 0.0, terms, 200, 0)
            store.put(entry, BytesBody.of(b""))
        asked = [(key,) for key in random.choices(keys, k=SAMPLE)]
        times: list[float] = []
        for _ in range(5):
            began = perf_counter()
            for one in asked:
                store.get(one)
            times.append((perf_counter() - began) / SAMPLE)
    return min(times) * 1e6


def measure(gateway: Running, most: int, body: int) -> None:
    viewer, stored = Viewer(gateway.port), 0
    for number in range(20):  # what it loads and remembers anyhow
        viewer.get(most + number)
    empty = gateway.rss_mb()
    print(
        f"bodies of {body} bytes\n{'entries':>8} {'memory MB':>10} {'hit µs':>8} {'look-up µs':>11}"
    )
    for count in steps(most):
        for number in range(stored, count):
            viewer.get(number)
        stored, grown = count, gateway.rss_mb() - empty
        hot = range(0, count, count // HOT)
        for number in hot:
            viewer.get(number)
        hit = statistics.median(viewer.hit(number) for number in random.choices(hot, k=SAMPLE))
        print(f"{count:8} {grown:10.1f} {hit:8.0f} {look_up(count):11.2f}", flush=True)
    for number in range(most):
        viewer.get(number)
    print(f"each a hit once: {gateway.rss_mb() - empty:.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--body", type=int, default=100, help="bytes")
    options = parser.parse_args()
    random.seed(1)
    command = [sys.executable, "-c", ORIGIN, str(options.body)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}  # it ends in mid-connection
    origin = subprocess.Popen(command, text=True, **pipes)
    with tempfile.TemporaryDirectory() as name:
        folder, front = Path(name), free_port()
        assert origin.stdout is not None
        config = configuration(front, int(origin.stdout.readline()))
        (folder / "edgegw.json").write_text(json.dumps(config))
        serve = [sys.executable, "-m", "edgegw", "serve", "--quiet", str(folder / "edgegw.json")]
        gateway = Running(serve, front, folder / "log", dict(os.environ))
        try:
            measure(gateway, options.entries, options.body)
        finally:
            gateway.stop()
            origin.kill()
            origin.wait()


if __name__ == "__main__":
    main()
