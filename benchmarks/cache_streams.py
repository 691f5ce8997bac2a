"""A very large body through the cache of a distribution: speed, and what the gateway's memory grows.

    python benchmarks/cache_streams.py [--gigabytes 2]

As it is stored and as it comes out of the cache; announced and chunked; with room for it, and with
too little. Fails where the gateway's resident memory peaks more than LIMIT above what it was before.
Traffic stays on loopback: an origin in Python, `edgegw serve`, and this script as the viewer. Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from servers import Running, free_port

LIMIT = 32
"""MB by which memory may grow."""

ORIGIN = """
import socket, threading
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
part = b"x" * (1 << 20)
def serve(sock):
    head = b""
    while b"\\r\\n\\r\\n" not in head:
        head += sock.recv(65536)
    how, count = head.split(b" ", 2)[1].strip(b"/").split(b"/")
    start = b"HTTP/1.1 200 OK\\r\\nCache-Control: max-age=600\\r\\nConnection: close\\r\\n"
    if how == b"chunked":
        sock.sendall(start + b"Transfer-Encoding: chunked\\r\\n\\r\\n")
        for _ in range(int(count)):
            sock.sendall(b"100000\\r\\n" + part + b"\\r\\n")
        sock.sendall(b"0\\r\\n\\r\\n")
    else:
        sock.sendall(start + b"Content-Length: %d\\r\\n\\r\\n" % (int(count) << 20))
        for _ in range(int(count)):
            sock.sendall(part)
    sock.close()
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""


def configuration(front: int, origin: int, disk: str, state: Path) -> dict[str, object]:
    behavior = {"origin": "app", "cache_policy": "CachingOptimizedForUncompressedObjects"}
    return {
        "gateway": {"state": str(state), "cache": {"memory": "64MB", "disk": disk}},
        "distributions": {
            "site": {
                "listen": f"127.0.0.1:{front}",
                "origins": {"app": {"url": f"http://127.0.0.1:{origin}"}},
                "default_behavior": behavior,
            }
        },
    }


def download(port: int, path: str, megabytes: int) -> str:
    """The word of X-Cache."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        sock.sendall(request.encode())
        buffer, size = bytearray(1 << 20), 0
        size = got = sock.recv_into(buffer)
        head = bytes(buffer[:got])
        while got := sock.recv_into(buffer):
            size += got
    if size < megabytes << 20:
        sys.exit(f"only {size} bytes came: {head[:300]!r}")
    return re.findall(rb"(?i)x-cache: (\w+)", head)[0].decode()


def peak_mb(pid: int) -> float:
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(kilobytes) / 1024


def measure(gateway: Running, what: str, path: str, megabytes: int) -> bool:
    """Prints a row; whether memory stayed within its limit."""
    pid = gateway.process.pid
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
    before = peak_mb(pid)
    began = time.perf_counter()
    word = download(gateway.port, path, megabytes)
    took = time.perf_counter() - began
    grown = peak_mb(pid) - before
    speed = f"{megabytes / 1024:.1f} GB in {took:5.1f} s, {megabytes / took:5.0f} MB/s"
    print(f"{what:34} {word:5} {speed}, memory grew {grown:4.1f} MB", flush=True)
    return grown < LIMIT


def measured(origin: int, disk: str, rows: list[tuple[str, str]], megabytes: int) -> list[bool]:
    with tempfile.TemporaryDirectory() as name:
        folder, front = Path(name), free_port()
        config = configuration(front, origin, disk, folder / "state")
        (folder / "edgegw.json").write_text(json.dumps(config))
        command = [sys.executable, "-m", "edgegw", "serve", "--quiet", str(folder / "edgegw.json")]
        gateway = Running(command, front, folder / "log", dict(os.environ))
        try:
            download(front, "/length/1", 1)
            return [measure(gateway, what, path, megabytes) for what, path in rows]
        finally:
            gateway.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=2)
    megabytes = int(parser.parse_args().gigabytes * 1024)
    origin = subprocess.Popen([sys.executable, "-c", ORIGIN], stdout=subprocess.PIPE, text=True)
    length, chunked = f"/length/{megabytes}", f"/chunked/{megabytes}"
    try:
        assert origin.stdout is not None
        port = int(origin.stdout.readline())
        stays = measured(
            port,
            f"{megabytes * 3}MB",
            [
                ("announced, as it is stored", length),
                ("announced, out of the cache", length),
                ("chunked, as it is stored", chunked),
                ("chunked, out of the cache", chunked),
            ],
            megabytes,
        )
        rows = [
            ("announced, more than there is room", length),
            ("chunked, outgrows the room", chunked),
        ]
        stays += measured(port, "64MB", rows, megabytes)
    finally:
        origin.kill()
        origin.wait()
    sys.exit(not all(stays))


if __name__ == "__main__":
    main()
