"""Names, versions, aliases and shifts as pure decisions."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.awslambda.model import LATEST, Function, FunctionRef, Runtime
from edgegw.awslambda.names import Account
from edgegw.awslambda.service_errors import ServiceError
from edgegw.awslambda.shifting import PRESETS, preset_name, weights
from edgegw.awslambda.versions import (
    Alias,
    choose_version,
    create_alias,
    delete_alias,
    publish,
    put_provisioned,
    put_reserved,
    single,
    update_alias,
)

ACCOUNT = Account()
FUNCTION = Function("f", Runtime("python3.13", "python", (3, 13)), "/code", "app.handler")
ONE = replace(single(FUNCTION), digests={"1": "one"})


class TestNames:
    @pytest.mark.parametrize(
        ("text", "ref"),
        [
            ("f", FunctionRef("f")),
            ("f:1", FunctionRef("f", qualifier="1")),
            ("f:$LATEST", FunctionRef("f", qualifier="$LATEST")),
            ("123456789012:function:f", FunctionRef("f")),
            ("123456789012:function:f:live", FunctionRef("f", qualifier="live")),
            ("arn:aws:lambda:us-east-1:123456789012:function:f", FunctionRef("f")),
            (
                "arn:aws:lambda:us-east-1:123456789012:function:f:live",
                FunctionRef("f", qualifier="live"),
            ),
        ],
    )
    def test_every_form(self, text: str, ref: FunctionRef) -> None:
        assert ACCOUNT.function_ref(text) == ref

    @pytest.mark.parametrize(
        ("text", "qualifier", "code"),
        [
            ("f g", None, "ValidationException"),
            ("x" * 65, None, "ValidationException"),
            ("f", "no no", "ValidationException"),
            ("f:1", "2", "InvalidParameterValueException"),
            (
                "arn:aws:lambda:eu-west-1:123456789012:function:f",
                None,
                "ResourceNotFoundException",
            ),
            ("000000000000:function:f", None, "AccessDeniedException"),
        ],
    )
    def test_refusals(self, text: str, qualifier: str | None, code: str) -> None:
        with pytest.raises(ServiceError) as caught:
            ACCOUNT.function_ref(text, qualifier)
        assert caught.value.code == code

    @given(st.text(max_size=80))
    def test_any_text_is_a_name_or_a_service_error(self, text: str) -> None:
        with contextlib.suppress(ServiceError):
            assert ACCOUNT.function_ref(text).name


class TestPublish:
    def test_numbers_count_on(self) -> None:
        changed, version = publish(ONE, "two", code="/kept")
        assert (version.version, version.code, changed.highest) == ("2", "/kept", 2)
        assert changed.latest == FUNCTION
        again, third = publish(changed, "three", code="/kept3")
        assert third.version == "3"
        assert list(again.versions) == ["1", "2", "3"]

    def test_without_a_change_the_last_version_is_the_answer(self) -> None:
        same, version = publish(ONE, "one")
        assert same is ONE
        assert version.version == "1"

    def test_a_changed_setting_is_a_change(self) -> None:
        changed, version = publish(replace(ONE, latest=replace(FUNCTION, timeout=9)), "one")
        assert version.version == "2"
        assert changed.is_implied is False

    def test_reserved_concurrency_is_none(self) -> None:
        reserved = replace(ONE, latest=replace(FUNCTION, reserved_concurrency=4))
        assert publish(reserved, "one")[1].version == "1"

    def test_another_digest_than_expected(self) -> None:
        with pytest.raises(ServiceError, match="is different from current CodeSHA256"):
            publish(ONE, "one", expected="two")


class TestAliases:
    def test_a_weighted_alias_chooses_by_the_draw(self) -> None:
        two, _ = publish(ONE, "two")
        deployed = create_alias(two, Alias("live", "1", ("2", 0.25)), ACCOUNT)
        targets = deployed.targets(FunctionRef("f", qualifier="live"))
        assert targets == (("2", 0.25), ("1", 0.75))
        assert choose_version(targets, 0.0) == "2"
        assert choose_version(targets, 0.2499) == "2"
        assert choose_version(targets, 0.25) == "1"
        assert choose_version(targets, 0.999) == "1"

    def test_delete_takes_the_provisioned_concurrency_along(self) -> None:
        deployed = create_alias(ONE, Alias("live", "1"), ACCOUNT)
        deployed = put_provisioned(deployed, "live", 2, 0, ACCOUNT)
        gone = delete_alias(deployed, "live")
        assert not gone.aliases
        assert not gone.provisioned
        assert delete_alias(gone, "live") == gone

    def test_update_of_one_that_is_not_there(self) -> None:
        with pytest.raises(ServiceError, match=r"Alias not found: .*:f:live"):
            update_alias(ONE, Alias("live", "1"), ACCOUNT)

    @pytest.mark.parametrize("qualifier", ["live", "2", "$LATEST2"])
    def test_unknown_qualifiers_have_no_targets(self, qualifier: str) -> None:
        assert ONE.targets(FunctionRef("f", qualifier=qualifier)) == ()

    def test_the_edge_takes_version_one_where_no_versions_are_named(self) -> None:
        edge = FunctionRef("f", at_edge=True)
        assert ONE.targets(edge) == (("1", 1.0),)
        assert replace(ONE, is_implied=False).targets(edge) == ((LATEST, 1.0),)


class TestConcurrency:
    def test_what_may_be_reserved(self) -> None:
        assert put_reserved(ONE, 900, 0, ACCOUNT).reserved == 900
        assert put_reserved(ONE, 0, 900, ACCOUNT).reserved == 0
        assert put_reserved(ONE, None, 900, ACCOUNT).reserved is None
        with pytest.raises(ServiceError, match=r"minimum value of \[100\]"):
            put_reserved(ONE, 1, 900, ACCOUNT)

    def test_reserved_not_below_provisioned(self) -> None:
        provisioned = put_provisioned(ONE, "1", 2, 0, ACCOUNT)
        with pytest.raises(ServiceError) as caught:
            put_reserved(provisioned, 1, 0, ACCOUNT)
        assert caught.value.message == (
            " ReservedConcurrentExecutions  1 should not be lower than function's total "
            "provisioned concurrency [2]."
        )

    @pytest.mark.parametrize(
        ("qualifier", "count", "message"),
        [
            ("", 1, "must be an alias or a published version"),
            (LATEST, 1, "cannot be applied to unpublished"),
            ("9", 1, "Function not found"),
            ("gone", 1, "Cannot find alias arn"),
            ("1", 901, "below its minimum value of [100]"),
        ],
    )
    def test_provisioned_refusals(self, qualifier: str, count: int, message: str) -> None:
        with pytest.raises(ServiceError) as caught:
            put_provisioned(ONE, qualifier, count, 0, ACCOUNT)
        assert message in str(caught.value.message)

    def test_alias_and_version_not_both(self) -> None:
        deployed = create_alias(ONE, Alias("live", "1"), ACCOUNT)
        on_version = put_provisioned(deployed, "1", 1, 0, ACCOUNT)
        with pytest.raises(ServiceError, match="already Provisioned version"):
            put_provisioned(on_version, "live", 1, 0, ACCOUNT)


class TestShifting:
    @pytest.mark.parametrize(
        ("preset", "expected"),
        [
            ("AllAtOnce", [(0, 1.0)]),
            ("Canary10Percent5Minutes", [(0, 0.1), (300, 1.0)]),
            ("Canary10Percent30Minutes", [(0, 0.1), (1800, 1.0)]),
            ("Linear10PercentEvery1Minute", [(60 * n, (n + 1) / 10) for n in range(10)]),
            ("Linear10PercentEvery10Minutes", [(600 * n, (n + 1) / 10) for n in range(10)]),
        ],
    )
    def test_walks(self, preset: str, expected: list[tuple[float, float]]) -> None:
        assert weights(preset) == expected

    @pytest.mark.parametrize("preset", PRESETS)
    @pytest.mark.parametrize("scale", [1.0, 0.01])
    def test_every_walk_grows_and_ends_at_everything(self, preset: str, scale: float) -> None:
        walk = weights(preset, scale)
        assert walk == sorted(walk)
        assert walk[0][0] == 0
        assert walk[-1][1] == 1.0

    def test_codedeploys_full_names(self) -> None:
        assert preset_name("CodeDeployDefault.LambdaAllAtOnce") == "AllAtOnce"
        assert preset_name("AllAtTwice") is None
        with pytest.raises(ValueError, match="is no preset"):
            weights("Canary99Percent5Minutes")
