"""Which events a pattern takes, word by word, and what is said to what is no pattern."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.awslambda.event_pattern import PatternError, compile_pattern


def takes(pattern: object, event: object) -> bool:
    return compile_pattern(json.dumps(pattern)).matches(event)


STATE_CHANGE = {
    "version": "0",
    "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
    "detail-type": "Order State Change",
    "source": "shop.orders",
    "account": "123456789012",
    "time": "2026-11-26T18:43:48Z",
    "region": "eu-west-1",
    "resources": ["arn:aws:s3:::orders", "arn:aws:s3:::archive"],
    "detail": {
        "state": "paid",
        "total": 301.8,
        "items": 3,
        "gift": False,
        "note": None,
        "coupon": "",
        "caller": "10.0.0.33",
        "file": "invoices/2026/a*b\\c.PDF",
        "tags": [],
    },
}
"""One event, of which the rows below look at one field each."""

WORDS = [
    # an exact value
    ("state", ["paid"], True),
    ("state", ["open", "paid"], True),
    ("state", ["Paid"], False),
    ("state", ["pai"], False),
    ("state", [{"exactly": "paid"}], True),
    ("total", [301.8], True),
    ("total", [3.018e2], True),
    ("total", ["301.8"], False),
    ("items", [3.0], True),
    ("items", ["3"], False),
    ("gift", [False], True),
    ("gift", [0], False),
    ("gift", ["false"], False),
    ("items", [True], False),
    # nothing and the empty string are different things
    ("note", [None], True),
    ("note", [""], False),
    ("note", ["null"], False),
    ("coupon", [""], True),
    ("coupon", [None], False),
    ("missing", [None], False),
    # prefix, suffix
    ("file", [{"prefix": "invoices/"}], True),
    ("file", [{"prefix": "Invoices/"}], False),
    ("file", [{"prefix": ""}], True),
    ("items", [{"prefix": ""}], False),
    ("note", [{"prefix": ""}], False),
    ("file", [{"prefix": {"equals-ignore-case": "INVOICES/"}}], True),
    ("file", [{"suffix": ".PDF"}], True),
    ("file", [{"suffix": ".pdf"}], False),
    ("file", [{"suffix": {"equals-ignore-case": ".pdf"}}], True),
    ("file", [{"suffix": {"equals-ignore-case": "invoices"}}], False),
    ("state", [{"suffix": "unpaid"}], False),
    # equals-ignore-case
    ("state", [{"equals-ignore-case": "PaId"}], True),
    ("state", [{"equals-ignore-case": "PaI"}], False),
    ("coupon", [{"equals-ignore-case": ""}], True),
    # wildcard
    ("file", [{"wildcard": "*"}], True),
    ("file", [{"wildcard": "invoices/*.PDF"}], True),
    ("file", [{"wildcard": "*/2026/*"}], True),
    ("file", [{"wildcard": "*2026/*invoices*"}], False),
    ("file", [{"wildcard": "*a\\*b\\\\c*"}], True),
    ("file", [{"wildcard": "*a\\*c*"}], False),
    ("file", [{"wildcard": "invoices"}], False),
    ("file", [{"wildcard": "invoices/????/*"}], False),
    ("state", [{"wildcard": "pa*aid"}], False),
    ("state", [{"wildcard": "p*a*i*d"}], True),
    ("state", [{"wildcard": "pai*paid"}], False),
    ("coupon", [{"wildcard": "*"}], True),
    ("coupon", [{"wildcard": ""}], True),
    ("items", [{"wildcard": "*"}], False),
    # anything-but
    ("state", [{"anything-but": "open"}], True),
    ("state", [{"anything-but": "paid"}], False),
    ("state", [{"anything-but": ["open", "paid"]}], False),
    ("state", [{"anything-but": ["open", "sent"]}], True),
    ("state", [{"anything-but": 5}], True),
    ("items", [{"anything-but": 3.0}], False),
    ("items", [{"anything-but": [1, 2]}], True),
    ("items", [{"anything-but": "3"}], True),
    ("gift", [{"anything-but": [0, 1]}], True),
    ("note", [{"anything-but": "null"}], True),
    ("missing", [{"anything-but": "open"}], False),
    ("state", [{"anything-but": {"prefix": "pa"}}], False),
    ("state", [{"anything-but": {"prefix": "op"}}], True),
    ("state", [{"anything-but": {"prefix": ["op", "pa"]}}], False),
    ("items", [{"anything-but": {"prefix": "3"}}], True),
    ("file", [{"anything-but": {"suffix": ".PDF"}}], False),
    ("file", [{"anything-but": {"suffix": [".png", ".pdf"]}}], True),
    ("state", [{"anything-but": {"equals-ignore-case": "PAID"}}], False),
    ("state", [{"anything-but": {"equals-ignore-case": ["OPEN", "SENT"]}}], True),
    ("file", [{"anything-but": {"wildcard": "*/2026/*"}}], False),
    ("file", [{"anything-but": {"wildcard": ["*/2025/*", "*/2024/*"]}}], True),
    # numeric
    ("items", [{"numeric": ["=", 3]}], True),
    ("items", [{"numeric": ["=", 3.0]}], True),
    ("items", [{"numeric": ["<", 3]}], False),
    ("items", [{"numeric": ["<=", 3]}], True),
    ("items", [{"numeric": [">", 3]}], False),
    ("items", [{"numeric": [">=", 3]}], True),
    ("items", [{"numeric": [">", 0, "<=", 3]}], True),
    ("items", [{"numeric": [">", 0, "<", 3]}], False),
    ("items", [{"numeric": [">=", 3, "<", 4]}], True),
    ("total", [{"numeric": ["=", 301.8]}], True),
    ("state", [{"numeric": [">", 0]}], False),
    ("gift", [{"numeric": ["=", 0]}], False),
    ("note", [{"numeric": ["<", 1]}], False),
    # cidr, and addresses as values
    ("caller", [{"cidr": "10.0.0.0/24"}], True),
    ("caller", [{"cidr": "10.0.0.99/24"}], True),
    ("caller", [{"cidr": "10.0.1.0/24"}], False),
    ("caller", [{"cidr": "0.0.0.0/0"}], True),
    ("caller", [{"cidr": "::/0"}], False),
    ("state", [{"cidr": "0.0.0.0/0"}], False),
    ("caller", ["10.0.0.33"], True),
    # exists
    ("state", [{"exists": True}], True),
    ("note", [{"exists": True}], True),
    ("coupon", [{"exists": True}], True),
    ("missing", [{"exists": True}], False),
    ("state", [{"exists": False}], False),
    ("note", [{"exists": False}], False),
    ("missing", [{"exists": False}], True),
    ("tags", [{"exists": True}], False),
    ("tags", [{"exists": False}], True),
    # alternatives of several kinds
    ("state", ["open", {"prefix": "x"}, {"suffix": "id"}], True),
    ("missing", ["open", {"exists": False}], True),
    ("state", ["open", {"exists": False}], False),
]


@pytest.mark.parametrize(
    ("field", "alternatives", "expected"),
    WORDS,
    ids=[f"{field}-{json.dumps(alternatives)}" for field, alternatives, _ in WORDS],
)
def test_a_word_asks_one_thing_of_a_value(
    field: str, alternatives: list[object], expected: bool
) -> None:
    assert takes({"detail": {field: alternatives}}, STATE_CHANGE) is expected


SHAPES = [
    ("all-fields", {"source": ["shop.orders"], "region": ["eu-west-1"]}, STATE_CHANGE, True),
    ("one-field-off", {"source": ["shop.orders"], "region": ["us-east-1"]}, STATE_CHANGE, False),
    ("more-fields-in-the-event", {"a": [1]}, {"a": 1, "b": 2}, True),
    ("array-of-values", {"resources": ["arn:aws:s3:::archive"]}, STATE_CHANGE, True),
    ("array-without-it", {"resources": ["arn:aws:s3:::other"]}, STATE_CHANGE, False),
    ("array-anything-but", {"a": [{"anything-but": [1]}]}, {"a": [1, 2]}, True),
    ("array-within-array", {"a": [3]}, {"a": [[1], [2, [3]]]}, True),
    ("object-where-a-value-is-asked", {"a": [1]}, {"a": {"b": 1}}, False),
    ("value-where-an-object-is-asked", {"a": {"b": [1]}}, {"a": 1}, False),
    ("object-is-no-leaf", {"a": [{"exists": True}]}, {"a": {"b": 1}}, False),
    ("so-it-is-absent", {"a": [{"exists": False}]}, {"a": {"b": 1}}, True),
    ("absent-below-a-value", {"a": {"b": [{"exists": False}]}}, {"a": 1}, True),
    ("absent-below-nothing", {"a": {"b": [{"exists": False}]}}, {}, True),
    ("no-object-at-all", {"a": [{"exists": False}]}, [], False),
    ("text-is-no-object", {"a": [{"exists": False}]}, "a", False),
    # fields within an array belong to the same element
    ("same-element", {"a": {"b": [1], "c": [2]}}, {"a": [{"b": 1, "c": 2}]}, True),
    ("two-elements", {"a": {"b": [1], "c": [2]}}, {"a": [{"b": 1}, {"c": 2}]}, False),
    ("some-element", {"a": {"b": [2]}}, {"a": [{"b": 1}, {"b": 2}]}, True),
    ("nested", {"a": {"b": [2]}}, {"a": [[{"b": 1}], [{"b": 2}]]}, True),
    (
        "same-element-all-the-way",
        {"a": {"b": {"c": [1]}, "d": [2]}},
        {"a": [{"b": [{"c": 1}], "d": 1}, {"b": [{"c": 2}], "d": 2}]},
        False,
    ),
    ("two-arrays", {"a": {"b": [1]}, "c": {"d": [2]}}, {"a": [{"b": 1}], "c": [{"d": 2}]}, True),
    # absence within arrays
    ("absent-in-all", {"a": {"b": [{"exists": False}]}}, {"a": [{"c": 1}, {"c": 2}]}, True),
    ("present-in-one", {"a": {"b": [{"exists": False}]}}, {"a": [{"c": 1}, {"b": 2}]}, False),
    ("absent-in-an-empty-array", {"a": {"b": [{"exists": False}]}}, {"a": []}, True),
    (
        "absent-in-the-element-that-matched",
        {"a": {"b": [1], "c": [{"exists": False}]}},
        {"a": [{"b": 1}, {"c": 2}]},
        True,
    ),
    ("value-or-absent", {"a": {"b": ["x", {"exists": False}]}}, {"a": [{"b": "y"}, {}]}, False),
    # $or
    ("or-first", {"$or": [{"a": [1]}, {"b": [2]}]}, {"a": 1}, True),
    ("or-second", {"$or": [{"a": [1]}, {"b": [2]}]}, {"b": 2}, True),
    ("or-none", {"$or": [{"a": [1]}, {"b": [2]}]}, {"a": 2, "b": 1}, False),
    ("or-and", {"c": [3], "$or": [{"a": [1]}, {"b": [2]}]}, {"a": 1, "c": 4}, False),
    ("or-of-ands", {"$or": [{"a": [1], "b": [2]}, {"c": [3]}]}, {"a": 1, "c": 2}, False),
    ("or-below", {"d": {"$or": [{"a": [1]}, {"b": [2]}]}}, {"d": {"b": 2}}, True),
    ("or-in-or", {"$or": [{"$or": [{"a": [1]}, {"b": [2]}]}, {"c": [3]}]}, {"b": 2}, True),
    (
        "or-keeps-to-the-element",
        {"a": {"b": [1], "$or": [{"c": [2]}, {"d": [3]}]}},
        {"a": [{"b": 1}, {"c": 2}]},
        False,
    ),
]


@pytest.mark.parametrize(
    ("pattern", "event", "expected"), [row[1:] for row in SHAPES], ids=[row[0] for row in SHAPES]
)
def test_a_pattern_has_the_shape_of_its_events(
    pattern: object, event: object, expected: bool
) -> None:
    assert takes(pattern, event) is expected


def test_an_address_equals_every_way_of_writing_it() -> None:
    assert takes({"ip": ["2001:db8::1"]}, {"ip": "2001:0DB8:0:0:0:0:0:1"})
    assert takes({"ip": [{"cidr": "2001:db8::/32"}]}, {"ip": "2001:db8:ffff::1"})
    assert not takes({"ip": [{"cidr": "2001:db8::/32"}]}, {"ip": "2001:db9::"})


def test_account_numbers_match_to_the_last_digit() -> None:
    assert takes({"account": [123456789012]}, {"account": 123456789012})
    assert not takes({"n": [2**60 + 1]}, {"n": 2**60})


MISTAKES = [
    ("[]", "Filter is not an object"),
    ('"a"', "Filter is not an object"),
    ("{}", "Empty objects are not allowed"),
    ('{"a": {}}', "Empty objects are not allowed"),
    ('{"a": []}', "Empty arrays are not allowed"),
    ('{"a": "b"}', '"a" must be an object or an array'),
    ('{"a": null}', '"a" must be an object or an array'),
    ('{"a": [[1]]}', "Match value must be String, number, true, false, or null"),
    ('{"a": [{}]}', "Match expression name not found"),
    ('{"a": [{"begins": "b"}]}', "Unrecognized match type begins"),
    ('{"a": [{"prefix": "b", "suffix": "c"}]}', "Only one key allowed in match expression"),
    ('{"a": [{"exactly": 1}]}', "exact match pattern must be a string"),
    ('{"a": [{"prefix": 1}]}', "prefix match pattern must be a string"),
    ('{"a": [{"prefix": {}}]}', "Prefix expression name not found"),
    ('{"a": [{"prefix": {"suffix": "b"}}]}', "Unsupported prefix pattern: suffix"),
    ('{"a": [{"suffix": ["b"]}]}', "suffix match pattern must be a string"),
    (
        '{"a": [{"suffix": {"equals-ignore-case": 1}}]}',
        "equals-ignore-case match pattern must be a string",
    ),
    (
        '{"a": [{"suffix": {"equals-ignore-case": "b", "c": 1}}]}',
        "Only one key allowed in match expression",
    ),
    (
        '{"a": [{"equals-ignore-case": ["b"]}]}',
        "equals-ignore-case match pattern must be a string",
    ),
    ('{"a": [{"wildcard": 1}]}', "wildcard match pattern must be a string"),
    ('{"a": [{"wildcard": "b**"}]}', "Consecutive wildcard characters at pos 2"),
    ('{"a": [{"wildcard": "\u00e9\\\\n"}]}', "Invalid escape character at pos 3"),
    ('{"a": [{"wildcard": "b\\\\"}]}', "Invalid escape character at pos 2"),
    (
        '{"a": [{"anything-but": null}]}',
        "Value of anything-but must be an array or single string/number value.",
    ),
    (
        '{"a": [{"anything-but": ["b", null]}]}',
        "Inside anything but list, start|null|boolean is not supported.",
    ),
    (
        '{"a": [{"anything-but": ["b", 1]}]}',
        "Inside anything but list, either all values are number or string, "
        "mixed type is not supported",
    ),
    (
        '{"a": [{"anything-but": []}]}',
        "Inside anything but list, either all values are number or string, "
        "mixed type is not supported",
    ),
    ('{"a": [{"anything-but": {}}]}', "Anything-But expression name not found"),
    ('{"a": [{"anything-but": {"numeric": []}}]}', "Unsupported anything-but pattern: numeric"),
    ('{"a": [{"anything-but": {"prefix": ""}}]}', "Null prefix/suffix not allowed"),
    (
        '{"a": [{"anything-but": {"suffix": [1]}}]}',
        "prefix/suffix match pattern must be a string",
    ),
    (
        '{"a": [{"anything-but": {"equals-ignore-case": [1]}}]}',
        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
    ),
    (
        '{"a": [{"anything-but": {"wildcard": "b**"}}]}',
        "Consecutive wildcard characters at pos 2",
    ),
    ('{"a": [{"anything-but": "b", "c": 1}]}', "Too many elements in numeric expression"),
    ('{"a": [{"numeric": 1}]}', "Value of numeric must be an array."),
    ('{"a": [{"numeric": []}]}', "Invalid member in numeric match: ]"),
    ('{"a": [{"numeric": [1]}]}', "Invalid member in numeric match: 1"),
    ('{"a": [{"numeric": ["!", 1]}]}', "Unrecognized numeric range operator: !"),
    ('{"a": [{"numeric": ["=", "1"]}]}', "Value of equals must be numeric"),
    ('{"a": [{"numeric": ["<"]}]}', "Value of < must be numeric"),
    ('{"a": [{"numeric": ["<", true]}]}', "Value of < must be numeric"),
    ('{"a": [{"numeric": ["<", 1, ">", 0]}]}', "Too many elements in numeric expression"),
    ('{"a": [{"numeric": [">", 0, 1]}]}', "Bad value in numeric range: 1"),
    ('{"a": [{"numeric": [">", 0, "=", 1]}]}', "Bad numeric range operator: ="),
    ('{"a": [{"numeric": [">", 0, "<"]}]}', "Value of < must be numeric"),
    ('{"a": [{"numeric": [">", 0, "<", 1, 2]}]}', "Too many terms in numeric range expression"),
    ('{"a": [{"numeric": [">", 1, "<", 1]}]}', "Bottom must be less than top"),
    ('{"a": [{"numeric": ["=", 9007199254740993]}]}', "Cannot compare number : 9007199254740993"),
    ('{"a": [{"numeric": ["=", 1e999]}]}', "Cannot compare number : inf"),
    ('{"a": [{"exists": "true"}]}', "exists match pattern must be either true or false."),
    ('{"a": [{"cidr": 1}]}', "prefix match pattern must be a string"),
    ('{"a": [{"cidr": "10.0.0.0"}]}', "Malformed CIDR, one '/' required"),
    ('{"a": [{"cidr": "10.0.0.0/8/8"}]}', "Malformed CIDR, one '/' required"),
    ('{"a": [{"cidr": "10.0.0.0/x"}]}', "Malformed CIDR, mask bits must be an integer"),
    ('{"a": [{"cidr": "10.0.0.0/-1"}]}', "Malformed CIDR, mask bits must not be negative"),
    ('{"a": [{"cidr": "host/8"}]}', "Nonstandard IP address: host"),
    ('{"a": [{"cidr": "10.0.0.1/32"}]}', "IPv4 mask bits must be < 32"),
    ('{"a": [{"cidr": "::1/128"}]}', "IPv6 mask bits must be < 128"),
    ('{"$or": {"a": [1]}}', "It must be an Array followed with $or."),
    ('{"$or": [{"a": [1]}]}', "There must have at least 2 Objects in $or relationship."),
    ('{"$or": [{"a": [1]}, 2]}', "Only JSON object is allowed in array of $or relationship."),
    ('{"$or": [{"a": [1]}, {}]}', "Empty objects are not allowed"),
    (
        '{"$or": [{"numeric": [1]}, {"a": [1]}]}',
        "numeric is Ruler reserved fieldName which cannot be used inside $or.",
    ),
    (
        '{"$or": [{"a": {"prefix": [1]}}, {"a": [1]}]}',
        "prefix is Ruler reserved fieldName which cannot be used inside $or.",
    ),
    ('{"a": NaN}', "Unrecognized token 'NaN'"),
    ('{"a": [1}', "Expecting ',' delimiter: line: 1, column: 9"),
    ("", "Expecting value: line: 1, column: 1"),
]


@pytest.mark.parametrize(("text", "reason"), MISTAKES, ids=[row[0] or "empty" for row in MISTAKES])
def test_what_is_no_pattern_is_said_in_the_words_of_aws(text: str, reason: str) -> None:
    with pytest.raises(PatternError) as wrong:
        compile_pattern(text)
    assert wrong.value.reason == reason
    assert str(wrong.value) == f"Event pattern is not valid. Reason: {reason}"


@pytest.mark.parametrize(
    "text",
    ['{"a":' * 200 + "[1]" + "}" * 200, "[" * 100_000, '{"a": [' + "1" * 5000 + "]}"],
    ids=["objects", "arrays", "digits"],
)
def test_what_python_cannot_hold_is_no_pattern(text: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(text)


def test_many_wildcards_take_no_longer_than_their_text() -> None:
    pattern = compile_pattern(json.dumps({"a": [{"wildcard": "*a" * 200 + "*b"}]}))
    assert not pattern.matches({"a": "a" * 250_000})


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=12,
)
operands = values | st.sampled_from(
    [
        {"prefix": "a"},
        {"suffix": "b"},
        {"wildcard": "*a*"},
        ["<", 3],
        [">", 0, "<", 5],
        "10.0.0.0/8",
    ]
)
words = st.sampled_from(
    [
        "exactly",
        "prefix",
        "suffix",
        "equals-ignore-case",
        "wildcard",
        "anything-but",
        "numeric",
        "cidr",
        "exists",
        "no",
    ]
)
alternatives = st.lists(
    values | st.builds(lambda word, operand: {word: operand}, words, operands), max_size=3
)
patterns = st.recursive(
    st.dictionaries(st.sampled_from("abc"), alternatives, max_size=3),
    lambda inner: st.dictionaries(
        st.sampled_from(["a", "b", "c", "$or"]), inner | st.lists(inner, max_size=3), max_size=3
    ),
    max_leaves=6,
)


@given(pattern=patterns, event=values)
def test_any_pattern_is_refused_or_judges_any_event(pattern: object, event: object) -> None:
    try:
        compiled = compile_pattern(json.dumps(pattern))
    except PatternError:
        return
    assert compiled.matches(event) in (True, False)


leaves = st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b", "ab", "::1"])


@given(held=leaves, other=leaves)
def test_anything_but_takes_what_equality_does_not(held: object, other: object) -> None:
    if isinstance(other, bool):
        return
    assert takes({"a": [other]}, {"a": held}) is not takes(
        {"a": [{"anything-but": other}]}, {"a": held}
    )
