"""Variables that a process reads when it starts: the quick way and a plain start behave alike.

Each row of the tables is a variable with something that shows its effect. The function runs as the
product decides, and in another test with a plain start in any case.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from edgegw.awslambda.model import Function, Runtime
from edgegw.execution import spawning
from edgegw.execution.starts import first_variables, lead_to_libraries, needs_plain_start
from edgegw.execution.zygote import RUNTIMES
from tests.conftest import need
from tests.execution.lambda_service import running

PYTHON = Runtime(f"python3.{sys.version_info[1]}", "python", sys.version_info[:2])
NODE = Runtime("nodejs22.x", "nodejs", (22,))

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the loader of Linux")


def always(*_: object) -> bool:
    return True


class Row(NamedTuple):
    """A variable, an expression, and what that is with and without the variable."""

    name: str
    value: str
    expression: str
    seen: object
    otherwise: object
    is_plain: bool = True


OF_PYTHON = [
    Row("PYTHONOPTIMIZE", "2", "sys.flags.optimize", 2, 0),
    Row("PYTHONWARNINGS", "error::UserWarning", "sys.warnoptions", ["error::UserWarning"], []),
    Row("PYTHONPATH", "/srv/modules", "'/srv/modules' in sys.path", True, False),
    Row("PYTHONHASHSEED", "7", "hash('lambda') == seeded(7)", True, False),
    Row("PYTHONDEVMODE", "1", "sys.flags.dev_mode", True, False),
    Row("PYTHONUTF8", "1", "sys.flags.utf8_mode", 1, 0),
    Row("PYTHONIOENCODING", "latin-1:replace", "[sys.stdout.encoding, sys.stdout.errors]",
        ["iso8859-1", "replace"], ["utf-8", "backslashreplace"]),
    Row("PYTHONFAULTHANDLER", "1", "__import__('faulthandler').is_enabled()", True, False),
    Row("PYTHONTRACEMALLOC", "3", "__import__('tracemalloc').get_traceback_limit()", 3, 1),
    Row("PYTHONASYNCIODEBUG", "1", "debugged()", True, False),
    Row("PYTHONDONTWRITEBYTECODE", "1", "sys.dont_write_bytecode", True, True),
    Row("PYTHONPYCACHEPREFIX", "/srv/cache",
        "[sys.pycache_prefix, sys.dont_write_bytecode]", ["/srv/cache", False], [None, True]),
    Row("PYTHONINTMAXSTRDIGITS", "1000", "sys.get_int_max_str_digits()", 1000, 4300),
    Row("PYTHONNODEBUGRANGES", "1", "positions()", False, True),
    Row("PYTHONVERBOSE", "1", "sys.flags.verbose", 1, 0),
    Row("PYTHONINSPECT", "1", "sys.flags.inspect", 1, 0),
    Row("PYTHONNOUSERSITE", "1", "sys.flags.no_user_site", 1, 0),
    Row("PYTHONTZPATH", "/srv/zones", "list(__import__('zoneinfo').TZPATH)[:1] == ['/srv/zones']",
        True, False),
    Row("PYTHONMALLOC", "malloc", "sys.getallocatedblocks()", 0, ...),
    Row("LC_ALL", "POSIX", "sys.flags.utf8_mode", 1, 0),
    Row("MY_OWN", "1", "os.environ.get('MY_OWN')", "1", None, is_plain=False),
    Row("LANG", "en_US.UTF-8", "os.environ['LANG']", "en_US.UTF-8", "en_US.UTF-8", is_plain=False),
    Row("TZ", "America/New_York", "time.tzname[0]", "EST", "UTC", is_plain=False),
    Row("HOME", "/srv/home", "os.path.expanduser('~')", "/srv/home", ..., is_plain=False),
    Row("SSL_CERT_FILE", "/srv/ca.pem", "paths().openssl_cafile_env and os.environ.get('SSL_CERT_FILE')",
        "/srv/ca.pem", None, is_plain=False),
]  # fmt: skip

OF_LINUX = [
    Row("MALLOC_PERTURB_", "165", "perturbed()", 0x5A, ...),
    Row("GLIBC_TUNABLES", "glibc.malloc.perturb=165", "perturbed()", 0x5A, ...),
    Row("LD_PRELOAD", "{library}", "'libmine' in open('/proc/self/maps').read()", True, False),
    Row("LD_LIBRARY_PATH", "{folder}", "ctypes.CDLL('libmine.so') is not None", True, ...),
]

OBSERVER = """
import asyncio, ctypes, os, subprocess, sys, time

def perturbed():
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    return ctypes.string_at(libc.malloc(300_007), 200)[100]

def seeded(seed):
    code = "print(hash('lambda'))"
    bare = {"PYTHONHASHSEED": str(seed)}
    return int(subprocess.check_output([sys.executable, "-S", "-c", code], env=bare))

def debugged():
    loop = asyncio.new_event_loop()
    try:
        return loop.get_debug()
    finally:
        loop.close()

def positions():
    return any(column is not None for _, _, column, _ in handler.__code__.co_positions())

def paths():
    import ssl
    return ssl.get_default_verify_paths()

def handler(expression, context):
    return eval(expression)
"""

OF_NODE = [
    Row("NODE_OPTIONS", "--max-http-header-size=9000", "require('http').maxHeaderSize", 9000, 16384),
    Row("NODE_DEBUG", "mine", "require('util').debuglog('mine').enabled", True, False),
    Row("NODE_NO_WARNINGS", "1", "process.listenerCount('warning')", 0, 1),
    Row("NODE_EXTRA_CA_CERTS", "{authority}", "fetched()", 200,
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
    Row("NODE_REDIRECT_WARNINGS", "{folder}/warnings", "warned()", True, ...),
    Row("LC_ALL", "de_DE.UTF-8", "Intl.DateTimeFormat().resolvedOptions().locale", "de-DE", "en-US"),
    Row("LD_PRELOAD", "{library}",
        "require('fs').readFileSync('/proc/self/maps', 'utf8').includes('libmine')", True, False),
    Row("OPENSSL_CONF", "/srv/none", "process.env.OPENSSL_CONF", "/srv/none", None),
    Row("NODE_ENV", "production", "process.env.NODE_ENV", "production", None, is_plain=False),
    Row("NODE_PATH", "/srv/modules", "require('module').globalPaths[0]", "/srv/modules", ...,
        is_plain=False),
    Row("NODE_TLS_REJECT_UNAUTHORIZED", "0", "process.env.NODE_TLS_REJECT_UNAUTHORIZED", "0", None,
        is_plain=False),
    Row("TZ", "America/New_York", "new Date(0).getHours()", 19, 0, is_plain=False),
    Row("LANG", "en_US.UTF-8", "process.env.LANG", "en_US.UTF-8", "en_US.UTF-8", is_plain=False),
    Row("MY_OWN", "1", "process.env.MY_OWN", "1", None, is_plain=False),
]  # fmt: skip

NODE_OBSERVER = """
const fs = require("fs");

function fetched() {
  const https = require("https");
  const pair = fs.readFileSync(%r);
  const server = https.createServer({ key: pair, cert: pair }, (_, answer) => answer.end());
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => {
    const asked = https.get({ port: server.address().port, host: "localhost", family: 4, agent: false },
      (answer) => { resolve(answer.statusCode); server.close(); });
    asked.on("error", (fault) => { resolve(fault.code); server.close(); });
  }));
}

function warned() {
  process.emitWarning("of this function");
  const file = process.env.NODE_REDIRECT_WARNINGS;
  return new Promise((resolve) => setTimeout(() => resolve(fs.existsSync(file)), 100));
}

exports.handler = async (expression) => eval(expression);
"""


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """What values of rows name: a library that is nowhere else, its folder, an authority."""
    import trustme

    library = tmp_path / "libraries" / "libmine.so"
    library.parent.mkdir()
    shutil.copy(a_library(), library)
    authority, server = trustme.CA(), tmp_path / "server.pem"
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(server)
    return {
        "library": str(library),
        "folder": str(library.parent),
        "authority": str(tmp_path / "authority.pem"),
    }


def a_library() -> str:
    """The file of a shared library that this process has loaded."""
    assert ctypes.sizeof(ctypes.c_int)  # with it comes libffi
    maps = Path("/proc/self/maps").read_text().split()
    return next(name for name in maps if "/libffi" in name or "/libz." in name)


def function_of(
    runtime: Runtime, code: Path, variables: Mapping[str, str], name: str = "app"
) -> Function:
    code.mkdir(exist_ok=True)
    (code / "app.py").write_text(OBSERVER)
    (code / "app.js").write_text(NODE_OBSERVER % str(code.parent / "server.pem"))
    return Function(
        name, runtime, str(code), "app.handler", 10.0, 512, environment=tuple(variables.items())
    )


async def check(
    row: Row, runtime: Runtime, places: dict[str, str], code: Path, patch: pytest.MonkeyPatch
) -> None:
    own = {row.name: row.value.format(**places)}
    assert needs_plain_start(runtime.language, own) is row.is_plain
    functions = function_of(runtime, code, own), function_of(runtime, code, {}, "without")
    for _ in range(1 if row.is_plain else 2):
        async with running(*functions) as lambda_:
            assert await lambda_.result("app", row.expression) == row.seen
            if row.otherwise is not ...:
                assert await lambda_.result("without", row.expression) == row.otherwise
        patch.setattr(spawning, "needs_plain_start", always)


@pytest.mark.parametrize("row", OF_PYTHON, ids=lambda row: row.name)
async def test_python(
    row: Row, places: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await check(row, PYTHON, places, tmp_path / "code", monkeypatch)


@ON_LINUX
@pytest.mark.parametrize("row", OF_LINUX, ids=lambda row: row.name)
async def test_the_loader_and_the_c_library(
    row: Row, places: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await check(row, PYTHON, places, tmp_path / "code", monkeypatch)


@ON_LINUX
@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("row", OF_NODE, ids=lambda row: row.name)
async def test_node(
    row: Row, places: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await check(row, NODE, places, tmp_path / "code", monkeypatch)


# Names

OWN_MODULES = sorted(path.stem for path in (RUNTIMES / "python").glob("*.py"))
IMPORTER = """
import importlib

def handler(names, context):
    return [name for name in names if importlib.import_module(name).__dict__.get("OF") != "app"]
"""


@pytest.mark.parametrize("is_plain", [False, True], ids=["forked", "plain"])
async def test_the_names_of_the_runtimes_own_modules_are_free_for_the_function(
    is_plain: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = function_of(PYTHON, tmp_path, {})
    (tmp_path / "app.py").write_text(IMPORTER)
    for name in OWN_MODULES:
        (tmp_path / f"{name}.py").write_text('OF = "app"')
    monkeypatch.setattr(spawning, "needs_plain_start", lambda *_: is_plain)
    async with running(function) as lambda_:
        assert await lambda_.result("app", OWN_MODULES) == []


# A function that sets nothing

PYTHON_STATE = """[
    str(sys.flags), sys.path, sys.warnoptions, sys.getfilesystemencoding(), sys.stdin.encoding,
    str(__import__("warnings").filters), str(__import__("locale").getlocale()), time.tzname,
    sys.dont_write_bytecode, sorted(vars(__import__("builtins"))), sys.argv, os.umask(0o22),
    sys.executable, sys.getrecursionlimit(), os.getcwd(), sys.stdout.encoding, sys.stdout.errors,
    sorted(os.environ), os.environ["PYTHONPATH"] == os.environ["LAMBDA_RUNTIME_DIR"],
    sorted(os.listdir("/proc/self/fd"))[:3], sys.getswitchinterval(), "__file__" in globals(),
]"""
NODE_STATE = """[
    process.execArgv, process.argv, Object.keys(process.env).sort(), process.cwd(), process.umask(),
    Intl.DateTimeFormat().resolvedOptions(), require("module").globalPaths, process.title,
    process.listenerCount("warning"), require("tls").rootCertificates.length, process.execPath,
]"""


@ON_LINUX
@pytest.mark.parametrize(("runtime", "state"), [(PYTHON, PYTHON_STATE), (NODE, NODE_STATE)])
async def test_both_ways_leave_the_same_state(
    runtime: Runtime, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, node: str
) -> None:
    states: list[Any] = []
    for _ in range(2):
        async with running(function_of(runtime, tmp_path / "code", {})) as lambda_:
            states.append(await lambda_.result("app", state))
        monkeypatch.setattr(spawning, "needs_plain_start", always)
    assert states[0] == states[1]


COMMAND = "open('/proc/self/cmdline').read().split(chr(0))"


@ON_LINUX
@pytest.mark.parametrize(
    ("variables", "script"),
    [
        pytest.param({}, "guardian.py", id="nothing"),
        pytest.param({"TABLE": "users", "TZ": "UTC"}, "guardian.py", id="what is asked for later"),
        pytest.param({"PYTHONUNBUFFERED": "1"}, "environment.py", id="what is read at start"),
    ],
)
async def test_the_quick_way_stays_for_the_rest(
    variables: dict[str, str], script: str, tmp_path: Path
) -> None:
    async with running(function_of(PYTHON, tmp_path / "code", variables)) as lambda_:
        command = await lambda_.result("app", COMMAND)
        assert [Path(each).name for each in command if each.endswith(".py")] == [script]


@ON_LINUX
async def test_variables_of_the_gateway_reach_no_function(
    tmp_path: Path, places: dict[str, str], monkeypatch: pytest.MonkeyPatch, node: str
) -> None:
    for name, value in {
        "LD_PRELOAD": places["library"], "LC_ALL": "C", "PYTHONOPTIMIZE": "2",
        "PYTHONWARNINGS": "error", "MALLOC_PERTURB_": "165", "NODE_OPTIONS": "--no-warnings",
        "LANG": "de_DE.ISO-8859-1", "PYTHONPATH": "/srv/modules",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    seen = (
        "[sys.flags.optimize, sys.warnoptions, sys.flags.utf8_mode, sys.getfilesystemencoding(), "
    )
    seen += "'libmine' in open('/proc/self/maps').read(), '/srv/modules' in sys.path]"
    code = tmp_path / "code"
    functions = function_of(PYTHON, code, {}), function_of(NODE, code, {}, "node")
    async with running(*functions) as lambda_:
        assert await lambda_.result("app", seen) == [0, [], 0, "utf-8", False, False]
        flags = "[process.listenerCount('warning'), Intl.NumberFormat().resolvedOptions().locale]"
        assert await lambda_.result("node", flags) == [1, "en-US"]


# Libraries of layers and of the code


LIBRARY = "int answer(void) { return 42; }\n"
ADD_ON = """
extern int answer(void);
extern int napi_create_int32(void *env, int value, void **result);
void *napi_register_module_v1(void *env, void *exports) {
  void *result = 0;
  napi_create_int32(env, answer(), &result);
  return result;
}
int node_api_module_get_api_version_v1(void) { return 8; }
"""


@ON_LINUX
@pytest.mark.parametrize("place", ["layer/lib", "code/lib", "code"])
async def test_a_library_is_found_by_its_name(place: str, tmp_path: Path, node: str) -> None:
    compiler = need("cc", "libraries of layers are not tested")
    library, code = tmp_path / place / "libanswer.so", tmp_path / "code"
    library.parent.mkdir(parents=True)
    (tmp_path / "layer").mkdir(exist_ok=True)
    for name, text in (("answer.c", LIBRARY), ("addon.c", ADD_ON)):
        (tmp_path / name).write_text(text)
    build = [compiler, "-shared", "-fPIC", "-o"]
    subprocess.run([*build, library, tmp_path / "answer.c"], check=True)
    add_on = tmp_path / "addon.node"
    linked = [f"-L{library.parent}", "-lanswer", "-Wl,--unresolved-symbols=ignore-all"]
    subprocess.run([*build, add_on, tmp_path / "addon.c", *linked], check=True)
    layers = (str(tmp_path / "layer"),)
    functions = [
        replace(function_of(runtime, code, {}, name), layers=layers)
        for runtime, name in ((PYTHON, "app"), (NODE, "node"))
    ]
    async with running(*functions) as lambda_:
        assert await lambda_.result("app", "ctypes.CDLL('libanswer.so').answer()") == 42
        assert await lambda_.result("node", f"require('{add_on}')") == 42


def test_folders_lead_to_libraries(tmp_path: Path) -> None:
    (tmp_path / "handler.py").touch()
    folders = [str(tmp_path), str(tmp_path / "lib")]
    assert not lead_to_libraries(folders)
    (tmp_path / "lib").mkdir()
    assert not lead_to_libraries(folders)
    (tmp_path / "lib" / "libz.so.1.2").touch()
    assert lead_to_libraries(folders)


# Wrapper scripts


def wrapper_in(folder: Path, text: str, mode: int = 0o755) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    wrapper = folder / "wrapper"
    wrapper.write_text(f'#!/bin/sh\n{text}\nexec "$@"\n')
    wrapper.chmod(mode)
    return wrapper


async def test_what_a_wrapper_exports_is_seen(tmp_path: Path) -> None:
    """As tools that trace functions do it: their folder brings a `sitecustomize`."""
    tools = tmp_path / "tools"
    wrapper = wrapper_in(tools, f"export PYTHONPATH={tools}:$PYTHONPATH PYTHONOPTIMIZE=1")
    (tools / "sitecustomize.py").write_text("import sys\nsys.traced = True\n")
    (tools / "tracer.py").write_text("NAME = 'tracer'\n")
    own = {"AWS_LAMBDA_EXEC_WRAPPER": str(wrapper)}
    async with running(function_of(PYTHON, tmp_path / "code", own)) as lambda_:
        seen = "[sys.traced, __import__('tracer').NAME, sys.flags.optimize]"
        assert await lambda_.result("app", seen) == [True, "tracer", 1]
        with_ours = "[name for name in ('environment', 'zygote') if __import__('importlib.util').util.find_spec(name)]"
        assert await lambda_.result("app", with_ours) == []


async def test_a_wrapper_of_a_layer_or_of_the_code(tmp_path: Path, node: str) -> None:
    wrapper_in(tmp_path / "layer", "export WRAPPED=layer")
    wrapper_in(tmp_path / "code", "export WRAPPED=code")
    layers = (str(tmp_path / "layer"),)
    for place in ("opt", "var/task"):
        own = {"AWS_LAMBDA_EXEC_WRAPPER": f"/{place}/wrapper"}
        functions = [
            replace(function_of(PYTHON, tmp_path / "code", own), layers=layers),
            replace(function_of(NODE, tmp_path / "code", own, "node"), layers=layers),
        ]
        async with running(*functions) as lambda_:
            expected = "layer" if place == "opt" else "code"
            assert await lambda_.result("app", "os.environ['WRAPPED']") == expected
            assert await lambda_.result("node", "process.env.WRAPPED") == expected


@pytest.mark.parametrize("runtime", [PYTHON, NODE], ids=lambda runtime: runtime.language)
@pytest.mark.parametrize(("mode", "status"), [(None, 127), (0o644, 126)])
async def test_a_wrapper_that_cannot_be_executed(
    runtime: Runtime, mode: int | None, status: int, tmp_path: Path, node: str
) -> None:
    path = str(tmp_path / "wrapper")
    if mode is not None:
        wrapper_in(tmp_path, "", mode)
    function = function_of(runtime, tmp_path / "code", {"AWS_LAMBDA_EXEC_WRAPPER": path})
    async with running(function) as lambda_:
        error = await lambda_.error("app")
        assert error.error_type == "Runtime.ExitError"
        assert error.message.endswith(f"Runtime exited with error: exit status {status}")
        assert any(path in line for line in lambda_.log("app"))


def test_what_the_quick_way_begins_with() -> None:
    machine = {"PATH": "/bin", "LD_PRELOAD": "x", "LD_LIBRARY_PATH": "/lib", "PYTHONHOME": "/py",
               "LC_ALL": "C", "HOME": "/root", "NODE_OPTIONS": "-r x"}  # fmt: skip
    kept = {"PATH": "/bin", "LD_LIBRARY_PATH": "/lib", "HOME": "/root", "LANG": "en_US.UTF-8"}
    others = {"NODE_OPTIONS": "-r x", "LC_CTYPE": "C.UTF-8"}
    assert first_variables("python", machine) == {**kept, **others}
    assert first_variables("nodejs", machine) == {**kept, "PYTHONHOME": "/py"}
