"""Bytes of origins: whatever they say, a viewer gets a right answer or sees that there is none.

Viewers ask one after the other, over one connection or each over its own, and the gateway keeps
its connections to the origin. The origin answers with bytes that are changed, cut off anywhere, or
more than an answer, in pieces, and then keeps, closes or resets the connection or falls silent.
What must hold:

- a complete answer reaches the viewer as it is, or is a 502 where two readers might disagree;
- one that is no answer is a 502 or 504; one whose body has no end is that, or visibly cut off;
- no viewer ever gets a byte of what was said to another, or behind another answer;
- nothing hangs, and the gateway logs no error.

Bytes behind a complete answer come together with its end: those that came later, while the next
request is on its way, nobody could tell from its answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from tests.fuzz.answer_oracle import SentAnswer, read_answer
from tests.fuzz.answer_stream import Answer, NoAnswerError, read_answers
from tests.fuzz.campaign import Case, Flaw, without_parts
from tests.fuzz.mutation import bytes_of, cut, mutated, text_of
from tests.fuzz.raw_answers import Script, ScriptedOrigin, scripted_origin
from tests.fuzz.request_oracle import HOST
from tests.fuzz.requests import HANGS, front_doors, site
from tests.fuzz.served import Complaints, complaints, served

LANES: Final = 8
DOORS: Final = ("site", "through", "web")
_POISON: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Poison: 1\r\n\r\npoison"
_NO_ANSWER: Final = (502, 504)
_ODD_LINES: Final = [
    b"Content-Length: 3", b"Content-Length: 99999", b"Content-Length: -1", b"Content-Length: 3, 3",
    b"Content-Length: 18446744073709551617", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip",
    b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: identity", b"Content-Length : 3",
    b"Connection: close", b"Connection: keep-alive", b"Connection: X-Answer", b"Connection: Upgrade",
    b"Keep-Alive: timeout=0", b"X-A: b\r\n c", b"X-A: b\nX-B: c", b"X-A: \0", b"X A: b", b": b", b"X-A",
    b"Trailer: X-T", b"Date: x", b"Server: x\tb", b"X-Cache: Hit", b"Set-Cookie: a=b\r\nSet-Cookie: c",
    b"X-A: \xff", b"X-A: " + b"y" * 20_000, b"Content-Encoding: gzip", b"Upgrade: h2c", b"Via: 1.1 x",
]  # fmt: skip
_ODD_STATUS: Final = [
    b"HTTP/1.1 204 No", b"HTTP/1.1 304 No", b"HTTP/1.1 404 ", b"HTTP/1.1 500 Oops", b"HTTP/1.1 200",
    b"HTTP/1.0 200 OK", b"HTTP/1.1 101 S", b"HTTP/1.1 99 x", b"HTTP/1.1 600 x", b"HTTP/1.1 999 x",
    b"HTTP/2 200 OK", b"ICY 200 OK", b"HTTP/1.1 000 x", b"HTTP/1.1 200 \0", b"http/1.1 200 OK",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK", b"HTTP/1.1 103 E\r\nLink: x\r\n\r\nHTTP/1.1 201 C",
    b"HTTP/1.1 302 Found\r\nLocation: /x", b"HTTP/1.1  200 OK", b"",
]  # fmt: skip


def _content(dice: random.Random, number: int) -> bytes:
    size = dice.choice([0, 3, 3, 40, 40, 3_000, 300_000 if dice.random() < 0.2 else 9_000])
    return b"%d:" % number + b"abcdefgh" * (size // 8)


def _answer(dice: random.Random, number: int) -> bytes:
    """An answer of an origin; most of them are right."""
    status = b"HTTP/1.1 200 OK" if dice.random() < 0.8 else dice.choice(_ODD_STATUS)
    content = _content(dice, number)
    lines = [b"X-Number: %d" % number]
    match dice.randrange(4):
        case 0:
            lines.append(b"Transfer-Encoding: chunked")
            pieces = cut(content, dice)
            content = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
            content += b"0\r\n" + dice.choice([b"", b"", b"X-T: 1\r\n", b"X\r\n"]) + b"\r\n"
        case 1 if dice.random() < 0.4:
            pass  # until the connection closes
        case _:
            lines.append(b"Content-Length: %d" % len(content))
    if dice.random() < 0.25:
        lines.insert(dice.randrange(len(lines) + 1), dice.choice(_ODD_LINES))
    return b"\r\n".join([status, *lines, b"", content])


def _script(dice: random.Random, number: int, method: str) -> dict[str, Any]:
    data = _answer(dice, number)
    how = dice.random()
    if how < 0.25:
        data = mutated(data, dice)
    elif how < 0.45:
        data = data[: dice.randrange(len(data) + 1)]
    elif how < 0.55:
        data += dice.choice([_POISON, b"\r\n", b"x", b"HTTP/1.1 200 OK\r\n"])
    afterwards = dice.choice(["keep", "keep", "close", "close", "reset"])
    is_closed = afterwards == "close"
    sent = read_answer(data, is_head=method == "HEAD", is_closed=is_closed)
    if afterwards == "keep" and sent.meaning != "whole":
        # Else the front door would wait for the rest, for as long as it is allowed to.
        # (Where the answer counts after all, an origin that is silent next is just that: 504.)
        stalls = sent.meaning != "unsure" and dice.random() < 0.03
        afterwards = "stall" if stalls else "close"
    if sent.meaning == "whole" and not is_closed:
        afterwards = "keep"
    first = cut(data[: max(0, sent.end - 1)], dice)
    pieces = [*first, data[max(0, sent.end - 1) :]] if sent.end else cut(data, dice)
    return {"pieces": [text_of(piece) for piece in pieces], "afterwards": afterwards}


class AnswerLane:
    """An origin of its own and the front doors before it."""

    def __init__(
        self, origin: ScriptedOrigin, addresses: dict[str, tuple[str, int]], heard: Complaints
    ) -> None:
        self._origin = origin
        self._addresses = addresses
        self._heard = heard

    async def attempt(self, case: Case) -> str:
        """Asks for every answer in turn, and at the end for one that is right."""
        scripts = [
            Script([bytes_of(piece) for piece in script["pieces"]], script["afterwards"])
            for script in case["scripts"]
        ]
        last = len(scripts)
        ending = b"HTTP/1.1 200 OK\r\nX-Number: %d\r\nContent-Length: 4\r\n\r\nlast" % last
        self._origin.scripts = [*scripts, Script([ending])]
        viewer = Viewer(self._addresses[case["door"]], keeps=case["keeps"])
        became = list[str]()
        try:
            for number, script in enumerate(scripts):
                method = case["methods"][number]
                sent = read_answer(
                    b"".join(script.pieces),
                    is_head=method == "HEAD",
                    is_closed=script.afterwards == "close",
                )
                answer = await viewer.ask(method, number)
                # What may not be sent twice fails where the origin closes as it is being asked.
                if method == "POST" and number and answer is not None and answer.status == 502:
                    became.append("502")
                else:
                    became.append(judged(sent, script, answer))
            sent = SentAnswer("whole", 200, b"last", number=b"%d" % last)
            if judged(sent, None, await viewer.ask("GET", last)) != "right":
                raise Flaw("the next viewer did not get its answer")
        finally:
            await viewer.close()
        self._heard.check()
        return ", ".join(sorted(set(became)))


class Viewer:
    """Asks over one connection as long as it is kept, or over another each time."""

    def __init__(self, address: tuple[str, int], *, keeps: bool) -> None:
        self._address = address
        self._keeps = keeps
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, number: int) -> Answer | None:
        """The answer as far as it came; None without one. Raises Flaw."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        reader, writer = self._streams
        body = b"Content-Length: 2\r\n\r\nab" if method == "POST" else b"\r\n"
        head = b"%b /a%d HTTP/1.1\r\nHost: %b\r\n" % (method.encode(), number, HOST)
        with contextlib.suppress(ConnectionError):
            writer.write(head + body)
        received, is_closed = b"", False
        answers, rest = list[Answer](), b""
        while not is_closed:
            try:
                async with asyncio.timeout(HANGS):
                    part = await reader.read(1 << 20)
            except TimeoutError:
                raise Flaw(f"nothing came for {HANGS:g} s, after {received[:300]!r}") from None
            except ConnectionError:
                part = b""
            received, is_closed = received + part, not part
            try:
                answers, rest = read_answers(received, [method.encode()], is_closed=is_closed)
            except NoAnswerError as error:
                raise Flaw(str(error)) from None
            if rest and answers:
                raise Flaw(f"the viewer got more than its answer: {rest[:200]!r}")
            if answers and answers[0].is_complete:
                break
        if is_closed or not self._keeps or (answers and answers[0].closes):
            await self.close()
        return answers[0] if answers else None

    async def close(self) -> None:
        """Leaves."""
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


def judged(sent: SentAnswer, script: Script | None, answer: Answer | None) -> str:
    """What became of an answer, in a word. Raises Flaw."""
    if answer is None:
        if sent.meaning == "whole" and script is not None and script.afterwards != "reset":
            raise Flaw(f"a whole answer is lost: {sent}")
        return "closed"
    own = answer.first(b"x-number")
    if own is None and answer.status in _NO_ANSWER and answer.is_complete:
        is_certain = script is None or (sent.meaning == "whole" and script.afterwards != "reset")
        if is_certain and sent.meaning == "whole":
            raise Flaw(f"a whole answer is refused: {sent} {answer}")
        return str(answer.status)
    if own != sent.number and sent.meaning != "unsure":
        raise Flaw(f"the viewer got another one's answer: {answer}, {sent}")
    if sent.meaning == "unsure":
        return "as it may be"
    if b"x-poison" in answer.headers or b"poison" in answer.body.replace(sent.body, b""):
        raise Flaw(f"the viewer got what was said behind another answer: {answer}")
    if sent.meaning == "none":
        raise Flaw(f"an answer was made of nothing: {answer}")
    if answer.status != sent.status:
        raise Flaw(f"the status is not the origin's: {answer.status}, {sent}")
    return _judged_body(sent, script, answer)


def _judged_body(sent: SentAnswer, script: Script | None, answer: Answer) -> str:
    if not answer.is_complete:
        if sent.meaning == "whole" and (script is None or script.afterwards != "reset"):
            raise Flaw(f"a whole answer is cut off: {sent}")
        if not sent.body.startswith(answer.body):
            raise Flaw(f"the viewer got other bytes: {answer}, {sent}")
        return "cut off"
    if sent.meaning == "broken":
        raise Flaw(f"a broken answer passes for a whole one: {answer}, {sent}")
    if answer.body != sent.body:
        raise Flaw(f"the viewer got other bytes: {answer}, {sent}")
    return "right"


class Answers:
    """The fuzzer of what origins answer."""

    name = "answers"

    def generate(self, dice: random.Random) -> Case:
        count = dice.choice([1, 1, 2, 3, 5])
        methods = [dice.choice(["GET", "GET", "GET", "HEAD", "POST"]) for _ in range(count)]
        return {
            "door": dice.choice(DOORS),
            "keeps": dice.random() < 0.5,
            "methods": methods,
            "scripts": [_script(dice, number, method) for number, method in enumerate(methods)],
        }

    def shorter(self, case: Case) -> Iterator[Case]:
        scripts, methods = case["scripts"], case["methods"]
        for position, script in enumerate(scripts):
            plain = {"pieces": [text_of(_plain(position))], "afterwards": "keep"}
            if script != plain:
                yield _with(case, position, plain)
        if len(scripts) > 1:
            yield {**case, "scripts": scripts[:-1], "methods": methods[:-1]}
        for position, script in enumerate(scripts):
            if len(script["pieces"]) > 1:
                yield _with(case, position, {**script, "pieces": ["".join(script["pieces"])]})
            elif script["pieces"]:
                for text in without_parts(script["pieces"][0]):
                    yield _with(case, position, {**script, "pieces": [text]})

    @asynccontextmanager
    async def lanes(self) -> AsyncIterator[list[AnswerLane]]:
        async with AsyncExitStack() as stack:
            origins = [await stack.enter_async_context(scripted_origin()) for _ in range(LANES)]
            heard = await stack.enter_async_context(complaints())
            front = await stack.enter_async_context(served(_config(origins)))
            yield [
                AnswerLane(origin, {d: front.address(f"{d}-{n}") for d in DOORS}, heard)
                for n, origin in enumerate(origins)
            ]


def _plain(number: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nX-Number: %d\r\nContent-Length: 2\r\n\r\nok" % number


def _with(case: Case, position: int, script: dict[str, Any]) -> Case:
    scripts = [*case["scripts"]]
    scripts[position] = script
    return {**case, "scripts": scripts}


def _config(origins: Sequence[ScriptedOrigin]) -> dict[str, Any]:
    config = front_doors()
    for number, origin in enumerate(origins):
        group = {"targets": [f"127.0.0.1:{origin.port}"], "health_check": {"enabled": False}}
        config["target_groups"][f"app-{number}"] = group
        config["load_balancers"][f"web-{number}"] = {
            "attributes": {"idle_timeout.timeout_seconds": 4},
            "listeners": [{"listen": 0, "default_actions": [{"forward": f"app-{number}"}]}],
        }
        direct = {"url": f"http://127.0.0.1:{origin.port}", "read_timeout": 4}
        config["distributions"][f"site-{number}"] = site(direct)
        config["distributions"][f"through-{number}"] = site({"load_balancer": f"web-{number}"})
    return config
