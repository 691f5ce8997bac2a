"""Caching traps that show while requests run: answers that differ though their key does not.

A function at viewer-request or origin-request looks at a cookie and sends the viewer to variant A
or B. If the cookie is no part of the key, the first viewer's variant is everybody's. Two things
give that away:

    deeds      one key, and what a function did differs by something the key lacks (`deeds`)
    exposures  an answer is stored as origin-request made it for one cookie, which its source
               names, and a hit goes to a viewer with another: it runs on a miss alone, so it
               cannot be seen to do differently, but its answer goes to the wrong viewer now

Three more traps show in one request: a Set-Cookie that gets stored, an Authorization that is not in
the key of what is stored, and a cookie in the key that has a value for each viewer.

Each trap is told once for a behavior and a trigger; from then on nothing is remembered for it. What
is remembered is bounded, so that traffic without end costs memory with one, and values of cookies
and headers are kept and told as digests at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeAlias

from edgegw.cloudfront.cache.deeds import FunctionDeed, Shown, explaining, rank, same_deed
from edgegw.cloudfront.cache.edge_looks import EdgeLooks
from edgegw.cloudfront.cache.entry import StoredResponse
from edgegw.cloudfront.cache.key import KeyRecipe
from edgegw.cloudfront.cache.key_fixes import key_fix
from edgegw.cloudfront.cache.key_gaps import KeyGap
from edgegw.cloudfront.model import Behavior
from edgegw.cloudfront.triggers import Trigger
from edgegw.http.message import Request
from edgegw.http.target import to_text
from edgegw.values import value

TrapKind: TypeAlias = Literal[
    "varies-beyond-key", "stored-set-cookie", "authorization-not-in-key", "many-variants"
]


@value
class CachingTrap:
    """A trap that traffic fell into: of which behavior, what is concerned, and what to do."""

    kind: TrapKind
    path_pattern: str
    names: tuple[str, ...]
    text: str

    def to_dict(self) -> dict[str, object]:
        """As plain values, fit for JSON."""
        return {
            "code": f"cloudfront.{self.kind}",
            "behavior": self.path_pattern,
            "names": list(self.names),
            "text": self.text,
        }


MANY_VARIANTS: Final = 50
"""Values of one cookie in the keys of one path from which on they are too many to be shared."""

_MOST_KEYS: Final = 200
_MOST_DEEDS: Final = 8
_MOST_PATHS: Final = 200
_MOST_VIEWERS: Final = 64
"""Viewers of one stored answer that are compared with the one it was made for."""


@value
class Exposure:
    """What origin-request was shown when it made an answer, and who got that since.

    `looks_at` says whether the function's source names something. `viewers` are digests.
    """

    path: bytes
    shown: Shown
    looks_at: Callable[[KeyGap], bool]
    viewers: set[int]


class BehaviorTraps:
    """Remembers what happened in one behavior, and says each trap once."""

    def __init__(self, behavior: Behavior) -> None:
        assert behavior.key is not None  # it caches
        self.behavior = behavior
        self.recipe: KeyRecipe = behavior.key
        self._deeds: dict[tuple[bytes, str], list[FunctionDeed]] = {}
        self._exposures: dict[bytes, Exposure] = {}
        self.edge_looks = EdgeLooks()
        self._values: dict[tuple[bytes, bytes], set[int]] = {}
        self._said: set[tuple[TrapKind, str]] = set()

    def watches(self, trigger: Trigger) -> bool:
        """Whether there is a function at `trigger` that nothing was said of yet."""
        if ("varies-beyond-key", trigger) in self._said:
            return False
        return trigger in self.behavior.associations or trigger in self.behavior.edge_functions

    # What functions do

    def did(self, deed: FunctionDeed) -> CachingTrap | None:
        """A function was run; answers a trap where its deed differs from an earlier one's."""
        place = deed.key, deed.trigger
        deeds = self._deeds.setdefault(place, [])
        if any(same_deed(deed, earlier) for earlier in deeds):
            return None
        deeds.append(deed)
        del deeds[:-_MOST_DEEDS]
        if len(self._deeds) > _MOST_KEYS:
            self._deeds.pop(next(iter(self._deeds)))
        names = explaining(deeds)
        if not names:
            return None
        text = (
            f"{self._function(deed.trigger)} does differently by {_either(names)}, which the cache "
            f"key lacks. {_CONSEQUENCE} {key_fix(self.behavior.forwarding.cache_policy, names)}"
        )
        return self._varies(deed.trigger, names, text)

    def exposes(self, key: bytes, exposure: Exposure) -> None:
        """An answer is stored under `key` that origin-request had a part in."""
        self._exposures[key] = exposure
        if len(self._exposures) > _MOST_KEYS:
            self._exposures.pop(next(iter(self._exposures)))

    def exposed_to(self, key: bytes, viewer: int) -> Exposure | None:
        """What is known of the answer under `key`, where this viewer is a new one.

        `viewer` stands for everything that the request has. None where nothing is to be compared.
        """
        exposure = self._exposures.get(key)
        if exposure is None or viewer in exposure.viewers:
            return None
        exposure.viewers.add(viewer)
        if len(exposure.viewers) > _MOST_VIEWERS:
            del self._exposures[key]
        return exposure

    def served(self, exposure: Exposure, shown: Shown) -> CachingTrap | None:
        """The answer goes to a viewer for whom origin-request would have been `shown` this."""
        made_for = exposure.shown
        names = [
            name
            for name in made_for.keys() | shown.keys()
            if rank(name) < 2
            and name.name != "authorization"  # of which is told when it is stored
            and made_for.get(name) != shown.get(name)
            and exposure.looks_at(name)
        ]
        if not names:
            return None
        names.sort(key=str)
        text = (
            f"{self._function('origin-request')} looks at {_either(names)}, which the cache key "
            f"lacks, and {to_text(exposure.path)} has just gone out of the cache to a viewer with "
            f"another one than it was made for. {_CONSEQUENCE} "
            f"{key_fix(self.behavior.forwarding.cache_policy, names)}"
        )
        return self._varies("origin-request", names, text)

    def _function(self, trigger: str) -> str:
        behavior = self.behavior
        names = {at: str(one.function) for at, one in behavior.associations.items()}
        name = {**names, **behavior.edge_functions}.get(trigger, "")
        return f"{name} at {trigger}".strip()

    def _varies(self, trigger: str, names: Sequence[KeyGap], text: str) -> CachingTrap | None:
        for place in [place for place in self._deeds if place[1] == trigger]:
            del self._deeds[place]
        if trigger == "origin-request":
            self._exposures.clear()
        else:
            self.edge_looks.end()
        return self._once("varies-beyond-key", trigger, tuple(map(str, names)), text)

    # What gets stored

    def stores(
        self, entry: StoredResponse, request: Request, *, is_checked: bool = False
    ) -> list[CachingTrap]:
        """The answer to `request` gets stored.

        `is_checked`: a function at viewer-request looks at Authorization, which it does for hits
        too.
        """
        traps = [self._set_cookie(entry) if b"set-cookie" in entry.headers else None]
        if b"authorization" in request.headers and not is_checked:
            traps.append(self._authorization())
        if self.recipe.keeps_cookie is not None:
            parts = self.recipe.parts(request)
            traps += [self._variant(parts.path, *cookie) for cookie in parts.cookies]
        return [trap for trap in traps if trap is not None]

    def forgets(self, request: Request, *, is_checked: bool = False) -> CachingTrap | None:
        """The answer to `request` is not stored, such as the 401 of an origin that saw nobody."""
        if b"authorization" not in request.headers or is_checked:
            return None
        is_seen = self.behavior.forwarding.keeps_header(b"authorization")
        return None if is_seen else self._authorization()

    def _set_cookie(self, entry: StoredResponse) -> CachingTrap | None:
        names = tuple(
            line.partition(b"=")[0].strip().decode("latin-1")
            for line in entry.headers.get_all(b"set-cookie")
        )
        text = (
            f"the answer to {to_text(entry.place.path)} is stored with its Set-Cookie "
            f"({', '.join(names)}). On CloudFront every viewer who gets it out of the cache gets "
            "this viewer's cookie too. Set the cookie at viewer-response, which runs for each "
            'viewer; or have the origin send Cache-Control: no-cache="Set-Cookie", or no-store '
            "with a minimum TTL of 0"
        )
        return self._once("stored-set-cookie", "", names, text)

    def _authorization(self) -> CachingTrap | None:
        if b"authorization" in self.recipe.headers:
            return None
        forwarding = self.behavior.forwarding
        gap = KeyGap("header", "authorization", reaches_origin=True)
        fix = key_fix(forwarding.cache_policy, [gap])
        check = "or check it at viewer-request, which runs for hits too"
        if forwarding.keeps_header(b"authorization"):
            text = (
                "the origin sees Authorization, the cache key lacks it, and the answer is stored. "
                "On CloudFront what one viewer may see goes to viewers without it. "
                f"{fix}, {check}"
            )
        else:
            text = (
                "requests come with Authorization, and nobody looks at it: CloudFront takes it "
                "out of GET and HEAD where the cache key lacks it, so the origin answers as to a "
                f"stranger, and that to everybody. {fix}, {check}"
            )
        return self._once("authorization-not-in-key", "", ("header authorization",), text)

    def _variant(self, path: bytes, name: bytes, content: bytes) -> CachingTrap | None:
        contents = self._values.setdefault((path, name), set())
        if len(self._values) > _MOST_PATHS:
            self._values.pop(next(iter(self._values)))
        if len(contents) <= MANY_VARIANTS:
            contents.add(hash(content))
        if len(contents) <= MANY_VARIANTS:
            return None
        cookie = name.decode("latin-1")
        policy = self.behavior.forwarding.cache_policy.name
        text = (
            f"the cookie {cookie} is in the cache key and has had more than {MANY_VARIANTS} values "
            f"for {to_text(path)}. On CloudFront hardly a viewer gets an answer made for another: "
            f"the origin is asked nearly each time. Leave {cookie} out of the cookies of {policy}, "
            "or have viewer-request put one of a few values into a header, and that into the key"
        )
        return self._once("many-variants", "", (cookie,), text)

    def _once(
        self, kind: TrapKind, trigger: str, names: tuple[str, ...], text: str
    ) -> CachingTrap | None:
        if (kind, trigger) in self._said:
            return None
        self._said.add((kind, trigger))
        pattern = self.behavior.path_pattern
        return CachingTrap(kind, pattern, names, f"behavior {pattern}: {text}")


_CONSEQUENCE: Final = (
    "On CloudFront the answer made for one viewer goes to every viewer until it expires."
)


def _either(names: Sequence[KeyGap]) -> str:
    return " or ".join(map(str, names))
