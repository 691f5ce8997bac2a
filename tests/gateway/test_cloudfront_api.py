"""boto3, the AWS CLI and whoever else calls the CloudFront API, over real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from edgegw.gateway.aws.cloudfront_api import api
from tests.aws_clients import aws_client
from tests.conftest import Serving, need, serving_in
from tests.gateway.cached_site import NOW, Answer, Origin, Site

EVERY_QUERY = {"min_ttl": 0, "default_ttl": 1000, "query_strings": {"behavior": "all"}}
CONFIG: dict[str, Any] = {
    "cache_policies": {"every-query": EVERY_QUERY},
    "distributions": {
        "site": {
            "listen": 0,
            "aliases": ["www.example.test"],
            "default_root_object": "index.html",
            "origins": {
                "app": {"url": "http://origin.test", "custom_headers": {"X-From": "edge"}},
                "spare": {"url": "https://spare.test:8443"},
            },
            "origin_groups": {
                "both": {"members": ["app", "spare"], "failover_status_codes": [503]}
            },
            "default_behavior": {"origin": "app", "cache_policy": "every-query"},
            "behaviors": [
                {"path_pattern": "/api/*", "origin": "both"},
                {
                    "path_pattern": "/old/*",
                    "origin": "app",
                    "forwarded_values": {
                        "query_string": True,
                        "headers": ["Accept"],
                        "cookies": {"forward": "whitelist", "whitelisted_names": ["id"]},
                    },
                    "min_ttl": 5,
                },
            ],
            "custom_error_responses": [
                {
                    "error_code": 404,
                    "response_page_path": "/404.html",
                    "response_code": 404,
                    "error_caching_min_ttl": 5,
                }
            ],
            "geo_restriction": {"type": "blacklist", "locations": ["XX"]},
            "cache_tag_config": {"header_name": "Cache-Tag"},
        },
        "plain": {
            "listen": 0,
            "origins": {"app": {"url": "http://origin.test"}},
            "default_behavior": {"origin": "app"},
        },
    },
    "gateway": {"lambda_api": 0},
}


class CloudFront:
    """A boto3 client whose calls run on a thread, a site with a cache, and a clock."""

    def __init__(self, served: Serving, origin: Origin, clock: list[float]) -> None:
        self.origin = origin
        self.clock = clock
        self.gateway = served.gateway
        self.url = served.urls["lambda"]
        self.site = served.urls["site"]
        self.id = self.gateway.config.distributions[0].distribution.id
        self._client = aws_client("cloudfront", self.url)

    def close(self) -> None:
        self._client.close()

    async def call(self, operation: str, **given: Any) -> dict[str, Any]:
        return await asyncio.to_thread(getattr(self._client, operation), **given)

    async def pages(self, operation: str, size: int, **given: Any) -> list[dict[str, Any]]:
        def read() -> list[dict[str, Any]]:
            paginator = self._client.get_paginator(operation)
            return list(paginator.paginate(PaginationConfig={"PageSize": size}, **given))

        return await asyncio.to_thread(read)

    async def wait(self, name: str, **given: Any) -> None:
        await asyncio.to_thread(self._client.get_waiter(name).wait, **given)

    async def invalidate(
        self, *paths: str, reference: str = "r", quantity: int | None = None, id: str = ""
    ) -> dict[str, Any]:
        count = len(paths) if quantity is None else quantity
        return await self.call(
            "create_invalidation",
            DistributionId=id or self.id,
            InvalidationBatch={
                "Paths": {"Quantity": count, "Items": list(paths)},
                "CallerReference": reference,
            },
        )

    async def refused(self, calling: Any) -> tuple[str, int]:
        with pytest.raises(ClientError) as caught:
            await calling
        response = caught.value.response
        assert response["Error"]["Message"]
        assert response["ResponseMetadata"]["RequestId"]
        return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]

    async def verdicts(self, *targets: str) -> str:
        """The first letters of what the requests come to: H for Hit, M for Miss."""
        async with httpx.AsyncClient(base_url=self.site, trust_env=False) as client:
            return "".join([(await client.get(url)).headers["x-cache"][0] for url in targets])

    async def sent(
        self, path: str, method: str = "POST", body: bytes = b"", **headers: str
    ) -> httpx.Response:
        named: Mapping[str, str] = {name.replace("_", "-"): it for name, it in headers.items()}
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.request(
                method, f"{self.url}/2020-05-31/{path}", content=body, headers=named
            )


@pytest.fixture
def cloudfront(tmp_path: Path) -> Any:
    @asynccontextmanager
    async def start(config: dict[str, Any] = CONFIG) -> AsyncIterator[CloudFront]:
        origin, clock = Origin(), [NOW]
        options: dict[str, Any] = {"transport": lambda _: origin, "clock": lambda: clock[0]}
        async with serving_in(tmp_path, config, **options) as served:
            api = CloudFront(served, origin, clock)
            try:
                yield api
            finally:
                api.close()

    return start


# CreateInvalidation


@pytest.mark.parametrize(
    ("paths", "after"),
    [
        (["/a"], "MHHHH"),
        (["/a?x=1"], "HMHHH"),
        (["/a*"], "MMMMH"),
        (["/a/*"], "HHHMH"),
        (["/*"], "MMMMM"),
        (["/ab", "/b"], "HHMHM"),
        (["/A", "/nothing", "/~a"], "HHHHH"),
    ],
)
async def test_a_hit_becomes_a_miss(cloudfront: Any, paths: list[str], after: str) -> None:
    urls = ["/a", "/a?x=1", "/ab", "/a/b", "/b"]
    async with cloudfront() as api:
        assert await api.verdicts(*urls, *urls) == "MMMMMHHHHH"
        await api.invalidate(*paths)
        assert await api.verdicts(*urls) == after


async def test_what_create_get_and_list_answer(cloudfront: Any) -> None:
    async with cloudfront() as api:
        created = await api.invalidate("/a", "/ü&<*", reference=" r\n\u00e4 ")
        assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
        invalidation = created["Invalidation"]
        place = f"{api.url}/2020-05-31/distribution/{api.id}/invalidation"
        assert created["Location"] == f"{place}/{invalidation['Id']}"
        assert "etag" not in created["ResponseMetadata"]["HTTPHeaders"]
        assert invalidation["Id"].startswith("I")
        assert invalidation["CreateTime"] == datetime.fromtimestamp(NOW, UTC)
        assert invalidation["InvalidationBatch"] == {
            "Paths": {"Quantity": 2, "Items": ["/a", "/ü&<*"]},
            "CallerReference": " r\n\u00e4 ",
        }
        named = {"DistributionId": api.id, "Id": invalidation["Id"]}
        assert (await api.call("get_invalidation", **named))["Invalidation"] == invalidation
        listed = (await api.call("list_invalidations", DistributionId=api.id))["InvalidationList"]
        assert (listed["Marker"], listed["MaxItems"], listed["IsTruncated"]) == ("", 100, False)
        assert listed["Items"] == [
            {name: invalidation[name] for name in ("Id", "CreateTime", "Status")}
        ]


async def test_an_invalidation_is_in_progress_until_time_goes_on(cloudfront: Any) -> None:
    async with cloudfront() as api:
        created = (await api.invalidate("/a"))["Invalidation"]
        assert created["Status"] == "InProgress"
        got = await api.call("get_distribution", Id=api.id)
        assert got["Distribution"]["InProgressInvalidationBatches"] == 1
        named = {"DistributionId": api.id, "Id": created["Id"]}
        assert (await api.call("get_invalidation", **named))["Invalidation"][
            "Status"
        ] == "InProgress"
        api.clock[0] += 0.001
        await api.wait("invalidation_completed", **named)
        got = await api.call("get_distribution", Id=api.id)
        assert got["Distribution"]["InProgressInvalidationBatches"] == 0


async def test_the_newest_invalidation_is_listed_first_and_pages_go_on(cloudfront: Any) -> None:
    async with cloudfront() as api:
        created: list[str] = []
        for number in range(5):
            api.clock[0] += 1
            made = await api.invalidate("/a", reference=str(number))
            created.append(made["Invalidation"]["Id"])
        pages = await api.pages("list_invalidations", 2, DistributionId=api.id)
        lists = [page["InvalidationList"] for page in pages]
        assert [len(each["Items"]) for each in lists] == [2, 2, 1]
        assert [item["Id"] for each in lists for item in each["Items"]] == created[::-1]
        assert [each["IsTruncated"] for each in lists] == [True, True, False]
        refused = api.call("list_invalidations", DistributionId=api.id, Marker="I0")
        assert await api.refused(refused) == ("InvalidArgument", 400)


async def test_a_caller_reference_stands_for_one_invalidation(cloudfront: Any) -> None:
    async with cloudfront() as api:
        first = await api.invalidate("/a", "/b")
        assert await api.verdicts("/a", "/a") == "MH"
        api.clock[0] += 1
        again = await api.invalidate("/b", "/a")
        assert again["Invalidation"]["Id"] == first["Invalidation"]["Id"]
        assert again["Invalidation"]["Status"] == "Completed"
        assert again["ResponseMetadata"]["HTTPStatusCode"] == 201
        assert await api.verdicts("/a") == "H"
        other = await api.refused(api.invalidate("/c"))
        assert other == ("InvalidationBatchAlreadyExists", 400)
        elsewhere = await api.invalidate("/c", id="plain")
        assert elsewhere["Invalidation"]["Id"] != first["Invalidation"]["Id"]


async def test_what_other_ways_invalidate_is_listed_too(cloudfront: Any) -> None:
    async with cloudfront() as api:
        api.gateway.invalidate("site", "a", "/b*")
        listed = (await api.call("list_invalidations", DistributionId=api.id))["InvalidationList"]
        [summary] = listed["Items"]
        got = await api.call("get_invalidation", DistributionId=api.id, Id=summary["Id"])
        batch = got["Invalidation"]["InvalidationBatch"]
        assert batch["Paths"]["Items"] == ["/a", "/b*"]
        assert batch["CallerReference"] == f"edgegw-{summary['Id']}"


async def test_a_path_that_can_match_nothing_is_named_in_the_log(
    cloudfront: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with cloudfront() as api:
        await api.invalidate("/~a\n", "/b", "/b*c")
    hint = "invalidation of site: '/b*c': * is a wildcard at the end of a path alone"
    assert [text.startswith(hint) for text in caplog.messages if "b*c" in text] == [True]
    [line] = [text for text in caplog.messages if "can match nothing" in text]
    assert line.startswith("invalidation of site: '/~a\\n' can match nothing: CloudFront does not")


@pytest.mark.parametrize(
    ("paths", "options", "code", "status"),
    [
        (["/a"], {"id": "EFBAE000000000"}, "NoSuchDistribution", 404),
        (["a"], {}, "InvalidArgument", 400),
        ([], {}, "InvalidArgument", 400),
        (["/a"], {"reference": ""}, "InvalidArgument", 400),
        (["#tag"], {"id": "plain"}, "InvalidArgument", 400),
        (["/a"], {"quantity": 2}, "InconsistentQuantities", 400),
        ([f"/{n}" for n in range(3001)], {}, "BatchTooLarge", 413),
        (["/"] * 10_000, {}, "BatchTooLarge", 413),
        ([f"/{n}*" for n in range(16)], {}, "TooManyInvalidationsInProgress", 400),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_refused(
    cloudfront: Any, paths: list[str], options: dict[str, Any], code: str, status: int
) -> None:
    async with cloudfront() as api:
        assert await api.refused(api.invalidate(*paths, **options)) == (code, status)
        listed = await api.call("list_invalidations", DistributionId=api.id)
        assert listed["InvalidationList"]["Quantity"] == 0


async def test_what_is_in_progress_counts(cloudfront: Any) -> None:
    async with cloudfront() as api:
        await api.invalidate(*[f"/{n}*" for n in range(15)], reference="wildcards")
        await api.invalidate(*[f"/{n}" for n in range(2999)], reference="paths")
        await api.invalidate("/x", reference="fits")
        for path in ("/more", "/more*"):
            refused = await api.refused(api.invalidate(path, reference=path))
            assert refused == ("TooManyInvalidationsInProgress", 400)
        api.clock[0] += 1
        await api.invalidate("/more", "/more*", reference="later")


async def test_what_is_not_there(cloudfront: Any) -> None:
    async with cloudfront() as api:
        for operation, named, code in [
            ("get_invalidation", {"DistributionId": api.id, "Id": "I0"}, "NoSuchInvalidation"),
            ("get_invalidation", {"DistributionId": "E0", "Id": "I0"}, "NoSuchDistribution"),
            ("list_invalidations", {"DistributionId": "E0"}, "NoSuchDistribution"),
            ("get_distribution", {"Id": "E0"}, "NoSuchDistribution"),
            ("get_distribution_config", {"Id": "E0"}, "NoSuchDistribution"),
            ("delete_distribution", {"Id": api.id, "IfMatch": "E1"}, "UnknownOperationException"),
            ("list_cache_policies", {}, "UnknownOperationException"),
        ]:
            assert await api.refused(api.call(operation, **named)) == (code, 404)


# Cache tags


async def test_a_tag_takes_along_whatever_the_origin_gave_it(cloudfront: Any) -> None:
    tags = {"/a": "Blog, post-1", "/b": "blog", "/c": "news"}

    def answering(request: httpx.Request) -> Answer:
        return Answer(headers={"Cache-Tag": tags[request.url.path]})

    async with cloudfront() as api:
        api.origin.answering = answering
        assert await api.verdicts(*tags, *tags) == "MMMHHH"
        await api.invalidate("#post-1", reference="1")
        assert await api.verdicts(*tags) == "MHH"
        await api.invalidate("#BLOG", reference="2")
        assert await api.verdicts(*tags) == "MMH"
        assert await api.refused(api.invalidate("#b*", reference="3")) == ("InvalidArgument", 400)


# Distributions


async def test_distributions_as_scripts_read_them(cloudfront: Any) -> None:
    async with cloudfront() as api:
        pages = await api.pages("list_distributions", 1)
        site, plain = [page["DistributionList"]["Items"][0] for page in pages]
        assert (site["Id"], site["Status"], site["Enabled"]) == (api.id, "Deployed", True)
        assert site["DomainName"].endswith(".cloudfront.net")
        assert site["ARN"] == f"arn:aws:cloudfront::123456789012:distribution/{api.id}"
        assert site["Aliases"] == {"Quantity": 1, "Items": ["www.example.test"]}
        assert plain["Aliases"] == {"Quantity": 0}
        await api.wait("distribution_deployed", Id=api.id)
        got = await api.call("get_distribution", Id=api.id)
        config = await api.call("get_distribution_config", Id=api.id)
        assert got["ETag"] == config["ETag"]
        assert got["Distribution"]["DistributionConfig"] == config["DistributionConfig"]


async def test_the_configuration_of_a_distribution(cloudfront: Any) -> None:
    async with cloudfront() as api:
        config = (await api.call("get_distribution_config", Id="site"))["DistributionConfig"]
    assert config["DefaultRootObject"] == "index.html"
    assert config["CacheTagConfig"] == {"HeaderName": "cache-tag"}
    app, spare = config["Origins"]["Items"]
    assert (app["Id"], app["DomainName"]) == ("app", "origin.test")
    assert app["CustomHeaders"]["Items"] == [{"HeaderName": "X-From", "HeaderValue": "edge"}]
    assert app["CustomOriginConfig"]["OriginProtocolPolicy"] == "http-only"
    assert spare["CustomOriginConfig"]["HTTPSPort"] == 8443
    [group] = config["OriginGroups"]["Items"]
    assert group["Id"] == "both"
    assert group["FailoverCriteria"]["StatusCodes"]["Items"] == [503]
    assert [member["OriginId"] for member in group["Members"]["Items"]] == ["app", "spare"]
    default = config["DefaultCacheBehavior"]
    assert default["TargetOriginId"] == "app"
    assert default["AllowedMethods"]["Items"] == ["HEAD", "GET"]
    behavior, old = config["CacheBehaviors"]["Items"]
    assert (behavior["PathPattern"], behavior["TargetOriginId"]) == ("/api/*", "both")
    assert behavior["CachePolicyId"] == "658327ea-f89d-4fab-a63d-7e88639e58f6"
    assert "CachePolicyId" not in old
    assert (old["MinTTL"], old["DefaultTTL"], old["MaxTTL"]) == (5, 86400, 31536000)
    assert old["ForwardedValues"] == {
        "QueryString": True,
        "Cookies": {"Forward": "whitelist", "WhitelistedNames": {"Quantity": 1, "Items": ["id"]}},
        "Headers": {"Quantity": 1, "Items": ["Accept"]},
        "QueryStringCacheKeys": {"Quantity": 0},
    }
    assert config["CustomErrorResponses"]["Items"] == [
        {
            "ErrorCode": 404,
            "ResponsePagePath": "/404.html",
            "ResponseCode": "404",
            "ErrorCachingMinTTL": 5,
        }
    ]
    assert config["Restrictions"]["GeoRestriction"] == {
        "RestrictionType": "blacklist",
        "Quantity": 1,
        "Items": ["XX"],
    }


# Who calls


async def test_the_lambda_api_stays_beside_it(cloudfront: Any) -> None:
    async with cloudfront() as api:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{api.url}/2015-03-31/functions")
        assert (answer.status_code, answer.json()["Functions"]) == (200, [])


BATCH = (
    b"<InvalidationBatch><Paths><Quantity>1</Quantity><Items><Path>/a</Path></Items></Paths>"
    b"<CallerReference>r</CallerReference></InvalidationBatch>"
)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 201, "InProgress"),
        ({"content_type": "application/xml"}, 201, "InProgress"),
        ({"host": "localhost:9"}, 201, "InProgress"),
        ({"host": "attacker.example"}, 403, "<Code>AccessDenied</Code>"),
        ({"origin": "http://attacker.example"}, 403, "<Code>AccessDenied</Code>"),
        ({"origin": "null"}, 403, "<Code>AccessDenied</Code>"),
        ({"sec_fetch_site": "cross-site"}, 403, "<Code>AccessDenied</Code>"),
        ({"content_type": "text/plain"}, 415, "send application/xml"),
        ({"content_type": "multipart/form-data; boundary=x"}, 415, "send application/xml"),
    ],
    ids=str,
)
async def test_pages_are_kept_out(
    cloudfront: Any, headers: dict[str, str], status: int, code: str
) -> None:
    async with cloudfront() as api:
        answer = await api.sent("distribution/site/invalidation", body=BATCH, **headers)
        assert (answer.status_code, code in answer.text) == (status, True)
        assert answer.headers["content-type"].startswith("text/xml")
        assert answer.headers["x-amzn-requestid"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "MissingBody"),
        (b"{}", 400, "MalformedXML"),
        (b'<!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>', 400, "MalformedXML"),
        (BATCH.replace(b"Path>", b"Item>"), 400, "MalformedInput"),
        (b" " * (16 * 1024 * 1024 + 1), 413, "BatchTooLarge"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_bodies_that_are_no_batch(
    cloudfront: Any, body: bytes, status: int, code: str
) -> None:
    async with cloudfront() as api:
        answer = await api.sent("distribution/site/invalidation", body=body)
        assert (answer.status_code, f"<Code>{code}</Code>" in answer.text) == (status, True)


async def test_what_a_path_brings_does_not_break_the_document(cloudfront: Any) -> None:
    async with cloudfront() as api:
        answer = await api.sent("no%00such/%3Cthing%3E", "GET")
        assert answer.status_code == 404
        assert "&lt;thing&gt;" in answer.text


async def test_the_aws_cli(cloudfront: Any, tmp_path: Path) -> None:
    aws = str(Path(sys.executable).parent / "aws")
    if not Path(aws).exists():
        aws = need("aws", "the command line is not tried")
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }

    async def run(endpoint: str, *words: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            aws,
            "cloudfront",
            *words,
            "--endpoint-url",
            endpoint,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        return process.returncode or 0, output.decode(), errors.decode()

    async with cloudfront() as api:
        assert await api.verdicts("/a", "/a", "/b") == "MHM"
        named = ("--distribution-id", api.id)
        status, output, _ = await run(
            api.url, "create-invalidation", *named, "--paths", "/a*", "/index.html"
        )
        invalidation = json.loads(output)["Invalidation"]
        assert (status, invalidation["Status"]) == (0, "InProgress")
        assert await api.verdicts("/a", "/b") == "MH"
        api.clock[0] += 1
        assert await run(
            api.url, "wait", "invalidation-completed", *named, "--id", invalidation["Id"]
        ) == (0, "", "")
        _, output, _ = await run(api.url, "list-invalidations", *named)
        assert json.loads(output)["InvalidationList"]["Items"][0]["Status"] == "Completed"
        status, _, errors = await run(api.url, "create-invalidation", *named, "--paths", "a")
        assert status
        assert "(InvalidArgument) when calling the CreateInvalidation operation" in errors


# Whatever comes

SEGMENTS = st.sampled_from(
    ["distribution", "site", "E0", "invalidation", "I0", "config", "", "..", "%00", "%ff", "a b"]
)
QUERIES = st.sampled_from(["", "?MaxItems=2", "?MaxItems=x", "?Marker=I0", "?Marker=%ff&Marker="])
BODIES = st.binary() | st.sampled_from([BATCH, BATCH[:60], BATCH.replace(b"/a", b"a*~\xff")])


@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD"]),
    st.lists(SEGMENTS, max_size=5).map("/".join),
    QUERIES,
    BODIES,
)
def test_no_request_is_a_failure_of_the_gateway(
    method: str, path: str, query: str, body: bytes
) -> None:
    async def answered() -> httpx.Response:
        site = Site()
        async with site.gateway:
            transport = httpx.ASGITransport(app=api(site.gateway))
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost"
            ) as client:
                return await client.request(method, f"/2020-05-31/{path}{query}", content=body)

    answer = asyncio.run(answered())
    assert answer.status_code in (200, 201, 307, 400, 404)
    if answer.content:
        ElementTree.fromstring(answer.content)
