"""Files that are no configuration: every one is a finding with its place, and none takes long."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgegw.config import source
from edgegw.config.document import MAX_DEPTH, MAX_VALUES
from edgegw.config.resolve import load_file
from edgegw.errors import ConfigError, UsageError

SITE = """\
distributions:
  site:
    listen: 8081
    origins: {app: {url: "http://localhost:5173"}}
    default_behavior: {origin: app}
"""
LAUGHS = "a: &a0 [x, x]\n" + "".join(f"b{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))


def first(tmp_path: Path, content: bytes) -> str:
    """The first thing that is said of a file."""
    file = tmp_path / "c.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        load_file(file, {})
    return str(raised.value.findings[0]).removeprefix(f"{file}:")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("", "1:1: error: config.nothing", id="nothing"),
        pytest.param("# nothing\n\n", "1:1: error: config.nothing", id="a comment"),
        pytest.param("\ufeff", "1:1: error: config.nothing", id="a byte order mark"),
        pytest.param("a: " + "[" * 10_000, "1:1003: error: config.", id="brackets"),
        pytest.param("{" * 10_000, "1:1001: error: config.", id="braces"),
        pytest.param("- " * 10_000, "1:1999: error: config.", id="dashes"),
        pytest.param("? " * 10_000, "1:1999: error: config.", id="questions"),
        pytest.param("a: " + "[" * 500 + "]" * 500, "1:67: error: config.depth", id="depth"),
        pytest.param("<<: " + "{<<: " * 300 + "}" * 300, "1:320: error: config.depth", id="merges"),
        pytest.param(LAUGHS, "1:", id="aliases of aliases"),
        pytest.param("functions: &x [*x]", "1:12: error: config.syntax", id="a circle"),
        pytest.param("<<: &x {<<: *x}", "1:1: error: config.syntax", id="a circle of merges"),
        pytest.param("<<: [1]", "1:6: error: config.key", id="a merge of no mapping"),
        pytest.param(SITE + "a: *b", "6:4: error: config.syntax", id="an unknown alias"),
        pytest.param(
            SITE + "gateway:\n\tstrict: true", "7:1: error: config.syntax a tab", id="tab"
        ),
        pytest.param(SITE + SITE, "6:1: error: config.duplicate-key", id="duplicate keys"),
        pytest.param(SITE + "---\n" + SITE, "6:1: error: config.syntax", id="two documents"),
        pytest.param(SITE + "gateway: \0", "6:10: error: config.syntax", id="nul"),
        pytest.param(SITE + 'gateway: "\x1b[2J"', "6:11: error: config.syntax", id="escape"),
        pytest.param("x" * 1_000_000 + ": 1", "1:1000001: error: config.syntax", id="a long key"),
        pytest.param("text", "1:1: error: config.type", id="a text"),
        pytest.param("- a", "1:1: error: config.type", id="a list"),
        pytest.param("9" * 5000, "1:1: error: config.type", id="a number"),
        pytest.param(
            SITE + f"gateway: {{concurrency: {'9' * 5000}}}",
            "6:24: error: config.type this takes a whole number of 1 or more",
            id="5,000 digits",
        ),
        pytest.param(
            "".join(f"key{n}: 1\n" for n in range(50_000)),
            "1:1: error: config.many 50000 mistakes",
            id="many mistakes",
        ),
    ],
)
def test_what_is_no_configuration_is_a_finding(tmp_path: Path, content: str, expected: str) -> None:
    assert first(tmp_path, content.encode()).startswith(expected)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            SITE.encode() + b"a: \xff", "6:4: error: config.encoding byte 0xff", id="byte"
        ),
        pytest.param(SITE.encode("utf-16"), "1:1: error: config.encoding this is UTF-16", id="16"),
        pytest.param("ü: \xfc".encode("latin-1"), "1:1: error: config.encoding", id="latin"),
    ],
)
def test_what_is_no_utf_8_has_a_place(tmp_path: Path, content: bytes, expected: str) -> None:
    assert first(tmp_path, content).startswith(expected)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(SITE, encoding="utf-8-sig")
    assert load_file(tmp_path / "c.yaml").distributions


def test_no_more_is_read_than_a_configuration_has(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(source, "LARGEST", 1024)
    assert first(tmp_path, b"#" * 1025).startswith("1:1: error: config.size")
    with pytest.raises(ConfigError, match=r"config\.size"):
        load_file("/dev/zero")


@pytest.mark.parametrize("name", [".", "nowhere.yaml", "x" * 300, "a\0b"])
def test_what_is_no_file_is_said_in_a_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        load_file(tmp_path / name)


def test_the_limits_leave_room_for_large_configurations(tmp_path: Path) -> None:
    functions = "".join(f"  f{n}: {{endpoint: x}}\n" for n in range(2000))
    (tmp_path / "c.yaml").write_text(f"{SITE}functions:\n{functions}")
    assert len(load_file(tmp_path / "c.yaml").functions) == 2000
    assert (MAX_DEPTH, MAX_VALUES) >= (20, 10_000)


# Names of files

LONG = "x" * 300


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ("gateway: {state: LONG}", "6:18"),
        ("functions: {f: {code: LONG}}", "6:23"),
        ("functions: {f: {code: ., handler: LONG.handler}}", "6:35"),
        ("functions: {f: {code: ., handler: a.b, layers: [LONG]}}", "6:49"),
        ("load_balancers: {web: {access_log: LONG, listeners: LISTENERS}}", "6:36"),
        ("load_balancers: {web: {connection_log: a/LONG, listeners: LISTENERS}}", "6:40"),
        ("load_balancers: {web: {listeners: [{CERTIFICATE, LISTENER}]}}", "6:50"),
        ("functions: {LONG: {code: ., handler: a.b}}", "6:13"),
        ("target_groups: {LONG: {}}", "6:17"),
    ],
)
def test_names_that_no_file_can_have(tmp_path: Path, more: str, place: str) -> None:
    (tmp_path / "a.py").touch()
    text = more.replace("CERTIFICATE", "certificate: LONG, key: LONG")
    text = text.replace("LISTENERS", "[{LISTENER}]")
    text = text.replace("LISTENER", "listen: 0, default_actions: [{forward: t}]")
    text = text.replace("LONG", LONG) + "\n"
    text += "" if "target_groups" in text else "target_groups: {t: {}}\n"
    assert first(tmp_path, (SITE + text).encode()).startswith(f"{place}: error: ")


def test_links_that_lead_to_themselves(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    text = f"{SITE}functions: {{f: {{code: loop}}}}"
    said = first(tmp_path, text.encode())
    assert said.startswith("6:23: error: config.file")
    assert "cannot be looked at" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter every folder")
def test_folders_that_may_not_be_entered(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    said = first(tmp_path, f"{SITE}functions: {{f: {{code: closed/a}}}}".encode())
    assert "cannot be looked at: permission denied" in said
