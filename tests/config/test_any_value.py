"""Whatever stands at a key, it is judged: with a place where it is wrong, in words of the
configuration and not in those of Python, and never a traceback.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from edgegw.config import schema
from edgegw.config.document import KeyPath, read_document
from edgegw.config.resolve import load_dict, load_document
from edgegw.errors import ConfigError, Finding
from tests.config.every_key import EVERYTHING, every_key, mappings, models_of, text_with

FUNCTIONS = Path(__file__).parents[1] / "functions"
PAGE = "c.yaml"
WRITTEN = (
    *("null", "[]", "{}", "[null]", "{a: null}", "[[]]"),
    *("0", "-1", "9" * 5000, "1e999", ".5", "true"),
    *("false", "1.5", "[1]", "{x: 1}"),
    *('""', "x", "²", '"http://["', "x" * 300, r'"a\r\nb"', r'"\0"'),
)
"""What somebody may have written at a key, meant or not."""
FOREIGN = re.compile(
    r"[Ii]nput should|\b(None|True|False|dict|dictionary|instance of|iterable|unable to parse|"
    r"pydantic|str|NoneType|keyword|characters? at|is not valid under)\b|\bvalid (string|number|"
    r"integer|boolean|list)|something else"
)
"""Words of Python and of pydantic."""
OF_THE_VALUE = {"config.type", "config.value", "config.empty", "config.character", "config.key"}
"""Codes of what is wrong with a value by itself: they stand where the value does."""


def judged(text: str) -> tuple[Finding, ...]:
    """All that is said of a configuration."""
    try:
        return load_document(read_document(text, PAGE, {}), FUNCTIONS).warnings
    except ConfigError as error:
        return error.findings


def name(path: KeyPath) -> str:
    return ".".join(map(str, path))


def test_the_configuration_that_is_tried_has_every_mapping_of_the_schema() -> None:
    assert load_dict(EVERYTHING, FUNCTIONS).warnings == ()
    assert models_of(schema.Config) - {model for _, model in mappings()} == set()


@pytest.mark.parametrize("path", every_key(), ids=name)
def test_any_value_at_any_key_is_judged(path: KeyPath) -> None:
    line = read_document(text_with(path, "1"), PAGE, {}).place(path)[0]
    for written in WRITTEN:
        for finding in judged(text_with(path, written)):
            assert finding.file == PAGE
            assert finding.line >= 1
            assert len(finding.text) <= 1000
            assert not FOREIGN.search(finding.text), (written, finding.text)
            if finding.code in OF_THE_VALUE:
                assert finding.line == line, (written, str(finding))


@pytest.mark.parametrize(
    "path", [path for path in every_key() if isinstance(path[-1], str)], ids=name
)
def test_a_key_left_empty_is_a_mistake_in_its_line(path: KeyPath) -> None:
    text = text_with(path, "")
    line = read_document(text_with(path, "1"), PAGE, {}).place(path)[0]
    (finding,) = [each for each in judged(text) if each.code == "config.empty"]
    assert (finding.line, finding.severity) == (line, "error")
    assert "is left empty" in finding.text


def test_an_entry_left_empty_is_a_mistake_in_its_line() -> None:
    block = "target_groups:\n  apps:\n    targets:\n      - 127.0.0.1:3000\n      -\n"
    assert [str(each) for each in judged(block)] == [
        f"{PAGE}:5:8: error: config.empty this entry is left empty: give it a value, or take it out"
    ]


@pytest.mark.parametrize("key", ["url_rewrite", "host_header_rewrite", "forward", "host_header"])
def test_a_mapping_of_one_key_does_not_take_null_for_it(key: str) -> None:
    """`null` means "not given", and then nothing is given."""
    rule = {
        "priority": 1,
        "conditions": [{"host_header": "a.example"}],
        "actions": [{"fixed_response": {"status_code": 200}}],
    }
    kind = {"forward": "actions", "host_header": "conditions"}.get(key, "transforms")
    rule[kind] = [{key: None}]
    listener = {"listen": 0, "default_actions": rule["actions"], "rules": [rule]}
    with pytest.raises(ConfigError, match="found none"):
        load_dict({"load_balancers": {"web": {"listeners": [listener]}}})


# Configurations that are made in Python


def deep(levels: int) -> object:
    value: object = "x"
    for _ in range(levels):
        value = [value]
    return value


def circle() -> dict[str, object]:
    value: dict[str, object] = {}
    value["again"] = value
    return value


def doubled(times: int) -> object:
    value: object = ["x"]
    for _ in range(times):
        value = [value, value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(deep(10_000), id="deep"),
        pytest.param(circle(), id="circle"),
        pytest.param(doubled(40), id="doubled"),
        pytest.param(10**5000, id="long number"),
        pytest.param(b"bytes", id="bytes"),
        pytest.param(object(), id="object"),
        pytest.param(float("nan"), id="nan"),
        pytest.param({1: "x"}, id="number as key"),
        pytest.param("\ud800", id="half a character"),
        pytest.param({"\ud800": "x"}, id="half a character as key"),
    ],
)
@pytest.mark.parametrize("key", ["functions", "gateway", "target_groups"])
def test_a_dict_can_hold_anything(key: str, value: object) -> None:
    with pytest.raises(ConfigError):
        load_dict({key: {"x": value}}, FUNCTIONS)


def test_the_text_of_a_configuration_in_json_is_the_same() -> None:
    assert judged(json.dumps(EVERYTHING)) == ()
