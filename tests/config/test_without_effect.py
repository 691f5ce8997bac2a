"""What a configuration says in vain, and mistakes whose message once led astray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgegw.config.document import read_document
from edgegw.config.resolve import load_document
from edgegw.errors import ConfigError, Finding
from tests.conftest import FUNCTIONS

CONFIG = """\
distributions:
  site:
    listen: 0
    origins:
      app: {{url: http://origin.test}}
      spare: {{url: http://spare.test}}
      assets: {{s3: {folder}}}
    default_behavior: {{origin: {origin}, {behavior}}}
    {more}
{policies}
"""


def findings(**given: Any) -> list[Finding]:
    parts = {"origin": "app", "behavior": "", "more": "", "policies": "", "folder": "."}
    document = read_document(CONFIG.format(**{**parts, **given}), "edgegw.yaml", {})
    try:
        return list(load_document(document, FUNCTIONS).warnings)
    except ConfigError as error:
        return list(error.findings)


def policy(kind: str, selection: str) -> str:
    return f"{kind}:\n  own: {{cookies: {selection}}}\n"


@pytest.mark.parametrize("kind", ["cache_policies", "origin_request_policies"])
@pytest.mark.parametrize(
    ("selection", "behavior"),
    [("{items: [a]}", "none"), ("{behavior: all, items: [a]}", "all")],
)
def test_names_that_a_policy_does_not_look_at(kind: str, selection: str, behavior: str) -> None:
    (finding,) = findings(policies=policy(kind, selection))
    assert (finding.severity, finding.code) == ("warning", "cloudfront.policy-names")
    assert f"no effect with behavior: {behavior}; write behavior: whitelist" in finding.text


def test_names_that_it_looks_at_are_nothing_to_warn_of() -> None:
    assert not findings(policies=policy("cache_policies", "{behavior: allExcept, items: [a]}"))


@pytest.mark.parametrize(
    ("restriction", "text"),
    [
        ("{type: none, locations: [DE]}", "with type: none these countries have no effect"),
        ("{type: whitelist}", "a whitelist without locations lets nobody in"),
        ("{type: blacklist, locations: [DE, UK]}", "no viewer comes from UK"),
    ],
)
def test_countries_that_say_nothing(restriction: str, text: str) -> None:
    (finding,) = findings(more=f"geo_restriction: {restriction}")
    assert (finding.severity, finding.code) == ("warning", "cloudfront.geo-restriction")
    assert text in finding.text


@pytest.mark.parametrize(
    ("group", "text"),
    [
        ("twice: {members: [app, app], failover_status_codes: [500]}", "both members are the same"),
        ("app: {members: [app, spare], failover_status_codes: [500]}", "'app' is an origin as"),
    ],
)
def test_origin_groups_that_are_not_what_they_seem(group: str, text: str) -> None:
    (finding,) = findings(more=f"origin_groups: {{{group}}}")
    assert (finding.severity, finding.code) == ("warning", "cloudfront.origin-group")
    assert text in finding.text


@pytest.mark.parametrize(
    ("origin", "behavior", "warns"),
    [
        ("assets", "origin_request_policy: AllViewer", True),
        ("assets", "cache_policy: UseOriginCacheControlHeaders", True),
        ("assets", "origin_request_policy: AllViewerExceptHostHeader", False),
        ("assets", "origin_request_policy: CORS-S3Origin", False),
        ("app", "origin_request_policy: AllViewer", False),
    ],
)
def test_a_host_that_goes_on_to_a_bucket(origin: str, behavior: str, warns: bool) -> None:
    codes = [finding.code for finding in findings(origin=origin, behavior=behavior)]
    assert codes == (["cloudfront.bucket-host"] if warns else [])


def test_a_policy_that_is_not_there_is_all_that_is_said() -> None:
    (finding,) = findings(origin="assets", behavior="origin_request_policy: AllViewers")
    assert finding.code == "config.reference"


def test_a_bucket_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("")
    (finding,) = findings(folder=tmp_path / "a.html")
    assert (finding.severity, finding.code) == ("warning", "config.file")
    assert "is a file: a bucket is a folder" in finding.text


def test_a_log_that_is_a_folder(tmp_path: Path) -> None:
    (finding,) = findings(more=f"access_log: {tmp_path}")
    assert (finding.severity, finding.code) == ("error", "config.file")
    assert "is a folder: a log is a file" in finding.text


@pytest.mark.parametrize("alias", ["http://a.test", "a.test:80", "a.test:", "a.test/b"])
def test_an_alias_that_is_more_than_a_name(alias: str) -> None:
    (finding,) = findings(more=f"aliases: ['{alias}']")
    assert finding.code == "cloudfront.alias"
    assert "no scheme, port or path" in finding.text


@pytest.mark.parametrize(
    ("code", "ending"),
    [("'404'", "; write 404 without quotes"), ("418", "503 or 504"), ("401", "503 or 504")],
)
def test_a_status_that_is_none_of_the_known_ones(code: str, ending: str) -> None:
    (finding,) = findings(more=f"custom_error_responses: [{{error_code: {code}}}]")
    assert finding.code == "config.value"
    assert finding.text.endswith(ending)


def test_a_maximum_below_the_default_ttl_that_nobody_wrote() -> None:
    (finding,) = findings(policies="cache_policies:\n  own: {max_ttl: 60}\n")
    assert "ascend, not 0, 86400, 60" in finding.text
    assert finding.text.endswith("stands for a default_ttl that is left out: write one")
