"""Functions as texts: the real engine keeps no source, so none is shown, least of all ours."""

from __future__ import annotations

import pytest

from edgegw.cloudfront.edge_functions.model import EdgeReturned, EdgeRuntime
from tests.execution.test_edge_engine import NEW, OLD, outcome, result

FUNCTIONS = {
    "handler": "handler",
    "a function within": "inner",
    "an arrow": "((a) => a + 1)",
    "a method": "({ method() { return 1 } }).method",
    "a getter": "Object.getOwnPropertyDescriptor({ get a() { return 1 } }, 'a').get",
    "a bound one": "inner.bind(null)",
    "a built-in": "'x'.slice",
    "one of a module": "require('crypto').createHash",
    "a constructor": "Date",
}
TEXTS = ["String({})", "{}.toString()", "'' + {}", "`${{{}}}`", "[{}].join()", "Object.prototype.toString.call({})"]  # fmt: skip


@pytest.mark.parametrize("runtime", [OLD, NEW])
def test_a_function_as_a_text(runtime: EdgeRuntime) -> None:
    texts = [text.format(one) for one in FUNCTIONS.values() for text in TEXTS]
    code = (
        f"function handler(event) {{ function inner() {{ return 1 }} return [{', '.join(texts)}] }}"
    )
    assert result(code, runtime) == ["[object Function]"] * len(texts)


def test_a_function_in_the_log() -> None:
    came = outcome(
        "function handler() { const later = async function () {}; console.log(handler);"
        "console.log(later); console.log([handler]); console.log({ a: handler });"
        "console.log('is', handler); return 1 }"
    )
    assert isinstance(came, EdgeReturned)
    assert came.report.logs == (
        "[object Function]",
        "[object AsyncFunction]",
        "[null]",
        "{}",
        "is [object Function]",
    )


def test_nothing_tells_where_a_function_stands() -> None:
    names = ("toSource", "fileName", "lineNumber", "columnNumber")
    told = ", ".join(f"handler.{name}" for name in names)
    assert result(f"function handler() {{ return [{told}].join() }}") == ",,,"


def test_a_function_may_have_a_text_of_its_own() -> None:
    assert result("const f = () => 1; f.toString = () => 'mine'; return String(f)") == "mine"
