"""Metrics of a running gateway, as boto3 and Prometheus read them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from botocore.model import ServiceModel

from tests.aws_clients import aws_client
from tests.conftest import PYTHON, Serving

pytestmark = pytest.mark.anyio

Served = Callable[..., AbstractAsyncContextManager[Serving]]

SITE = {
    "functions": {
        "api": {"code": ".", "handler": "figured.handler", "runtime": PYTHON, "memory_size": 256},
        "busy": {
            "code": ".",
            "handler": "figured.handler",
            "runtime": PYTHON,
            "reserved_concurrency": 0,
        },
    },
    "target_groups": {"api": {"target_type": "lambda", "function": "api"}},
    "load_balancers": {
        "web": {
            "listeners": [
                {
                    "listen": "127.0.0.1:0",
                    "default_actions": [{"forward": "api"}],
                    "rules": [
                        {
                            "priority": 1,
                            "conditions": [{"path_pattern": ["/old"]}],
                            "actions": [{"redirect": {"path": "/new", "status_code": "HTTP_301"}}],
                        }
                    ],
                }
            ]
        }
    },
    "distributions": {
        "site": {
            "listen": "127.0.0.1:0",
            "id": "E1FIGURES",
            "origins": {"app": {"load_balancer": "web"}},
            "default_behavior": {"origin": "app", "cache_policy": "CachingOptimized"},
        }
    },
    "gateway": {"lambda_api": "127.0.0.1:0"},
}


def client(serving: Serving, service: str) -> Any:
    return aws_client(service, serving.urls["lambda"])


async def ask(url: str, *paths: str) -> list[int]:
    async with httpx.AsyncClient(base_url=url) as viewer:
        return [(await viewer.get(path)).status_code for path in paths]


def window() -> dict[str, Any]:
    now = datetime.fromtimestamp(time.time(), UTC)
    return {
        "StartTime": now - timedelta(minutes=10),
        "EndTime": now + timedelta(minutes=2),
        "Period": 3600,
    }


async def statistics(
    cloudwatch: Any, namespace: str, metric: str, dimensions: Mapping[str, str], *names: str
) -> dict[str, float]:
    answer = await asyncio.to_thread(
        cloudwatch.get_metric_statistics,
        Namespace=namespace,
        MetricName=metric,
        Statistics=list(names),
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        **window(),
    )
    assert answer["Label"] == metric
    (point,) = answer["Datapoints"] or [{}]
    return {name: point[name] for name in names if name in point}


def cloudwatch_by(serving: Serving, protocol: str, patch: pytest.MonkeyPatch) -> Any:
    """A client that speaks the newest protocol that boto3 knows, or another one.

    From then on every client speaks that.
    """
    if protocol:
        patch.setattr(ServiceModel, "resolved_protocol", protocol)
    return client(serving, "cloudwatch")


@pytest.mark.parametrize("protocol", ["", "json", "query"])
async def test_metrics_of_functions_through_boto3(
    serving: Served, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(SITE) as served:
        assert await ask(served.urls["web"], "/", "/boom", "/missing", "/") == [200, 502, 404, 200]
        lambda_ = client(served, "lambda")
        with pytest.raises(ClientError):
            await asyncio.to_thread(lambda_.invoke, FunctionName="busy")
        cloudwatch = cloudwatch_by(served, protocol, monkeypatch)

        async def of(metric: str, function: str, *names: str) -> dict[str, float]:
            dimensions = {"FunctionName": function} if function else {}
            return await statistics(cloudwatch, "AWS/Lambda", metric, dimensions, *names)

        assert await of("Invocations", "api", "Sum") == {"Sum": 4}
        assert await of("Errors", "api", "Sum", "Average") == {"Sum": 1, "Average": 0.25}
        assert await of("ConcurrentExecutions", "api", "Maximum") == {"Maximum": 1}
        duration = await of("Duration", "api", "Minimum", "Average", "Maximum")
        assert 0 < duration["Minimum"] <= duration["Average"] <= duration["Maximum"] < 10_000
        assert (await of("Throttles", "busy", "Sum"))["Sum"] >= 1
        assert await of("Invocations", "", "Sum") == {"Sum": 4}
        assert await of("Invocations", "nobody", "Sum") == {}


async def test_metrics_of_front_doors_through_boto3(serving: Served) -> None:
    async with serving(SITE) as served:
        await ask(served.urls["web"], "/", "/boom", "/old")
        assert await ask(served.urls["site"], "/", "/", "/missing") == [200, 200, 404]
        cloudwatch = client(served, "cloudwatch")
        site = {"DistributionId": "E1FIGURES", "Region": "Global"}
        web = {"LoadBalancer": served.gateway.config.listeners[0].listener.load_balancer.id}
        group = served.gateway.config.target_groups["api"].arn.rpartition(":")[2]
        targets = {**web, "TargetGroup": group}

        async def of(namespace: str, metric: str, dimensions: Mapping[str, str], name: str) -> Any:
            return (await statistics(cloudwatch, namespace, metric, dimensions, name)).get(name)

        assert await of("AWS/CloudFront", "Requests", site, "Sum") == 3
        assert await of("AWS/CloudFront", "4xxErrorRate", site, "Average") == pytest.approx(100 / 3)
        assert await of("AWS/CloudFront", "5xxErrorRate", site, "Average") == 0
        assert await of("AWS/CloudFront", "BytesDownloaded", site, "Sum") > 0
        elb = "AWS/ApplicationELB"
        forwarded = await of(elb, "RequestCount", web, "Sum")
        assert forwarded == await of(elb, "RequestCount", targets, "Sum") >= 4
        assert await of(elb, "HTTP_Redirect_Count", web, "Sum") == 1
        assert await of(elb, "HTTPCode_ELB_502_Count", web, "Sum") == 1
        assert await of(elb, "LambdaUserError", targets, "Sum") == 1
        assert await of(elb, "HTTPCode_Target_4XX_Count", targets, "Sum") == 1
        assert 0 < await of(elb, "TargetResponseTime", targets, "Average") < 10
        assert await of(elb, "NewConnectionCount", web, "Sum") == 1


async def test_percentiles_data_and_lists_through_boto3(serving: Served) -> None:
    async with serving(SITE) as served:
        await ask(served.urls["web"], "/", "/order", "/order")
        cloudwatch = client(served, "cloudwatch")
        times = {key: value for key, value in window().items() if key != "Period"}
        shop = {"Namespace": "Shop", "MetricName": "Orders"}
        duration = {
            "Namespace": "AWS/Lambda",
            "MetricName": "Duration",
            "Dimensions": [{"Name": "FunctionName", "Value": "api"}],
        }
        queries = [
            {"Id": "p", "MetricStat": {"Metric": duration, "Period": 60, "Stat": "p90"}},
            {
                "Id": "o",
                "MetricStat": {
                    "Metric": {**shop, "Dimensions": [{"Name": "Kind", "Value": "book"}]},
                    "Period": 3600,
                    "Stat": "Sum",
                },
            },
        ]
        answer = await asyncio.to_thread(
            cloudwatch.get_metric_data, MetricDataQueries=queries, **times
        )
        percentile, orders = answer["MetricDataResults"]
        assert percentile["StatusCode"] == "Complete"
        assert all(value > 0 for value in percentile["Values"])
        assert orders["Values"] == [6.0]
        assert all(isinstance(at, datetime) for at in orders["Timestamps"])
        listed = await asyncio.to_thread(cloudwatch.list_metrics, Namespace="Shop")
        assert listed["Metrics"] == [{**shop, "Dimensions": [{"Name": "Kind", "Value": "book"}]}]


async def test_a_wrong_question_gets_awss_error(serving: Served) -> None:
    async with serving(SITE) as served:
        cloudwatch = client(served, "cloudwatch")
        question = {"Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistics": ["Sum"]}
        with pytest.raises(ClientError) as refused:
            await asyncio.to_thread(
                cloudwatch.get_metric_statistics, **{**question, **window(), "Period": 61}
            )
        assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"
        with pytest.raises(ClientError) as unknown:
            await asyncio.to_thread(cloudwatch.describe_alarms)
        assert "edgegw does not know the operation DescribeAlarms" in str(unknown.value)


async def test_pages_and_unsigned_forms_are_kept_out(serving: Served) -> None:
    async with serving(SITE) as served, httpx.AsyncClient() as page:
        url = served.urls["lambda"]
        form = {"Action": "ListMetrics", "Version": "2010-08-01"}
        assert (await page.post(url, data=form)).status_code == 415
        signed = {
            "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/monitoring/aws4_request, "
            "SignedHeaders=host, Signature=0"
        }
        assert (await page.post(url, data=form, headers=signed)).status_code == 200
        from_page = {**signed, "Origin": "http://evil.example"}
        assert (await page.post(url, data=form, headers=from_page)).status_code == 403


async def test_what_leaves_the_logs_is_counted_before(serving: Served) -> None:
    async with serving(SITE) as served:
        group = served.gateway.service.logs.group("api")
        await ask(served.urls["web"], "/", "/order")
        for _ in range(30_000):
            group.append(served.gateway.service.functions["api"].latest.logs, "s", "x" * 1000)
        assert not any(type(entry[2]) is tuple for entry in group.kept)
        cloudwatch = client(served, "cloudwatch")
        api = {"FunctionName": "api"}
        counted = await statistics(cloudwatch, "AWS/Lambda", "Invocations", api, "Sum")
        assert counted == {"Sum": 2}
        book = {"Kind": "book"}
        assert await statistics(cloudwatch, "Shop", "Orders", book, "Sum") == {"Sum": 3}


async def test_workers_note_what_they_do(serving: Served) -> None:
    async with serving(SITE) as served:
        figures = served.gateway.service.figures
        figures.note("api", "AsyncEventsReceived")
        figures.note("api", "AsyncEventAge", 1500.0)
        figures.note("api", "PolledEventCount", 10, mapping="aaaa-bbbb")
        cloudwatch = client(served, "cloudwatch")
        api = {"FunctionName": "api"}
        age = await statistics(cloudwatch, "AWS/Lambda", "AsyncEventAge", api, "Maximum")
        assert age == {"Maximum": 1500.0}
        mapping = {"EventSourceMappingUUID": "aaaa-bbbb"}
        polled = await statistics(cloudwatch, "AWS/Lambda", "PolledEventCount", mapping, "Sum")
        assert polled == {"Sum": 10.0}


async def test_mappings_of_queues_and_streams_count_their_events(serving: Served) -> None:
    mapped = {
        **SITE,
        "queues": {"jobs": {}},
        "streams": {"clicks": {}},
        "event_sources": [
            {"source": "jobs", "function": "api"},
            {"source": "clicks", "function": "api", "starting_position": "TRIM_HORIZON"},
        ],
    }
    async with serving(mapped, functions={"api": lambda _event, _context: None}) as served:
        sqs, kinesis = client(served, "sqs"), client(served, "kinesis")
        cloudwatch, lambda_ = client(served, "cloudwatch"), client(served, "lambda")

        async def of(metric: str, mapping: Mapping[str, str]) -> float | None:
            dimensions = {"EventSourceMappingUUID": mapping["UUID"]}
            counted = await statistics(cloudwatch, "AWS/Lambda", metric, dimensions, "Sum")
            return counted.get("Sum")

        jobs = (await asyncio.to_thread(sqs.get_queue_url, QueueName="jobs"))["QueueUrl"]
        await asyncio.to_thread(sqs.send_message, QueueUrl=jobs, MessageBody="x")
        await asyncio.to_thread(
            kinesis.put_record, StreamName="clicks", Data=b"x", PartitionKey="k"
        )
        answer = await asyncio.to_thread(lambda_.list_event_source_mappings)
        arns = {
            each["EventSourceArn"].split(":")[2]: each for each in answer["EventSourceMappings"]
        }
        async with asyncio.timeout(30):
            while await of("DeletedEventCount", arns["sqs"]) != 1:
                await asyncio.sleep(0.05)
            while await of("InvokedEventCount", arns["kinesis"]) != 1:
                await asyncio.sleep(0.05)
        assert await of("PolledEventCount", arns["sqs"]) == 1
        assert await of("PolledEventCount", arns["kinesis"]) == 1
        assert await of("DeletedEventCount", arns["kinesis"]) is None


async def test_callables_in_the_place_of_functions_count(serving: Served) -> None:
    def handler(event: Any, context: Any) -> Any:
        return {"statusCode": 200, "body": json.dumps(time.time())}

    async with serving(SITE, functions={"api": handler}) as served:
        await ask(served.urls["web"], "/", "/")
        counted = await statistics(
            client(served, "cloudwatch"),
            "AWS/Lambda",
            "Invocations",
            {"FunctionName": "api"},
            "Sum",
        )
        assert counted == {"Sum": 2}


async def test_events_that_fail_for_good_are_dropped(serving: Served) -> None:
    def handler(event: Any, context: Any) -> Any:
        raise ValueError("never")

    quick = {**SITE, "gateway": {**SITE["gateway"], "time_scale": 1200}}
    async with serving(quick, functions={"api": handler}) as served:
        lambda_ = client(served, "lambda")
        await asyncio.to_thread(
            lambda_.invoke, FunctionName="api", InvocationType="Event", Payload=b"{}"
        )
        cloudwatch, api = client(served, "cloudwatch"), {"FunctionName": "api"}

        async def of(metric: str) -> float | None:
            return (await statistics(cloudwatch, "AWS/Lambda", metric, api, "Sum")).get("Sum")

        async with asyncio.timeout(60):
            while await of("AsyncEventsDropped") != 1:
                await asyncio.sleep(0.05)
        assert await of("AsyncEventsReceived") == 1
        assert await of("Invocations") == await of("Errors") == 3
