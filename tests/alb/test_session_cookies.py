"""Session cookies and states: what was sealed opens again, and nothing else does."""

from __future__ import annotations

import json
import string
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegw.alb.authentication.keys import SignInKeys, new_signing_key
from edgegw.alb.authentication.sealing import seal, unseal
from edgegw.alb.authentication.session import (
    MAX_SHARD,
    MAX_SHARDS,
    UserSession,
    held_cookies,
    opened,
    session_lines,
)
from edgegw.alb.authentication.state import SignInState, decode_state, encode_state
from edgegw.http.message import Headers
from tests.alb.signing_in import ACTION, KEYS, NOW

ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/lb/50dc6c495c0c9188"
ENTROPY = "0" * 24
OTHER_KEYS = SignInKeys(b"o" * 32, new_signing_key(), "other")
TOKENS = st.text(string.ascii_letters + string.digits + "-._~+/=", min_size=1, max_size=3000)
TIMES = st.floats(0, 1e11)
SESSIONS = st.builds(
    UserSession,
    st.text(max_size=40),
    st.dictionaries(st.text(max_size=9), st.text(max_size=40), max_size=4).map(json.dumps),
    TOKENS,
    st.none() | TOKENS,
    st.none() | TIMES,
    TIMES,
)


def set_lines(session: UserSession, entropy: str = ENTROPY) -> list[bytes]:
    lines = session_lines(KEYS, ACTION, ARN, session, now=NOW, entropy=entropy)
    assert lines is not None
    assert all(name == b"Set-Cookie" for name, _ in lines)
    return [line for _, line in lines]


def sent_back(lines: list[bytes]) -> Headers:
    return Headers([(b"Cookie", b"; ".join(line.partition(b";")[0] for line in lines))])


def session_in(headers: Headers) -> UserSession | None:
    sealed = held_cookies(headers, ACTION).sealed
    return None if sealed is None else opened(KEYS, ACTION, ARN, sealed)


@settings(max_examples=60, deadline=None)
@given(SESSIONS)
def test_a_session_comes_back_as_it_was(session: UserSession) -> None:
    lines = set_lines(session)
    assert len(lines) <= MAX_SHARDS
    assert all(len(line) <= MAX_SHARD for line in lines)
    assert session_in(sent_back(lines)) == session


SESSION = UserSession("ada", '{"sub":"ada"}', "t" * 40, "r" * 20, NOW + 60, NOW + 600)
LONG = replace(SESSION, access_token="".join(f"{number:x}" for number in range(3000)))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_byte_of_a_session_can_be_changed(data: st.DataObject) -> None:
    lines = set_lines(LONG)
    shard = data.draw(st.integers(0, len(lines) - 1))
    name, _, rest = lines[shard].partition(b"=")
    text = rest.partition(b";")[0]
    at = data.draw(st.integers(0, len(text) - 2))  # the last character has bits that do not count
    letters = (string.ascii_letters + string.digits + "-_").encode()
    letter = data.draw(st.sampled_from([bytes([each]) for each in letters]))
    changed = text[:at] + letter + text[at + 1 :]
    lines[shard] = name + b"=" + changed
    assert (session_in(sent_back(lines)) == LONG) is (changed == text)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | st.text(string.printable, max_size=200).map(str.encode))
def test_whatever_stands_in_a_cookie_is_no_session_and_no_fault(text: bytes) -> None:
    for value in (text, b"1" + text, b"4" + text):
        headers = Headers([(b"Cookie", b"AWSELBAuthSessionCookie-0=" + value)])
        assert session_in(headers) is None


@pytest.mark.parametrize(
    "mangle",
    [
        lambda lines: lines[:-1],
        lambda lines: lines[1:],
        lambda lines: [lines[0].replace(b"-0=", b"-1="), lines[1].replace(b"-1=", b"-0=")],
        lambda lines: [lines[0].replace(b"-0=2", b"-0=1")],
        lambda lines: [lines[0].replace(b"-0=2", b"-0=9"), *lines[1:]],
        lambda lines: [lines[0].replace(b"-0=", b"-00="), *lines[1:]],
        lambda lines: [lines[0], lines[1][:-200]],
    ],
    ids=["last-missing", "first-missing", "swapped", "short", "nine", "other-name", "cut"],
)
def test_what_is_not_whole_does_not_open(mangle: object) -> None:
    lines = [line.partition(b";")[0] for line in set_lines(LONG)]
    assert len(lines) == 2
    assert callable(mangle)
    assert session_in(sent_back(mangle(lines))) is None


def test_cookies_of_a_longer_session_do_not_disturb_a_shorter_one() -> None:
    longer, shorter = set_lines(LONG), set_lines(SESSION)
    assert session_in(sent_back([*shorter, *longer[1:]])) == SESSION


def test_cookies_are_read_from_all_lines_and_the_rest_is_kept() -> None:
    first, second = (line.partition(b";")[0] for line in set_lines(LONG))
    headers = Headers([(b"Cookie", b"a=1; " + second), (b"cookie", first + b"; b=2;;AWSELB=3")])
    held = held_cookies(headers, ACTION)
    assert held.rest == b"a=1; b=2; AWSELB=3"
    assert session_in(headers) == LONG


def test_the_same_session_never_has_the_same_bytes_unless_chance_repeats() -> None:
    assert set_lines(SESSION) == set_lines(SESSION)
    assert set_lines(SESSION) != set_lines(SESSION, entropy="1" * 24)
    renewed = replace(SESSION, until=NOW + 601)
    first, second = (set_lines(each)[0].partition(b"=")[2][:16] for each in (SESSION, renewed))
    assert first != second  # what AES-GCM must not be given twice, though the dice are loaded


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=5000), st.binary(max_size=20), st.binary(max_size=20))
def test_what_is_sealed_opens_for_its_purpose_alone(
    content: bytes, bound: bytes, other: bytes
) -> None:
    sealed = seal(KEYS, "session", content, bound, ENTROPY)
    assert unseal(KEYS, "session", sealed, bound) == content
    assert unseal(KEYS, "state", sealed, bound) is None
    assert unseal(OTHER_KEYS, "session", sealed, bound) is None
    assert bound == other or unseal(KEYS, "session", sealed, other) is None


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=50), st.text(max_size=500), TIMES)
def test_a_state_comes_back_as_it_was(host: str, target: str, left_at: float) -> None:
    state = SignInState(host, target, left_at, b"n" * 16)
    text = encode_state(KEYS, ACTION, ARN, state, ENTROPY)
    assert decode_state(KEYS, ACTION, ARN, text, [b"n" * 16]) == state
    assert decode_state(KEYS, ACTION, ARN, text, [b"m" * 16]) is None
    assert decode_state(KEYS, ACTION, ARN, text, [b"n" * 16, b"n" * 16]) is None
    assert decode_state(KEYS, ACTION, ARN, text, []) is None
