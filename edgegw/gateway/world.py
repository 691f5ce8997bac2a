"""Clock, dice and ids of one gateway, as one value.

By default they are those of the machine. A test gives its own clock and moves it, and a seed, with
which every choice comes out the same again: ids, shares of weights, versions behind an alias.
"""

from __future__ import annotations

import base64
import random  # ids and weights, no secrets
import secrets
import time
from binascii import b2a_base64
from collections.abc import Callable
from typing import Final, TypeAlias

from edgegw.http.date import http_date

WallClock: TypeAlias = Callable[[], float]
"""Seconds since 1970."""


_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


class World:
    """`now` is the clock; `dice` answers a number from 0 to 1, which is below 1."""

    def __init__(self, clock: WallClock = time.time, seed: int | None = None) -> None:
        self._own = None if clock is time.time and seed is None else random.Random(seed)
        dice = self._own or random
        self.now = clock
        self.dice: Callable[[], float] = dice.random
        self._bits: Callable[[int], int] = dice.getrandbits
        self._dates: tuple[int, bytes] = (-1, b"")
        self._begin(seed)

    def _begin(self, seed: int | None) -> None:
        self._is_seeded = seed is not None
        self._process = f"{self._bits(96):024x}"
        self._number = 0

    @property
    def is_real(self) -> bool:
        """Whether it is the machine's, so that nobody can begin it anew."""
        return self._own is None

    def begin_anew(self, seed: int | None) -> None:
        """What is chosen from now on, is what a new world with this `seed` chooses."""
        assert self._own is not None  # the machine's dice are everybody's
        self._own.seed(seed)
        self._begin(seed)

    def request_id(self) -> str:
        """A CloudFront request id: 54 URL-safe base64 characters and `==`."""
        raw = b2a_base64(self._bits(320).to_bytes(40, "little"), newline=False)
        return raw.translate(_URL_SAFE).decode("ascii")

    def exchange_id(self) -> str:
        """What tells exchanges at load balancers apart, which give requests no id."""
        self._number += 1
        return f"{self._process}{self._number:016x}"

    def uuid(self) -> str:
        """A UUID of version 4, as invocations have for their ids."""
        digits = f"{self._bits(122):031x}"
        variant = "89ab"[int(digits[30], 16) & 3]
        head = f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}"
        return f"{head}-{variant}{digits[15:18]}-{digits[18:30]}"

    def via_host(self) -> str:
        """32 hex digits."""
        return self._bits(128).to_bytes(16, "little").hex()

    def invalidation_id(self) -> str:
        """`I` and 25 capitals and digits."""
        return "I" + base64.b32encode(self._bits(128).to_bytes(16, "little")).decode("ascii")[:25]

    def entropy(self) -> str:
        """24 hex digits."""
        return f"{self._bits(96):024x}"

    def token(self, size: int) -> bytes:
        """So many bytes of chance."""
        return self._bits(8 * size).to_bytes(size, "little")

    def secret(self, size: int) -> bytes:
        """So many bytes that nobody can guess; those of a seed come out the same again."""
        return self.token(size) if self._is_seeded else secrets.token_bytes(size)

    def date(self) -> bytes:
        """The value of a Date header, made once a second."""
        now = int(self.now())
        if self._dates[0] != now:
            self._dates = (now, http_date(now))
        return self._dates[1]


REAL: Final = World()
"""The machine's clock, and dice that nobody knows."""
