"""The files that `edgegw dev` takes as hooks, and which of them are CloudFront Functions.

A CloudFront Function is one file of JavaScript that exports nothing; it runs at the viewer's
triggers alone. Taken for a Lambda function it would only be one whose handler is not exported, so
it is named for what it is before anything starts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edgegw.awslambda.runtimes import SCRIPTS
from edgegw.errors import UsageError

_ENTRIES: Final = (
    *("handler.py", "lambda_function.py", "index.py", "main.py", "app.py"),
    *(f"{name}{suffix}" for name in ("index", "handler", "main") for suffix in SCRIPTS),
)
_EDGE_SUFFIXES: Final = (".js", ".mjs", ".cjs")
_EDGE_TRIGGERS: Final = ("viewer-request", "viewer-response")
_VIEWER_HOOKS: Final = "--viewer-request and --viewer-response"


def split_export(named: Path) -> tuple[Path, str]:
    """File and export of `FILE:EXPORT`; the export is empty where the whole is a file."""
    text = str(named)
    file, colon, export = text.rpartition(":")
    is_name = re.fullmatch(r"[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*", export) is not None
    if not colon or not is_name or named.exists():
        return named, ""
    return Path(file), export


def hook_source(file: Path) -> Path:
    """The source that `file` is, or that of the folder. Raises UsageError where it has none."""
    if not file.is_dir():
        return file
    for name in _ENTRIES:
        if (file / name).is_file():
            return file / name
    names = ", ".join(_ENTRIES[:3])
    raise UsageError(f"{file} holds none of {names} …: name the file of the handler itself")


def is_edge_function(named: Path) -> bool:
    """Whether `named` looks like a CloudFront Function: `function handler(event)`, not exported."""
    from edgegw.cloudfront.edge_functions.hook_kinds import edge_function_sign

    file, export = split_export(named)
    if export not in ("", "handler"):
        return False
    source = hook_source(file)
    if source.suffix not in _EDGE_SUFFIXES or not source.is_file():
        return False
    return edge_function_sign(_text(source)) is not None


def edge_hooks(hooks: Mapping[str, Path], alb: Path | None, *, are_all: bool) -> dict[str, Path]:
    """The sources of the CloudFront Functions among `hooks`, which are files by trigger.

    With `are_all` those are all hooks of the viewer. Raises UsageError where one stands at a place
    that takes none, or beside a Lambda@Edge function at the viewer's other trigger.
    """
    at_viewer = {trigger: hooks[trigger] for trigger in _EDGE_TRIGGERS if trigger in hooks}
    elsewhere = [file for trigger, file in hooks.items() if trigger not in at_viewer]
    for named in [*elsewhere, *([alb] if alb is not None else [])]:
        _refuse_elsewhere(named)
    if are_all and not at_viewer:
        raise UsageError(f"--edge-functions is about {_VIEWER_HOOKS}: name a file there")
    if are_all:
        return {trigger: _javascript(named) for trigger, named in at_viewer.items()}
    edge = {trigger: named for trigger, named in at_viewer.items() if is_edge_function(named)}
    _refuse_mixed(list(edge.values()), [at_viewer[at] for at in at_viewer if at not in edge])
    return {trigger: hook_source(split_export(named)[0]) for trigger, named in edge.items()}


def _refuse_elsewhere(named: Path) -> None:
    # What exports its handler for tests as well is one that Lambda can load.
    if is_edge_function(named) and not _exports(hook_source(split_export(named)[0])):
        raise UsageError(
            f"{named} is a CloudFront Function: it declares function handler(event) and exports "
            f"nothing; those run at {_VIEWER_HOOKS}, elsewhere Lambda functions, which export "
            "their handler"
        )


def _refuse_mixed(edge: list[Path], others: list[Path]) -> None:
    if edge and others:
        raise UsageError(
            f"{edge[0]} is a CloudFront Function and {others[0]} is none: CloudFront takes one "
            f"kind of function at {_VIEWER_HOOKS}"
        )


def _javascript(named: Path) -> Path:
    source = hook_source(split_export(named)[0])
    if not source.is_file():
        raise UsageError(f"there is no file or folder {named}")
    if source.suffix not in _EDGE_SUFFIXES:
        raise UsageError(f"{named}: with --edge-functions hooks of the viewer are JavaScript (.js)")
    return source


def _exports(source: Path) -> bool:
    return re.search(r"\bexports?\b", _text(source)) is not None


def _text(source: Path) -> str:
    return source.read_text(encoding="utf-8", errors="replace")
