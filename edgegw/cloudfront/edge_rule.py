"""A rule of code at the edge, and what it is to break one.

The rules themselves are two tables: `rule_table` for Lambda@Edge, `edge_functions/rules` for
CloudFront Functions. Who tells of violations needs neither.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from edgegw.cloudfront.triggers import TRIGGERS, Trigger
from edgegw.values import value

RESTRICTIONS_PAGE: Final = (
    "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/"
    "lambda-at-edge-function-restrictions.html"
)
"""The page that most rules of Lambda@Edge are from."""

LenientEffect: TypeAlias = Literal["refused", "passed on", "ignored"]
"""What becomes of a value that breaks a rule where the rule is not enforced."""


@value
class EdgeRule:
    """A rule by its stable `code`. `demands` is what must hold, in one sentence.

    `page` is the cause that CloudFront's error page names, `source` the AWS page. `lenient` says
    what happens with `strict: false`; `point` names the open point of the strictness that decides
    whether the rule refuses at all. A rule with neither page nor point only warns. `about` says
    what is looked at: what a function returned, that it failed, how it is put at a trigger.
    """

    code: str
    demands: str
    page: str = ""
    source: str = RESTRICTIONS_PAGE
    triggers: tuple[Trigger, ...] = TRIGGERS
    lenient: LenientEffect = "refused"
    point: str = ""
    about: Literal["result", "fault", "deployment"] = "result"


class Violation(NamedTuple):
    """A rule that is broken: `path` says where, `actual` by what, `expected` what would be right.

    `path` is a JSON path in the result. `is_refused` is False for what only earns a warning; `log`
    is the sentence of CloudFront's validation log; `effect` says what happens here where AWS
    refuses and a lenient configuration does not.
    """

    rule: EdgeRule
    path: str
    actual: str
    expected: str
    is_refused: bool = True
    log: str = ""
    effect: str = ""

    @property
    def code(self) -> str:
        return self.rule.code

    def __str__(self) -> str:
        where = self.path or "the result"
        effect = f"; {self.effect}" if self.effect else ""
        found = f"found {self.actual}; {self.expected}{effect}"
        return f"{self.code} at {where}: {found} ({self.rule.source})"

    def to_dict(self) -> dict[str, object]:
        """The violation as plain values, fit for JSON."""
        return {
            "code": self.code,
            "path": self.path,
            "found": self.actual,
            "expected": self.expected,
            "source": self.rule.source,
            "refused": self.is_refused,
        }
