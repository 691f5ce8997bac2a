"""The JSON of events and results: by the rules of simplejson, with what `json` has.

Lambda's Python writes results with simplejson, which knows some values that `json` does not: bytes
are text in UTF-8, as values and as keys, a NamedTuple and whatever has `_asdict()` are objects.
Most of them reach `default`. Two do not: keys of bytes, which `json` refuses, so that the value is
rewritten and tried again; and NamedTuples, which it takes for arrays.

To look through every result for NamedTuples would cost each invocation. So that is done only where
the function's code, or what it imported, has declared one: `marshal` then tells at little cost
whether a value consists of plain lists, objects and texts. Those of Python's own library, such as
what `urlsplit` answers, do not count as declared.
"""

import decimal
import json
import marshal
import math
import sys


def loads(text):
    """`json.loads` without its search for blanks around the value, which is rarely needed."""
    try:
        value, end = scan_once(text, 0)
    except (StopIteration, ValueError):
        return json.loads(text)
    return value if end == len(text) else json.loads(text)


scan_once = json.JSONDecoder().scan_once


def dumper(raw):
    """`dumps` as the runtime of that version has it: `raw` leaves non-ASCII text as it is.

    Decimals are written with all their digits, NaN and Infinity as those words.
    """
    decimals = []

    def default(value):
        if isinstance(value, decimal.Decimal):
            if value.is_nan():
                return math.nan
            decimals.append(str(value))
            return f"\0edgegw decimal {len(decimals) - 1}\0"
        return rewritten(members_of(value))

    checked = json.JSONEncoder(ensure_ascii=not raw, default=default).encode
    encode = unchecked(raw, default) or checked
    declared = Declared()

    def dumps(value):
        if decimals:  # of a value that was no JSON
            del decimals[:]
        if declared.any() and not is_plain(value):
            value = rewritten(value)
        try:
            text = encode(value)
        except Exception as fault:
            del decimals[:]
            if isinstance(fault, TypeError):
                value = rewritten(value)  # it may be bytes as a key
            text = checked(value)  # says whether it is a circle
        if decimals:
            for at, digits in enumerate(decimals):
                text = text.replace(f'"\\u0000edgegw decimal {at}\\u0000"', digits, 1)
            del decimals[:]
        return text

    return dumps


def members_of(value):
    """What `json` knows in the place of a value that only simplejson does."""
    if isinstance(value, bytes):
        return value.decode()
    as_dict = getattr(value, "_asdict", None)
    if callable(as_dict):
        members = as_dict()
        if not isinstance(members, dict):
            raise TypeError(f"_asdict() must return a dict, not {type(members).__name__}")
        return members
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def rewritten(value, around=()):
    """`value` with its NamedTuples as dicts and its keys as text; `around` are the ids above it."""
    if isinstance(value, (str, bytes, int, float, type(None))):
        return value
    if id(value) in around:
        raise ValueError("Circular reference detected")
    inner = (*around, id(value))
    if callable(getattr(value, "_asdict", None)):
        return rewritten(members_of(value), inner)
    if isinstance(value, (list, tuple)):
        return [rewritten(item, inner) for item in value]
    if isinstance(value, dict):
        return {key_of(key): rewritten(item, inner) for key, item in value.items()}
    return value


def key_of(key):
    if isinstance(key, bytes):
        return key.decode()
    if key is None or isinstance(key, (str, int, float)):
        return key
    raise TypeError(f"keys must be str, int, float, bool or None, not {type(key).__name__}")


def is_plain(value) -> bool:
    """Whether there is nothing in `value` but what is of a built-in type itself."""
    try:
        marshal.dumps(value)
    except ValueError:
        return False
    return True


class Declared:
    """Whether a NamedTuple was declared since this was made, other than by Python's own library."""

    def __init__(self):
        self.known = frozenset(tuple.__subclasses__())
        self.count = len(self.known)
        self.has_some = False

    def any(self) -> bool:
        if not self.has_some and self.count != len(tuple.__subclasses__()):
            classes = tuple.__subclasses__()
            self.count = len(classes)
            fresh = (each for each in classes if each not in self.known)
            self.has_some = any(hasattr(each, "_asdict") and is_foreign(each) for each in fresh)
        return self.has_some


def is_foreign(declared) -> bool:
    own = getattr(sys, "stdlib_module_names", ())  # Python 3.10 and newer
    return declared.__module__.partition(".")[0] not in own


def unchecked(raw, default):
    """The encoder behind `json.dumps`, made once and without search for circles; None without one.

    The module makes one for every text, and notes every list and object to find circles, which
    run into the recursion limit all the same.
    """
    make = getattr(json.encoder, "c_make_encoder", None)
    name = "encode_basestring" if raw else "encode_basestring_ascii"
    text = getattr(json.encoder, f"c_{name}", None)
    try:
        encode = make(None, default, text, None, ": ", ", ", False, False, True)  # noqa: FBT003
        if "".join(encode(["a", 1.5, {"b": None}], 0)) != '["a", 1.5, {"b": null}]':
            return None
    except TypeError:  # another Python
        return None
    return lambda value: "".join(encode(value, 0))
