"""TagResource, UntagResource and ListTagsForResource as boto3 calls them, and tags of creations."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgegw.execution.key_value_file import FileShelf
from edgegw.gateway.edge_registry import FILE
from tests.gateway.test_functions_api import CONFIG, FIRST, Api, serving

ARN = "arn:aws:cloudfront::123456789012:"


def items(**tags: str) -> dict[str, Any]:
    return {"Items": [{"Key": key, "Value": text} for key, text in tags.items()]}


async def tags(api: Api, arn: str) -> dict[str, str]:
    listed = (await api("list_tags_for_resource", Resource=arn))["Tags"]["Items"]
    return {tag["Key"]: tag["Value"] for tag in listed}


async def test_tags_of_functions(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        given = {"Name": "made", "FunctionConfig": CONFIG, "FunctionCode": FIRST}
        created = await api("create_function", **given, Tags=items(team="edge", stage="a"))
        arn = created["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]
        assert arn == f"{ARN}function/made"
        assert await tags(api, arn) == {"team": "edge", "stage": "a"}

        await api("tag_resource", Resource=arn, Tags=items(stage="b", cost=""))
        await api("untag_resource", Resource=arn, TagKeys={"Items": ["team", "unknown"]})
        assert await tags(api, arn) == {"cost": "", "stage": "b"}
        assert await api.etag("made") == created["ETag"], "tags are no version of the code"
        own = f"{ARN}function/own"
        await api("tag_resource", Resource=own, Tags=items(a="1"))
    async with serving(tmp_path) as api:
        assert await tags(api, arn) == {"cost": "", "stage": "b"}
        assert await tags(api, own) == {"a": "1"}
        await api("delete_function", Name="made", IfMatch=await api.etag("made"))
        await api.create("made")
        assert await tags(api, arn) == {}


async def test_tags_of_stores(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        flags = api.gateway.edge_registry.store_arn("flags")
        assert await tags(api, flags) == {}
        assert not (tmp_path / "state" / FILE).exists()
        created = await api("create_key_value_store", Name="more", Tags=items(a="1"))
        arn = created["KeyValueStore"]["ARN"]
        await api("tag_resource", Resource=flags, Tags=items(b="2"))
        assert (await tags(api, arn), await tags(api, flags)) == ({"a": "1"}, {"b": "2"})
        await api("delete_key_value_store", Name="more", IfMatch=created["ETag"])
        assert (await api.refused("list_tags_for_resource", Resource=arn))[0] == "NoSuchResource"
        created = await api("create_key_value_store", Name="more")
        assert await tags(api, created["KeyValueStore"]["ARN"]) == {}
        assert not (tmp_path / "state" / FILE).exists()
        before = await api("describe_key_value_store", Name="more")
        await api("tag_resource", Resource=created["KeyValueStore"]["ARN"], Tags=items(b="", a=""))
        assert (await api("describe_key_value_store", Name="more"))["ETag"] == before["ETag"]
    async with serving(tmp_path) as api:
        assert await tags(api, flags) == {"b": "2"}
        assert list(await tags(api, created["KeyValueStore"]["ARN"])) == ["a", "b"]


async def test_two_gateways_see_each_other_tag_a_store(tmp_path: Path) -> None:
    async with serving(tmp_path) as one, serving(tmp_path) as other:
        flags = one.gateway.edge_registry.store_arn("flags")
        for at, (by, seen_by) in enumerate([(one, other), (other, one)]):
            assert len(await tags(seen_by, flags)) == at
            await by("tag_resource", Resource=flags, Tags=items(**{f"k{at}": ""}))
        for api in (one, other):
            assert await tags(api, flags) == {"k0": "", "k1": ""}


async def test_a_store_and_its_tags_are_kept_in_one_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path) as api:
        stores, seen = api.gateway.key_values, list[object]()
        change = stores.change

        def looked_at(decide: Any) -> Any:
            states = change(decide)
            with contextlib.closing(FileShelf(tmp_path / "state")) as after_a_crash:
                more = after_a_crash.look().get("more")
                seen.append(None if more is None else more.tags)
            return states

        monkeypatch.setattr(stores, "change", looked_at)
        created = await api("create_key_value_store", Name="more", Tags=items(a="1"))
        await api("tag_resource", Resource=created["KeyValueStore"]["ARN"], Tags=items(b="2"))
        await api("delete_key_value_store", Name="more", IfMatch=created["ETag"])
        assert seen == [{"a": "1"}, {"a": "1", "b": "2"}, None]


async def test_tags_of_distributions(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        listed = (await api("list_distributions"))["DistributionList"]["Items"]
        arn = listed[0]["ARN"]
        await api("tag_resource", Resource=arn, Tags=items(a="1"))
        assert await tags(api, arn) == {"a": "1"}


async def test_what_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        own = f"{ARN}function/own"
        many = {f"k{at}": "" for at in range(50)}
        await api("tag_resource", Resource=own, Tags=items(**many))
        rows: list[tuple[str, dict[str, Any], str, int]] = [
            ("tag_resource", {"Resource": own, "Tags": items(one="more")}, "InvalidTagging", 400),
            ("tag_resource", {"Resource": own, "Tags": items(**{"aws:a": ""})}, "InvalidTagging", 400),
            ("tag_resource", {"Resource": f"{ARN}function/none", "Tags": items(a="")}, "NoSuchResource", 404),
            ("untag_resource", {"Resource": f"{ARN}distribution/none", "TagKeys": {"Items": ["a"]}}, "NoSuchResource", 404),
            ("list_tags_for_resource", {"Resource": f"{ARN}key-value-store/flags"}, "NoSuchResource", 404),
            ("list_tags_for_resource", {"Resource": "own"}, "InvalidArgument", 400),
            ("create_function", {"Name": "n", "FunctionConfig": CONFIG, "FunctionCode": FIRST, "Tags": items(**{"#": ""})}, "InvalidTagging", 400),
            ("create_key_value_store", {"Name": "n", "Tags": items(**{"#": ""})}, "InvalidTagging", 400),
        ]  # fmt: skip
        for operation, given, code, status in rows:
            assert (await api.refused(operation, **given))[:2] == (code, status), given
        assert await tags(api, own) == many
        assert (await api.refused("describe_function", Name="n"))[1] == 404
        path = f"{api.url}/2020-05-31/tagging"
        async with httpx.AsyncClient(trust_env=False) as client:
            for query, words in (
                ("?Operation=Tag", b"tags"),
                (f"?Operation=Other&Resource={own}", b"Operation is Tag or Untag"),
            ):
                answer = await client.post(path + query)
                assert answer.status_code == 400
                assert words in answer.content
            answer = await client.get(path)
            assert b"resource" in answer.content
