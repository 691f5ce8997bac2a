"""A distribution that caches, an origin that says what it is told to, and a clock that is moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from edgegw import Exchange, Gateway
from edgegw.config.resolve import load_dict
from tests.conftest import FUNCTIONS

NOW = 1_000_000_000.0


@dataclass
class Answer:
    """What the origin says next; `body` may be parts that come one by one."""

    body: bytes | AsyncIterator[bytes] = b"one"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Origin(httpx.AsyncBaseTransport):
    """Answers with `answer`, or with what `answering` makes of a request; keeps who asked."""

    def __init__(self) -> None:
        self.answer = Answer()
        self.answering: Callable[[httpx.Request], Answer] | None = None
        self.fails = False
        self.asked: list[httpx.Request] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        await self.may_answer.wait()
        if self.fails:
            raise httpx.ConnectError("down")
        answer = self.answer if self.answering is None else self.answering(request)
        headers = dict(answer.headers)
        if isinstance(answer.body, bytes):
            headers.setdefault("content-length", str(len(answer.body)))
            content = b"" if request.method == "HEAD" else answer.body
            return httpx.Response(answer.status, headers=headers, stream=httpx.ByteStream(content))
        return httpx.Response(answer.status, headers=headers, stream=_Parts(answer.body))

    @property
    def count(self) -> int:
        return len(self.asked)


class _Parts(httpx.AsyncByteStream):
    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._parts:
            yield part


class Site:
    """A distribution `site` in front of an `Origin`; `now` is its time."""

    def __init__(
        self,
        policy: Mapping[str, Any] | str = "CachingOptimized",
        *,
        behavior: Mapping[str, Any] | None = None,
        distribution: Mapping[str, Any] | None = None,
        hooks: Mapping[str, Callable[[Any, Any], Any]] | None = None,
        state: Path | None = None,
        policies: Mapping[str, Any] | None = None,
        edge_functions: Mapping[str, Any] | None = None,
        **gateway: Any,
    ) -> None:
        self.origin = Origin()
        self.now = NOW
        hooks = hooks or {}
        own = {} if isinstance(policy, str) else {"own": dict(policy)}
        config: dict[str, Any] = {
            "functions": {
                name: {"runtime": "python3.12", "code": ".", "handler": "hooks.pass_request"}
                for name in hooks
            },
            "edge_functions": dict(edge_functions or {}),
            "cache_policies": own,
            "response_headers_policies": dict(policies or {}),
            "distributions": {
                "site": {
                    "listen": 0,
                    "origins": {"app": {"url": "http://origin.test"}},
                    "default_behavior": {
                        "origin": "app",
                        **_policy_of(behavior or {}, "own" if own else policy),
                        "lambda_functions": {name: name for name in hooks},
                        **(behavior or {}),
                    },
                    **(distribution or {}),
                }
            },
            "gateway": {
                **({"state": str(state)} if state is not None else {}),
                **gateway.pop("settings", {}),
            },
        }
        self.config = config
        self.gateway = Gateway(
            load_dict(config, FUNCTIONS),
            functions=dict(hooks),
            transport=lambda _: self.origin,
            clock=lambda: self.now,
            **gateway,
        )

    def client(self) -> httpx.AsyncClient:
        return self.gateway.client("site")

    def exchange(self, response: httpx.Response) -> Exchange:
        return self.gateway.exchange(response)


def _policy_of(
    behavior: Mapping[str, Any], policy: Mapping[str, Any] | str
) -> dict[str, Mapping[str, Any] | str]:
    """The cache policy, where legacy settings do not stand in its place."""
    return {} if "forwarded_values" in behavior else {"cache_policy": policy}


def path_of(request: httpx.Request) -> str:
    """The path that the origin is asked for."""
    target: bytes = request.extensions["target"]
    return target.partition(b"?")[0].decode()


def verdict(response: httpx.Response) -> str:
    """The word of X-Cache."""
    return response.headers["x-cache"].removesuffix(" from cloudfront")
