import json

import pytest

from edgegw.awslambda.lifecycle import (
    IllegalTransitionError,
    Phase,
    Signal,
    exit_error,
    log_lines,
    next_phase,
    timeout_error,
)
from edgegw.awslambda.model import FunctionRef, Report
from edgegw.awslambda.payload import decode_payload, encode_payload


def test_a_whole_life() -> None:
    phase = Phase.INIT
    for signal in (Signal.READY, Signal.INVOKE, Signal.ANSWER, Signal.INVOKE, Signal.END):
        phase = next_phase(phase, signal)
    assert phase is Phase.GONE


@pytest.mark.parametrize(
    ("phase", "signal"),
    [
        (Phase.INIT, Signal.INVOKE),
        (Phase.BUSY, Signal.INVOKE),
        (Phase.READY, Signal.ANSWER),
        (Phase.GONE, Signal.READY),
    ],
)
def test_illegal_transitions_are_named(phase: Phase, signal: Signal) -> None:
    with pytest.raises(IllegalTransitionError, match=f"{signal.value} while {phase.value}"):
        next_phase(phase, signal)


def test_timeout_error_has_awss_shape() -> None:
    kind, message, payload = timeout_error("id", 3)
    assert kind == "Sandbox.Timedout"
    assert message == "RequestId: id Error: Task timed out after 3.00 seconds"
    assert json.loads(payload) == {"errorType": kind, "errorMessage": message}


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0, "Runtime exited without providing a reason"),
        (None, "Runtime exited without providing a reason"),
        (3, "Runtime exited with error: exit status 3"),
        (-9, "Runtime exited with error: signal: killed"),
        (-11, "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_exit_error(status: int | None, text: str) -> None:
    assert exit_error("id", status)[1] == f"RequestId: id Error: {text}"


def test_log_lines_of_a_cold_invocation() -> None:
    report = Report("id", 0.00195, 0.11358, ("printed",))
    assert log_lines(report, FunctionRef("f"), 128) == [
        "START RequestId: id Version: $LATEST",
        "printed",
        "END RequestId: id",
        "REPORT RequestId: id\tDuration: 1.95 ms\tBilled Duration: 116 ms\tMemory Size: 128 MB\t"
        "Init Duration: 113.58 ms\t",
    ]


def test_names_at_the_edge() -> None:
    ref = FunctionRef("f", at_edge=True)
    assert (ref.deployed_name, ref.version) == ("us-east-1.f", "1")


@pytest.mark.parametrize("raw", [b'"\\ud800"', b"NaN", b"123456789012345678901234567890"])
def test_payloads_that_other_runtimes_write_are_understood(raw: bytes) -> None:
    value = decode_payload(raw)
    assert decode_payload(encode_payload(value)) == value or value != value


def test_no_json_is_an_error() -> None:
    with pytest.raises(ValueError):
        decode_payload(b"{")
