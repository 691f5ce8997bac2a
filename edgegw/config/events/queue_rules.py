"""What must hold for queues beyond keys and types."""

from __future__ import annotations

from edgegw.config.distributions.origin_rules import refer
from edgegw.config.document import Document, KeyPath
from edgegw.config.events.queue_keys import Queue
from edgegw.config.schema import Config
from edgegw.messaging.quotas import FIFO_SUFFIX, MAX_NAME, is_queue_name

_REMOTE = frozenset({"queue_url", "endpoint_url", "fifo"})
_FIFO_ONLY = ("content_based_deduplication", "deduplication_scope")


def check_queues(document: Document, config: Config) -> None:
    """Adds what is wrong with queues to the findings of `document`."""
    for name, queue in config.queues.items():
        path: KeyPath = ("queues", name)
        _check_name(document, path, name, queue)
        if queue.queue_url is not None:
            _check_remote(document, path, queue)
        else:
            _check_embedded(document, path, name, queue, config)


def _check_name(document: Document, path: KeyPath, name: str, queue: Queue) -> None:
    if not is_queue_name(name):
        text = (
            f"{name!r} is no name of a queue: it has 1 to {MAX_NAME} letters, digits, hyphens and "
            f"underscores; a FIFO queue's ends with {FIFO_SUFFIX}"
        )
        document.error(path, "sqs.name", text, key=True)
    elif queue.fifo is not None and queue.fifo != name.endswith(FIFO_SUFFIX):
        other = name.removesuffix(FIFO_SUFFIX) if not queue.fifo else name + FIFO_SUFFIX
        kind = "FIFO queue ends" if queue.fifo else "standard queue does not end"
        text = f"the name of a {kind} with {FIFO_SUFFIX}: call it {other}"
        document.error((*path, "fifo"), "sqs.name", text)


def _check_remote(document: Document, path: KeyPath, queue: Queue) -> None:
    for key in sorted(queue.model_fields_set - _REMOTE):
        text = f"{key!r} is a setting of the queue at queue_url: it cannot be made here"
        document.error((*path, key), "sqs.queue", text, key=True)


def _check_embedded(
    document: Document, path: KeyPath, name: str, queue: Queue, config: Config
) -> None:
    if queue.endpoint_url is not None:
        text = "'endpoint_url' needs 'queue_url', the queue that is there"
        document.error((*path, "endpoint_url"), "sqs.queue", text, key=True)
    for key in _FIFO_ONLY:
        if key in queue.model_fields_set and not name.endswith(FIFO_SUFFIX):
            text = f"{key!r} is for FIFO queues, whose names end with {FIFO_SUFFIX}"
            document.error((*path, key), "sqs.queue", text, key=True)
    if queue.redrive is not None:
        _check_redrive(document, (*path, "redrive", "to"), name, queue.redrive.to, config)


def _check_redrive(document: Document, path: KeyPath, name: str, to: str, config: Config) -> None:
    refer(document, path, to, config.queues, "queue")
    target = config.queues.get(to)
    if target is None:
        return
    if target.queue_url is not None:
        text = f"{to!r} is at {target.queue_url}: dead letters stay with their service"
        document.error(path, "sqs.redrive", text)
    if to == name:
        document.error(path, "sqs.redrive", "a queue is not its own dead letter queue")
    if to.endswith(FIFO_SUFFIX) != name.endswith(FIFO_SUFFIX):
        text = "the dead letter queue of a FIFO queue is a FIFO queue, of a standard queue standard"
        document.error(path, "sqs.redrive", text)
