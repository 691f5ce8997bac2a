"""Python results as JSON: our encoder beside that of AWS's own client, over kinds of values."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import datetime
import decimal
import enum
import importlib.util
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from edgegw.awslambda.model import Function, LogSettings, Runtime
from edgegw.execution.zygote import RUNTIMES
from tests.conftest import need_module
from tests.execution.lambda_service import running

PYTHON = Runtime(f"python3.{sys.version_info[1]}", "python", sys.version_info[:2])


def point(x: Any, y: Any) -> Any:
    """A NamedTuple of a class that is declared only now, as in a handler."""
    return NamedTuple("Point", [("x", int), ("y", int)])(x, y)


class Colour(enum.Enum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


class Text(str):
    __slots__ = ()

    def _asdict(self) -> dict[str, int]:
        return {"never": 1}


class Celsius(float):
    def __repr__(self) -> str:
        return "warm"


class Mine:
    def _asdict(self) -> Any:
        return {"a": b"bytes", "b": point(1, 2)}


class Wrong(Mine):
    def _asdict(self) -> Any:
        return ["no dict"]


class Raises(Mine):
    def _asdict(self) -> Any:
        raise LookupError("while it was asked")


class Attribute(Mine):
    _asdict = {"a": 1}  # noqa: RUF012 - not callable, that is the point


class Listed(list[int]):
    def _asdict(self) -> dict[str, int]:
        return {"listed": 1}


@dataclasses.dataclass
class Data:
    x: int = 1


def circle() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


def circle_of_tuples() -> Any:
    value: list[Any] = []
    value.append(point(value, 1))
    return value


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


D = decimal.Decimal
KINDS: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "booleans": lambda: [True, False],
    "integers": lambda: [0, -1, 2**70],
    "floats": lambda: [0.1, 1e100, -0.0, 1.0],
    "not a number": lambda: [float("nan"), float("inf"), float("-inf")],
    "ASCII": lambda: 'a"\\/\b\f\n\r\t\x00\x1f\x7f',
    "other text": lambda: "ü\u20ac\U0001f600",
    "line ends of Unicode": lambda: {"\u2028": "\u2029"},
    "a lone surrogate": lambda: "\ud800",
    "bytes": lambda: [b"raw", "ü".encode()],
    "bytes that are no text": lambda: [b"\xff"],
    "bytes deep inside": lambda: {"a": [{"b": (b"x",)}]},
    "bytes as a key": lambda: {b"k": 1, "l": {b"m": b"n"}},
    "bytes that are no text as a key": lambda: {b"\xff": 1},
    "a bytearray": lambda: [bytearray(b"x")],
    "a memoryview": lambda: [memoryview(b"x")],
    "a tuple": lambda: (1, (2, 3)),
    "a NamedTuple": lambda: point(1, 2),
    "a NamedTuple deep inside": lambda: {"a": [(point(1, point(2, 3)),)]},
    "a namedtuple": lambda: collections.namedtuple("P", "x")(b"bytes"),
    "a NamedTuple as a key": lambda: {point(1, 2): 1},
    "a NamedTuple in a circle": circle_of_tuples,
    "_asdict": lambda: [Mine()],
    "_asdict without a dict": lambda: [Wrong()],
    "_asdict that raises": lambda: [Raises()],
    "_asdict that is no method": lambda: [Attribute()],
    "_asdict of a list": lambda: [point(1, 2), Listed([1])],
    "_asdict of a text": lambda: [Text("text")],
    "Decimals": lambda: [D("1.10"), D("1E+5"), D("-0"), D("1e400")],
    "Decimals that are none": lambda: [D("NaN"), D("-NaN"), D("sNaN"), D("Infinity")],
    "a Decimal as a key": lambda: {D(1): 1},
    "keys": lambda: {1: 1, False: 2, None: 3, 1.5: 4, float("nan"): 5, "ü": 6},
    "a key of an IntEnum": lambda: {Number.ONE: Number.ONE},
    "a tuple as a key": lambda: {(1, 2): 1},
    "an Enum": lambda: [Colour.RED],
    "subclasses of numbers": lambda: [Celsius(20.5), Number.ONE],
    "a set": lambda: {1},
    "a frozenset": lambda: [frozenset({1})],
    "a range": lambda: [range(3)],
    "a generator": lambda: (each for each in (1, 2)),
    "an iterator": lambda: iter([1]),
    "an ordered dict": lambda: collections.OrderedDict(a=1),
    "a default dict": lambda: collections.defaultdict(list, a=[1]),
    "a mapping": lambda: types.MappingProxyType({"a": 1}),
    "a user's dict": lambda: collections.UserDict(a=1),
    "a deque": lambda: collections.deque([1]),
    "a dataclass": lambda: Data(),
    "a namespace": lambda: types.SimpleNamespace(a=1),
    "a date": lambda: datetime.date(2026, 1, 2),
    "a complex number": lambda: 1j,
    "a function": lambda: deep,
    "a class": lambda: Data,
    "an exception": lambda: ValueError("x"),
    "a circle": circle,
    "empty ones": lambda: [[], {}, (), "", b""],
    "an object": lambda: object(),
}  # fmt: skip


@pytest.fixture(scope="module")
def marshalling() -> Any:
    """The module, which is no part of the package but runs beside the functions."""
    path = RUNTIMES / "python" / "marshalling.py"
    spec = importlib.util.spec_from_file_location("marshalling_of_functions", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def outcome(dumps: Callable[[Any], Any], make: Callable[[], Any]) -> tuple[str, Any]:
    try:
        return "text", dumps(make()).encode()
    except Exception as fault:
        text = str(fault)
        return "fault", text.partition(" at 0x")[0]


@pytest.mark.parametrize("version", ["3.11", "3.13"])
@pytest.mark.parametrize("kind", KINDS)
def test_as_the_client_of_aws(
    marshalling: Any, kind: str, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EXECUTION_ENV", f"AWS_Lambda_python{version}")
    judge = need_module("awslambdaric.lambda_runtime_marshaller")
    dumps = marshalling.dumper(version == "3.13")
    assert outcome(dumps, KINDS[kind]) == outcome(
        judge.LambdaMarshaller().jsonEncoder.encode, KINDS[kind]
    )
    assert outcome(dumps, lambda: [1]) == ("text", b"[1]")  # nothing is left of the one before


def test_without_the_encoder_in_c(marshalling: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marshalling, "unchecked", lambda *_: None)
    dumps = marshalling.dumper(True)
    assert dumps([point(1, 2), {b"k": b"v"}, "ü"]) == '[{"x": 1, "y": 2}, {"k": "v"}, "ü"]'


def test_only_declared_tuples_make_results_be_looked_through(
    marshalling: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Any] = []
    monkeypatch.setattr(marshalling, "is_plain", lambda value: looked.append(value) or True)
    dumps = marshalling.dumper(False)
    dumps([1, urlsplit("http://a")])
    assert looked == []
    declared = point(1, 2)
    dumps([2])
    assert looked == [[2]]
    assert declared


async def test_in_a_function(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from typing import NamedTuple\n"
        "class Point(NamedTuple):\n    x: int\n    y: bytes\n"
        "def handler(event, context):\n"
        "    return {'point': Point(1, b'two'), b'key': 3}\n"
        "async def waits(event, context):\n    return 1\n"
    )
    function = Function("app", PYTHON, str(tmp_path), "app.handler", 5.0)
    waits = Function("waits", PYTHON, str(tmp_path), "app.waits", 5.0)
    async with running(function, waits) as lambda_:
        assert await lambda_.result("app") == {"point": {"x": 1, "y": "two"}, "key": 3}
        error = await lambda_.error("waits")
        assert error.error_type == "Runtime.MarshalError"
        [said] = [line for line in lambda_.log("waits") if line.startswith("edgegw: ")]
        assert "an `async def`, which Lambda's Python does not await" in said


LOGGING = """
import logging
def handler(event, context):
    for name in ("debug", "info", "warning", "error", "critical"):
        getattr(logging, name)("ü")
    logging.log(35, "between", extra={"order": None})
    logging.warning({"a": 1})
"""


async def test_levels_in_json(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(LOGGING)
    for level, expected in (
        ("TRACE", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "WARNING", "WARNING"]),
        ("FATAL", ["CRITICAL"]),
    ):
        logs = LogSettings("JSON", level, "INFO")
        function = Function("app", PYTHON, str(tmp_path), "app.handler", 5.0, logs=logs)
        async with running(function) as lambda_:
            await lambda_.result("app")
            await asyncio.sleep(0)
            lines = [line for line in lambda_.log("app") if '"level"' in line]
            assert [line.partition('"level": "')[2].partition('"')[0] for line in lines] == expected
            assert all('"order"' not in line for line in lines)
            assert '"message": "ü"' in lines[0]
