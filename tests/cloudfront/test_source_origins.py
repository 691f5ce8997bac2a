"""Kinds of origin that the source of a function uses and its events do not have."""

from __future__ import annotations

import pytest

from edgegw.cloudfront.source_origins import Behind, origin_findings

CUSTOM = Behind("origin-request", "custom", "site/app")
BUCKET = Behind("origin-request", "s3", "site/files")
AT_VIEWER = Behind("viewer-request", "custom", "site/app")

PYTHON = """\
def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    {line}
    return request
"""
NODE = """\
exports.handler = async (event) => {{
  const request = event.Records[0].cf.request;
  {line}
  return request;
}};
"""

USED = [
    ("python", "request['origin']['s3']['domainName'] = 'b.s3.amazonaws.com'"),
    ("python", "print(request['origin']['s3'])"),
    ("python", "origin = request['origin']; origin['s3']['path'] = '/x'"),
    ("python", "request.get('origin')['s3']['path'] = '/x'"),
    ("python", "domain = request['origin']['s3']['domainName'] if request['uri'] else ''"),
    ("python", "request['origin'] = {'custom': {'path': request['origin']['s3']['path']}}"),
    ("nodejs", "request.origin.s3.domainName = 'b.s3.amazonaws.com';"),
    ("nodejs", "request.origin['s3']['domainName'] = 'b.s3.amazonaws.com';"),
    ("nodejs", "request['origin'].s3.path = '/x';"),
    ("nodejs", "const origin = request.origin; origin.s3.path = '/x';"),
    ("nodejs", "const s3 = request.origin.s3; s3.path = '/x';"),
    ("nodejs", "const { s3 } = request.origin; s3.path = '/x';"),
    ("nodejs", "const { s3: bucket } = request.origin; bucket.path = '/x';"),
    ("nodejs", "const { path } = request.origin.s3;"),
    ("nodejs", "request.origin!.s3!.domainName = 'b';"),
    ("nodejs", "(request.origin as any).s3.domainName = 'b';"),
    ("nodejs", "console.log(`to ${request.origin.s3.domainName}`);"),
    ("nodejs", "request.origin = { custom: { path: request.origin.s3.path } };"),
]
LEFT_ALONE = [
    ("python", "request['origin'] = {'s3': {'domainName': 'b'}}"),
    ("python", "request['origin']['s3'] = {'domainName': 'b'}"),
    ("python", "request['origin']['path'] = 's3'"),
    ("python", "path = request['origin']['s3']['path'] if 's3' in request['origin'] else ''"),
    ("python", "p = '' if 'custom' in request['origin'] else request['origin']['s3']['path']"),
    ("python", "s3 = request['origin'].get('s3') or {}"),
    (
        "python",
        "parts = [request['origin'][k] for k in ('s3', 'custom') if k in request['origin']]",
    ),
    ("python", "settings = {'s3': {}}; settings['s3']['a'] = 1"),
    ("python", "client = boto3.client('s3')"),
    ("python", "# request['origin']['s3']['path']"),
    ("nodejs", "request.origin = { s3: { domainName: 'b' } };"),
    ("nodejs", "request.origin.s3 = { domainName: 'b' };"),
    ("nodejs", "delete request.origin.s3;"),
    ("nodejs", "if (request.origin.s3) request.origin.s3.path = '/x';"),
    ("nodejs", "const s3 = request.origin.s3; if (s3) s3.path = '/x';"),
    ("nodejs", "const { s3 } = request.origin; if (!s3) return request; s3.path = '/x';"),
    ("nodejs", "const path = request.origin?.s3?.path;"),
    ("nodejs", "if (request.origin.custom) { } else request.origin.s3.path = '/x';"),
    ("nodejs", "const o = request.origin.s3 || request.origin.custom;"),
    ("nodejs", "if ('s3' in request.origin) request.origin.s3.path = '/x';"),
    ("nodejs", "if (Object.hasOwn(request.origin, 's3')) request.origin.s3.path = '/x';"),
    ("nodejs", "// request.origin.s3.path = '/x';"),
    ("nodejs", "console.log('see request.origin.s3.path');"),
    ("nodejs", "const found = config.s3.bucket;"),
]


def found(language: str, line: str, *places: Behind) -> list[str]:
    source = (PYTHON if language == "python" else NODE).format(line=line)
    findings = origin_findings(source, language, "handler", places)
    assert all(each.line == 3 and each.column >= 3 for each in findings)
    return [each.text for each in findings]


@pytest.mark.parametrize(("language", "line"), USED)
def test_bucket_that_is_none_is_pointed_out(language: str, line: str) -> None:
    text = (
        "uses origin.s3, which is not there at origin-request: the event of site/app has "
        "origin.custom"
    )
    assert found(language, line, CUSTOM) == [text]
    assert found(language, line, CUSTOM, BUCKET) == [text]
    assert found(language, line, BUCKET) == []


@pytest.mark.parametrize(("language", "line"), USED)
def test_and_so_is_the_other_kind_behind_a_bucket(language: str, line: str) -> None:
    swapped = line.replace("custom", "*").replace("s3", "custom").replace("*", "s3")
    (text,) = found(language, swapped, BUCKET)
    assert text.startswith("uses origin.custom, which is not there at origin-request: the event of")
    assert found(language, swapped, CUSTOM) == []


@pytest.mark.parametrize(("language", "line"), USED)
def test_events_of_viewer_triggers_have_no_origin(language: str, line: str) -> None:
    text = "uses origin.s3: the event of viewer-request has no origin"
    assert found(language, line, AT_VIEWER) == [text]
    knowing = {"python": "cf.get('eventType'); ", "nodejs": "cf.eventType; "}[language] + line
    assert found(language, knowing, AT_VIEWER) == []


@pytest.mark.parametrize(("language", "line"), LEFT_ALONE)
def test_code_that_asks_or_makes_its_own_is_left_alone(language: str, line: str) -> None:
    assert found(language, line, CUSTOM, BUCKET, AT_VIEWER) == []


def test_python_that_catches_the_missing_key_is_left_alone() -> None:
    source = (
        "def handler(event, context):\n    try:\n"
        "        event['origin']['s3']['path'] = '/'\n    except {}:\n        pass\n"
    )
    for error, count in (("KeyError", 0), ("(KeyError, OSError)", 0), ("Exception", 1)):
        look = origin_findings(source.format(error), "python", "handler", [CUSTOM])
        assert len(look) == count, error


@pytest.mark.parametrize("source", ["def (", "", "\x00", "((" * 5000, "origin.s3", "`${" * 500])
@pytest.mark.parametrize("language", ["python", "nodejs"])
def test_source_that_cannot_be_read_is_left_alone(language: str, source: str) -> None:
    assert origin_findings(source, language, "handler", [CUSTOM]) == []
