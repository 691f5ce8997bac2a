import json

import pytest

from edgegw.awslambda.lifecycle import (
    IllegalTransitionError,
    Phase,
    Signal,
    exit_error,
    next_phase,
    timeout_error,
)
from edgegw.awslambda.payload import decode_payload, encode_payload


def test_a_whole_life() -> None:
    phase = Phase.INIT
    for signal in (Signal.READY, Signal.INVOKE, Signal.ANSWER, Signal.INVOKE, Signal.END):
        phase = next_phase(phase, signal)
    assert phase is Phase.GONE


def test_an_environment_outlives_its_process() -> None:
    phase = Phase.INIT
    for signal in (Signal.FAIL, Signal.INVOKE, Signal.ANSWER, Signal.FAIL, Signal.INVOKE):
        phase = next_phase(phase, signal)
    assert phase is Phase.BUSY


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
        (-1, "Runtime exited with error: signal: hangup"),
        (-2, "Runtime exited with error: signal: interrupt"),
        (-3, "Runtime exited with error: signal: quit"),
        (-4, "Runtime exited with error: signal: illegal instruction"),
        (-5, "Runtime exited with error: signal: trace/breakpoint trap"),
        (-6, "Runtime exited with error: signal: aborted"),
        (-7, "Runtime exited with error: signal: bus error"),
        (-8, "Runtime exited with error: signal: floating point exception"),
        (-11, "Runtime exited with error: signal: segmentation fault"),
        (-13, "Runtime exited with error: signal: broken pipe"),
        (-15, "Runtime exited with error: signal: terminated"),
        (-24, "Runtime exited with error: signal: CPU time limit exceeded"),
        (-25, "Runtime exited with error: signal: file size limit exceeded"),
        (-40, "Runtime exited with error: signal: signal 40"),
    ],
)
def test_exit_error(status: int | None, text: str) -> None:
    assert exit_error("id", status)[1] == f"RequestId: id Error: {text}"


@pytest.mark.parametrize("raw", [b'"\\ud800"', b"NaN", b"123456789012345678901234567890"])
def test_payloads_that_other_runtimes_write_are_understood(raw: bytes) -> None:
    value = decode_payload(raw)
    assert decode_payload(encode_payload(value)) == value or value != value


def test_no_json_is_an_error() -> None:
    with pytest.raises(ValueError):
        decode_payload(b"{")
