"""What must hold for `event_invoke`: destinations that something can be sent to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from edgegw.awslambda.destinations import OWN_FORMS, DestinationTarget, parse_target
from edgegw.config.document import Document, KeyPath
from edgegw.config.functions.event_invoke_keys import EventInvoke, FunctionEventInvoke
from edgegw.config.functions.keys import Function

CheckReference: TypeAlias = Callable[[KeyPath, str], object]
"""Judges `NAME` or `NAME:QUALIFIER` at a place of the document."""
_DEAD_LETTER_KINDS: Final = ("sqs", "sns", "file")


def check_event_invoke(
    document: Document, path: KeyPath, name: str, function: Function, refer: CheckReference
) -> None:
    """Adds what is wrong with the asynchronous invocation of a function and its qualifiers."""
    for where, given in _settings(path, function):
        for key in ("on_success", "on_failure"):
            text: str | None = getattr(given, key)
            if text is not None:
                _check_destination(document, (*where, key), text, name, refer)
        if isinstance(given, FunctionEventInvoke) and given.dead_letter is not None:
            _check_dead_letter(document, (*where, "dead_letter"), given.dead_letter)


def _settings(path: KeyPath, function: Function) -> Iterator[tuple[KeyPath, EventInvoke]]:
    """What is given for the function and each of its qualifiers, with its place."""
    if function.event_invoke is not None:
        yield (*path, "event_invoke"), function.event_invoke
    for kind, each in (("versions", function.versions), ("aliases", function.aliases)):
        for qualifier, given in each.items():
            if given.event_invoke is not None:
                yield (*path, kind, qualifier, "event_invoke"), given.event_invoke


def _check_destination(
    document: Document, path: KeyPath, text: str, name: str, refer: CheckReference
) -> None:
    target = _target(document, path, text)
    if target is None:
        return
    if target.is_fifo:
        document.error(path, "lambda.destination", fifo_text(text))
    elif target.kind == "s3" and path[-1] == "on_success":
        document.error(path, "lambda.destination", "S3 takes records of failures only")
    elif target.kind == "function" and target.function.name == name:
        text = "You can't specify the function as a destination for itself."
        document.error(path, "lambda.destination", text)
    elif target.kind == "function":
        refer(path, target.local_name)


def _check_dead_letter(document: Document, path: KeyPath, text: str) -> None:
    target = _target(document, path, text)
    if target is not None and target.is_fifo:
        document.error(path, "lambda.dead-letter", fifo_text(text))
    elif target is not None and target.kind not in _DEAD_LETTER_KINDS:
        text = f"a dead-letter queue is one of sqs:NAME, sns:ARN and file:PATH, not {text!r}"
        document.error(path, "lambda.dead-letter", text)


def fifo_text(text: str) -> str:
    """What is said of a FIFO queue or topic as a destination."""
    return f"Lambda sends to standard queues and topics only, and {text!r} is a FIFO one"


def _target(document: Document, path: KeyPath, text: str) -> DestinationTarget | None:
    target = parse_target(text)
    if target is None:
        problem = f"{text!r} is no destination: write {OWN_FORMS}, or an ARN of these"
        document.error(path, "lambda.destination", problem)
    return target
