"""Conditions of listener rules: what must hold for each kind, and what it becomes.

A kind is a key of `keys.Condition` and an entry in `CONDITIONS`.
Source: ELB User Guide for ALB, "Condition types for listener rules".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_network
from typing import Any, Final

from edgegw.alb import conditions as alb
from edgegw.alb import quotas
from edgegw.alb.expressions import compile_expression
from edgegw.config.balancers import keys
from edgegw.config.balancers.one_key import given_keys, only_key
from edgegw.config.document import Document, KeyPath
from edgegw.http.grammar import TEXT_TOKEN
from edgegw.values import value


@value
class ConditionKind:
    """A kind of condition.

    `check` notes what is wrong with what is given at a place, and answers the texts that count as
    values; `make` makes the condition of it. `is_once`: a rule has one of it, in either form.
    """

    check: Callable[[Document, KeyPath, Any], Sequence[str]]
    make: Callable[[Any], alb.Condition]
    is_once: bool = False
    has_wildcards: bool = True
    most: int = quotas.MAX_CONDITION_VALUES


def check_conditions(document: Document, path: KeyPath, rule: keys.Rule) -> None:
    """Adds what is wrong with the conditions of the rule at `path` to the findings."""
    counts: Counter[str] = Counter()
    values = wildcards = 0
    for at, condition in enumerate(rule.conditions):
        where = (*path, "conditions", at)
        name = only_key(document, where, condition, "condition")
        if name is None:
            continue
        kind, plain = CONDITIONS[name], name.removesuffix("_regex")
        counts[plain] += 1
        if kind.is_once and counts[plain] > 1:
            text = f"a rule has at most one condition on {plain}; put all values into one"
            document.error((*where, name), "alb.condition", text, key=True)
        texts = kind.check(document, (*where, name), getattr(condition, name))
        values += len(texts)
        if kind.has_wildcards:
            wildcards += sum(text.count("*") + text.count("?") for text in texts)
        if len(texts) > kind.most:
            text = f"a condition has 1 to {kind.most} values, not {len(texts)}"
            document.error((*where, name), "alb.condition-values", text)
    if values > quotas.MAX_RULE_VALUES:
        most = quotas.MAX_RULE_VALUES
        text = f"the conditions of a rule have at most {most} values in all, not {values}"
        document.error((*path, "conditions"), "alb.condition-values", text, key=True)
    if wildcards > quotas.MAX_WILDCARDS:
        text = f"{wildcards} wildcards; AWS takes {quotas.MAX_WILDCARDS} in a rule, by one page 6"
        document.warning((*path, "conditions"), "alb.wildcards", text, key=True)


def made_condition(given: keys.Condition) -> alb.Condition:
    """The condition of a checked mapping."""
    (name,) = given_keys(given)
    return CONDITIONS[name].make(getattr(given, name))


def _value_fault(document: Document, path: KeyPath, text: str) -> None:
    document.error(path, "alb.condition-value", text)


def _check_patterns(
    pattern: re.Pattern[str], rule: str
) -> Callable[[Document, KeyPath, list[str]], list[str]]:
    def check(document: Document, path: KeyPath, values: list[str]) -> list[str]:
        for at, text in enumerate(values):
            if len(text) > quotas.MAX_PATTERN or not pattern.fullmatch(text):
                _value_fault(document, (*path, at), f"{text!r}: {rule}")
        return values

    return check


def _check_expressions(document: Document, path: KeyPath, values: list[str]) -> list[str]:
    for at, text in enumerate(values):
        if len(text) > quotas.MAX_PATTERN:
            fault = f"a regex has 1 to {quotas.MAX_PATTERN} characters, not {len(text)}"
            _value_fault(document, (*path, at), fault)
        try:
            compile_expression(text)
        except ValueError as error:
            _value_fault(document, (*path, at), str(error))
    return values


def _check_header_name(document: Document, path: KeyPath, name: str) -> None:
    if name.lower() == "host":
        text = "the Host header is judged by host_header"
        _value_fault(document, (*path, "name"), text)
    elif "*" in name or not TEXT_TOKEN.fullmatch(name):
        text = f"{name!r} is no header name; it takes no wildcards"
        _value_fault(document, (*path, "name"), text)


def _check_header(document: Document, path: KeyPath, given: keys.HttpHeader) -> list[str]:
    _check_header_name(document, path, given.name)
    for at, text in enumerate(given.values):
        if not 1 <= len(text) <= quotas.MAX_PATTERN:
            fault = f"a value has 1 to {quotas.MAX_PATTERN} characters"
            _value_fault(document, (*path, "values", at), fault)
    return given.values


def _check_header_regex(document: Document, path: KeyPath, given: keys.HttpHeader) -> list[str]:
    _check_header_name(document, path, given.name)
    return _check_expressions(document, (*path, "values"), given.values)


def _check_query(document: Document, path: KeyPath, given: list[keys.QueryPair]) -> list[str]:
    for at, pair in enumerate(given):
        for part, text in (("key", pair.key), ("value", pair.value)):
            if text is not None and not 1 <= len(text) <= quotas.MAX_PATTERN:
                fault = f"a {part} has 1 to {quotas.MAX_PATTERN} characters"
                _value_fault(document, (*path, at, part), fault)
    return [pair.value for pair in given]


def _check_source_ip(document: Document, path: KeyPath, values: list[str]) -> list[str]:
    for at, text in enumerate(values):
        try:
            if "/" not in text:
                raise ValueError("a CIDR block has a slash")
            ip_network(text, strict=False)
        except ValueError:
            fault = f"{text!r} must be a CIDR block such as 10.0.0.0/8 or 2001:db8::/32"
            _value_fault(document, (*path, at), fault)
        if text == "255.255.255.255/32":
            _value_fault(document, (*path, at), "AWS refuses 255.255.255.255/32")
    return values


def _http_header(given: keys.HttpHeader) -> alb.Condition:
    return alb.http_header(given.name, given.values)


def _http_header_regex(given: keys.HttpHeader) -> alb.Condition:
    return alb.http_header_regex(given.name, given.values)


def _query_string(given: list[keys.QueryPair]) -> alb.Condition:
    return alb.query_string([(pair.key, pair.value) for pair in given])


_PATH: Final = f"a path pattern has 1 to {quotas.MAX_PATTERN} of A-Z a-z 0-9 _-.$/~\"'@:+& and * ?"
_HOST: Final = (
    f"a host has 1 to {quotas.MAX_PATTERN} of A-Z a-z 0-9 - . * ?, with only letters behind "
    "the last dot"
)
_METHOD: Final = "a method has 1 to 40 of A-Z - _, and no wildcards"

CONDITIONS: Final[Mapping[str, ConditionKind]] = {
    "path_pattern": ConditionKind(
        _check_patterns(quotas.PATH_PATTERN, _PATH), alb.path_pattern, is_once=True
    ),
    "path_pattern_regex": ConditionKind(
        _check_expressions, alb.path_pattern_regex, is_once=True, has_wildcards=False
    ),
    "host_header": ConditionKind(
        _check_patterns(quotas.HOST_PATTERN, _HOST), alb.host_header, is_once=True
    ),
    "host_header_regex": ConditionKind(
        _check_expressions, alb.host_header_regex, is_once=True, has_wildcards=False
    ),
    "http_request_method": ConditionKind(
        _check_patterns(quotas.METHOD_PATTERN, _METHOD), alb.http_request_method, is_once=True
    ),
    "source_ip": ConditionKind(
        _check_source_ip,
        alb.source_ip,
        is_once=True,
        has_wildcards=False,
        most=quotas.MAX_SOURCE_IPS,
    ),
    "http_header": ConditionKind(_check_header, _http_header),
    "http_header_regex": ConditionKind(
        _check_header_regex, _http_header_regex, has_wildcards=False
    ),
    "query_string": ConditionKind(_check_query, _query_string),
}
