"""The line of the user's own code that is shown for a failure, or none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgegw.awslambda.model import FunctionError, FunctionRef, Invocation, Report
from edgegw.config.resolve import load_dict
from edgegw.execution.service import LambdaService
from edgegw.gateway.failure_place import code_folders, failed_at, source_line
from edgegw.gateway.function_run import FunctionRun
from tests.conftest import PYTHON, need

BELOW_THE_LIBRARY = [
    '  File "/app/hook.py", line 3, in handler\n    f()\n',
    '  File "/usr/lib/python3.13/json/decoder.py", line 353, in raw_decode\n    raise\n',
]
IN_A_PACKAGE = [
    '  File "/app/hook.py", line 3, in handler\n    f()\n',
    '  File "/app/site-packages/lib.py", line 9, in f\n    boom\n',
]
IN_A_MODULE = [
    "TypeError: x",
    "    at /app/node_modules/lib/index.js:1:1",
    "    at async exports.handler (/app/index.js:12:7)",
    "    at process.task (node:internal:5:1)",
]
OF_THE_LOADER = [
    "SyntaxError: Unexpected identifier",
    "    at wrapSafe (node:internal/modules/cjs/loader:1464:18)",
    "    at loadModule (/elsewhere/runtimes/node/host.cjs:205:12)",
]


@pytest.mark.parametrize(
    ("stack", "place"),
    [
        (BELOW_THE_LIBRARY, ("/app/hook.py", 3)),
        (IN_A_PACKAGE, ("/app/hook.py", 3)),
        (['  File "/app/hook.py" Line 7\n    x = [1 2]'], ("/app/hook.py", 7)),
        (['  File "/usr/lib/python3.13/json/decoder.py", line 353, in f\n'], None),
        (['  File "/apple/hook.py", line 1, in f\n'], None),
        (IN_A_MODULE, ("/app/index.js", 12)),
        (OF_THE_LOADER, None),
        (["/app/index.js:2", "  const x = {a: 1 b: 2};", *OF_THE_LOADER], ("/app/index.js", 2)),
        (["Error", "    at file:///app/a%20b/index.mjs:4:9"], ("/app/a b/index.mjs", 4)),
        (["Error", "    at f (/app/a (1)/index.js:4:9)"], ("/app/a (1)/index.js", 4)),
        (["Error", "    at async file:///app/index.mjs:4:9"], ("/app/index.mjs", 4)),
        ([], None),
        (["nothing here"], None),
    ],
)
def test_it_is_the_innermost_frame_below_the_code_folder(
    stack: list[str], place: tuple[str, int] | None
) -> None:
    assert failed_at(stack, ["/app"]) == place


def test_a_project_may_lie_below_a_folder_of_libraries() -> None:
    stack = ['  File "/x/node_modules/mine/hook.py", line 3, in f\n']
    assert failed_at(stack, ["/x/node_modules/mine"]) == ("/x/node_modules/mine/hook.py", 3)


def test_a_code_folder_that_is_a_link_holds_what_it_points_to(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    place = (f"{real}/index.js", 1)
    assert failed_at([f"    at f ({place[0]}:1:1)"], [str(link)]) == place


BAD_MODULE = "export const a = 1;\n\nconst x = {\n  b: 1\n  c: 2\n};\n"


@pytest.mark.parametrize(
    ("files", "handler", "shown"),
    [
        ({"f.mjs": BAD_MODULE}, "f.handler", "f.mjs:5  c: 2"),
        (
            {"f.mjs": 'import "./lib/g.mjs";\nexport const handler = 1;', "lib/g.mjs": BAD_MODULE},
            "f.handler",
            "lib/g.mjs:5  c: 2",
        ),
        (
            {"f.js": BAD_MODULE, "package.json": '{"type": "module"}'},
            "f.handler",
            "f.js:5  c: 2",
        ),
        (
            {
                "f.mjs": 'import {b} from "./g.mjs";\nexport const handler = b;',
                "g.mjs": "export const a = 1;",
            },
            "f.handler",
            'f.mjs:1  import {b} from "./g.mjs";',
        ),
        ({"f.js": "exports.handler = () => {\n  a b;\n};"}, "f.handler", "f.js:2  a b;"),
        (
            {"f.js": 'exports.handler = async () => {\n  JSON.parse("x");\n};'},
            "f.handler",
            'f.js:2  JSON.parse("x");',
        ),
        ({"f.js": "exports.other = 1;"}, "f.handler", None),
    ],
    ids=["module", "imported", "package", "no such export", "script", "thrown", "no handler"],
)
async def test_the_line_of_a_function_in_node(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str],
    handler: str,
    shown: str | None,
) -> None:
    need("node", "functions in Node.js are not tested")
    assert await shown_for(tmp_path, monkeypatch, "nodejs20.x", files, handler) == shown


@pytest.mark.parametrize(
    ("files", "shown"),
    [
        ({"f.py": "def handler(e, c):\n    x = [1 2]\n"}, "f.py:2  x = [1 2]"),
        ({"f.py": "import g\n", "g.py": "def f(:\n"}, "g.py:1  def f(:"),
        (
            {"f.py": "import json\ndef handler(e, c):\n    json.loads('x')\n"},
            "f.py:3  json.loads('x')",
        ),
        ({"f.py": "import nothing_of_that_name\n"}, None),
    ],
    ids=["syntax", "syntax of an import", "in the library", "no such module"],
)
async def test_the_line_of_a_function_in_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], shown: str | None
) -> None:
    assert await shown_for(tmp_path, monkeypatch, PYTHON, files, "f.handler") == shown


async def shown_for(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    runtime: str,
    files: dict[str, str],
    handler: str,
) -> str | None:
    """What is shown of a function that is made of `files` and fails."""
    for name, source in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(source)
    monkeypatch.chdir(folder)
    function = {"runtime": runtime, "code": str(folder), "handler": handler, "timeout": 20}
    config = load_dict({"functions": {"f": function}})
    service = LambdaService(config.functions, config.account)
    await service.start()
    invocation = Invocation(FunctionRef("f"), b"{}")
    outcome = await service.invoke(invocation)
    folders = code_folders(service, "f")
    await service.close()
    assert isinstance(outcome, FunctionError), outcome
    return source_line(FunctionRun(None, "f", outcome, invocation), folders)


def test_a_function_that_nobody_knows_has_no_line() -> None:
    payload = json.dumps({"stackTrace": ['  File "/app/hook.py", line 3, in f\n']}).encode()
    outcome = FunctionError("E", "m", payload, Report())
    run = FunctionRun(None, "f", outcome, Invocation(FunctionRef("f"), b"{}"))
    assert source_line(run, ()) is None
