"""Whatever fails and whenever it is killed: no record is lost, and none of a key overtakes another.

The story of a stream is drawn: records come, shards change, the function fails in all its ways,
the poller is ended in the middle of whatever it does and begun again on the same files. At the end
the function succeeds, and every record must have been handled, or given to the destination.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from edgegw.awslambda.model import Throttled
from edgegw.execution.event_sources.checkpoints import StoredCheckpoints
from tests.execution.stream_sources import (
    EmbeddedSource,
    Failing,
    Reader,
    checkpoint_file,
    mapping_of,
    texts,
)

KEYS = "abc"
FAILURES = ("ok", "error", "error", "throttle", "partly", "nonsense")
events = st.one_of(
    st.tuples(st.just("put"), st.lists(st.sampled_from(KEYS), min_size=4, max_size=20)),
    st.tuples(st.just("fail"), st.lists(st.sampled_from(FAILURES), max_size=4)),
    st.tuples(st.just("wait"), st.integers(0, 20)),
    st.tuples(st.just("kill"), st.integers(0, 40)),
    st.tuples(st.just("drain"), st.just(0)),
    st.tuples(st.just("reshard"), st.integers(1, 3)),
)
mappings = st.fixed_dictionaries(
    {
        "batch_size": st.integers(1, 6),
        "parallelization_factor": st.integers(1, 3),
        "bisect_on_error": st.booleans(),
        "reports_failures": st.booleans(),
        "maximum_retry_attempts": st.sampled_from([-1, 0, 1, 3]),
    }
)


class Story:
    """A stream, its mapping, and everything that was ever handled or given up."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder = folder
        self.settings = settings
        self.sent: dict[str, list[str]] = defaultdict(list)
        self.handled: list[str] = []
        self.given_up: list[str] = []
        self.failures: list[str] = []

    async def tell(self, events: list[tuple[str, Any]]) -> None:
        self.source = await EmbeddedSource(self.folder, 1).start()
        self.file = checkpoint_file(self.folder)
        self.begin()
        for name, detail in events:
            await getattr(self, f"do_{name}")(detail)
        self.failures.clear()
        await self.until_done()
        await self.reader.kill()
        await self.file.close()
        await self.source.close()

    def begin(self) -> None:
        mapping = mapping_of(self.source, on_failure="s3:lost", **self.settings)
        self.reader = Reader(
            self.source, StoredCheckpoints(self.file), self.handle, mapping, scale=2000.0
        )
        self.reader.duration = 0.004
        self.reader.start()

    def handle(self, event: dict[str, Any]) -> object:
        failure = self.failures.pop(0) if self.failures else "ok"
        if failure == "error":
            raise Failing("drawn")
        if failure == "throttle":
            return Throttled()
        if failure == "nonsense" and self.settings["reports_failures"]:
            return {"batchItemFailures": [{"itemIdentifier": "42"}]}
        if failure == "partly" and self.settings["reports_failures"]:
            middle = len(event["Records"]) // 2
            self.handled += texts(event)[:middle]
            number = event["Records"][middle]["kinesis"]["sequenceNumber"]
            return {"batchItemFailures": [{"itemIdentifier": number}]}
        self.handled += texts(event)
        return None

    async def do_put(self, keys: list[str]) -> None:
        records: list[tuple[str, str]] = []
        for key in keys:
            text = f"{key}{len(self.sent[key])}"
            self.sent[key].append(text)
            records.append((key, text))
        await self.source.put(*records)

    async def do_fail(self, failures: list[str]) -> None:
        self.failures += failures

    async def do_wait(self, ticks: int) -> None:
        for _ in range(ticks):
            await asyncio.sleep(0.001)

    async def do_kill(self, ticks: int) -> None:
        await self.do_wait(ticks)
        await self.reader.kill()
        self.note_given_up()
        self.begin()

    async def do_drain(self, _: int) -> None:
        assert self.reader.poller is not None
        await self.reader.poller.drain()
        self.reader.poller.start()

    async def do_reshard(self, count: int) -> None:
        await self.source.reshard(count)

    def note_given_up(self) -> None:
        for failure in self.reader.failures:
            self.given_up += texts(json.loads(failure["payload"]))
        self.reader.failures.clear()

    async def until_done(self) -> None:
        everything = {text for texts_ in self.sent.values() for text in texts_}
        for _ in range(6000):
            self.note_given_up()
            if everything <= {*self.handled, *self.given_up}:
                return
            await asyncio.sleep(0.005)
        raise AssertionError(everything - {*self.handled, *self.given_up})


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example takes its time
)
@given(st.lists(events, min_size=3, max_size=14), mappings)
def test_no_record_is_lost_and_none_of_a_key_overtakes(
    story: list[tuple[str, Any]], mapping: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        told = Story(Path(folder), mapping)
        asyncio.run(told.tell(story))

    for sent in told.sent.values():
        given_up, before = set(told.given_up), set[str]()
        for text in told.handled:
            if text[0] != sent[0][0]:
                continue
            earlier = sent[: sent.index(text)]
            assert set(earlier) <= before | given_up, (text, told.handled)
            before.add(text)
