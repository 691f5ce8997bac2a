"""What `check --deploy` says of modules that are here and would not be on AWS."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from edgegw.config.document import read_document
from edgegw.config.functions.borrowed_modules import BorrowedModule, borrowed_modules
from edgegw.config.resolve import load_document

PYTHON = """
import json, requests, boto3, own, layered, vendored.part
from yaml import safe_load
from . import beside
"""
NODE = """
import fs from "node:fs";
import path from "path";
import { decode } from "jsonwebtoken/decode";
import "./own.js";
import own from "bundled";
const jwks = require('@auth/jwks');
const lazily = () => import("lodash");
const { S3 } = require("@aws-sdk/client-s3");
"""


def project(folder: Path) -> Path:
    """A project with everything installed; answers its code folder."""
    code = folder / "src"
    packages = folder / ".venv" / "lib" / "python3.13" / "site-packages"
    modules = folder / "node_modules"
    for name in ("requests", "boto3", "yaml", "own", "layered", "vendored", "idle"):
        (packages / name).mkdir(parents=True)
    for name in ("jsonwebtoken", "bundled", "@auth/jwks", "lodash", "@aws-sdk/client-s3", "idle"):
        (modules / name).mkdir(parents=True)
    (folder / ".git").mkdir()
    (code / "vendored").mkdir(parents=True)
    (code / "node_modules" / "bundled").mkdir(parents=True)
    (code / "own.py").touch()
    (code / "handler.py").write_text(PYTHON)
    (code / "index.mjs").write_text(NODE)
    (folder / "layer" / "python" / "layered").mkdir(parents=True)
    return code


def test_modules_of_the_virtual_environment(tmp_path: Path) -> None:
    code, venv = project(tmp_path), tmp_path / ".venv"
    expected = [BorrowedModule("requests", venv), BorrowedModule("yaml", venv)]
    assert borrowed_modules(code, "python", [tmp_path / "layer"]) == expected
    assert borrowed_modules(code / "handler.py", "python", [tmp_path / "layer"]) == expected


def test_modules_above_the_package(tmp_path: Path) -> None:
    code, modules = project(tmp_path), tmp_path / "node_modules"
    names = ["@auth/jwks", "jsonwebtoken", "lodash"]
    assert borrowed_modules(code, "nodejs", []) == [BorrowedModule(name, modules) for name in names]


def test_zip_packages_are_not_looked_into(tmp_path: Path) -> None:
    code = project(tmp_path)
    (tmp_path / "layer.zip").touch()
    assert borrowed_modules(tmp_path / "layer.zip", "python", []) == []
    assert borrowed_modules(code, "python", [tmp_path / "layer.zip"]) == []


@pytest.mark.parametrize("deploy", [False, True])
def test_deployment_names_them(tmp_path: Path, deploy: bool) -> None:
    project(tmp_path)
    (tmp_path / "auth.ts").write_text("export const handler = async () => 1;\n")
    with zipfile.ZipFile(tmp_path / "auth.zip", "w") as package:
        package.writestr("auth.js", "exports.handler = async () => 1;\n")
    text = (
        "functions:\n"
        "  hook: {runtime: python3.13, code: src, handler: handler.handler}\n"
        "  typed: {runtime: nodejs22.x, code: auth.ts, handler: auth.handler}\n"
        "  packed: {runtime: nodejs22.x, code: auth.zip, handler: auth.handler}\n"
    )
    loaded = load_document(read_document(text, "c.yaml", {}), tmp_path, deploy=deploy)
    said = [
        (each.line, each.code, each.text.partition(" and is in")[0])
        for each in loaded.warnings
        if each.code in ("config.borrowed-module", "config.typescript")
    ]
    venv = tmp_path / ".venv"
    expected = [
        (2, "config.borrowed-module", f"imports {name}, which comes from {venv}")
        for name in ("layered", "requests", "yaml")
    ]
    sentence = "auth.ts is TypeScript, which Lambda does not run: deploy what is built of it"
    expected.append((3, "config.typescript", sentence))
    assert said == (expected if deploy else [])
