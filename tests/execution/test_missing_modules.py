"""A module that is missing here and would be there on AWS, or in a .venv of another version."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edgegw.awslambda.model import Function, Runtime
from tests.execution.lambda_service import running

VERSION = f"3.{sys.version_info[1]}"
PYTHON = Runtime(f"python{VERSION}", "python", sys.version_info[:2])
NODE = Runtime("nodejs22.x", "nodejs", (22,))


def python(folder: Path, code: str) -> Function:
    (folder / ".git").mkdir()
    (folder / "app.py").write_text(code)
    return Function("app", PYTHON, str(folder), "app.handler", 5.0)


async def test_the_sdk_of_python(tmp_path: Path) -> None:
    async with running(python(tmp_path, "import boto3\n")) as lambda_:
        error = await lambda_.error("app")
        assert error.error_type == "Runtime.ImportModuleError"
        assert error.message == (
            "Unable to import module 'app': No module named 'boto3' (boto3 is part of Lambda's "
            "runtime, but not of this one: install it (pip install boto3) into a .venv of "
            f"Python {VERSION} of the project)"
        )


async def test_the_sdk_of_python_in_the_handler(tmp_path: Path) -> None:
    code = "def handler(event, context):\n    import botocore.config\n"
    async with running(python(tmp_path, code)) as lambda_:
        error = await lambda_.error("app")
        assert (error.error_type, error.message) == (
            "ModuleNotFoundError",
            "No module named 'botocore'",
        )
        assert any(line.startswith("edgegw: botocore is part of") for line in lambda_.log("app"))


async def test_a_virtual_environment_of_another_version(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "lib" / "python3.8" / "site-packages").mkdir(parents=True)
    async with running(python(tmp_path, "import requests\n")) as lambda_:
        message = (await lambda_.error("app")).message
        assert message.endswith(
            f" (the packages in {tmp_path}/.venv are for Python 3.8 and were passed over, as this "
            f"function is for Python {VERSION})"
        )


async def test_what_is_missing_on_aws_too_is_said_as_there(tmp_path: Path) -> None:
    async with running(python(tmp_path, "import requests\n")) as lambda_:
        message = (await lambda_.error("app")).message
        assert message == "Unable to import module 'app': No module named 'requests'"


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("app.js", "require('@aws-sdk/client-s3');"),
        ("app.mjs", "import '@aws-sdk/client-s3/dist';"),
    ],
)
async def test_the_sdk_of_node(tmp_path: Path, node: str, file: str, code: str) -> None:
    (tmp_path / "package.json").write_text("{}")
    src = tmp_path / "src"
    src.mkdir()
    (src / file).write_text(code)
    async with running(Function("app", NODE, str(src), "app.handler", 5.0)) as lambda_:
        error = await lambda_.error("app")
        assert error.error_type == "Runtime.ImportModuleError"
        assert error.message.endswith(
            "(@aws-sdk/client-s3 is part of Lambda's runtime, but not of this one: install it "
            f"(npm install --save-dev @aws-sdk/client-s3) in {tmp_path})"
        )


async def test_the_sdk_of_node_in_the_handler(tmp_path: Path, node: str) -> None:
    (tmp_path / "app.js").write_text("exports.handler = async () => require('@smithy/core');\n")
    async with running(Function("app", NODE, str(tmp_path), "app.handler", 5.0)) as lambda_:
        error = await lambda_.error("app")
        assert error.error_type == "Error"
        assert "part of Lambda's runtime" not in error.message
        assert any(line.startswith("edgegw: @smithy/core is part") for line in lambda_.log("app"))
