"""Line breaks and other control characters: refused wherever a text becomes a line of something."""

from __future__ import annotations

import pytest

from edgegw.config import schema
from edgegw.config.document import KeyPath, document_of
from edgegw.config.files import LONGEST_NAME
from edgegw.config.texts import check_texts
from edgegw.errors import ConfigError, Finding
from tests.config.every_key import every_key, with_value

CONTROL = ("\r", "\n", "\r\n", "\x1b", "\x7f", "\x85", "\x01")
PROSE = {"description", "message_body", "claims", "comment"}
NOT_HERE_YET = {"key_groups"}


def said(path: KeyPath, value: object) -> list[Finding]:
    document = document_of(with_value(path, value))
    check_texts(document)
    return document.findings


def is_prose(path: KeyPath) -> bool:
    above = {"environment", "local_environment"}.intersection(map(str, path[:-1]))
    return path[-1] in PROSE or bool(above) or path[0] in NOT_HERE_YET


@pytest.mark.parametrize("path", every_key(), ids=lambda path: ".".join(map(str, path)))
def test_a_text_is_one_line_unless_somebody_reads_it(path: KeyPath) -> None:
    for control in CONTROL:
        findings = said(path, f"a{control}b")
        codes = [each.code for each in findings]
        assert codes == ([] if is_prose(path) else ["config.character"]), control


@pytest.mark.parametrize(
    "path",
    [
        ("functions", "hook", "environment"),
        ("distributions", "site", "origins", "app", "custom_headers"),
        ("distributions", "site", "default_behavior", "lambda_functions"),
        *((name,) for name in schema.Config.model_fields),
    ],
    ids=lambda path: path[-1],
)
def test_a_name_is_one_line_and_has_a_character(path: KeyPath) -> None:
    for name in ("a\r\nb", "\n", "", "\x1b"):
        assert [each.code for each in said(path, {name: {}})] == ["config.key"], name


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_what_is_no_text_ends_the_judgement(text: str) -> None:
    for value in (text, {text: 1}, [text]):
        with pytest.raises(ConfigError):
            said(("functions", "hook", "environment"), {"X": value})


def test_names_of_front_doors_and_functions_are_as_long_as_names_of_files() -> None:
    for length, count in ((LONGEST_NAME, 0), (LONGEST_NAME + 1, 1)):
        assert len(said(("target_groups", "x" * length), {})) == count
        assert len(said(("target_groups", "ü" * (length // 2 + 1)), {})) == 1


ORIGIN = ("distributions", "site", "origins", "app")
RULES = ("load_balancers", "web", "listeners", 1, "rules")


@pytest.mark.parametrize(
    "path",
    [
        (*ORIGIN, "path"),
        (*ORIGIN, "url"),
        ("distributions", "site", "default_root_object"),
        ("distributions", "site", "custom_error_responses", 0, "response_page_path"),
        (*RULES, 1, "actions", 0, "redirect", "host"),
        (*RULES, 1, "actions", 0, "redirect", "path"),
        (*RULES, 1, "actions", 0, "redirect", "query"),
        ("target_groups", "apps", "health_check", "path"),
    ],
    ids=lambda path: path[-1],
)
@pytest.mark.parametrize("text", ["/a b", "/a\tb", "/a\r\nX: 1"])
def test_blanks_have_no_place_in_a_request_line_or_a_location(path: KeyPath, text: str) -> None:
    from edgegw.config.resolve import load_dict
    from tests.config.test_any_value import FUNCTIONS

    value = text.removeprefix("/") if path[-1] == "default_root_object" else text
    with pytest.raises(ConfigError) as raised:
        load_dict(with_value(path, value), FUNCTIONS)
    assert len(raised.value.findings) >= 1


@pytest.mark.parametrize("name", ["a b", "a:", "ü", "a\r\n", "("])
def test_names_of_custom_headers_are_tokens(name: str) -> None:
    from edgegw.config.resolve import load_dict
    from tests.config.test_any_value import FUNCTIONS

    with pytest.raises(ConfigError):
        load_dict(with_value((*ORIGIN, "custom_headers"), {name: "x"}), FUNCTIONS)
