"""Headers that the source of a function touches literally."""

from __future__ import annotations

import pytest

from edgegw.cloudfront.source_look import source_findings
from edgegw.cloudfront.triggers import Trigger

PYTHON = """\
import os

def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    headers = request["headers"]
    {line}
    return request
"""

NODE = """\
exports.handler = async (event) => {{
  const {{ request }} = event.Records[0].cf;
  const headers = request.headers;
  {line}
  return request;
}};
"""

ENTRY = "[{'key': 'X', 'value': 'y'}]"
SEEN: list[tuple[str, Trigger, str, str]] = [
    ("python", "viewer-request", f"headers['host'] = {ENTRY}", "sets host"),
    ("python", "viewer-request", f"request['headers']['Host'] = {ENTRY}", "sets host"),
    ("python", "viewer-request", "headers['host'][0]['value'] = 'x'", "sets host"),
    ("python", "viewer-request", "del headers['via']", "deletes via"),
    ("python", "viewer-request", "headers.pop('via', None)", "deletes via"),
    ("python", "viewer-request", f"headers['x-edge-a'] = {ENTRY}", "sets x-edge-a"),
    ("python", "origin-request", f"headers['Connection'] = {ENTRY}", "sets connection"),
    ("python", "origin-request", f"headers['accept-encoding'] = {ENTRY}", "sets accept-encoding"),
    (
        "python",
        "viewer-request",
        f"return {{'status': '200', 'headers': {{'content-length': {ENTRY}}}}}",
        "sets content-length",
    ),
    (
        "python",
        "viewer-request",
        f"headers['cloudfront-viewer-country'] = {ENTRY}",
        "sets cloudfront-viewer-country",
    ),
    ("nodejs", "viewer-request", "headers.host = [{ value: 'x' }];", "sets host"),
    ("nodejs", "viewer-request", "headers['host'] = [{ value: 'x' }];", "sets host"),
    ("nodejs", "viewer-request", "request.headers.host[0].value = 'x';", "sets host"),
    ("nodejs", "viewer-request", "delete headers['via'];", "deletes via"),
    ("nodejs", "viewer-request", "delete request.headers.via;", "deletes via"),
    (
        "nodejs",
        "viewer-request",
        "return { status: '200', headers: { 'content-length': [{ value: '1' }] } };",
        "sets content-length",
    ),
    (
        "nodejs",
        "origin-request",
        "return { status: '200', headers: { a: [{ value: '1' }], via: [{ value: '1' }] } };",
        "sets via",
    ),
]
UNSEEN: list[tuple[str, Trigger, str]] = [
    ("python", "origin-request", f"headers['host'] = {ENTRY}"),
    ("python", "viewer-request", f"headers['x-mine'] = {ENTRY}"),
    ("python", "viewer-request", "headers = {'Host': 'x'}"),
    ("python", "viewer-request", "print(headers['host'])"),
    ("python", "viewer-request", "host = headers['host'][0]['value']"),
    ("python", "viewer-request", "outgoing_headers['host'] = 'x'"),
    ("python", "origin-request", f"headers['cloudfront-viewer-country'] = {ENTRY}"),
    ("python", "viewer-request", f"# headers['host'] = {ENTRY}"),
    ("nodejs", "viewer-request", "// headers.host = [{ value: 'x' }];"),
    ("nodejs", "viewer-request", "/* headers.host = [{ value: 'x' }]; */"),
    ("nodejs", "origin-request", "headers.host = [{ value: 'x' }];"),
    ("nodejs", "viewer-request", "const host = headers.host[0].value;"),
    ("nodejs", "viewer-request", "if (headers.host[0].value === 'x') return request;"),
    ("nodejs", "viewer-request", "fetch('http://x', { headers: { host: 'x' } });"),
]


@pytest.mark.parametrize(("language", "trigger", "line", "text"), SEEN)
def test_literal_header_is_pointed_out(
    language: str, trigger: Trigger, line: str, text: str
) -> None:
    source = (PYTHON if language == "python" else NODE).format(line=line)
    (remark,) = source_findings(source, language, "handler", trigger)
    assert remark.text.startswith(text)
    assert remark.line == (6 if language == "python" else 4)
    assert remark.column >= 3


@pytest.mark.parametrize(("language", "trigger", "line"), UNSEEN)
def test_what_is_allowed_or_unclear_is_not(language: str, trigger: Trigger, line: str) -> None:
    source = (PYTHON if language == "python" else NODE).format(line=line)
    assert source_findings(source, language, "handler", trigger) == []


VARIABLES = [
    ("python", "os.environ['MINE']"),
    ("python", "os.environ.get('MINE')"),
    ("python", "os.getenv('MINE', '')"),
    ("nodejs", "use(process.env.MINE);"),
    ("nodejs", "use(process.env['MINE']);"),
]


@pytest.mark.parametrize(("language", "line"), VARIABLES)
def test_variables_of_ones_own_are_pointed_out(language: str, line: str) -> None:
    source = (PYTHON if language == "python" else NODE).format(line=line)
    (remark,) = source_findings(source, language, "handler", "viewer-request")
    assert remark.rule.code == "lambda-edge.reads-variable"
    reserved = source.replace("MINE", "AWS_REGION")
    assert source_findings(reserved, language, "handler", "viewer-request") == []


def test_other_handlers_of_the_file_are_not_looked_at() -> None:
    python = f"def other(event, context):\n    headers['host'] = {ENTRY}\n\n" + PYTHON.format(
        line="pass"
    )
    assert source_findings(python, "python", "handler", "viewer-request") == []
    node = "exports.other = async (event) => { headers.host = [{}]; };\n" + NODE.format(line="")
    assert source_findings(node, "nodejs", "handler", "viewer-request") == []
    assert source_findings(node, "nodejs", "other", "viewer-request") != []


def test_functions_that_the_handler_calls_are_looked_at() -> None:
    source = f"def change(headers):\n    headers['host'] = {ENTRY}\n\n" + PYTHON.format(
        line="change(headers)"
    )
    assert [
        each.line for each in source_findings(source, "python", "handler", "viewer-request")
    ] == [2]


@pytest.mark.parametrize("source", ["def (", "", "\x00", "((" * 5000])
@pytest.mark.parametrize("language", ["python", "nodejs"])
def test_source_that_cannot_be_read_is_left_alone(language: str, source: str) -> None:
    assert source_findings(source, language, "handler", "viewer-request") == []
