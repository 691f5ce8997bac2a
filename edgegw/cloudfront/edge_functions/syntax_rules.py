"""What the two runtimes of CloudFront Functions lack: one table, by construct and version.

CloudFront takes code with such constructs when it is created, and fails when it runs; so does the
gateway (`refused`). Refused is what was seen to fail there, or what is neither on AWS's lists nor
known to the parser that the runtime descends from, as its errors show. Where AWS's lists just do
not name something, or it was seen to run, it is a warning, and runs.

Source: CloudFront Developer Guide, "JavaScript runtime 1.0 features for CloudFront Functions" and
"JavaScript runtime 2.0 features for CloudFront Functions", and errors that were observed: of
`for…of`, `const` in 1.0, `catch` without a name, default parameters, destructuring, `?.`, `await`
in arguments. Async closures, which the guide says are not supported, run in AWS's own samples.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from edgegw.cloudfront.edge_functions.model import EdgeRuntime
from edgegw.values import value

_UNSUPPORTED: Final = 'SyntaxError: Token "{}" not supported in this version'
_UNEXPECTED: Final = 'SyntaxError: Unexpected token "{}"'

SyntaxVerdict: TypeAlias = Literal["refused", "warned", "fine"]


@value
class SyntaxRule:
    """A construct: what becomes of it in the two runtimes, and what stands in its place.

    `error` is the runtime's own message; `{}` is the word in it.
    """

    construct: str
    in_1: SyntaxVerdict
    in_2: SyntaxVerdict
    instead: str = ""
    error: str = _UNSUPPORTED

    def verdict(self, runtime: EdgeRuntime) -> SyntaxVerdict:
        return self.in_1 if runtime == "cloudfront-js-1.0" else self.in_2

    @property
    def is_of_names(self) -> bool:
        """Whether the construct is a name, of which there are many."""
        return self.construct in ("this", "this global", "this function", "this module")

    def error_at(self, word: str, line: int) -> str:
        """The error where the parser stumbles over `word`: over an arrow, it is unexpected."""
        text = _UNEXPECTED if word == "=>" else self.error
        return f"{text.format(word)} in {line}"


@value
class SyntaxFinding:
    """A construct of the code that the runtime lacks. `error` is its message, with the line."""

    rule: SyntaxRule
    line: int
    column: int
    word: str
    is_refused: bool
    error: str = ""

    @property
    def text(self) -> str:
        """What stands there, in a sentence."""
        what = "is not in this runtime" if self.is_refused else "is not on AWS's list for it"
        instead = f": {self.rule.instead}" if self.rule.instead else ""
        named = self.word if self.rule.is_of_names else self.rule.construct
        return f"{named} {what}{instead}"


class Seen(NamedTuple):
    """A word by its index, and the rule that speaks of it.

    The parser may come to the next words before it stumbles, over that at `stumbles`.
    """

    at: int
    rule: SyntaxRule
    stumbles: int | None = None


def _rule(
    construct: str, in_1: SyntaxVerdict, in_2: SyntaxVerdict, instead: str = "", error: str = ""
) -> SyntaxRule:
    if error:
        return SyntaxRule(construct, in_1, in_2, instead, error)
    return SyntaxRule(construct, in_1, in_2, instead)


LET: Final = _rule("let and const", "refused", "fine", "write var")
CLASS: Final = _rule("class", "refused", "refused", "write a function and its prototype")
FOR_OF: Final = _rule("for…of", "refused", "refused", "count, or use forEach")
DESTRUCTURING: Final = _rule("destructuring", "refused", "refused", "read the members one by one")
OPTIONAL: Final = _rule("optional chaining (?.)", "refused", "refused", "write a && a.b")
CATCH: Final = _rule("catch without a name", "refused", "refused", "write catch (error)")
NULLISH: Final = _rule("??", "warned", "warned", "compare with undefined")
LOGICAL: Final = _rule(
    *("&&=, ||= and ??=", "refused", "refused", "write a = a && b"),
    'SyntaxError: Unexpected token "="',
)
OBJECT_SPREAD: Final = _rule("spread in an object", "refused", "refused", "use Object.assign")
SPREAD: Final = _rule(
    "spread in a call or an array", "warned", "refused", "use concat or apply", _UNEXPECTED
)
GENERATOR: Final = _rule("a generator", "refused", "refused", "fill an array", _UNEXPECTED)
DEFAULTS: Final = _rule(
    "a default parameter", "refused", "refused", "test for undefined", _UNEXPECTED
)
ASYNC: Final = _rule("async and await", "refused", "fine", "use cloudfront-js-2.0")
ASYNC_METHOD: Final = _rule(
    "an async method", "refused", "fine", "use cloudfront-js-2.0", _UNEXPECTED
)
ASYNC_CLOSURE: Final = _rule(
    "an async closure", "refused", "warned", "name an async function at the top", _UNEXPECTED
)
AWAIT_ARGUMENT: Final = _rule(
    *("await in arguments", "refused", "refused", "put what is awaited into a variable first"),
    "SyntaxError: await in arguments not supported",
)
AWAIT_OUTSIDE: Final = _rule(
    *("await outside of an async function", "refused", "refused", "write async function handler"),
    "SyntaxError: await is only valid in async functions",
)
IMPORT: Final = _rule("import", "refused", "fine", "write require('crypto')", _UNEXPECTED)
IMPORT_FORM: Final = _rule(
    *("this form of import", "refused", "refused", "write import name from 'module'"),
    "SyntaxError: Non-default import is not supported",
)
EXPORT: Final = _rule(
    *("export", "refused", "refused", "a function named handler is enough"),
    "SyntaxError: Illegal export statement",
)
REGEX_FLAG: Final = _rule(
    *("the flags s, u, v and d of a regular expression", "refused", "refused", "leave them out"),
    'SyntaxError: Invalid RegExp flags "{}"',
)
STICKY: Final = _rule(
    *("the flag y of a regular expression", "refused", "fine", "use cloudfront-js-2.0"),
    'SyntaxError: Invalid RegExp flags "{}"',
)
BIGINT: Final = _rule(
    *("a BigInt", "refused", "refused", "use Number"), 'SyntaxError: Unexpected token "n"'
)
BRACKET: Final = _rule("a bracket without its partner", "refused", "refused", error=_UNEXPECTED)
RETURN: Final = _rule(
    *("return outside of a function", "refused", "refused", ""),
    "SyntaxError: Illegal return statement",
)
ABSENT: Final = _rule(
    *("this global", "warned", "warned", "there is none at the edge: it is a ReferenceError there"),
)
DISABLED: Final = _rule(
    "this global", "warned", "warned", "it is disabled at the edge: a TypeError"
)
MODULE: Final = _rule(
    *("this module", "warned", "warned", "require and import fail: the edge has no such module"),
)
UNLISTED: Final = _rule("this function", "warned", "warned", "it may be missing on AWS")
NEWER: Final = _rule("this", "warned", "fine", "it came with cloudfront-js-2.0")
REMOVED: Final = _rule("this", "fine", "warned", "cloudfront-js-2.0 lacks it: use Buffer")
CONSOLE: Final = _rule("this use of console", "warned", "warned", "console.log takes one argument")

SYNTAX_RULES: Final = tuple(
    rule for rule in list(globals().values()) if isinstance(rule, SyntaxRule)
)
"""The whole table, in the order of this file."""

ABSENT_GLOBALS: Final = frozenset(
    (
        "Map",
        "Set",
        "WeakMap",
        "WeakSet",
        "WeakRef",
        "FinalizationRegistry",
        "Proxy",
        "Reflect",
        "BigInt",
        "BigInt64Array",
        "BigUint64Array",
        "SharedArrayBuffer",
        "Atomics",
        "Intl",
        "Iterator",
        "URL",
        "URLSearchParams",
        "fetch",
        "setTimeout",
        "setInterval",
        "setImmediate",
        "clearTimeout",
        "clearInterval",
        "queueMicrotask",
        "structuredClone",
        "process",
        "performance",
        "XMLHttpRequest",
        "WebAssembly",
        "module",
        "exports",
        "__dirname",
        "DOMException",
        "AggregateError",
        "SuppressedError",
        "DisposableStack",
        "AsyncDisposableStack",
        "Float16Array",
    )
)
"""Globals that other engines have and this runtime lacks (in part inferred from AWS's lists)."""

DISABLED_GLOBALS: Final = frozenset(("eval", "Function"))

UNLISTED_MEMBERS: Final = frozenset(
    (
        "flat",
        "flatMap",
        "at",
        "matchAll",
        "fromEntries",
        "groupBy",
        "findLast",
        "findLastIndex",
        "toSorted",
        "toReversed",
        "toSpliced",
        "structuredClone",
        "hasOwn",
        "localeCompare",
        "normalize",
        "toLocaleLowerCase",
        "toLocaleUpperCase",
        "trimLeft",
        "trimRight",
    )
)
STATIC_UNLISTED: Final = (("Array", "from"), ("String", "raw"))
NEW_GLOBALS: Final = frozenset(("Buffer", "atob", "btoa", "TextEncoder", "TextDecoder", "DataView"))
NEW_MEMBERS: Final = (
    *(("Promise", member) for member in ("all", "any", "race", "allSettled")),
    ("Symbol", "for"),
)
REMOVED_MEMBERS: Final = frozenset(("bytesFrom", "fromBytes", "fromUTF8", "toBytes", "toUTF8"))
