"""What is wrong with an experiment, by what was counted: each fault with its evidence and advice.

    uneven-split        the variants are not as often as they should be
    changed-variant     viewers changed their variant
    late-cookie         a path gives the cookie to some newcomers and not to others
    lost-on-redirect    a variant that a redirect had decided on was lost behind it
    variant-leak        the cache gave viewers the variant of others: its key lacks it
    stored-set-cookie   the cache gave viewers the cookies of others
    personal-leak       an answer with the mark of one viewer went to another
    no-variant          no answer told a variant
    function-failures   functions failed, or answered what CloudFront refuses
    origin-failures     an origin did not answer, or with 500 and above
    only-errors         nobody got anything but errors

docs/experiments.md has them for users.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edgegw.testing.simulation.counts import SimulationCounts
from edgegw.testing.simulation.statistics import ChiSquaredTest, chi_squared_test
from edgegw.testing.simulation.variant_watch import CAUSES
from edgegw.values import value

SIGNIFICANCE: Final = 0.001
"""A split is uneven if chance alone brings one like it less often than this."""


@value
class ExperimentFault:
    """Something that makes an experiment say what is not so; `examples` are a few of many."""

    code: str
    text: str
    examples: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """As plain values, fit for JSON."""
        return {"code": self.code, "text": self.text, "examples": list(self.examples)}


def split_test(
    counts: SimulationCounts, weights: tuple[tuple[str, float], ...]
) -> ChiSquaredTest | None:
    """How far the viewers' first variants are from `weights`; None without any."""
    intended = dict(weights)
    names = [*intended, *(name for name in counts.variants if name not in intended)]
    viewers = [counts.variants[name].viewers if name in counts.variants else 0 for name in names]
    return chi_squared_test(viewers, [intended.get(name, 0.0) for name in names])


def experiment_faults(
    counts: SimulationCounts, test: ChiSquaredTest | None, *, has_variants: bool
) -> list[ExperimentFault]:
    """Every fault, what spoils most first."""
    return [
        *_of_leaks(counts),
        *_of_errors(counts),
        *_of_variants(counts, test, has_variants=has_variants),
    ]


def _fault(counts: SimulationCounts, code: str, text: str, kind: str = "") -> ExperimentFault:
    return ExperimentFault(code, text, tuple(counts.examples.get(kind or code, ())))


def _of_leaks(counts: SimulationCounts) -> Iterator[ExperimentFault]:
    if counts.variant_leaks:
        text = (
            f"{_times(counts.variant_leaks, 'answer')} out of the cache had the variant of "
            "somebody else: the cache key lacks what decides on the variant. Put that cookie or "
            "header into the cache policy"
        )
        yield _fault(counts, "variant-leak", text)
    if counts.stored_cookies:
        names = ", ".join(sorted(counts.stored_cookies))
        text = (
            f"{_times(counts.stored_cookies.total(), 'Set-Cookie')} ({names}) went out of the "
            "cache to viewers that it was not made for. Set it at viewer-response, which runs for "
            'every viewer, or have the origin send Cache-Control: no-cache="Set-Cookie"'
        )
        yield _fault(counts, "stored-set-cookie", text)
    if counts.mark_leaks:
        text = (
            f"{_times(counts.mark_leaks, 'answer')} had the mark of another viewer: what is "
            "personal is cached. Put what identifies viewers into the key, or do not cache it"
        )
        yield _fault(counts, "personal-leak", text)


def _of_errors(counts: SimulationCounts) -> Iterator[ExperimentFault]:
    if counts.failures:
        which = ", ".join(f"{count} {name}" for name, count in sorted(counts.failures.items()))
        text = f"functions failed ({which}), and their viewers got an error"
        yield _fault(counts, "function-failures", text)
    if counts.origin_failures:
        asked = counts.origins.total()
        text = (
            f"{counts.origin_failures:,} of {_times(asked, 'request')} to origins failed: are they "
            "running? --origin-stub needs none"
        )
        yield ExperimentFault("origin-failures", text)
    elif not counts.failures and all(status >= 400 for status in counts.statuses):
        statuses = ", ".join(map(str, sorted(counts.statuses)))
        text = (
            f"every answer was an error ({statuses}): viewers may have to sign in, or --paths "
            "names what is not there"
        )
        yield ExperimentFault("only-errors", text)


def _of_variants(
    counts: SimulationCounts, test: ChiSquaredTest | None, *, has_variants: bool
) -> Iterator[ExperimentFault]:
    if has_variants and not counts.variants:
        text = (
            "no answer told a variant: --variant-by names nothing that is there, or no viewer "
            "came by a path of the experiment"
        )
        yield ExperimentFault("no-variant", text)
    if test is not None and test.p < SIGNIFICANCE:
        shown = ", ".join(
            f"{name} {variant.viewers}" for name, variant in sorted(counts.variants.items())
        )
        text = (
            f"the variants of {_times(_first_variants(counts), 'viewer')} are not split as "
            f"intended: {shown}. Chance alone brings a split like this with p = {test.p:.2g}"
        )
        yield ExperimentFault("uneven-split", text)
    if counts.changed_viewers:
        yield _changed(counts)
    late = {path: turns for path, turns in counts.turns.items() if turns.given and turns.missed}
    if late:
        worst = max(late, key=lambda path: late[path].missed)
        text = (
            f"{_times(sum(turns.missed for turns in late.values()), 'answer')} to viewers without "
            f"a variant gave them none, on paths that do give one ({worst} "
            f"{late[worst].missed} of {late[worst].missed + late[worst].given} times not): until "
            "the cookie comes, a viewer is drawn anew with each request. Set it with the first "
            "answer"
        )
        yield ExperimentFault("late-cookie", text)
    if counts.lost_on_redirect:
        text = (
            f"{_times(counts.lost_on_redirect, 'time')} a redirect had a variant, and the request "
            "behind it did not carry the sticky cookie. Set the cookie on the redirect too, with "
            "Path=/ and the domain of both places"
        )
        yield _fault(counts, "lost-on-redirect", text)


def _changed(counts: SimulationCounts) -> ExperimentFault:
    total = _first_variants(counts)
    why = "; ".join(f"{CAUSES[cause]} ({count})" for cause, count in counts.changes.most_common())
    text = (
        f"{counts.changed_viewers} of {_times(total, 'viewer')} "
        f"({counts.changed_viewers / max(1, total):.1%}) changed their variant: {why}"
    )
    examples = [
        text
        for cause, _ in counts.changes.most_common()
        for text in counts.examples.get(f"changed {cause}", ())
    ]
    return ExperimentFault("changed-variant", text, tuple(examples[:3]))


def _first_variants(counts: SimulationCounts) -> int:
    return sum(variant.viewers for variant in counts.variants.values())


def _times(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
