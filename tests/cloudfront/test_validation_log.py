"""What CloudFront's log of refused results and the warnings of a lenient configuration say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgegw.cloudfront.rule_table import NOT_OBJECT, RULES
from edgegw.cloudfront.strictness import DEFAULT_STRICTNESS
from edgegw.cloudfront.validation_log import log_lines
from edgegw.cloudfront.validator import Validator


def test_the_log_says_what_was_found_where_and_not_the_rule() -> None:
    validator = Validator("viewer-request", DEFAULT_STRICTNESS)
    validator.note(NOT_OBJECT, "headers.a", True, "write an array")
    *_, line = log_lines("id", "arn", "eu-west-1", "request", tuple(validator.violations))
    assert line == "(id) ERROR Validation error: headers.a: found true; write an array"
    assert NOT_OBJECT.demands not in line


def test_a_sentence_of_cloudfronts_own_keeps_its_place() -> None:
    validator = Validator("viewer-request", DEFAULT_STRICTNESS)
    validator.note(NOT_OBJECT, "", None, "return one", "The Lambda result failed.")
    *_, line = log_lines("id", "arn", "eu-west-1", "request", tuple(validator.violations))
    assert line.endswith("error: The Lambda result failed (the result: found null; return one)")


@pytest.mark.parametrize("effect", ["passed on", "ignored"])
def test_lenient_warnings_say_what_really_happens(effect: str) -> None:
    rule = next(rule for rule in RULES if rule.lenient == effect and rule.page and not rule.point)
    lenient = Validator("viewer-request", replace(DEFAULT_STRICTNESS, strict=False))
    lenient.note(rule, "a", 1, "write 2")
    (violation,) = lenient.violations
    assert f"strict is false, so it is {effect} here where AWS answers 502" in str(violation)
    strict = Validator("viewer-request", DEFAULT_STRICTNESS)
    strict.note(rule, "a", 1, "write 2")
    assert "strict is false" not in str(strict.violations[0])
