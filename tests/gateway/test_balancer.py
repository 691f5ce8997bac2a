"""A load balancer on sockets: health, draining, weights, time-outs, logs."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shlex
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgegw.alb.model import Target
from edgegw.config.resolve import load_dict
from edgegw.gateway import log_files
from edgegw.gateway.balancer_logs import BalancerLogs
from tests.conftest import PYTHON, Serving, free_port, read_body, read_head
from tests.loop_time import LoopTime

# A check may take a second: a busy machine lets one wait for some tenths of it.
QUICK = {"interval": 1.1, "timeout": 1.0, "healthy_threshold": 2, "unhealthy_threshold": 2}


class Site:
    """A target that answers with its name; `status` is that of the health checks."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.status = 200
        self.checks: list[bytes] = []
        self.served = 0
        self.delay = 0.0
        self.hurry = asyncio.Event()
        self.server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        self.port = self.port or free_port()  # its own also while it is stopped
        self.server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def stop(self) -> None:
        assert self.server is not None
        self.server.close()
        for each in list(self.tasks):
            each.cancel()

    tasks: set[asyncio.Task[Any]]

    async def _connected(self, reader, writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError, ValueError):
            while head := await read_head(reader):
                await read_body(head, reader)
                if head.startswith(b"GET /health "):
                    self.checks.append(head)
                    writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % self.status)
                    continue
                self.served += 1
                if b"/slow" in head:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self.delay):
                            await self.hurry.wait()
                body = self.name.encode()
                if b"/stream" in head:
                    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
                    await asyncio.sleep(30)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        self.tasks.discard(task)
        writer.close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


@asynccontextmanager
async def sites(*names: str) -> AsyncIterator[list[Site]]:
    found = [Site(name) for name in names]
    for each in found:
        each.tasks = set()
        await each.start()
    try:
        yield found
    finally:
        for each in found:
            await each.stop()


def config(groups: dict, action: Any = "web", **balancer: Any) -> dict:
    listener = balancer.pop("listener", {})
    return {
        "target_groups": groups,
        "load_balancers": {
            "web": {
                "listeners": [
                    {
                        "listen": 0,
                        "public_port": 80,
                        "default_actions": [{"forward": action}],
                        **listener,
                    }
                ],
                **balancer,
            }
        },
    }


def group(*targets: Site, **more: Any) -> dict:
    check = {"path": "/health", **QUICK, **more.pop("health_check", {})}
    return {"targets": [each.address for each in targets], "health_check": check, **more}


async def until(condition, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def states(front: Serving, name: str = "web") -> list[str]:
    return [each["state"] for each in front.gateway.target_groups.describe(name)]


async def names(front: Serving, count: int, path: str = "/") -> Counter[str]:
    async with httpx.AsyncClient(trust_env=False) as client:
        answers = [await client.get(front.urls["web"] + path) for _ in range(count)]
    return Counter(
        each.text if each.status_code == 200 else str(each.status_code) for each in answers
    )


# Health checks


async def test_the_request_of_a_health_check(serving) -> None:
    async with sites("a") as (a,), serving(config({"web": group(a)})) as front:
        await until(lambda: states(front) == ["healthy"])
        assert (
            a.checks[0]
            == (
                f"GET /health HTTP/1.1\r\nHost: {a.address}\r\nUser-Agent: ELB-HealthChecker/2.0\r\n"
                "Connection: close\r\n\r\n"
            ).encode()
        )


async def test_an_unhealthy_target_gets_nothing_until_it_is_healthy_again(serving) -> None:
    async with sites("a", "b") as (a, b), serving(config({"web": group(a, b)})) as front:
        await until(lambda: states(front) == ["healthy", "healthy"])
        assert await names(front, 4) == {"a": 2, "b": 2}
        b.status = 500
        await until(lambda: states(front) == ["healthy", "unhealthy"])
        described = front.gateway.target_groups.describe("web")[1]
        assert described["reason"] == "Target.ResponseCodeMismatch"
        assert described["description"] == "Health checks failed with these codes: [500]"
        assert await names(front, 4) == {"a": 4}
        b.status = 200
        await until(lambda: states(front) == ["healthy", "healthy"])
        assert await names(front, 4) == {"a": 2, "b": 2}


async def test_when_all_are_unhealthy_all_get_traffic(serving) -> None:
    async with sites("a", "b") as (a, b), serving(config({"web": group(a, b)})) as front:
        a.status = b.status = 404
        await until(lambda: states(front) == ["unhealthy", "unhealthy"])
        assert await names(front, 4) == {"a": 2, "b": 2}


async def test_a_target_that_cannot_be_reached_is_checked_at_once(serving) -> None:
    """Requests fail for far less than an interval, which is long here."""
    check = {"interval": 300, "timeout": 1}
    async with sites("a", "b") as (a, b):
        async with serving(config({"web": group(a, b, health_check=check)})) as front:
            await until(lambda: states(front) == ["healthy", "healthy"])
            await b.stop()

            async def asked() -> None:
                while states(front) != ["healthy", "unhealthy"]:
                    await names(front, 2)

            async with asyncio.timeout(30):
                await asked()
            assert await names(front, 6) == {"a": 6}


async def test_a_target_that_is_slow_to_answer_a_check_times_out(serving, raw_origin) -> None:
    async def script(reader, writer):
        await read_head(reader)
        await asyncio.sleep(5)

    async with raw_origin(script) as origin:
        given = {"targets": [f"127.0.0.1:{origin.port}"], "health_check": QUICK}
        async with serving(config({"web": given})) as front:
            await until(lambda: states(front) == ["unhealthy"])
            assert front.gateway.target_groups.describe("web")[0]["reason"] == "Target.Timeout"


async def test_a_lambda_target_is_checked_by_its_own_event(serving) -> None:
    given = config(
        {
            "web": {
                "target_type": "lambda",
                "function": "f",
                "health_check": {"enabled": True, **QUICK},
            }
        }
    )
    given["functions"] = {
        "f": {"runtime": PYTHON, "code": ".", "handler": "hooks.target", "timeout": 10}
    }
    async with serving(given) as front:
        await until(lambda: front.gateway.target_groups.functions["web"].state == "healthy")


async def test_groups_that_nobody_uses_are_not_checked(serving) -> None:
    async with sites("a", "b") as (a, b):
        async with serving(config({"web": group(a), "spare": group(b)})) as front:
            await until(lambda: len(a.checks) > 2)
            assert b.checks == []
            assert states(front, "spare") == ["initial"]


# Targets that come and go


async def test_targets_are_registered_and_drain(serving) -> None:
    async with sites("a", "b") as (a, b), serving(config({"web": group(a)})) as front:
        groups = front.gateway.target_groups
        await until(lambda: states(front) == ["healthy"])
        groups.register("web", [Target("127.0.0.1", b.port)])
        await until(lambda: states(front) == ["healthy", "healthy"])
        assert await names(front, 4) == {"a": 2, "b": 2}
        a.delay = 0.5
        slow = asyncio.ensure_future(names(front, 2, "/slow"))
        await until(lambda: any(each["outstanding"] for each in groups.describe("web")))
        groups.deregister("web", [Target("127.0.0.1", a.port)])
        assert states(front) == ["draining", "healthy"]
        assert await names(front, 4) == {"b": 4}
        assert (await slow)["502"] == 0
        groups.register("web", [Target("127.0.0.1", a.port)])
        await until(lambda: states(front) == ["healthy", "healthy"])


async def test_requests_under_way_are_cut_when_the_deregistration_delay_is_over(serving) -> None:
    attributes = {"deregistration_delay.timeout_seconds": 1}
    async with sites("a") as (a,):
        a.delay = 30
        async with serving(config({"web": group(a, attributes=attributes)})) as front:
            slow = asyncio.ensure_future(names(front, 1, "/slow"))
            streaming = asyncio.ensure_future(
                front.raw("web", b"GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
            )
            await until(lambda: a.served == 2)
            front.gateway.target_groups.deregister("web", [Target("127.0.0.1", a.port)])
            async with asyncio.timeout(20):
                assert await slow == {"502": 1}
                assert (await streaming).endswith(b"\r\n\r\n1\r\nx\r\n")
            assert states(front) == []
            assert await names(front, 1) == {"503": 1}


async def test_stickiness_survives_the_removal_of_another_target(serving) -> None:
    sticky = {"type": "lb_cookie", "duration": 60}
    async with sites("a", "b") as (a, b):
        async with serving(config({"web": group(a, b, stickiness=sticky)})) as front:
            await until(lambda: states(front) == ["healthy", "healthy"])
            async with httpx.AsyncClient(trust_env=False) as client:
                url = front.urls["web"]
                mine = (await client.get(url)).text
                assert {(await client.get(url)).text for _ in range(5)} == {mine}
                other = b if mine == "a" else a
                front.gateway.target_groups.deregister("web", [Target("127.0.0.1", other.port)])
                assert (await client.get(url)).text == mine
                own = a if mine == "a" else b
                front.gateway.target_groups.register("web", [Target("127.0.0.1", other.port)])
                front.gateway.target_groups.deregister("web", [Target("127.0.0.1", own.port)])
                await until(lambda: "healthy" in states(front))
                moved = (await client.get(url)).text
                assert moved == other.name
                front.gateway.target_groups.register("web", [Target("127.0.0.1", own.port)])
                await until(lambda: states(front).count("healthy") == 2)
                assert {(await client.get(url)).text for _ in range(5)} == {moved}


async def test_least_outstanding_requests_spares_a_slow_target(serving) -> None:
    attributes = {"load_balancing.algorithm.type": "least_outstanding_requests"}
    async with sites("slow", "quick") as (slow, quick):
        slow.delay = 60.0
        async with serving(config({"web": group(slow, quick, attributes=attributes)})) as front:
            await until(lambda: states(front) == ["healthy", "healthy"])
            async with httpx.AsyncClient(trust_env=False) as client:
                stuck = [
                    asyncio.ensure_future(client.get(front.urls["web"] + "/slow")) for _ in range(2)
                ]
                await until(lambda: slow.served == 1)
                found = [await client.get(front.urls["web"]) for _ in range(10)]
                assert {each.text for each in found} == {"quick"}
                slow.hurry.set()
                await asyncio.gather(*stuck)


# Time-outs


async def test_a_client_that_stops_in_the_middle_gets_408(serving) -> None:
    attributes = {"idle_timeout.timeout_seconds": 1}
    async with (
        sites("a") as (a,),
        serving(config({"web": group(a)}, attributes=attributes)) as front,
    ):
        for begun in (
            b"GET / HTTP/1.1\r\nHos",
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab",
            b"GET / HTTP/1.1\nHos",
        ):
            answer = await front.raw("web", begun)
            assert answer.startswith(b"HTTP/1.1 408 Request Time-out\r\nServer: awselb/2.0\r\n")
            assert b"\r\nConnection: close\r\n" in answer
        assert await front.raw("web", b"") == b""  # between requests: closed without a word


async def test_a_target_that_is_silent_for_the_idle_timeout_gives_504(serving) -> None:
    attributes = {"idle_timeout.timeout_seconds": 1}
    async with (
        sites("a") as (a,),
        serving(config({"web": group(a)}, attributes=attributes)) as front,
    ):
        a.delay = 5
        assert await names(front, 1, "/slow") == {"504": 1}


async def test_a_function_may_take_longer_than_the_idle_timeout(serving) -> None:
    given = config(
        {"web": {"target_type": "lambda", "function": "f"}},
        attributes={"idle_timeout.timeout_seconds": 1},
    )
    given["functions"] = {
        "f": {"runtime": PYTHON, "code": ".", "handler": "hooks.sleeping_target", "timeout": 10}
    }
    async with serving(given) as front:
        assert await names(front, 1) == {"slept": 1}


# Logs


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


async def test_logs_are_written(serving, tmp_path: Path) -> None:
    files = {
        f"{kind}_log": str(tmp_path / "logs" / kind)
        for kind in ("access", "connection", "health_check")
    }
    async with sites("a") as (a,), serving(config({"web": group(a)}, **files)) as front:
        await until(lambda: states(front) == ["healthy"])
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.get(front.urls["web"] + "/x?y=1", headers={"User-Agent": "me"})
            await client.post(front.urls["web"], content=b"12345")
        await until(lambda: len(lines(tmp_path / "logs" / "access")) == 2)
    first, second, *_ = lines(tmp_path / "logs" / "access")
    fields = shlex.split(first)
    assert len(fields) == 34
    assert fields[4] == a.address
    assert fields[8:10] == ["200", "200"]
    assert re.fullmatch(r"GET http://127\.0\.0\.1:80/x\?y=1 HTTP/1\.1", fields[12])
    assert fields[13] == "me"
    assert int(shlex.split(second)[10]) > 5
    assert fields[29] == shlex.split(second)[29]  # one connection
    connections = lines(tmp_path / "logs" / "connection")
    assert fields[29] in connections[0]
    assert all(len(shlex.split(each)) == 15 for each in connections)
    checks = lines(tmp_path / "logs" / "health_check")
    assert " PASS 200 - app/web/" in checks[0]
    assert all(len(shlex.split(each)) == 10 for each in checks)


async def test_ten_thousand_requests_fall_as_the_weights_say(serving) -> None:
    """Over sockets, from 16 clients; the dice are loaded, so that it cannot fail by chance."""
    weights = {"a": 5, "b": 3, "c": 2}
    action = [{"target_group": name, "weight": weight} for name, weight in weights.items()]
    found: Counter[str] = Counter()

    async def client(address: tuple[str, int]) -> None:
        reader, writer = await asyncio.open_connection(*address)
        for _ in range(625):
            writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            await read_head(reader)
            found[(await reader.readexactly(1)).decode()] += 1
        writer.close()

    async with sites(*weights) as served:
        groups = {
            each.name: {"targets": [each.address], "health_check": {"enabled": False}}
            for each in served
        }
        async with serving(config(groups, action), seed=7) as front:
            await asyncio.gather(*(client(front.address("web")) for _ in range(16)))
        assert {each.name: each.served for each in served} == found
    assert found.total() == 10_000
    for name, weight in weights.items():
        deviation = (10_000 * weight / 10 * (1 - weight / 10)) ** 0.5
        assert abs(found[name] - 1000 * weight) <= 3 * deviation, found


@pytest.mark.parametrize("asks", [True, False])
async def test_http10_keeps_the_connection_if_asked_to(serving, asks: bool) -> None:
    wish = b"Connection: keep-alive\r\n" if asks else b""
    async with (
        sites("a") as (a,),
        serving(config({"web": group(a)})) as front,
    ):
        await until(lambda: states(front) == ["healthy"])
        reader, writer = await asyncio.open_connection(*front.address("web"))
        for _ in range(2):
            writer.write(b"GET / HTTP/1.0\r\n" + wish + b"\r\n")
            head = await read_head(reader)
            assert (b"\r\nConnection: keep-alive\r\n" in head) is asks
            assert await reader.readexactly(1) == b"a"
            if not asks:
                assert await reader.read(-1) == b""
                break
        writer.close()


async def test_a_request_that_cannot_be_read_is_logged(serving, tmp_path: Path) -> None:
    file = tmp_path / "access"
    async with (
        sites("a") as (a,),
        serving(config({"web": group(a)}, access_log=str(file))) as front,
    ):
        answer = await front.raw("web", b"GET / HTTP/1.1\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        await until(lambda: len(lines(file)) == 1)
    fields = shlex.split(lines(file)[0])
    assert len(fields) == 34
    assert fields[3].startswith("127.0.0.1:")
    assert fields[4:10] == ["-", "-1", "-1", "-1", "400", "-"]
    assert re.fullmatch(r"- http://web-\d+\.us-east-1\.elb\.amazonaws\.com:80- -", fields[12])
    assert fields[17] == "-"
    assert fields[29].startswith("TID_")


async def test_a_client_that_leaves_is_logged_with_460(serving, tmp_path: Path) -> None:
    file = tmp_path / "access"
    async with (
        sites("a") as (a,),
        serving(config({"web": group(a)}, access_log=str(file))) as front,
    ):
        _, writer = await asyncio.open_connection(*front.address("web"))
        writer.write(b"GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
        await until(lambda: a.served == 1)
        await asyncio.sleep(0.1)
        writer.close()
        await until(lambda: len(lines(file)) == 1)
        assert shlex.split(lines(file)[0])[8] == "460"


def test_log_files_are_put_aside_and_what_cannot_be_written_stops_nothing(
    tmp_path: Path, monkeypatch, caplog
) -> None:
    monkeypatch.setattr(log_files, "LARGEST", 200)
    for at in range(40):
        writer = log_files.LogWriter()
        writer.put(str(tmp_path / "log"), f"{at:04} " + "x" * 40)
        writer.close()
    writer.put(str(tmp_path / "log" / "below-a-file"), "x")
    writer.close()
    kept = sorted(each.name for each in tmp_path.iterdir())
    assert kept == ["log", *(f"log.{at}" for at in range(1, 6))]
    assert (tmp_path / "log").read_text().startswith("0036 ")
    assert (tmp_path / "log.1").read_text().startswith("0032 ")
    assert "cannot be written" in caplog.text
    BalancerLogs().close()


def test_lines_that_the_disk_cannot_take_are_dropped(tmp_path: Path, monkeypatch, caplog) -> None:
    monkeypatch.setattr(log_files, "WAITING", 0)
    writer = log_files.LogWriter()
    for _ in range(3):
        writer.put(str(tmp_path / "log"), "x")
    writer.close()
    assert caplog.text.count("the disk does not keep up") == 1


# Certain answers of a real listener


@pytest.mark.parametrize("path", ["/", "/slow"])
async def test_attributes_of_the_listener_reach_every_answer(serving, path: str) -> None:
    listener = {
        "attributes": {
            "routing.http.response.server.enabled": False,
            "routing.http.response.x_frame_options.header_value": "DENY",
        }
    }
    attributes = {"idle_timeout.timeout_seconds": 1}
    async with sites("a") as (a,):
        a.delay = 5
        given = config({"web": group(a)}, listener=listener, attributes=attributes)
        async with serving(given) as front, httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(front.urls["web"] + path)
            assert answer.headers["x-frame-options"] == "DENY"
            assert "server" not in answer.headers


# Under load


async def test_a_killed_target_costs_few_requests_and_comes_back(serving) -> None:
    """16 clients at once; the interval is far longer than the test, so it is never waited for."""
    check = {"interval": 60, "timeout": 1}
    async with sites("a", "b") as (a, b):
        async with serving(config({"web": group(a, b, health_check=check)})) as front:
            await until(lambda: states(front) == ["healthy", "healthy"])
            answers: list[str] = []
            over = False

            async def client() -> None:
                async with httpx.AsyncClient(trust_env=False) as each:
                    while not over:
                        answer = await each.get(front.urls["web"])
                        answers.append(answer.text if answer.status_code == 200 else "failed")

            clients = [asyncio.ensure_future(client()) for _ in range(16)]
            await until(lambda: {"a", "b"} <= set(answers))
            await b.stop()
            await until(lambda: states(front) == ["healthy", "unhealthy"])
            await until(lambda: answers[-64:] == ["a"] * 64)
            failed = answers.count("failed")
            assert failed > 0
            await until(lambda: answers[-500:] == ["a"] * 500)
            assert answers.count("failed") == failed
            over = True
            await asyncio.gather(*clients)


async def test_a_target_takes_traffic_again_after_a_restart(serving) -> None:
    async with sites("a", "b") as (a, b), serving(config({"web": group(a, b)})) as front:
        await until(lambda: states(front) == ["healthy", "healthy"])
        await b.stop()
        await until(lambda: states(front) == ["healthy", "unhealthy"])
        b.tasks = set()
        await b.start()
        await until(lambda: states(front) == ["healthy", "healthy"])
        assert await names(front, 4) == {"a": 2, "b": 2}


async def test_a_new_target_starts_slowly(serving) -> None:
    attributes = {"slow_start.duration_seconds": 900}
    async with sites("a", "b") as (a, b):
        async with serving(config({"web": group(a, attributes=attributes)})) as front:
            await until(lambda: states(front) == ["healthy"])
            assert await names(front, 10) == {"a": 10}  # the first targets do not start slowly
            front.gateway.target_groups.register("web", [Target("127.0.0.1", b.port)])
            await until(lambda: states(front) == ["healthy", "healthy"])
            found = await names(front, 60)
            assert found["a"] > 50


# Connections


async def test_an_old_connection_gets_one_more_answer(serving) -> None:
    async with sites("a") as (a,), serving(config({"web": group(a)})) as front:
        door = front.gateway.config.listeners[0]
        listener = door.listener
        balancer = listener.load_balancer
        time = LoopTime()
        young = replace(balancer.attributes, client_keep_alive=30.0)
        listener = replace(listener, load_balancer=replace(balancer, attributes=young))
        changed = replace(front.gateway.config, listeners=(replace(door, listener=listener),))
        front.gateway.route(changed)
        reader, writer = await asyncio.open_connection(*front.address("web"))
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert b"\r\nConnection: keep-alive\r\n" in await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(1)
        await time.forward(31)
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert b"\r\nConnection: close\r\n" in await reader.read(-1)
        writer.close()


async def test_targets_registered_by_hand_outlive_an_edit_elsewhere(serving) -> None:
    async with sites("a", "b") as (a, b):
        given = config({"web": group(a)})
        async with serving(given) as front:
            front.gateway.target_groups.register("web", [Target("127.0.0.1", b.port)])
            given["target_groups"]["web"]["health_check"]["interval"] = 1.2
            given["gateway"] = {"state": front.gateway.config.state}
            await front.gateway.reload(load_dict(given))
            await until(lambda: states(front) == ["healthy", "healthy"])
            given["target_groups"]["web"]["targets"] = [b.address]
            await front.gateway.reload(load_dict(given))
            assert sorted(states(front)) == ["draining", "healthy"]
            assert await names(front, 4) == {"b": 4}
