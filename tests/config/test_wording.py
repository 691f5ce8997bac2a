"""What findings say: in words of the configuration, not in those of Python and its libraries.

That they do so whatever stands at whichever key: `test_any_value.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from edgegw.config.document import read_document
from edgegw.config.resolve import load_dict, load_document
from edgegw.config.schema import Config
from edgegw.config.wording import FORMS, shown
from edgegw.errors import ConfigError, Finding
from tests.config.test_any_value import FUNCTIONS, PAGE, judged


def function(**keys: Any) -> dict[str, Any]:
    whole = {"runtime": "python3.13", "code": ".", "handler": "hooks.target", **keys}
    return {"functions": {"f": whole}}


def said(value: Mapping[str, Any]) -> list[Finding]:
    """What is said of a configuration that stands in a file."""
    return list(judged(json.dumps(value)))


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"timeout": 901}, "this takes a number above 0, at most 900; found 901"),
        ({"timeout": 0}, "this takes a number above 0, at most 900; found 0"),
        ({"timeout": "soon"}, "this takes a number above 0, at most 900; found 'soon'"),
        ({"timeout": True}, "this takes a number above 0, at most 900; found true"),
        ({"memory_size": 127}, "this takes a whole number from 128 to 10240; found 127"),
        ({"memory_size": "128"}, "this takes a whole number from 128 to 10240; found '128'"),
        ({"memory_size": 128.5}, "this takes a whole number from 128 to 10240; found 128.5"),
        ({"reserved_concurrency": -1}, "this takes a whole number of 0 or more; found -1"),
        ({"layers": ["a"] * 6}, "this takes a list of at most 5 entries; found "),
        ({"layers": {"a": 1}}, 'this takes a list of at most 5 entries; found {"a": 1}'),
        ({"role": True}, "this takes a text; found true: write 'true', with the quotes"),
        ({"role": 7}, "this takes a text; found 7: write '7', with the quotes"),
        ({"logging": "JSON"}, "this takes a mapping of keys; found 'JSON'"),
        ({"tracing": True}, "true is not one of 'PassThrough', 'Active'"),
        ({"tracing": None}, "null is not one of 'PassThrough', 'Active'"),
    ],
    ids=str,
)
def test_what_a_key_takes_and_what_was_found(keys: dict[str, Any], text: str) -> None:
    (finding,) = [each for each in said(function(**keys)) if each.severity == "error"]
    expected = text.replace("', 'Active'", "' or 'Active'") if "not one of" in text else text
    assert finding.text.startswith(expected)


def test_a_pattern_is_said_in_words() -> None:
    (finding,) = said({"gateway": {"account_id": "12"}})
    assert finding.text == "this takes 12 digits; found '12'"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, "null"),
        ("a", "'a'"),
        ("it's", '"it\'s"'),
        ("a\r", '"a\\r"'),
        ([1, None], "[1, null]"),
        ({"a": False}, '{"a": false}'),
        (b"x", "a value of Python (bytes)"),
        ("x" * 80, "'" + "x" * 56 + "…"),
    ],
    ids=str,
)
def test_values_stand_as_they_are_written(value: object, text: str) -> None:
    assert shown(value) == text


def test_every_pattern_of_the_schema_has_words() -> None:
    patterns = set(
        re.findall(r'"pattern": "((?:[^"\\]|\\.)*)"', json.dumps(Config.model_json_schema()))
    )
    assert {json.loads(f'"{each}"') for each in patterns} <= set(FORMS)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (function(timeout=901), "functions.f.timeout: this takes a number above 0"),
        (function(tiemout=9), "functions.f.tiemout: unknown key 'tiemout'; did you mean 'timeout'"),
        ({"distributions": {"s": {}}}, "distributions.s: the key 'default_behavior' is missing"),
        (
            {
                "distributions": {
                    "site": {
                        "listen": 8081,
                        "origins": {"app": {"url": "http://127.0.0.1:9"}},
                        "default_behavior": {"origin": "api"},
                    }
                }
            },
            "distributions.site.default_behavior.origin: there is no origin 'api'",
        ),
        ({"distributions": {"site": {"listen": [8081, "x"]}}}, "distributions.site.listen.1: "),
    ],
    ids=["number", "unknown", "missing", "reference", "in a list"],
)
def test_findings_of_a_dict_name_the_way_to_the_key(value: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_dict(value, FUNCTIONS)
    assert any(finding.text.startswith(text) for finding in caught.value.findings), caught.value


def test_findings_of_a_file_have_its_line_for_that() -> None:
    with pytest.raises(ConfigError) as caught:
        load_document(read_document("functions:\n  f: {code: .}\n", PAGE, {}), FUNCTIONS)
    assert all("functions.f" not in finding.text for finding in caught.value.findings)
