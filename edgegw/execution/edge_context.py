"""One CloudFront Function in an engine of its own: compiled once, its code run anew for each event.

The engine is QuickJS. What a function finds there is made by `edge_runtime/*.js`: the modules, the
guards, the meter. The engine's own limits (memory, stack, processor time) hold what those do not.

A store is asked in two phases, as the engine cannot call Python while its time is limited: the
run stops at its `await`, says what it asks for, and is settled with the answers.

Built-ins are frozen in a context, so that runs cannot leave anything behind for each other; a
function that changes them all the same gets a context where they are not.
"""

from __future__ import annotations

import importlib
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from edgegw.cloudfront.edge_functions.key_values import KeyValues
from edgegw.cloudfront.edge_functions.limits import (
    FULL,
    LONGEST_RUN,
    MAX_MEMORY,
    MAX_STACK,
    TENTATIVE,
    utilization,
)
from edgegw.cloudfront.edge_functions.metering import (
    in_other_brackets,
    may_replace_globals,
    meter_names,
    metered,
)
from edgegw.cloudfront.edge_functions.model import (
    EdgeCall,
    EdgeEdited,
    EdgeFailed,
    EdgeFunction,
    EdgeOutcome,
    EdgeReport,
    FramedEvent,
    GaveUpError,
)
from edgegw.cloudfront.edge_functions.static_check import syntax_findings
from edgegw.cloudfront.edge_functions.syntax_rules import ABSENT_GLOBALS
from edgegw.execution.edge_frames import EdgeFrames
from edgegw.execution.edge_outcomes import (
    NO_OBJECT,
    OUT_OF_MEMORY,
    compile_error,
    decode_said,
    is_given_up,
    is_helper_call,
    outcome_of,
    remarks_of,
    tried_to_change,
)
from edgegw.execution.edge_sources import LINES_BEFORE, core_source, modules_source

_ABSENT: Final = sorted(
    (ABSENT_GLOBALS - {"eval", "Function"}) | {"escape", "unescape", "navigator", "gc"}
)
_SLACK: Final = 256 * 1024
"""Bytes of garbage that the engine may not have collected yet."""
_TENTATIVE_MEMORY: Final = 256 * 1024
_CHANGES_BUILT_INS: Final = re.compile(
    r"\.prototype\b|__proto__|globalThis|definePropert|setPrototypeOf"
)
_PROMISES: Final = re.compile(r"async|Promise|globalThis|import|\\u")
"""Without one of these, and without a store, no code comes by a promise."""
_BUSY: Final = 10
"""How many times its processor time a run in a thread may take by the clock."""
_JOBS: Final = 64
"""Jobs of promises that are run between two looks at the clock."""
_MOST_LEFT_AT_ONCE: Final = 500
_MOST_LEFT: Final = 50_000
"""Jobs that earlier runs left, ended before a run: on an event loop, and in a thread."""
_reading: Final = threading.Lock()
"""Code is read in Python, by one thread at a time: several would keep Python's own lock from the
event loop by turns."""
_PLACE: Final = {"name": "FRA", "serverIp": "192.0.2.1", "region": "eu-central-1"}
"""`cf.edgeLocation`: that of the edge location whose name answers have."""
_PLENTY: Final = 64 * 1024 * 1024
"""Bytes more than a run can use up before its units end."""
_MOST_KNOWN: Final = 64
_LONGEST_KNOWN: Final = 512
"""Answers that are remembered, and the characters of one."""
_NOTHING: Final = "null"


class EdgeContext:
    """The engine of one function. One thread at a time may use it, not always the same one.

    Made, it is compiled; `failure` says why that failed.
    """

    def __init__(
        self,
        function: EdgeFunction,
        store: Callable[[], KeyValues | None] = lambda: None,
        at_once: Callable[[], KeyValues | None] | None = None,
    ) -> None:
        """`store` answers the store that the function may read, as it is now.

        Tentative runs ask `at_once` for it, which may raise StoresBehindError.
        """
        self.failure = ""
        self._function = function
        self._store = store
        self._at_once = at_once or store
        self._asked: KeyValues | None = None
        self._loads_anew = may_replace_globals(function.code)
        self._is_looked_at = True
        self._is_tentative = False
        self._known: dict[str, tuple[int, str]] = {}
        self._changes = _CHANGES_BUILT_INS.search(function.code) is not None
        self._may_leave_jobs = bool(function.key_value_store or _PROMISES.search(function.code))
        self._end = f"\n{secrets.token_hex(4)}"
        with _reading:
            findings = syntax_findings(function.code, function.runtime)
        self._remarks = remarks_of(findings)
        refused = [finding for finding in findings if finding.is_refused]
        if refused:
            self.failure = refused[0].error
        else:
            self._make()

    def run(self, call: EdgeCall, *, tentative: bool) -> EdgeOutcome:
        """What becomes of `call`. A `tentative` run raises GaveUpError where that takes long.

        It raises StoresBehindError where its store has to be read anew first.
        """
        if tentative is not self._is_tentative:
            self._prepare(tentative=tentative)
        started = self._began = time.perf_counter()
        if self.failure:
            return EdgeFailed("throttled", self.failure, self._report({}, 0, started))
        text = self._text(call, is_framed=True)
        if text[0] == "=":
            edited = self._edited(call, text, started)
            if edited is not None:
                return edited
            text = self._text(call, is_framed=False)
        said = decode_said(text)
        if "error" in said and not self._changes and tried_to_change(said["error"]):
            if tentative:
                raise GaveUpError  # to make a context takes ten milliseconds
            self._changes = True
            self._make()
            said = decode_said(self._text(call, is_framed=False))
        if tentative and "result" not in said and is_given_up(said):
            raise GaveUpError
        if "error" in said and self._lacked_memory(said["error"], call):
            said["error"] = OUT_OF_MEMORY
        return outcome_of(said, self._report(said, said.get("units", 0), started))

    def _prepare(self, *, tentative: bool) -> None:
        """Gives runs the time and memory that they have: a quarter of a megabyte on an event loop.

        What can be done in one step in so much takes some milliseconds at most.
        """
        if self.failure:
            return
        if tentative and not self._is_looked_at:
            raise GaveUpError
        self._is_tentative = tentative
        # Processor time counts in a thread; by the clock a busy machine has its say.
        patience = TENTATIVE if tentative else LONGEST_RUN
        self._waited = patience if tentative else _BUSY * patience
        self._context.set_time_limit(patience / 1000)  # of each call into the engine
        self._limit_memory()

    def _limit_memory(self) -> None:
        own = self._base + (0 if self._frames is None else self._frames.size)
        memory = _TENTATIVE_MEMORY if self._is_tentative else MAX_MEMORY
        self._context.set_memory_limit(own + memory + _SLACK)

    def _text(self, call: EdgeCall, *, is_framed: bool) -> str:
        """What a run says, as JSON, or as `edits.js` has it."""
        if self._may_leave_jobs and self._context.execute_pending_job():
            self._drop_jobs()
        self._asked = None
        try:
            code = self._load(self._factory) if self._loads_anew else self._code
            shown, waited, tentative = call.shown, self._waited, self._is_tentative
            frame = self._frame(shown) if is_framed else None
            if frame is None or isinstance(shown, str):
                text = self._begin(code, None, call.event, "", call.query, waited, tentative)
            else:
                given, rest = shown.values
                text = self._begin(code, frame, given, rest, call.query, waited, tentative)
            while not text:
                text = self._go_on()
        except self._error as error:
            text = str(error)
            self._ended()
            if "interrupted" in text:
                return '{"over": "time"}'
            return json.dumps({"error": text.partition("\n")[0]})
        except UnicodeDecodeError:  # half a character: JSON has a way to say it
            if not is_framed:
                raise
            return self._text(call, is_framed=False)
        return text

    def _drop_jobs(self) -> None:
        """Ends the jobs of promises that earlier runs left, which would work in this one.

        The meter stops the code in them at once. What goes on without code, one built-in handing
        over to the other, goes with its context.
        """
        try:
            for _ in range(_MOST_LEFT_AT_ONCE if self._is_tentative else _MOST_LEFT):
                if not self._context.execute_pending_job():
                    return
        except self._error:
            pass
        if self._is_tentative:
            raise GaveUpError
        self._make()

    def _frame(self, shown: FramedEvent | str) -> Any | None:
        """The engine's frame for an event; None where it gets JSON."""
        frames = self._frames
        if frames is None or isinstance(shown, str):
            return None
        key = shown.frame
        if key is None:
            return None
        frame = frames.compiled.get(key)
        if frame is None:
            frame = frames.met(key)
            self._limit_memory()
        return frame

    def _edited(self, call: EdgeCall, text: str, started: float) -> EdgeOutcome | None:
        """The outcome of a run that said its edits; None where they cannot be told apart.

        That is so where a line feed or a NUL is in them: a run that has no effect is done again.
        """
        shown = call.shown
        assert not isinstance(shown, str)  # else there was no frame
        known = self._known.get(text)
        if known is not None:
            share, lines = known
            return EdgeEdited(shown, lines, EdgeReport(share, time.perf_counter() - started))
        end = text.find("\n")
        units, count, *more = text[1:end].split(" ", 2)
        if not text.endswith(self._end) or text.count("\n") != int(count) + 1:
            return None
        lines = text[end : -len(self._end)]
        if not more:
            report = self._report({}, float(units), started)
            if len(text) <= _LONGEST_KNOWN:
                self._know(text, report.utilization, lines)
            return EdgeEdited(shown, lines, report)
        said: dict[str, Any] = json.loads(more[0])
        report, origin = self._report(said, float(units), started), said.get("origin")
        if origin is not None and not is_helper_call(origin):
            return EdgeFailed("execution", NO_OBJECT, report)
        return EdgeEdited(shown, lines, report, origin)

    def _know(self, text: str, share: int, lines: str) -> None:
        """Keeps what `text` says: a function mostly says the same again."""
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[text] = share, lines

    def _go_on(self) -> str:
        """Runs what is ready to run; the outcome, if that is its end."""
        jobs = 0
        while self._context.execute_pending_job():
            jobs += 1
            if jobs % _JOBS == 0 and time.perf_counter() > self._began + self._waited / 1000:
                self._ended()
                return '{"over": "time"}'
        text = self._next()
        if not text.startswith('{"asks"'):
            return text
        answers = [self._answer(*question) for question in json.loads(text)["asks"]]
        self._settle(json.dumps(answers))
        return ""

    def _lacked_memory(self, error: str, call: EdgeCall) -> bool:
        """Whether a run that failed with null had no memory left.

        The engine throws null where not even an error has room. A function may throw null as well:
        then it does so again, however much memory there is. On an event loop this is not asked:
        what fails for lack of memory there is done again in a thread.
        """
        if error != _NOTHING:
            return False
        room = self._context.memory()["malloc_limit"]
        self._context.set_memory_limit(room + _PLENTY)
        try:
            again = decode_said(self._text(call, is_framed=False))
        finally:
            self._context.set_memory_limit(room)
        if self._context.memory()["malloc_size"] > self._base + _SLACK:
            self._make()  # garbage, for which the engine would collect Python's as well (`gc`)
        return again.get("error") != _NOTHING

    def _answer(self, number: int, kind: str, key: str) -> list[object]:
        """What the store says: the number of the question, whether it is good, and the answer.

        A run has one state of the store, that of its first question.
        """
        find = self._at_once if self._is_tentative else self._store
        store = self._asked = self._asked or find()
        if store is None:
            return [number, False, "the key value store is not there"]
        if kind == "exists":
            return [number, True, store.exists(key)]
        if kind == "meta":
            return [number, True, store.meta().to_dict()]
        held = store.get(key)
        return [number, held is not None, f"Key not found: {key}" if held is None else held]

    def _make(self) -> None:
        # Where no such function is configured nobody waits for the engine.
        quickjs: Any = importlib.import_module("quickjs")
        self._error: type[Exception] = quickjs.JSException
        self._context: Any = quickjs.Context()
        context = self._context
        context.set_max_stack_size(MAX_STACK)
        given = {
            "version": self._function.runtime.removeprefix("cloudfront-js-"),
            "full": FULL,
            "memory": MAX_MEMORY,
            "absent": _ABSENT,
            "isShared": not self._changes,
            "hasStore": bool(self._function.key_value_store),
            "place": _PLACE,
            "end": self._end,
            "deletes": "delete" in self._function.code,
            "linesBefore": LINES_BEFORE,
        }
        install, modules = context.eval(core_source()), context.eval(modules_source())
        runtime = install(context.parse_json(json.dumps(given)), modules)
        self._load = _member(context, runtime, "loaded")
        self._begin = _member(context, runtime, "begin")
        self._next = _member(context, runtime, "next")
        self._settle = _member(context, runtime, "settle")
        self._ended = _member(context, runtime, "ended")
        self.failure = self._compile(is_looked_at=True)
        if self.failure:
            self._is_looked_at = False
            self.failure = self._compile(is_looked_at=False)
        self._base: int = context.memory()["malloc_size"]
        # Where built-ins may be others, what is the same is not told by looking.
        self._frames = None if self._changes else EdgeFrames(context)
        self._prepare(tentative=False)

    def _compile(self, *, is_looked_at: bool) -> str:
        """Why the code does not compile, or an empty text."""
        code = self._function.code
        with _reading:
            metered_code = metered(code, meter_names(code), is_looked_at=is_looked_at)
        try:
            self._context.eval(in_other_brackets(metered_code.judged))
            self._factory: Any = self._context.eval(metered_code.text)
        except self._error as error:
            return compile_error(str(error))
        self._code = self._load(self._factory)
        return ""

    def _report(self, said: Mapping[str, Any], units: float, started: float) -> EdgeReport:
        remarks, self._remarks = self._remarks, ()
        share = 100 if said.get("over") else utilization(int(units))
        duration = time.perf_counter() - started
        logs = tuple(said.get("logs", ()))
        return EdgeReport(share, duration, logs, remarks, said.get("custom", ""))


def _member(context: Any, runtime: Any, name: str) -> Callable[..., Any]:
    return context.eval(f"(runtime) => runtime.{name}")(runtime)
