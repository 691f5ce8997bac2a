"""What variants a population got: who has which, who changed, and why.

A viewer's variant is what its latest answer told (`variants`). Four things can go wrong with it:

    changed   it got another one than before. The cause is the first of these that holds:
              `other-cookie`  its sticky cookie said the other variant, by an earlier answer
              `cache`       it got what the cache had for viewers of both variants
              `redirect`    it was on its way through a redirect
              `ignored`     it said which variant it has, and got another
              `expired`     its sticky cookie was over
              `no-cookie`   it came back without the cookie
    late      an answer of a path gives no cookie to somebody new, that the same path gives to
              others: it comes with the second request at the earliest
    lost      a redirect had decided on a variant, and the request that followed it did not carry
              the sticky cookie
    leak      a change by the cache, or an answer of the cache that is not the variant that the
              sticky cookie names; counted for each answer

Errors are left out: no function at viewer-response runs for them, so they cannot give a cookie.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.testing.simulation.answers import ViewerAnswer
from edgegw.testing.simulation.cache_watch import CacheWatch
from edgegw.testing.simulation.counts import SimulationCounts
from edgegw.testing.simulation.plan import SimulationPlan
from edgegw.testing.simulation.population import SimulatedViewer
from edgegw.testing.simulation.variants import VariantSource

ChangeCause: TypeAlias = Literal[
    "other-cookie", "cache", "redirect", "ignored", "expired", "no-cookie"
]

CAUSES: Final[dict[str, str]] = {
    "other-cookie": "it came with a cookie of the other variant",
    "cache": "the cache had another viewer's answer for it",
    "redirect": "on the way through a redirect",
    "expired": "its sticky cookie was over",
    "no-cookie": "it came again without the cookie that keeps it at its variant",
    "ignored": "it sent its cookie, and got another variant all the same",
}
"""Why a viewer changed its variant, in words."""


class VariantWatch:
    """Counts into `counts`; `cache` knows whom stored answers were made for."""

    def __init__(self, plan: SimulationPlan, counts: SimulationCounts, cache: CacheWatch) -> None:
        self._sources = plan.variants
        self._sticky = plan.sticky
        self._intended = dict(plan.weights)
        self._counts = counts
        self._cache = cache

    def saw(
        self,
        viewer: SimulatedViewer,
        answer: ViewerAnswer,
        before: ViewerAnswer | None,
        *,
        has_sticky: bool,
    ) -> None:
        """An answer came; `before` is the redirect that led to it.

        `has_sticky`: the viewer has its sticky cookie now.
        """
        variant = self._variant_of(answer)
        self._cache.made_for(viewer, answer.trail, variant)
        if answer.status >= 400:
            return
        if before is not None:
            self._after_redirect(viewer, answer, before)
        if not answer.is_redirect:
            self._count_turn(viewer, answer, variant, has_sticky=has_sticky)
        if variant is not None:
            self._got(viewer, answer, variant, before)

    def _got(
        self,
        viewer: SimulatedViewer,
        answer: ViewerAnswer,
        variant: str,
        before: ViewerAnswer | None,
    ) -> None:
        counts = self._counts.variants[variant]
        counts.requests += 1
        if answer.trail.key is not None:
            counts.looked_up += 1
            counts.hits += answer.exchange.verdict == Verdict.HIT
        if viewer.variant is None:
            counts.viewers += 1
        elif viewer.variant != variant:
            self._changed(viewer, answer, variant, before)
        elif self._is_of_others(answer, variant):
            self._leaked(viewer, answer, f"said {self._named_by_cookie(answer)}, and got {variant}")
        viewer.variant = variant

    # Which variant

    def _variant_of(self, answer: ViewerAnswer) -> str | None:
        for source in self._sources:
            variant = self._told_by(source, answer)
            if variant:
                return variant
        return None

    def _told_by(self, source: VariantSource, answer: ViewerAnswer) -> str | None:
        match source.kind:
            case "cookie":
                return _cookie_behind(answer, source.name)
            case "header":
                content = answer.headers.get(source.name.encode("latin-1"))
                return None if content is None else content.decode("latin-1")
            case "body":
                return _matched(source, answer.body)
            case "location":
                return _matched(source, answer.headers.get(b"location") or b"")
            case "target-group":
                return answer.trail.target_group
            case "origin":
                return self._origin_of(answer)[0]
            case "uri":
                return _matched(source, self._origin_of(answer)[1].encode())

    def _origin_of(self, answer: ViewerAnswer) -> tuple[str, str]:
        """The origin that was asked, or that made what came out of the cache, and its path."""
        asked, maker = answer.trail.asked, self._cache.maker_of(answer)
        if maker is not None:
            return maker.origin, maker.uri
        return (asked[-1].name, asked[-1].path) if asked else ("", "")

    # What goes wrong

    def _changed(
        self,
        viewer: SimulatedViewer,
        answer: ViewerAnswer,
        variant: str,
        before: ViewerAnswer | None,
    ) -> None:
        cause = self._cause(viewer, answer, variant, before)
        counts = self._counts
        counts.changes[cause] += 1
        if not viewer.has_changed:
            viewer.has_changed = True
            counts.changed_viewers += 1
        text = f"viewer {viewer.number} had {viewer.variant}, and got {variant} with {answer.path}"
        counts.example(f"changed {cause}", text)
        if cause == "cache":
            self._leaked(viewer, answer, f"had {viewer.variant}, and got {variant}")

    def _is_of_others(self, answer: ViewerAnswer, variant: str) -> bool:
        """Whether the cache gave a variant to somebody whose sticky cookie names another one.

        Where answers are stored for longer than the simulation lasts, nobody changes a variant.
        """
        named = self._named_by_cookie(answer) if answer.trail.is_out_of_cache else None
        is_variant = named in self._intended or named in self._counts.variants
        return is_variant and named != variant

    def _named_by_cookie(self, answer: ViewerAnswer) -> str | None:
        return answer.sent_cookie(self._sticky) if self._sticky else None

    def _leaked(self, viewer: SimulatedViewer, answer: ViewerAnswer, what: str) -> None:
        self._counts.variant_leaks += 1
        maker = self._cache.maker_of(answer)
        whose = "" if maker is None else f", made for viewer {maker.viewer}"
        text = f"viewer {viewer.number} {what} with {answer.path} out of the cache{whose}"
        self._counts.example("variant-leak", text)

    def _cause(
        self,
        viewer: SimulatedViewer,
        answer: ViewerAnswer,
        variant: str,
        before: ViewerAnswer | None,
    ) -> ChangeCause:
        said = self._said(viewer, answer)
        if said is not None and said == variant:
            return "other-cookie"
        if answer.trail.is_out_of_cache and (said is not None or self._cache.is_mixed(answer)):
            return "cache"
        if before is not None:
            return "redirect"
        if said is not None:
            return "ignored"
        return "expired" if answer.had_lost else "no-cookie"

    def _said(self, viewer: SimulatedViewer, answer: ViewerAnswer) -> str | None:
        """What the viewer's sticky cookie said; None where it sent none.

        Where nobody knows which one that is, it is any that is as the variant.
        """
        if self._sticky:
            return answer.sent_cookie(self._sticky)
        contents = [cookie.content for cookie in answer.sent]
        return viewer.variant if viewer.variant in contents else None

    def _count_turn(
        self,
        viewer: SimulatedViewer,
        answer: ViewerAnswer,
        variant: str | None,
        *,
        has_sticky: bool,
    ) -> None:
        """Whether somebody without a cookie, or a variant, got one."""
        if self._sticky:
            if answer.sent_cookie(self._sticky) is not None:
                return
            is_given = has_sticky and _cookie_behind(answer, self._sticky) is not None
        elif viewer.variant is None:
            is_given = variant is not None
        else:
            return
        turns = self._counts.turns[answer.path]
        turns.given += is_given
        turns.missed += not is_given

    def _after_redirect(
        self, viewer: SimulatedViewer, answer: ViewerAnswer, before: ViewerAnswer
    ) -> None:
        """`answer` is what the redirect `before` led to."""
        name = self._sticky
        if not name or answer.sent_cookie(name) is not None:
            return
        if before.sent_cookie(name) is None and self._variant_of(before) is None:
            return  # nothing had been decided
        self._counts.lost_on_redirect += 1
        self._counts.example(
            "lost-on-redirect",
            f"viewer {viewer.number} came from {before.path} to {answer.path} without {name}",
        )


def _cookie_behind(answer: ViewerAnswer, name: str) -> str | None:
    """What the cookie is behind the answer: as this sets it, else as it was sent."""
    wanted = name.encode("latin-1")
    for line in reversed(answer.headers.get_all(b"set-cookie")):
        pair, _, attributes = line.partition(b";")
        key, _, content = pair.partition(b"=")
        if key.strip() == wanted:
            is_over = b"max-age=0" in attributes.lower().replace(b" ", b"")
            return None if is_over else content.strip().decode("latin-1")
    return answer.sent_cookie(name)


def _matched(source: VariantSource, text: bytes) -> str | None:
    assert source.pattern is not None  # `variant_source` made it
    match = source.pattern.search(text)
    return None if match is None else match[1].decode("utf-8", "replace")
