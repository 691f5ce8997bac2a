"""Handlers in TypeScript: by the project's esbuild, else by Node.js itself, else a sentence.

esbuild and a Node.js that takes types away are installed into `.third_party/` by npm.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from edgegw.awslambda.model import Function, Runtime
from edgegw.gateway.code_files import named_files
from tests.conftest import IN_CI, need, one_at_a_time
from tests.execution.lambda_service import running

pytestmark = pytest.mark.timeout(600)
"""Whoever comes first installs packages, and the others wait for that."""

NODE = Runtime("nodejs22.x", "nodejs", (22,))
INSTALLED = Path(__file__).parents[2] / ".third_party" / "typescript"
PACKAGES = ["esbuild", "node@24"]

AUTH = """\
import { greeting } from "./greeting";
import own from "own";

interface Event { name: string; fails?: boolean }

enum Colour { Red = "red" }

export const handler = async (event: Event): Promise<unknown> => {
  if (event.fails) {
    throw new RangeError(greeting(event.name) as string);
  }
  return [greeting(event.name), own, Colour.Red];
};
"""
GREETING = "export function greeting(name: string): string {\n  return `hello ${name}`;\n}\n"
PLAIN = AUTH.replace('"./greeting"', '"./greeting.ts"').replace(
    'enum Colour { Red = "red" }', 'const Colour = { Red: "red" } as const;'
)


@pytest.fixture(scope="module")
def tools(node: str) -> Path:
    """The folder `node_modules` with esbuild and Node.js 24."""
    npm = need("npm", "functions in TypeScript are not tested")
    with one_at_a_time("esbuild and Node.js 24"):
        if not (INSTALLED / "complete").exists():
            INSTALLED.mkdir(parents=True, exist_ok=True)
            install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", "."]
            done = subprocess.run(
                [*install, *PACKAGES], cwd=INSTALLED, capture_output=True, timeout=300, check=False
            )
            if done.returncode:
                reason = f"npm could not install: {done.stderr.decode()[-300:]}"
                (pytest.fail if IN_CI else pytest.skip)(reason)
            (INSTALLED / "complete").touch()
    return INSTALLED / "node_modules"


@pytest.fixture
def newer_node(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Node.js 24 is the one on PATH."""
    monkeypatch.setenv("PATH", str(tools / ".bin"), prepend=":")


def project(folder: Path, package: str, auth: str = AUTH, name: str = "auth.ts") -> Function:
    """A project whose code stands in `src`, with an installed package `own`."""
    own = folder / "node_modules" / "own"
    own.mkdir(parents=True)
    (own / "package.json").write_text('{"main": "index.js"}')
    (own / "index.js").write_text("module.exports = 'own';\n")
    (folder / "package.json").write_text(package)
    (folder / "src").mkdir()
    (folder / "src" / name).write_text(auth)
    (folder / "src" / "greeting.ts").write_text(GREETING)
    return Function("app", NODE, str(folder / "src"), "auth.handler", 10.0, 512)


def with_esbuild(folder: Path, tools: Path) -> None:
    for name in ("esbuild", "@esbuild"):
        (folder / "node_modules" / name).symlink_to(tools / name)


async def results(function: Function) -> None:
    """It answers, and its stack points into the source."""
    source = Path(function.code, "auth.ts")
    async with running(function) as lambda_:
        assert await lambda_.result("app", {"name": "ada"}) == ["hello ada", "own", "red"]
        error = await lambda_.error("app", {"name": "ada", "fails": True})
        assert (error.error_type, error.message) == ("RangeError", "hello ada")
        assert f"{source}:10:11" in error.payload.decode()
        assert not any("Warning" in line for line in lambda_.log("app"))


@pytest.mark.parametrize("package", ["{}", '{"type": "module"}'], ids=["CommonJS", "modules"])
async def test_by_the_esbuild_of_the_project(tmp_path: Path, tools: Path, package: str) -> None:
    function = project(tmp_path, package)
    with_esbuild(tmp_path, tools)
    await results(function)
    assert sorted(each.name for each in (tmp_path / "src").iterdir()) == ["auth.ts", "greeting.ts"]


async def test_a_module_that_waits_while_it_is_loaded(tmp_path: Path, tools: Path) -> None:
    function = project(tmp_path, "{}", AUTH + "await Promise.resolve();\n", "auth.mts")
    with_esbuild(tmp_path, tools)
    async with running(function) as lambda_:
        assert await lambda_.result("app", {"name": "ada"}) == ["hello ada", "own", "red"]


async def test_what_esbuild_does_not_understand(tmp_path: Path, tools: Path) -> None:
    function = project(tmp_path, "{}", "export const handler = async (: string) => 1;\n")
    with_esbuild(tmp_path, tools)
    async with running(function) as lambda_:
        error = await lambda_.error("app")
        assert "auth.ts:1:30: ERROR: " in error.message


@pytest.mark.usefixtures("newer_node")
@pytest.mark.parametrize("package", ["{}", '{"type": "module"}'], ids=["no type", "modules"])
async def test_by_node_itself(tmp_path: Path, package: str) -> None:
    await results(project(tmp_path, package, PLAIN))


@pytest.mark.usefixtures("newer_node")
async def test_imports_as_compilers_take_them(tmp_path: Path) -> None:
    for name in ("./greeting", "./greeting.js"):
        folder = tmp_path / name.strip("./")
        await results(project(folder, "{}", PLAIN.replace("./greeting.ts", name)))


@pytest.mark.usefixtures("newer_node")
async def test_common_js_by_node_itself(tmp_path: Path) -> None:
    auth = "const { greeting } = require('./greeting');\nexports.handler = async (event: any) => greeting(event.name);\n"
    function = project(tmp_path, "{}", auth)
    (tmp_path / "src" / "greeting.ts").write_text("exports.greeting = (name: string) => name;\n")
    async with running(function) as lambda_:
        assert await lambda_.result("app", {"name": "ada"}) == "ada"


async def test_neither_is_one_plain_sentence(tmp_path: Path, node: str) -> None:
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = map(int, version.strip().lstrip("v").split(".")[:2])
    if (major, minor) >= (22, 13):
        await results(project(tmp_path, "{}", PLAIN))
        return
    async with running(project(tmp_path, "{}", PLAIN)) as lambda_:
        error = await lambda_.error("app")
        assert error.error_type == "Runtime.ImportModuleError"
        assert "auth.ts is TypeScript: install esbuild in the project" in error.message


def test_reload_follows_what_a_source_names(tmp_path: Path) -> None:
    project(tmp_path, "{}", PLAIN.replace("./greeting.ts", "./greeting.js"))
    source = tmp_path / "src" / "auth.ts"
    assert named_files(str(source)) == [str(source), str(source.with_name("greeting.ts"))]
