"""Bytes of viewers: whatever they send, the origin gets well framed requests and they their answers.

A viewer sends a stream of requests over one connection, some of them not quite HTTP, with bytes
changed, in pieces. Front doors are a distribution, a load balancer in each mode of desync
mitigation, and a distribution before a load balancer. What must hold:

- the origin gets nothing that is not well framed, and one request for each that was accepted, with
  the viewer's method and body; nothing that stood in a body, or behind a request that two readers
  might understand differently, ever becomes a request;
- the viewer gets its own answers, in the order of its requests, and not one more;
- a request that nobody could misunderstand is served, whatever comes behind it;
- nothing hangs, and the gateway logs no error.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from tests.fuzz.answer_stream import Answer, NoAnswerError, read_answers
from tests.fuzz.campaign import Case, Flaw, without_parts
from tests.fuzz.mutation import bytes_of, cut, text_of
from tests.fuzz.request_oracle import Reading, WantedRequest, read_stream
from tests.fuzz.request_streams import stream
from tests.fuzz.served import Complaints, complaints, served
from tests.fuzz.strict_origin import ReceivedRequest, StrictOrigin, strict_origin

LANES: Final = 6
HANGS: Final = 15.0
"""Seconds without a byte after which a viewer that is owed something has been forgotten."""

QUIET: Final = 0.15
"""Seconds without a byte after which a viewer whose request may be incomplete goes."""

LENIENT: Final = ("monitor", "defensive", "strictest")
DOORS: Final = ("site", "through", *LENIENT)
_REFUSALS: Final = frozenset({400, 403, 405, 408, 413, 414, 431, 494, 501, 502, 505})
"""Statuses of pages that a front door makes of a request it does not pass on. 502 is for one that
cannot be written down towards a target."""


@dataclass
class Viewer:
    """What a viewer got: all the bytes, and whether the front door closed the connection."""

    received: bytes = b""
    is_closed: bool = False


class RequestLane:
    """An origin of its own and the front doors before it."""

    def __init__(
        self, origin: StrictOrigin, addresses: dict[str, tuple[str, int]], heard: Complaints
    ) -> None:
        self._origin = origin
        self._addresses = addresses
        self._heard = heard

    async def attempt(self, case: Case) -> str:
        door, pieces = case["door"], [bytes_of(piece) for piece in case["pieces"]]
        self._origin.forget()
        reading = read_stream(b"".join(pieces))
        viewer = await self._sent(door, pieces, reading)
        self._heard.check()
        if self._origin.flaws:
            raise Flaw(self._origin.flaws[0])
        return Judge(door, reading, viewer, self._origin.received).verdict()

    async def _sent(self, door: str, pieces: Sequence[bytes], reading: Reading) -> Viewer:
        reader, writer = await asyncio.open_connection(*self._addresses[door])
        viewer = Viewer()
        try:
            await self._write(writer, pieces)
            await self._received(reader, writer, viewer, reading)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        return viewer

    async def _write(self, writer: asyncio.StreamWriter, pieces: Sequence[bytes]) -> None:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                if writer.is_closing():
                    return
                writer.write(piece)
                await asyncio.sleep(0)

    async def _received(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        viewer: Viewer,
        reading: Reading,
    ) -> None:
        """Reads on until the connection is closed, or everything that was asked for is there."""
        is_owed = reading.ending in ("end", "last")
        while True:
            patience = HANGS if is_owed or writer.is_closing() else QUIET
            try:
                async with asyncio.timeout(patience):
                    part = await reader.read(65_536)
            except TimeoutError:
                if patience == HANGS:
                    text = f"nothing came for {HANGS:g} s, after {viewer.received!r}"
                    raise Flaw(text) from None
                with contextlib.suppress(OSError):
                    writer.write_eof()
                is_owed = True
                continue
            except ConnectionError:
                viewer.is_closed = True
                return
            if not part:
                viewer.is_closed = True
                return
            viewer.received += part
            if reading.ending == "end" and _is_all(viewer.received, reading):
                return


def _is_all(received: bytes, reading: Reading) -> bool:
    methods = [wanted.method for wanted in reading.requests]
    with contextlib.suppress(NoAnswerError):
        answers, _ = read_answers(received, methods, is_closed=False)
        return len(answers) == len(methods) and all(answer.is_complete for answer in answers)
    return True


class Judge:
    """Holds what a viewer and the origin got against what was asked for."""

    def __init__(
        self,
        door: str,
        reading: Reading,
        viewer: Viewer,
        received: dict[int, ReceivedRequest],
    ) -> None:
        self._is_lenient = door in LENIENT
        self._reading = reading
        self._wanted = reading.requests
        self._viewer = viewer
        self._received = received

    def verdict(self) -> str:
        """A word for the counts. Raises Flaw."""
        self._judge_origin()
        answers = self._answers()
        self._judge_order(answers)
        self._judge_missing(answers)
        served = sum(answer.first(b"x-answer") is not None for answer in answers)
        tail = "" if self._reading.ending in ("end", "last") else f", then {self._reading.ending}"
        return f"{served} served, {len(answers) - served} refused{tail}"

    def _judge_origin(self) -> None:
        """Nothing reached the origin but what was asked for, once and in order."""
        for request in self._received.values():
            if not self._is_lenient and re.search(rb"[\x00-\x20\x7f]", request.target):
                raise Flaw(f"the origin got a target that is not well formed: {request}")
        left = iter(self._wanted)
        extra = list[ReceivedRequest]()
        for request in self._received.values():
            if extra or not any(_is_same(wanted, request) for wanted in left):
                extra.append(request)
        if not extra:
            return
        if len(extra) == 1 and self._is_tail(extra[0]):
            return
        raise Flaw(f"the origin got what nobody asked for: {extra[:3]}")

    def _is_tail(self, request: ReceivedRequest) -> bool:
        """Whether `request` is the one that two readers might understand differently."""
        first = self._reading.rest.lstrip(b"\r\n").partition(b"\n")[0]
        is_old = b"HTTP/1.0" in first  # chunks in HTTP/1.0: such a connection ends behind one
        if self._reading.ending not in ("odd", "unfinished") or not (self._is_lenient or is_old):
            return False
        return first.startswith(request.method) and (
            unquote_to_bytes(request.target) in first + b" / *" or request.target in first
        )

    def _answers(self) -> list[Answer]:
        methods = [wanted.method for wanted in self._wanted]
        if self._reading.ending in ("odd", "unfinished"):
            first = self._reading.rest.lstrip(b"\r\n")
            methods.append(re.split(rb"[ \t]", first, maxsplit=1)[0])  # lenient doors take tabs
        data = self._viewer.received
        try:
            answers, rest = read_answers(data, methods, is_closed=self._viewer.is_closed)
            if rest and answers and answers[-1].is_page_of(rest):
                rest = b""
        except NoAnswerError as error:
            if self._is_simple():
                return []
            raise Flaw(str(error)) from None
        if rest and not self._is_simple():
            raise Flaw(f"the viewer got bytes that are no answer: {rest[:200]!r}")
        return answers

    def _is_simple(self) -> bool:
        """Whether what follows may be HTTP/0.9, whose answers have no head."""
        first = self._reading.rest.lstrip(b"\r\n").partition(b"\n")[0]
        has_version = re.search(rb"[^ \t][ \t]+HTTP/(?!0\.9)[^ \t\r]+[ \t]*\r?$", first) is not None
        return self._is_lenient and self._reading.ending != "end" and not has_version

    def _judge_order(self, answers: list[Answer]) -> None:
        """The viewer's answers are those to its requests, in their order."""
        most = len(self._wanted) + (self._reading.ending in ("odd", "unfinished"))
        if len(answers) > most:
            raise Flaw(f"{len(answers)} answers to {most} requests: {self._viewer.received!r}")
        last = 0
        for position, answer in enumerate(answers):
            number = answer.first(b"x-answer")
            if not answer.is_complete:
                raise Flaw(f"answer {position + 1} has no end: {self._viewer.received[-300:]!r}")
            if number is None:
                self._judge_refusal(position, answer)
                continue
            request = self._received.get(int(number))
            if request is None or int(number) <= last:
                raise Flaw(f"answer {position + 1} is another viewer's, or comes twice")
            last = int(number)
            if answer.body not in (b"", b"answer " + number) or answer.status != 200:
                raise Flaw(f"answer {position + 1} is not the origin's: {answer}")
            if position < len(self._wanted) and not _is_same(self._wanted[position], request):
                raise Flaw(f"answer {position + 1} is to {request}, not {self._wanted[position]}")

    def _judge_refusal(self, position: int, answer: Answer) -> None:
        if answer.status not in _REFUSALS:
            raise Flaw(f"answer {position + 1} is no refusal that AWS has: {answer}")
        if position < len(self._wanted) and self._wanted[position].is_plain:
            raise Flaw(f"a plain request was refused: {self._wanted[position]} {answer}")

    def _judge_missing(self, answers: list[Answer]) -> None:
        """Requests behind those that keep the connection open are answered.

        Who sends more behind a request that ends the connection (it says so, or is of HTTP/1.0)
        may be reset, and lose what it was owed.
        """
        is_more = [True] * (len(self._wanted) - 1) + [bool(self._reading.rest)]
        if any(more and not one.persists for one, more in zip(self._wanted, is_more, strict=False)):
            return
        for position, wanted in enumerate(self._wanted):
            is_missing = position >= len(answers)
            if is_missing and wanted.is_plain and not self._is_simple():
                raise Flaw(f"request {position + 1} got no answer: {wanted}, {self._viewer}")
            if is_missing or answers[position].closes:
                return
            if not (wanted.is_plain and wanted.persists):
                return


def _is_same(wanted: WantedRequest, request: ReceivedRequest) -> bool:
    """Whether the origin got what was asked for. Targets are the same where they are plain ones."""
    is_plain = wanted.target.startswith(b"/r")
    same_target = wanted.target == request.target or not is_plain
    return wanted.method == request.method and wanted.body == request.body and same_target


class Requests:
    """The fuzzer of what viewers send."""

    name = "requests"

    def generate(self, dice: random.Random) -> Case:
        data = stream(dice)
        pieces = cut(data, dice, dice.choice([0, 0, 1, 3, 12])) or [b"\r\n"]
        return {"door": dice.choice(DOORS), "pieces": [text_of(piece) for piece in pieces]}

    def shorter(self, case: Case) -> Iterator[Case]:
        if len(case["pieces"]) > 1:
            yield {**case, "pieces": ["".join(case["pieces"])]}
            for pieces in without_parts(case["pieces"]):
                if pieces:
                    yield {**case, "pieces": pieces}
        elif case["pieces"]:
            for text in without_parts(case["pieces"][0]):
                if text:
                    yield {**case, "pieces": [text]}

    @asynccontextmanager
    async def lanes(self) -> AsyncIterator[list[RequestLane]]:
        async with AsyncExitStack() as stack:
            origins = [await stack.enter_async_context(strict_origin()) for _ in range(LANES)]
            heard = await stack.enter_async_context(complaints())
            front = await stack.enter_async_context(served(_config(origins)))
            yield [
                RequestLane(origin, {d: front.address(f"{d}-{n}") for d in DOORS}, heard)
                for n, origin in enumerate(origins)
            ]


def _config(origins: Sequence[StrictOrigin]) -> dict[str, Any]:
    config = front_doors()
    for number, origin in enumerate(origins):
        group = {"targets": [f"127.0.0.1:{origin.port}"], "health_check": {"enabled": False}}
        config["target_groups"][f"app-{number}"] = group
        for mode in LENIENT:
            config["load_balancers"][f"{mode}-{number}"] = {
                "attributes": {"routing.http.desync_mitigation_mode": mode},
                "listeners": [{"listen": 0, "default_actions": [{"forward": f"app-{number}"}]}],
            }
        direct = {"url": f"http://127.0.0.1:{origin.port}"}
        config["distributions"][f"site-{number}"] = site(direct)
        config["distributions"][f"through-{number}"] = site(
            {"load_balancer": f"defensive-{number}"}
        )
    return config


def front_doors() -> dict[str, Any]:
    """A configuration without any yet; its distributions answer whatever Host is asked for."""
    empty: dict[str, Any] = {"distributions": {}, "target_groups": {}, "load_balancers": {}}
    return {**empty, "gateway": {"accept_any_host": True}}


def site(origin: dict[str, Any]) -> dict[str, Any]:
    """A distribution that passes on everything and keeps nothing."""
    return {
        "listen": 0,
        "origins": {"app": origin},
        "default_behavior": {
            "origin": "app",
            "cache_policy": "CachingDisabled",
            "origin_request_policy": "AllViewer",
            "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
        },
    }
