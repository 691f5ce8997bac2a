"""The package of a Node.js function ends at its code folder, whatever the project above says."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgegw.awslambda.model import Function, Runtime
from tests.execution.lambda_service import running

NODE = Runtime("nodejs22.x", "nodejs", (22,))

COMMON = "exports.handler = async () => 'CommonJS';\n"
MODULE = "export const handler = async () => 'module';\n"
BOTH_WAYS = """
import { handler as imported } from "./common.js";
import { createRequire } from "node:module";
const required = createRequire(import.meta.url)("./common.js");
export const handler = async () => [await imported(), required.handler === imported];
"""


def function_in(project: Path, files: dict[str, str], above: str, handler: str) -> Function:
    (project / "package.json").write_text(above)
    for name, text in files.items():
        file = project / "dist" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return Function("app", NODE, str(project / "dist"), handler, 5.0, 256)


@pytest.mark.parametrize(
    ("files", "above", "handler", "expected"),
    [
        pytest.param({"index.js": COMMON}, '{"type": "module"}', "index.handler", "CommonJS",
                     id="a bundle below a project of modules"),
        pytest.param({"deep/er/index.js": COMMON}, '{"type": "module"}', "deep/er/index.handler",
                     "CommonJS", id="in a folder"),
        pytest.param({"index.js": "exports.handler = require('./common.js').handler;",
                      "common.js": COMMON}, '{"type": "module"}', "index.handler", "CommonJS",
                     id="what it requires"),
        pytest.param({"index.mjs": BOTH_WAYS, "common.js": COMMON}, '{"type": "module"}',
                     "index.handler", ["CommonJS", True], id="what a module imports"),
        pytest.param({"index.js": MODULE, "package.json": '{"type": "module"}'}, "{}",
                     "index.handler", "module", id="a package.json of the code"),
        pytest.param({"index.js": MODULE, "package.json": '{"type": "module"}'},
                     '{"type": "module"}', "index.handler", "module", id="two that agree"),
        pytest.param({"index.js": COMMON, "package.json": "{}"}, '{"type": "module"}',
                     "index.handler", "CommonJS", id="two that do not"),
        pytest.param({"lib/index.js": MODULE, "lib/package.json": '{"type": "module"}'},
                     '{"type": "module"}', "lib/index.handler", "module", id="of a folder"),
        pytest.param({"index.js": "exports.handler = async () => (await import('own')).default;",
                      "node_modules/own/index.js": "export default 'own';",
                      "node_modules/own/package.json": '{"type": "module", "main": "index.js"}'},
                     '{"type": "module"}', "index.handler", "own", id="an installed package"),
        pytest.param({"index.js": COMMON}, "{no", "index.handler", "CommonJS",
                     id="one above that cannot be read"),
    ],
)  # fmt: skip
async def test_what_a_js_is(
    tmp_path: Path, node: str, files: dict[str, str], above: str, handler: str, expected: object
) -> None:
    async with running(function_in(tmp_path, files, above, handler)) as lambda_:
        assert await lambda_.result("app") == expected


async def test_a_module_below_a_project_of_modules_fails_as_on_lambda(
    tmp_path: Path, node: str
) -> None:
    function = function_in(tmp_path, {"index.js": MODULE}, '{"type": "module"}', "index.handler")
    async with running(function) as lambda_:
        error = await lambda_.error("app")
        assert error.error_type == "Runtime.UserCodeSyntaxError"
        assert "Unexpected token 'export'" in error.message
