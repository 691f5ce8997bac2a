"""Files come, change and go in a folder, and functions are told of objects."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from edgegw import Gateway
from edgegw.gateway.workers.notifications import Notifications
from tests.conftest import FUNCTIONS, OWN_DATA
from tests.gateway.noted_events import Noted, function

BEGUN = 0.6
"""Seconds until a gateway that has started surely watches, and has looked once more."""
QUIET = 0.8
"""Seconds in which whatever is going to come has come."""


def configuration(folder: Path, **notifications: dict[str, Any]) -> dict[str, Any]:
    return {
        "functions": {"resize": function(), "other": function()},
        "bucket_notifications": {
            name: {
                "function": "resize",
                **({"folder": str(folder), "bucket": "uploads"} if "bucket" not in given else {}),
                **given,
            }
            for name, given in notifications.items()
        },
        "gateway": {"state": tempfile.mkdtemp(dir=OWN_DATA)},
    }


def gateway_of(noted: Noted, config: dict[str, Any]) -> Gateway:
    handlers = noted.handlers("resize", "other")
    return Gateway.from_dict(config, base=FUNCTIONS, functions=handlers)


@asynccontextmanager
async def watching(noted: Noted, config: dict[str, Any]) -> AsyncIterator[Gateway]:
    async with gateway_of(noted, config) as gateway:
        await asyncio.sleep(BEGUN)
        yield gateway


def told(noted: Noted) -> list[tuple[str, str]]:
    """What happened to which key, in order."""
    records = [event["Records"][0] for _, event in noted.events]
    return [(record["eventName"], record["s3"]["object"]["key"]) for record in records]


async def test_a_state_folder_within_the_bucket_tells_nothing(tmp_path: Path) -> None:
    """Every event is written there: it would be the cause of the next one, for ever."""
    noted, config = Noted(), configuration(tmp_path, all={})
    config["gateway"]["state"] = str(tmp_path / ".edgegw")
    async with watching(noted, config):
        (tmp_path / "a.txt").write_bytes(b"a")
        await noted.count(1)
        await asyncio.sleep(QUIET)
    assert told(noted) == [("ObjectCreated:Put", "a.txt")]


async def test_a_new_file_is_told_in_the_record_of_s3(tmp_path: Path) -> None:
    noted = Noted()
    async with watching(noted, configuration(tmp_path, thumbnails={"region": "eu-west-1"})):
        (tmp_path / "HappyFace.jpg").write_bytes(b"smile")
        (event,) = await noted.count(1)
    (record,) = event["Records"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("eventTime"))
    answer = record.pop("responseElements")
    assert re.fullmatch("[0-9A-F]{16}", answer["x-amz-request-id"])
    assert answer["x-amz-id-2"]
    assert re.fullmatch("[0-9A-F]{18}", record["s3"]["object"].pop("sequencer"))
    assert record.pop("userIdentity")["principalId"]
    assert record["s3"]["bucket"].pop("ownerIdentity")["principalId"]
    assert record == {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventName": "ObjectCreated:Put",
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "thumbnails",
            "bucket": {"name": "uploads", "arn": "arn:aws:s3:::uploads"},
            "object": {
                "key": "HappyFace.jpg",
                "size": 5,
                "eTag": hashlib.md5(b"smile").hexdigest(),
            },
        },
    }


async def test_created_changed_and_removed(tmp_path: Path) -> None:
    noted = Noted()
    (tmp_path / "before.txt").write_text("there already")
    everything = {"events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
    async with watching(noted, configuration(tmp_path, all=everything)):
        (tmp_path / "new.txt").write_text("1")
        await noted.count(1)
        (tmp_path / "new.txt").write_text("22")
        await noted.count(2)
        (tmp_path / "new.txt").unlink()
        await noted.count(3)
        (tmp_path / "before.txt").unlink()
        await noted.count(4)
    created, removed = "ObjectCreated:Put", "ObjectRemoved:Delete"
    assert told(noted) == [
        (created, "new.txt"),
        (created, "new.txt"),
        (removed, "new.txt"),
        (removed, "before.txt"),
    ]
    objects = [event["Records"][0]["s3"]["object"] for _, event in noted.events]
    assert [each.get("size") for each in objects] == [1, 2, None, None]
    assert all("eTag" not in each for each in objects[2:])
    sequencers = [each["sequencer"] for each in objects]
    assert sequencers == sorted(set(sequencers))


async def test_keys_are_encoded_as_in_a_form(tmp_path: Path) -> None:
    noted = Noted()
    names = {
        "red flower.jpg": "red+flower.jpg",
        "a+b&c=d.jpg": "a%2Bb%26c%3Dd.jpg",
        "blüte.jpg": "bl%C3%BCte.jpg",
        "ordner/tief/x.jpg": "ordner/tief/x.jpg",
        "100%.jpg": "100%25.jpg",
    }
    async with watching(noted, configuration(tmp_path, all={})):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(name)
        await noted.count(len(names))
    assert {key for _, key in told(noted)} == set(names.values())


async def test_prefix_and_suffix_are_of_the_key_itself(tmp_path: Path) -> None:
    noted = Noted()
    config = configuration(
        tmp_path,
        images={"prefix": "in put/", "suffix": ".jpg"},
        gone={"function": "other", "events": "s3:ObjectRemoved:Delete", "suffix": ".jpg"},
    )
    async with watching(noted, config):
        for name in ("in put/a.jpg", "in put/a.png", "b.jpg", "in put/deep/c.jpg"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("x")
        await noted.count(2)
        await asyncio.sleep(QUIET)
        assert {key for _, key in told(noted)} == {"in+put/a.jpg", "in+put/deep/c.jpg"}
        (tmp_path / "b.jpg").unlink()
        (tmp_path / "in put" / "a.png").unlink()
        await noted.count(3)
        await asyncio.sleep(QUIET)
    assert noted.events[2][0] == "other"
    assert told(noted)[2:] == [("ObjectRemoved:Delete", "b.jpg")]


async def test_a_file_is_told_once_when_it_is_whole(tmp_path: Path) -> None:
    noted = Noted()
    async with watching(noted, configuration(tmp_path, all={})):
        with (tmp_path / "slow.bin").open("wb") as file:
            for _ in range(32):
                file.write(b"x" * 250)
                file.flush()
                await asyncio.sleep(0.02)
        await noted.count(1)
        partial = tmp_path / "moved.txt.part"
        partial.write_text("whole")
        partial.rename(tmp_path / "moved.txt")
        (tmp_path / "moved.txt").touch()
        await noted.until(lambda: ("ObjectCreated:Put", "moved.txt") in told(noted))
        await asyncio.sleep(QUIET)
    assert told(noted) == [("ObjectCreated:Put", "slow.bin"), ("ObjectCreated:Put", "moved.txt")]
    assert noted.events[0][1]["Records"][0]["s3"]["object"]["size"] == 8000


async def test_large_files_come_in_parts(tmp_path: Path) -> None:
    noted = Noted()
    events = {"events": ["s3:ObjectCreated:CompleteMultipartUpload"]}
    async with watching(noted, configuration(tmp_path, large=events)):
        (tmp_path / "small.bin").write_bytes(b"x")
        with (tmp_path / "large.bin").open("wb") as file:
            file.truncate(9 * 1024 * 1024)
        (event,) = await noted.count(1)
    (record,) = event["Records"]
    assert record["s3"]["object"]["key"] == "large.bin"
    assert record["s3"]["object"]["eTag"].endswith("-2")


async def test_folders_that_come_and_go_take_their_files_along(tmp_path: Path) -> None:
    noted, outside, bucket = Noted(), tmp_path / "outside", tmp_path / "bucket"
    (outside / "deep").mkdir(parents=True)
    bucket.mkdir()
    (outside / "a.txt").write_text("a")
    (outside / "deep" / "b.txt").write_text("b")
    everything = {"events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
    async with watching(noted, configuration(bucket, all=everything)):
        outside.rename(bucket / "in")
        await noted.count(2)
        assert set(told(noted)) == {
            ("ObjectCreated:Put", "in/a.txt"),
            ("ObjectCreated:Put", "in/deep/b.txt"),
        }
        (bucket / "in").rename(outside)
        await noted.count(4)
    assert set(told(noted)[2:]) == {
        ("ObjectRemoved:Delete", "in/a.txt"),
        ("ObjectRemoved:Delete", "in/deep/b.txt"),
    }


async def test_what_is_no_object_is_not_told(tmp_path: Path) -> None:
    noted, outside = Noted(), tmp_path / "secret.txt"
    outside.write_text("secret")
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    async with watching(noted, configuration(bucket, all={})):
        (bucket / "page.html.s3.json").write_text("{}")
        (bucket / "empty").mkdir()
        (bucket / "link.txt").symlink_to(outside)
        os.mkfifo(bucket / "pipe")
        (bucket / "page.html").write_text("page")
        await noted.count(1)
        await asyncio.sleep(QUIET)
    assert told(noted) == [("ObjectCreated:Put", "page.html")]


async def test_the_folder_itself_may_be_missing_and_come_back(tmp_path: Path) -> None:
    noted, bucket = Noted(), tmp_path / "bucket"
    everything = {"events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
    async with watching(noted, configuration(bucket, all=everything)):
        bucket.mkdir()
        (bucket / "a.txt").write_text("a")
        await noted.count(1)
        shutil.rmtree(bucket)
        await noted.count(2)
        bucket.mkdir()
        (bucket / "b.txt").write_text("b")
        await noted.count(3)
        await asyncio.sleep(QUIET)
        (bucket / "c.txt").write_text("c")
        await noted.count(4)
    assert told(noted) == [
        ("ObjectCreated:Put", "a.txt"),
        ("ObjectRemoved:Delete", "a.txt"),
        ("ObjectCreated:Put", "b.txt"),
        ("ObjectCreated:Put", "c.txt"),
    ]


async def test_a_bucket_of_an_origin_is_its_folder(tmp_path: Path) -> None:
    noted = Noted()
    config = configuration(tmp_path, uploads={"bucket": "pictures"})
    config["distributions"] = {
        "site": {
            "listen": 0,
            "origins": {"s3": {"s3": str(tmp_path), "bucket": "pictures", "region": "eu-west-1"}},
            "default_behavior": {"origin": "s3"},
        }
    }
    async with watching(noted, config) as gateway:
        (tmp_path / "a.txt").write_text("content")
        (event,) = await noted.count(1)
        async with gateway.client("site") as client:
            answer = await client.get("/a.txt")
    (record,) = event["Records"]
    assert record["awsRegion"] == "eu-west-1"
    assert record["s3"]["bucket"]["name"] == "pictures"
    assert f'"{record["s3"]["object"]["eTag"]}"' == answer.headers["etag"]


async def test_a_changed_configuration_watches_other_folders(tmp_path: Path) -> None:
    noted, first, second = Noted(), tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    async with watching(noted, configuration(first, all={})) as gateway:
        await gateway.reload(gateway_of(noted, configuration(second, all={})).config)
        await asyncio.sleep(BEGUN)
        (first / "a.txt").write_text("a")
        (second / "b.txt").write_text("b")
        await noted.count(1)
        await asyncio.sleep(QUIET)
    assert told(noted) == [("ObjectCreated:Put", "b.txt")]


async def test_a_gateway_without_notifications_watches_nothing() -> None:
    async with Gateway.from_dict({}) as gateway:
        assert gateway.workers.running(Notifications) is None
