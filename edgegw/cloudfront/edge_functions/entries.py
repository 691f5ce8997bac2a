"""Headers, cookies and query that a CloudFront Function returned, as lines and text.

An entry is `{value, multiValue?}`. Where the function changed `multiValue`, that counts and `value`
does not; where it changed `value` alone, the first of several is replaced and the others stay.

Source: CloudFront Developer Guide, "CloudFront Functions event structure" (structure for a query
string, header, or cookies).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

from edgegw.cloudfront.edge_functions.rules import (
    COOKIE_ENTRY,
    COOKIE_HEADER,
    COOKIE_VALUE,
    COOKIES_OBJECT,
    DISALLOWED_HEADER,
    HEADER_CASE,
    HEADER_ENTRY,
    HEADER_NAME,
    HEADER_VALUE,
    HEADERS_OBJECT,
    MULTI_VALUE,
    QUERY_ENTRY,
    READ_ONLY_HEADER,
)
from edgegw.cloudfront.edge_functions.sections import Entries, Section
from edgegw.cloudfront.edge_rule import EdgeRule
from edgegw.cloudfront.header_rules import has_control, is_disallowed
from edgegw.cloudfront.trigger_event import header_name
from edgegw.cloudfront.triggers import Trigger
from edgegw.cloudfront.validator import Validator, excerpt, step_into
from edgegw.http.grammar import TEXT_TOKEN
from edgegw.http.message import HOP_BY_HOP, Header, Headers

EDGE_READ_ONLY: Final[Mapping[Trigger, tuple[str, ...]]] = {
    "viewer-request": ("cdn-loop", "content-length", "host", "transfer-encoding", "via"),
    "viewer-response": ("warning", "via"),
}
"""Headers that a function sees but must leave as they are, by trigger.

Source: CloudFront Developer Guide, "Restrictions on all edge functions", read-only headers.
"""

_NEVER_SENT: Final = frozenset(name.decode() for name in HOP_BY_HOP) | {"expect"}
_COOKIES: Final = ("cookie", "set-cookie")

HeldValues: TypeAlias = list[dict[str, str]]
"""The values of one name: `value`, and `attributes` of a cookie that is set."""


def returned_headers(
    validator: Validator, returned: object, sent: Section, original: Headers, where: str
) -> Headers:
    """The headers to go on with: `original`, which `sent` showed, with what was changed.

    `where` is `request` or `response`, as page texts have it. Cookies of the original stay.
    """
    if returned is None:
        returned = {}
    if not isinstance(returned, dict):
        validator.note(HEADERS_OBJECT, "headers", returned, "return an object")
        return original
    headers = cast("Mapping[str, object]", returned)
    gone = [name for name in sent.entries if name not in headers]
    return edited_headers(validator, headers, gone, sent, original, where)


def edited_headers(
    validator: Validator,
    returned: Mapping[str, object],
    gone: Sequence[str],
    sent: Section,
    original: Headers,
    where: str,
) -> Headers:
    """As `returned_headers`; what is neither `returned` nor `gone` is as it was."""
    dropped = set(gone)
    """Names whose lines do not stay."""
    changed: list[Header] = []
    known = _added_before[validator.trigger]
    for name, entry in returned.items():
        before = sent.entry(name)
        if before is None:
            line = _known_line(known, name, entry)
            if line is not None:
                changed.append(line)
                continue
        elif _says_same(entry, before):
            dropped.discard(name)
            continue
        held = _header(validator, name, entry, before, where)
        if held is None:
            dropped.discard(name)
            continue
        spelled = _spelled(name)
        lines = [(spelled, value["value"].encode("utf-8", "replace")) for value in held]
        changed += lines
        if before is not None:
            dropped.add(name)
        elif len(lines) == 1:
            _remember_line(known, name, lines[0], held[0]["value"])
    if dropped:
        for name in EDGE_READ_ONLY[validator.trigger]:
            if name in dropped and name not in returned:
                _note_read_only(validator, name, "deleted", where)
                dropped.discard(name)
    if not dropped:
        return original.added(*changed)
    kept = [line for line in original.raw if header_name(line[0])[1] not in dropped]
    return Headers([*kept, *changed])


def _says_same(entry: object, before: Mapping[str, Any]) -> bool:
    """Whether a header is as it was `before`; what else a function wrote to it is no matter."""
    if entry == before:
        return True
    if not isinstance(entry, dict):
        return False
    fields = cast("Mapping[str, object]", entry)
    return all(fields.get(name) == before.get(name) for name in ("value", "multiValue"))


_MOST_ADDED: Final = 1000
_LONGEST_ADDED: Final = 500
_added_before: Final[dict[Trigger, dict[tuple[str, str], Header]]] = {
    trigger: {} for trigger in EDGE_READ_ONLY
}
"""Headers that functions added and no rule spoke against, as lines by name and value."""


def _remember_line(
    known: dict[tuple[str, str], Header], name: str, line: Header, text: str
) -> None:
    if len(known) < _MOST_ADDED and len(text) <= _LONGEST_ADDED:
        known[name, text] = line


def _known_line(known: Mapping[tuple[str, str], Header], name: str, entry: object) -> Header | None:
    """The line of a header that was added before, just as it is now."""
    if not isinstance(entry, dict) or len(cast("dict[str, object]", entry)) != 1:
        return None
    text = cast("dict[str, object]", entry).get("value")
    return known.get((name, text)) if isinstance(text, str) else None


_spellings: Final[dict[str, bytes]] = {}


def _spelled(name: str) -> bytes:
    """A name as it is sent: each part begins with a capital."""
    spelled = _spellings.get(name)
    if spelled is None:
        spelled = "-".join(part[:1].upper() + part[1:] for part in name.split("-")).encode()
        if len(_spellings) < 1000:
            _spellings[name] = spelled
    return spelled


def _header(
    validator: Validator, name: str, entry: object, before: Mapping[str, Any] | None, where: str
) -> HeldValues | None:
    """The values of a header that was added or changed; None where it is not sent like that."""
    path = step_into("headers", name)
    if not TEXT_TOKEN.fullmatch(name):
        expected = "use letters, digits and !#$%&'*+-.^_`|~ only"
        _note(validator, HEADER_NAME, path, name, expected, where)
        return None
    if name != name.lower():
        _note(validator, HEADER_CASE, path, name, f"write {excerpt(name.lower())}", where)
        return None
    if name in _COOKIES:
        expected = "set it in cookies: a cookie here is ignored"
        validator.note(COOKIE_HEADER, path, name, expected)
        return None
    held = _values(validator, HEADER_ENTRY, path, entry, before, where)
    if held is None:
        return None
    if any(has_control(value["value"]) for value in held):
        _note(validator, HEADER_VALUE, path, entry, "take the control characters out", where)
        return None
    if name in EDGE_READ_ONLY[validator.trigger]:
        _note_read_only(validator, name, "added" if before is None else "changed", where)
        return None
    if is_disallowed(name):
        expected = "leave it out: CloudFront sets it, or keeps it for itself"
        _note(validator, DISALLOWED_HEADER, path, name, expected, where)
        return None
    return None if name in _NEVER_SENT else held


def _note_read_only(validator: Validator, name: str, what: str, where: str) -> None:
    expected = f"{name} is read-only at {validator.trigger}: leave it as it is"
    _note(validator, READ_ONLY_HEADER, step_into("headers", name), what, expected, where)


def _note(
    validator: Validator, rule: EdgeRule, path: str, actual: object, expected: str, where: str
) -> None:
    """Notes a violation whose page text names the `request` or the `response`."""
    validator.note(rule, path, actual, expected)
    if "{}" in rule.page:
        violation = validator.violations[-1]
        validator.violations[-1] = violation._replace(rule=_named(rule, where))


_named_rules: Final[dict[tuple[str, str], EdgeRule]] = {}


def _named(rule: EdgeRule, where: str) -> EdgeRule:
    known = _named_rules.get((rule.code, where))
    if known is None:
        known = EdgeRule(
            *(rule.code, rule.demands, rule.page.format(where), rule.source, rule.triggers),
            *(rule.lenient, rule.point, rule.about),
        )
        _named_rules[rule.code, where] = known
    return known


def _values(
    validator: Validator,
    rule: EdgeRule,
    path: str,
    entry: object,
    before: Mapping[str, Any] | None,
    where: str,
) -> HeldValues | None:
    """The values of `entry`, which was `before`; None where it is malformed."""
    fields = cast("Mapping[str, object]", entry) if isinstance(entry, dict) else None
    if fields is None:
        expected = "write {value: '…'}"
        if isinstance(entry, list):
            expected += "; an array of {key, value} is Lambda@Edge's"
        _note(validator, rule, path, cast("object", entry), expected, where)
        return None
    several = fields.get("multiValue")
    earlier = None if before is None else before.get("multiValue")
    if several is None or several == []:
        return _one(validator, rule, path, fields, where)
    if not isinstance(several, list):
        _note(validator, MULTI_VALUE, f"{path}.multiValue", several, "write [{value}, …]", where)
        return None
    held: HeldValues = []
    for at, item in enumerate(cast("list[object]", several)):
        inner = f"{path}.multiValue[{at}]"
        if not isinstance(item, dict):
            _note(validator, MULTI_VALUE, inner, item, "write {value: '…'}", where)
            return None
        one = _one(validator, MULTI_VALUE, inner, cast("Mapping[str, object]", item), where)
        if one is None:
            return None
        held += one
    if several == earlier and "value" in fields:
        first = _one(validator, rule, path, fields, where)
        return None if first is None else [*first, *held[1:]]
    return held


def _one(
    validator: Validator, rule: EdgeRule, path: str, fields: Mapping[str, object], where: str
) -> HeldValues | None:
    value, attributes = fields.get("value"), fields.get("attributes")
    if not isinstance(value, str):
        expected = "write a string" + ("" if value is None else f": {excerpt(str(value))}")
        _note(validator, rule, f"{path}.value", value, expected, where)
        return None
    if rule is COOKIE_ENTRY and attributes is not None and not isinstance(attributes, str):
        _note(validator, rule, f"{path}.attributes", attributes, "write a string", where)
        return None
    return [{"value": value, "attributes": attributes if isinstance(attributes, str) else ""}]


# Cookies


def _cookies(
    validator: Validator, returned: object, sent: Entries, where: str
) -> Iterator[tuple[str, dict[str, str]]]:
    """Each cookie with its name, in the function's order."""
    if returned is None:
        return
    if not isinstance(returned, dict):
        validator.note(COOKIES_OBJECT, "cookies", returned, "return an object")
        return
    for name, entry in cast("Mapping[str, object]", returned).items():
        path = step_into("cookies", name)
        for held in _values(validator, COOKIE_ENTRY, path, entry, sent.get(name), where) or ():
            text = name + held["value"]
            if has_control(text + held["attributes"]) or ";" in text or "=" in name:
                expected = "encode it, without ; and control characters"
                _note(validator, COOKIE_VALUE, path, entry, expected, where)
                continue
            yield name, held


def cookie_header(validator: Validator, returned: object, sent: Entries) -> bytes:
    """The value of Cookie for the returned cookies; empty without any."""
    pairs = [
        f"{name}={held['value']}" for name, held in _cookies(validator, returned, sent, "request")
    ]
    return "; ".join(pairs).encode("utf-8", "replace")


def set_cookie_lines(validator: Validator, returned: object, sent: Entries) -> list[Header]:
    """The Set-Cookie lines of the returned cookies."""
    lines: list[Header] = []
    for name, held in _cookies(validator, returned, sent, "response"):
        attributes = f"; {held['attributes']}" if held["attributes"] else ""
        line = f"{name}={held['value']}{attributes}"
        lines.append((b"Set-Cookie", line.encode("utf-8", "replace")))
    return lines


# Query


def query_text(validator: Validator, returned: object, sent: Entries) -> str:
    """The query of the returned `querystring`: a string as it is, an object in its order."""
    if isinstance(returned, str):
        return returned.removeprefix("?")
    if returned is None:
        return ""
    if not isinstance(returned, dict):
        validator.note(QUERY_ENTRY, "querystring", returned, "return an object or a string")
        return ""
    parts: list[str] = []
    for name, entry in cast("Mapping[str, object]", returned).items():
        path = step_into("querystring", name)
        held = _values(validator, QUERY_ENTRY, path, entry, sent.get(name), "request") or ()
        parts += [f"{name}={value['value']}" if value["value"] else name for value in held]
    return "&".join(parts)
