"""What functions return: whatever it is, the viewer gets an answer that AWS would give.

Results have AWS's shapes, with anything in the place of any part. Most are judged as bytes, by the
functions that decide: for each trigger, strict and not, and for targets with and without
multi-value headers. Some are returned by a real function, in Python and Node.js, at each trigger
and behind a load balancer, among them values that are no JSON, and functions that exit, kill
themselves or close their output. What must hold:

- the judgement is a request, a response or a refusal with a rule; nothing raises;
- what is accepted can be written down: a status of HTTP, header names that are tokens, values on
  one line;
- the viewer gets an answer with a status and an X-Cache that AWS has, and right results are served
  again behind it;
- the gateway logs no error.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from edgegw.alb.event import BalancerRefusal, decode_response
from edgegw.alb.lost_headers import lost_headers
from edgegw.alb.model import LambdaTargetGroup
from edgegw.cloudfront.model import CustomOrigin, Distribution
from edgegw.cloudfront.trigger_event import (
    ShownBody,
    ShownEvent,
    encode_request_event,
    encode_response_event,
)
from edgegw.cloudfront.trigger_result import (
    ContinuedRequest,
    ContinuedResponse,
    InvalidResult,
    decode_request_result,
    decode_response_result,
)
from edgegw.cloudfront.triggers import TRIGGERS, Trigger
from edgegw.config.resolve import load_dict
from edgegw.http.grammar import TOKEN
from edgegw.http.message import Body, Headers, Request, Response
from edgegw.http.target import RequestTarget
from tests.conftest import PYTHON
from tests.fuzz import result_values
from tests.fuzz.answer_stream import Answer, NoAnswerError, read_answers
from tests.fuzz.campaign import Case, Flaw, without_parts
from tests.fuzz.mutation import bytes_of, text_of
from tests.fuzz.request_oracle import HOST
from tests.fuzz.requests import HANGS, site
from tests.fuzz.served import Complaints, complaints, served
from tests.fuzz.strict_origin import strict_origin

LANES: Final = 3
_LIVE: Final = 0.03
"""The share of results that a real function returns: each takes a thousand times as long."""
_INHERITED: Final = 4
"""Viewers of whom one is served: lanes share environments, and what a function does to its own (its
output closed, say) may cost the next invocation there."""
_RUNTIMES: Final = {"py": (PYTHON, "fuzzed.handler"), "js": ("nodejs22.x", "fuzzed.handler")}
_VERDICTS: Final = frozenset(
    {
        "Miss from cloudfront",
        "Error from cloudfront",
        "LambdaGeneratedResponse from cloudfront",
        "LambdaValidationError from cloudfront",
        "LambdaExecutionError from cloudfront",
        "LambdaLimitExceeded from cloudfront",
    }
)


def _distributions() -> dict[bool, Distribution]:
    """A distribution with strict rules, and one without."""
    return {
        is_strict: load_dict(
            {
                "distributions": {"site": site({"url": "http://origin.test"})},
                "gateway": {"strict": is_strict},
            }
        )
        .distributions[0]
        .distribution
        for is_strict in (True, False)
    }


class Judges:
    """The functions that decide, each with an event that it judges results against."""

    def __init__(self) -> None:
        self._distributions = _distributions()
        self._groups = {
            multi: LambdaTargetGroup("api", "arn", None, multi_value_headers=multi)
            for multi in (True, False)
        }
        body = b"a=b"
        headers = Headers(
            [(b"Host", b"h.test"), (b"X-A", b"1"), (b"Cookie", b"c"), (b"Content-Length", b"3")]
        )
        self._request = Request("POST", RequestTarget(b"/x", b"a=b"), headers, Body.of(body))
        self._body = ShownBody(body, truncated=False)
        answered = Headers([(b"Content-Type", b"text/plain"), (b"Via", b"1.0 x"), (b"X-B", b"2")])
        self._response = Response(200, b"OK", answered, Body.of(b"hello"))
        self._origin = CustomOrigin("origin.test", 80, "http")

    def sent(self, trigger: Trigger, *, strict: bool) -> ShownEvent:
        """What was shown at a trigger."""
        distribution = self._distributions[strict]
        origin = self._origin if trigger.startswith("origin") else None
        if trigger.endswith("request"):
            _, sent = encode_request_event(
                distribution, trigger, "id", self._request, origin=origin, body=self._body
            )
        else:
            _, sent = encode_response_event(
                distribution, trigger, "id", self._request, self._response, origin=origin
            )
        return sent

    def at_trigger(self, payload: bytes, trigger: Trigger, *, strict: bool) -> str:
        """The judgement of a result at a trigger, in a word. Raises Flaw."""
        sent = self.sent(trigger, strict=strict)
        decode = decode_request_result if trigger.endswith("request") else decode_response_result
        judgement = decode(payload, sent)
        if isinstance(judgement, InvalidResult):
            str(judgement.first)
            return "refused"
        if isinstance(judgement, ContinuedRequest):
            _check_lines(judgement.request.headers)
            return "a request"
        if isinstance(judgement, ContinuedResponse):
            _check_lines(judgement.response.headers)
            status = judgement.response.status
        else:
            _check_lines(judgement.headers)
            status = judgement.status
        if not 200 <= status <= 599:
            raise Flaw(f"the status {status} is accepted")
        return "a response"

    def from_target(self, payload: bytes, *, multi: bool) -> str:
        """The judgement of a target's answer, in a word. Raises Flaw."""
        group = self._groups[multi]
        judgement = decode_response(payload, group, date=b"now")
        if isinstance(judgement, BalancerRefusal):
            if judgement.status != 502:
                raise Flaw(f"a target's answer is refused with {judgement.status}")
            return "refused"
        lost_headers(payload, group)
        _check_lines(judgement.headers)
        return "a response"


def _check_lines(headers: Headers) -> None:
    for name, line in headers:
        if TOKEN.fullmatch(name) is None or any(byte in line for byte in b"\r\n\0"):
            raise Flaw(f"the header {name!r}: {line!r} is accepted")


class ResultLane:
    """The judges, and front doors whose functions return what a file says."""

    def __init__(
        self, file: Path, addresses: dict[str, tuple[str, int]], heard: Complaints
    ) -> None:
        self._judges = Judges()
        self._file = file
        self._addresses = addresses
        self._heard = heard

    async def attempt(self, case: Case) -> str:
        try:
            if case["kind"] == "live":
                return await self._live(case)
            payload = bytes_of(case["payload"])
            if case["kind"] == "target":
                return f"target: {self._judges.from_target(payload, multi=case['multi'])}"
            became = self._judges.at_trigger(payload, case["trigger"], strict=case["strict"])
            return f"{case['trigger']}: {became}"
        except (Flaw, OSError):
            raise
        except Exception:
            raise Flaw(traceback.format_exc()[-1500:]) from None

    async def _live(self, case: Case) -> str:
        """A real function returns it, and then what is right."""
        door = case["door"]
        answer = await self._asked(door, case["source"])
        self._heard.check()
        became = _judged(door, answer)
        for _ in range(_INHERITED):
            answer = await self._asked(door, _RIGHT[door.endswith("target"), door[:2]])
            if answer.status == 200:
                return f"{door}: {became}"
        raise Flaw(f"the next viewers got {answer}")

    async def _asked(self, door: str, source: str) -> Answer:
        self._file.write_text(source)
        reader, writer = await asyncio.open_connection(*self._addresses[door])
        head = b"GET /x HTTP/1.1\r\nHost: %b\r\nX-Result: %b\r\nConnection: close\r\n\r\n"
        writer.write(head % (HOST, bytes(self._file)))
        try:
            async with asyncio.timeout(2 * HANGS):
                received = await reader.read(-1)
            answers, rest = read_answers(received, [], is_closed=True)
        except TimeoutError:
            raise Flaw(f"nothing came for {2 * HANGS:g} s") from None
        except NoAnswerError as error:
            raise Flaw(str(error)) from None
        finally:
            writer.close()
        if len(answers) != 1 or rest or not answers[0].is_complete:
            raise Flaw(f"the viewer got {received[:500]!r}")
        return answers[0]


_RIGHT: Final = {
    (
        False,
        "py",
    ): "event['Records'][0]['cf'].get('response') or event['Records'][0]['cf']['request']",
    (False, "js"): "event.Records[0].cf.response || event.Records[0].cf.request",
    (True, "py"): "{'statusCode': 200}",
    (True, "js"): "{statusCode: 200}",
}


def _judged(door: str, answer: Answer) -> str:
    """The status of an answer that AWS has. Raises Flaw."""
    if not 200 <= answer.status <= 599:
        raise Flaw(f"the viewer got the status {answer.status}")
    if not door.endswith("target"):
        verdict = (answer.first(b"x-cache") or b"").decode("latin-1")
        if verdict not in _VERDICTS:
            raise Flaw(f"the viewer got X-Cache: {verdict}")
        return verdict.partition(" ")[0]
    return str(answer.status)


class Results:
    """The fuzzer of what functions return."""

    name = "results"

    def generate(self, dice: random.Random) -> Case:
        if dice.random() < _LIVE:
            return self._live(dice)
        if dice.random() < 0.3:
            payload = result_values.payload(dice, result_values.target_result(dice))
            return {"kind": "target", "multi": dice.random() < 0.5, "payload": text_of(payload)}
        payload = result_values.payload(dice, result_values.edge_result(dice))
        trigger, strict = dice.choice(TRIGGERS), dice.random() < 0.7
        return {"kind": "edge", "trigger": trigger, "strict": strict, "payload": text_of(payload)}

    def _live(self, dice: random.Random) -> Case:
        runtime = dice.choice(list(_RUNTIMES))
        place = dice.choice([*TRIGGERS, "target"])
        if dice.random() < 0.6:
            written = result_values.PYTHON if runtime == "py" else result_values.NODE
            source = dice.choice(written)
        else:
            at_target = place == "target"
            make = result_values.target_result if at_target else result_values.edge_result
            result = make(dice)
            if isinstance(result, dict):
                result.pop("origin", None)  # it would lead out of this machine
            source = "json:" + json.dumps(result)
        return {"kind": "live", "door": f"{runtime}-{place}", "source": source}

    def shorter(self, case: Case) -> Iterator[Case]:
        key = "source" if case["kind"] == "live" else "payload"
        for text in without_parts(case[key]):
            yield {**case, key: text}

    @asynccontextmanager
    async def lanes(self) -> AsyncIterator[list[ResultLane]]:
        async with AsyncExitStack() as stack:
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix="edgegw-fuzz-"))
            origin = await stack.enter_async_context(strict_origin())
            heard = await stack.enter_async_context(complaints())
            front = await stack.enter_async_context(served(_config(origin.port)))
            doors = [f"{runtime}-{at}" for runtime in _RUNTIMES for at in (*TRIGGERS, "target")]
            addresses = {door: front.address(door) for door in doors}
            yield [
                ResultLane(Path(name) / f"result-{number}", addresses, heard)
                for number in range(LANES)
            ]


def _config(port: int) -> dict[str, Any]:
    config: dict[str, Any] = {
        "functions": {}, "distributions": {}, "target_groups": {}, "load_balancers": {},
    }  # fmt: skip
    for name, (runtime, handler) in _RUNTIMES.items():
        function = {"runtime": runtime, "code": ".", "handler": handler, "timeout": 5}
        config["functions"][name] = {**function, "memory_size": 512}
        config["target_groups"][name] = {"target_type": "lambda", "function": name}
        listener = {"listen": 0, "default_actions": [{"forward": name}]}
        config["load_balancers"][f"{name}-target"] = {"listeners": [listener]}
        for trigger in TRIGGERS:
            door = site({"url": f"http://127.0.0.1:{port}"})
            door["default_behavior"]["lambda_functions"] = {trigger: name}
            config["distributions"][f"{name}-{trigger}"] = door
    return config
