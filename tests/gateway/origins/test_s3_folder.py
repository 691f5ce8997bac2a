"""Folders as buckets, through a distribution."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgegw import Gateway
from edgegw.errors import ConfigError

EVENTS = list[dict[str, Any]]()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`public` with objects, `secret.txt` beside it."""
    public = tmp_path / "public"
    (public / "docs").mkdir(parents=True)
    (public / "index.html").write_text("home")
    (public / "docs" / "index.html").write_text("docs")
    (public / "docs" / "a b.txt").write_text("blank")
    (public / "404.html").write_text("gone")
    (public / "big.bin").write_bytes(bytes(range(256)) * 4096)
    (public / "page.html").write_text("page")
    (public / "page.html.s3.json").write_text(
        '{"Cache-Control": "max-age=60", "x-amz-meta-owner": "ada"}'
    )
    (public / "moved").write_text("")
    (public / "moved.s3.json").write_text('{"x-amz-website-redirect-location": "/docs/"}')
    (tmp_path / "secret.txt").write_text("secret")
    return public


def gateway(
    base: Path,
    origin: dict[str, Any],
    *,
    hook: Callable[[Any, Any], Any] | None = None,
    policy: str | None = None,
    **more: Any,
) -> Gateway:
    behavior: dict[str, Any] = {
        "origin": "assets",
        "cache_policy": "CachingDisabled",
        "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
    }
    if policy is not None:
        behavior["origin_request_policy"] = policy
    described: dict[str, Any] = {
        "distributions": {
            "site": {"listen": 0, "origins": {"assets": origin}, "default_behavior": behavior}
        },
        "gateway": more,
    }
    if hook is None:
        return Gateway.from_dict(described, base=base)
    (base / "hook.py").write_text("")
    described["functions"] = {
        "hook": {"runtime": "python3.11", "code": "hook.py", "handler": "hook.handler"}
    }
    behavior["lambda_functions"] = {"origin-request": "hook"}
    return Gateway.from_dict(described, base=base, functions={"hook": hook})


async def get(running: Gateway, path: str, **options: Any) -> httpx.Response:
    async with running.client("site") as client:
        return await client.request(options.pop("method", "GET"), path, **options)


S3 = {"s3": "public", "bucket": "my-bucket", "region": "eu-west-1", "access_control": "oac"}
SITE = {"s3_website": "public", "error_document": "404.html"}


async def test_an_object_has_the_tag_of_its_bytes(folder: Path) -> None:
    response = await get(gateway(folder.parent, S3), "/index.html")
    assert (response.status_code, response.text) == (200, "home")
    digest = hashlib.md5(b"home", usedforsecurity=False).hexdigest()
    assert response.headers["etag"] == f'"{digest}"'
    assert response.headers["content-type"] == "text/html"
    assert response.headers["server"] == "AmazonS3"
    assert "x-amz-request-id" not in response.headers  # kept from viewers of buckets


async def test_a_changed_file_has_another_tag(folder: Path) -> None:
    running = gateway(folder.parent, S3)
    async with running.client("site") as client:
        first = (await client.get("/index.html")).headers["etag"]
        assert (await client.get("/index.html")).headers["etag"] == first
        (folder / "index.html").write_text("new!")
        assert (await client.get("/index.html")).headers["etag"] != first


async def test_metadata_stands_beside_the_file_and_is_no_object(folder: Path) -> None:
    running = gateway(folder.parent, S3)
    response = await get(running, "/page.html")
    assert response.headers["cache-control"] == "max-age=60"
    assert response.headers["x-amz-meta-owner"] == "ada"
    assert (await get(running, "/page.html.s3.json")).status_code == 403


async def test_a_large_object_streams_whole_and_in_parts(folder: Path) -> None:
    running, whole = gateway(folder.parent, S3), bytes(range(256)) * 4096
    response = await get(running, "/big.bin")
    assert response.content == whole
    response = await get(running, "/big.bin", headers={"Range": "bytes=100-700099"})
    assert (response.status_code, response.content) == (206, whole[100:700100])


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors")
async def test_a_viewer_that_leaves_takes_no_descriptor_along(folder: Path) -> None:
    running = gateway(folder.parent, S3)
    async with running.client("site") as client:
        await client.get("/index.html")
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            async with client.stream("GET", "/big.bin") as response:
                assert response.status_code == 200
        assert len(os.listdir("/proc/self/fd")) <= before + 1


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/docs/../../secret.txt",
        "/docs/%2e%2e/%2e%2e/secret.txt", "//etc/passwd", "/%2fetc%2fpasswd", "/link.txt",
        "/out/secret.txt", "/loop", "/index.html%00.txt", "/index.html/", "/index.html/x", "/docs",
        "/./index.html", "/%ff", "/" + "a" * 300, "/pipe", "/%252e%252e/secret.txt",
        "/%c0%ae%c0%ae/secret.txt", "/..;/secret.txt", "/%2e%2e%5csecret.txt", "/.%2e/secret.txt",
        "/docs/..", "/%00", "/%2e", "///secret.txt", "/docs/%2e%2e%2f%2e%2e%2fsecret.txt",
    ],
)  # fmt: skip
async def test_no_path_leaves_the_folder(folder: Path, serving: Any, path: str) -> None:
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    (folder / "out").symlink_to(folder.parent)
    (folder / "loop").symlink_to(folder / "loop")
    if sys.platform != "win32":
        os.mkfifo(folder / "pipe")
    behavior = {"origin": "assets", "cache_policy": "CachingDisabled"}
    origin = {**S3, "s3": str(folder)}
    site = {"listen": 0, "origins": {"assets": origin}, "default_behavior": behavior}
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    async with serving({"distributions": {"site": site}}) as front:
        answer = await front.raw("site", head.encode())
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"<Code>AccessDenied</Code>" in answer
    assert b"secret" not in answer


async def test_a_link_within_the_folder_is_followed(folder: Path) -> None:
    (folder / "same.html").symlink_to("index.html")
    assert (await get(gateway(folder.parent, S3), "/same.html")).text == "home"


async def test_what_is_missing_is_404_where_the_bucket_may_be_listed(folder: Path) -> None:
    assert (await get(gateway(folder.parent, S3), "/nope")).status_code == 403
    listed = await get(gateway(folder.parent, {**S3, "list_bucket": True}), "/nope")
    assert listed.status_code == 404
    assert "<Code>NoSuchKey</Code>" in listed.text


async def test_nothing_is_written(folder: Path) -> None:
    response = await get(gateway(folder.parent, S3), "/new", method="PUT", content=b"x")
    assert response.status_code == 403
    assert not (folder / "new").exists()


async def test_a_host_that_the_viewer_chose_breaks_the_signature(folder: Path) -> None:
    assert (
        await get(gateway(folder.parent, S3, policy="AllViewer"), "/index.html")
    ).status_code == 403
    policy = "AllViewerExceptHostHeader"
    assert (await get(gateway(folder.parent, S3, policy=policy), "/index.html")).status_code == 200


async def test_the_origin_path_is_a_prefix_of_keys(folder: Path) -> None:
    response = await get(gateway(folder.parent, {**S3, "path": "/docs"}), "/a%20b.txt")
    assert response.text == "blank"


@pytest.mark.parametrize(
    ("access", "shown"),
    [
        ("oac", {"authMethod": "none", "region": ""}),
        ("oai", {"authMethod": "origin-access-identity", "region": "eu-west-1"}),
        ("public", {"authMethod": "none", "region": ""}),
    ],
)
async def test_functions_see_a_bucket(folder: Path, access: str, shown: dict[str, str]) -> None:
    seen: list[dict[str, Any]] = []

    def hook(event: Any, _: Any) -> Any:
        seen.append(event["Records"][0]["cf"]["request"])
        return seen[-1]

    origin = {**S3, "access_control": access}
    assert (await get(gateway(folder.parent, origin, hook=hook), "/index.html")).text == "home"
    assert seen[0]["origin"]["s3"] == {
        "customHeaders": {},
        "domainName": "my-bucket.s3.eu-west-1.amazonaws.com",
        "path": "",
        **shown,
    }
    assert seen[0]["headers"]["host"][0]["value"] == "my-bucket.s3.eu-west-1.amazonaws.com"


async def test_a_function_that_drops_the_identity_is_denied(folder: Path) -> None:
    def hook(event: Any, _: Any) -> Any:
        request = event["Records"][0]["cf"]["request"]
        request["origin"]["s3"] |= {"authMethod": "none"}
        return request

    origin = {**S3, "access_control": "oai"}
    response = await get(gateway(folder.parent, origin, hook=hook), "/index.html")
    assert response.status_code == 403


@pytest.mark.parametrize(
    ("chosen", "status", "text"),
    [("eu-media", 200, "eu"), ("us-media", 200, "us"), ("no-media", 403, "AccessDenied")],
)
async def test_functions_choose_buckets_of_a_folder(
    folder: Path, chosen: str, status: int, text: str
) -> None:
    for name in ("eu", "us"):
        (folder.parent / "buckets" / f"{name}-media").mkdir(parents=True)
        (folder.parent / "buckets" / f"{name}-media" / "index.html").write_text(name)
    domain = f"{chosen}.s3.amazonaws.com"

    def hook(event: Any, _: Any) -> Any:
        request = event["Records"][0]["cf"]["request"]
        request["origin"]["s3"] |= {"domainName": domain, "path": ""}
        request["headers"]["host"] = [{"key": "Host", "value": domain}]
        return request

    hosts = {"*.s3.amazonaws.com": "./buckets"}
    running = gateway(folder.parent, S3, hook=hook, hosts=hosts)
    response = await get(running, "/index.html")
    assert response.status_code == status
    assert text in response.text


async def test_a_bucket_that_links_out_of_its_folder_is_none(folder: Path) -> None:
    buckets = folder.parent / "buckets"
    buckets.mkdir()
    (buckets / "my-links").symlink_to(folder)
    domain = "my-links.s3.amazonaws.com"
    running = gateway(
        folder.parent, {"url": f"https://{domain}"}, hosts={"*.s3.amazonaws.com": "./buckets"}
    )
    assert (await get(running, "/index.html")).status_code == 403


@pytest.mark.parametrize(
    ("path", "status", "text", "location"),
    [
        ("/", 200, "home", None),
        ("/index.html", 200, "home", None),
        ("/docs/", 200, "docs", None),
        ("/docs", 302, None, "/docs/"),
        ("/moved", 301, None, "/docs/"),
        ("/nope", 404, "gone", None),
        ("/nope/", 404, "gone", None),
        ("/../secret.txt", 404, "gone", None),
        ("//", 404, "gone", None),
    ],
)
async def test_a_website(
    folder: Path, path: str, status: int, text: str | None, location: str | None
) -> None:
    response = await get(gateway(folder.parent, SITE), f"http://site.test{path}")
    assert response.status_code == status
    assert response.headers.get("location") == location
    assert text is None or response.text == text


async def test_a_website_without_error_document_has_s3s_page(folder: Path) -> None:
    response = await get(gateway(folder.parent, {"s3_website": "public"}), "/nope")
    assert response.status_code == 404
    assert "<li>Code: NoSuchKey</li>" in response.text
    assert response.headers["x-amz-error-code"] == "NoSuchKey"
    lost = {"s3_website": "public", "error_document": "lost.html"}
    response = await get(gateway(folder.parent, lost), "/nope")
    assert "Attempting to Retrieve a Custom Error Document" in response.text
    response = await get(gateway(folder.parent, {"s3_website": "public"}), "/", method="DELETE")
    assert (response.status_code, response.headers["x-amz-error-code"]) == (405, "MethodNotAllowed")


@pytest.mark.parametrize("code", [403, 404, 416])
async def test_an_origin_group_turns_away_from_a_bucket(folder: Path, code: int) -> None:
    (folder.parent / "spare").mkdir()
    for name in ("nope", "index.html"):
        (folder.parent / "spare" / name).write_text("spare")
    described = {
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {
                    "assets": {**S3, "list_bucket": code == 404},
                    "spare": {"s3": "spare", "bucket": "spare"},
                },
                "origin_groups": {
                    "both": {"members": ["assets", "spare"], "failover_status_codes": [code]}
                },
                "default_behavior": {"origin": "both", "cache_policy": "CachingDisabled"},
            }
        }
    }
    running = Gateway.from_dict(described, base=folder.parent)
    options = {"headers": {"Range": "bytes=0-4"}}
    path = "/nope"
    if code == 416:
        options = {"headers": {"Range": "bytes=4-4"}}
        path = "/index.html"
    response = await get(running, path, **options)
    assert response.status_code == 206
    assert response.text in ("spare", "e")


@pytest.mark.parametrize(
    ("origin", "text"),
    [
        ({"s3": "public", "bucket": "A"}, "is no name of a bucket"),
        ({"s3": "public", "region": "Europe"}, "is no Region"),
        (
            {"url": "http://a", "bucket": "abc"},
            "'bucket' belongs to an origin with s3 or s3_website",
        ),
        ({"s3_website": "public", "access_control": "oac"}, "belongs to an origin with s3"),
        ({"s3": "public", "protocol_policy": "http-only"}, "belongs to an origin with url"),
        ({"s3_website": "public", "error_document": "/x"}, "without a leading slash"),
        ({"s3": "public", "url": "http://a"}, "exactly one of"),
    ],
)
def test_what_a_bucket_cannot_be(folder: Path, origin: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        gateway(folder.parent, origin)


async def test_origin_shield_is_taken(folder: Path) -> None:
    running = gateway(folder.parent, {**S3, "origin_shield": "eu-west-1"})
    assert (await get(running, "/index.html")).status_code == 200


OWN_HOST = "it takes its own Host alone, my-bucket.s3.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("origin", "path", "options", "why"),
    [
        (S3, "/nope.txt", {}, "there is no object 'nope.txt'; with list_bucket: true it is a 404"),
        ({**S3, "list_bucket": True}, "/nope.txt", {}, "there is no object 'nope.txt'"),
        (S3, "/docs/", {}, "there is no object 'docs/' (index documents are for s3_website)"),
        (S3, "/", {}, "no object is asked for: default_root_object names the one for /"),
        (S3, "/%ff", {}, "the path is no key"),
        (S3, "/a%0d%0ab", {}, "there is no object 'a\\r\\nb'"),
        (S3, "/index.html", {"policy": "AllViewer"}, OWN_HOST),
        (S3, "/index.html", {"method": "PUT"}, "objects are read here, with GET and HEAD"),
        (S3, "/index.html", {"method": "OPTIONS"}, "a bucket here has no CORS rules"),
        (SITE, "/nope", {}, "there is no object 'nope' nor 'nope/index.html'"),
    ],
)
async def test_the_log_says_why_something_is_refused(
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    origin: dict[str, Any],
    path: str,
    options: dict[str, str],
    why: str,
) -> None:
    caplog.set_level("INFO", "edgegw")
    running = gateway(folder.parent, origin, policy=options.get("policy"))
    await get(running, path, method=options.get("method", "GET"))
    (line,) = [each.getMessage() for each in caplog.records if "answered 40" in each.getMessage()]
    assert f": {why}" in line
