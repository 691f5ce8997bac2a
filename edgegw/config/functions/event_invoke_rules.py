"""What must hold for `event_invoke`: destinations that something can be sent to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from edgegw.awslambda.destinations import DestinationTarget
from edgegw.config.document import Document, KeyPath
from edgegw.config.events.destination_rules import CheckTarget
from edgegw.config.functions.event_invoke_keys import EventInvoke, FunctionEventInvoke
from edgegw.config.functions.keys import Function

CheckReference: TypeAlias = Callable[[KeyPath, str], object]
"""Judges `NAME` or `NAME:QUALIFIER` at a place of the document."""
_DEAD_LETTER_KINDS: Final = ("sqs", "sns", "file")


def check_event_invoke(
    document: Document,
    path: KeyPath,
    function: Function,
    refer: CheckReference,
    check_target: CheckTarget,
) -> None:
    """Adds what is wrong with the asynchronous invocation of a function and its qualifiers."""
    for where, given in _settings(path, function):
        for key in ("on_success", "on_failure"):
            text: str | None = getattr(given, key)
            target = None if text is None else check_target((*where, key), text)
            if target is not None:
                _check_destination(document, (*where, key), target, refer)
        if isinstance(given, FunctionEventInvoke) and given.dead_letter is not None:
            target = check_target((*where, "dead_letter"), given.dead_letter)
            if target is not None and target.kind not in _DEAD_LETTER_KINDS:
                text = "a dead-letter queue is one of sqs:NAME, sns:ARN and file:PATH, not "
                text += repr(given.dead_letter)
                document.error((*where, "dead_letter"), "lambda.dead-letter", text)


def _settings(path: KeyPath, function: Function) -> Iterator[tuple[KeyPath, EventInvoke]]:
    """What is given for the function and each of its qualifiers, with its place."""
    if function.event_invoke is not None:
        yield (*path, "event_invoke"), function.event_invoke
    for kind, each in (("versions", function.versions), ("aliases", function.aliases)):
        for qualifier, given in each.items():
            if given.event_invoke is not None:
                yield (*path, kind, qualifier, "event_invoke"), given.event_invoke


def _check_destination(
    document: Document, path: KeyPath, target: DestinationTarget, refer: CheckReference
) -> None:
    if target.kind == "s3" and path[-1] == "on_success":
        document.error(path, "lambda.destination", "S3 takes records of failures only")
    elif target.kind == "function" and target.function.name == path[1]:
        text = "You can't specify the function as a destination for itself."
        document.error(path, "lambda.destination", text)
    elif target.kind == "function":
        refer(path, target.local_name)
