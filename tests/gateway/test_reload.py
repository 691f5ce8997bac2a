"""Saving a file while the gateway serves: what changed is replaced, nothing else, nothing fails."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from edgegw.config.resolve import load_file
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.origins.http1_client import Http1Client
from edgegw.gateway.server import Ready, serve
from tests.conftest import PYTHON

PYTHON_HOOK = """\
import os
def handler(event, context):
    return {"status": "200", "body": "one %d" % os.getpid()}
"""
NODE_HOOK = """\
exports.handler = async () => ({ status: "200", body: `one ${process.pid}` });
"""


def hook_config(code: str = "hook", **more: Any) -> dict[str, Any]:
    function = {"runtime": PYTHON, "code": code, "handler": "hook.handler", **more}
    behavior = {"origin": "nowhere", "lambda_functions": {"viewer-request": "hook"}}
    return {
        "functions": {"hook": function},
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"nowhere": {"url": "http://127.0.0.1:9"}},
                "default_behavior": behavior,
            }
        },
        "load_balancers": {"web": {"listeners": [listener("one")]}},
        "gateway": {"lambda_api": None},
    }


def listener(body: str) -> dict[str, Any]:
    answer = {"status_code": 200, "message_body": body}
    return {"listen": 0, "default_actions": [{"fixed_response": answer}]}


def save(file: Path, text: str) -> None:
    """As most editors save: a new file takes the name of the old one."""
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.write_text(text)
    temporary.replace(file)


class Served:
    """A gateway on real sockets that follows the files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.urls: dict[str, str] = {}
        self.gateway: Gateway
        self.client = httpx.AsyncClient(trust_env=False)

    def configure(self, config: dict[str, Any]) -> None:
        save(self.folder / "edgegw.yaml", yaml.safe_dump(config))

    async def answer(self, door: str = "site") -> httpx.Response:
        return await self.client.get(self.urls[door])

    async def until(self, text: str, door: str = "site") -> httpx.Response:
        """The first answer whose body begins with `text`."""
        async with asyncio.timeout(30):
            while not (found := await self.answer(door)).text.startswith(text):
                await asyncio.sleep(0.005)
        return found

    async def until_stale(self, part: str, door: str = "site") -> httpx.Response:
        async with asyncio.timeout(30):
            while part not in (found := await self.answer(door)).headers.get("x-edgegw-stale", ""):
                await asyncio.sleep(0.005)
        return found


@contextlib.asynccontextmanager
async def serving(folder: Path, config: dict[str, Any]) -> AsyncGenerator[Served]:
    served = Served(folder)
    served.configure(config)
    file = folder / "edgegw.yaml"
    gateway = served.gateway = Gateway(
        load_file(file), transport=lambda hosts: Http1Client(unverified=hosts)
    )
    ready, stopping = asyncio.Event(), asyncio.Event()

    def on_ready(door: Ready) -> None:
        served.urls[door.name] = door.url
        if len(served.urls) >= len(gateway.config.doors):
            ready.set()

    task = asyncio.ensure_future(
        serve(
            gateway,
            on_ready=on_ready,
            grace=1,
            stopping=stopping,
            reload=True,
            load=lambda: load_file(file),
        )
    )
    try:
        await asyncio.wait(
            [task, asyncio.ensure_future(ready.wait())], return_when=asyncio.FIRST_COMPLETED
        )
        await asyncio.sleep(0.1)  # watching begins behind the ready line
        yield served
    finally:
        stopping.set()
        await served.client.aclose()
        await task


@pytest.fixture
def hook(tmp_path: Path) -> Path:
    file = tmp_path / "hook" / "hook.py"
    file.parent.mkdir()
    file.write_text(PYTHON_HOOK)
    return file


# What counts


async def test_a_saved_python_hook_answers_next(tmp_path: Path, hook: Path) -> None:
    async with serving(tmp_path, hook_config()) as served:
        await served.until("one")
        save(hook, PYTHON_HOOK.replace("one", "two"))
        found = await served.until("two")
        assert "x-edgegw-stale" not in found.headers


async def test_a_saved_node_hook_answers_next(tmp_path: Path, node: str) -> None:
    file = tmp_path / "hook" / "hook.js"
    file.parent.mkdir()
    file.write_text(NODE_HOOK)
    async with serving(tmp_path, hook_config(runtime="nodejs22.x")) as served:
        await served.until("one")
        save(file, NODE_HOOK.replace("one", "two"))
        await served.until("two")


async def test_a_file_written_in_place_counts(tmp_path: Path, hook: Path) -> None:
    async with serving(tmp_path, hook_config()) as served:
        await served.until("one")
        hook.write_text(PYTHON_HOOK.replace("one", "two"))
        await served.until("two")


async def test_a_module_and_a_data_file_of_the_folder_count(tmp_path: Path, hook: Path) -> None:
    source = (
        "import json, pathlib\nfrom lib import words\n"
        "DATA = json.loads(pathlib.Path(__file__).with_name('data.json').read_text())\n"
        "def handler(event, context):\n"
        "    return {'status': '200', 'body': words.WORD + ' ' + DATA}\n"
    )
    hook.write_text(source)
    (hook.parent / "lib").mkdir()
    word, data = hook.parent / "lib" / "words.py", hook.parent / "data.json"
    word.write_text("WORD = 'a'\n")
    data.write_text('"1"')
    async with serving(tmp_path, hook_config()) as served:
        await served.until("a 1")
        save(word, "WORD = 'b'\n")
        await served.until("b 1")
        save(data, '"2"')
        await served.until("b 2")


async def test_a_new_folder_counts(tmp_path: Path, hook: Path) -> None:
    hook.write_text(
        "try:\n    from late.word import WORD\nexcept ImportError:\n    WORD = 'none'\n"
        "def handler(event, context):\n    return {'status': '200', 'body': WORD}\n"
    )
    async with serving(tmp_path, hook_config()) as served:
        await served.until("none")
        (hook.parent / "late").mkdir()
        (hook.parent / "late" / "word.py").write_text("WORD = 'first'\n")
        await served.until("first")
        save(hook.parent / "late" / "word.py", "WORD = 'second'\n")
        await served.until("second")


@pytest.mark.parametrize(
    "name",
    [
        "node_modules/left/index.js",
        ".venv/lib/site.py",
        "__pycache__/hook.cpython-311.pyc",
        ".git/index",
        ".hook.py.swp",
        "hook.py~",
        "4913",
        "#hook.py#",
        ".#hook.py",
        "hook.py.tmp.1234",
        "debug.log",
        "hook.py___jb_tmp___",
    ],
)
async def test_what_is_no_code_does_not_count(tmp_path: Path, hook: Path, name: str) -> None:
    file = hook.parent / name
    file.parent.mkdir(parents=True, exist_ok=True)
    async with serving(tmp_path, hook_config()) as served:
        before = (await served.until("one")).text
        file.write_text("anything")
        await asyncio.sleep(0.15)
        assert (await served.answer()).text == before
        save(hook, PYTHON_HOOK.replace("one", "two"))  # a change that counts is still seen
        await served.until("two")


async def test_of_a_single_file_only_what_it_names_counts(tmp_path: Path) -> None:
    hook, data, other = (tmp_path / each for each in ("hook.py", "words.json", "other.py"))
    hook.write_text(
        "import json, pathlib, helper\n"
        "WORDS = json.loads(pathlib.Path(__file__).with_name('words.json').read_text())\n"
        + PYTHON_HOOK.replace('"one %d" %', "helper.WORD + WORDS + ' %d' %")
    )
    data.write_text('"x"')
    other.write_text("")
    (tmp_path / "helper.py").write_text("WORD = 'a'\n")
    async with serving(tmp_path, hook_config("hook.py")) as served:
        before = (await served.until("ax")).text
        save(other, "print('another page')\n")
        await asyncio.sleep(0.15)
        assert (await served.answer()).text == before
        save(tmp_path / "helper.py", "WORD = 'b'\n")
        await served.until("bx")
        save(data, '"y"')
        await served.until("by")


async def test_symbolic_links_are_followed(tmp_path: Path, hook: Path) -> None:
    for number in ("one", "two"):
        (tmp_path / number).mkdir()
        (tmp_path / number / "hook.py").write_text(PYTHON_HOOK.replace("one", number))
    current = tmp_path / "current"
    current.symlink_to("one")
    async with serving(tmp_path, hook_config("current")) as served:
        await served.until("one")
        save(tmp_path / "one" / "hook.py", PYTHON_HOOK.replace("one", "edited"))
        await served.until("edited")
        (tmp_path / "next").symlink_to("two")
        (tmp_path / "next").replace(current)
        await served.until("two")


async def test_a_linked_file_is_followed(tmp_path: Path, hook: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    shared = tmp_path / "elsewhere" / "hook.py"
    shared.write_text(PYTHON_HOOK)
    hook.unlink()
    hook.symlink_to(shared)
    async with serving(tmp_path, hook_config()) as served:
        await served.until("one")
        save(shared, PYTHON_HOOK.replace("one", "two"))
        await served.until("two")


async def test_a_zip_package_counts(tmp_path: Path, hook: Path) -> None:
    import zipfile

    def pack(word: str) -> None:
        with zipfile.ZipFile(tmp_path / "new.zip", "w") as package:
            package.writestr("hook.py", PYTHON_HOOK.replace("one", word))
        (tmp_path / "new.zip").replace(tmp_path / "code.zip")

    pack("one")
    async with serving(tmp_path, hook_config("code.zip")) as served:
        await served.until("one")
        pack("two")
        await served.until("two")


async def test_a_layer_counts(tmp_path: Path, hook: Path) -> None:
    for layer in ("a", "b"):
        (tmp_path / layer / "python").mkdir(parents=True)
        (tmp_path / layer / "python" / f"word_{layer}.py").write_text(f"WORD = '{layer}'\n")
    hook.write_text(
        "import word_a, word_b\n"
        "def handler(e, c):\n    return {'status': '200', 'body': word_a.WORD + word_b.WORD}\n"
    )
    config = hook_config(layers=["a", "b"])
    del config["distributions"]["site"]["default_behavior"]["lambda_functions"]
    config["target_groups"] = {"f": {"target_type": "lambda", "function": "hook"}}
    config["load_balancers"]["web"]["listeners"][0]["default_actions"] = [{"forward": "f"}]
    hook.write_text(hook.read_text().replace("'status': '200'", "'statusCode': 200"))
    async with serving(tmp_path, config) as served:
        await served.until("ab", "web")
        save(tmp_path / "b" / "python" / "word_b.py", "WORD = 'c'\n")
        await served.until("ac", "web")


async def test_a_storm_of_changes_settles_into_one_reload(
    tmp_path: Path, hook: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def git(*words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b.test"]
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    modules = [hook.parent / f"m{number}.py" for number in range(120)]
    hook.write_text(
        "import importlib\n"
        "WORDS = {importlib.import_module(f'm{n}').WORD for n in range(120)}\n"
        "def handler(e, c):\n    return {'status': '200', 'body': '-'.join(sorted(WORDS))}\n"
    )
    git("init", "-q", "-b", "main")
    for word, branch in (("one", "main"), ("two", "other")):
        if branch != "main":
            git("checkout", "-qb", branch)
        for each in modules:
            each.write_text(f"WORD = '{word}'\n" + "#" * 2000)
        git("add", "hook")
        git("commit", "-qm", word)
    git("checkout", "-q", "main")
    async with serving(tmp_path, hook_config()) as served:
        await served.until("one")
        caplog.set_level(logging.INFO, "edgegw")
        await asyncio.to_thread(git, "checkout", "-q", "other")
        await served.until("two")
        await asyncio.sleep(0.3)
        reloads = [each for each in caplog.messages if each.startswith("reload")]
        assert len(reloads) == 1, caplog.messages
        assert (await served.answer()).text == "two"


# Broken edits


async def test_a_broken_hook_keeps_the_old_version(
    tmp_path: Path, hook: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path, hook_config()) as served:
        before = (await served.until("one")).text
        save(hook, "def handler(event, context:\n")
        found = await served.until_stale("hook: Runtime.UserCodeSyntaxError")
        assert found.text == before
        assert any("its last version stays" in each for each in caplog.messages)
        exchange = served.gateway.exchange(found)
        assert exchange.stale[0].startswith("hook: Runtime.UserCodeSyntaxError")
        assert exchange.to_dict()["stale"] == list(exchange.stale)
        assert "stale: hook: " in str(exchange)
        # What does not run the function is not marked.
        assert "x-edgegw-stale" not in (await served.answer("web")).headers
        # Many at once still get the old version: it is not grown from the broken code.
        answers = await asyncio.gather(*(served.answer() for _ in range(20)))
        assert {each.text.partition(" ")[0] for each in answers} == {"one"}
        save(hook, PYTHON_HOOK.replace("one", "two"))
        found = await served.until("two")
        assert "x-edgegw-stale" not in found.headers


async def test_a_hook_that_fails_at_import_keeps_the_old_version(tmp_path: Path, node: str) -> None:
    file = tmp_path / "hook" / "hook.js"
    file.parent.mkdir()
    file.write_text(NODE_HOOK)
    async with serving(tmp_path, hook_config(runtime="nodejs22.x")) as served:
        before = (await served.until("one")).text
        save(file, "require('./not-there');\n" + NODE_HOOK)
        assert (await served.until_stale("Cannot find module")).text == before
        file.unlink()
        assert (await served.until_stale("hook: ")).text == before
        file.write_text(NODE_HOOK.replace("one", "two"))
        await served.until("two")


async def test_a_broken_configuration_keeps_the_old_one(tmp_path: Path, hook: Path) -> None:
    config = hook_config()
    async with serving(tmp_path, config) as served:
        before = (await served.until("one")).text
        config["distributions"]["site"]["default_behavior"]["origin"] = "nowher"
        config["load_balancers"]["web"]["listeners"] = [listener("two")]
        served.configure(config)
        found = await served.until_stale("did you mean 'nowhere'?", "web")
        assert found.text == "one"
        assert "edgegw.yaml:" in found.headers["x-edgegw-stale"]
        assert (await served.until_stale("nowher")).text == before
        config["distributions"]["site"]["default_behavior"]["origin"] = "nowhere"
        served.configure(config)
        assert "x-edgegw-stale" not in (await served.until("two", "web")).headers
        assert (await served.answer()).text == before  # the same environment


async def test_a_port_that_is_taken_keeps_the_old_configuration(tmp_path: Path, hook: Path) -> None:
    config = hook_config()
    async with serving(tmp_path, config) as served:
        taken = int(served.urls["site"].rpartition(":")[2])
        config["load_balancers"]["web"]["listeners"].append({**listener("new"), "listen": taken})
        config["load_balancers"]["web"]["listeners"][0] = listener("two")
        served.configure(config)
        found = await served.until_stale(f"127.0.0.1:{taken} is in use", "web")
        assert found.text == "one"


# The configuration


async def test_only_what_the_configuration_changes_is_replaced(tmp_path: Path, hook: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "hook.py").write_text(PYTHON_HOOK)
    config = hook_config()
    config["functions"]["other"] = {**config["functions"]["hook"], "code": "other"}
    config["distributions"]["second"] = json.loads(json.dumps(config["distributions"]["site"]))
    triggers = config["distributions"]["second"]["default_behavior"]["lambda_functions"]
    triggers["viewer-request"] = "other"
    async with serving(tmp_path, config) as served:
        first, second = (await served.until("one")).text, (await served.until("one", "second")).text
        config["functions"]["hook"]["memory_size"] = 256
        config["load_balancers"]["web"]["listeners"] = [listener("two")]
        served.configure(config)
        await served.until("two", "web")
        assert (await served.answer()).text != first
        assert (await served.answer("second")).text == second


async def test_front_doors_come_and_go(tmp_path: Path, hook: Path) -> None:
    config = hook_config()
    async with serving(tmp_path, config) as served:
        before = (await served.until("one")).text
        config["load_balancers"]["more"] = {"listeners": [listener("more")]}
        gone = config["load_balancers"].pop("web")
        served.configure(config)
        async with asyncio.timeout(30):
            while "more" not in served.urls:
                await asyncio.sleep(0.005)
        await served.until("more", "more")
        with pytest.raises(httpx.TransportError):
            async with httpx.AsyncClient(trust_env=False) as client:
                await client.get(served.urls["web"])
        assert (await served.answer()).text == before
        config["load_balancers"]["web"] = gone
        del served.urls["web"]
        served.configure(config)
        async with asyncio.timeout(30):
            while "web" not in served.urls:
                await asyncio.sleep(0.005)
        await served.until("one", "web")


async def test_a_front_door_keeps_its_port_when_its_kind_changes(
    tmp_path: Path, hook: Path
) -> None:
    config = hook_config()
    async with serving(tmp_path, config) as served:
        port = int(served.urls["web"].rpartition(":")[2])
        config["load_balancers"]["web"]["listeners"][0]["listen"] = port
        config["load_balancers"]["web"]["listeners"][0]["protocol"] = "HTTPS"
        served.urls.pop("web")
        served.configure(config)
        async with asyncio.timeout(30):
            while "web" not in served.urls:
                await asyncio.sleep(0.005)
        assert served.urls["web"] == f"https://127.0.0.1:{port}"
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            assert (await client.get(served.urls["web"])).text == "one"


async def test_an_open_connection_stays_open(tmp_path: Path, hook: Path) -> None:
    config = hook_config()
    async with serving(tmp_path, config) as served:
        port = int(served.urls["web"].rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def ask() -> bytes:
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"200 OK" in head
            return await reader.readexactly(3)

        assert await ask() == b"one"
        config["load_balancers"]["web"]["listeners"] = [listener("two")]
        served.configure(config)
        await served.until("two", "web")
        assert await ask() == b"two"
        writer.close()


async def test_a_changed_region_reaches_functions(tmp_path: Path, hook: Path) -> None:
    hook.write_text(
        "import os\ndef handler(e, c):\n"
        "    return {'statusCode': 200, 'body': os.environ['AWS_REGION']}\n"
    )
    config = hook_config()
    del config["distributions"]
    config["target_groups"] = {"f": {"target_type": "lambda", "function": "hook"}}
    config["load_balancers"]["web"]["listeners"][0]["default_actions"] = [{"forward": "f"}]
    async with serving(tmp_path, config) as served:
        await served.until("us-east-1", "web")
        config["gateway"]["region"] = "eu-west-1"
        served.configure(config)
        await served.until("eu-west-1", "web")


# Under load


async def test_no_request_fails_or_mixes_versions(tmp_path: Path, hook: Path) -> None:
    """Both triggers of one function: a request gets one version of it, and one configuration."""
    source = (
        "def handler(event, context):\n"
        "    cf = event['Records'][0]['cf']\n"
        "    if cf['config']['eventType'] == 'viewer-request':\n"
        "        cf['request']['headers']['x-first'] = [{'key': 'X-First', 'value': 'v0'}]\n"
        "        return cf['request']\n"
        "    cf['response']['headers']['x-second'] = [{'key': 'X-Second', 'value': 'v0'}]\n"
        "    return cf['response']\n"
    )
    echo = (
        "import time\n"
        "def handler(event, context):\n    time.sleep(0.005)\n"
        "    return {'statusCode': 200, 'body': event['headers']['x-first'] + ' '\n"
        "            + event['headers']['x-config']}\n"
    )
    hook.write_text(source)
    (tmp_path / "echo").mkdir()
    (tmp_path / "echo" / "hook.py").write_text(echo)
    config = hook_config()
    config["functions"]["echo"] = {**config["functions"]["hook"], "code": "echo"}
    config["target_groups"] = {"echo": {"target_type": "lambda", "function": "echo"}}
    config["load_balancers"]["web"]["listeners"][0]["default_actions"] = [{"forward": "echo"}]
    site = config["distributions"]["site"]
    site["origins"] = {"web": {"load_balancer": "web", "custom_headers": {"X-Config": "c0"}}}
    behavior = site["default_behavior"] = {
        "origin": "web",
        "cache_policy": "CachingDisabled",
        "origin_request_policy": "AllViewer",
        "lambda_functions": {"viewer-request": "hook", "viewer-response": "hook"},
    }
    assert behavior
    seen: set[str] = set()
    async with serving(tmp_path, config) as served:
        stop = False

        async def load() -> None:
            async with httpx.AsyncClient(trust_env=False) as client:
                while not stop:
                    found = await client.get(served.urls["site"])
                    assert found.status_code == 200, found.text
                    first, of_config = found.text.split()
                    assert first == found.headers["x-second"]
                    seen.update((first, of_config))

        loads = [asyncio.ensure_future(load()) for _ in range(16)]
        for version in range(1, 21):
            await asyncio.sleep(0.1)
            save(hook, source.replace("v0", f"v{version}"))
            awaited = {f"v{version}"} if version % 2 == 0 else set[str]()
            if version % 4 == 0:
                site["origins"]["web"]["custom_headers"]["X-Config"] = f"c{version // 4}"
                served.configure(config)
                awaited.add(f"c{version // 4}")
            async with asyncio.timeout(30):  # every other one is replaced under way
                while not awaited <= seen:
                    await asyncio.sleep(0.01)
        stop = True
        await asyncio.gather(*loads)
    assert {f"c{number}" for number in range(6)} <= seen
    assert len(seen) > 15


async def test_a_slow_request_ends_with_the_code_it_began_with(
    tmp_path: Path, hook: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    waiting = f"""\
    import pathlib, time
    notes = pathlib.Path({str(notes)!r})
    if event["Records"][0]["cf"]["request"]["uri"] == "/slow":
        (notes / "begun").touch()
        while not (notes / "may end").exists():
            time.sleep(0.02)
    return"""
    hook.write_text(PYTHON_HOOK.replace("    return", waiting))
    config = hook_config(timeout=30)
    behavior = config["distributions"]["site"]["default_behavior"]
    behavior["lambda_functions"] = {"origin-request": "hook"}
    behavior["cache_policy"] = "CachingDisabled"
    async with serving(tmp_path, config) as served:
        await served.until("one")
        slow = asyncio.ensure_future(served.client.get(f"{served.urls['site']}/slow"))
        while not (notes / "begun").exists():
            await asyncio.sleep(0.01)
        caplog.set_level(logging.INFO, "edgegw")
        save(hook, PYTHON_HOOK.replace("one", "two"))
        while not any(text.startswith("reload") for text in caplog.messages):
            await asyncio.sleep(0.01)  # what asks before waits for the one that is busy
        assert (await served.answer()).text.startswith("two")
        assert not slow.done()
        (notes / "may end").touch()
        assert (await slow).text.startswith("one")


async def test_old_environments_end(tmp_path: Path, hook: Path) -> None:
    async with serving(tmp_path, hook_config()) as served:
        pids = [int((await served.until("one")).text.split()[1])]
        for word in ("two", "three", "four"):
            save(hook, PYTHON_HOOK.replace("one", word))
            pids.append(int((await served.until(word)).text.split()[1]))
        async with asyncio.timeout(30):
            while any(Path(f"/proc/{pid}").exists() for pid in pids[:-1] if os.name == "posix"):
                await asyncio.sleep(0.02)
        assert len(set(pids)) == 4
