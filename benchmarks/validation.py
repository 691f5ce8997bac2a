"""What judging a result at the edge costs, over parsing its JSON alone.

Prints, for each trigger and a 30-header event, the median in µs of parsing the result, of judging
it (parsing included), and the difference: what the rules add. The results are the object as it was
sent, with one header added, and with ten headers changed.

    python benchmarks/validation.py [--rounds 2000]
"""

from __future__ import annotations

import argparse
import json
import statistics
from functools import partial
from time import perf_counter
from typing import Any

from edgegw.awslambda.payload import decode_payload
from edgegw.cloudfront.model import CustomOrigin
from edgegw.cloudfront.trigger_event import ShownEvent, encode_request_event, encode_response_event
from edgegw.cloudfront.trigger_result import decode_request_result, decode_response_result
from edgegw.cloudfront.triggers import TRIGGERS, Trigger
from edgegw.config.model import DistributionDoor
from edgegw.config.resolve import load_dict
from edgegw.http.message import Headers, Request, Response
from edgegw.http.target import RequestTarget

HEADERS = 30
NAMES = [b"Host", b"Via", b"Content-Length", b"Accept", b"Cookie"]
LINES = [(name, b"value of some length, as they are") for name in NAMES]
LINES += [(b"X-Header-%d" % at, b"value %d of some length, as they are" % at) for at in range(25)]


def sent_at(trigger: Trigger) -> tuple[dict[str, Any], ShownEvent]:
    """The part of the event that a function returns, and what was sent."""
    site = {
        "listen": 0,
        "origins": {"app": {"url": "http://origin.test"}},
        "default_behavior": {"origin": "app"},
    }
    (door,) = load_dict({"distributions": {"site": site}}).doors
    assert isinstance(door, DistributionDoor)
    origin = CustomOrigin("origin.test", 80, "http") if trigger.startswith("origin") else None
    request = Request("GET", RequestTarget(b"/a/b", b"c=d"), Headers(LINES))
    if trigger.endswith("request"):
        payload, sent = encode_request_event(
            door.distribution, trigger, "id", request, origin=origin
        )
        return json.loads(payload)["Records"][0]["cf"]["request"], sent
    response = Response(200, b"OK", Headers(LINES))
    payload, sent = encode_response_event(
        door.distribution, trigger, "id", request, response, origin=origin
    )
    return json.loads(payload)["Records"][0]["cf"]["response"], sent


def changed(part: dict[str, Any], count: int, *, added: bool) -> bytes:
    headers = dict(part["headers"])
    for at in range(count):
        name = f"x-new-{at}" if added else f"x-header-{at}"
        headers[name] = [{"key": name.title(), "value": "another value"}]
    return json.dumps({**part, "headers": headers}).encode()


def median(call: Any, rounds: int) -> float:
    """Microseconds of `call`, the median of `rounds` runs."""
    times: list[float] = []
    for _ in range(rounds):
        started = perf_counter()
        call()
        times.append(perf_counter() - started)
    return statistics.median(times) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000)
    rounds = parser.parse_args().rounds
    print(f"{'trigger':16} {'result':22} {'parse':>8} {'judge':>8} {'added µs':>9}")
    for trigger in TRIGGERS:
        part, sent = sent_at(trigger)
        assert len(sent.headers) == HEADERS
        decode = decode_request_result if sent.response is None else decode_response_result
        rows = {
            "as it was sent": changed(part, 0, added=True),
            "one header added": changed(part, 1, added=True),
            "ten headers changed": changed(part, 10, added=False),
        }
        for name, payload in rows.items():
            parsing = median(partial(decode_payload, payload), rounds)
            judging = median(partial(decode, payload, sent), rounds)
            print(f"{trigger:16} {name:22} {parsing:8.1f} {judging:8.1f} {judging - parsing:9.1f}")


if __name__ == "__main__":
    main()
