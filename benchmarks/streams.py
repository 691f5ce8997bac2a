"""A very large body each way through a hook and a load balancer: speed and the gateway's peak memory.

    python benchmarks/streams.py [--gigabytes 10]

Traffic stays on loopback: an origin in Python, `edgegw serve`, and this script as the client.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PART = 1 << 20
ORIGIN = """
import socket, sys, threading
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
part = b"x" * (1 << 20)
def serve(sock):
    head = b""
    while b"\\r\\n\\r\\n" not in head:
        head += sock.recv(65536)
    head, _, body = head.partition(b"\\r\\n\\r\\n")
    if head.startswith(b"GET"):
        count = int(head.split()[1].strip(b"/"))
        sock.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n" % (count << 20))
        for _ in range(count):
            sock.sendall(part)
    else:
        left = int(head.lower().partition(b"content-length:")[2].split()[0]) - len(body)
        buffer = bytearray(1 << 20)
        while left:
            left -= sock.recv_into(buffer)
        sock.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok")
    sock.close()
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""
HOOK = """
def handler(event, context):
    return event["Records"][0]["cf"]["request"]
"""


def memory_mb(pid: int) -> int:
    """Peak resident memory."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) // 1024 if found else 0


def download(port: int, parts: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(b"GET /%d HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % parts)
        buffer, size = bytearray(PART), 0
        while got := sock.recv_into(buffer):
            size += got
    if size < parts * PART:
        raise SystemExit(f"only {size} bytes came")


def upload(port: int, parts: int) -> None:
    part = b"x" * PART
    with socket.create_connection(("127.0.0.1", port)) as sock:
        head = (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        )
        sock.sendall(head % (parts * PART))
        for _ in range(parts):
            sock.sendall(part)
        answer = b""
        while got := sock.recv(65536):
            answer += got
    if not answer.endswith(b"ok"):
        raise SystemExit(f"the upload was answered {answer[:100]!r}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=10)
    parts = int(parser.parse_args().gigabytes * 1024)
    origin = subprocess.Popen([sys.executable, "-c", ORIGIN], stdout=subprocess.PIPE, text=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "hook.py").write_text(HOOK)
        assert origin.stdout is not None
        target = f"127.0.0.1:{origin.stdout.readline().strip()}"
        behavior = {
            "origin": "app",
            "cache_policy": "CachingDisabled",
            "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
            "lambda_functions": {"viewer-request": "hook"},
        }
        site = {
            "listen": 0,
            "origins": {"app": {"url": f"http://{target}"}},
            "default_behavior": behavior,
        }
        listener = {"listen": 0, "default_actions": [{"forward": "app"}]}
        config = {
            "functions": {"hook": {"code": "hook.py", "handler": "hook.handler"}},
            "distributions": {"site": site},
            "target_groups": {"app": {"targets": [target]}},
            "load_balancers": {"web": {"listeners": [listener]}},
        }
        (folder / "edgegw.yaml").write_text(json.dumps(config))
        gateway = subprocess.Popen(
            [sys.executable, "-m", "edgegw", "serve", "--quiet"],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert gateway.stdout is not None
            ports = [int(gateway.stdout.readline().rpartition(":")[2]) for _ in range(2)]
            for what, port in zip(("hook, origin", "load balancer, ip target"), ports, strict=True):
                download(port, 1)
                for way, move in (("down", download), ("up", upload)):
                    started = time.perf_counter()
                    move(port, parts)
                    took = time.perf_counter() - started
                    print(
                        f"{what:26} {way:5} {parts / 1024:.1f} GB in {took:5.1f} s, "
                        f"{parts / took:5.0f} MB/s, peak memory {memory_mb(gateway.pid)} MB",
                        flush=True,
                    )
        finally:
            gateway.terminate()
            gateway.wait()
            origin.kill()
            origin.wait()


if __name__ == "__main__":
    main()
