"""What must hold for a destination or a dead-letter queue, whoever sends to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path as FilePath
from typing import TypeAlias

from edgegw.awslambda.destinations import OWN_FORMS, DestinationTarget, parse_target
from edgegw.config.document import Document, KeyPath
from edgegw.config.files import is_folder_there
from edgegw.config.schema import Config
from edgegw.config.spelling import nearest

CheckTarget: TypeAlias = Callable[[KeyPath, str], DestinationTarget | None]
"""Judges the text of a target at a place of the document."""


def check_target(
    document: Document, path: KeyPath, text: str, config: Config, base: FilePath
) -> DestinationTarget | None:
    """The target that `text` names, None where it is none, with what is wrong with it added.

    Files are relative to `base`. A queue that nobody declares is no mistake for sure: it may be
    one of AWS, or one that CreateQueue makes.
    """
    target = parse_target(text)
    if target is None:
        problem = f"{text!r} is no destination: write {OWN_FORMS}, or an ARN of these"
        document.error(path, "lambda.destination", problem)
        return None
    code = "lambda.dead-letter" if path[-1] == "dead_letter" else "lambda.destination"
    if target.is_fifo:
        problem = f"Lambda sends to standard queues and topics only, and {text!r} is a FIFO one"
        document.error(path, code, problem)
    elif target.kind == "sqs" and _is_undeclared(target, config):
        hint = nearest(target.name, list(config.queues))
        problem = (
            f"there is no queue {target.name!r} in 'queues', so AWS will be asked for it{hint}"
        )
        document.warning(path, code, problem)
    elif target.kind == "file" and is_folder_there(base / target.name):
        document.error(path, code, f"{base / target.name} is a folder: name a file in it")
    return target


def _is_undeclared(target: DestinationTarget, config: Config) -> bool:
    """Whether a file that has queues does not have this one, which is given by its name alone."""
    is_plain_name = not target.is_arn and "/" not in target.name
    return bool(config.queues) and is_plain_name and target.name not in config.queues
