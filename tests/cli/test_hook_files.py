"""Which files `edgegw dev` takes for CloudFront Functions, and where it refuses them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgegw.cli.dev_command import dev_config
from edgegw.cli.hook_files import edge_hooks
from edgegw.errors import UsageError

EDGE = "function handler(event) {\n  return event.request;\n}\n"
TESTED = EDGE + "if (typeof module !== 'undefined') module.exports = { handler };\n"
LAMBDA = "exports.handler = async (event) => event.Records[0].cf.request;\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("edge.js").write_text(EDGE)
    Path("edge.mjs").write_text(EDGE)
    Path("tested.js").write_text(TESTED)
    Path("hook.js").write_text(LAMBDA)
    Path("hook.py").write_text("def handler(event, context): ...\n")
    Path("inside").mkdir()
    Path("inside/index.js").write_text(EDGE)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("named", "source"),
    [
        ("edge.js", "edge.js"),
        ("edge.js:handler", "edge.js"),
        ("edge.mjs", "edge.mjs"),
        ("tested.js", "tested.js"),
        ("inside", "inside/index.js"),
    ],
)
def test_a_cloudfront_function_is_known_however_it_is_named(named: str, source: str) -> None:
    config = dev_config("http://localhost:1", {"viewer-request": Path(named)}, None, (0, 0))
    (function,) = config["edge_functions"].values()
    assert function == {"code": str(Path(source).absolute())}
    assert config["functions"] == {}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("named", ["hook.js", "hook.py", "edge.js:other", "missing.js"])
def test_what_is_none_stays_a_lambda_function(named: str) -> None:
    assert edge_hooks({"viewer-request": Path(named)}, None, are_all=False) == {}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("place", ["origin-request", "origin-response", "alb"])
@pytest.mark.parametrize("named", ["edge.js", "edge.js:handler", "edge.mjs", "inside"])
@pytest.mark.parametrize("are_all", [True, False])
def test_elsewhere_than_at_the_viewer_it_is_refused_by_name(
    place: str, named: str, are_all: bool
) -> None:
    hooks, alb = ({}, Path(named)) if place == "alb" else ({place: Path(named)}, None)
    with pytest.raises(UsageError, match=rf"^{named} is a CloudFront Function: .*exports nothing"):
        edge_hooks(hooks, alb, are_all=are_all)


@pytest.mark.usefixtures("folder")
def test_what_exports_its_handler_for_tests_lambda_can_load() -> None:
    assert edge_hooks({"origin-request": Path("tested.js")}, None, are_all=False) == {}


@pytest.mark.usefixtures("folder")
def test_two_kinds_at_the_viewer_are_refused_with_their_files() -> None:
    hooks = {"viewer-request": Path("hook.py"), "viewer-response": Path("edge.js")}
    with pytest.raises(
        UsageError, match=r"^edge\.js is a CloudFront Function and hook\.py is none"
    ):
        edge_hooks(hooks, None, are_all=False)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("hooks", "text"),
    [
        ({}, "name a file there"),
        ({"origin-request": "hook.js"}, "name a file there"),
        ({"viewer-request": "hook.py"}, r"hook\.py: .* JavaScript"),
        ({"viewer-request": "missing.js"}, r"there is no file or folder missing\.js"),
    ],
)
def test_edge_functions_that_are_none_are_refused(hooks: dict[str, str], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        edge_hooks({at: Path(file) for at, file in hooks.items()}, None, are_all=True)
