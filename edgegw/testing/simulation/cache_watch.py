"""What the cache did with a population: hits, keys, origin load, and what leaked through it.

A leak is an answer out of the cache that was made for somebody else and is personal: it brings the
`Set-Cookie` of the one it was made for, or the mark of another viewer where viewers send marks.
(The variant of another is a leak as well; `variant_watch` finds it.)
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final, NamedTuple

from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.testing.simulation.answers import AnswerTrail, ViewerAnswer
from edgegw.testing.simulation.counts import BINS, MOST_PATHS, SimulationCounts, TimeBin
from edgegw.testing.simulation.plan import START, SimulationPlan
from edgegw.testing.simulation.population import SimulatedViewer

_MARK: Final = re.compile(rb"edgegw-viewer-([0-9]+)-[0-9a-f]{8}")
_FAILURES: Final = re.compile(r"(Lambda|Function)(Validation|Execution|Throttled|LimitExceeded)")


class MadeAnswer(NamedTuple):
    """Whom the answer under a key was made for, with which variant, and by which origin."""

    viewer: int
    variant: str | None
    origin: str
    uri: str


class CacheWatch:
    """Counts into `counts`; `makers` has whom what is stored now was made for, by key."""

    def __init__(self, plan: SimulationPlan, counts: SimulationCounts) -> None:
        self._counts = counts
        self._bin_length = plan.duration / BINS
        self._looks_for_marks = plan.identity is not None
        self.makers: dict[bytes, MadeAnswer] = {}
        self._mixed: set[bytes] = set()

    def saw(self, viewer: SimulatedViewer, answer: ViewerAnswer) -> None:
        """An answer came."""
        counts, trail, exchange = self._counts, answer.trail, answer.exchange
        verdict = str(exchange.verdict)
        counts.statuses[answer.status] += 1
        counts.verdicts[verdict] += 1
        if answer.status >= 500 and _FAILURES.match(verdict):
            self._failed(answer, verdict)
        present = self._present(answer.at)
        present.requests += 1
        if trail.key is not None:
            self._looked_up(trail.key, trail.path)
            if exchange.verdict == Verdict.HIT:
                counts.hits += 1
                present.hits += 1
            elif exchange.verdict == Verdict.REFRESH_HIT:
                counts.refreshed += 1
        if trail.asked:
            self.asked(trail, answer.at)
        if trail.is_out_of_cache:
            self._check_cookies(viewer, answer)
        if self._looks_for_marks:
            self._check_marks(viewer, answer)
        for trap in exchange.findings:
            counts.findings.setdefault(f"cloudfront.{trap.kind}", trap.text)

    def asked(self, trail: AnswerTrail, at: float) -> None:
        """Counts what origins were asked, for a viewer or behind its back."""
        counts = self._counts
        for asked in trail.asked:
            counts.origins[asked.name] += 1
            counts.origin_failures += asked.status == 0 or asked.status >= 500
        self._present(at).origin += len(trail.asked)

    def refetched(self, viewer: SimulatedViewer, answer: ViewerAnswer, trail: AnswerTrail) -> None:
        """What is stored was made anew, by the way of `trail`, behind the back of `viewer`."""
        self.asked(trail, answer.at)
        key, last = answer.trail.key, trail.asked[-1] if trail.asked else None
        earlier = None if key is None else self.makers.get(key)
        if key is None or earlier is None or last is None or not 200 <= last.status < 500:
            return
        if last.status != 304:  # else it is what it was
            self.makers[key] = MadeAnswer(viewer.number, earlier.variant, last.name, last.path)

    def made_for(self, viewer: SimulatedViewer, trail: AnswerTrail, variant: str | None) -> None:
        """Remembers whom an answer was made for, in case that it is stored."""
        if trail.key is None or trail.is_out_of_cache:
            return
        last = trail.asked[-1] if trail.asked else None
        origin, uri = ("", "") if last is None else (last.name, last.path)
        earlier = self.makers.get(trail.key)
        if earlier is not None and earlier.variant != variant:
            self._mixed.add(trail.key)
        self.makers[trail.key] = MadeAnswer(viewer.number, variant, origin, uri)

    def maker_of(self, answer: ViewerAnswer) -> MadeAnswer | None:
        """Whom an answer out of the cache was made for."""
        key = answer.trail.key
        return None if key is None or not answer.trail.is_out_of_cache else self.makers.get(key)

    def is_mixed(self, answer: ViewerAnswer) -> bool:
        """Whether answers of several variants were made under the key of this one."""
        return answer.trail.key in self._mixed

    def _present(self, at: float) -> TimeBin:
        return self._counts.bins[min(BINS - 1, int((at - START) / self._bin_length))]

    def _looked_up(self, key: bytes, path: str) -> None:
        counts = self._counts
        counts.looked_up += 1
        if path in counts.keys or len(counts.keys) < MOST_PATHS:
            counts.keys[path].add(blake2b(key, digest_size=8).digest())

    def _failed(self, answer: ViewerAnswer, verdict: str) -> None:
        self._counts.failures[verdict] += 1
        self._counts.example("function-failures", f"{answer.path}: {answer.exchange.reason}")

    def _check_cookies(self, viewer: SimulatedViewer, answer: ViewerAnswer) -> None:
        entry, maker = answer.trail.entry, self.maker_of(answer)
        if entry is None or b"set-cookie" not in entry.headers:
            return
        if maker is not None and maker.viewer == viewer.number:
            return
        for line in entry.headers.get_all(b"set-cookie"):
            name = line.partition(b"=")[0].strip().decode("latin-1")
            self._counts.stored_cookies[name] += 1
            self._counts.example(
                "stored-set-cookie",
                f"viewer {viewer.number} got the {name} of viewer "
                f"{'?' if maker is None else maker.viewer} with {answer.path}",
            )

    def _check_marks(self, viewer: SimulatedViewer, answer: ViewerAnswer) -> None:
        texts = [answer.body, *(content for _, content in answer.headers)]
        for text in texts:
            for number in _MARK.findall(text):
                if int(number) != viewer.number:
                    self._counts.mark_leaks += 1
                    self._counts.example(
                        "personal-leak",
                        f"viewer {viewer.number} got {answer.path} with the mark of viewer "
                        f"{int(number)}",
                    )
                    return
