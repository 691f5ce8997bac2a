"""Whether a value may begin where one is in a source: what a slash is depends on that.

Where a value may begin a slash begins a regular expression, behind one it divides, and a parser
always knows which. This is as much of one as that takes: a place that goes from word to word, and a
frame for each open bracket, which remembers what was opened and what is behind it.

    if (a) /b/.c        behind the head of a statement another statement begins
    f(a) / b            behind a call or a group an operator comes
    {…} /a/             a block; behind it a statement begins
    x = {…} / a         an object, as is `{` wherever a value has to begin
    x = function () {…} / a    a function as a value, not one that is declared
    a++ / b, ++/a/.b    the same sign behind and before a value
    o.return / a        a name behind a dot, and a key of an object, is none of the language's words
    return /a/          a word that a value follows
    await / a           a variable, or an operator in an async function

Line ends count where a statement may end with them: behind a name that a declaration gives
(`var a`), behind `return`, `break` and their kin, and before a word or a `{` behind a value. Code
is strict, so `let` and `yield` are never variables; classes are refused, so there are none here.

What is read so is not trusted where it matters: the engine says whether the slashes of code are
what they are taken for (`metering`).
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

_WordPlace: TypeAlias = (
    Literal["statement", "value", "behind", "declared", "member", "key", "behind key"]
    | Literal["head", "function", "body", "arrow", "return", "jump", "declaration"]
)
"""What was read last: `body` is behind parameters, where braces follow; `jump` behind `break`;
`declaration` behind `var`, and `declared` behind the name that follows it."""

_BEGINS: Final = frozenset(("statement", "value", "arrow", "return", "jump"))
_ENDS_BY_LINE: Final = frozenset(("behind", "declared", "return", "jump"))
_HEADS: Final = frozenset(("if", "while", "for", "with", "switch", "catch"))
_BEFORE_BRACES: Final = frozenset(("switch", "catch"))


def _behind(place: _WordPlace, *names: str) -> dict[str, _WordPlace]:
    return dict.fromkeys(names, place)


_PLACES: Final[dict[str, _WordPlace]] = {
    **_behind("head", *_HEADS),
    **_behind("return", "return", "throw", "yield"),
    **_behind("jump", "break", "continue", "debugger"),
    **_behind("statement", "else", "do", "try", "finally"),
    **_behind("value", "typeof", "void", "delete", "new", "in", "instanceof", "case"),
    **_behind("declaration", "var", "let", "const"),
}
_GO_ON: Final = frozenset(("in", "instanceof"))


class _BracketFrame:
    """An open bracket: what it is, the place behind it, and what braces that follow it are."""

    __slots__ = ("after", "arrow", "braces", "conditions", "is_async", "is_declaring", "kind")

    def __init__(
        self,
        kind: Literal["block", "list", "head", "object", "template"],
        after: _WordPlace,
        *,
        is_async: bool,
        braces: _Braces | None = None,
    ) -> None:
        self.kind = kind
        self.after: _WordPlace = after
        self.is_async = is_async
        self.braces = braces
        self.conditions = 0
        self.arrow: _BareArrow | None = None
        self.is_declaring = False

    @property
    def waits(self) -> bool:
        """Whether `await` is an operator here."""
        return self.is_async if self.arrow is None else self.arrow.is_async


class _BareArrow:
    """An arrow function without braces, which ends with the expression that it is."""

    __slots__ = ("conditions", "is_async")

    def __init__(self, conditions: int, *, is_async: bool) -> None:
        self.conditions = conditions
        self.is_async = is_async


class _Braces:
    """What braces hold that are to come, and the place behind them."""

    __slots__ = ("after", "is_async", "is_function")

    def __init__(self, after: _WordPlace, *, is_function: bool, is_async: bool) -> None:
        self.after: _WordPlace = after
        self.is_function = is_function
        self.is_async = is_async


class ValuePlaces:
    """The place behind the words that were read. Words are named by their index.

    `bodies` are the braces that open the body of a function, `async_bodies` those of async ones,
    `keys` the names behind dots and those of members of objects.
    """

    def __init__(self) -> None:
        self.bodies: list[int] = []
        self.async_bodies: list[int] = []
        self.keys: set[int] = set()
        self._place: _WordPlace = "statement"
        self._frames = [_BracketFrame("block", "statement", is_async=False)]
        self._braces = _Braces("statement", is_function=False, is_async=False)
        self._head = ""
        self._key, self._key_at, self._is_async_key = "", -1, False
        self._async_at = -2
        self._async_place: _WordPlace = "statement"
        self._async_head = -2

    def may_begin(self, *, is_first: bool) -> bool:
        """Whether a value may begin now; `is_first` says that a line ended before it."""
        return self._place in _BEGINS or (self._place == "declared" and is_first)

    @property
    def ends_value(self) -> bool:
        """Whether a value ends with what was read last."""
        return self._place in ("behind", "declared")

    def read_value(self) -> None:
        """Goes on behind a number, a string, a regular expression or a template without code."""
        if self._place in ("key", "behind key"):
            self._read_key(-1, "")
        else:
            self._place = "behind"

    def read_template(self, *, is_begun: bool, goes_on: bool) -> None:
        """Goes on behind a piece of a template; `goes_on` says that code follows it."""
        if not is_begun:
            self._close(-2)
        if goes_on:
            self._open(_BracketFrame("template", "behind", is_async=self._frames[-1].waits))
        else:
            self._place = "behind"

    # Names

    def read_name(self, at: int, text: str, *, is_first: bool) -> None:
        """Goes on behind the name `text`."""
        place = self._place
        if place in ("key", "behind key"):
            self._read_key(at, text)
        elif place == "member":
            self.keys.add(at)
            self._place = "behind"
        elif place == "declaration":
            self._place = "declared"
        elif place == "jump" and not is_first:
            self._place = "statement"
        elif place not in ("function", "head"):  # its name; `for await`
            self._read_word(at, text, is_first=is_first)

    def _read_key(self, at: int, text: str) -> None:
        if self._place == "behind key":
            self.keys.discard(self._key_at)  # async, get or set
        self._is_async_key = self._place == "behind key" and self._key == "async"
        if self._place == "behind key":
            self.keys.discard(self._key_at)  # `async` or `get` before the key
        self._key, self._key_at = text, at
        self._place = "behind key"
        if at >= 0:
            self.keys.add(at)

    def _read_word(self, at: int, text: str, *, is_first: bool) -> None:
        place, frame = self._place, self._frames[-1]
        if is_first and place in _ENDS_BY_LINE and text not in _GO_ON and frame.kind == "block":
            place = "statement"
        if place == "statement":
            frame.is_declaring, frame.arrow = False, None
        if self._async_at == at - 1 and not is_first:
            self._async_head = at
        if text == "function":
            self._begin_function(at, place, is_first=is_first)
        elif text == "async":
            self._async_at, self._async_place = at, place
            self._place = "behind"
        elif text == "await":
            self._place = "value" if frame.waits else "behind"
        else:
            self._place = _PLACES.get(text, "behind")
            if self._place == "head":
                self._head = text
            elif self._place == "declaration":
                frame.is_declaring = True

    def _begin_function(self, at: int, place: _WordPlace, *, is_first: bool) -> None:
        is_async = self._async_at == at - 1 and not is_first
        if is_async:
            place = self._async_place
        after: _WordPlace = "statement" if place == "statement" else "behind"
        self._braces = _Braces(after, is_function=True, is_async=is_async)
        self._place = "function"

    # Signs

    def read_sign(self, at: int, text: str, *, is_first: bool) -> None:
        """Goes on behind the sign `text`."""
        if text in "([":
            self._open_list(text, is_async=self._async_at == at - 1 and not is_first)
        elif text == "{":
            self._open_braces(at, is_first=is_first)
        elif text in ")]}":
            self._close(at)
        elif text in (".", "?."):
            self._place = "member"
        elif text in ("++", "--"):
            if is_first or self._place not in ("behind", "declared"):
                self._place = "value"
        elif text == "=>":
            self._place = "arrow"
            conditions, is_async = self._frames[-1].conditions, self._async_head == at - 1
            self._frames[-1].arrow = _BareArrow(conditions, is_async=is_async)
        elif text == "*" and self._place in ("function", "key", "behind key"):
            pass
        else:
            self._read_operator(text)

    def _read_operator(self, text: str) -> None:
        frame = self._frames[-1]
        if self._place == "behind key" and text in (",", "="):
            self.keys.discard(self._key_at)  # in short for a variable of that name
        self._place = "value"
        if text == "?":
            frame.conditions += 1
        elif text == ":":
            if frame.arrow is not None and frame.arrow.conditions == frame.conditions:
                frame.arrow = None
            if frame.conditions:
                frame.conditions -= 1
            elif frame.kind == "block":
                self._place = "statement"
        elif text == ";":
            frame.is_declaring, frame.arrow = False, None
            self._place = "statement" if frame.kind == "block" else "value"
        elif text == ",":
            frame.arrow = None
            if frame.kind == "object":
                self._place, self._key = "key", ""
            elif frame.is_declaring:
                self._place = "declaration"

    def _open_list(self, text: str, *, is_async: bool) -> None:
        place, waits = self._place, self._frames[-1].waits
        after: _WordPlace = "behind"
        kind: Literal["list", "head"] = "list"
        braces: _Braces | None = None
        if text == "[" and place in ("key", "behind key"):
            after = "behind key"
            is_method_async = place == "behind key" and self._key == "async"
            if place == "behind key":
                self.keys.discard(self._key_at)
            braces = _Braces("behind", is_function=True, is_async=is_method_async)
        elif place == "head":
            after, kind = ("body" if self._head in _BEFORE_BRACES else "statement"), "head"
            braces = _Braces("statement", is_function=False, is_async=waits)
        elif place == "function":
            after, braces = "body", self._braces
        elif place == "behind key":
            after = "body"
            braces = _Braces("behind", is_function=True, is_async=self._is_async_key)
        elif text == "(" and is_async:  # perhaps the parameters of an arrow function
            braces = _Braces("behind", is_function=False, is_async=True)
        self._open(_BracketFrame(kind, after, is_async=waits, braces=braces))

    def _open_braces(self, at: int, *, is_first: bool) -> None:
        place, frame = self._place, self._frames[-1]
        if place == "body":
            self._open_body(at, self._braces)
        elif place == "arrow":
            is_async = frame.waits
            frame.arrow = None
            self._open_body(at, _Braces("statement", is_function=True, is_async=is_async))
        elif place in ("value", "declaration") or (place == "return" and not is_first):
            self._open(_BracketFrame("object", "behind", is_async=frame.waits))
            self._place, self._key = "key", ""
            return
        else:
            frame.arrow = None
            self._open(_BracketFrame("block", "statement", is_async=frame.waits))
        self._place = "statement"

    def _open_body(self, at: int, braces: _Braces) -> None:
        if braces.is_function:
            self.bodies.append(at)
            if braces.is_async:
                self.async_bodies.append(at)
        self._open(_BracketFrame("block", braces.after, is_async=braces.is_async))

    def _open(self, frame: _BracketFrame) -> None:
        self._frames.append(frame)
        self._place = "value"

    def _close(self, at: int) -> None:
        if len(self._frames) == 1:
            return  # a bracket without its partner
        if self._place == "behind key":
            self.keys.discard(self._key_at)
        frame = self._frames.pop()
        self._place = frame.after
        if frame.braces is None:
            return
        if frame.kind == "list" and frame.after == "behind":
            self._async_head = at
            return
        self._braces = frame.braces
        self._is_async_key = frame.braces.is_async
        self._key, self._key_at = "", -1
