"""Who errs about a number or a length is told what is allowed, both ends of it.

The schema is walked, so a key with bounds that is added is covered; the checks written by hand are
held to a table, and a limit that is used in one without a row there fails.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic.json_schema import models_json_schema

from edgegw.alb import attributes
from edgegw.config.document import KeyPath, document_of
from edgegw.config.fields import Model
from edgegw.config.resolve import load_document
from edgegw.errors import ConfigError, Finding
from tests.config.every_key import mappings, with_value
from tests.config.test_config import FUNCTIONS
from tests.config.test_quotas import (
    balancer,
    behaviors,
    custom_header_characters,
    custom_header_name,
    custom_header_value,
    custom_headers,
    distribution,
    listeners,
    origins,
    path_values,
    policy_headers,
    rule,
    rule_values,
    rules,
    source_ips,
    target_groups,
    targets,
)

CONFIG = Path(__file__).parents[2] / "edgegw" / "config"
ROOT = CONFIG.parent

_OPEN = {"minimum": 0, "minLength": 0, "minItems": 0}
_NEWS = ("minimum", "exclusiveMinimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")


def said(given: dict[str, Any]) -> list[Finding]:
    """All that `check --deploy` says."""
    try:
        found = load_document(document_of(given), FUNCTIONS, deploy=True).warnings
    except ConfigError as error:
        found = error.findings
    return list(found)


def names(text: str, number: float) -> bool:
    """Whether the number stands in the text, as a number of its own."""
    return (
        re.search(
            rf"(?<![\d.]){re.escape(f'{number:g}' if number < 1e6 else str(number))}(?!\d)", text
        )
        is not None
    )


# The schema


class Bounded(NamedTuple):
    """A key with bounds, and values behind them."""

    path: KeyPath
    bounds: dict[str, Any]
    wrong: list[Any]


def _bounds(given: dict[str, Any]) -> dict[str, Any]:
    """The bounds of a value by itself, not of what stands in it."""
    found = {name: given[name] for name in _NEWS if name in given}
    for choice in given.get("anyOf", []):
        found |= _bounds(choice)
    return found


def _wrong(bounds: dict[str, Any], first: Any) -> Iterator[Any]:
    if "minimum" in bounds:
        yield bounds["minimum"] - 1
    if "exclusiveMinimum" in bounds:
        yield bounds["exclusiveMinimum"]
    if "maximum" in bounds:
        yield bounds["maximum"] + 1
    if "maxLength" in bounds:
        yield "/" * (bounds["maxLength"] + 1)
    if bounds.get("minLength"):
        yield ""
    if "maxItems" in bounds:
        yield [first] * (bounds["maxItems"] + 1)
    if bounds.get("minItems"):
        yield []


def bounded() -> Iterator[Bounded]:
    places: dict[type[Model], KeyPath] = {}
    for path, model in mappings():
        places.setdefault(model, path)
    references, written = models_json_schema([(model, "validation") for model in places])
    for model, path in places.items():
        definition = references[model, "validation"]["$ref"].rpartition("/")[2]
        for name, given in written["$defs"][definition]["properties"].items():
            bounds = _bounds(given)
            if bounds:
                yield Bounded((*path, name), bounds, list(_wrong(bounds, "x")))


BOUNDED = list(bounded())


def test_the_walk_sees_keys_with_bounds() -> None:
    paths = {each.path for each in BOUNDED}
    assert ("functions", "hook", "memory_size") in paths
    assert ("functions", "hook", "layers") in paths
    assert len(paths) > 40


@pytest.mark.parametrize("key", BOUNDED, ids=lambda key: ".".join(map(str, key.path)))
def test_a_value_out_of_bounds_of_the_schema(key: Bounded) -> None:
    for value in key.wrong:
        texts = [
            each.text.partition(": ")[2]
            for each in said(with_value(key.path, value))
            if each.text.startswith(".".join(map(str, key.path)))
        ]
        assert texts, value
        for bound in key.bounds.values():
            assert any(names(text, bound) for text in texts if text), (bound, texts)


# The checks written by hand

Document = dict[str, Any]
WHOLE: Document = {"code": "hooks.py", "runtime": "python3.13", "handler": "hooks.target"}


def function(**keys: Any) -> Document:
    return {"functions": {"f": {**WHOLE, **keys}}}


def at_edge(**keys: Any) -> Document:
    behavior = {"origin": "app", "lambda_functions": {"origin-request": "f"}}
    return {**distribution(default_behavior=behavior), **function(**keys)}


def policy(**keys: Any) -> Document:
    return {"response_headers_policies": {"own": keys}}


def cached(kind: str, *items: str) -> Document:
    return {"cache_policies": {"own": {kind: {"behavior": "whitelist", "items": list(items)}}}}


def legacy(**keys: Any) -> Document:
    return distribution(default_behavior={"origin": "app", "forwarded_values": keys})


def legacy_queries(*names: str) -> Document:
    return legacy(query_string=True, query_string_cache_keys=list(names))


def cors(**keys: Any) -> Document:
    return policy(cors={"origin_override": True, "access_control_allow_origins": ["*"], **keys})


def custom(count: int, value: str = "a") -> Document:
    rows = [{"header": f"X-{at}", "value": value, "override": True} for at in range(count)]
    return policy(custom_headers=rows)


def health(**keys: Any) -> Document:
    return {"target_groups": {"g": {"targets": ["127.0.0.1:1"], "health_check": keys}}}


def viewer(**keys: Any) -> Document:
    return {"gateway": {"viewer": keys}}


def verifying(count: int) -> Document:
    mutual = {"mode": "verify", "trust_store": "public.pem"}
    row = {
        "listen": {"port": 0, "tls": True},
        "protocol": "HTTPS",
        "mutual_authentication": mutual,
        "default_actions": [{"fixed_response": {"status_code": 200}}],
    }
    return {"load_balancers": {"web": {"listeners": [row] * count}}}


def condition(**keys: Any) -> Document:
    return balancer(rules=[rule(1, **keys)])


def functions_at_edge(count: int) -> Document:
    rows = [
        {
            "path_pattern": f"/{at}",
            "origin": "app",
            "lambda_functions": {"origin-request": f"f{at}"},
        }
        for at in range(count)
    ]
    named = {f"f{at}": WHOLE for at in range(count)}
    return {**distribution(behaviors=rows), "functions": named}


def edge_functions(count: int, *, users: int = 0, stores: int = 0) -> Document:
    """CloudFront Functions that read one store, the first one in `users` distributions."""
    behavior = {"origin": "app", "edge_functions": {"viewer-request": "f0"}}
    site = {"origins": {"app": {"url": "http://app.test"}}, "default_behavior": behavior}
    function = {"code": "rewrite.js", **({"key_value_store": "s0"} if stores else {})}
    return {
        "edge_functions": {f"f{at}": function for at in range(count)},
        "key_value_stores": {f"s{at}": {} for at in range(stores)},
        "distributions": {f"d{at}": {"listen": 8000 + at, **site} for at in range(users)},
    }


RANGES: dict[str, list[tuple[Callable[[], Document], str]]] = {
    "MAX_NAME": [(lambda: {"queues": {"q" * 81: {}}}, "it has 1 to 80 letters, digits")],
    "MAX_EDGE_FUNCTIONS": [(lambda: edge_functions(101), "at most 100 CloudFront Functions")],
    "MAX_USERS": [
        (lambda: edge_functions(1, users=101), "at most 100 distributions have a function (101)")
    ],
    "MAX_STORE_FUNCTIONS": [
        (lambda: edge_functions(11, stores=1), "at most 10 functions read a store (11)")
    ],
    "MAX_KEY_VALUE_STORES": [(lambda: edge_functions(1, stores=51), "at most 50 key value stores")],
    "GRPC_CODES": [
        (
            lambda: {
                "target_groups": {
                    "g": {"protocol_version": "GRPC", "health_check": {"matcher": "100"}}
                }
            },
            "codes from 0 to 99",
        )
    ],
    "HEALTH_CHECK_RANGES": [
        (lambda: health(interval=4), "AWS takes 5 to 300"),
        (lambda: health(timeout=1), "AWS takes 2 to 120"),
        (lambda: health(healthy_threshold=1), "AWS takes 2 to 10"),
        (lambda: health(interval=5, timeout=5), "above 5 s, at most 300 s, not 5 s"),
    ],
    "HTTP_CODES": [(lambda: health(matcher="600"), "codes from 200 to 499")],
    "LONGEST_HOST": [
        (
            lambda: distribution(origins={"app": {"url": f"http://{'a' * 254}"}}),
            "at most 253 characters in labels of 1 to 63",
        )
    ],
    "LONGEST_NAME": [
        (lambda: {"functions": {"f" * 256: WHOLE}}, "a name has 1 to 255 bytes, not 256"),
        (lambda: {"gateway": {"state": "s" * 256}}, "a file or folder has 1 to 255 bytes"),
    ],
    "MAX_ALIASES": [
        (
            lambda: distribution(aliases=[f"a{at}.example.com" for at in range(101)]),
            "at most 100 aliases, not 101",
        )
    ],
    "MAX_METHODS": [
        (
            lambda: {
                "functions": {
                    "f": {
                        **WHOLE,
                        "url": {"cors": {"allow_methods": ["GET", *("PUT", "HEAD", "POST") * 2]}},
                    }
                }
            },
            "at most 6 methods",
        )
    ],
    "MAX_BEHAVIORS": [(lambda: behaviors(76), "at most 75 cache behaviors")],
    "MAX_CERTIFICATES": [
        (
            lambda: balancer(certificates=[{"certificate": "a", "key": "b"}] * 26),
            "at most 25 certificates",
        )
    ],
    "MAX_CONDITION_VALUES": [(lambda: path_values(4), "1 to 3 values, not 4")],
    "MAX_CUSTOM": [(lambda: custom(11), "at most 10 custom headers")],
    "MAX_CUSTOM_HEADERS": [(lambda: custom_headers(31), "at most 30 custom headers")],
    "MAX_CUSTOM_HEADER_CHARACTERS": [
        (lambda: custom_header_characters(10_241), "10240 characters in all (11, 10241)")
    ],
    "MAX_CUSTOM_HEADER_NAME": [(lambda: custom_header_name(257), "at most 256 characters")],
    "MAX_CUSTOM_HEADER_VALUE": [(lambda: custom_header_value(1784), "its value 1783; found 1 and")],
    "MAX_DEPTH": [],
    "MAX_FUNCTIONS": [(lambda: functions_at_edge(101), "101 functions at the triggers of a")],
    "MAX_LEGACY_CHARACTERS": [
        (lambda: legacy_queries(*(f"{at}" * 103 for at in range(5))), "at most 512 characters in"),
        (
            lambda: legacy(cookies={"forward": "whitelist", "whitelisted_names": ["a" * 512]}),
            "have at most 511 bytes in all",
        ),
    ],
    "MAX_LEGACY_NAMES": [
        (lambda: legacy(headers=[f"X-{at}" for at in range(11)]), "at most 10 can be named, not 11")
    ],
    "MAX_LEGACY_QUERY_KEY": [(lambda: legacy_queries("a" * 129), "at most 128 characters")],
    "MAX_LISTENERS": [(lambda: listeners(51), "51 listeners; a load balancer has at most 50")],
    "MAX_ORIGINS": [(lambda: origins(101), "at most 100 origins")],
    "MAX_PACKAGE": [],
    "MAX_PATTERN": [
        (lambda: condition(path_pattern=["/" * 129]), "1 to 128 of A-Z"),
        (lambda: condition(host_header=["a" * 129 + ".com"]), "1 to 128 of A-Z"),
        (lambda: condition(http_request_method=["A" * 41]), "1 to 40 of A-Z"),
        (lambda: condition(path_pattern_regex=["a" * 129]), "1 to 128 characters, not 129"),
        (
            lambda: condition(http_header={"name": "x", "values": ["a" * 129]}),
            "1 to 128 characters",
        ),
        (lambda: condition(query_string=[{"value": "a" * 129}]), "1 to 128 characters"),
    ],
    "MAX_POLICY_CHARACTERS": [
        (lambda: cached("cookies", "a" * 1025), "at most 1024 characters in all, not 1025")
    ],
    "MAX_POLICY_COOKIES": [
        (lambda: cached("cookies", *map(str, range(11))), "names at most 10, not 11")
    ],
    "MAX_POLICY_HEADERS": [(lambda: policy_headers(11), "names at most 10, not 11")],
    "MAX_POLICY_QUERY_STRINGS": [
        (lambda: cached("query_strings", *map(str, range(11))), "names at most 10, not 11")
    ],
    "MAX_REMOVED": [
        (lambda: policy(remove_headers=[f"X-{at}" for at in range(11)]), "at most 10 headers")
    ],
    "MAX_RULES": [(lambda: rules(101), "101 rules; a load balancer has at most 100")],
    "MAX_RULE_VALUES": [(lambda: rule_values(6), "at most 5 values in all, not 6")],
    "MAX_SOURCE_IPS": [(lambda: source_ips(6), "1 to 5 values, not 6")],
    "MAX_STORAGE_MB": [
        (lambda: at_edge(ephemeral_storage=513), "513 MB of ephemeral storage; at the edge 512 MB")
    ],
    "MAX_TARGETS": [(lambda: targets(1001), "1001 targets; a load balancer has at most 1000")],
    "MAX_TARGET_GROUPS": [(lambda: target_groups(101), "at most 100")],
    "MAX_TIMEOUT": [(lambda: at_edge(timeout=31), "the timeout is 31 s; at the edge at most 30 s")],
    "MAX_TOTAL": [(lambda: function(environment={"LONG": "x" * 4096}), "4100 bytes, at most 4096")],
    "MAX_VALUE": [
        (lambda: custom(1, "a" * 1784), "at most 1783 characters, not 1784"),
        (
            lambda: cors(access_control_allow_origins=["https://" + "a" * 60 + ".com"] * 26),
            "at most 1783 characters together",
        ),
        (
            lambda: policy(
                security_headers={
                    "content_security_policy": {
                        "content_security_policy": "a" * 1784,
                        "override": True,
                    }
                }
            ),
            "at most 1783 characters",
        ),
    ],
    "MAX_VALUES": [],
    "MAX_VERIFYING": [(lambda: verifying(3), "at most 2 listeners that verify clients")],
    "MAX_WILDCARDS": [
        (lambda: condition(path_pattern=["/" + "*" * 6]), "6 wildcards; AWS takes 5 in a rule")
    ],
    "MIN_UNRESERVED": [
        (
            lambda: function(reserved_concurrency=901),
            "of which 100 must stay unreserved: at most 900",
        )
    ],
    "SAMPLING_DECIMALS": [
        (
            lambda: policy(server_timing={"enabled": True, "sampling_rate": 1.23456}),
            "from 0 to 100, has at most 4 decimal places",
        ),
        (lambda: policy(server_timing={"enabled": True, "sampling_rate": 101}), "from 0 to 100"),
    ],
    "_LARGEST_NUMBER": [(lambda: function(timeout=10**18), "below 1000000000000000000")],
}
"""What breaks a limit, and the range that is named, by the limit's name in the code.

An empty list: `test_limits_of_the_file_itself`, or too large to try here (`test_deploy.py`).
"""

WITHOUT_NAME: list[tuple[Callable[[], Document], str]] = [
    (lambda: distribution(domain_name="a" * 254), "at most 253 characters, in labels of 1 to 63"),
    (lambda: {"gateway": {"hosts": {"-": "http://a"}}}, "at most 253 characters, in labels of"),
    (lambda: distribution(aliases=["a" * 64 + ".com"]), "labels of 1 to 63 characters, 253 in all"),
    (
        lambda: distribution(origins={"app": {"url": "http://a:99"}}),
        "80, 443 or from 1024 to 65535",
    ),
    (lambda: distribution(origins={"app": {"url": "http://a:x"}}), "a number from 1 to 65535"),
    (lambda: distribution(origins={"app": {"s3": ".", "bucket": "a"}}), "3 to 63"),
    (lambda: distribution(listen="127.0.0.1:99999"), "a port from 0 to 65535"),
    (lambda: {"functions": {"f" * 65: WHOLE}}, "1 to 64 letters"),
    (lambda: function(aliases={"a" * 129: {"version": "1"}}), "1 to 128 letters"),
    (
        lambda: function(reserved_concurrency=1, provisioned_concurrency=2),
        "for function: 2, at most 1",
    ),
    (
        lambda: {"load_balancers": {"w" * 33: balancer()["load_balancers"]["web"]}},
        "1 to 32 letters",
    ),
    (lambda: {"target_groups": {"g": {"targets": ["127.0.0.1:0"]}}}, "a port from 1 to 65535"),
    (lambda: health(port="70000"), "a number from 1 to 65535"),
    (
        lambda: balancer(
            default_actions=[{"redirect": {"status_code": "HTTP_301", "port": "70000"}}]
        ),
        "from 1 to 65535",
    ),
    (lambda: viewer(latitude="91"), "from -90 to 90"),
    (lambda: viewer(longitude="-181"), "from -180 to 180"),
    (lambda: viewer(asn="-1"), "a whole number of 0 or more"),
    (lambda: viewer(metro_code="x"), "a whole number of 0 or more"),
    (lambda: viewer(region="ABCD"), "1 to 3 characters"),
    (
        lambda: {"cache_policies": {"own": {"min_ttl": 9, "max_ttl": 5}}},
        "seconds of 0 or more and ascend, not 9",
    ),
    (lambda: {"gateway": {"account_id": "1"}}, "12 digits"),
]
"""Ranges that stand in a form or a sentence of the code, without a name."""

OURS = {"_MAX_SOURCE", "_MOST_FILES", "_MOST_ERRORS", "_LARGEST", "LARGEST"}
"""Limits of ours that no value of a configuration is held to."""
JUDGES = (
    *sorted({*CONFIG.rglob("*.py")} - {*CONFIG.glob("*schema.py"), *CONFIG.glob("*/*keys.py")}),
    *(
        ROOT / "cloudfront" / each
        for each in (
            "cache/legacy.py",
            "cache/policy_rules.py",
            "header_list_rules.py",
            "response_headers_rules.py",
            "deployment_rules.py",
        )
    ),
)
LIMIT = re.compile(r"_?(MAX|MIN|LONGEST|LARGEST|SAMPLING)_[A-Z_]+|[A-Z_]+_(RANGES?|CODES)|LARGEST")


def limits() -> set[str]:
    """The names of limits that values are compared with."""
    found: set[str] = set()
    for file in JUDGES:
        for node in ast.walk(ast.parse(file.read_text())):
            name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
            if LIMIT.fullmatch(name) and isinstance(getattr(node, "ctx", None), ast.Load):
                found.add(name)
    return found - OURS


def test_every_limit_of_the_checks_has_a_row_here() -> None:
    assert limits() == set(RANGES)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        *(
            pytest.param(*row, id=f"{name} {at}")
            for name, rows in RANGES.items()
            for at, row in enumerate(rows)
        ),
        *(pytest.param(*row, id=row[1]) for row in WITHOUT_NAME),
    ],
)
def test_the_range_is_named(wrong: Callable[[], Document], words: str) -> None:
    texts = [each.text for each in said(wrong())]
    assert any(words in text for text in texts), texts


def too_many() -> Document:
    return {"functions": {f"f{at}": WHOLE for at in range(40_000)}}


def too_deep() -> Document:
    return json.loads('{"a":' * 200 + "1" + "}" * 200)


@pytest.mark.parametrize(
    ("given", "words"), [(too_many, "more than 100000 values"), (too_deep, "inside each other")]
)
def test_limits_of_the_file_itself(given: Callable[[], Document], words: str) -> None:
    assert any(words in each.text for each in said(given())), [each.text for each in said(given())]


TABLES = {
    "load_balancer": attributes.LOAD_BALANCER,
    "listener": attributes.LISTENER,
    "target_group": attributes.TARGET_GROUP,
}


@pytest.mark.parametrize(
    ("key", "attribute"),
    [(key, each) for table in TABLES.values() for key, each in table.items()],
    ids=str,
)
def test_attribute_of_a_load_balancer_names_what_it_takes(
    key: str, attribute: attributes.Attribute
) -> None:
    fault = attribute.fault("\x00" * 2000)
    if attribute.values:
        assert all(value in (fault or "") for value in attribute.values)
    elif attribute.high:
        assert f"from {attribute.low} to {attribute.high}" in (fault or "")
    elif attribute.pattern:
        assert re.search(r"\d+ (to|characters? or more)", fault or ""), key
    else:
        assert fault is None
