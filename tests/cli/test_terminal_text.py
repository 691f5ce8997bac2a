"""Text of others as it stands on a terminal."""

from __future__ import annotations

import io
import logging
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.cli.logs import LineFormatter
from edgegw.cli.render import Style
from edgegw.cli.terminal_text import on_one_line, shown_lines, shown_text
from tests.cli.test_commands import EDGEGW
from tests.conftest import PYTHON


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("plain ü", ["plain ü"]),
        ("a\rb", ["a", "b"]),
        ("a\r\nb\nc", ["a", "b", "c"]),
        ("\x1b[1;31mred\x1b[0m", ["red"]),
        ("\x1b]0;a title\x07x", ["x"]),
        ("\x1b]8;;https://a.example\x1b\\link\x1b]8;;\x1b\\", ["link"]),
        ("\x1bPdevice\x1b\\x", ["x"]),
        ("\x1bc\x1b(Bx", ["x"]),
        ("back\bspace \x00 \x9b31m", ["back�space � �31m"]),
        ("turned \u202e txt", ["turned � txt"]),
        ("half \ud800", ["half �"]),
        ("a\tb\xa0c", ["a\tb\xa0c"]),
        ("cut \x1b[", ["cut "]),
    ],
)
def test_what_would_act_on_a_terminal_is_gone(text: str, lines: list[str]) -> None:
    assert shown_lines(text) == lines


@given(st.text(st.characters(max_codepoint=0xFF), max_size=40))
def test_no_text_acts_on_a_terminal(text: str) -> None:
    for line in shown_lines(text):
        assert not any(
            (ord(char) < 32 and char != "\t") or 0x7F <= ord(char) < 0xA0 for char in line
        )


def test_further_lines_stand_below_or_behind() -> None:
    assert shown_text("a\rb\nc") == "a\n    b\n    c"
    assert on_one_line("a\r   b\n\nc") == "a b c"


def test_log_records_and_tracebacks_act_on_nothing() -> None:
    try:
        raise ValueError("x\ry\x1b[2J")
    except ValueError:
        record = logging.LogRecord("a", logging.WARNING, "", 1, "m\rn", (), sys.exc_info())
    text = LineFormatter(Style()).format(record)
    assert "\r" not in text
    assert "\x1b" not in text
    assert text.endswith("ValueError: x\ny")


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("def handler(e, c):\n    print('a\\rb\\x1b[1mc')\n    1 / 0\n", "a\r\n    bc"),
        ("raise ValueError('x\\ry\\x1b[1mz')\n", "[ERROR] ValueError: x\r\n    yz"),
        ("def handler(e, c):\n    return b'a\\rb\\x1b[1mc'\n", "a\r\nbc"),
    ],
    ids=["printed", "a failed init", "a result that is no JSON"],
)
def test_invoke_on_a_terminal(tmp_path: Path, source: str, shown: str) -> None:
    (tmp_path / "f.py").write_text(source)
    (tmp_path / "edgegw.yaml").write_text(
        f"functions:\n  f: {{runtime: {PYTHON}, code: f.py, handler: f.handler}}\n"
    )
    ours, theirs = pty.openpty()
    process = subprocess.Popen([*EDGEGW, "invoke", "f"], cwd=tmp_path, stdout=theirs, stderr=theirs)
    os.close(theirs)
    written = io.BytesIO()
    try:
        while chunk := os.read(ours, 65536):
            written.write(chunk)
    except OSError:  # Linux says so where the other end is closed
        pass
    finally:
        process.wait(timeout=60)
        os.close(ours)
    text = written.getvalue().decode()
    assert shown in text  # the terminal itself writes a line break as CR LF
    assert "\x1b" not in text
    assert "\r" not in text.replace("\r\n", "\n")
