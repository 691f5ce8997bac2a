"""Which of the files that change can matter to whom.

Folders are watched, since editors put new files in the place of old ones, and in a folder there is
more than code: logs, results of builds, the sources of two hundred other functions. To look at a
claim means to read its sources for what they name, so it must not be done for every write.

A path that a claim has seen concerns the claims that have seen it. One that nobody has seen may be
a file that a source names and that was missing until now, or what a link points to: of the claims
of its folder those are looked at in whose sources a name of it stands, or which have links. Where
that changed nothing, the path matters to nobody, until some other change may have made a source
name it. A path that came with a change once is always looked at: the second of two events of one
write must not pass for a file without meaning.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from edgegw.gateway.code_files import Claim, is_left_out, words_of

_MOST_REMEMBERED: Final = 10_000
"""Paths without meaning that are remembered: some programs give each file a new name."""


class Relevance:
    """What is known of paths that changed."""

    def __init__(self) -> None:
        self._meaningless: set[str] = set()
        self._meaningful: set[str] = set()

    def concerned(self, claims: Sequence[Claim], paths: Collection[str]) -> list[Claim]:
        """The claims that the changed `paths` may concern."""
        restless = {path for claim in claims for path in claim.restless.paths}
        relevant = set(paths) - self._meaningless - restless
        if not relevant:
            return []
        seen = {path for claim in claims for path in claim.signatures.keys() & relevant}
        unseen = relevant - seen
        fresh = {path for path in unseen if not is_left_out(Path(path).name, folder=False)}
        places = {str(Path(path).parent) for path in fresh}
        words = {word for path in fresh for word in words_of(path)}
        return [
            claim
            for claim in claims
            if claim.signatures.keys() & seen
            or claim.folders & fresh
            or (claim.folders & places and claim.may_gain(words))
        ]

    def looked(self, claims: Sequence[Claim], paths: Collection[str], *, changed: bool) -> None:
        """Hears whether a look at `claims` because of `paths` found a change."""
        if changed:
            self._meaningful.update(paths)
        if changed or len(self._meaningless) > _MOST_REMEMBERED:
            self._meaningless.clear()
        if not changed:
            known = {path for claim in claims for path in claim.signatures}
            self._meaningless.update(set(paths) - self._meaningful - known)

    def forget(self) -> None:
        """There are other claims: any path may matter to them."""
        self._meaningless.clear()
