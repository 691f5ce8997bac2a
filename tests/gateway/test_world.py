"""Clock, dice and ids are one value that a test may give."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import respx

import edgegw.gateway
from edgegw import Gateway
from edgegw.gateway.world import World

ORIGIN = "http://origin.test"
WEIGHTED: dict[str, Any] = {
    "functions": {
        name: {"runtime": "python3.12", "code": ".", "handler": "h.h"} for name in ("a", "b")
    },
    "target_groups": {name: {"target_type": "lambda", "function": name} for name in ("a", "b")},
    "load_balancers": {
        "web": {
            "listeners": [
                {
                    "listen": 0,
                    "default_actions": [
                        {
                            "forward": {
                                "target_groups": [
                                    {"target_group": "a", "weight": 1},
                                    {"target_group": "b", "weight": 1},
                                ]
                            }
                        }
                    ],
                }
            ]
        }
    },
}


def test_one_seed_gives_the_same_ids_and_throws() -> None:
    first, again, other = World(seed=7), World(seed=7), World(seed=8)

    def drawn(world: World) -> list[object]:
        return [
            world.request_id(),
            world.exchange_id(),
            world.via_host(),
            world.entropy(),
            world.dice(),
        ]

    assert drawn(first) == drawn(again)
    assert drawn(other) != drawn(World(seed=7))
    assert re.fullmatch(r"[A-Za-z0-9_-]{54}==", first.request_id())


def test_the_date_follows_the_clock() -> None:
    moment = [784111777.0]
    world = World(lambda: moment[0])
    assert world.date() == b"Sun, 06 Nov 1994 08:49:37 GMT"
    moment[0] += 60
    assert world.date() == b"Sun, 06 Nov 1994 08:50:37 GMT"


@respx.mock
async def test_a_gateway_lives_at_the_time_of_its_clock() -> None:
    respx.get(f"{ORIGIN}/").respond(text="ok")
    config = {
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"app": {"url": ORIGIN}},
                "default_behavior": {"origin": "app", "cache_policy": "CachingDisabled"},
            }
        }
    }
    gateway = Gateway.from_dict(config, clock=lambda: 784111777.0, seed=1)
    async with gateway.client("site") as client:
        response = await client.get("/")
    assert response.headers["date"] == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert gateway.exchange(response).started == 784111777.0


async def test_weights_fall_the_same_way_with_the_same_seed(tmp_path: Any) -> None:
    (tmp_path / "h.py").write_text("def h(event, context): pass\n")

    def answering(name: str) -> Callable[[Any, Any], Any]:
        return lambda event, context: {"statusCode": 200, "body": name}

    async def answers(seed: int) -> str:
        handlers = {name: answering(name) for name in ("a", "b")}
        gateway = Gateway.from_dict(WEIGHTED, base=tmp_path, functions=handlers, seed=seed)
        async with gateway.client("web") as client:
            return "".join([(await client.get("/")).text for _ in range(12)])

    first = await answers(3)
    assert set(first) == {"a", "b"}
    assert first == await answers(3)


async def test_a_folder_as_a_bucket_has_the_clock_and_the_ids_of_the_gateway(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.txt").write_text("a")
    described = {
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"assets": {"s3_website": str(tmp_path)}},
                "default_behavior": {"origin": "assets", "cache_policy": "CachingDisabled"},
            }
        }
    }

    async def answer() -> list[tuple[bytes, bytes]]:
        gateway = Gateway.from_dict(described, clock=lambda: 784111777.0, seed=7)
        async with gateway.client("site") as client:
            response = await client.get("/a.txt")
            sent = gateway.exchange(response).origin_response
        assert sent is not None
        assert sent.headers.get(b"date") == b"Sun, 06 Nov 1994 08:49:37 GMT"
        names = (b"x-amz-id-2", b"x-amz-request-id")
        return [(name, sent.headers.get(name) or b"") for name in names]

    first = await answer()
    assert first == await answer()
    assert all(line for _, line in first)


OWN_CHANCE = {
    "clock.py": "goes on as the machine's until a test sets it",
    "faults.py": "a seed of its own, in the configuration",
    "gateway.py": "what the world is by default",
    "local_api.py": "a secret",
    "sign_in_keys.py": "secrets",
    "world.py": "the world",
}


def test_nothing_where_requests_run_has_a_clock_or_dice_of_its_own() -> None:
    folder = Path(edgegw.gateway.__file__).parent
    own = re.compile(r"\btime\.time\b|^import random|^import secrets", re.MULTILINE)
    files = {file.name for file in folder.rglob("*.py") if own.search(file.read_text())}
    assert files == set(OWN_CHANCE)
