"""What a session and a bearer token cost a request through a load balancer (median).

    python benchmarks/guards.py [--rounds 2000]

The decisions alone, from the request to the choice of a target: without a guard, behind
authenticate-oidc with a valid session, behind jwt-validation with a key set that is there. `known`
are the same header lines again, as on a connection that goes on; `new lines` those of a connection
that begins, and of the first request after a sign-in; `never seen` is what this process does not
remember: a session from before its start is opened and signed, the signature of a token is checked.
The goals, at most 60 µs for a session and 120 µs for a token, are for what the
guard adds.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from edgegw.alb.authentication.keys import SignInKeys, new_signing_key
from edgegw.alb.authentication.model import Authenticate
from edgegw.alb.authentication.session import UserSession, session_lines
from edgegw.alb.authentication.steps import CheckSession
from edgegw.alb.flow import ChooseTarget, start
from edgegw.alb.forwarding import BalancerFacts
from edgegw.alb.jwt.key_set import KeySet, parse_key_set
from edgegw.alb.jwt.model import JwtValidation
from edgegw.alb.jwt.steps import CheckToken
from edgegw.alb.model import (
    Forward,
    Guard,
    IpTargetGroup,
    Listener,
    LoadBalancer,
    Rule,
    Target,
)
from edgegw.http.message import Client, Headers, Request
from edgegw.http.target import RequestTarget

GOALS = {"session": 60, "token": 120}
"""Microseconds that a guard may add at the median."""
FACTS = BalancerFacts(b"Sat, 21 Nov 2026 00:00:00 GMT", 1_795_000_000.0, "a" * 24, 0.0)
BALANCER = LoadBalancer("web", "arn:aws:elasticloadbalancing:::loadbalancer/app/web/1", "web.test")
KEYS = SignInKeys(b"k" * 32, new_signing_key(), "9e2f3e6a-31ee-4d0e-8e0b-6d6a5b0c8c11")
USUAL = (
    (b"Host", b"web.test"),
    (b"User-Agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    (b"Accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    (b"Accept-Language", b"en-US,en;q=0.5"),
    (b"Accept-Encoding", b"gzip, deflate, br"),
)
SIGN_IN = Authenticate(
    kind="authenticate-oidc",
    issuer="https://id.test",
    shown_endpoint="https://id.test/authorize",
    token_endpoint="https://id.test/token",
    user_info_endpoint="https://id.test/userinfo",
    client_id="web",
    client_secret="secret",
)
TOKENS = JwtValidation("https://id.test/jwks", "https://id.test")


def listener(*guards: Guard) -> Listener:
    group = IpTargetGroup("web", "arn:web", (Target("127.0.0.1", 80),))
    rule = Rule(None, (), (*guards, Forward(((group, 1),))))
    return Listener(BALANCER, 443, "HTTPS", (), rule)


def request(*lines: tuple[bytes, bytes]) -> Request:
    target = RequestTarget.parse(b"/basket?item=1")
    return Request("GET", target, Headers((*USUAL, *lines)), client=Client("192.0.2.1", 5))


def with_session(entropy: str = FACTS.entropy) -> Request:
    """A request with a session as a provider makes one: claims, a token of 900 characters."""
    claims = json.dumps({"sub": "ada", "email": "ada@example.com", "groups": ["staff", "admin"]})
    now = FACTS.now
    session = UserSession("ada", claims, "t" * 900, "r" * 400, now + 3600, now + 604_800)
    lines = session_lines(KEYS, SIGN_IN, BALANCER.arn, session, now=now, entropy=entropy)
    assert lines is not None
    cookie = b"; ".join(line.partition(b";")[0] for _, line in lines)
    return request((b"Cookie", b"theme=dark; " + cookie))


def with_token() -> tuple[Request, KeySet]:
    """A request with a bearer token, and the key set of its issuer."""
    key = rsa.generate_private_key(65537, 2048)
    claims = {"iss": "https://id.test", "exp": int(FACTS.now) + 3600, "sub": "ada", "aud": "web"}
    token = jwt.encode(claims, key, "RS256", headers={"kid": "one"})
    entry = {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "one"}
    keys = parse_key_set(json.dumps({"keys": [entry]}).encode(), FACTS.now)
    assert isinstance(keys, KeySet)
    return request((b"Authorization", b"Bearer " + token.encode())), keys


def again(given: Request) -> Request:
    """The same lines as another connection brings them: nothing is known of them."""
    return replace(given, headers=Headers(given.headers.raw))


def through(door: Listener, given: Request, keys: SignInKeys | KeySet | None = None) -> None:
    step = start(door, given, FACTS)
    if isinstance(step, CheckSession):
        assert isinstance(keys, SignInKeys)
        step = step.next(keys)
    elif isinstance(step, CheckToken):
        assert isinstance(keys, KeySet)
        step = step.next(keys)
    assert isinstance(step, ChooseTarget), step


def median_us(work: Callable[[], object], rounds: int) -> float:
    durations = []
    for _ in range(rounds):
        began = perf_counter()
        work()
        durations.append(perf_counter() - began)
    return statistics.median(durations) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2000)
    rounds = parser.parse_args().rounds
    gc.disable()
    plain, signing, judging = listener(), listener(SIGN_IN), listener(TOKENS)
    session, (token, key_set) = with_session(), with_token()

    strangers = iter([with_session(f"{number:024x}") for number in range(rounds + 1)])

    def opened_anew() -> None:
        through(signing, next(strangers), KEYS)

    def checked_anew() -> None:
        through(judging, again(token), KeySet(key_set.keys, key_set.fetched))

    bare = {
        "session": (session, lambda: through(plain, again(session))),
        "token": (token, lambda: through(plain, again(token))),
    }
    rows: dict[str, dict[str, Callable[[], object]]] = {
        "session": {
            "known": lambda: through(signing, session, KEYS),
            "new lines": lambda: through(signing, again(session), KEYS),
            "never seen": opened_anew,
        },
        "token": {
            "known": lambda: through(judging, token, key_set),
            "new lines": lambda: through(judging, again(token), key_set),
            "never seen": checked_anew,
        },
    }
    print(f"{'µs at the median':<24}{'whole':>8}{'added':>8}")
    for name, ways in rows.items():
        given, new_lines = bare[name]
        without = {"known": median_us(lambda given=given: through(plain, given), rounds)}
        without["new lines"] = without["never seen"] = median_us(new_lines, rounds)
        for way, work in ways.items():
            work()
            whole = median_us(work, rounds)
            print(f"{name + ', ' + way:<24}{whole:8.1f}{whole - without[way]:8.1f}")
        print(f"{'':<24}{'':>8}  goal: under {GOALS[name]}")


if __name__ == "__main__":
    main()
