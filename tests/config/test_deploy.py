"""What `check --deploy` says, with its place."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import pytest

from edgegw.cloudfront.rule_table import DEPLOYMENT_RULES
from edgegw.config.document import read_document
from edgegw.config.resolve import load_document
from edgegw.errors import ConfigError, Finding

HOOK = "def handler(event, context):\n    return event['Records'][0]['cf']['request']\n"

CONFIG = """\
functions:
  hook:
    code: .
    runtime: python3.13
{function}
distributions:
  site:
    listen: 0
    origins: {{app: {{url: "http://127.0.0.1:3000"}}}}
    default_behavior:
      origin: app
      lambda_functions:
        {trigger}: {reference}
{behavior}
{rest}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "handler.py").write_text(HOOK)
    return tmp_path


def judged(
    folder: Path,
    function: str = "",
    *,
    trigger: str = "origin-request",
    reference: str = "hook",
    behavior: str = "",
    rest: str = "",
    deploy: bool = True,
) -> tuple[Finding, ...]:
    text = CONFIG.format(
        function="\n".join(f"    {line}" for line in function.splitlines()),
        trigger=trigger,
        reference=reference,
        behavior="\n".join(f"      {line}" for line in behavior.splitlines()),
        rest=rest,
    )
    try:
        return load_document(read_document(text, "c.yaml", {}), folder, deploy=deploy).warnings
    except ConfigError as error:
        return error.findings


def brief(findings: tuple[Finding, ...]) -> list[tuple[int, str, str]]:
    return [
        (each.line, each.severity, each.code)
        for each in findings
        if each.code != "config.no-effect-yet"
    ]


REFUSED = [
    ("environment: {A_NAME: x}", "environment"),
    ("layers: [.]", "layers"),
    ("vpc_config: {subnet_ids: [subnet-1]}", "vpc"),
    ("architectures: [arm64]", "architecture"),
    ("package_type: Image", "package-type"),
    ("image_uri: 123456789012.dkr.ecr.us-east-1.amazonaws.com/hook:1", "package-type"),
    ("timeout: 31", "timeout-quota"),
    ("ephemeral_storage: 513", "storage-quota"),
    ("provisioned_concurrency: 1", "provisioned-concurrency"),
    ("event_invoke: {dead_letter: 'sqs:q'}", "dead-letter"),
    ("tracing: Active", "tracing"),
    ("kms_key_arn: arn:aws:kms:us-east-1:123456789012:key/1", "kms-key"),
    ("runtime_management: Manual", "runtime-management"),
]


@pytest.mark.parametrize(("setting", "code"), REFUSED, ids=[setting for setting, _ in REFUSED])
def test_setting_that_the_edge_refuses(folder: Path, setting: str, code: str) -> None:
    findings = judged(folder, setting)
    assert brief(findings) == [(5, "error", f"lambda-edge.{code}")]
    assert brief(judged(folder, setting, reference="hook:1")) == brief(findings)


def test_function_that_is_at_no_trigger_may_have_all(folder: Path) -> None:
    settings = "".join(f"    {setting}\n" for setting, _ in REFUSED)
    rest = f"functions:\n  hook: {{code: .}}\n  other:\n    code: .\n{settings}"
    text = CONFIG.format(
        function="", trigger="origin-request", reference="hook", behavior="", rest=""
    )
    text = rest + text[text.index("distributions:") :]
    found = load_document(read_document(text, "c.yaml", {}), folder, deploy=True).warnings
    assert brief(found) == []


def on_runtime(folder: Path, runtime: str) -> list[tuple[int, str, str]]:
    (folder / "handler.js").write_text("exports.handler = async (event) => event;\n")
    text = CONFIG.format(
        function="", trigger="origin-request", reference="hook", behavior="", rest=""
    ).replace("python3.13", runtime)
    try:
        return brief(load_document(read_document(text, "c", {}), folder, deploy=True).warnings)
    except ConfigError as error:
        return brief(error.findings)


@pytest.mark.parametrize("runtime", ["python3.11", "python3.14", "nodejs22.x", "nodejs24.x"])
def test_runtime_of_today(folder: Path, runtime: str) -> None:
    assert on_runtime(folder, runtime) == []


@pytest.mark.parametrize(
    ("runtime", "severity", "code"),
    [
        ("provided.al2023", "error", "runtime"),
        ("python3.99", "error", "runtime"),
        ("nodejs30.x", "error", "runtime"),
        ("python3.15", "warning", "ended-runtime"),
        ("nodejs26.x", "warning", "ended-runtime"),
        ("python3.9", "warning", "ended-runtime"),
        ("nodejs18.x", "warning", "ended-runtime"),
        ("nodejs20.x", "warning", "ended-runtime"),
    ],
)
def test_runtime_that_the_edge_does_not_take(
    folder: Path, runtime: str, severity: str, code: str
) -> None:
    assert on_runtime(folder, runtime) == [(4, severity, f"lambda-edge.{code}")]


@pytest.mark.parametrize("trigger", ["viewer-request", "viewer-response"])
def test_memory_at_a_viewer_trigger_is_only_warned_of(folder: Path, trigger: str) -> None:
    found = judged(folder, "memory_size: 256", trigger=trigger)
    assert brief(found) == [(5, "warning", "lambda-edge.memory-quota")]
    assert brief(judged(folder, "memory_size: 256")) == []


@pytest.mark.parametrize("reference", ["hook:$LATEST", "hook:live"])
def test_version_must_be_published(folder: Path, reference: str) -> None:
    aliases = 'aliases: {live: {version: "1"}}'
    found = judged(folder, aliases, reference=reference)
    assert brief(found) == [(13, "error", "lambda-edge.version")]
    plain = judged(folder, aliases, reference=reference, deploy=False)
    assert brief(plain) == [(13, "warning", "lambda-edge.version")]


def test_bare_name_is_refused_once_versions_are_published(folder: Path) -> None:
    versions = "versions: {1: {}}"
    assert [code for _, _, code in brief(judged(folder, versions))] == ["lambda-edge.version"]
    assert brief(judged(folder, versions, reference="hook:1")) == []


def test_setting_of_the_version_is_named_there(folder: Path) -> None:
    function = "versions:\n  1: {timeout: 40}\n  2: {}"
    assert brief(judged(folder, function, reference="hook:1")) == [
        (6, "error", "lambda-edge.timeout-quota")
    ]
    assert brief(judged(folder, function, reference="hook:2")) == []


def test_region(folder: Path) -> None:
    found = judged(folder, rest="gateway: {region: eu-central-1}")
    assert brief(found) == [(15, "error", "lambda-edge.region")]


def test_strict_off(folder: Path) -> None:
    found = judged(folder, rest="gateway: {strict: false}")
    assert brief(found) == [(15, "warning", "lambda-edge.strict-off")]


@pytest.mark.parametrize(
    ("trigger", "other", "code"),
    [
        ("viewer-request", "viewer-request", "two-functions"),
        ("viewer-request", "viewer-response", "mixed-functions"),
        ("viewer-response", "viewer-request", "mixed-functions"),
        ("origin-request", "viewer-request", ""),
    ],
)
def test_cloudfront_functions_beside(folder: Path, trigger: str, other: str, code: str) -> None:
    (folder / "rewrite.js").write_text("function handler(event) { return event.request }")
    behavior, rest = (
        f"edge_functions: {{{other}: rewrite}}",
        "edge_functions: {rewrite: {code: rewrite.js}}",
    )
    found = judged(folder, trigger=trigger, behavior=behavior, rest=rest)
    expected = [(14, "error", f"lambda-edge.{code}")] if code else []
    assert brief(found) == expected


def test_include_body_at_a_response(folder: Path) -> None:
    found = judged(
        folder, trigger="origin-response", reference="{function: hook, include_body: true}"
    )
    assert brief(found) == [(13, "error", "lambda-edge.include-body")]


def test_two_functions_on_one_trigger(folder: Path) -> None:
    behavior = "  origin-request: hook"
    found = judged(folder, behavior="  " + behavior.strip())
    assert [each.severity for each in found] == ["error"]
    assert "twice" in found[0].text


def test_too_many_functions_and_origins(folder: Path) -> None:
    functions = "".join(f"  f{at}: {{code: .}}\n" for at in range(101))
    text = (
        f"functions:\n{functions}distributions:\n  site:\n    listen: 0\n"
        '    origins: {app: {url: "http://127.0.0.1:3000"}}\n'
        "    default_behavior: {origin: app}\n    behaviors:\n"
    )
    rows = [
        f"      - {{path_pattern: /{at}, origin: app, lambda_functions: "
        f"{{viewer-request: f{at}, origin-request: f{(at + 51) % 101}}}}}\n"
        for at in range(51)
    ]
    with pytest.raises(ConfigError) as error:
        load_document(read_document(text + "".join(rows), "c", {}), folder, deploy=True)
    assert [each.code for each in error.value.findings] == [
        "lambda-edge.functions-per-distribution"
    ]


def test_quotas_of_the_distribution(folder: Path) -> None:
    origins = ", ".join(f'o{at}: {{url: "http://127.0.0.1:3000"}}' for at in range(101))
    headers = ", ".join(f"x-{at}: a" for at in range(31))
    text = (
        f"distributions:\n  site:\n    listen: 0\n    origins: {{{origins}}}\n"
        f"    default_behavior: {{origin: o0}}\n"
        f"  other:\n    listen: 0\n"
        f'    origins: {{app: {{url: "http://127.0.0.1:3000", custom_headers: {{{headers}}}}}}}\n'
        f"    default_behavior: {{origin: app}}\n"
        "cache_policies:\n  mine: {headers: {behavior: whitelist, items: "
        f"[{', '.join(f'x-{at}' for at in range(11))}]}}}}\n"
    )
    with pytest.raises(ConfigError) as error:
        load_document(read_document(text, "c", {}), folder, deploy=True)
    assert [each.code for each in error.value.findings] == [
        "cloudfront.origins",
        "cloudfront.origin-header",
        "cloudfront.cache-policy",
    ]


def test_package_that_is_too_large(folder: Path) -> None:
    noise = random.Random(1).randbytes(1024 * 1024)
    (folder / "large.bin").write_bytes(noise * 51)
    found = judged(folder)
    assert brief(found) == [(3, "error", "lambda-edge.package-size")]
    assert "51.0 MB" in found[0].text


def test_package_that_is_small_once_it_is_zipped(folder: Path) -> None:
    (folder / "large.bin").write_bytes(bytes(60 * 1024 * 1024))
    assert brief(judged(folder)) == []


def test_zip_package_counts_as_it_is(folder: Path) -> None:
    noise = random.Random(1).randbytes(1024 * 1024)
    with zipfile.ZipFile(folder / "code.zip", "w") as package:
        package.writestr("handler.py", HOOK)
        package.writestr("large.bin", noise * 51)
    text = CONFIG.format(
        function="", trigger="origin-request", reference="hook", behavior="", rest=""
    ).replace("code: .", "code: code.zip")
    with pytest.raises(ConfigError) as error:
        load_document(read_document(text, "c", {}), folder, deploy=True)
    assert brief(error.value.findings) == [(3, "error", "lambda-edge.package-size")]


def test_source_is_looked_at(folder: Path) -> None:
    (folder / "handler.py").write_text(
        "import os\n\n\n"
        "def handler(event, context):\n"
        "    request = event['Records'][0]['cf']['request']\n"
        "    request['headers']['host'] = [{'value': os.environ['NAME']}]\n"
        "    return request\n"
    )
    found = judged(folder, trigger="viewer-request")
    assert [(each.line, each.column, each.severity, each.code) for each in found] == [
        (6, 5, "warning", "lambda-edge.literal-header"),
        (6, 45, "warning", "lambda-edge.reads-variable"),
    ]
    assert found[0].file.endswith("handler.py")
    assert "host, which is read-only at viewer-request" in found[0].text
    assert [each.code for each in judged(folder)] == ["lambda-edge.reads-variable"]


def test_source_beside_a_zip_package_is_not_what_it_holds(folder: Path) -> None:
    (folder / "handler.py").write_text("import os\n\n\n" + READS_A_VARIABLE)
    with zipfile.ZipFile(folder / "code.zip", "w") as package:
        package.writestr("handler.py", HOOK)
    text = CONFIG.format(
        function="", trigger="origin-request", reference="hook", behavior="", rest=""
    )
    for code, expected in (("code: .", ["lambda-edge.reads-variable"]), ("code: code.zip", [])):
        document = read_document(text.replace("code: .", code), "c", {})
        load_document(document, folder, deploy=True)
        assert [finding.code for finding in document.findings] == expected


READS_A_VARIABLE = """\
def handler(event, context):
    event["name"] = os.environ["NAME"]
    return event["Records"][0]["cf"]["request"]
"""

TOUCHES_A_BUCKET = """\
def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    if request["uri"] == "/":
        request["origin"]["s3"]["path"] = "/start"
    return request
"""


@pytest.mark.parametrize(
    ("origins", "origin", "named"),
    [
        ('app: {url: "http://127.0.0.1:3000"}', "app", "site/app"),
        ("app: {s3_website: .}", "app", "site/app"),
        ("app: {s3: .}", "app", ""),
        ('app: {s3: .}, b: {url: "http://127.0.0.1:3000"}', "both", "site/b"),
    ],
    ids=["url", "website", "bucket", "group"],
)
def test_kind_of_origin_that_the_event_does_not_have(
    folder: Path, origins: str, origin: str, named: str
) -> None:
    (folder / "handler.py").write_text(TOUCHES_A_BUCKET)
    text = CONFIG.format(
        function="", trigger="origin-request", reference="hook", behavior="", rest=""
    )
    group = "    origin_groups: {both: {members: [app, b], failover_status_codes: [500]}}\n"
    text = text.replace('app: {url: "http://127.0.0.1:3000"}', origins)
    text = text.replace("origin: app", f"origin: {origin}")
    if origin == "both":
        text = text.replace("    default_behavior", f"{group}    default_behavior")
    found = load_document(read_document(text, "c", {}), folder, deploy=True).warnings
    kinds = [each for each in found if each.code == "lambda-edge.origin-kind"]
    assert [(each.line, each.column, each.severity) for each in kinds] == (
        [(4, 9, "warning")] if named else []
    )
    assert all(named in each.text and each.file.endswith("handler.py") for each in kinds)


def test_kind_of_origin_in_typescript(folder: Path) -> None:
    (folder / "handler.py").unlink()
    (folder / "handler.ts").write_text(
        "export const handler = async (event: any) => {\n"
        "  const request = event.Records[0].cf.request;\n"
        "  request.origin!.s3!.path = '/start';\n"
        "  return request;\n};\n"
    )
    text = CONFIG.format(
        function="", trigger="origin-request", reference="hook", behavior="", rest=""
    ).replace("python3.13", "nodejs22.x")
    found = load_document(read_document(text, "c", {}), folder, deploy=True).warnings
    assert [(each.line, each.column) for each in found if each.code.endswith("origin-kind")] == [
        (3, 11)
    ]


def test_every_rule_of_deployment_is_tested_here() -> None:
    text = Path(__file__).read_text()
    for rule in DEPLOYMENT_RULES:
        assert f'{rule.code.removeprefix("lambda-edge.")}"' in text, rule.code


@pytest.mark.parametrize(
    "setting", ["timeout: 31", "ephemeral_storage: 513", "environment: {AB: x}"]
)
def test_plain_check_warns_of_what_is_cut_here(folder: Path, setting: str) -> None:
    assert [each.severity for each in judged(folder, setting, deploy=False)] == ["warning"]
