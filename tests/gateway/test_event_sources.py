"""Queues that lead to functions: an embedded one and one of moto's server by the same tests."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from edgegw.awslambda.lineage import next_turn
from edgegw.awslambda.source_mapping import EventSourceMapping
from edgegw.config.resolve import load_dict
from edgegw.errors import StateProblem
from edgegw.execution.event_sources import SourcePoller, endpoint_queue
from edgegw.gateway.workers import WorkerContext
from edgegw.gateway.workers.source_kinds import make_poller
from tests.aws_clients import aws_client
from tests.conftest import FUNCTIONS, PYTHON, Serving, serving_in
from tests.gateway.sqs_engines import ACCOUNT, Queue, Sqs, moto_server

ARN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs"
MAPPINGS = f"arn:aws:lambda:us-east-1:{ACCOUNT}:event-source-mapping"


def config_of(folder: Path, **parts: Any) -> dict[str, Any]:
    worker = {
        "runtime": PYTHON,
        "code": ".",
        "handler": "queue_worker.handler",
        "local_environment": {"NOTES": str(folder / "notes")},
    }
    functions = {"worker": worker, "other": worker, "slow": {**worker, "timeout": 60}}
    return {"functions": functions, "gateway": {"lambda_api": 0}, **parts}


class Site:
    """A gateway, the queue that its mapping reads, and what its function has seen."""

    def __init__(self, served: Serving, folder: Path, queue: Queue, dead: Queue) -> None:
        self.served = served
        self.folder = folder
        self.queue = queue
        self.dead = dead

    @property
    def events(self) -> list[dict[str, Any]]:
        notes = self.folder / "notes"
        return (
            [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []
        )

    @property
    def batches(self) -> list[list[str]]:
        return [[record["body"] for record in event["Records"]] for event in self.events]

    @property
    def bodies(self) -> list[str]:
        return [body for batch in self.batches for body in batch]

    async def until_empty(self) -> None:
        async with asyncio.timeout(30):
            while await self.queue.counts() != (0, 0, 0):
                await asyncio.sleep(0.02)

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not holds():
                await asyncio.sleep(0.01)


@pytest.fixture(scope="module", name="moto_url")
def moto_url_of_module() -> Generator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture(params=["embedded", "moto"])
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`async with site(fifo=…, **mapping)`: a mapping of a queue with a visibility timeout of 2 s.

    moto notices during a long poll no group of a FIFO queue that becomes free: polls are short.
    """
    monkeypatch.setattr(endpoint_queue, "LONGEST_WAIT", 1)

    @asynccontextmanager
    async def start(*, fifo: bool = False, **mapping: Any) -> AsyncIterator[Site]:
        mapping = {"function": "worker", **mapping}
        worker = {"timeout": 2}
        if request.param == "moto":
            sqs = Sqs(request.getfixturevalue("moto_url"))
            queue, dead = await sqs.redriven(3, fifo=fifo, VisibilityTimeout=2)
            name = queue.name
            queues: dict[str, Any] = {
                name: {"queue_url": queue.url, "endpoint_url": request.getfixturevalue("moto_url")}
            }
        else:
            name = "jobs.fifo" if fifo else "jobs"
            dead_name = f"dead-{name}"
            redrive = {"to": dead_name, "max_receive_count": 3}
            queues = {name: {"visibility_timeout": 2, "redrive": redrive}, dead_name: {}}
        config = config_of(tmp_path, queues=queues, event_sources=[{"source": name, **mapping}])
        config["functions"]["worker"] |= worker
        async with serving_in(tmp_path, config) as served:
            if request.param == "embedded":
                sqs = Sqs(served.urls["lambda"])
                urls = [
                    (await sqs.call("get_queue_url", QueueName=each))["QueueUrl"]
                    for each in (name, f"dead-{name}")
                ]
                queue, dead = Queue(sqs, name, urls[0]), Queue(sqs, f"dead-{name}", urls[1])
            try:
                yield Site(served, tmp_path, queue, dead)
            finally:
                sqs.close()

    return start


class TestQueue:
    async def test_messages_come_to_the_function_as_on_aws_and_are_deleted(self, site: Any) -> None:
        async with site() as here:
            sent = await here.queue.send(
                "hello", MessageAttributes={"kind": {"DataType": "String", "StringValue": "a"}}
            )
            await here.until_empty()
            [event] = here.events
        [record] = event["Records"]
        assert record["messageId"] == sent["MessageId"]
        assert record["md5OfBody"] == sent["MD5OfMessageBody"]
        assert record["eventSourceARN"] == here.queue.arn
        assert record["awsRegion"] == "us-east-1"
        assert record["attributes"]["ApproximateReceiveCount"] == "1"
        assert {"SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"} <= set(
            record["attributes"]
        )
        assert record["messageAttributes"] == {
            "kind": {
                "stringValue": "a",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "String",
            }
        }

    async def test_a_function_error_brings_the_whole_batch_back(
        self, site: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with site() as here:
            with caplog.at_level(logging.WARNING, "edgegw.execution.event_sources"):
                await here.queue.send("error")
                await here.until_empty()
        assert here.bodies == ["error", "error"]
        counts = [
            event["Records"][0]["attributes"]["ApproximateReceiveCount"] for event in here.events
        ]
        assert counts == ["1", "2"]
        [line] = [text for text in caplog.messages if "messages failed and come again" in text]
        assert line.endswith("ValueError: a message says error")

    async def test_of_a_batch_only_what_is_reported_comes_again(self, site: Any) -> None:
        async with site(report_batch_item_failures=True) as here:
            bodies = ("a", "fail", "b")
            entries = [{"Id": body, "MessageBody": body} for body in bodies]
            await here.queue.call("send_message_batch", Entries=entries)
            await here.until_empty()
        assert sorted(here.bodies) == ["a", "b", "fail", "fail"]
        assert here.batches[-1] == ["fail"]

    async def test_what_fails_too_often_ends_in_the_dead_letter_queue(self, site: Any) -> None:
        async with site() as here:
            await here.queue.send("poison")
            async with asyncio.timeout(30):
                while (await here.dead.counts())[0] == 0:
                    await asyncio.sleep(0.05)
            assert await here.queue.counts() == (0, 0, 0)
        assert here.bodies == ["poison"] * 3

    async def test_what_the_filters_drop_is_deleted(self, site: Any) -> None:
        async with site(filters=[{"body": {"kind": ["a", {"prefix": "b"}]}}]) as here:
            for body in ('{"kind": "c"}', '{"kind": "bb"}', "a"):
                await here.queue.send(body)
            await here.until_empty()
        assert here.bodies == ['{"kind": "bb"}']

    async def test_groups_of_a_fifo_queue_keep_their_order(self, site: Any) -> None:
        async with site(fifo=True, batch_size=1) as here:  # moto mixes up larger ones
            for body in ("a0 error", "b0", "a1", "b1", "a2"):
                await here.queue.send(body, group=body[0])
            await here.until_empty()
        for group, order in (("a", ["a0 error", "a1", "a2"]), ("b", ["b0", "b1"])):
            own = [body for body in here.bodies if body[0] == group]
            assert list(dict.fromkeys(own)) == order
            last = [max(at for at, body in enumerate(own) if body == one) for one in order]
            assert last == sorted(last)


class Lambda:
    """boto3's client of the Lambda API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = aws_client("lambda", url)

    async def __call__(self, operation: str, **given: Any) -> dict[str, Any]:
        answer = await asyncio.to_thread(getattr(self._client, operation), **given)
        status = answer.pop("ResponseMetadata")["HTTPStatusCode"]
        return {**answer, "status": status}

    async def refused(self, operation: str, **given: Any) -> tuple[str, int, str]:
        with pytest.raises(ClientError) as caught:
            await self(operation, **given)
        answer = caught.value.response
        status = answer["ResponseMetadata"]["HTTPStatusCode"]
        return answer["Error"]["Code"], status, answer["Error"]["Message"]

    async def settled(self, name: str) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while True:
                mapping = await self("get_event_source_mapping", UUID=name)
                if mapping["State"] in ("Enabled", "Disabled"):
                    return mapping
                await asyncio.sleep(0.01)

    async def gone(self, name: str) -> None:
        async with asyncio.timeout(30):
            while (await self("list_event_source_mappings"))["EventSourceMappings"]:
                await asyncio.sleep(0.01)
        code, status, text = await self.refused("get_event_source_mapping", UUID=name)
        assert (code, status) == ("ResourceNotFoundException", 404)
        assert text == "The resource you requested does not exist."

    def close(self) -> None:
        self._client.close()


@asynccontextmanager
async def mapped(folder: Path, **parts: Any) -> AsyncIterator[tuple[Lambda, Site]]:
    """A gateway with the queue `jobs`, and no mapping unless `parts` has one."""
    queues = {"jobs": {}, "work.fifo": {}, **parts.pop("queues", {})}
    async with serving_in(folder, config_of(folder, queues=queues, **parts)) as served:
        api, sqs = Lambda(served.urls["lambda"]), Sqs(served.urls["lambda"])
        url = (await sqs.call("get_queue_url", QueueName="jobs"))["QueueUrl"]
        queue = Queue(sqs, "jobs", url)
        try:
            yield api, Site(served, folder, queue, queue)
        finally:
            api.close()
            sqs.close()


class TestApi:
    async def test_a_mapping_is_created_read_paused_resumed_and_deleted(
        self, tmp_path: Path
    ) -> None:
        async with mapped(tmp_path) as (api, site):
            mapping = await api(
                "create_event_source_mapping",
                EventSourceArn=ARN,
                FunctionName="worker",
                BatchSize=5,
            )
            name = mapping["UUID"]
            assert (mapping["status"], mapping["State"]) == (202, "Creating")
            settled = await api.settled(name)
            assert settled.pop("LastModified").year > 2020
            assert settled == {
                "UUID": name,
                "EventSourceMappingArn": f"{MAPPINGS}:{name}",
                "EventSourceArn": ARN,
                "FunctionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:worker",
                "BatchSize": 5,
                "MaximumBatchingWindowInSeconds": 0,
                "FunctionResponseTypes": [],
                "State": "Enabled",
                "StateTransitionReason": "USER_INITIATED",
                "status": 200,
            }
            await site.queue.send("one")
            await site.until_empty()

            paused = await api("update_event_source_mapping", UUID=name, Enabled=False)
            assert (paused["status"], paused["State"]) == (202, "Disabling")
            assert (await api.settled(name))["State"] == "Disabled"
            await site.queue.send("two")
            await asyncio.sleep(0.2)
            assert await site.queue.counts() == (1, 0, 0)

            resumed = await api("update_event_source_mapping", UUID=name, Enabled=True, BatchSize=3)
            assert (resumed["State"], resumed["BatchSize"]) == ("Enabling", 3)
            await site.until_empty()
            assert site.bodies == ["one", "two"]

            deleted = await api("delete_event_source_mapping", UUID=name)
            assert (deleted["status"], deleted["State"]) == (202, "Deleting")
            await api.gone(name)
            await site.queue.send("three")
            await asyncio.sleep(0.1)
            assert await site.queue.counts() == (1, 0, 0)

    async def test_while_it_is_on_its_way_it_takes_no_change(self, tmp_path: Path) -> None:
        async with mapped(tmp_path) as (api, site):
            mapping = await api(
                "create_event_source_mapping", EventSourceArn=ARN, FunctionName="worker"
            )
            name = mapping["UUID"]
            await api.settled(name)
            await site.queue.send("sleep 1")
            await site.until(lambda: site.bodies)
            await api("update_event_source_mapping", UUID=name, BatchSize=2)
            shown = await api("get_event_source_mapping", UUID=name)
            assert shown["State"] == "Updating"
            refused = await api.refused("update_event_source_mapping", UUID=name, BatchSize=3)
            text = "Cannot {} the event source mapping because it is in use."
            assert refused == ("ResourceInUseException", 400, text.format("update"))
            refused = await api.refused("delete_event_source_mapping", UUID=name)
            assert refused == ("ResourceInUseException", 400, text.format("delete"))
            assert (await api.settled(name))["BatchSize"] == 2

    async def test_mappings_are_listed_by_function_and_source(self, tmp_path: Path) -> None:
        async with mapped(tmp_path) as (api, _):
            fifo = ARN.replace("jobs", "work.fifo")
            for arn, function in ((ARN, "worker"), (ARN, "other:1"), (fifo, "worker")):
                await api("create_event_source_mapping", EventSourceArn=arn, FunctionName=function)

            async def listed(**given: Any) -> list[tuple[str, str]]:
                answer = await api("list_event_source_mappings", **given)
                return sorted(
                    (each["EventSourceArn"].split(":")[5], each["FunctionArn"].split(":", 6)[6])
                    for each in answer["EventSourceMappings"]
                )

            assert await listed() == [
                ("jobs", "other:1"),
                ("jobs", "worker"),
                ("work.fifo", "worker"),
            ]
            assert await listed(FunctionName="worker") == [
                ("jobs", "worker"),
                ("work.fifo", "worker"),
            ]
            assert await listed(FunctionName="other:1") == [("jobs", "other:1")]
            assert await listed(EventSourceArn=fifo) == [("work.fifo", "worker")]
            first = await api("list_event_source_mappings", MaxItems=2)
            rest = await api("list_event_source_mappings", MaxItems=2, Marker=first["NextMarker"])
            pages = [len(page["EventSourceMappings"]) for page in (first, rest)]
            assert (pages, "NextMarker" in rest) == ([2, 1], False)

    async def test_a_second_mapping_of_the_same_source_is_refused(self, tmp_path: Path) -> None:
        async with mapped(tmp_path) as (api, _):
            given = {"EventSourceArn": ARN, "FunctionName": "worker"}
            name = (await api("create_event_source_mapping", **given))["UUID"]
            assert await api.refused("create_event_source_mapping", **given) == (
                "ResourceConflictException",
                409,
                f'An event source mapping with SQS arn (" {ARN} ") and function (" worker ") '
                f"already exists. Please update or delete the existing mapping with UUID {name}",
            )

    async def test_what_the_api_made_outlives_the_gateway(self, tmp_path: Path) -> None:
        async with mapped(tmp_path) as (api, _):
            mapping = await api(
                "create_event_source_mapping",
                EventSourceArn=ARN,
                FunctionName="worker",
                FilterCriteria={"Filters": [{"Pattern": '{"body":["a"]}'}]},
                ScalingConfig={"MaximumConcurrency": 7},
                FunctionResponseTypes=["ReportBatchItemFailures"],
                Enabled=False,
            )
            before = await api.settled(mapping["UUID"])
        async with mapped(tmp_path) as (api, site):
            after = await api.settled(mapping["UUID"])
            assert after["ScalingConfig"] == {"MaximumConcurrency": 7}
            for answer in (before, after):
                answer.pop("LastModified")
            assert after == before
            await api("update_event_source_mapping", UUID=mapping["UUID"], Enabled=True)
            await site.queue.send("b")
            await site.queue.send("a")
            await site.until_empty()
            assert site.bodies == ["a"]
            await api("delete_event_source_mapping", UUID=mapping["UUID"])
            await api.gone(mapping["UUID"])
        async with mapped(tmp_path) as (api, _):
            assert (await api("list_event_source_mappings"))["EventSourceMappings"] == []

    async def test_a_queue_that_the_api_made_can_be_mapped(self, tmp_path: Path) -> None:
        async with mapped(tmp_path) as (api, site):
            queue = await site.queue.sqs.queue()
            await api(
                "create_event_source_mapping", EventSourceArn=queue.arn, FunctionName="worker"
            )
            await queue.send("x")
            await site.until(lambda: site.bodies)
            assert site.events[0]["Records"][0]["eventSourceARN"] == queue.arn

    async def test_the_command_line_of_aws_manages_mappings(self, tmp_path: Path) -> None:
        aws = shutil.which("aws", path=str(Path(sys.executable).parent))
        if aws is None:
            pytest.skip("the AWS CLI is not installed")
        async with mapped(tmp_path) as (api, site):

            async def call(*words: str) -> dict[str, Any]:
                credentials = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
                process = await asyncio.create_subprocess_exec(
                    *(aws, "lambda", *words, "--endpoint-url", api.url, "--region", "us-east-1"),
                    *("--output", "json"),
                    stdout=asyncio.subprocess.PIPE,
                    env={**os.environ, **credentials},
                )
                out, _ = await process.communicate()
                assert process.returncode == 0
                return json.loads(out)

            made = await call(
                *("create-event-source-mapping", "--event-source-arn", ARN),
                *("--function-name", "worker", "--batch-size", "2"),
            )
            await site.queue.send("x")
            await site.until_empty()
            name = made["UUID"]
            paused = await call("update-event-source-mapping", "--uuid", name, "--no-enabled")
            assert paused["State"] == "Disabling"
            listed = await call("list-event-source-mappings", "--function-name", "worker")
            assert [one["UUID"] for one in listed["EventSourceMappings"]] == [name]
            await api.settled(name)
            assert (await call("delete-event-source-mapping", "--uuid", name))[
                "State"
            ] == "Deleting"

    async def test_web_pages_are_kept_out(self, tmp_path: Path) -> None:
        async with mapped(tmp_path) as (api, _):
            import httpx

            async with httpx.AsyncClient(trust_env=False) as client:
                url = f"{api.url}/2015-03-31/event-source-mappings"
                answer = await client.get(url, headers={"Origin": "https://evil.example"})
            assert answer.status_code == 403


class TestConfiguration:
    async def test_a_mapping_that_cannot_begin_is_disabled_and_says_why(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its poller cannot be made; an update tries again, and so does a reload."""
        problems: list[Exception] = [StateProblem("queues.sqlite", "disk full"), ValueError("bug")]

        async def failing(mapping: EventSourceMapping, around: WorkerContext) -> SourcePoller:
            if problems:
                raise problems.pop(0)
            return await make_poller(mapping, around)

        monkeypatch.setattr("edgegw.gateway.workers.event_sources.make_poller", failing)
        source = {"source": "jobs", "function": "worker"}
        async with mapped(tmp_path, event_sources=[source]) as (api, site):
            [mapping] = (await api("list_event_source_mappings"))["EventSourceMappings"]
            name = mapping["UUID"]
            settled = await api.settled(name)
            assert settled["State"] == "Disabled"
            reason = "cannot keep state in queues.sqlite: disk full"
            assert settled["StateTransitionReason"] == reason
            assert settled["LastProcessingResult"] == f"PROBLEM: {reason}"

            again = await api("update_event_source_mapping", UUID=name, Enabled=True)
            assert again["StateTransitionReason"] == "USER_INITIATED"
            assert (await api.settled(name))["StateTransitionReason"] == "ValueError: bug"

            gateway = {"lambda_api": 0, "state": str(tmp_path / "state")}
            same = config_of(tmp_path, queues={"jobs": {}}, event_sources=[source], gateway=gateway)
            await site.served.gateway.reload(load_dict(same, FUNCTIONS))
            settled = await api.settled(name)
            assert (settled["State"], "LastProcessingResult" in settled) == ("Enabled", False)
            await site.queue.send("one")
            await site.until_empty()

    async def test_a_reload_pauses_changes_and_ends_mappings(self, tmp_path: Path) -> None:
        source = {"source": "jobs", "function": "worker"}
        async with mapped(tmp_path, event_sources=[source]) as (api, site):

            async def become(*sources: dict[str, Any]) -> None:
                gateway = {"lambda_api": 0, "state": str(tmp_path / "state")}
                config = config_of(
                    tmp_path, queues={"jobs": {}}, event_sources=[*sources], gateway=gateway
                )
                await site.served.gateway.reload(load_dict(config, FUNCTIONS))

            [mapping] = (await api("list_event_source_mappings"))["EventSourceMappings"]
            name = mapping["UUID"]
            await site.queue.send("one")
            await site.until_empty()
            await become({**source, "enabled": False})
            assert (await api.settled(name))["State"] == "Disabled"
            await site.queue.send("two")
            await asyncio.sleep(0.1)
            assert await site.queue.counts() == (1, 0, 0)
            await become({**source, "batch_size": 3})
            assert (await api.settled(name))["BatchSize"] == 3
            await site.until_empty()
            await become({**source, "function": "other"})
            async with asyncio.timeout(30):
                while True:
                    listed = (await api("list_event_source_mappings"))["EventSourceMappings"]
                    if [one["FunctionArn"][-5:] for one in listed] == ["other"]:
                        break
            await become()
            await api.gone(name)
            assert site.bodies == ["one", "two"]

    async def test_what_the_api_changed_holds_until_the_configuration_says_otherwise(
        self, tmp_path: Path
    ) -> None:
        source = {"source": "jobs", "function": "worker"}
        async with mapped(tmp_path, event_sources=[source]) as (api, site):
            [mapping] = (await api("list_event_source_mappings"))["EventSourceMappings"]
            name = mapping["UUID"]
            await api.settled(name)
            await api("update_event_source_mapping", UUID=name, Enabled=False)
            await api.settled(name)
            gateway = {"lambda_api": 0, "state": str(tmp_path / "state"), "cpu": "proportional"}
            same = config_of(tmp_path, queues={"jobs": {}}, event_sources=[source], gateway=gateway)
            await site.served.gateway.reload(load_dict(same, FUNCTIONS))
            assert (await api.settled(name))["State"] == "Disabled"

    async def test_a_function_that_sends_to_its_own_queue_is_stopped_after_16_turns(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        source = {"source": "jobs", "function": "worker", "batch_size": 1}
        arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:worker"
        async with mapped(tmp_path, event_sources=[source]) as (_, site):
            trace = "Root=1-5759e988-bd862e3fe1be46a994272793"
            for turns in range(17):
                header = {"DataType": "String", "StringValue": trace}
                await site.queue.send(
                    f"{turns}", MessageSystemAttributes={"AWSTraceHeader": header}
                )
                trace = next_turn(trace, arn).trace_id
            await site.until(lambda: "RecursiveInvocationException" in caplog.text)
            await site.until(lambda: len(site.bodies) == 16)
        assert sorted(map(int, site.bodies)) == list(range(16))

    async def test_a_mapping_that_goes_and_comes_back_at_once_runs_once(
        self, tmp_path: Path
    ) -> None:
        source = {"source": "jobs", "function": "worker"}
        async with mapped(tmp_path, event_sources=[source]) as (api, site):
            await site.queue.send("sleep 0.5")
            await site.until(lambda: site.bodies)
            for sources in ([], [source]):
                gateway = {"lambda_api": 0, "state": str(tmp_path / "state")}
                config = config_of(
                    tmp_path, queues={"jobs": {}}, event_sources=sources, gateway=gateway
                )
                await site.served.gateway.reload(load_dict(config, FUNCTIONS))
            await site.until_empty()
            [mapping] = (await api("list_event_source_mappings"))["EventSourceMappings"]
            await api.settled(mapping["UUID"])
            await site.queue.send("two")
            await site.until_empty()
            await api("update_event_source_mapping", UUID=mapping["UUID"], Enabled=False)
            await api.settled(mapping["UUID"])
            await site.queue.send("three")
            await asyncio.sleep(0.2)
            assert await site.queue.counts() == (1, 0, 0)

    async def test_a_function_keeps_its_messages_however_fast_time_passes(
        self, tmp_path: Path
    ) -> None:
        """The visibility timeout of 30 s is half a second of this machine, the function takes 1.2."""
        parts = {
            "event_sources": [{"source": "jobs.fifo", "function": "worker", "batch_size": 1}],
            "queues": {"jobs.fifo": {"content_based_deduplication": True}},
            "gateway": {"lambda_api": 0, "time_scale": 60},
        }
        async with mapped(tmp_path, **parts) as (_, site):
            sqs = site.queue.sqs
            url = (await sqs.call("get_queue_url", QueueName="jobs.fifo"))["QueueUrl"]
            queue = Queue(sqs, "jobs.fifo", url)
            for body in ("sleep 1.2", "error sleep 0", "last"):
                await queue.send(body, group="g")
            await site.until(lambda: "last" in site.bodies)
        assert site.bodies == ["sleep 1.2", "error sleep 0", "error sleep 0", "last"]

    async def test_a_plain_gateway_imports_and_writes_nothing_of_it(self, tmp_path: Path) -> None:
        script = (
            "import asyncio, sys\n"
            "from edgegw import Gateway\n"
            "async def main():\n"
            "    async with Gateway.from_dict({}, base='.'): pass\n"
            "asyncio.run(main())\n"
            "print([name for name in sys.modules if 'event_source' in name or 'botocore' in name])\n"
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, cwd=tmp_path
        )
        out, _ = await process.communicate()
        assert out.decode().strip() == "['edgegw.config.events.event_source_keys']"
        assert not (tmp_path / ".edgegw").exists()
