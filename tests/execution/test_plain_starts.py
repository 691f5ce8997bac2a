"""Variables that a process reads when it starts: the quick way and a plain start behave alike.

Each row of the tables is a variable with something that shows its effect. The function runs as the
product decides, and once more with a plain start in any case.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from edgegw.awslambda.model import Function, Runtime
from edgegw.execution import spawning
from edgegw.execution.starts import needs_plain_start
from tests.execution.lambda_service import running

PYTHON = Runtime(f"python3.{sys.version_info[1]}", "python", sys.version_info[:2])
NODE = Runtime("nodejs22.x", "nodejs", (22,))

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the loader of Linux")


class Row(NamedTuple):
    """A variable, an expression, and what that is with and without the variable."""

    name: str
    value: str
    expression: str
    seen: object
    otherwise: object
    is_plain: bool = True


ALLOCATED = "hex((__import__('ctypes').CDLL(None).calloc, perturbed())[1])"
COLLECT = "__import__('gc')"

OF_PYTHON = [
    Row("PYTHONOPTIMIZE", "2", "sys.flags.optimize", 2, 0),
    Row("PYTHONWARNINGS", "error::UserWarning", "sys.warnoptions", ["error::UserWarning"], []),
    Row("PYTHONPATH", "/srv/modules", "'/srv/modules' in sys.path", True, False),
    Row("PYTHONHASHSEED", "7", "hash('lambda') == seeded(7)", True, False),
    Row("PYTHONDEVMODE", "1", "sys.flags.dev_mode", True, False),
    Row("PYTHONUTF8", "1", "sys.flags.utf8_mode", 1, 0),
    Row("PYTHONIOENCODING", "latin-1:replace", "[sys.stdout.encoding, sys.stdout.errors]",
        ["latin-1", "replace"], ["utf-8", "backslashreplace"]),
    Row("PYTHONFAULTHANDLER", "1", "__import__('faulthandler').is_enabled()", True, False),
    Row("PYTHONTRACEMALLOC", "3", "__import__('tracemalloc').get_traceback_limit()", 3, 1),
    Row("PYTHONASYNCIODEBUG", "1", "debugged()", True, False),
    Row("PYTHONDONTWRITEBYTECODE", "1", "sys.dont_write_bytecode", True, True),
    Row("PYTHONPYCACHEPREFIX", "/srv/cache",
        "[sys.pycache_prefix, sys.dont_write_bytecode]", ["/srv/cache", False], [None, True]),
    Row("PYTHONINTMAXSTRDIGITS", "1000", "sys.get_int_max_str_digits()", 1000, 4300),
    Row("PYTHONNODEBUGRANGES", "1", "handler.__code__.co_positions is not None and positions()",
        False, True),
    Row("PYTHONUNBUFFERED", "1", "sys.flags.unbuffered", 1, 0),
    Row("PYTHONVERBOSE", "1", "sys.flags.verbose", 1, 0),
    Row("PYTHONINSPECT", "1", "sys.flags.inspect", 1, 0),
    Row("PYTHONNOUSERSITE", "1", "sys.flags.no_user_site", 1, 0),
    Row("PYTHONTZPATH", "/srv/zones", "list(__import__('zoneinfo').TZPATH)[:1] == ['/srv/zones']",
        True, False),
    Row("PYTHONMALLOC", "malloc", "allocator() > 0", True, True),
    Row("LC_ALL", "POSIX", "__import__('locale').setlocale(0, None) and sys.flags.utf8_mode", 1, 0),
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
    Row("LD_BIND_NOW", "1", "os.environ.get('LD_BIND_NOW')", "1", None),
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

def allocator():
    return sys.getallocatedblocks() + 1

def handler(expression, context):
    return eval(expression)
"""

OF_NODE = [
    Row("NODE_OPTIONS", "--max-http-header-size=9000", "require('http').maxHeaderSize", 9000, 16384),
    Row("NODE_DEBUG", "mine", "require('util').debuglog('mine').enabled", True, False),
    Row("NODE_NO_WARNINGS", "1", "process.listenerCount('warning')", 0, 1),
    Row("NODE_PRESERVE_SYMLINKS", "1", "process.env.NODE_PRESERVE_SYMLINKS", "1", None),
    Row("NODE_EXTRA_CA_CERTS", "{authority}", "trusted()", 1, 0),
    Row("UV_THREADPOOL_SIZE", "2", "process.env.UV_THREADPOOL_SIZE", "2", None),
    Row("LC_ALL", "de_DE.UTF-8", "Intl.DateTimeFormat().resolvedOptions().locale", "de-DE", "en-US"),
    Row("LD_PRELOAD", "{library}",
        "require('fs').readFileSync('/proc/self/maps', 'utf8').includes('libmine')", True, False),
    Row("LD_LIBRARY_PATH", "{folder}", "process.env.LD_LIBRARY_PATH !== undefined", True, True),
    Row("MALLOC_ARENA_MAX", "1", "process.env.MALLOC_ARENA_MAX", "1", None),
    Row("OPENSSL_CONF", "/dev/null", "process.env.OPENSSL_CONF", "/dev/null", None),
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
const tls = require("tls");
const trusted = () => tls.createSecureContext().context.getCertificate === undefined ? -1 : extra();
function extra() {
  // Only the variable puts a certificate of ours among the authorities.
  const { X509Certificate } = require("crypto");
  const { readFileSync } = require("fs");
  const file = process.env.NODE_EXTRA_CA_CERTS;
  if (!file) return 0;
  return new X509Certificate(readFileSync(file)).ca ? 1 : 0;
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
    authority = tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(authority)
    return {
        "library": str(library),
        "folder": str(library.parent),
        "authority": str(authority),
    }


def a_library() -> str:
    """The file of a shared library that this process has loaded."""
    import ctypes  # noqa: F401 - loads libffi

    maps = Path("/proc/self/maps").read_text().split()
    return next(name for name in maps if "/libffi" in name or "/libz." in name)


def function_of(
    runtime: Runtime, code: Path, variables: Mapping[str, str], name: str = "app"
) -> Function:
    code.mkdir(exist_ok=True)
    (code / "app.py").write_text(OBSERVER)
    (code / "app.js").write_text(NODE_OBSERVER)
    return Function(
        name, runtime, str(code), "app.handler", 10.0, 512, environment=tuple(variables.items())
    )


async def seen(
    monkeypatch: pytest.MonkeyPatch, function: Function, expression: str, *, plain: bool = False
) -> Any:
    with monkeypatch.context() as patch:
        if plain:
            patch.setattr(spawning, "needs_plain_start", lambda *_: True)
        async with running(function) as lambda_:
            return await lambda_.result("app", expression)


async def check(
    row: Row, runtime: Runtime, places: dict[str, str], tmp_path: Path, patch: pytest.MonkeyPatch
) -> None:
    own = {row.name: row.value.format(**places)}
    assert needs_plain_start(runtime.language, own) is row.is_plain
    function = function_of(runtime, tmp_path / "code", own)
    assert await seen(patch, function, row.expression) == row.seen
    assert await seen(patch, function, row.expression, plain=True) == row.seen
    if row.otherwise is not ...:
        without = function_of(runtime, tmp_path / "code", {})
        assert await seen(patch, without, row.expression) == row.otherwise
        assert await seen(patch, without, row.expression, plain=True) == row.otherwise


@pytest.mark.parametrize("row", OF_PYTHON, ids=lambda row: row.name)
async def test_python(
    row: Row, places: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await check(row, PYTHON, places, tmp_path, monkeypatch)


@ON_LINUX
@pytest.mark.parametrize("row", OF_LINUX, ids=lambda row: row.name)
async def test_the_loader_and_the_c_library(
    row: Row, places: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await check(row, PYTHON, places, tmp_path, monkeypatch)


@ON_LINUX
@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("row", OF_NODE, ids=lambda row: row.name)
async def test_node(
    row: Row, places: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await check(row, NODE, places, tmp_path, monkeypatch)
