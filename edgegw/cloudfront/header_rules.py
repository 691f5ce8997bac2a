"""Headers that a function returned: their shape, and which of them it may touch.

Source: CloudFront Developer Guide, "Restrictions on all edge functions" (disallowed and read-only
headers) and "Lambda@Edge event structure" (the headers object).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, cast

from edgegw.awslambda.payload import as_text
from edgegw.cloudfront.reserved_headers import RESERVED, RESERVED_PREFIXES
from edgegw.cloudfront.rule_table import (
    DISALLOWED_HEADER,
    EMPTY_HEADER_LIST,
    HEADER_ARRAY,
    HEADER_KEY,
    HEADER_NAME,
    HEADER_STRING,
    HEADER_VALUE,
    HEADER_VALUE_LIST,
    HEADERS_OBJECT,
    LOCATION_ENCODING,
    READ_ONLY_HEADER,
    READ_ONLY_KEY,
    VIEWER_COUNTRY,
)
from edgegw.cloudfront.triggers import Trigger
from edgegw.cloudfront.validator import Description, Validator, excerpt, step_into
from edgegw.http.grammar import TEXT_TOKEN, TEXT_VALUE_CONTROL
from edgegw.http.message import HOP_BY_HOP, Header
from edgegw.values import value

EventHeaders: TypeAlias = Mapping[str, list[dict[str, str]]]
"""A headers object of an event: lower-case name → entries with `key` and `value`."""

Line: TypeAlias = tuple[str, str]
"""Spelling and value of one header line."""

Accepted: TypeAlias = list[tuple[str, list[Line] | None]]
"""What stands under each name, in the function's order; None where it is as it was sent."""

DISALLOWED: Final = RESERVED | {
    "cloudfront-viewer-cert-pem",
    "client-cert",
    "client-cert-chain",
}
"""Headers that functions neither see nor add, in lower case.

Source: CloudFront Developer Guide, "Restrictions on all edge functions", disallowed headers.
"""

READ_ONLY: Final[Mapping[Trigger, tuple[str, ...]]] = {
    "viewer-request": ("content-length", "host", "transfer-encoding", "via", "cdn-loop"),
    "origin-request": (
        "accept-encoding",
        "cdn-loop",
        "content-length",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "transfer-encoding",
        "via",
    ),
    "origin-response": ("transfer-encoding", "via"),
    "viewer-response": (
        "content-encoding",
        "content-length",
        "transfer-encoding",
        "via",
        "warning",
    ),
}
"""Headers that a function sees but must leave as they are, by trigger.

Source: CloudFront Developer Guide, "Restrictions on all edge functions", read-only headers.
"""

_EVER_READ_ONLY: Final = frozenset(name for names in READ_ONLY.values() for name in names)
_COUNTRY: Final = "cloudfront-viewer-country"
_NEVER_SENT: Final = frozenset(name.decode() for name in HOP_BY_HOP) | {"expect"}
"""Belong to one connection: a lenient gateway does not pass them on either."""
_FAILED: Final = "Lambda function result failed validation, the function tried to"


def is_disallowed(name: str) -> bool:
    """Whether functions never see, and must not add, the header `name` (lower case)."""
    return name in DISALLOWED or name.startswith(RESERVED_PREFIXES)


def has_control(text: str) -> bool:
    """Whether `text` holds control characters other than a tab."""
    return TEXT_VALUE_CONTROL.search(text) is not None


@value
class _Name:
    """What is known of a header name; `is_plain` where no rule speaks of adding or changing it.

    Read-only headers are plain: they are compared when all is gathered.
    """

    lower: str
    spelling: str
    is_plain: bool


_names: Final[dict[str, _Name]] = {}
_REMEMBERED: Final = 1000


def _learn_name(name: str) -> _Name:
    lower = name.lower()
    is_special = is_disallowed(lower) or lower in (_COUNTRY, "location")
    known = _Name(lower, _spelling(name), not is_special and TEXT_TOKEN.fullmatch(name) is not None)
    if len(_names) < _REMEMBERED:
        _names[name] = known
    return known


def _plain_line(known: _Name, entries: Any) -> Line | None:
    """The line of an entry of the usual form; None for all others, which are looked at closely."""
    if entries.__class__ is not list or len(entries) != 1 or entries[0].__class__ is not dict:
        return None
    key, value = entries[0].get("key"), entries[0].get("value")
    if value.__class__ is not str or TEXT_VALUE_CONTROL.search(value):
        return None
    if key is None:
        return known.spelling, value
    return (key, value) if key.__class__ is str and key.lower() == known.lower else None


def accepted_headers(validator: Validator, returned: object, sent: EventHeaders) -> Accepted:
    """The headers to go on with, out of a returned `headers` object.

    What breaks a rule is noted; where the rule is not enforced the answer follows its `lenient`.
    """
    if returned is None:
        returned = {}
    if not isinstance(returned, dict):
        validator.note(HEADERS_OBJECT, "headers", returned, "return an object of arrays")
        return [(name, None) for name in sent]
    headers = cast("Mapping[str, object]", returned)
    accepted: Accepted = []
    changed: dict[str, list[Line]] = {}
    untouched = 0
    for name, entries in headers.items():
        if name in sent and sent[name] == entries:
            accepted.append((name, None))  # as it was sent: nothing to judge
            untouched += 1
            continue
        known = _names.get(name) or _learn_name(name)
        if known.is_plain and (line := _plain_line(known, entries)) is not None:
            accepted.append((name, [line]))
            if known.lower in _EVER_READ_ONLY:
                changed.setdefault(known.lower, []).append(line)
            continue
        lines = header_lines(validator, name, entries, "headers")
        if lines is None:
            continue
        lower = known.lower
        if not lines and lower in sent:
            path = step_into("headers", name)
            validator.note(EMPTY_HEADER_LIST, path, entries, f"delete headers[{excerpt(name)}]")
        changed.setdefault(lower, []).extend(lines)
        if lines and _may_be_added(validator, name, lower, is_new=lower not in sent):
            accepted.append((name, lines))
    if changed or untouched < len(sent):
        _keep_read_only(validator, headers, accepted, changed, sent)
    return accepted


def _may_be_added(validator: Validator, name: str, lower: str, *, is_new: bool) -> bool:
    """Judges a header with new values by its name; False for what is never sent on."""
    if is_disallowed(lower):
        validator.note(
            DISALLOWED_HEADER,
            step_into("headers", name),
            name,
            "leave it out: CloudFront sets it, or keeps it for itself",
            f"{_FAILED} add a blacklisted header in headers, headerName : {name}.",
        )
        return lower not in _NEVER_SENT
    if lower == _COUNTRY and validator.trigger == "viewer-request" and is_new:
        expected = "name it in a cache policy or an origin request policy, then CloudFront adds it"
        log = f"{_FAILED} add a blacklisted header in headers, headerName : {name}."
        validator.note(VIEWER_COUNTRY, step_into("headers", name), name, expected, log)
    return True


def _keep_read_only(
    validator: Validator,
    headers: Mapping[str, object],
    accepted: Accepted,
    changed: Mapping[str, list[Line]],
    sent: EventHeaders,
) -> None:
    """Judges the trigger's read-only headers; those that were touched go back to what was sent."""
    for name in READ_ONLY[validator.trigger]:
        shown, lines = sent.get(name), changed.get(name)
        if lines is None and headers.get(name) == shown:  # None on both sides: never there
            continue
        before = [(entry["key"], entry["value"]) for entry in shown or ()]
        after = [*before, *(lines or ())] if headers.get(name) == shown else lines or []
        if before == after:
            continue
        path = step_into("headers", name)
        if [value for _, value in before] == [value for _, value in after]:
            validator.note(
                READ_ONLY_KEY, path, after[0][0], f"leave its key {excerpt(before[0][0])}"
            )
            continue
        verb, done = _what_happened(before, after)
        values = [[value for _, value in each] for each in (before, after)]
        validator.note(
            READ_ONLY_HEADER,
            path,
            Description(f"{done}: {excerpt(values[0])} became {excerpt(values[1])}"),
            f"{name} is read-only at {validator.trigger}: {_advice(validator, name)}",
            f"{_FAILED} {verb} read-only header, headerName : {_spelling(name)}.",
        )
        accepted[:] = [each for each in accepted if each[0].lower() != name]
        if shown is not None:
            accepted.append((name, None))


def _what_happened(before: list[Line], after: list[Line]) -> tuple[str, str]:
    if not before:
        return "add", "added"
    return ("delete", "deleted") if not after else ("change", "changed")


def _advice(validator: Validator, name: str) -> str:
    if name == "content-length":
        return "leave it, CloudFront computes it for a new body"
    if validator.trigger == "viewer-request" and name == "host":
        return "change it at origin-request"
    return "start from the object in the event and leave this header as it is"


def header_lines(validator: Validator, name: str, entries: object, where: str) -> list[Line] | None:
    """The lines of one entry: `[{"key": …, "value": …}, …]`; None when it is malformed.

    `where` is the path of the headers object. A missing `key` is the name, each part capitalised.
    """
    path = step_into(where, name)
    if not TEXT_TOKEN.fullmatch(name):
        validator.note(HEADER_NAME, path, name, "use letters, digits and !#$%&'*+-.^_`|~ only")
        return None
    if not isinstance(entries, list):
        expected = f'write [{{"key": "{_spelling(name)}", "value": …}}]'
        validator.note(HEADER_ARRAY, path, entries, expected)
        return None
    lines: list[Line] = []
    is_right = True
    for at, entry in enumerate(cast("list[object]", entries)):
        own = _entry_lines(validator, name, entry, f"{path}[{at}]")
        is_right = is_right and own is not None
        lines += own or ()
    return lines if is_right else None


def _entry_lines(validator: Validator, name: str, entry: object, path: str) -> list[Line] | None:
    if not isinstance(entry, dict):
        validator.note(
            HEADER_STRING, path, entry, 'write {"key": …, "value": …}', _not_strings(name)
        )
        return None
    fields = cast("dict[str, object]", entry)
    key, value = fields.get("key"), fields.get("value")
    if key is not None and not isinstance(key, str):
        validator.note(HEADER_STRING, f"{path}.key", key, "write a string, or leave key out")
        return None
    values = _strings(value)
    if values is not None and not isinstance(value, str):
        validator.note(HEADER_VALUE_LIST, f"{path}.value", values, "write an entry for each value")
    if values is None:
        expected = "write a string" + ("" if value is None else f": {excerpt(as_text(value))}")
        validator.note(HEADER_STRING, f"{path}.value", value, expected, _not_strings(name))
        return None
    spelled = key or _spelling(name)
    if key and key.lower() != name.lower():
        validator.note(HEADER_KEY, f"{path}.key", key, f"write {excerpt(_spelling(name))}")
        spelled = _spelling(name)
    bad = [each for each in values if not _is_value(validator, name, each, f"{path}.value")]
    if bad:
        return None
    return [(spelled, each) for each in values]


def _strings(value: object) -> list[str] | None:
    """A string, or an array of them, as a list."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        return None
    items = cast("list[object]", value)
    return [item for item in items if isinstance(item, str)] if _all_strings(items) else None


def _all_strings(items: list[object]) -> bool:
    return all(isinstance(item, str) for item in items)


def _is_value(validator: Validator, name: str, value: str, path: str) -> bool:
    bad = TEXT_VALUE_CONTROL.search(value)
    if bad is not None:
        log = (
            "Lambda function result validation failed, the function returned an invalid header, "
            f"invalid character : '%{ord(bad[0]):02X}' in header value, headerName : {name}."
        )
        validator.note(HEADER_VALUE, path, value, "take the control characters out", log)
        return False
    if name.lower() == "location" and not value.isascii():
        validator.note(LOCATION_ENCODING, path, value, "percent-encode it (encodeURI, quote)")
    return True


def _not_strings(name: str) -> str:
    return (
        "The Lambda function returned an invalid entry in the headers object, the value of each "
        f"header value must be of string or array of string type, header :{name} has one or more "
        "entries whose value is neither string nor array of strings."
    )


def _spelling(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def encode_lines(lines: list[Line]) -> list[Header]:
    """Accepted lines as bytes; `Location` loses what is not ASCII, as on AWS."""
    return [
        (
            key.encode("utf-8", "replace"),
            value.encode("ascii" if key.lower() == "location" else "utf-8", "replace"),
        )
        for key, value in lines
    ]
