"""The conditions of listener rules, one row a rule of AWS; the sheet's words are the ids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.alb import conditions as c
from edgegw.alb.expressions import compile_expression, compile_replacement, replace_first
from edgegw.alb.rules import match_rule
from edgegw.http.message import Client
from tests.alb.balancers import listener, request, rule, subject

ROWS = [
    # host-header
    (c.host_header(["example.com"]), {"host": "example.com"}, True, "host: the whole name"),
    (c.host_header(["Example.com"]), {"host": "eXAMPLE.COM"}, True, "host: insensitive to case"),
    (c.host_header(["example.com"]), {"host": "example.com:8080"}, True, "host: without its port"),
    (c.host_header(["*.example.com"]), {"host": "a.b.example.com"}, True, "host: * crosses dots"),
    (c.host_header(["*.example.com"]), {"host": "example.com"}, False, "host: *. wants a label"),
    (c.host_header(["?.example.com"]), {"host": "ab.example.com"}, False, "host: ? is exactly one"),
    (
        c.host_header(["a.test", "b.test"]),
        {"host": "b.test"},
        True,
        "host: values are alternatives",
    ),
    (
        c.host_header(["example.com"]),
        {"host": "www.example.com"},
        False,
        "host: no implicit prefix",
    ),
    (c.host_header_regex([r"^api\d+\."]), {"host": "API7.test"}, True, "host regex: insensitive"),
    (c.host_header_regex([r"\.test$"]), {"host": "a.test:81"}, True, "host regex: without port"),
    (c.host_header_regex([r"^a\.test:81$"]), {"host": "a.test:81"}, True, "host regex: with port"),
    (c.host_header_regex([r"^b"]), {"host": "ab.test"}, False, "host regex: anchors count"),
    # path-pattern
    (c.path_pattern(["/img/*"]), {"target": b"/img/"}, True, "path: /img/* matches /img/"),
    (c.path_pattern(["/img/*"]), {"target": b"/img/a/b"}, True, "path: * crosses slashes"),
    (c.path_pattern(["/img/*"]), {"target": b"/img"}, False, "path: /img/* does not match /img"),
    (c.path_pattern(["/IMG/*"]), {"target": b"/img/x"}, False, "path: case counts"),
    (c.path_pattern(["/a"]), {"target": b"/a?x=1"}, True, "path: without the query"),
    (c.path_pattern(["/b/*"]), {"target": b"/a/../b/x"}, True, "path: dot segments are removed"),
    (c.path_pattern(["/a b"]), {"target": b"/a%20b"}, False, "path: percent-encoding stays"),
    (c.path_pattern(["/?"]), {"target": b"/ab"}, False, "path: ? is exactly one"),
    (c.path_pattern(["*.php"]), {"target": b"/x/y.php"}, True, "path: a leading *"),
    (c.path_pattern_regex(["^/api/v[0-9]+/"]), {"target": b"/api/v2/x"}, True, "path regex"),
    (c.path_pattern_regex(["API"]), {"target": b"/api"}, False, "path regex: case counts"),
    (c.path_pattern_regex(["(?i)API"]), {"target": b"/api"}, True, "path regex: (?i) is allowed"),
    (c.path_pattern_regex(["pi"]), {"target": b"/api/x"}, True, "path regex: searches"),
    # http-header
    (c.http_header("X-A", ["1"]), {"headers": [("x-a", "1")]}, True, "header: name insensitive"),
    (
        c.http_header("X-A", ["one"]),
        {"headers": [("X-A", "ONE")]},
        True,
        "header: value insensitive",
    ),
    (
        c.http_header("X-A", ["2"]),
        {"headers": [("X-A", "1"), ("X-A", "2")]},
        True,
        "header: each value until one fits",
    ),
    (c.http_header("X-A", ["*"]), {}, False, "header: a missing one never matches"),
    (c.http_header("X-A", ["1"]), {"headers": [("X-A", "1, 2")]}, False, "header: the whole value"),
    (
        c.http_header("User-Agent", ["*Chrome*"]),
        {"headers": [("user-agent", "Mozilla Chrome/1")]},
        True,
        "header: wildcards",
    ),
    (c.http_header_regex("X-A", ["^v\\d$"]), {"headers": [("X-A", "V1")]}, True, "header regex"),
    # http-request-method
    (c.http_request_method(["GET"]), {"method": "GET"}, True, "method: exact"),
    (c.http_request_method(["GET"]), {"method": "HEAD"}, False, "method: HEAD is not GET"),
    (c.http_request_method(["GET"]), {"method": "get"}, False, "method: case counts"),
    (c.http_request_method(["PURGE-IT"]), {"method": "PURGE-IT"}, True, "method: custom ones"),
    # query-string
    (c.query_string([("v", "1")]), {"target": b"/?v=1"}, True, "query: key and value"),
    (c.query_string([("V", "ONE")]), {"target": b"/?v=one"}, True, "query: insensitive, both"),
    (c.query_string([("v", "1")]), {"target": b"/?w=1"}, False, "query: another key"),
    (
        c.query_string([(None, "*beta*")]),
        {"target": b"/?x=a-beta-b"},
        True,
        "query: no key, any pair",
    ),
    (c.query_string([("v", "1")]), {"target": b"/?a=0&v=1"}, True, "query: any position"),
    (c.query_string([("v", "1")]), {"target": b"/"}, False, "query: none"),
    (c.query_string([("a", "*")]), {"target": b"/?a"}, True, "query: a key without value"),
    (c.query_string([("v", r"\*")]), {"target": b"/?v=*"}, True, "query: \\* is a literal"),
    (c.query_string([("v", r"\*")]), {"target": b"/?v=x"}, False, "query: \\* is no wildcard"),
    (c.query_string([("v", r"a\?")]), {"target": b"/?v=a?"}, True, "query: \\? is a literal"),
    (c.query_string([("v", "\\\\")]), {"target": b"/?v=\\"}, True, "query: \\\\ is a backslash"),
    (c.query_string([("v", "A")]), {"target": b"/?v=%41"}, True, "query: raw first, then decoded"),
    (c.query_string([("v", "%41")]), {"target": b"/?v=%41"}, True, "query: raw"),
    (c.query_string([("v", "1")]), {"target": b"/?x=1#&v=1"}, False, "query: ends at #"),
    # source-ip
    (c.source_ip(["1.2.3.0/24"]), {}, True, "source ip: a block"),
    (c.source_ip(["10.0.0.0/8", "1.2.3.4/32"]), {}, True, "source ip: alternatives"),
    (
        c.source_ip(["9.9.9.9/32"]),
        {"headers": [("X-Forwarded-For", "9.9.9.9")]},
        False,
        "source ip: the TCP peer, not X-Forwarded-For",
    ),
    (c.source_ip(["2001:db8::/32"]), {"client": Client("2001:db8::1", 1)}, True, "source ip: IPv6"),
    (
        c.source_ip(["1.2.3.4/32"]),
        {"client": Client("::ffff:1.2.3.4", 1)},
        True,
        "source ip: mapped",
    ),
    (c.source_ip(["0.0.0.0/0"]), {"client": Client("2001:db8::1", 1)}, False, "source ip: family"),
    (c.source_ip(["0.0.0.0/0"]), {"client": Client("", 0)}, False, "source ip: an unknown peer"),
]


@pytest.mark.parametrize(
    ("condition", "sent", "holds"),
    [pytest.param(*row[:3], id=row[3]) for row in ROWS],
)
def test_condition(condition: c.Condition, sent: dict, holds: bool) -> None:
    looked_at = subject(request(**sent))
    assert condition.holds(looked_at) is holds
    assert condition.wanted
    assert condition.observed(looked_at).what


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a(?=b)", "look-ahead"),
        ("a(?!b)", "look-ahead"),
        ("(?<=a)b", "look-behind"),
        ("(?<!a)b", "look-behind"),
        (r"(a)\1", "back-reference"),
        (r"(?P<x>a)\k<x>", "back-reference"),
        ("(?P<x>a)(?P=x)", "back-reference"),
        ("(?>a)", "atomic"),
        ("a++b", "possessive"),
        ("a{2}+", "possessive"),
        ("(?R)", "recursion"),
        ("(?1)", "subroutine"),
        (r"\p{L}", "property"),
        ("(a", "no regular expression"),
    ],
)
def test_expressions_that_aws_does_not_know_are_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        compile_expression(text)


@pytest.mark.parametrize(
    ("text", "value", "matches"),
    [
        (r"\(?<", b"<", True),
        ("(?<name>a)b", b"ab", True),
        ("(?P<name>a)b", b"ab", True),
        ("[(?=]", b"=", True),
        ("a+?b", b"aab", True),
        (r"\\1", b"\\1", True),
        (r"[\]+]+$", b"]+", True),
    ],
)
def test_expressions_that_only_look_forbidden(text: str, value: bytes, matches: bool) -> None:
    assert bool(compile_expression(text).search(value)) is matches


@pytest.mark.parametrize(
    ("regex", "replace", "value", "made"),
    [
        (r"^/dp/([A-Za-z0-9]+)/?$", "/product.php?id=$1", b"/dp/B0/", b"/product.php?id=B0"),
        (r"^/(\w+)/(\w+)", "/$2/$1", b"/a/b/c?d", b"/b/a/c?d"),
        (r"a(x)?", "<${1}>", b"ba", b"b<>"),
        ("o", "0", b"foo", b"f0o"),
        ("z", "y", b"foo", None),
    ],
    ids=[
        "AWS's example",
        "two groups",
        "a group that took no part",
        "first match only",
        "no match",
    ],
)
def test_replacement(regex: str, replace: str, value: bytes, made: bytes | None) -> None:
    pattern = compile_expression(regex)
    assert replace_first(pattern, compile_replacement(replace, pattern), value) == made


def test_replacement_that_names_a_group_which_is_not_there() -> None:
    with pytest.raises(ValueError, match="refers to group 2; the regex has 1"):
        compile_replacement("$2", compile_expression("(a)"))


# Precedence


def test_rules_go_by_priority_and_all_conditions_must_hold() -> None:
    first = rule(1, c.path_pattern(["/api/*"]), c.host_header(["*.example.com"]))
    second = rule(2, c.path_pattern(["/api/*", "/v?/*"]))
    found = listener(first, second)

    def name(path: bytes, host: str) -> str:
        return match_rule(found, subject(request(path, host=host))).name

    assert name(b"/api/x", "A.Example.COM:8080") == "1"
    assert name(b"/api/x", "example.com") == "2"
    assert name(b"/v1/x", "example.com") == "2"
    assert name(b"/API/x", "www.example.com") == "default"


HOSTS = ["a.test", "b.test", "*.test", "?.test", "A.TEST"]
PATHS = ["/", "/a", "/a/*", "/a/b", "/b/*", "/?/b", "*", "/a*", "/*b", "/a/?"]
CONDITIONS = st.one_of(
    st.lists(st.sampled_from(HOSTS), min_size=1, max_size=3).map(c.host_header),
    st.lists(st.sampled_from(PATHS), min_size=1, max_size=3).map(c.path_pattern),
    st.sampled_from(["^/a", "b$"]).map(lambda each: c.path_pattern_regex([each])),
    st.sampled_from(["^a"]).map(lambda each: c.host_header_regex([each])),
    st.sampled_from(["GET", "POST"]).map(lambda each: c.http_request_method([each])),
    st.sampled_from(["1", "*"]).map(lambda each: c.http_header("X-A", [each])),
    st.sampled_from(["1", "2"]).map(lambda each: c.query_string([("q", each)])),
)
RULES = st.lists(st.lists(CONDITIONS, min_size=1, max_size=3), max_size=12)


@given(
    RULES,
    st.sampled_from(["a.test", "b.test", "A.test:81", "c.test", "test", ""]),
    st.sampled_from(
        [b"/", b"/a", b"/a/b", b"/a/", b"/b/x/y", b"/ab", b"/x/../a/b", b"/a/./b", b"//a"]
    ),
    st.sampled_from([b"", b"?q=1", b"?q=2&q=1"]),
    st.sampled_from(["GET", "POST"]),
    st.sampled_from([[], [("X-A", "1")], [("X-A", "2")]]),
)
def test_the_rule_is_the_one_a_naive_reader_finds(given_rules, host, path, query, method, headers):
    rules = [rule(at + 1, *each) for at, each in enumerate(given_rules)]
    found = listener(*rules)
    looked_at = subject(request(path + query, method, headers, host=host))
    naive = found.default
    for each in rules:
        if all(condition.holds(looked_at) for condition in each.conditions):
            naive = each
            break
    assert match_rule(found, looked_at) is naive
    assert match_rule(found, looked_at) is naive  # and again, from what was remembered
