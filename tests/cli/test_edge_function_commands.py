"""`event`, `validate`, `check` and `dev` for CloudFront Functions."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgegw.cli.dev_command import dev_config
from edgegw.cli.hook_files import is_edge_function
from edgegw.cli.main import main

EDGE = "function handler(event) {\n  return event.request;\n}\n"
LAMBDA = "exports.handler = async function handler(event) { return event.Records[0].cf.request }\n"


def ran(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, [*words])
    return result.exit_code, result.output


def test_an_event_and_what_is_said_of_results(tmp_path: Path) -> None:
    kind = "cloudfront-function-request"
    code, out = ran(
        "event", kind, "--url", "https://www.example.com/a?b=1", "--header", "Cookie: c=2"
    )
    event = json.loads(out)
    assert code == 0
    assert event["request"]["querystring"] == {"b": {"value": "1"}}
    assert event["request"]["cookies"] == {"c": {"value": "2"}}
    (tmp_path / "event.json").write_text(out)
    for result, code, words in (
        (event["request"], 0, "accepted: the request goes on"),
        ({"statusCode": 302}, 0, "accepted: the function answers 302 itself"),
        ({**event["request"], "uri": "x"}, 1, "FunctionValidationError"),
    ):
        (tmp_path / "result.json").write_text(json.dumps(result))
        given = ("--event", str(tmp_path / "event.json"), "--result", str(tmp_path / "result.json"))
        assert ran("validate", kind, *given)[0] == code
        assert words in ran("validate", kind, *given)[1]
    assert ran("validate", "cloudfront-function-response", *given)[0] == 2


def test_what_a_function_returns_is_what_validate_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.js").write_text(
        "function handler(event) {\n"
        "  console.log('saw ' + event.request.uri);\n"
        "  if (event.request.uri === '/boom') { throw new Error('no'); }\n"
        "  return { statusCode: 302, headers: { location: { value: '/b' } } };\n}\n"
    )
    (tmp_path / "edgegw.yaml").write_text("edge_functions: {f: {code: f.js}}\n")
    kind = "cloudfront-function-request"
    (tmp_path / "event.json").write_text(ran("event", kind, "--url", "https://a.test/a")[1])
    (tmp_path / "boom.json").write_text(ran("event", kind, "--url", "https://a.test/boom")[1])
    done = CliRunner().invoke(main, ["invoke", "f", "--event", "event.json"])
    assert (done.exit_code, done.stderr) == (0, "saw /a\n")
    (tmp_path / "result.json").write_text(done.stdout)
    files = ("--event", "event.json", "--result", "result.json")
    assert ran("validate", kind, *files) == (0, "accepted: the function answers 302 itself\n")
    failed = CliRunner().invoke(main, ["invoke", "f", "--event", "boom.json"])
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert "Error: no" in failed.stderr
    assert "no function 'g' (known: f)" in ran("invoke", "g")[1]


def test_an_event_of_a_response() -> None:
    code, out = ran(
        "event", "cloudfront-function-response", "--response-header", "Set-Cookie: a=1; Secure"
    )
    assert code == 0
    response = json.loads(out)["response"]
    assert response["cookies"] == {} or response["cookies"]["a"]["attributes"] == "Secure"
    assert response["statusCode"] == 200


@pytest.mark.parametrize(
    ("kind", "uri"),
    [
        ("viewer-request", "/a"),
        ("origin-request", "/b/a"),
        ("origin-response", "/b/a"),
        ("viewer-response", "/b/a"),
    ],
)
def test_an_event_of_lambda_at_edge_behind_an_edge_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, uri: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.js").write_text(
        "function handler(event) {\n  var request = event.request;\n"
        "  request.uri = '/b' + request.uri;\n  return request;\n}\n"
    )
    (tmp_path / "edgegw.yaml").write_text(
        "edge_functions: {f: {code: f.js}}\n"
        "distributions: {site: {listen: 0, origins: {app: {url: 'http://127.0.0.1:1'}}, "
        "default_behavior: {origin: app, edge_functions: {viewer-request: f}}}}\n"
    )
    code, out = ran("event", kind, "--url", "https://a.test/a", "--config", "edgegw.yaml")
    assert code == 0
    assert json.loads(out)["Records"][0]["cf"]["request"]["uri"] == uri


def test_check_names_construct_line_and_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.js").write_text("function handler(event) {\n  for (const h of []) {}\n}\n")
    (tmp_path / "edgegw.yaml").write_text(
        "edge_functions: {f: {code: f.js}}\n"
        "distributions: {site: {listen: 0, origins: {app: {url: 'http://127.0.0.1:1'}}, "
        "default_behavior: {origin: app, edge_functions: {viewer-request: f}}}}\n"
    )
    code, out = ran("check", "edgegw.yaml")
    assert code == 0
    assert "f.js:2:16: warning: edge-function.syntax for…of" in out
    code, out = ran("check", "--deploy", "edgegw.yaml")
    assert code == 1
    assert "f.js:2:16: error: edge-function.syntax for…of" in out


def test_check_says_which_kind_of_function_code_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hook.js").write_text("\nmodule.exports.handler = (event) => event;\n")
    (tmp_path / "edge.js").write_text(EDGE)
    (tmp_path / "edgegw.yaml").write_text(
        "edge_functions: {f: {code: hook.js}}\n"
        "functions: {g: {runtime: nodejs22.x, code: edge.js, handler: edge.handler}}\n"
        "distributions: {site: {listen: 0, origins: {app: {url: 'http://127.0.0.1:1'}}, "
        "default_behavior: {origin: app, lambda_functions: {viewer-request: g}}}}\n"
    )
    code, out = ran("check", "edgegw.yaml")
    assert code == 0
    assert "hook.js:2:1: warning: edge-function.lambda-edge this is a Lambda@Edge handler: " in out
    assert "name the file under functions" in out
    assert "module" not in out
    assert "edge.js:1:10: warning: lambda-edge.edge-function this is a CloudFront Function: " in out
    assert "name the file under edge_functions" in out
    assert out.endswith("0 errors, 2 warnings\n")


def test_dev_takes_what_looks_like_one(tmp_path: Path) -> None:
    edge, hook = tmp_path / "edge.js", tmp_path / "hook.js"
    edge.write_text(EDGE)
    hook.write_text(LAMBDA)
    assert is_edge_function(edge)
    assert not is_edge_function(hook)
    config = dev_config("http://localhost:1", {"viewer-request": edge}, None, (0, 0))
    behavior = config["distributions"]["site"]["default_behavior"]
    assert behavior["edge_functions"] == {"viewer-request": "edge-viewer-request"}
    assert config["edge_functions"] == {"edge-viewer-request": {"code": str(edge)}}
    assert behavior["lambda_functions"] == {}
    forced = dev_config(
        "http://localhost:1", {"viewer-request": hook}, None, (0, 0), edge_functions=True
    )
    assert forced["edge_functions"]


# test-function


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with a function, and an event for it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.js").write_text(
        "async function handler(event) {\n"
        "  console.log('\\x1b[31mred');\n"
        "  if (event.request.uri === '/throw') throw new Error('no');\n"
        "  event.request.headers.flag = { value: await require('cloudfront').kvs().get('a') };\n"
        "  return event.request;\n}\n"
    )
    (tmp_path / "flags.json").write_text('{"data": [{"key": "a", "value": "on"}]}')
    (tmp_path / "edgegw.yaml").write_text(
        "edge_functions: {flagged: {code: f.js, key_value_store: flags, comment: ours}}\n"
        "key_value_stores: {flags: {source: flags.json}}\n"
    )
    (tmp_path / "event.json").write_text(ran("event", "cloudfront-function-request")[1])
    return tmp_path


def test_a_function_is_run_once(folder: Path) -> None:
    code, out = ran("test-function", "flagged", "--event", "event.json")
    assert code == 0
    assert out.startswith("flagged  cloudfront-js-2.0  DEVELOPMENT  UNASSOCIATED\n")
    assert "ComputeUtilization: 1" in out
    assert "\nlog: red\n" in out
    assert '"flag": {\n        "value": "on"' in out
    code, out = ran(
        "test-function", "flagged", "--event", "event.json", "--stage", "LIVE", "--json"
    )
    result = json.loads(out)["TestResult"]
    assert code == 0
    assert json.loads(result["FunctionOutput"])["request"]["headers"]["flag"] == {"value": "on"}
    assert result["FunctionExecutionLogs"] == ["\x1b[31mred"]
    assert result["FunctionErrorMessage"] == ""
    assert int(result["ComputeUtilization"]) in range(1, 51)
    summary = result["FunctionSummary"]
    assert summary["FunctionConfig"]["Comment"] == "ours"
    assert summary["FunctionConfig"]["KeyValueStoreAssociations"]["Quantity"] == 1
    assert summary["FunctionMetadata"]["Stage"] == "LIVE"
    assert summary["FunctionMetadata"]["FunctionARN"].endswith(":function/flagged")


def test_a_function_that_fails_is_exit_code_1(folder: Path) -> None:
    event = json.loads((folder / "event.json").read_text())
    event["request"]["uri"] = "/throw"
    (folder / "event.json").write_text(json.dumps(event))
    code, out = ran("test-function", "flagged", "--event", "event.json")
    assert code == 1
    assert "is invalid or could not run. Error: no\n" in out


def test_a_function_that_the_api_created_is_run_too(folder: Path) -> None:
    from edgegw import Gateway
    from edgegw.cloudfront.edge_functions.model import EdgeFunction

    given = {"gateway": {"state": str(folder / ".edgegw")}}
    registry = Gateway.from_dict(given).edge_registry
    function = EdgeFunction("made", code="function handler() { return {statusCode: 204} }")
    asyncio.run(registry.create(function))
    code, out = ran("test-function", "made", "--event", "event.json", "--json")
    assert code == 0
    assert (
        json.loads(json.loads(out)["TestResult"]["FunctionOutput"])["response"]["statusCode"] == 204
    )
    code, out = ran("test-function", "made", "--event", "event.json", "--stage", "LIVE")
    assert (code, out) == (2, "edgegw: made was never published: there is no LIVE of it\n")


def test_invoke_runs_what_the_api_published(folder: Path) -> None:
    from edgegw import Gateway
    from edgegw.cloudfront.edge_functions.model import EdgeFunction

    registry = Gateway.from_dict({"gateway": {"state": str(folder / ".edgegw")}}).edge_registry

    async def create() -> None:
        for name in ("made", "draft"):
            code = f"function handler() {{ console.log('{name}'); return {{statusCode: 204}} }}"
            created = await registry.create(EdgeFunction(name, code=code))
        await registry.publish("made", (await registry.aside(registry.all))[-1].development.etag)
        assert created.live is None

    asyncio.run(create())
    done = CliRunner().invoke(main, ["invoke", "made", "--event", "event.json"])
    assert (done.exit_code, done.stderr) == (0, "made\n")
    assert json.loads(done.stdout)["statusCode"] == 204
    assert ran("invoke", "made") == (2, ran("invoke", "flagged")[1])
    code, out = ran("invoke", "draft", "--event", "event.json")
    assert (code, "`edgegw test-function draft` runs its DEVELOPMENT" in out) == (2, True)
    assert "(known: flagged, draft, made)" in ran("invoke", "maid", "--event", "event.json")[1]


def test_what_invoke_cannot_do_for_a_function_it_says(folder: Path) -> None:
    code, out = ran("invoke", "flagged")
    assert (code, "`edgegw event cloudfront-function-request`" in out) == (2, True)
    code, out = ran("invoke", "flagged", "--event", "event.json", "--qualifier", "3")
    assert (code, "`edgegw test-function --stage` runs one" in out) == (2, True)


def test_damaged_state_is_no_matter_of_functions_of_the_configuration(folder: Path) -> None:
    state = folder / ".edgegw" / "cloudfront.sqlite"
    state.parent.mkdir()
    state.write_text("no database, but long enough to be one" * 30)
    assert ran("test-function", "flagged", "--event", "event.json")[0] == 0
    code, out = ran("test-function", "made", "--event", "event.json")
    assert code != 0
    assert out.endswith(f"{state}: file is not a database; move it away, and a new one begins\n")


def test_a_store_that_the_api_created_has_its_own_arn(folder: Path) -> None:
    from edgegw import Gateway
    from edgegw.cloudfront.edge_functions.model import EdgeFunction
    from edgegw.execution.key_value_shelf import ShelfChange

    gateway = Gateway.from_dict({"gateway": {"state": str(folder / ".edgegw")}})
    store = replace(gateway.key_values.new_store("more"), is_made=True)
    gateway.key_values.change(lambda _: ShelfChange(store.name, store))
    code = "function handler() { return {statusCode: 204} }"
    function = EdgeFunction("made", code=code, key_value_store="more")
    asyncio.run(gateway.edge_registry.create(function))
    out = ran("test-function", "made", "--event", "event.json", "--json")[1]
    config = json.loads(out)["TestResult"]["FunctionSummary"]["FunctionConfig"]
    arn = gateway.key_values.arn(store)
    assert config["KeyValueStoreAssociations"]["Items"] == [{"KeyValueStoreARN": arn}]


@pytest.mark.parametrize(
    ("name", "event", "words"),
    [
        ("flaged", None, "did you mean 'flagged'?"),
        ("flagged", "{", "--event: the event is no JSON"),
        ("flagged", '{"context": {}}', "context.eventType is one of viewer-request and"),
        ("flagged", '{"context": {"eventType": "viewer-request"}, "request": {}, "response": {}}',
         "an event of viewer-request has no response"),
        ("flagged", '{"context": {"eventType": "viewer-request"}}', "no object request"),
        ("flagged", '{"context": {"eventType": "viewer-request"}, "request": {"headers": {"A": {}}}}', "write 'a', not 'A'"),
        ("flagged", '{"context": {"eventType": "viewer-response"}, "request": {}}', "no object response"),
        ("flagged", " " * 40961, "40961 bytes, at most 40960"),
    ],
)  # fmt: skip
def test_wrong_use_says_what_to_do(folder: Path, name: str, event: str | None, words: str) -> None:
    if event is not None:
        (folder / "event.json").write_text(event)
    code, out = ran("test-function", name, "--event", "event.json")
    assert code == 2
    assert words in out
