"""Functions for the edge that other people published, unmodified, doing their real job.

Each is installed by name from npm or PyPI into `.third_party/` at the top of the project.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
import trustme
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.conftest import IN_CI, PYTHON, free_port, need, one_at_a_time, read_body, read_head

pytestmark = pytest.mark.timeout(600)
"""Whoever comes first installs packages, and the others wait for that."""

HERE = Path(__file__).parent / "third_party"
INSTALLED = Path(__file__).parents[2] / ".third_party"
NPM = ["cognito-at-edge@1", "hono@4", "express@5", "@codegenie/serverless-express@4", "esbuild"]
PACKED = "@yarbsemaj/adapter-lambda@1.2.2"
PYPI = ["mangum", "starlette", "fastapi", "flask", "apig-wsgi"]
ALL_METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]


def run(*command: str, cwd: Path) -> None:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        reason = f"{command[0]} could not install: {done.stderr.strip()[-300:]}"
        (pytest.fail if IN_CI else pytest.skip)(reason)


@pytest.fixture(scope="module")
def npm_packages() -> Path:
    """The folder with `node_modules`; a package that only brings a file is unpacked beside it."""
    need("node", "functions of others in Node.js are not tested")
    npm = need("npm", "functions of others in Node.js are not installed")
    folder = INSTALLED / "npm"
    with one_at_a_time("npm packages"):
        if not (folder / "complete").exists():
            folder.mkdir(parents=True, exist_ok=True)
            run(npm, "install", "--silent", "--no-audit", "--no-fund", *NPM, cwd=folder)
            run(npm, "pack", "--silent", PACKED, cwd=folder)
            (archive,) = folder.glob("yarbsemaj-adapter-lambda-*.tgz")
            shutil.unpack_archive(archive, folder / "adapter")
            (folder / "complete").touch()
    return folder


@pytest.fixture(scope="module")
def pypi_packages() -> Path:
    folder = INSTALLED / f"pypi-{sys.version_info[0]}.{sys.version_info[1]}-{len(PYPI)}"
    with one_at_a_time("PyPI packages"):
        if not (folder / "complete").exists():
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade"]
            run(*pip, "--target", str(folder), *PYPI, cwd=HERE)
            (folder / "complete").touch()
    return folder


@pytest.fixture
def node_code(npm_packages: Path, tmp_path: Path) -> Path:
    """A code folder with our handlers and their `node_modules`."""
    for file in HERE.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    (tmp_path / "node_modules").symlink_to(npm_packages / "node_modules")
    return tmp_path


def site(
    function: dict[str, Any], triggers: dict[str, Any], origin: str, **more: Any
) -> dict[str, Any]:
    return {
        "functions": {"hook": {"timeout": 30, **function}},
        "distributions": {
            "site": {
                "listen": more.pop("listen", free_port()),
                "origins": {"app": {"url": origin, **more.pop("of_origin", {})}},
                "default_behavior": {
                    "origin": "app",
                    "allowed_methods": ALL_METHODS,
                    "cache_policy": "CachingDisabled",
                    "origin_request_policy": "AllViewerExceptHostHeader",
                    "lambda_functions": triggers,
                },
            }
        },
        **more,
    }


# An authentication hook against a local identity provider


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Provider:
    """An OpenID provider that signs everybody in; its tokens look like Cognito's."""

    def __init__(self, port: int) -> None:
        self.domain = f"localhost:{port}"
        self.asked: list[str] = []
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def jwks(self) -> dict[str, Any]:
        numbers = self._key.public_key().public_numbers()
        size = (numbers.n.bit_length() + 7) // 8
        return {
            "keys": [
                {
                    "kid": "1",
                    "kty": "RSA",
                    "alg": "RS256",
                    "use": "sig",
                    "n": _base64(numbers.n.to_bytes(size)),
                    "e": _base64(numbers.e.to_bytes(3)),
                }
            ]
        }

    def token(self, use: str) -> str:
        now = int(time.time())
        claims = {
            "iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Example",
            "aud": "client",
            "client_id": "client",
            "token_use": use,
            "cognito:username": "ada",
            "sub": "1",
            "iat": now,
            "exp": now + 3600,
        }
        head = _base64(json.dumps({"alg": "RS256", "kid": "1"}).encode())
        signed = f"{head}.{_base64(json.dumps(claims).encode())}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64(signature)}"

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await read_head(reader):
            body = await read_body(head, reader)
            line = head.split(b"\r\n")[0].decode()
            self.asked.append(line)
            writer.write(self._answer(line, head, body))
            await writer.drain()

    def _answer(self, line: str, head: bytes, body: bytes) -> bytes:
        path, _, query = line.split()[1].partition("?")
        if path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(query).items()}
            sent = urlencode({"code": "the-code", "state": asked["state"]})
            location = f"{asked['redirect_uri']}?{sent}"
            return (
                f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
            )
        given = parse_qs(body.decode())
        secret = base64.b64encode(b"client:secret")
        if path != "/oauth2/token" or given["code"] != ["the-code"] or secret not in head:
            return b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
        names = {"id_token": "id", "access_token": "access"}
        tokens = {name: self.token(use) for name, use in names.items()}
        content = json.dumps({**tokens, "refresh_token": "again"}).encode()
        return (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % len(content)
            + content
        )


@contextlib.asynccontextmanager
async def listening(
    script: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    address: str,
    port: int,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[None]:
    """`script` runs for each connection; all are closed at the end."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await script(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
        tasks.discard(task)

    server = await asyncio.start_server(connected, address, port, ssl=tls)
    try:
        yield
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def provider(code: Path) -> AsyncIterator[Provider]:
    """The provider on TLS; what the function must know of it is written into `code`."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    port = free_port()
    found = Provider(port)
    (code / "ca.pem").write_bytes(authority.cert_pem.bytes())
    (code / "jwks.json").write_text(json.dumps(found.jwks))
    (code / "provider.json").write_text(json.dumps({"domain": found.domain}))
    async with listening(found, "127.0.0.1", port, context):
        yield found


@pytest.mark.anyio
async def test_cognito_at_edge_signs_in_with_a_local_provider(
    node_code: Path, echo_origin: Any, serving: Any
) -> None:
    listen = {"port": free_port(), "tls": True}
    function = {"runtime": "nodejs22.x", "code": str(node_code), "handler": "auth.handler"}
    async with provider(node_code) as idp, echo_origin() as origin:
        config = site(function, {"viewer-request": "hook"}, origin.url, listen=listen)
        async with (
            serving(config) as served,
            httpx.AsyncClient(
                base_url=served.urls["site"], verify=False, trust_env=False
            ) as client,
        ):
            first = await client.get("/private?page=1")
            assert first.status_code == 302
            assert first.headers["x-cache"] == "LambdaGeneratedResponse from cloudfront"
            asked = urlsplit(first.headers["location"])
            assert (asked.netloc, asked.path) == (idp.domain, "/authorize")
            assert origin.heads == []

            last = await client.get("/private?page=1", follow_redirects=True)
            assert [answer.status_code for answer in last.history] == [302, 302, 302]
            assert last.status_code == 200
            assert last.url.path == "/private"
            assert [line.split("?")[0].split()[1] for line in idp.asked] == [
                "/authorize",
                "/oauth2/token",
            ]
            assert b"GET /private?page=1 HTTP/1.1" in origin.heads[0]
            assert b"idToken=" in origin.heads[0]
            assert any("idToken" in name for name in client.cookies)

            again = await client.get("/other")
            assert again.status_code == 200
            (name,) = [name for name in client.cookies if name.endswith("idToken")]
            client.cookies.delete(name)
            forged = await client.get("/other", headers={"cookie": f"{name}=a.b.c"})
            assert forged.status_code == 302
        assert not [
            exchange.reason for exchange in served.gateway.exchanges if exchange.reason is not None
        ]


# Framework adapters


@pytest.mark.anyio
async def test_hono_answers_at_origin_request(
    node_code: Path, echo_origin: Any, serving: Any
) -> None:
    function = {"runtime": "nodejs22.x", "code": str(node_code), "handler": "app.handler"}
    async with echo_origin() as origin:
        trigger = {"function": "hook", "include_body": True}
        config = site(function, {"origin-request": trigger}, origin.url)
        async with (
            serving(config) as served,
            httpx.AsyncClient(base_url=served.urls["site"], trust_env=False) as client,
        ):
            hello = await client.get("/hello/ada")
            assert (hello.status_code, hello.text) == (200, "hello ada")
            made = await client.get("/json?q=a%20b")
            assert (made.status_code, made.json()) == (201, {"query": "a b"})
            form = await client.post("/form", data={"name": "grace"})
            assert (form.status_code, form.text) == (200, "<p>grace</p>")
            moved = await client.get("/cookies")
            assert (moved.status_code, moved.headers["location"]) == (302, "/there")
            assert (await client.get("/bytes")).content == bytes([0, 255, 1, 254])
            assert (await client.get("/nowhere")).status_code == 404
        assert origin.heads == []


@pytest.mark.anyio
async def test_serverless_express_answers_at_origin_request(
    node_code: Path, echo_origin: Any, serving: Any
) -> None:
    function = {"runtime": "nodejs22.x", "code": str(node_code), "handler": "express.handler"}
    async with echo_origin() as origin:
        trigger = {"function": "hook", "include_body": True}
        config = site(function, {"origin-request": trigger}, origin.url)
        async with (
            serving(config) as served,
            httpx.AsyncClient(base_url=served.urls["site"], trust_env=False) as client,
        ):
            hello = await client.get("/hello/ada?from=here")
            assert (hello.status_code, hello.text) == (200, "hello ada from here"), reasons(served)
            made = await client.post("/json", json={"a": 1})
            assert (made.status_code, made.json()) == (201, {"got": {"a": 1}})


def reasons(served: Any) -> list[Any]:
    return [exchange.reason for exchange in served.gateway.exchanges]


@pytest.mark.anyio
async def test_mangum_answers_at_origin_request(
    pypi_packages: Path, tmp_path: Path, echo_origin: Any, serving: Any
) -> None:
    shutil.copytree(pypi_packages, tmp_path, dirs_exist_ok=True)
    shutil.copy(HERE / "asgi.py", tmp_path)
    function = {"runtime": PYTHON, "code": str(tmp_path), "handler": "asgi.handler"}
    async with echo_origin() as origin:
        trigger = {"function": "hook", "include_body": True}
        config = site(function, {"origin-request": trigger}, origin.url)
        async with (
            serving(config) as served,
            httpx.AsyncClient(base_url=served.urls["site"], trust_env=False) as client,
        ):
            hello = await client.get("/hello/ada")
            assert (hello.status_code, hello.text) == (200, "hello ada"), reasons(served)
            assert hello.headers["x-made"] == "by asgi"
            made = await client.post("/json?a=1", json={"b": 2})
            assert made.json() == {"got": {"b": 2}, "query": {"a": "1"}}


@pytest.mark.anyio
async def test_mangum_with_content_length_is_told_what_aws_would_say(
    pypi_packages: Path, tmp_path: Path, serving: Any
) -> None:
    shutil.copytree(pypi_packages, tmp_path, dirs_exist_ok=True)
    shutil.copy(HERE / "asgi.py", tmp_path)
    function = {"runtime": PYTHON, "code": str(tmp_path), "handler": "asgi.careless"}
    config = site(function, {"origin-request": "hook"}, "http://127.0.0.1:9")
    async with (
        serving(config) as served,
        httpx.AsyncClient(base_url=served.urls["site"], trust_env=False) as client,
    ):
        refused = await client.get("/hello/ada")
        assert refused.status_code == 502
        (reason,) = reasons(served)
        assert "lambda-edge.read-only-header at headers.content-length: found added" in reason


# A rewriter of pretty URLs


@pytest.mark.anyio
async def test_router_of_adapter_lambda_rewrites_to_the_static_origin(
    npm_packages: Path, tmp_path: Path, serving: Any
) -> None:
    """The edge function of the SvelteKit adapter, bundled with its list of files as it does."""
    shutil.copy(npm_packages / "adapter" / "package" / "files" / "router.js", tmp_path)
    files = ["/about.html", "/blog/index.html", "/app.css"]
    (tmp_path / "static.js").write_text(f"export default {json.dumps(files)};")
    esbuild = str(npm_packages / "node_modules" / "esbuild" / "bin" / "esbuild")
    bundle = ["--bundle", "--format=cjs", "--platform=node", "--outfile=code/router.js"]
    run(esbuild, "router.js", *bundle, cwd=tmp_path)

    def named(name: str) -> Callable[[Any, Any], Awaitable[None]]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while head := await read_head(reader):
                await read_body(head, reader)
                line, host = head.split(b"\r\n")[0], b""
                for each in head.split(b"\r\n"):
                    if each.lower().startswith(b"host:"):
                        host = each[5:].strip()
                content = b" ".join([name.encode(), line, host])
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content))
                writer.write(content)
                await writer.drain()

        return answer

    # The function changes the domain name only: both origins listen on the same port.
    port = free_port()
    function = {
        "runtime": "nodejs22.x",
        "code": str(tmp_path / "code"),
        "handler": "router.handler",
    }
    config = site(
        function,
        {"origin-request": "hook"},
        f"http://127.0.0.1:{port}",
        of_origin={"custom_headers": {"s3-host": "127.0.0.2"}},
    )
    async with (
        listening(named("server"), "127.0.0.1", port),
        listening(named("static"), "127.0.0.2", port),
        serving(config) as served,
        httpx.AsyncClient(base_url=served.urls["site"], trust_env=False) as client,
    ):
        expected = {
            "/about": "static GET /about.html HTTP/1.1 127.0.0.2",
            "/blog/": "static GET /blog/index.html HTTP/1.1 127.0.0.2",
            "/app.css": "static GET /app.css HTTP/1.1 127.0.0.2",
            "/account": "server GET /account HTTP/1.1 127.0.0.1",
            "/action?/login": "server GET /action?%2Flogin HTTP/1.1 127.0.0.1",
        }
        for path, text in expected.items():
            assert (await client.get(path)).text == text
        posted = await client.post("/about", content=b"x")
        assert posted.text == "server POST /about HTTP/1.1 127.0.0.1"
        assert reasons(served) == [None] * 6
